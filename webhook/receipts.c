/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/receipts.h"

#include "base/alloc.h"

enum {
    FIRST_CAPACITY = 16,
};

static void receipt_done(struct receipt *receipt)
{
    free(receipt->id);
    free(receipt->handle);
}

void receipts_done(struct receipts *receipts)
{
    for (size_t i = 0; i < receipts->count; i++) {
        receipt_done(&receipts->all[i]);
    }
    free(receipts->all);
    *receipts = (struct receipts){0};
}

static void add(struct receipts *receipts, struct receipt receipt)
{
    if (receipts->count == receipts->capacity) {
        receipts->capacity = receipts->capacity ? 2 * receipts->capacity : FIRST_CAPACITY;
        receipts->all = mem_resize_array(receipts->all, receipts->capacity, sizeof *receipts->all);
    }
    receipts->all[receipts->count++] = receipt;
}

void receipts_add(struct receipts *receipts, const struct sqs_message *message)
{
    add(receipts,
        (struct receipt){.id = sv_dup(message->id), .handle = sv_dup(message->receipt_handle)});
}

bool receipts_renew(struct receipts *receipts, const struct sqs_message *message)
{
    for (size_t i = 0; i < receipts->count; i++) {
        struct receipt *receipt = &receipts->all[i];
        if (message->id.len > 0 && sv_is(message->id, receipt->id)) {
            free(receipt->handle);
            receipt->handle = sv_dup(message->receipt_handle);
            return true;
        }
    }
    return false;
}

void receipts_move(struct receipts *from, struct receipts *to)
{
    for (size_t i = 0; i < from->count; i++) {
        add(to, from->all[i]);
    }
    from->count = 0;
    receipts_done(from);
}

void receipts_drop(struct receipts *receipts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        receipt_done(&receipts->all[i]);
    }
    for (size_t i = count; i < receipts->count; i++) {
        receipts->all[i - count] = receipts->all[i];
    }
    receipts->count -= count;
}
