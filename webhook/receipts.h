/* SPDX-License-Identifier: Apache-2.0 */
/* Receipts of messages that are still in their queue (SQS, ReceiveMessage): what it takes to delete
 * them, and to know one that comes up again. No locking: the owner guards it. */
#ifndef WEBHOOK_RECEIPTS_H
#define WEBHOOK_RECEIPTS_H

#include "aws/sqs.h"

struct receipt {
    char *id; /* of the message; "": not told */
    char *handle;
};

/* Zeroed is empty. */
struct receipts {
    struct receipt *all;
    size_t count;
    size_t capacity;
};

void receipts_done(struct receipts *receipts);
void receipts_add(struct receipts *receipts, const struct sqs_message *message);
/* The message was received before, and is deleted by its new handle from now on. False: it is none
 * of these. */
MUST_CHECK bool receipts_renew(struct receipts *receipts, const struct sqs_message *message);
/* Those of `from` stand behind those of `to`, and no longer there. */
void receipts_move(struct receipts *from, struct receipts *to);
/* Without the first `count`, of which there are as many. */
void receipts_drop(struct receipts *receipts, size_t count);

#endif
