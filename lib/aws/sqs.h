/* SPDX-License-Identifier: Apache-2.0 */
/* Amazon SQS (API 2012-11-05, JSON 1.0): receive by long polling and delete. What stands in a
 * message is anybody's word (aws.md §7.5). Blocking. */
#ifndef AWS_SQS_H
#define AWS_SQS_H

#include "aws/secretsmanager.h"

enum {
    SQS_MESSAGES_MAX = 10,
    SQS_WAIT_S = 20,
};

struct sqs_message {
    struct str_view id; /* the same whenever it is received; empty: not told */
    struct str_view body;
    struct str_view receipt_handle;
};

/* ReceiveMessage with WaitTimeSeconds `wait_s`: `found` is called for each message, the views of
 * which live as long as that. No message is a success. */
MUST_CHECK bool sqs_receive(const struct service_target *target, struct str_view queue_url,
                            unsigned wait_s,
                            void (*found)(void *context, const struct sqs_message *message),
                            void *context, struct service_error *error, struct err *err);
/* DeleteMessageBatch for 1 to SQS_MESSAGES_MAX handles. False: the call or one of them failed. */
MUST_CHECK bool sqs_delete(const struct service_target *target, struct str_view queue_url,
                           const struct str_view *receipt_handles, size_t count,
                           struct service_error *error, struct err *err);

/* "https://sqs.<region>.<suffix>/<account>/<name>": its region. ERR_INVALID. */
MUST_CHECK bool sqs_queue_region(struct str_view queue_url, struct str_view *ret, struct err *err);

#endif
