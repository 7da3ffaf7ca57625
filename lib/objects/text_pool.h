/* SPDX-License-Identifier: Apache-2.0 */
/* Moves the text of a record into one block of its own.
 *
 * A record is decoded with views into the JSON first. Then one function names all its views, and it
 * runs twice: once over a zeroed pool, which counts, and once over a pool with room, which copies
 * and turns the views to the copies. One thread at a time. */
#ifndef OBJECTS_TEXT_POOL_H
#define OBJECTS_TEXT_POOL_H

#include "base/str_view.h"

struct text_pool {
    char *at; /* NULL: counting */
    size_t size;
};

/* A view without data stays without. */
void text_pool_take(struct text_pool *pool, struct str_view *view);
/* Both, in one piece: "namespace/name", the key of the record in the world's tables. An absent
 * namespace becomes an empty one. */
void text_pool_take_names(struct text_pool *pool, struct str_view *namespace,
                          struct str_view *name);
/* The same as the first for text that is nearly always one of a few ("Opaque", "ReplicaSet"): those
 * are turned to constants and take no room. */
void text_pool_take_common(struct text_pool *pool, struct str_view *view);

#endif
