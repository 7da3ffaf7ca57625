/* SPDX-License-Identifier: Apache-2.0 */
#include "world/tables.h"

enum {
    FIRST_CAPACITY = 8,
};

static void release_workload(void *record)
{
    workload_release(record);
}

static void release_pod(void *record)
{
    pod_release(record);
}

static void release_external_secret(void *record)
{
    external_secret_release(record);
}

void world_list_add(struct world_list *list, void *record)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : FIRST_CAPACITY;
        list->items = mem_resize_array(list->items, list->capacity, sizeof *list->items);
    }
    list->items[list->count++] = record;
}

void world_list_done(struct world_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        list->release(list->items[i]);
    }
    free(list->items);
    *list = (struct world_list){0};
}

void world_workloads_of(struct world *world, struct str_view namespace, struct str_view secret_name,
                        struct world_list *ret)
{
    char text[WORLD_KEY_BYTES];
    struct str_view key = world_key(text, namespace, secret_name);
    *ret = (struct world_list){.release = release_workload};
    world_lock(world);
    const struct name_set *set = name_index_find(&world->users, key);
    for (uint32_t i = 0; set && i < set->count; i++) {
        world_list_add(ret, workload_retain(set->items[i]));
    }
    world_unlock(world);
}

void world_describing_all(struct world *world, struct str_view namespace,
                          struct str_view secret_name, struct world_list *ret)
{
    char text[WORLD_KEY_BYTES];
    struct str_view key = world_key(text, namespace, secret_name);
    *ret = (struct world_list){.release = release_external_secret};
    world_lock(world);
    const struct name_set *set = name_index_find(&world->targets, key);
    for (uint32_t i = 0; set && i < set->count; i++) {
        struct external_secret *external_secret = set->items[i];
        if (!external_secret->deleting) {
            world_list_add(ret, external_secret_retain(external_secret));
        }
    }
    world_unlock(world);
}

void world_pods(struct world *world, struct world_list *ret)
{
    size_t position = 0;
    struct str_view key;
    void *record = NULL;
    *ret = (struct world_list){.release = release_pod};
    world_lock(world);
    while (table_next(&world->tables[WORLD_PODS], &position, &key, &record)) {
        world_list_add(ret, pod_retain(record));
    }
    world_unlock(world);
}

void world_workloads(struct world *world, struct world_list *ret)
{
    static const enum world_table tables[] = {WORLD_DEPLOYMENTS, WORLD_STATEFUL_SETS,
                                              WORLD_DAEMON_SETS};
    *ret = (struct world_list){.release = release_workload};
    world_lock(world);
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        size_t position = 0;
        struct str_view key;
        void *record = NULL;
        while (table_next(&world->tables[tables[i]], &position, &key, &record)) {
            world_list_add(ret, workload_retain(record));
        }
    }
    world_unlock(world);
}

void world_external_secrets(struct world *world, struct world_list *ret)
{
    size_t position = 0;
    struct str_view key;
    void *record = NULL;
    *ret = (struct world_list){.release = release_external_secret};
    world_lock(world);
    while (table_next(&world->tables[WORLD_EXTERNAL_SECRETS], &position, &key, &record)) {
        world_list_add(ret, external_secret_retain(record));
    }
    world_unlock(world);
}

static void release_store(void *item)
{
    store_release(item);
}

void world_stores(struct world *world, struct world_list *ret)
{
    static const enum world_table tables[] = {WORLD_STORES, WORLD_CLUSTER_STORES};
    *ret = (struct world_list){.release = release_store};
    world_lock(world);
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        size_t position = 0;
        struct str_view key;
        void *record = NULL;
        while (table_next(&world->tables[tables[i]], &position, &key, &record)) {
            world_list_add(ret, store_retain(record));
        }
    }
    world_unlock(world);
}
