/* SPDX-License-Identifier: Apache-2.0 */
/* Receipt handles of messages that are still in their queue (SQS, ReceiveMessage): what it takes to
 * delete them. No locking: the owner guards it. */
#ifndef WEBHOOK_RECEIPTS_H
#define WEBHOOK_RECEIPTS_H

#include "base/str_view.h"

/* Zeroed is empty. */
struct receipts {
    char **handles;
    size_t count;
    size_t capacity;
};

void receipts_done(struct receipts *receipts);
/* A copy of `handle`. */
void receipts_add(struct receipts *receipts, struct str_view handle);
/* Those of `from` stand behind those of `to`, and no longer there. */
void receipts_move(struct receipts *from, struct receipts *to);
/* Without the first `count`, of which there are as many. */
void receipts_drop(struct receipts *receipts, size_t count);

#endif
