/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/read_ahead.h"

#include "base/limits.h"
#include "base/table.h"
#include "externalsecret/plan.h"
#include "webhook/aws_reading.h"
#include "webhook/sweep.h"

enum {
    /* Ten batches of Secrets Manager, which is one burst. Whoever reads more than that alone fills
     * batches by himself when he is carried out. */
    READS_MAX = 200,
};

/* What one identity reads of one service in one region. */
struct group {
    struct store_identity identity;
    struct store *store;       /* one of those that lead here */
    struct str_view namespace; /* of the first ExternalSecret, which outlives the group */
    int64_t max_age_ms;
    struct reader_item *items;
    char **keys; /* of the items, prefix included */
    size_t count;
    size_t capacity;
};

/* Where a store leads for a namespace. */
struct route {
    struct group *group; /* borrowed; NULL: nowhere, it has no identity now */
};

/* `groups` by what tells them apart; `routes` from a store and a namespace, so that a hundred
 * ExternalSecrets of one store look for their identity once. */
struct gathering {
    struct clients *clients;
    int64_t deadline_ms;
    struct table groups;
    struct table routes;
};

static void group_free(void *value)
{
    struct group *group = value;
    for (size_t i = 0; i < group->count; i++) {
        remote_value_done(&group->items[i].value);
        free(group->keys[i]);
    }
    free(group->items);
    free(group->keys);
    store_identity_done(&group->identity);
    store_release(group->store);
    free(group);
}

static void gathering_done(struct gathering *gathering)
{
    table_done(&gathering->routes);
    table_done(&gathering->groups);
}

static struct group *make_group(struct gathering *gathering, struct store *store,
                                const struct external_secret *external_secret)
{
    CLEANUP(store_identity_done) struct store_identity identity = {0};
    CLEANUP(buf_done) struct buf key = {0};
    struct err ignored;
    if (!aws_reading_identity(gathering->clients, store, external_secret->namespace,
                              gathering->deadline_ms, &identity, &ignored)) {
        return NULL;
    }
    buf_init(&key, LIMIT_NAME_BYTES);
    buf_add(&key, identity_view(&identity.key));
    buf_printf(&key, "%d%.*s", (int)store->provider, SV_ARG(store->aws.region));
    struct group *group = table_get(&gathering->groups, buf_view(&key));
    if (!group) {
        group = mem_alloc(sizeof *group);
        group->store = store_retain(store);
        group->namespace = external_secret->namespace;
        group->max_age_ms = SWEEP_FRESH_MS;
        group->identity = identity;
        identity = (struct store_identity){0};
        table_put(&gathering->groups, buf_view(&key), group);
    }
    return group;
}

/* NULL: it cannot be read now. */
static struct group *find_group(struct gathering *gathering, struct store *store,
                                const struct external_secret *external_secret)
{
    CLEANUP(buf_done) struct buf key = {0};
    buf_init(&key, 4 * (size_t)LIMIT_NAME_BYTES);
    buf_printf(&key, "%d/%.*s/%.*s/%.*s", store->cluster, SV_ARG(store->namespace),
               SV_ARG(store->name), SV_ARG(external_secret->namespace));
    struct route *route = table_get(&gathering->routes, buf_view(&key));
    if (!route) {
        route = mem_alloc(sizeof *route);
        route->group = make_group(gathering, store, external_secret);
        table_put(&gathering->routes, buf_view(&key), route);
    }
    return route->group;
}

static void add_item(struct group *group, const struct store *store, struct str_view namespace,
                     const struct remote_read *read)
{
    if (group->count == group->capacity) {
        group->capacity = group->capacity ? 2 * group->capacity : 32;
        group->items = mem_resize_array(group->items, group->capacity, sizeof *group->items);
        group->keys = mem_resize_array(group->keys, group->capacity, sizeof *group->keys);
    }
    char *key = aws_reading_key(store, read->key);
    group->keys[group->count] = key;
    group->items[group->count] =
        (struct reader_item){.key = sv_of(key), .version = read->version, .namespace = namespace};
    group->count++;
}

/* Those of one store; tags are read by another call, which gathers nothing. */
static void add_reads(struct group *group, const struct store *store,
                      const struct external_secret *external_secret, const struct plan *plan,
                      const struct plan_store *of_store)
{
    int64_t max_age_ms = sweep_max_age_ms(external_secret);
    if (group->count + of_store->read_count > READS_MAX) {
        return;
    }
    for (size_t i = 0; i < of_store->read_count; i++) {
        const struct remote_read *read = &plan->reads[of_store->first_read + i];
        if (!read->metadata) {
            add_item(group, store, external_secret->namespace, read);
        }
    }
    group->max_age_ms = max_age_ms < group->max_age_ms ? max_age_ms : group->max_age_ms;
}

static void gather_store(struct gathering *gathering, const struct external_secret *external_secret,
                         const struct plan *plan, const struct plan_store *of_store)
{
    struct store *store = NULL;
    struct err ignored;
    (void)world_store_for(gathering->clients->options->world, external_secret, &of_store->ref,
                          &store, &ignored);
    struct group *group = store && store->unsupported.len == 0 && aws_reading_serves(store)
                              ? find_group(gathering, store, external_secret)
                              : NULL;
    if (group) {
        add_reads(group, store, external_secret, plan, of_store);
    }
    store_release(store);
}

static void gather(struct gathering *gathering, const struct external_secret *external_secret)
{
    CLEANUP(plan_done) struct plan plan = {0};
    struct err ignored;
    if (plan_check(external_secret, &ignored) != PLAN_FINE) {
        return;
    }
    plan_make(external_secret, &plan);
    for (size_t i = 0; i < plan.store_count; i++) {
        gather_store(gathering, external_secret, &plan, &plan.stores[i]);
    }
}

static void make_request(const struct gathering *gathering, const struct group *group,
                         struct remote_request *ret)
{
    *ret = (struct remote_request){
        .store = group->store,
        .namespace = group->namespace,
        .since_ms = clock_since_ms(clock_monotonic_ms(gathering->clients->options->clock),
                                   group->max_age_ms),
        .deadline_ms = gathering->deadline_ms,
    };
}

static void read_group(const struct gathering *gathering, struct group *group,
                       const struct reader_notice *notice)
{
    struct remote_request request;
    struct err ignored;
    make_request(gathering, group, &request);
    (void)!aws_reading_read(gathering->clients, &request, &group->identity, group->items,
                            group->count, notice, &ignored);
}

static void gathering_init(struct gathering *ret, struct clients *clients, int64_t deadline_ms)
{
    *ret = (struct gathering){.clients = clients, .deadline_ms = deadline_ms};
    table_init(&ret->groups, group_free);
    table_init(&ret->routes, free);
}

/* What only one read wants is left to whose turn it is. */
static bool goes_together(const struct group *group)
{
    return group->count > 1;
}

static size_t count_groups(const struct gathering *gathering)
{
    size_t position = 0;
    size_t count = 0;
    struct str_view key;
    void *value = NULL;
    while (table_next(&gathering->groups, &position, &key, &value)) {
        count += goes_together(value);
    }
    return count;
}

void read_ahead(struct clients *clients, const struct external_secret *const *all, size_t count,
                int64_t deadline_ms, const struct reader_notice *notice)
{
    CLEANUP(gathering_done) struct gathering gathering;
    size_t position = 0;
    struct str_view key;
    void *value = NULL;
    gathering_init(&gathering, clients, deadline_ms);
    for (size_t i = 0; i < count; i++) {
        gather(&gathering, all[i]);
    }
    size_t left = count_groups(&gathering);
    while (table_next(&gathering.groups, &position, &key, &value)) {
        if (goes_together(value)) {
            left--;
            read_group(&gathering, value, left == 0 ? notice : NULL);
        }
    }
}

void read_along(struct clients *clients, const struct external_secret *one, int64_t deadline_ms)
{
    CLEANUP(gathering_done) struct gathering gathering;
    size_t position = 0;
    struct str_view key;
    void *value = NULL;
    gathering_init(&gathering, clients, deadline_ms);
    gather(&gathering, one);
    while (table_next(&gathering.groups, &position, &key, &value)) {
        const struct group *group = value;
        struct remote_request request;
        make_request(&gathering, group, &request);
        aws_reading_join(clients, &request, &group->identity, group->items, group->count);
    }
}
