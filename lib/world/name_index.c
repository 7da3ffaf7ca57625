/* SPDX-License-Identifier: Apache-2.0 */
#include "world/name_index.h"

enum {
    FIRST_CAPACITY = 2, /* most Secrets have one or two users */
};

void name_index_init(struct name_index *index)
{
    table_init(&index->table, free);
}

void name_index_done(struct name_index *index)
{
    table_done(&index->table);
}

static struct name_set *set_with_room(struct name_set *set)
{
    if (set && set->count < set->capacity) {
        return set;
    }
    uint32_t capacity = set ? set->capacity * 2 : FIRST_CAPACITY;
    struct name_set *larger = mem_alloc(sizeof *larger + capacity * sizeof larger->items[0]);
    larger->capacity = capacity;
    if (set) {
        larger->count = set->count;
        memcpy(larger->items, set->items, set->count * sizeof set->items[0]);
    }
    return larger;
}

void name_index_add(struct name_index *index, struct str_view name, void *record)
{
    struct name_set *set = table_get(&index->table, name);
    if (set && set->items[set->count - 1] == record) {
        return;
    }
    struct name_set *roomy = set_with_room(set);
    roomy->items[roomy->count++] = record;
    if (roomy != set) {
        table_put(&index->table, name, roomy);
    }
}

void name_index_remove(struct name_index *index, struct str_view name, const void *record)
{
    struct name_set *set = table_get(&index->table, name);
    for (uint32_t i = 0; set && i < set->count; i++) {
        if (set->items[i] == record) {
            set->items[i] = set->items[--set->count];
            break;
        }
    }
    if (set && set->count == 0) {
        table_erase(&index->table, name);
    }
}

const struct name_set *name_index_find(const struct name_index *index, struct str_view name)
{
    return table_get(&index->table, name);
}
