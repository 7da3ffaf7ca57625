/* SPDX-License-Identifier: Apache-2.0 */
/* One call to an AWS service: signed, bounded in time, tried again when that can help.
 *
 * At most three tries, signed anew each time: again after a failure of the service or of the
 * network, or after throttling, when deadline and retry quota leave room; then the delay is random,
 * up to 50 and 100 ms, after throttling up to 500 and 1000 ms, and not shorter than the service
 * asks for (up to 5 s). Beyond these three once more at once when the clock is off, and once when
 * the credentials are not accepted but the source has others. The last try is cut to the time left,
 * and none begins with less than 300 ms; connecting takes at most 1 s of it. Blocking. Numbers:
 * aws.md §6.2. */
#ifndef AWS_SERVICE_CLIENT_H
#define AWS_SERVICE_CLIENT_H

#include "aws/credentials.h"
#include "aws/service_endpoint.h"

enum service_protocol {
    SERVICE_JSON_1_1, /* Secrets Manager, Systems Manager */
    SERVICE_JSON_1_0, /* SQS */
    SERVICE_QUERY,    /* STS: a form, answered in XML */
};

struct service_request {
    enum service_protocol protocol;
    const char *target;    /* "secretsmanager.GetSecretValue"; NULL for SERVICE_QUERY */
    const char *operation; /* "GetSecretValue", for reports */
    struct str_view body;  /* may hold secrets; borrowed */
    enum service_urgency urgency;
    int64_t deadline_ms; /* absolute, monotonic */
    size_t max_answer;   /* bytes */
    /* What the service waits before it answers, on purpose (long polling); added to the time of a
     * try. */
    int64_t long_poll_ms;
};

/* `ret`, zeroed before, is the 200 answer, which the caller releases; it is empty after failure.
 * Without `credentials` the call goes unsigned. On failure `*error` is typed; `err` has the kinds
 * of service_error_report(), of http_transport (ERR_TIMEOUT, ERR_UNAVAILABLE, ERR_TOO_BIG), of
 * credentials_source, and ERR_BUSY from the breaker; it names code and request id, never the body.
 * When no further try is possible, both say how the last one ended. */
MUST_CHECK bool service_call(const struct service_thread *thread, struct service_endpoint *endpoint,
                             const struct credentials_source *credentials,
                             const struct service_request *request, struct http_response *ret,
                             struct service_error *error, struct err *err);

#endif
