/* SPDX-License-Identifier: Apache-2.0 */
/* One endpoint as all threads see it: where it is, how far its clock is from ours, how many retries
 * it may still cost, and whether it answers at all.
 *
 * Retry quota as in the standard mode of the AWS SDKs (aws.md §6.1): 500 tokens for each urgency, a
 * retry after throttling costs 5, another 14, a success gives back what its last retry cost, or 1.
 * Circuit breaker: five transport failures in a row within ten seconds open it for one to five
 * seconds; then one call probes and the others go on failing at once until it has answered
 * (aws.md §6.2). Any thread; no lock is held over a call. */
#ifndef AWS_SERVICE_ENDPOINT_H
#define AWS_SERVICE_ENDPOINT_H

#include "aws/endpoint.h"
#include "aws/service_error.h"
#include "aws/service_thread.h"

/* One call as it ended, for metrics and logs; nothing in it is secret. */
struct service_report {
    const struct endpoint *endpoint;
    const char *operation; /* "GetSecretValue" */
    enum service_urgency urgency;
    const struct service_error *error; /* class SERVICE_OK after success */
    unsigned sent;                     /* requests that were sent, retries included; 0: none */
    unsigned throttled;                /* of them */
    int64_t took_ms;
};

struct service_observer {
    /* Called on the caller's thread, without locks. May be NULL. */
    void (*call_ended)(void *context, const struct service_report *report);
    /* The offset that is now used for the endpoint, service minus us; told once for each change. */
    void (*clock_set)(void *context, const struct endpoint *endpoint, int64_t offset_ms);
    void *context;
};

struct service_endpoint;

/* Copies `endpoint` and `observer` (NULL: nobody is told). */
struct service_endpoint *service_endpoint_new(const struct endpoint *endpoint,
                                              const struct service_observer *observer);
/* No call is under way. Accepts NULL. */
void service_endpoint_free(struct service_endpoint *endpoint);
const struct endpoint *service_endpoint_address(const struct service_endpoint *endpoint);

/* The breaker. ERR_BUSY: it is open, and says for how long. True takes the probe where one is due:
 * service_endpoint_note_transport() has to follow. */
MUST_CHECK bool service_endpoint_may_ask(struct service_endpoint *endpoint, int64_t now_ms,
                                         struct err *err);
/* A request got an answer of any status, or none. `random` decides how long the breaker opens. */
void service_endpoint_note_transport(struct service_endpoint *endpoint, bool answered,
                                     int64_t now_ms, uint32_t random);

/* Takes the price of one retry; false when the quota is spent. */
MUST_CHECK bool service_endpoint_take_retry(struct service_endpoint *endpoint,
                                            enum service_urgency urgency, bool throttled);
/* A call succeeded after `retries` of them, the last one after throttling or not. */
void service_endpoint_give_back(struct service_endpoint *endpoint, enum service_urgency urgency,
                                unsigned retries, bool throttled);

/* The service's clock minus ours, as far as it matters; starts at 0. */
int64_t service_endpoint_clock_offset_ms(const struct service_endpoint *endpoint);
/* Adopts an offset that a refused signature's Date gave, if it differs from the present one by
 * enough to explain the refusal (240 s); false otherwise (aws.md §1.3). */
MUST_CHECK bool service_endpoint_set_clock(struct service_endpoint *endpoint, int64_t offset_ms);

void service_endpoint_report(const struct service_endpoint *endpoint,
                             const struct service_report *report);

#endif
