/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what the services answer that speak JSON: strict, in place, in the secret memory it lies
 * in. Members we do not know are passed over, null is absent, a member of another type than the
 * service's model gives it is no answer. No error repeats a byte of an answer. Any thread. */
#ifndef AWS_ANSWER_H
#define AWS_ANSWER_H

#include "aws/remote_value.h"
#include "aws/service_error.h"
#include "base/json.h"

enum {
    ANSWER_TOKEN_BYTES = 4096, /* Secrets Manager: NextToken */
    ANSWER_NAME_BYTES = 2048,  /* names and ARNs; the longest of any service's model */
};

/* Fills `err` with ERR_UNAVAILABLE; answers false. */
bool answer_refuse(struct err *err);
/* `body` is overwritten and outlives `doc`. `*ret` is an object. ERR_UNAVAILABLE. */
MUST_CHECK bool answer_parse(struct secret_buf *body, uint32_t max_nodes, struct json_doc *doc,
                             const struct json **ret, struct err *err);

/* `*ret` is NULL when there is no such member; ERR_UNAVAILABLE when it has another type. */
MUST_CHECK bool answer_member(const struct json *object, const char *name, enum json_type type,
                              const struct json **ret, struct err *err);
/* The text of a member; empty when there is none. */
MUST_CHECK bool answer_string(const struct json *object, const char *name, struct str_view *ret,
                              struct err *err);
/* NextToken into `ret`, which was initialised with ANSWER_TOKEN_BYTES; empty: the last page. */
MUST_CHECK bool answer_next_token(const struct json *answer, struct buf *ret, struct err *err);
/* Appends ',"NextToken":"..."' unless it is empty. */
void answer_add_token(struct buf *body, struct str_view token);

/* The exact bytes into memory of their size. ERR_TOO_BIG over LIMIT_AWS_VALUE_BYTES. */
MUST_CHECK bool answer_take_value(const struct json *text, struct secret_buf *ret, struct err *err);
/* ERR_UNAVAILABLE when it is not base64. */
MUST_CHECK bool answer_take_base64(const struct json *text, struct secret_buf *ret,
                                   struct err *err);
/* A name or ARN; NULL when it has none of the printable bytes of one, or others. */
char *answer_take_name(struct str_view text);
/* A version; "" when it does not fit or has other characters than ids have. */
void answer_take_version(struct str_view text, char ret[REMOTE_VERSION_BYTES]);

/* 1 to ANSWER_NAME_BYTES bytes of printable ASCII without spaces, as every name and ARN is. */
bool answer_is_name(struct str_view text);

/* Types what made an answer of status 200 useless: nothing there is SERVICE_NOT_FOUND, too large
 * SERVICE_REQUEST, no answer at all SERVICE_TRANSIENT. */
void answer_type_error(const struct err *err, struct service_error *error);
/* What such an answer says about one of several things it was asked for: `code` and `message` of
 * its entry, as if the call had failed with them and `status` (400, or 500 when the service is to
 * blame). SERVICE_TRANSIENT when it has no code. */
struct service_error answer_entry_error(const struct http_response *answer, unsigned status,
                                        struct str_view code, struct str_view message);
/* Neither a value nor an error came: SERVICE_TRANSIENT and ERR_UNAVAILABLE. */
void answer_say_nothing(struct service_error *error, struct err *err);

struct sm_tag;
/* An array of {"Key","Value"}; `*ret` is the caller's to free. ERR_UNAVAILABLE. */
MUST_CHECK bool answer_tags(const struct json *object, const char *name, struct sm_tag **ret,
                            size_t *ret_count, struct err *err);

#endif
