/* SPDX-License-Identifier: Apache-2.0 */
/* What is due when: a set of keys, each with one time, earliest first.
 *
 * A binary heap with an index, so that a key can be moved or taken out in O(log n). Times are
 * whatever the caller's clock says, in milliseconds. No locking: the owner guards it. */
#ifndef BASE_SCHEDULE_H
#define BASE_SCHEDULE_H

#include "base/table.h"

struct schedule_item;

struct schedule {
    struct schedule_item **heap;
    size_t count;
    size_t capacity;
    struct table index;
};

void schedule_init(struct schedule *schedule);
void schedule_done(struct schedule *schedule);
/* Sets the key's time, whatever it was. */
void schedule_set(struct schedule *schedule, struct str_view key, int64_t due_ms);
/* Sets the key's time unless it is already due earlier. */
void schedule_advance(struct schedule *schedule, struct str_view key, int64_t due_ms);
bool schedule_remove(struct schedule *schedule, struct str_view key);
/* INT64_MAX when nothing is scheduled. */
int64_t schedule_earliest_ms(const struct schedule *schedule);
/* Takes the earliest key out if it is due at `now_ms`; the caller frees `*ret_key`. */
bool schedule_take_due(struct schedule *schedule, int64_t now_ms, char **ret_key);
/* The key's time; false when it is not scheduled. */
bool schedule_get(const struct schedule *schedule, struct str_view key, int64_t *ret_ms);

#endif
