/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of the value cache: by key, by alias, in the order of use, within their bounds. Told
 * the time, and under the cache's lock. */
#ifndef AWS_VALUE_CACHE_TABLE_H
#define AWS_VALUE_CACHE_TABLE_H

#include "aws/value_cache_share.h"
#include "base/table.h"

struct value_cache_table {
    struct value_cache_bounds bounds;           /* of everything */
    struct value_cache_bounds namespace_bounds; /* of one namespace */
    int64_t hard_ms;
    struct table values;     /* composed key -> entry, which the table holds */
    struct table refusals;   /* likewise */
    struct table aliases;    /* alias -> entry in `values` */
    struct table namespaces; /* name -> struct value_cache_share, none of them empty */
    struct value_cache_share all;
    uint64_t evictions;
};

void value_cache_table_init(struct value_cache_table *table,
                            const struct value_cache_options *options);
void value_cache_table_done(struct value_cache_table *table);

/* What lies under the key, a value or a refusal, was asked for later than at `asked_ms`. */
bool value_cache_table_has_younger(const struct value_cache_table *table, struct str_view key,
                                   int64_t asked_ms);
/* Takes `entry` and puts it in the place of what lies under its key, after whatever has to go for
 * it; what is too large for a namespace's share is let go of. A value ends a refusal; a refusal may
 * stand before a value. */
void value_cache_table_keep(struct value_cache_table *table, struct str_view namespace,
                            struct value_cache_entry *entry);
/* Takes it out of everything and lets go of it. */
void value_cache_table_discard(struct value_cache_table *table, struct value_cache_entry *entry);
/* Discards the value that the key leads to, its own and by alias. */
void value_cache_table_purge(struct value_cache_table *table, struct str_view key);

/* What lies under the key or answers to it as an alias, the younger, below the hard time. NULL:
 * none. */
struct value_cache_entry *value_cache_table_find(struct value_cache_table *table,
                                                 struct str_view key, int64_t now_ms);
/* One that has not lapsed. NULL: none. */
struct value_cache_entry *value_cache_table_find_refusal(struct value_cache_table *table,
                                                         struct str_view key, int64_t now_ms);
/* It was used. */
void value_cache_table_touch(struct value_cache_table *table, struct value_cache_entry *entry);

/* As value_cache_expire() and value_cache_drop_identity(); whether there was anything. */
size_t value_cache_table_expire(struct value_cache_table *table, enum endpoint_service service,
                                struct str_view name, struct str_view arn);
bool value_cache_table_drop_identity(struct value_cache_table *table,
                                     const struct identity_key *identity);

#endif
