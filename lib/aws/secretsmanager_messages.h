/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers of Secrets Manager as bytes, apart from the calls that carry them. For
 * secretsmanager*.c and their tests. Answers are overwritten; see aws/answer.h. Any thread. */
#ifndef AWS_SECRETSMANAGER_MESSAGES_H
#define AWS_SECRETSMANAGER_MESSAGES_H

#include "aws/secretsmanager.h"
#include "base/json.h"

/* GetSecretValue. ERR_INVALID. */
MUST_CHECK bool sm_value_compose(const struct sm_ref *ref, struct buf *ret, struct err *err);
/* ERR_UNAVAILABLE, ERR_MISSING, ERR_TOO_BIG. */
MUST_CHECK bool sm_value_read(struct secret_buf *answer, struct remote_value *ret, struct err *err);
/* The same of one entry of a batch. */
MUST_CHECK bool sm_value_take(const struct json *entry, struct remote_value *ret, struct err *err);

/* BatchGetSecretValue as far as it has been answered. */
struct sm_batch {
    struct sm_batch_item *items;
    size_t count;
    bool answered[SM_BATCH_MAX];
};

/* Every item as if nothing had been answered. */
void sm_batch_reset(struct sm_batch *batch);
/* Whether this key can share a request: one that the service refuses outright would fail all. */
bool sm_batch_can_ask(struct str_view key);
void sm_batch_compose(const struct sm_batch *batch, struct str_view token, struct buf *ret);
/* ERR_UNAVAILABLE. */
MUST_CHECK bool sm_batch_read(struct sm_batch *batch, struct http_response *page, struct buf *token,
                              struct err *err);

/* DescribeSecret. ERR_INVALID. */
MUST_CHECK bool sm_describe_compose(struct str_view key, struct buf *ret, struct err *err);
MUST_CHECK bool sm_describe_read(struct secret_buf *answer, sm_describe found, void *context,
                                 struct err *err);
/* ListSecrets. */
void sm_list_compose(const struct sm_list *list, struct str_view token, struct buf *ret);
MUST_CHECK bool sm_list_read(struct secret_buf *answer, const struct sm_list *list,
                             sm_describe found, void *context, struct buf *token, bool *enough,
                             struct err *err);

#endif
