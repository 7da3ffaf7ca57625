/* SPDX-License-Identifier: Apache-2.0 */
/* How often a queue may ask for several values at once: 5 times a second, 10 in a burst.
 *
 * BatchGetSecretValue has a hundredth of the headroom of GetSecretValue (100 a second for the whole
 * account and region, not adjustable; aws.md §3.4), so every replica keeps far below it. Told the
 * time, monotonic. No locking: the owner guards it. */
#ifndef AWS_BATCH_RATE_H
#define AWS_BATCH_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"

enum {
    BATCH_RATE_INTERVAL_MS = 200,
    BATCH_RATE_BURST = 10,
};

/* Zeroed: the whole burst is there. */
struct batch_rate {
    int64_t full_ms; /* when the whole burst is there again */
};

/* Takes one; false: none is there before batch_rate_ready_ms(). */
MUST_CHECK bool batch_rate_take(struct batch_rate *rate, int64_t now_ms);
/* The earliest time at which one is there; not after `now_ms`: now. */
int64_t batch_rate_ready_ms(const struct batch_rate *rate);

#endif
