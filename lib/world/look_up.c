/* SPDX-License-Identifier: Apache-2.0 */
#include "world/tables.h"

/* Under the lock. A deleting one no longer makes anything. */
static enum presence described(const struct world *world, struct str_view key)
{
    const struct name_set *set = name_index_find(&world->targets, key);
    for (uint32_t i = 0; set && i < set->count; i++) {
        const struct external_secret *external_secret = set->items[i];
        if (!external_secret->deleting) {
            return PRESENCE_PRESENT;
        }
    }
    return world->synced[WORLD_EXTERNAL_SECRETS] ? PRESENCE_ABSENT : PRESENCE_UNKNOWN;
}

/* Under the lock. While the table does not keep up with the API server, a record of before proves
 * nothing either: a stamp made of it would be taken for old, and the Pod restarted, afterwards. */
static enum presence presence_of(const struct world *world, struct str_view key)
{
    if (!world->synced[WORLD_SECRETS] || table_get(&world->unreadable, key)) {
        return PRESENCE_UNKNOWN;
    }
    return table_get(&world->tables[WORLD_SECRETS], key) ? PRESENCE_PRESENT : PRESENCE_ABSENT;
}

/* Under the lock. `*ret` is a reference when it is present, else NULL. */
static enum presence find(const struct world *world, struct str_view key, struct secret **ret)
{
    enum presence presence = presence_of(world, key);
    *ret = presence == PRESENCE_PRESENT
               ? secret_retain(table_get(&world->tables[WORLD_SECRETS], key))
               : NULL;
    return presence;
}

/* Under the lock. */
static void fill(const struct world *world, struct str_view namespace, struct fact *fact)
{
    char text[WORLD_KEY_BYTES];
    struct str_view key = world_key(text, namespace, sv_of(fact->name));
    fact->presence = find(world, key, &fact->secret);
    fact->described = described(world, key);
}

enum presence world_secret_presence(struct world *world, struct str_view namespace,
                                    struct str_view name)
{
    char text[WORLD_KEY_BYTES];
    struct str_view key = world_key(text, namespace, name);
    world_lock(world);
    enum presence presence = presence_of(world, key);
    world_unlock(world);
    return presence;
}

enum presence world_look_up_secret(struct world *world, struct str_view namespace,
                                   struct str_view name, struct secret **ret)
{
    char text[WORLD_KEY_BYTES];
    struct str_view key = world_key(text, namespace, name);
    world_lock(world);
    enum presence presence = find(world, key, ret);
    world_unlock(world);
    return presence;
}

void world_look_up(struct world *world, const struct secret_ref_list *refs, struct facts *facts)
{
    facts_add_names(facts, refs);
    for (size_t i = 0; i < facts->count; i++) {
        secret_release(facts->items[i].secret);
        facts->items[i].secret = NULL;
    }
    world_lock(world);
    for (size_t i = 0; i < facts->count; i++) {
        fill(world, sv_of(facts->namespace), &facts->items[i]);
    }
    world_unlock(world);
}

void world_look_up_described(struct world *world, struct facts *facts)
{
    char text[WORLD_KEY_BYTES];
    world_lock(world);
    for (size_t i = 0; i < facts->count; i++) {
        struct fact *fact = &facts->items[i];
        fact->described =
            described(world, world_key(text, sv_of(facts->namespace), sv_of(fact->name)));
    }
    world_unlock(world);
}

struct secret *world_secret(struct world *world, struct str_view namespace, struct str_view name)
{
    char text[WORLD_KEY_BYTES];
    struct str_view key = world_key(text, namespace, name);
    world_lock(world);
    struct secret *secret = table_get(&world->tables[WORLD_SECRETS], key);
    if (secret) {
        (void)secret_retain(secret);
    }
    world_unlock(world);
    return secret;
}

struct pod *world_pod(struct world *world, struct str_view namespace, struct str_view name)
{
    char text[WORLD_KEY_BYTES];
    struct str_view key = world_key(text, namespace, name);
    world_lock(world);
    struct pod *pod = table_get(&world->tables[WORLD_PODS], key);
    if (pod) {
        (void)pod_retain(pod);
    }
    world_unlock(world);
    return pod;
}

struct workload *world_workload(struct world *world, enum workload_kind kind,
                                struct str_view namespace, struct str_view name)
{
    char text[WORLD_KEY_BYTES];
    struct str_view key = world_key(text, namespace, name);
    enum world_table table = world_table_of(kind);
    if (table == WORLD_TABLES) {
        return NULL;
    }
    world_lock(world);
    struct workload *workload = table_get(&world->tables[table], key);
    if (workload) {
        (void)workload_retain(workload);
    }
    world_unlock(world);
    return workload;
}

struct external_secret *world_external_secret(struct world *world, struct str_view namespace,
                                              struct str_view name)
{
    char text[WORLD_KEY_BYTES];
    struct str_view key = world_key(text, namespace, name);
    world_lock(world);
    struct external_secret *record = table_get(&world->tables[WORLD_EXTERNAL_SECRETS], key);
    if (record) {
        (void)external_secret_retain(record);
    }
    world_unlock(world);
    return record;
}

struct external_secret *world_describing_other(struct world *world, struct str_view namespace,
                                               struct str_view secret_name, struct str_view name)
{
    char text[WORLD_KEY_BYTES];
    struct str_view key = world_key(text, namespace, secret_name);
    struct external_secret *first = NULL;
    world_lock(world);
    const struct name_set *set = name_index_find(&world->targets, key);
    for (uint32_t i = 0; set && i < set->count; i++) {
        struct external_secret *candidate = set->items[i];
        if (!candidate->deleting && !sv_equal(candidate->name, name) &&
            (!first || sv_compare(candidate->name, first->name) < 0)) {
            first = candidate;
        }
    }
    if (first) {
        (void)external_secret_retain(first);
    }
    world_unlock(world);
    return first;
}

struct external_secret *world_describing(struct world *world, struct str_view namespace,
                                         struct str_view secret_name)
{
    return world_describing_other(world, namespace, secret_name, SV(""));
}
