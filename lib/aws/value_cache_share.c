/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/value_cache_share.h"

struct value_cache_share *value_cache_share_new(struct str_view namespace)
{
    struct value_cache_share *share = mem_alloc(sizeof *share);
    share->namespace = sv_dup(namespace);
    return share;
}

void value_cache_share_free(void *share)
{
    free(((struct value_cache_share *)share)->namespace);
    free(share);
}

void value_cache_share_add(struct value_cache_share *share, struct value_cache_place *place,
                           struct value_cache_entry *entry)
{
    list_push_front(&share->entries, &place->entry, entry);
    if (entry->refusal) {
        list_push_front(&share->refusals, &place->refusal, entry);
    }
    share->bytes += entry->bytes;
}

void value_cache_share_remove(struct value_cache_share *share, struct value_cache_place *place,
                              const struct value_cache_entry *entry)
{
    list_remove(&share->entries, &place->entry);
    if (entry->refusal) {
        list_remove(&share->refusals, &place->refusal);
    }
    share->bytes -= entry->bytes;
}

void value_cache_share_touch(struct value_cache_share *share, struct value_cache_place *place)
{
    list_move_to_front(&share->entries, &place->entry);
}

struct value_cache_entry *value_cache_share_surplus(const struct value_cache_share *share,
                                                    const struct value_cache_bounds *bounds,
                                                    const struct value_cache_entry *coming)
{
    if (coming->refusal && share->refusals.count >= bounds->refusals) {
        return list_last(&share->refusals);
    }
    if (share->entries.count >= bounds->entries || share->bytes > bounds->bytes - coming->bytes) {
        return list_last(&share->entries);
    }
    return NULL;
}
