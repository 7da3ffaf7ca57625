/* SPDX-License-Identifier: Apache-2.0 */
#include "admission/existence.h"

#include "base/limits.h"
#include "externalsecret/property.h"

enum {
    SHOWN_BYTES = 48, /* of a name in a message: the remedy stands behind it */
};

static bool find_stores(struct world *world, struct existence *existence)
{
    const struct plan *plan = &existence->plan;
    existence->stores = mem_alloc_array(plan->store_count, sizeof *existence->stores);
    for (size_t i = 0; i < plan->store_count; i++) {
        struct store **store = &existence->stores[i];
        struct err ignored;
        if (world_store_for(world, existence->external_secret, &plan->stores[i].ref, store,
                            &ignored) != STORE_GRANTED ||
            (*store)->unsupported.len > 0 || (*store)->provider == PROVIDER_OTHER) {
            return false;
        }
    }
    return true;
}

static bool same_store(struct store_ref one, struct store_ref other)
{
    return one.cluster == other.cluster && sv_equal(one.name, other.name);
}

/* Names a value in this store. */
static bool reads_from(const struct external_secret *external_secret, struct store_ref store)
{
    for (size_t i = 0; i < external_secret->data_count; i++) {
        const struct external_secret_data *data = &external_secret->data[i];
        if (!data->metadata && same_store(plan_store_of(external_secret, &data->store), store)) {
            return true;
        }
    }
    for (size_t i = 0; i < external_secret->data_from_count; i++) {
        const struct external_secret_data_from *from = &external_secret->data_from[i];
        if (from->kind == DATA_FROM_EXTRACT && !from->metadata &&
            same_store(plan_store_of(external_secret, &from->store), store)) {
            return true;
        }
    }
    return false;
}

static bool may_ask(const struct existence *existence, size_t store)
{
    return existence->remotely || existence->stores[store]->provider == PROVIDER_FAKE;
}

static bool asks_of(const struct existence *existence, size_t store)
{
    return may_ask(existence, store) &&
           reads_from(existence->external_secret, existence->plan.stores[store].ref);
}

static bool asks_any(const struct existence *existence)
{
    size_t i = 0;
    while (i < existence->plan.store_count && !asks_of(existence, i)) {
        i++;
    }
    return i < existence->plan.store_count;
}

bool existence_begin(struct world *world, struct external_secret *external_secret, bool remotely,
                     struct existence *ret)
{
    *ret = (struct existence){.external_secret = external_secret_retain(external_secret),
                              .remotely = remotely};
    if (existence_entries(ret) > LIMIT_REVIEW_ENTRIES) {
        return false;
    }
    plan_stores(external_secret, &ret->plan);
    return find_stores(world, ret) && asks_any(ret);
}

bool existence_plan(struct existence *existence)
{
    struct plan *plan = &existence->plan;
    struct err ignored;
    if (plan_check_reads(existence->external_secret, &ignored) != PLAN_FINE) {
        return false;
    }
    plan_done(plan);
    plan_make(existence->external_secret, plan);
    plan->effort = effort_of(LIMIT_EFFORT_STEPS);
    for (size_t i = 0; i < plan->read_count; i++) {
        /* Whatever the deletionPolicy makes of it. */
        plan->reads[i].may_miss = true;
        plan->reads[i].may_fail = true;
        plan->reads[i].failed = true;
    }
    return true;
}

void existence_done(struct existence *existence)
{
    for (size_t i = 0; existence->stores && i < existence->plan.store_count; i++) {
        store_release(existence->stores[i]);
    }
    free(existence->stores);
    plan_done(&existence->plan);
    external_secret_release(existence->external_secret);
    *existence = (struct existence){0};
}

static size_t store_of_read(const struct existence *existence, size_t read)
{
    size_t i = 0;
    while (read >= existence->plan.stores[i].first_read + existence->plan.stores[i].read_count) {
        i++;
    }
    return i;
}

static bool is_asked(const struct existence *existence, size_t read)
{
    return !existence->plan.reads[read].metadata &&
           may_ask(existence, store_of_read(existence, read));
}

bool existence_next(const struct existence *existence, size_t *position,
                    struct existence_batch *ret)
{
    const struct plan *plan = &existence->plan;
    size_t end = plan->read_count < LIMIT_REVIEW_READS ? plan->read_count : LIMIT_REVIEW_READS;
    size_t at = *position;
    while (at < end && !is_asked(existence, at)) {
        at++;
    }
    if (at == end) {
        return false;
    }
    size_t store = store_of_read(existence, at);
    *ret = (struct existence_batch){.store = existence->stores[store], .reads = &plan->reads[at]};
    while (at < end && is_asked(existence, at) && store_of_read(existence, at) == store) {
        at++;
        ret->count++;
    }
    *position = at;
    return true;
}

static void reset(const struct existence_batch *batch, bool failed)
{
    for (size_t i = 0; i < batch->count; i++) {
        secret_buf_done(&batch->reads[i].value);
        batch->reads[i].missing = false;
        batch->reads[i].failed = failed;
    }
}

void existence_ask(const struct existence_batch *batch)
{
    reset(batch, false);
}

void existence_fail(const struct existence_batch *batch)
{
    reset(batch, true);
}

size_t existence_entries(const struct existence *existence)
{
    return existence->external_secret->data_count + existence->external_secret->data_from_count;
}

/* One entry that names a remote secret. */
struct entry {
    const char *field;
    size_t index;
    struct str_view key;
    struct str_view version;
    struct str_view property;
    size_t read;
};

/* False: it names none. */
static bool find_entry(const struct existence *existence, size_t number, struct entry *ret)
{
    const struct external_secret *external_secret = existence->external_secret;
    if (number < external_secret->data_count) {
        const struct external_secret_data *data = &external_secret->data[number];
        *ret = (struct entry){"data",        number,         data->remote_key,
                              data->version, data->property, existence->plan.read_of_data[number]};
        return true;
    }
    size_t index = number - external_secret->data_count;
    const struct external_secret_data_from *from = &external_secret->data_from[index];
    if (from->kind != DATA_FROM_EXTRACT) {
        return false;
    }
    *ret = (struct entry){"dataFrom",    index,          from->remote_key,
                          from->version, from->property, existence->plan.read_of_extract[index]};
    return true;
}

static const char *name_of_service(const struct store *store)
{
    switch (store->provider) {
    case PROVIDER_AWS_SECRETS_MANAGER:
        return "AWS Secrets Manager";
    case PROVIDER_AWS_PARAMETER_STORE:
        return "AWS Parameter Store";
    case PROVIDER_FAKE:
    case PROVIDER_OTHER:
        break;
    }
    return "its store";
}

/* What cannot be evaluated is not known to be missing. */
static bool lacks_property(const struct remote_read *read, struct str_view property,
                           struct effort *effort)
{
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    struct err err = {0};
    secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES);
    struct str_view whole = secret_buf_view(&read->value);
    bool there = read->fake ? property_read_path(whole, property, effort, &value, &err)
                            : property_read(whole, property, effort, &value, &err);
    return !there && err.kind == ERR_MISSING;
}

void existence_judge(struct existence *existence, size_t number, struct problem_list *ret)
{
    const struct external_secret *external_secret = existence->external_secret;
    struct entry entry;
    if (!find_entry(existence, number, &entry)) {
        return;
    }
    const struct remote_read *read = &existence->plan.reads[entry.read];
    if (read->missing) {
        const struct store *store = existence->stores[store_of_read(existence, entry.read)];
        bool is_parameter = store->provider == PROVIDER_AWS_PARAMETER_STORE;
        problem_add(ret, PROBLEM_REMOTE_MISSING, PROBLEM_MISSING,
                    "ExternalSecret %.*s/%.*s: spec.%s[%zu]: no %s %.*s%s in %s: make it or mend "
                    "the key",
                    SV_ARG(external_secret->namespace), SV_ARG(external_secret->name), entry.field,
                    entry.index, is_parameter ? "parameter" : "secret",
                    SV_ARG(sv_first(entry.key, SHOWN_BYTES)),
                    entry.version.len > 0 ? " of this version" : "", name_of_service(store));
    } else if (!read->failed && entry.property.len > 0 &&
               lacks_property(read, entry.property, &existence->plan.effort)) {
        problem_add(ret, PROBLEM_PROPERTY_MISSING, PROBLEM_MISSING,
                    "ExternalSecret %.*s/%.*s: spec.%s[%zu]: no property %.*s in %.*s: add it or "
                    "mend the property",
                    SV_ARG(external_secret->namespace), SV_ARG(external_secret->name), entry.field,
                    entry.index, SV_ARG(sv_first(entry.property, SHOWN_BYTES)),
                    SV_ARG(sv_first(entry.key, SHOWN_BYTES)));
    }
}
