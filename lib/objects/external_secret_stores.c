/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/external_secret_stores.h"

/* 0: its own; then the entries of data and of dataFrom. */
static bool entry_at(const struct store_walk *walk, size_t index, struct store_ref *ret)
{
    const struct external_secret *external_secret = walk->external_secret;
    size_t data_count = external_secret->data_count;
    if (index == 0) {
        *ret = (struct store_ref){external_secret->store_name, external_secret->cluster_store};
    } else if (index <= data_count) {
        *ret = external_secret->data[index - 1].store;
    } else if (index <= data_count + external_secret->data_from_count) {
        *ret = external_secret->data_from[index - 1 - data_count].store;
    } else {
        return false;
    }
    return true;
}

bool store_walk_next(struct store_walk *walk, struct store_ref *ret)
{
    while (entry_at(walk, walk->next, ret)) {
        bool same = ret->cluster == walk->last.cluster && sv_equal(ret->name, walk->last.name);
        walk->next++;
        if (ret->name.len > 0 && !same) {
            walk->last = *ret;
            return true;
        }
    }
    return false;
}
