/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table from byte strings to pointers.
 *
 * Keys are copied in, or lie in the values where the owner says so. The hash is SipHash-1-3 under a
 * seed drawn at table_init(), because names come from anybody who may create an object. No locking:
 * the owner guards it. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include "base/str_view.h"

struct table_entry {
    const char *key; /* NULL: free slot */
    uint32_t key_len;
    uint32_t distance; /* slots away from where the hash points */
    void *value;
};

struct table {
    struct table_entry *entries;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
    uint64_t seed[2];
    void (*release)(void *value); /* may be NULL */
    bool borrows_keys;
};

/* `release` is called for every value that is replaced, erased or left at table_done(). */
void table_init(struct table *table, void (*release)(void *value));
/* Keys are not copied: each lives in the value it was put with, and as long. None is empty. */
void table_init_borrowing(struct table *table, void (*release)(void *value));
void table_done(struct table *table);
/* NULL when there is none. */
void *table_get(const struct table *table, struct str_view key);
/* Takes `value`, which is not NULL; one that was there is released. */
void table_put(struct table *table, struct str_view key, void *value);
/* Takes `value` and answers the one that was there, which is now the caller's; NULL: none. */
void *table_swap(struct table *table, struct str_view key, void *value);
/* Releases the value; false when there was none. */
bool table_erase(struct table *table, struct str_view key);
/* Takes the value out without releasing it; NULL when there was none. */
void *table_take(struct table *table, struct str_view key);

/* Walks in no order; the table must not change meanwhile. Start with `*position` 0. */
bool table_next(const struct table *table, size_t *position, struct str_view *key, void **value);

#endif
