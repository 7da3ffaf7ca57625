/* SPDX-License-Identifier: Apache-2.0 */
/* What the value cache holds as a whole, or for one namespace, in the order of use, and what has to
 * go before more may come. Under the cache's lock. */
#ifndef AWS_VALUE_CACHE_SHARE_H
#define AWS_VALUE_CACHE_SHARE_H

#include "aws/value_cache_entry.h"

struct value_cache_bounds {
    size_t entries;  /* at least 1 */
    size_t refusals; /* of them; at least 1 */
    size_t bytes;
};

/* Zeroed is empty, and the cache's. */
struct value_cache_share {
    struct list entries;  /* the latest used in front */
    struct list refusals; /* of them; the latest heard in front */
    size_t bytes;
    char *namespace; /* whose; NULL: the cache's */
};

struct value_cache_share *value_cache_share_new(struct str_view namespace);
/* The entries stay. For struct table. */
void value_cache_share_free(void *share);

void value_cache_share_add(struct value_cache_share *share, struct value_cache_place *place,
                           struct value_cache_entry *entry);
void value_cache_share_remove(struct value_cache_share *share, struct value_cache_place *place,
                              const struct value_cache_entry *entry);
/* The entry was used. */
void value_cache_share_touch(struct value_cache_share *share, struct value_cache_place *place);
/* Who goes next so that `coming`, which alone is within the bounds, may be added; NULL: it may. */
struct value_cache_entry *value_cache_share_surplus(const struct value_cache_share *share,
                                                    const struct value_cache_bounds *bounds,
                                                    const struct value_cache_entry *coming);

#endif
