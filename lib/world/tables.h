/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of struct world, for the files of this directory.
 *
 * One mutex, held for look-ups and pointer swaps only: records are decoded before and released
 * after. */
#ifndef WORLD_TABLES_H
#define WORLD_TABLES_H

#include "base/limits.h"
#include "base/lock.h"
#include "base/table.h"
#include "world/name_index.h"
#include "world/world.h"

enum {
    WORLD_KEY_BYTES = 2 * LIMIT_NAME_BYTES + 1, /* "namespace/name" */
};

struct world {
    pthread_mutex_t lock;
    struct table tables[WORLD_TABLES]; /* "namespace/name" to its record */
    struct table unreadable;           /* Secrets that exist but could not be decoded */
    struct table unseen[WORLD_TABLES]; /* keys that a relist has not met yet */
    bool synced[WORLD_TABLES];
    struct name_index users;    /* "namespace/Secret" to workloads */
    struct name_index targets;  /* "namespace/Secret" to ExternalSecrets */
    const char *operator_class; /* borrowed; NULL: none */
    bool has_keys;
    struct fingerprint_keys keys;
};

void world_lock(struct world *world);
void world_unlock(struct world *world);

/* A key made from its parts. Empty, which no record's key is, when they are too long for names. */
struct str_view world_key(char text[WORLD_KEY_BYTES], struct str_view namespace,
                          struct str_view name);

/* WORLD_TABLES for a kind that is not kept. */
enum world_table world_table_of(enum workload_kind kind);

/* Takes over the reference. */
void world_list_add(struct world_list *list, void *record);

#endif
