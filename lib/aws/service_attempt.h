/* SPDX-License-Identifier: Apache-2.0 */
/* One request to an AWS service as it goes over the wire: composed, signed and sent once. Only for
 * service_client.c, which decides whether and when. One thread. */
#ifndef AWS_SERVICE_ATTEMPT_H
#define AWS_SERVICE_ATTEMPT_H

#include "aws/service_client.h"
#include "aws/sigv4.h"

enum {
    INVOCATION_ID_BYTES = 37,          /* a UUID with its NUL */
    SERVICE_ATTEMPT_HEADERS = 9,       /* all there can be */
    SERVICE_ATTEMPT_NUMBER_BYTES = 48, /* "attempt=1; max=3" */
};

/* What it is made of; borrowed until service_attempt_done(). */
struct service_attempt_input {
    const struct service_thread *thread;
    const struct endpoint *endpoint;
    const struct service_request *request;
    const struct credentials *credentials; /* NULL: unsigned */
    const char *invocation_id;             /* the same for all tries of a call */
    unsigned number;                       /* from 1 */
    unsigned max_number;
    int64_t clock_offset_ms;
    bool fresh_connection;
};

/* The headers point into the struct: it stays where it is. */
struct service_attempt {
    struct service_attempt_input in;
    struct http_header headers[SERVICE_ATTEMPT_HEADERS];
    size_t header_count;
    char date[SIGV4_DATE_BYTES];
    char number[SERVICE_ATTEMPT_NUMBER_BYTES];
    struct secret_buf authorization;
    int64_t sent_at_ms; /* wall, not corrected; as the next */
    int64_t answered_at_ms;
};

/* Composes and signs; `attempt` is zeroed. ERR_TOO_BIG when the session token is beyond reason. */
MUST_CHECK bool service_attempt_prepare(struct service_attempt *attempt,
                                        const struct service_attempt_input *input, struct err *err);
/* Sends what was prepared, as http_transport does, and notes the times. */
MUST_CHECK bool service_attempt_send(struct service_attempt *attempt, struct http_response *ret,
                                     struct err *err);
/* Accepts a zeroed attempt, and leaves it zeroed. */
void service_attempt_done(struct service_attempt *attempt);

#endif
