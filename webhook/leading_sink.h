/* SPDX-License-Identifier: Apache-2.0 */
/* A sink that asks before it writes a Secret whether this replica still leads: between the fetch
 * and the write of a refresh the Lease may have gone to another, which has written something newer.
 * ERR_BUSY then. Reads go through. As thread-safe as the sink behind it. */
#ifndef WEBHOOK_LEADING_SINK_H
#define WEBHOOK_LEADING_SINK_H

#include "externalsecret/sink.h"
#include "webhook/leader.h"

/* Everything here outlives the interface. */
struct leading_sink {
    const struct leader *leader;
    struct secret_sink sink;
};

struct secret_sink leading_sink(struct leading_sink *leading);

#endif
