/* SPDX-License-Identifier: Apache-2.0 */
/* The live Secret is read before anything is fetched: a foreign one costs no call to AWS. Where
 * none is known it is made at once. It may have changed when it is written; resourceVersion and
 * AlreadyExists tell, and the values, fetched and rendered once, are then held against the new
 * one. */
#include "externalsecret/reconcile.h"

#include "base/limits.h"
#include "externalsecret/adopt.h"
#include "externalsecret/build.h"
#include "externalsecret/fake_source.h"
#include "externalsecret/managed.h"

enum {
    PASSES = 3, /* as often may somebody else be first */
};

struct run {
    const struct reconcile_input *input;
    struct reconcile_report *report;
    struct err *err;
    struct plan plan;
    struct store **stores; /* one for each of plan.stores */
    bool has_fetched;
    struct data_map fetched;
    bool has_rendered;
    struct rendered rendered;
    /* Of one pass. */
    bool has_looked;
    bool has_been_second; /* somebody wrote between the look of an earlier pass and its write */
    struct live_secret live;
    enum adoption adoption;
    struct data_map data; /* what the Secret is to hold */
};

static void run_done(struct run *run)
{
    for (size_t i = 0; run->stores && i < run->plan.store_count; i++) {
        store_release(run->stores[i]);
    }
    free(run->stores);
    plan_done(&run->plan);
    data_map_done(&run->fetched);
    rendered_done(&run->rendered);
    data_map_done(&run->data);
    live_secret_done(&run->live);
}

static enum reconcile_outcome end(const struct run *run, enum reconcile_outcome outcome,
                                  enum status_end status)
{
    run->report->end = status;
    return outcome;
}

static enum reconcile_outcome fail(const struct run *run, enum status_end status)
{
    return end(run, RECONCILE_FAILED, status);
}

/* Preconditions. RECONCILE_UNCHANGED stands for "go on". */

static enum reconcile_outcome refuse(const struct run *run, enum plan_verdict verdict,
                                     enum status_end status)
{
    return verdict == PLAN_FOREIGN ? end(run, RECONCILE_UNSUPPORTED, STATUS_REFUSED)
                                   : end(run, RECONCILE_FAILED, status);
}

static enum reconcile_outcome check(const struct run *run)
{
    const struct external_secret *external_secret = run->input->external_secret;
    enum plan_verdict verdict = plan_check_reads(external_secret, run->err);
    if (verdict != PLAN_FINE) {
        return refuse(run, verdict, STATUS_NO_DATA);
    }
    verdict = plan_check_template(external_secret, run->err);
    if (verdict != PLAN_FINE) {
        return refuse(run, verdict, STATUS_NOT_UPDATED);
    }
    if (external_secret->deleting || external_secret->uid.len == 0) {
        (void)err_set(run->err, ERR_INVALID, "it is %s",
                      external_secret->deleting ? "being deleted" : "not persisted");
        return fail(run, STATUS_NOT_UPDATED);
    }
    if (run->input->waiting && plan_has_find(external_secret)) {
        (void)err_set(run->err, ERR_BUSY,
                      "spec.dataFrom has a find, which nobody waits for: it is "
                      "left to the background");
        return end(run, RECONCILE_DEFERRED, STATUS_NO_DATA);
    }
    return RECONCILE_UNCHANGED;
}

static bool is_named(const struct store *store, const struct store_ref *ref,
                     struct str_view namespace)
{
    return store->cluster == ref->cluster && sv_equal(store->name, ref->name) &&
           (store->cluster || sv_equal(store->namespace, namespace));
}

static enum reconcile_outcome check_store(const struct run *run, const struct store *store,
                                          const struct store_ref *ref)
{
    const char *kind = ref->cluster ? "ClusterSecretStore" : "SecretStore";
    if (!is_named(store, ref, run->input->external_secret->namespace)) {
        (void)err_set(run->err, ERR_INTERNAL, "%s %.*s is not the one that was asked for", kind,
                      SV_ARG(store->name));
        return fail(run, STATUS_NO_DATA);
    }
    if (store->unsupported.len > 0 || store->provider == PROVIDER_OTHER) {
        struct str_view field = store->unsupported.len ? store->unsupported : SV("spec.provider");
        (void)err_set(run->err, ERR_INVALID, "%s %.*s: %.*s is not supported", kind,
                      SV_ARG(store->name), SV_ARG(field));
        return end(run, RECONCILE_UNSUPPORTED, STATUS_REFUSED);
    }
    return RECONCILE_UNCHANGED;
}

/* A store of another controller is no mistake, and nothing to try again. */
static enum reconcile_outcome refuse_store(const struct run *run)
{
    return run->err->kind == ERR_INVALID ? end(run, RECONCILE_UNSUPPORTED, STATUS_REFUSED)
                                         : fail(run, STATUS_NO_DATA);
}

static enum reconcile_outcome check_finds(const struct run *run)
{
    for (size_t i = 0; i < run->plan.find_count; i++) {
        const struct plan_find *find = &run->plan.finds[i];
        if (run->stores[find->store]->provider != PROVIDER_FAKE && !run->input->source->find) {
            (void)err_set(run->err, ERR_INVALID, "spec.dataFrom[%zu].find is not supported",
                          find->entry);
            return end(run, RECONCILE_UNSUPPORTED, STATUS_REFUSED);
        }
    }
    return RECONCILE_UNCHANGED;
}

/* All of them before any is asked. */
static enum reconcile_outcome find_stores(struct run *run)
{
    const struct store_resolver *stores = run->input->stores;
    enum reconcile_outcome outcome = RECONCILE_UNCHANGED;
    run->stores = mem_alloc_array(run->plan.store_count, sizeof *run->stores);
    for (size_t i = 0; outcome == RECONCILE_UNCHANGED && i < run->plan.store_count; i++) {
        const struct store_ref *ref = &run->plan.stores[i].ref;
        run->stores[i] = stores->find(stores->context, run->input->external_secret, ref, run->err);
        outcome = run->stores[i] ? check_store(run, run->stores[i], ref) : refuse_store(run);
    }
    return outcome == RECONCILE_UNCHANGED ? check_finds(run) : outcome;
}

/* Fetching */

static struct secret_source source_of(const struct run *run, size_t store)
{
    return run->stores[store]->provider == PROVIDER_FAKE ? fake_source() : *run->input->source;
}

static struct remote_request request_of(const struct run *run, size_t store)
{
    return (struct remote_request){
        .store = run->stores[store],
        .namespace = run->input->external_secret->namespace,
        .waiting = run->input->waiting,
        .since_ms = run->input->since_ms,
        .deadline_ms = run->input->deadline_ms,
    };
}

/* All reads of each store at once. */
static bool read_all(struct run *run)
{
    for (size_t i = 0; i < run->plan.store_count; i++) {
        const struct plan_store *store = &run->plan.stores[i];
        const struct secret_source source = source_of(run, i);
        const struct remote_request request = request_of(run, i);
        if (store->read_count > 0 &&
            !source.read(source.context, &request, run->plan.reads + store->first_read,
                         store->read_count, run->err)) {
            return false;
        }
    }
    return true;
}

static bool find_all(struct run *run)
{
    size_t bytes = 0;
    for (size_t i = 0; i < run->plan.find_count; i++) {
        struct plan_find *find = &run->plan.finds[i];
        const struct external_secret_data_from *from =
            &run->input->external_secret->data_from[find->entry];
        const struct secret_source source = source_of(run, find->store);
        const struct remote_request request = request_of(run, find->store);
        const struct remote_find wanted = {.path = from->path,
                                           .name = find->name,
                                           .tags = from->tags,
                                           .tag_count = from->tag_count,
                                           .conversion = from->conversion};
        if (!source.find(source.context, &request, &wanted, &find->found, run->err)) {
            return err_wrap(run->err, "spec.dataFrom[%zu].find", find->entry);
        }
        bytes += data_map_bytes(&find->found);
        if (bytes > LIMIT_REMOTE_BYTES) {
            return err_set(run->err, ERR_TOO_BIG, "its finds bring more than %d bytes together",
                           LIMIT_REMOTE_BYTES);
        }
    }
    return true;
}

static void report_missing(struct run *run)
{
    free(run->report->missing);
    run->report->missing = run->plan.missing;
    run->report->missing_count = run->plan.missing_count;
    run->plan.missing = NULL;
    run->plan.missing_count = 0;
}

/* Complete or not at all. */
static bool fetch(struct run *run)
{
    if (run->has_fetched) {
        return true;
    }
    run->has_fetched =
        read_all(run) && find_all(run) &&
        plan_collect(run->input->external_secret, &run->plan, &run->fetched, run->err);
    if (run->has_fetched) {
        report_missing(run);
    }
    return run->has_fetched;
}

/* Deleting */

static enum reconcile_outcome delete_secret(struct run *run, bool *ret_again)
{
    const struct external_secret *external_secret = run->input->external_secret;
    const struct secret_sink *sink = run->input->sink;
    if (!adopt_controls(external_secret, run->live.object)) {
        (void)err_set(run->err, ERR_DENIED,
                      "Secret %.*s is not controlled by it and is not deleted",
                      SV_ARG(external_secret->target));
        return end(run, RECONCILE_FOREIGN, STATUS_NOT_DELETED);
    }
    if (!sink->remove(sink->context, external_secret->namespace, external_secret->target,
                      run->live.record->uid, run->live.record->resource_version,
                      run->input->deadline_ms, run->err) &&
        run->err->kind != ERR_MISSING) {
        *ret_again = run->err->kind == ERR_CONFLICT;
        return fail(run, STATUS_NOT_DELETED);
    }
    run->report->wrote = true;
    return end(run, RECONCILE_DELETED, STATUS_DELETED);
}

/* There is no data, and deletionPolicy is not Merge. */
static enum reconcile_outcome end_empty(struct run *run, bool *ret_again)
{
    const struct external_secret *external_secret = run->input->external_secret;
    if (external_secret->deletion_policy == DELETION_RETAIN) {
        return end(run, RECONCILE_RETAINED, STATUS_RETAINED);
    }
    if (!run->has_looked && external_secret->creation_policy == CREATION_OWNER) {
        *ret_again = true;
        return fail(run, STATUS_NOT_DELETED);
    }
    if (external_secret->creation_policy != CREATION_OWNER) {
        (void)err_set(run->err, ERR_INVALID,
                      "spec.target.deletionPolicy Delete needs creationPolicy Owner");
        return fail(run, STATUS_NOT_DELETED);
    }
    return run->live.object ? delete_secret(run, ret_again)
                            : end(run, RECONCILE_DELETED, STATUS_DELETED);
}

/* Writing */

/* What the operator leaves as it is once it is there. Whether it is to be deleted shows only by
 * what is fetched. */
static bool keeps_content(const struct run *run)
{
    return run->input->external_secret->immutable && run->live.object;
}

static bool may_do_without_data(const struct run *run)
{
    return keeps_content(run) && run->adoption != ADOPT_NONE &&
           run->input->external_secret->deletion_policy == DELETION_RETAIN;
}

static enum template_verdict render_once(struct run *run)
{
    const struct render_input input = {.external_secret = run->input->external_secret,
                                       .fetched = &run->fetched,
                                       .source = run->input->templates,
                                       .deadline_ms = run->input->deadline_ms};
    enum template_verdict verdict =
        run->has_rendered ? TEMPLATE_FINE : render(&input, &run->rendered, run->err);
    run->has_rendered = verdict == TEMPLATE_FINE;
    return verdict;
}

/* What the Secret is to hold. */
static enum template_verdict make_data(struct run *run)
{
    data_map_done(&run->data);
    if (keeps_content(run)) {
        return data_map_put_json(&run->data, json_member(run->live.object, "data"), run->err)
                   ? TEMPLATE_FINE
                   : TEMPLATE_BROKEN;
    }
    enum template_verdict verdict = render_once(run);
    if (verdict == TEMPLATE_FINE && !build_data(run->input->external_secret, run->live.object,
                                                &run->rendered.data, &run->data, run->err)) {
        return TEMPLATE_BROKEN;
    }
    return verdict;
}

static bool changes_type(const struct run *run)
{
    struct str_view type = run->input->external_secret->template.type;
    return run->live.object && !keeps_content(run) && type.len > 0 &&
           !sv_equal(type, run->live.record->type);
}

/* An immutable Secret takes new metadata, never new data. */
static bool changes_immutable(const struct run *run)
{
    if (!run->live.object || !run->live.record->immutable || keeps_content(run)) {
        return false;
    }
    CLEANUP(data_map_done) struct data_map live = {0};
    struct err ignored;
    return changes_type(run) ||
           !data_map_put_json(&live, json_member(run->live.object, "data"), &ignored) ||
           !data_map_equal(&live, &run->data);
}

static bool write_secret(struct run *run, const struct secret_buf *manifest)
{
    const struct external_secret *external_secret = run->input->external_secret;
    const struct secret_sink *sink = run->input->sink;
    struct secret **record = &run->report->secret;
    char manager[FIELD_MANAGER_BYTES];
    managed_field_manager(external_secret->name, manager);
    /* Of an earlier write of the same run, which was a label alone. */
    secret_release(*record);
    *record = NULL;
    bool written =
        run->live.object
            ? sink->replace(sink->context, external_secret->namespace, external_secret->target,
                            sv_of(manager), manifest, run->input->deadline_ms, record, run->err)
            : sink->create(sink->context, external_secret->namespace, sv_of(manager), manifest,
                           run->input->deadline_ms, record, run->err);
    if (!written && run->err->kind == ERR_INVALID) {
        return err_wrap(run->err,
                        "the API server does not take Secret %.*s as it would be, check its type "
                        "and what the type demands, labels and annotations",
                        SV_ARG(external_secret->target));
    }
    run->report->wrote |= written;
    return written;
}

static enum reconcile_outcome unchanged(struct run *run)
{
    secret_release(run->report->secret);
    run->report->secret = run->live.record;
    run->live.record = NULL;
    return end(run, RECONCILE_UNCHANGED, STATUS_SYNCED);
}

/* After somebody else was first: the same data are enough; and who waits has what he waits for,
 * whatever the data are. They may be newer than ours, which may come out of a cache. */
static bool is_good_enough(const struct run *run)
{
    char hash[SHA3_224_HEX_BYTES];
    if (!run->live.object || keeps_content(run) || !run->live.record->data_hash_valid) {
        return false;
    }
    data_map_hash(&run->data, hash);
    return (run->has_been_second && sv_is(run->live.record->data_hash, hash)) ||
           (run->input->waiting && run->live.record->managed &&
            adopt_controls(run->input->external_secret, run->live.object));
}

/* Quota and policies refuse what is to be created before the API server says that it is there. */
static bool may_be_there(const struct run *run)
{
    enum err_kind kind = run->err->kind;
    return !run->has_looked && kind != ERR_TIMEOUT && kind != ERR_UNAVAILABLE && kind != ERR_BUSY;
}

static bool is_worth_another(const struct run *run)
{
    return run->err->kind == ERR_CONFLICT || may_be_there(run) ||
           (run->live.object && run->err->kind == ERR_MISSING);
}

/* As the operator does: the metadata first, then the complaint. */
static enum reconcile_outcome write_immutable(struct run *run, const struct build_input *wanted,
                                              bool *ret_again)
{
    struct build_input input = *wanted;
    CLEANUP(secret_buf_done) struct secret_buf manifest = {0};
    input.only_metadata = true;
    if (!build_manifest(&input, &manifest, run->err)) {
        return fail(run, STATUS_NOT_UPDATED);
    }
    if (!build_equals_live(&manifest, run->live.object) && !write_secret(run, &manifest)) {
        *ret_again = is_worth_another(run);
        return fail(run, STATUS_NOT_UPDATED);
    }
    (void)err_set(run->err, ERR_INVALID,
                  "Secret %.*s is immutable and its content would change: delete it to have it "
                  "made anew",
                  SV_ARG(run->input->external_secret->target));
    return fail(run, STATUS_IMMUTABLE);
}

/* What cannot be written to a Secret of our own. */
static bool check_writable(struct run *run)
{
    const struct external_secret *external_secret = run->input->external_secret;
    if (!json_is_absent(json_path(run->live.object, "metadata", "deletionTimestamp", NULL))) {
        return err_set(run->err, ERR_CONFLICT, "Secret %.*s is being deleted",
                       SV_ARG(external_secret->target));
    }
    if (changes_type(run) && !run->live.record->immutable) {
        return err_set(run->err, ERR_INVALID,
                       "Secret %.*s has another type than spec.target.template.type, and a type "
                       "cannot be changed: delete it to have it made anew",
                       SV_ARG(external_secret->target));
    }
    return true;
}

static enum reconcile_outcome write_manifest(struct run *run, const struct secret_buf *manifest,
                                             bool *ret_again)
{
    bool existed = run->live.object != NULL;
    if (!write_secret(run, manifest)) {
        *ret_again = is_worth_another(run);
        return fail(run, STATUS_NOT_UPDATED);
    }
    run->report->bound = true;
    return end(run, existed ? RECONCILE_UPDATED : RECONCILE_CREATED, STATUS_SYNCED);
}

/* Keys are merged into a Secret without the operator's label, and one of them is there already with
 * another value. */
static bool replaces_foreign_value(const struct run *run)
{
    CLEANUP(data_map_done) struct data_map live = {0};
    struct err ignored;
    if (run->adoption != ADOPT_MERGE || !run->live.object ||
        json_string_is(json_path(run->live.object, "metadata", "labels", MANAGED_LABEL, NULL),
                       "true") ||
        !data_map_put_json(&live, json_member(run->live.object, "data"), &ignored)) {
        return false;
    }
    for (size_t i = 0; i < live.count; i++) {
        const struct data_entry *wanted = data_map_get(&run->data, live.entries[i].key);
        if (wanted && !secret_equal(secret_buf_view(&wanted->value),
                                    secret_buf_view(&live.entries[i].value))) {
            return true;
        }
    }
    return false;
}

/* As the operator does: the label first. What binds Keyturn itself lets nobody change a value of a
 * Secret that does not have it. */
static enum reconcile_outcome write_label(struct run *run, const struct build_input *wanted,
                                          bool *ret_again)
{
    struct build_input input = *wanted;
    CLEANUP(secret_buf_done) struct secret_buf manifest = {0};
    input.only_metadata = true;
    if (!build_manifest(&input, &manifest, run->err)) {
        return fail(run, STATUS_NOT_UPDATED);
    }
    enum reconcile_outcome outcome = write_manifest(run, &manifest, ret_again);
    *ret_again = *ret_again || outcome == RECONCILE_UPDATED;
    return outcome;
}

static enum reconcile_outcome apply(struct run *run, bool again, bool *ret_again)
{
    CLEANUP(secret_buf_done) struct secret_buf manifest = {0};
    run->report->bound = run->live.object != NULL;
    enum template_verdict verdict = make_data(run);
    if (verdict != TEMPLATE_FINE) {
        return verdict == TEMPLATE_FOREIGN ? end(run, RECONCILE_UNSUPPORTED, STATUS_REFUSED)
                                           : fail(run, STATUS_NOT_UPDATED);
    }
    const struct build_input input = {
        .external_secret = run->input->external_secret,
        .live = run->live.object,
        .data = &run->data,
        .rendered = keeps_content(run) ? NULL : &run->rendered,
        .keep_content = keeps_content(run),
    };
    if (!build_manifest(&input, &manifest, run->err)) {
        return fail(run, STATUS_NOT_UPDATED);
    }
    if (run->live.object &&
        (build_equals_live(&manifest, run->live.object) || (again && is_good_enough(run)))) {
        return unchanged(run);
    }
    if (!check_writable(run)) {
        return fail(run, STATUS_NOT_UPDATED);
    }
    if (changes_immutable(run)) {
        return write_immutable(run, &input, ret_again);
    }
    return replaces_foreign_value(run) ? write_label(run, &input, ret_again)
                                       : write_manifest(run, &manifest, ret_again);
}

/* The whole */

static bool is_to_be_made(const struct run *run)
{
    return run->input->absent &&
           adopt_decide(run->input->external_secret, NULL, run->err) == ADOPT_CREATE;
}

static bool read_live(struct run *run)
{
    const struct external_secret *external_secret = run->input->external_secret;
    const struct secret_sink *sink = run->input->sink;
    live_secret_done(&run->live);
    return !run->has_looked ||
           sink->read(sink->context, external_secret->namespace, external_secret->target,
                      run->input->deadline_ms, &run->live, run->err);
}

/* Somebody else's, or none where none is made: who waits need not fetch for it. */
static bool ends_early(const struct run *run, enum reconcile_outcome *ret)
{
    switch (run->adoption) {
    case ADOPT_OWNED:
        *ret = end(run, RECONCILE_FOREIGN, STATUS_OTHER_OWNER);
        return true;
    case ADOPT_FOREIGN:
        *ret = end(run, RECONCILE_FOREIGN, STATUS_NOT_OWNED);
        return true;
    case ADOPT_MISSING:
        *ret = end(run, RECONCILE_MISSING_TARGET, STATUS_TARGET_MISSING);
        return run->input->waiting || run->has_fetched;
    case ADOPT_NONE:
        *ret = end(run, RECONCILE_SKIPPED, STATUS_SYNCED);
        return run->input->waiting || run->has_fetched;
    case ADOPT_CREATE:
    case ADOPT_REPLACE:
    case ADOPT_MERGE:
        break;
    }
    return false;
}

/* Looks, decides and writes. `*ret_again` when somebody was first and it is worth looking again. */
static enum reconcile_outcome pass(struct run *run, bool again, bool *ret_again)
{
    const struct external_secret *external_secret = run->input->external_secret;
    enum reconcile_outcome outcome = RECONCILE_FAILED;
    *ret_again = false;
    run->has_been_second = again && run->has_looked;
    run->has_looked =
        external_secret->creation_policy != CREATION_NONE && (again || !is_to_be_made(run));
    if (!read_live(run)) {
        return fail(run, STATUS_NOT_UPDATED);
    }
    run->adoption = adopt_decide(external_secret, run->live.object, run->err);
    /* As the operator: whoever is refused to write there has the name all the same. */
    run->report->bound = run->adoption == ADOPT_OWNED || run->adoption == ADOPT_FOREIGN;
    if (ends_early(run, &outcome)) {
        return outcome;
    }
    if (!may_do_without_data(run) && !fetch(run)) {
        return fail(run, STATUS_NO_DATA);
    }
    if (run->has_fetched && run->fetched.count == 0 &&
        external_secret->deletion_policy != DELETION_MERGE) {
        return end_empty(run, ret_again);
    }
    return ends_early(run, &outcome) ? outcome : apply(run, again, ret_again);
}

static enum reconcile_outcome go(struct run *run)
{
    enum reconcile_outcome outcome = check(run);
    if (outcome != RECONCILE_UNCHANGED) {
        return outcome;
    }
    plan_make(run->input->external_secret, &run->plan);
    outcome = find_stores(run);
    bool first = true;
    bool again = outcome == RECONCILE_UNCHANGED;
    for (int looks = 0; again && looks < PASSES; looks += run->has_looked) {
        outcome = pass(run, !first, &again);
        first = false;
    }
    if (again && reconcile_succeeded(outcome)) {
        (void)err_set(run->err, ERR_CONFLICT, "Secret %.*s is written by others at the same time",
                      SV_ARG(run->input->external_secret->target));
        return fail(run, STATUS_NOT_UPDATED);
    }
    return outcome;
}

enum reconcile_outcome reconcile(const struct reconcile_input *input, struct reconcile_report *ret,
                                 struct err *err)
{
    struct err failure = {0};
    CLEANUP(run_done) struct run run = {.input = input, .report = ret, .err = &failure};
    *ret = (struct reconcile_report){0};
    enum reconcile_outcome outcome = go(&run);
    if (!reconcile_succeeded(outcome)) {
        secret_release(ret->secret);
        ret->secret = NULL;
        *err = failure;
        (void)err_wrap(err, "ExternalSecret %.*s/%.*s", SV_ARG(input->external_secret->namespace),
                       SV_ARG(input->external_secret->name));
    }
    return outcome;
}
