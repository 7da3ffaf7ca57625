/* SPDX-License-Identifier: Apache-2.0 */
#include "base/schedule.h"

struct schedule_item {
    char *key;
    int64_t due_ms;
    size_t position;
};

void schedule_init(struct schedule *schedule)
{
    *schedule = (struct schedule){0};
    table_init(&schedule->index, NULL);
}

void schedule_done(struct schedule *schedule)
{
    for (size_t i = 0; i < schedule->count; i++) {
        free(schedule->heap[i]->key);
        free(schedule->heap[i]);
    }
    free(schedule->heap);
    table_done(&schedule->index);
    *schedule = (struct schedule){0};
}

static void place(struct schedule *schedule, size_t position, struct schedule_item *item)
{
    schedule->heap[position] = item;
    item->position = position;
}

static void sift_up(struct schedule *schedule, struct schedule_item *item)
{
    size_t at = item->position;
    while (at > 0 && schedule->heap[(at - 1) / 2]->due_ms > item->due_ms) {
        place(schedule, at, schedule->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(schedule, at, item);
}

static void sift_down(struct schedule *schedule, struct schedule_item *item)
{
    size_t at = item->position;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= schedule->count) {
            break;
        }
        if (child + 1 < schedule->count &&
            schedule->heap[child + 1]->due_ms < schedule->heap[child]->due_ms) {
            child++;
        }
        if (schedule->heap[child]->due_ms >= item->due_ms) {
            break;
        }
        place(schedule, at, schedule->heap[child]);
        at = child;
    }
    place(schedule, at, item);
}

static void move(struct schedule *schedule, struct schedule_item *item, int64_t due_ms)
{
    item->due_ms = due_ms;
    sift_up(schedule, item);
    sift_down(schedule, item);
}

static void insert(struct schedule *schedule, struct str_view key, int64_t due_ms)
{
    if (schedule->count == schedule->capacity) {
        schedule->capacity = schedule->capacity ? 2 * schedule->capacity : 16;
        schedule->heap =
            mem_resize_array(schedule->heap, schedule->capacity, sizeof(struct schedule_item *));
    }
    struct schedule_item *item = mem_alloc(sizeof *item);
    item->key = sv_dup(key);
    item->due_ms = due_ms;
    place(schedule, schedule->count++, item);
    sift_up(schedule, item);
    table_put(&schedule->index, key, item);
}

void schedule_set(struct schedule *schedule, struct str_view key, int64_t due_ms)
{
    struct schedule_item *item = table_get(&schedule->index, key);
    if (item) {
        move(schedule, item, due_ms);
    } else {
        insert(schedule, key, due_ms);
    }
}

void schedule_advance(struct schedule *schedule, struct str_view key, int64_t due_ms)
{
    struct schedule_item *item = table_get(&schedule->index, key);
    if (!item) {
        insert(schedule, key, due_ms);
    } else if (due_ms < item->due_ms) {
        move(schedule, item, due_ms);
    }
}

/* Out of the heap and the index; the caller frees. */
static void detach(struct schedule *schedule, struct schedule_item *item)
{
    (void)table_take(&schedule->index, sv_of(item->key));
    struct schedule_item *last = schedule->heap[--schedule->count];
    if (last != item) {
        place(schedule, item->position, last);
        move(schedule, last, last->due_ms);
    }
}

bool schedule_remove(struct schedule *schedule, struct str_view key)
{
    struct schedule_item *item = table_get(&schedule->index, key);
    if (!item) {
        return false;
    }
    detach(schedule, item);
    free(item->key);
    free(item);
    return true;
}

int64_t schedule_earliest_ms(const struct schedule *schedule)
{
    return schedule->count ? schedule->heap[0]->due_ms : INT64_MAX;
}

bool schedule_take_due(struct schedule *schedule, int64_t now_ms, char **ret_key)
{
    if (schedule_earliest_ms(schedule) > now_ms || schedule->count == 0) {
        return false;
    }
    struct schedule_item *item = schedule->heap[0];
    detach(schedule, item);
    *ret_key = item->key;
    free(item);
    return true;
}

bool schedule_get(const struct schedule *schedule, struct str_view key, int64_t *ret_ms)
{
    const struct schedule_item *item = table_get(&schedule->index, key);
    if (!item) {
        return false;
    }
    *ret_ms = item->due_ms;
    return true;
}
