/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/plan.h"

#include "base/limits.h"
#include "base/table.h"

void plan_done(struct plan *plan)
{
    for (size_t i = 0; i < plan->read_count; i++) {
        secret_buf_done(&plan->reads[i].value);
    }
    for (size_t i = 0; i < plan->find_count; i++) {
        regex_free(plan->finds[i].name);
        data_map_done(&plan->finds[i].found);
    }
    free(plan->stores);
    free(plan->reads);
    free(plan->finds);
    free(plan->read_of_data);
    free(plan->read_of_extract);
    free(plan->missing);
    *plan = (struct plan){0};
}

struct store_ref plan_store_of(const struct external_secret *external_secret,
                               const struct store_ref *entry)
{
    return entry->name.len > 0 ? *entry
                               : (struct store_ref){.name = external_secret->store_name,
                                                    .cluster = external_secret->cluster_store};
}

bool plan_has_find(const struct external_secret *external_secret)
{
    size_t i = 0;
    while (i < external_secret->data_from_count &&
           external_secret->data_from[i].kind != DATA_FROM_FIND) {
        i++;
    }
    return i < external_secret->data_from_count;
}

/* What one entry wants to have read. */
struct want {
    size_t store;
    struct remote_read read;
    size_t *place; /* where the number of its read belongs */
    size_t number; /* of the read among those of its store */
};

/* A plan in the making. Reads are told apart and counted for each store, and laid out at the end,
 * so that those of one store lie together. */
struct making {
    const struct external_secret *external_secret;
    struct plan *plan;
    struct want *wants;
    size_t want_count;
    struct table known; /* what names a read -> the first want of it */
    struct buf name;
};

static size_t find_store(struct plan *plan, struct store_ref ref)
{
    size_t i = 0;
    while (i < plan->store_count && !(plan->stores[i].ref.cluster == ref.cluster &&
                                      sv_equal(plan->stores[i].ref.name, ref.name))) {
        i++;
    }
    if (i == plan->store_count) {
        plan->stores[plan->store_count++] = (struct plan_store){.ref = ref};
    }
    return i;
}

void plan_stores(const struct external_secret *external_secret, struct plan *ret)
{
    size_t count = external_secret->data_from_count + external_secret->data_count;
    *ret = (struct plan){.stores = mem_alloc_array(count, sizeof *ret->stores)};
    for (size_t i = 0; i < external_secret->data_from_count; i++) {
        const struct external_secret_data_from *from = &external_secret->data_from[i];
        if (from->kind != DATA_FROM_NOTHING) {
            (void)find_store(ret, plan_store_of(external_secret, &from->store));
        }
    }
    for (size_t i = 0; i < external_secret->data_count; i++) {
        (void)find_store(ret, plan_store_of(external_secret, &external_secret->data[i].store));
    }
}

/* Key and version with a NUL between them, which neither can hold. Tags have no version. */
static struct str_view name_want(struct making *making, const struct want *want)
{
    struct buf *name = &making->name;
    buf_clear(name);
    buf_printf(name, "%zu%c", want->store, want->read.metadata ? 'm' : 'v');
    buf_add(name, want->read.key);
    buf_add_byte(name, '\0');
    buf_add(name, want->read.metadata ? SV("") : want->read.version);
    return buf_view(name);
}

static void add_want(struct making *making, const struct store_ref *store,
                     const struct remote_read *read, size_t *place)
{
    struct want *want = &making->wants[making->want_count++];
    *want = (struct want){.read = *read, .place = place};
    want->store = find_store(making->plan, plan_store_of(making->external_secret, store));
    struct str_view name = name_want(making, want);
    struct want *first = table_get(&making->known, name);
    if (first) {
        first->read.prefer_binary &= read->prefer_binary;
        want->number = first->number;
    } else {
        want->number = making->plan->stores[want->store].read_count++;
        making->plan->read_count++;
        table_put(&making->known, name, want);
    }
}

static void add_find(struct making *making, size_t entry)
{
    const struct external_secret_data_from *from = &making->external_secret->data_from[entry];
    struct plan_find *find = &making->plan->finds[making->plan->find_count++];
    struct err ignored;
    *find = (struct plan_find){.entry = entry};
    find->store = find_store(making->plan, plan_store_of(making->external_secret, &from->store));
    if (from->has_name && !regex_compile(from->name_regexp, NULL, &find->name, &ignored)) {
        find->name = NULL;
    }
}

static void add_data_from(struct making *making, size_t entry, bool may_miss)
{
    const struct external_secret_data_from *from = &making->external_secret->data_from[entry];
    if (from->kind == DATA_FROM_FIND) {
        add_find(making, entry);
    } else if (from->kind == DATA_FROM_EXTRACT) {
        const struct remote_read read = {.key = from->remote_key,
                                         .version = from->version,
                                         .prefer_binary = from->property.len > 0,
                                         .metadata = from->metadata,
                                         .may_miss = may_miss && !from->metadata};
        add_want(making, &from->store, &read, &making->plan->read_of_extract[entry]);
    }
}

static void add_data(struct making *making, size_t entry, bool may_miss)
{
    const struct external_secret_data *data = &making->external_secret->data[entry];
    const struct remote_read read = {.key = data->remote_key,
                                     .version = data->version,
                                     .prefer_binary = data->property.len > 0,
                                     .metadata = data->metadata,
                                     .may_miss = may_miss && !data->metadata};
    add_want(making, &data->store, &read, &making->plan->read_of_data[entry]);
}

static void lay_out(struct making *making)
{
    struct plan *plan = making->plan;
    size_t next = 0;
    for (size_t i = 0; i < plan->store_count; i++) {
        plan->stores[i].first_read = next;
        next += plan->stores[i].read_count;
    }
    plan->reads = mem_alloc_array(plan->read_count, sizeof *plan->reads);
    for (size_t i = making->want_count; i > 0; i--) {
        const struct want *want = &making->wants[i - 1];
        size_t at = plan->stores[want->store].first_read + want->number;
        *want->place = at;
        plan->reads[at] = want->read; /* the first want of a read comes last */
    }
}

void plan_make(const struct external_secret *external_secret, struct plan *ret)
{
    size_t from_count = external_secret->data_from_count;
    size_t data_count = external_secret->data_count;
    size_t count = from_count + data_count;
    bool may_miss = external_secret->deletion_policy != DELETION_RETAIN;
    struct making making = {.external_secret = external_secret, .plan = ret};
    making.wants = mem_alloc_array(count, sizeof *making.wants);
    table_init(&making.known, NULL);
    buf_init(&making.name, LIMIT_ELEMENT_BYTES);
    *ret = (struct plan){
        .stores = mem_alloc_array(count, sizeof *ret->stores),
        .finds = mem_alloc_array(from_count, sizeof *ret->finds),
        .read_of_data = mem_alloc_array(data_count, sizeof *ret->read_of_data),
        .read_of_extract = mem_alloc_array(from_count, sizeof *ret->read_of_extract),
    };
    for (size_t i = 0; i < from_count; i++) {
        add_data_from(&making, i, may_miss);
    }
    for (size_t i = 0; i < data_count; i++) {
        add_data(&making, i, may_miss);
    }
    lay_out(&making);
    free(making.wants);
    table_done(&making.known);
    buf_done(&making.name);
}
