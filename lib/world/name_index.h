/* SPDX-License-Identifier: Apache-2.0 */
/* From a name to the records that mention it: a table of small sets of borrowed pointers.
 *
 * No locking: the owner guards it, and takes a record out before it releases it. */
#ifndef WORLD_NAME_INDEX_H
#define WORLD_NAME_INDEX_H

#include "base/table.h"

struct name_set {
    uint32_t count;
    uint32_t capacity;
    void *items[];
};

struct name_index {
    struct table table;
};

void name_index_init(struct name_index *index);
void name_index_done(struct name_index *index);
/* All that is added for one record is added in a row; then doubles are dropped. */
void name_index_add(struct name_index *index, struct str_view name, void *record);
/* Nothing happens when it is not there. */
void name_index_remove(struct name_index *index, struct str_view name, const void *record);
/* NULL: nobody mentions it. Valid until the next change. */
const struct name_set *name_index_find(const struct name_index *index, struct str_view name);

#endif
