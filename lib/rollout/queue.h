/* SPDX-License-Identifier: Apache-2.0 */
/* Which workloads are to be looked at, and when: many changes within `debounce` become one look,
 * and a workload whose Secrets never rest is looked at `max_wait` after the first change.
 *
 * Level-triggered: an entry says only "look", never what has changed. No locking: the owner guards
 * it. Times are milliseconds of the caller's monotonic clock. */
#ifndef ROLLOUT_QUEUE_H
#define ROLLOUT_QUEUE_H

#include "base/schedule.h"

struct rollout_queue {
    struct schedule schedule;
    struct table first_ms; /* key -> when the first change of the present wait was seen */
    int64_t debounce_ms;
    int64_t max_wait_ms;
};

void rollout_queue_init(struct rollout_queue *queue, int64_t debounce_ms, int64_t max_wait_ms);
void rollout_queue_done(struct rollout_queue *queue);
/* Something the workload uses has changed. */
void rollout_queue_touch(struct rollout_queue *queue, struct str_view key, int64_t now_ms);
/* Look at `due_ms`, or earlier if it is already wanted earlier; for retries and full compares. */
void rollout_queue_look_at(struct rollout_queue *queue, struct str_view key, int64_t due_ms);
/* The next key that is due; the caller frees it. */
bool rollout_queue_take(struct rollout_queue *queue, int64_t now_ms, char **ret_key);
/* INT64_MAX when there is nothing. */
int64_t rollout_queue_next_ms(const struct rollout_queue *queue);
size_t rollout_queue_count(const struct rollout_queue *queue);

#endif
