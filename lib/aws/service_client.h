/* SPDX-License-Identifier: Apache-2.0 */
/* One call to an AWS service that speaks JSON 1.1: signed, bounded in time, tried again when that
 * can help.
 *
 * A call is tried twice: once more, signed anew, after a failure of the service or of the network,
 * or after throttling, when the deadline leaves room. Besides, once more at once when the clock is
 * off (the offset is learnt from the answer's Date and kept for this endpoint), and when the
 * credentials are not accepted but the source has others. Blocking; a client belongs to one worker
 * thread. */
#ifndef AWS_SERVICE_CLIENT_H
#define AWS_SERVICE_CLIENT_H

#include "aws/credentials.h"
#include "aws/endpoint.h"
#include "aws/service_error.h"
#include "base/clock.h"
#include "http/transport.h"

struct service_client {
    struct http_transport transport;
    struct credentials_source credentials;
    struct endpoint endpoint;
    const struct clock *clock;
    const char *ca_file;               /* PEM bundle; NULL: the system's */
    uint32_t (*random)(void *context); /* 32 random bits, for jitter only */
    /* Waits between two tries; may return early. */
    void (*pause)(void *context, int64_t ms);
    void *context;           /* of `random` and `pause` */
    int64_t clock_offset_ms; /* the service's clock minus ours, as far as it matters; starts at 0 */
};

struct service_request {
    const char *target;   /* "secretsmanager.GetSecretValue" */
    struct str_view body; /* JSON; borrowed */
    int64_t deadline_ms;  /* absolute, monotonic */
    size_t max_answer;    /* bytes */
};

/* `ret` is the 200 answer, which the caller releases whatever happens. On failure `*error` is
 * typed; `err` has the kinds of service_error_report(), of http_transport (ERR_TIMEOUT,
 * ERR_UNAVAILABLE, ERR_TOO_BIG) and of credentials_source, and names code and request id. */
MUST_CHECK bool service_call(struct service_client *client, const struct service_request *request,
                             struct http_response *ret, struct service_error *error,
                             struct err *err);

#endif
