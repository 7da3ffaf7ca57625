/* SPDX-License-Identifier: Apache-2.0 */
#include "rollout/queue.h"

void rollout_queue_init(struct rollout_queue *queue, int64_t debounce_ms, int64_t max_wait_ms)
{
    *queue = (struct rollout_queue){.debounce_ms = debounce_ms, .max_wait_ms = max_wait_ms};
    schedule_init(&queue->schedule);
    table_init(&queue->first_ms, free);
}

void rollout_queue_done(struct rollout_queue *queue)
{
    schedule_done(&queue->schedule);
    table_done(&queue->first_ms);
}

void rollout_queue_touch(struct rollout_queue *queue, struct str_view key, int64_t now_ms)
{
    int64_t *first = table_get(&queue->first_ms, key);
    if (!first) {
        first = mem_alloc(sizeof *first);
        *first = now_ms;
        table_put(&queue->first_ms, key, first);
    }
    int64_t quiet = now_ms + queue->debounce_ms;
    int64_t latest = *first + queue->max_wait_ms;
    schedule_set(&queue->schedule, key, quiet < latest ? quiet : latest);
}

void rollout_queue_look_at(struct rollout_queue *queue, struct str_view key, int64_t due_ms)
{
    schedule_advance(&queue->schedule, key, due_ms);
}

bool rollout_queue_take(struct rollout_queue *queue, int64_t now_ms, char **ret_key)
{
    if (!schedule_take_due(&queue->schedule, now_ms, ret_key)) {
        return false;
    }
    (void)table_erase(&queue->first_ms, sv_of(*ret_key));
    return true;
}

int64_t rollout_queue_next_ms(const struct rollout_queue *queue)
{
    return schedule_earliest_ms(&queue->schedule);
}

size_t rollout_queue_count(const struct rollout_queue *queue)
{
    return queue->schedule.count;
}
