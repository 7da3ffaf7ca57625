/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers of Parameter Store as bytes, apart from the calls that carry them. For
 * ssm*.c and their tests. Answers are overwritten; see aws/answer.h. Any thread. */
#ifndef AWS_SSM_MESSAGES_H
#define AWS_SSM_MESSAGES_H

#include "aws/ssm.h"
#include "base/json.h"

/* ERR_INVALID: what no parameter is called. */
MUST_CHECK bool ssm_name_check(const struct ssm_ref *ref, struct err *err);
/* Appends "name" or "name:selector" as a JSON string. */
void ssm_name_add(const struct ssm_ref *ref, struct buf *ret);
/* GetParameter. ERR_INVALID. */
MUST_CHECK bool ssm_parameter_compose(const struct ssm_ref *ref, struct buf *ret, struct err *err);
/* ERR_UNAVAILABLE, ERR_TOO_BIG. */
MUST_CHECK bool ssm_parameter_read(struct secret_buf *answer, struct remote_value *ret,
                                   struct err *err);
/* The same of one entry of several. */
MUST_CHECK bool ssm_value_take(const struct json *entry, struct remote_value *ret, struct err *err);

/* GetParameters as far as it has been answered. */
struct ssm_batch {
    struct ssm_batch_item *items;
    size_t count;
    bool answered[SSM_BATCH_MAX];
};

/* Every item as if nothing had been answered. */
void ssm_batch_reset(struct ssm_batch *batch);
/* Whether it can share a request: one that the service refuses outright would fail all. */
bool ssm_batch_can_ask(const struct ssm_ref *ref);
void ssm_batch_compose(const struct ssm_batch *batch, struct buf *ret);
/* ERR_UNAVAILABLE. */
MUST_CHECK bool ssm_batch_read(struct ssm_batch *batch, struct secret_buf *answer, struct err *err);

/* GetParametersByPath. */
void ssm_path_compose(struct str_view path, struct str_view token, struct buf *ret);
/* ERR_UNAVAILABLE, ERR_TOO_BIG. */
MUST_CHECK bool ssm_path_read(struct secret_buf *answer, ssm_found found, void *context,
                              struct buf *token, bool *enough, struct err *err);

/* DescribeParameters. */
void ssm_list_compose(const struct ssm_list *list, struct str_view token, struct buf *ret);
/* ERR_UNAVAILABLE, ERR_TOO_BIG. */
MUST_CHECK bool ssm_list_read(struct secret_buf *answer, ssm_named found, void *context,
                              struct buf *token, bool *enough, struct err *err);

/* ListTagsForResource. ERR_INVALID. */
MUST_CHECK bool ssm_tags_compose(const struct ssm_ref *ref, struct buf *ret, struct err *err);
/* ERR_UNAVAILABLE. */
MUST_CHECK bool ssm_tags_read(struct secret_buf *answer, sm_describe found, void *context,
                              struct err *err);

#endif
