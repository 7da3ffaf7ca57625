/* SPDX-License-Identifier: Apache-2.0 */
/* The live Secret is read before anything is fetched: a foreign one costs no call to AWS. It may
 * have changed when it is written; resourceVersion and AlreadyExists tell, and the values, fetched
 * once, are then held against the new one. */
#include "externalsecret/reconcile.h"

#include "externalsecret/adopt.h"
#include "externalsecret/build.h"
#include "externalsecret/fake_source.h"
#include "externalsecret/managed.h"
#include "externalsecret/plan.h"

enum {
    PASSES = 3, /* as often may somebody else be first */
};

struct run {
    const struct reconcile_input *input;
    struct plan plan; /* the keys in `fetched` point into the ExternalSecret */
    struct data_map fetched;
    bool has_fetched;
    struct live_secret live;
    struct secret *record; /* what becomes *ret_secret */
    struct err *err;
};

static void run_done(struct run *run)
{
    data_map_done(&run->fetched);
    plan_done(&run->plan);
    live_secret_done(&run->live);
    secret_release(run->record);
}

/* Preconditions */

static bool names_store(const struct external_secret *external_secret, const struct store *store)
{
    return store->cluster == external_secret->cluster_store &&
           sv_equal(store->name, external_secret->store_name) &&
           (store->cluster || sv_equal(store->namespace, external_secret->namespace));
}

/* Answers false, like err_set(). */
static bool end_with(enum reconcile_outcome outcome, enum reconcile_outcome *ret)
{
    *ret = outcome;
    return false;
}

static bool check_store(const struct run *run, enum reconcile_outcome *ret)
{
    const struct external_secret *external_secret = run->input->external_secret;
    const struct store *store = run->input->store;
    const char *kind = external_secret->cluster_store ? "ClusterSecretStore" : "SecretStore";
    if (!store) {
        err_set(run->err, ERR_MISSING, "%s %.*s does not exist", kind,
                SV_ARG(external_secret->store_name));
        return end_with(RECONCILE_FAILED, ret);
    }
    if (!names_store(external_secret, store)) {
        err_set(run->err, ERR_INTERNAL, "%s %.*s is not the one that was asked for", kind,
                SV_ARG(store->name));
        return end_with(RECONCILE_FAILED, ret);
    }
    if (store->unsupported.len > 0 || store->provider == PROVIDER_OTHER) {
        struct str_view field = store->unsupported.len ? store->unsupported : SV("spec.provider");
        err_set(run->err, ERR_INVALID, "%s %.*s: %.*s is not supported", kind, SV_ARG(store->name),
                SV_ARG(field));
        return end_with(RECONCILE_UNSUPPORTED, ret);
    }
    return true;
}

/* Whether there is anything to do; otherwise `*ret` is the end. */
static bool check(const struct run *run, enum reconcile_outcome *ret)
{
    const struct external_secret *external_secret = run->input->external_secret;
    if (!plan_check_supported(external_secret, run->err)) {
        return end_with(RECONCILE_UNSUPPORTED, ret);
    }
    if (external_secret->deleting || external_secret->uid.len == 0) {
        err_set(run->err, ERR_INVALID, "it is %s",
                external_secret->deleting ? "being deleted" : "not persisted");
        return end_with(RECONCILE_FAILED, ret);
    }
    if (external_secret->data_count == 0) {
        return end_with(RECONCILE_RETAINED, ret);
    }
    return check_store(run, ret);
}

/* Steps */

static bool read_live(struct run *run)
{
    const struct external_secret *external_secret = run->input->external_secret;
    const struct secret_sink *sink = run->input->sink;
    live_secret_done(&run->live);
    return sink->read(sink->context, external_secret->namespace, external_secret->target,
                      run->input->deadline_ms, &run->live, run->err);
}

/* All reads at once; complete or not at all. */
static bool fetch(struct run *run)
{
    const struct reconcile_input *input = run->input;
    if (run->has_fetched) {
        return true;
    }
    const struct secret_source fake = fake_source();
    const struct secret_source *source =
        input->store->provider == PROVIDER_FAKE ? &fake : input->source;
    const struct remote_request request = {
        .store = input->store,
        .namespace = input->external_secret->namespace,
        .waiting = input->waiting,
        .max_age_ms = input->max_age_ms,
        .deadline_ms = input->deadline_ms,
    };
    plan_make(input->external_secret, &run->plan);
    if (!source->read(source->context, &request, run->plan.reads, run->plan.read_count, run->err) ||
        !plan_collect(input->external_secret, &run->plan, &run->fetched, run->err)) {
        return false;
    }
    run->has_fetched = true;
    return true;
}

/* What the operator leaves as it is once it is there. */
static bool keeps_content(const struct run *run)
{
    return run->input->external_secret->immutable && run->live.object;
}

static bool build(struct run *run, struct secret_buf *ret)
{
    CLEANUP(data_map_done) struct data_map kept = {0};
    struct build_input input = {
        .external_secret = run->input->external_secret,
        .live = run->live.object,
        .data = &run->fetched,
        .keep_content = keeps_content(run),
    };
    if (input.keep_content) {
        if (!data_map_put_json(&kept, json_member(run->live.object, "data"), run->err)) {
            return false;
        }
        input.data = &kept;
    } else if (!fetch(run)) {
        return false;
    }
    return build_manifest(&input, ret, run->err);
}

/* An immutable Secret takes new metadata, never new data. */
static bool would_change_immutable(const struct run *run)
{
    if (!run->live.object || !run->live.record->immutable || keeps_content(run)) {
        return false;
    }
    CLEANUP(data_map_done) struct data_map live = {0};
    char wanted_hash[SHA3_224_HEX_BYTES];
    char live_hash[SHA3_224_HEX_BYTES];
    struct err ignored;
    data_map_hash(&run->fetched, wanted_hash);
    if (!data_map_put_json(&live, json_member(run->live.object, "data"), &ignored)) {
        return true;
    }
    data_map_hash(&live, live_hash);
    return strcmp(wanted_hash, live_hash) != 0;
}

/* What cannot be written to a Secret of our own. */
static bool check_writable(struct run *run)
{
    struct str_view target = run->input->external_secret->target;
    if (!json_is_absent(json_path(run->live.object, "metadata", "deletionTimestamp", NULL))) {
        return err_set(run->err, ERR_CONFLICT, "Secret %.*s is being deleted", SV_ARG(target));
    }
    if (would_change_immutable(run)) {
        return err_set(run->err, ERR_INVALID,
                       "Secret %.*s is immutable and its content would change", SV_ARG(target));
    }
    return true;
}

static bool write_secret(struct run *run, const struct secret_buf *manifest)
{
    const struct external_secret *external_secret = run->input->external_secret;
    const struct secret_sink *sink = run->input->sink;
    char manager[FIELD_MANAGER_BYTES];
    managed_field_manager(external_secret->name, manager);
    return run->live.object
               ? sink->replace(sink->context, external_secret->namespace, external_secret->target,
                               sv_of(manager), manifest, run->input->deadline_ms, &run->record,
                               run->err)
               : sink->create(sink->context, external_secret->namespace, sv_of(manager), manifest,
                              run->input->deadline_ms, &run->record, run->err);
}

static enum reconcile_outcome unchanged(struct run *run)
{
    run->record = run->live.record;
    run->live.record = NULL;
    return RECONCILE_UNCHANGED;
}

/* After somebody else was first: the same data are enough. */
static bool has_same_hash(const struct run *run)
{
    char hash[SHA3_224_HEX_BYTES];
    data_map_hash(&run->fetched, hash);
    return run->live.object && run->has_fetched && sv_is(run->live.record->data_hash, hash);
}

/* Looks, decides and writes. `*ret_again` when somebody was first and it is worth looking again. */
static enum reconcile_outcome pass(struct run *run, bool again, bool *ret_again)
{
    *ret_again = false;
    if (!read_live(run)) {
        return RECONCILE_FAILED;
    }
    if (adopt_decide(run->input->external_secret, run->live.object, run->err) == ADOPT_FOREIGN) {
        return RECONCILE_FOREIGN;
    }
    CLEANUP(secret_buf_done) struct secret_buf manifest = {0};
    if (!build(run, &manifest)) {
        return RECONCILE_FAILED;
    }
    if (run->live.object &&
        (build_equals_live(&manifest, run->live.object) || (again && has_same_hash(run)))) {
        return unchanged(run);
    }
    if (!check_writable(run)) {
        return RECONCILE_FAILED;
    }
    bool existed = run->live.object != NULL;
    if (!write_secret(run, &manifest)) {
        *ret_again = run->err->kind == ERR_CONFLICT || (existed && run->err->kind == ERR_MISSING);
        return RECONCILE_FAILED;
    }
    return existed ? RECONCILE_UPDATED : RECONCILE_CREATED;
}

enum reconcile_outcome reconcile(const struct reconcile_input *input, struct secret **ret_secret,
                                 struct err *err)
{
    struct err failure = {0};
    CLEANUP(run_done) struct run run = {.input = input, .err = &failure};
    if (ret_secret) {
        *ret_secret = NULL;
    }
    enum reconcile_outcome outcome = RECONCILE_FAILED;
    bool again = check(&run, &outcome);
    for (int i = 0; again && i < PASSES; i++) {
        outcome = pass(&run, i > 0, &again);
    }
    if (!reconcile_succeeded(outcome)) {
        *err = failure;
        err_wrap(err, "ExternalSecret %.*s/%.*s", SV_ARG(input->external_secret->namespace),
                 SV_ARG(input->external_secret->name));
    }
    if (ret_secret) {
        *ret_secret = run.record;
        run.record = NULL;
    }
    return outcome;
}

const char *reconcile_outcome_name(enum reconcile_outcome outcome)
{
    static const char *const names[] = {
        [RECONCILE_CREATED] = "created",         [RECONCILE_UPDATED] = "updated",
        [RECONCILE_UNCHANGED] = "unchanged",     [RECONCILE_RETAINED] = "retained",
        [RECONCILE_UNSUPPORTED] = "unsupported", [RECONCILE_FOREIGN] = "foreign",
        [RECONCILE_FAILED] = "failed",
    };
    return names[outcome];
}

bool reconcile_succeeded(enum reconcile_outcome outcome)
{
    return outcome == RECONCILE_CREATED || outcome == RECONCILE_UPDATED ||
           outcome == RECONCILE_UNCHANGED || outcome == RECONCILE_RETAINED;
}
