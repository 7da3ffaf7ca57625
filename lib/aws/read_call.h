/* SPDX-License-Identifier: Apache-2.0 */
/* One call for one value or for several, and what follows for each of them. Blocking. */
#ifndef AWS_READ_CALL_H
#define AWS_READ_CALL_H

#include "aws/reader_calls.h"

enum {
    READ_CALL_MAX = SM_BATCH_MAX, /* the largest batch of any service */
};

struct read_call {
    struct read_fetch *fetches[READ_CALL_MAX];
    size_t count;
    enum service_urgency urgency; /* the greatest of its fetches */
    int64_t deadline_ms;          /* the latest of its fetches */
};

enum read_call_end {
    READ_CALL_ENDED,     /* as it may: every fetch has what came for it */
    READ_CALL_FORBIDDEN, /* batches are not allowed (IAM), or the endpoint does not know them */
    READ_CALL_SPOILT,    /* refused, because of batches as such or of one that is in it */
};

/* How many values of `service` one call can ask for. */
size_t read_call_max(enum endpoint_service service);
void read_call_add(struct read_call *call, struct read_fetch *fetch);
/* Afterwards every fetch has a value, or a typed error and no value, or is to be asked for
 * `again`, singly: after a batch that was refused or is too large, what a batch failed for in
 * passing, and after throttling where the single call has a quota of its own. */
enum read_call_end read_call_make(const struct read_call *call, const struct reader_calls *calls,
                                  enum endpoint_service service,
                                  const struct service_target *target);

#endif
