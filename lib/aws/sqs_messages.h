/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers of SQS as bytes, apart from the calls that carry them. For sqs.c and its
 * tests. Answers are overwritten; see aws/answer.h. Any thread. */
#ifndef AWS_SQS_MESSAGES_H
#define AWS_SQS_MESSAGES_H

#include "aws/sqs.h"

/* ReceiveMessage. */
void sqs_receive_compose(struct str_view queue_url, unsigned wait_s, struct buf *ret);
/* ERR_UNAVAILABLE; then `found` was not called. */
MUST_CHECK bool sqs_receive_read(struct secret_buf *answer,
                                 void (*found)(void *context, const struct sqs_message *message),
                                 void *context, struct err *err);

/* DeleteMessageBatch; the entries are named "0", "1", ... */
void sqs_delete_compose(struct str_view queue_url, const struct str_view *receipt_handles,
                        size_t count, struct buf *ret);
/* `*error` is that of the first that failed. */
MUST_CHECK bool sqs_delete_read(struct http_response *answer, size_t count,
                                struct service_error *error, struct err *err);

#endif
