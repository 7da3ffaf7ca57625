/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/receipts.h"

#include "base/alloc.h"

enum {
    FIRST_CAPACITY = 16,
};

void receipts_done(struct receipts *receipts)
{
    for (size_t i = 0; i < receipts->count; i++) {
        free(receipts->handles[i]);
    }
    free(receipts->handles);
    *receipts = (struct receipts){0};
}

static void add(struct receipts *receipts, char *handle)
{
    if (receipts->count == receipts->capacity) {
        receipts->capacity = receipts->capacity ? 2 * receipts->capacity : FIRST_CAPACITY;
        receipts->handles =
            mem_resize_array(receipts->handles, receipts->capacity, sizeof *receipts->handles);
    }
    receipts->handles[receipts->count++] = handle;
}

void receipts_add(struct receipts *receipts, struct str_view handle)
{
    add(receipts, sv_dup(handle));
}

void receipts_move(struct receipts *from, struct receipts *to)
{
    for (size_t i = 0; i < from->count; i++) {
        add(to, from->handles[i]);
    }
    from->count = 0;
    receipts_done(from);
}

void receipts_drop(struct receipts *receipts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(receipts->handles[i]);
    }
    for (size_t i = count; i < receipts->count; i++) {
        receipts->handles[i - count] = receipts->handles[i];
    }
    receipts->count -= count;
}
