/* SPDX-License-Identifier: Apache-2.0 */
/* What changes the tables. A relist costs a set of the keys that have not been seen again, only
 * while it lasts. */
#include "world/world.h"

#include <assert.h>

#include "world/compare.h"
#include "world/tables.h"

/* Sets of keys have no values of their own. */
static char in_set;

static void release_secret(void *record)
{
    secret_release(record);
}

static void release_external_secret(void *record)
{
    external_secret_release(record);
}

static void release_store(void *record)
{
    store_release(record);
}

static void release_namespace(void *record)
{
    namespace_release(record);
}

static void release_pod(void *record)
{
    pod_release(record);
}

static void release_workload(void *record)
{
    workload_release(record);
}

static void (*release_of(enum world_table table))(void *record)
{
    switch (table) {
    case WORLD_SECRETS:
        return release_secret;
    case WORLD_EXTERNAL_SECRETS:
        return release_external_secret;
    case WORLD_STORES:
    case WORLD_CLUSTER_STORES:
        return release_store;
    case WORLD_NAMESPACES:
        return release_namespace;
    case WORLD_PODS:
        return release_pod;
    case WORLD_DEPLOYMENTS:
    case WORLD_STATEFUL_SETS:
    case WORLD_DAEMON_SETS:
        return release_workload;
    case WORLD_TABLES:
        break;
    }
    abort();
}

static bool holds_workloads(enum world_table table)
{
    return table == WORLD_DEPLOYMENTS || table == WORLD_STATEFUL_SETS || table == WORLD_DAEMON_SETS;
}

enum world_table world_table_of(enum workload_kind kind)
{
    return kind == KIND_DEPLOYMENT     ? WORLD_DEPLOYMENTS
           : kind == KIND_STATEFUL_SET ? WORLD_STATEFUL_SETS
           : kind == KIND_DAEMON_SET   ? WORLD_DAEMON_SETS
                                       : WORLD_TABLES;
}

void world_lock(struct world *world)
{
    if (pthread_mutex_lock(&world->lock) != 0) {
        abort();
    }
}

void world_unlock(struct world *world)
{
    if (pthread_mutex_unlock(&world->lock) != 0) {
        abort();
    }
}

/* The key of a record: its names lie in its text that way (objects/text_pool.h). */
static struct str_view record_key(struct str_view namespace, struct str_view name)
{
    assert(name.data == namespace.data + namespace.len + 1);
    return sv_make(namespace.data, namespace.len + 1 + name.len);
}

struct str_view world_key(char text[WORLD_KEY_BYTES], struct str_view namespace,
                          struct str_view name)
{
    if (namespace.len > LIMIT_NAME_BYTES || name.len > LIMIT_NAME_BYTES) {
        return SV("");
    }
    if (namespace.len) {
        memcpy(text, namespace.data, namespace.len);
    }
    text[namespace.len] = '/';
    if (name.len) {
        memcpy(text + namespace.len + 1, name.data, name.len);
    }
    return sv_make(text, namespace.len + 1 + name.len);
}

struct world *world_new(void)
{
    struct world *world = mem_alloc(sizeof *world);
    mutex_init(&world->lock);
    for (enum world_table table = 0; table < WORLD_TABLES; table++) {
        table_init_borrowing(&world->tables[table], release_of(table));
        table_init(&world->unseen[table], NULL);
    }
    table_init(&world->unreadable, NULL);
    name_index_init(&world->users);
    name_index_init(&world->targets);
    return world;
}

void world_free(struct world *world)
{
    if (!world) {
        return;
    }
    name_index_done(&world->users);
    name_index_done(&world->targets);
    for (enum world_table table = 0; table < WORLD_TABLES; table++) {
        table_done(&world->tables[table]);
        table_done(&world->unseen[table]);
    }
    table_done(&world->unreadable);
    fingerprint_keys_wipe(&world->keys);
    (void)pthread_mutex_destroy(&world->lock);
    free(world);
}

void world_set_synced(struct world *world, enum world_table table, bool synced)
{
    world_lock(world);
    world->synced[table] = synced;
    world_unlock(world);
}

bool world_is_synced(struct world *world, enum world_table table)
{
    world_lock(world);
    bool synced = world->synced[table];
    world_unlock(world);
    return synced;
}

static bool same_keys(const struct world *world, const struct fingerprint_keys *keys)
{
    if (!keys || !world->has_keys) {
        return !keys && !world->has_keys;
    }
    return memcmp(&world->keys.digest, &keys->digest, sizeof keys->digest) == 0 &&
           memcmp(&world->keys.record, &keys->record, sizeof keys->record) == 0 &&
           memcmp(world->keys.id, keys->id, sizeof keys->id) == 0;
}

void world_set_keys(struct world *world, const struct fingerprint_keys *keys)
{
    struct table emptied = {0};
    world_lock(world);
    if (!same_keys(world, keys)) {
        fingerprint_keys_wipe(&world->keys);
        world->has_keys = keys != NULL;
        if (keys) {
            world->keys = *keys;
        }
        emptied = world->tables[WORLD_SECRETS];
        table_init_borrowing(&world->tables[WORLD_SECRETS], release_secret);
        table_done(&world->unreadable);
        table_init(&world->unreadable, NULL);
        table_done(&world->unseen[WORLD_SECRETS]);
        table_init(&world->unseen[WORLD_SECRETS], NULL);
        world->synced[WORLD_SECRETS] = false;
    }
    world_unlock(world);
    table_done(&emptied);
}

bool world_keys(struct world *world, struct fingerprint_keys *ret)
{
    world_lock(world);
    bool has_keys = world->has_keys;
    if (has_keys) {
        *ret = world->keys;
    }
    world_unlock(world);
    return has_keys;
}

/* Under the lock. The record of that key before, which is the caller's to release. */
static void *swap_record(struct world *world, enum world_table table, struct str_view key,
                         void *record)
{
    (void)table_take(&world->unseen[table], key);
    return table_swap(&world->tables[table], key, record);
}

/* A watch that lags behind another source of the same record. Unreadable versions count as new. */
static bool is_older(const struct secret *secret, const struct secret *known)
{
    uint64_t version = 0;
    uint64_t known_version = 0;
    return sv_equal(secret->uid, known->uid) && sv_to_u64(secret->resource_version, &version) &&
           sv_to_u64(known->resource_version, &known_version) && version < known_version;
}

struct world_change world_put_secret(struct world *world, struct secret *secret)
{
    struct str_view key = record_key(secret->namespace, secret->name);
    struct world_change change = {0};
    struct secret *dropped = secret;
    world_lock(world);
    struct secret *known = table_get(&world->tables[WORLD_SECRETS], key);
    if (known && is_older(secret, known)) {
        (void)table_take(&world->unseen[WORLD_SECRETS], key);
    } else {
        change.added = known == NULL;
        change.changed = !known || !same_digests(known, secret);
        dropped = swap_record(world, WORLD_SECRETS, key, secret);
        (void)table_take(&world->unreadable, key);
    }
    world_unlock(world);
    secret_release(dropped);
    return change;
}

void world_put_unreadable_secret(struct world *world, struct str_view namespace,
                                 struct str_view name)
{
    char text[WORLD_KEY_BYTES];
    struct str_view key = world_key(text, namespace, name);
    if (key.len == 0) {
        return;
    }
    world_lock(world);
    (void)table_take(&world->unseen[WORLD_SECRETS], key);
    struct secret *known = table_take(&world->tables[WORLD_SECRETS], key);
    table_put(&world->unreadable, key, &in_set);
    world_unlock(world);
    secret_release(known);
}

static struct str_view target_key(char text[WORLD_KEY_BYTES], const struct external_secret *record)
{
    return world_key(text, record->namespace, record->target);
}

struct world_change world_put_external_secret(struct world *world,
                                              struct external_secret *external_secret)
{
    struct str_view key = record_key(external_secret->namespace, external_secret->name);
    char text[WORLD_KEY_BYTES];
    world_lock(world);
    struct external_secret *known =
        swap_record(world, WORLD_EXTERNAL_SECRETS, key, external_secret);
    if (known) {
        name_index_remove(&world->targets, target_key(text, known), known);
    }
    name_index_add(&world->targets, target_key(text, external_secret), external_secret);
    struct world_change change = {
        .added = known == NULL,
        .changed = !known || !same_external_secret(known, external_secret),
    };
    world_unlock(world);
    external_secret_release(known);
    return change;
}

void world_put_store(struct world *world, struct store *store)
{
    struct str_view key = record_key(store->namespace, store->name);
    enum world_table table = store->cluster ? WORLD_CLUSTER_STORES : WORLD_STORES;
    world_lock(world);
    struct store *known = swap_record(world, table, key, store);
    world_unlock(world);
    store_release(known);
}

struct world_change world_put_namespace(struct world *world, struct namespace *namespace)
{
    struct str_view key = record_key(namespace->scope, namespace->name);
    world_lock(world);
    struct namespace *known = swap_record(world, WORLD_NAMESPACES, key, namespace);
    struct world_change change = {
        .added = known == NULL,
        .changed = !known || !same_namespace(known, namespace),
    };
    world_unlock(world);
    namespace_release(known);
    return change;
}

void world_put_pod(struct world *world, struct pod *pod)
{
    struct str_view key = record_key(pod->namespace, pod->name);
    world_lock(world);
    struct pod *known = swap_record(world, WORLD_PODS, key, pod);
    world_unlock(world);
    pod_release(known);
}

static void index_workload(struct world *world, struct workload *workload)
{
    char text[WORLD_KEY_BYTES];
    for (size_t i = 0; i < workload->refs.count; i++) {
        struct str_view key = world_key(text, workload->namespace, workload->refs.items[i].secret);
        if (key.len) {
            name_index_add(&world->users, key, workload);
        }
    }
}

static void forget_workload(struct world *world, const struct workload *workload)
{
    char text[WORLD_KEY_BYTES];
    const struct secret_ref_list *refs = &workload->refs;
    for (size_t i = 0; i < refs->count; i++) {
        if (i == 0 || !sv_equal(refs->items[i].secret, refs->items[i - 1].secret)) {
            name_index_remove(&world->users,
                              world_key(text, workload->namespace, refs->items[i].secret),
                              workload);
        }
    }
}

struct world_change world_put_workload(struct world *world, struct workload *workload)
{
    struct str_view key = record_key(workload->namespace, workload->name);
    enum world_table table = world_table_of(workload->kind);
    assert(table != WORLD_TABLES);
    world_lock(world);
    struct workload *known = swap_record(world, table, key, workload);
    if (known) {
        forget_workload(world, known);
    }
    index_workload(world, workload);
    struct world_change change = {
        .added = known == NULL,
        .changed = !known || !same_workload(known, workload),
    };
    world_unlock(world);
    workload_release(known);
    return change;
}

/* Under the lock. The record, which is the caller's to release; `*was_there` also for one that
 * could not be decoded. */
static void *take_record(struct world *world, enum world_table table, struct str_view key,
                         bool *was_there)
{
    (void)table_take(&world->unseen[table], key);
    void *record = table_take(&world->tables[table], key);
    *was_there = record != NULL;
    if (table == WORLD_SECRETS && table_take(&world->unreadable, key)) {
        *was_there = true;
    }
    if (record && table == WORLD_EXTERNAL_SECRETS) {
        char text[WORLD_KEY_BYTES];
        name_index_remove(&world->targets, target_key(text, record), record);
    }
    if (record && holds_workloads(table)) {
        forget_workload(world, record);
    }
    return record;
}

bool world_erase(struct world *world, enum world_table table, struct str_view namespace,
                 struct str_view name)
{
    char text[WORLD_KEY_BYTES];
    bool was_there = false;
    world_lock(world);
    void *record = take_record(world, table, world_key(text, namespace, name), &was_there);
    world_unlock(world);
    if (record) {
        release_of(table)(record);
    }
    return was_there;
}

static void add_keys(struct table *set, const struct table *from)
{
    size_t position = 0;
    struct str_view key;
    void *value = NULL;
    while (table_next(from, &position, &key, &value)) {
        table_put(set, key, &in_set);
    }
}

void world_relist_begin(struct world *world, enum world_table table)
{
    world_lock(world);
    struct table *unseen = &world->unseen[table];
    table_done(unseen);
    table_init(unseen, NULL);
    add_keys(unseen, &world->tables[table]);
    if (table == WORLD_SECRETS) {
        add_keys(unseen, &world->unreadable);
    }
    world_unlock(world);
}

void world_relist_end(struct world *world, enum world_table table,
                      void (*erased)(void *context, struct str_view namespace,
                                     struct str_view name),
                      void *context)
{
    struct world_list records = {.release = release_of(table)};
    world_lock(world);
    struct table gone = world->unseen[table];
    table_init(&world->unseen[table], NULL);
    size_t position = 0;
    struct str_view key;
    void *value = NULL;
    while (table_next(&gone, &position, &key, &value)) {
        bool was_there = false;
        void *record = take_record(world, table, key, &was_there);
        if (record) {
            world_list_add(&records, record);
        }
    }
    world_unlock(world);
    world_list_done(&records);
    for (position = 0; table_next(&gone, &position, &key, &value);) {
        size_t slash = sv_find(key, '/');
        if (!erased) {
            break;
        }
        erased(context, sv_first(key, slash), sv_from(key, slash + 1));
    }
    table_done(&gone);
}
