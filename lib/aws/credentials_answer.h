/* SPDX-License-Identifier: Apache-2.0 */
/* What the container endpoint and the instance metadata service answer: JSON with AccessKeyId,
 * SecretAccessKey, Token and Expiration (aws.md §2.4, §2.5). Any thread. */
#ifndef AWS_CREDENTIALS_ANSWER_H
#define AWS_CREDENTIALS_ANSWER_H

#include "aws/credential_endpoint.h"

/* Reads the body of a 200 answer where it stands, in secret memory; it is overwritten. All four
 * members are required, and of the instance also Code, which has to be "Success": an error may come
 * with status 200. ERR_UNAVAILABLE: not such an answer. ERR_DENIED: the service may not assume the
 * role. Messages hold nothing of the answer but its Code. */
MUST_CHECK bool credentials_answer_read(struct secret_buf *body, enum credential_endpoint_kind kind,
                                        struct credentials **ret, int64_t *ret_expires_wall_ms,
                                        struct err *err);

/* The same, with the lifetime by the service's clock (its Date, where it says one). ERR_UNAVAILABLE
 * when they have expired already, but the instance's are given five minutes then: its service hands
 * out old ones when it cannot get others, and they are accepted. ERR_DENIED when they are those
 * that were refused. */
MUST_CHECK bool credentials_answer_accept(struct http_response *response,
                                          enum credential_endpoint_kind kind,
                                          const struct credentials_request *request,
                                          struct credentials **ret, struct err *err);

#endif
