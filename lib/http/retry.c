/* SPDX-License-Identifier: Apache-2.0 */
#include "http/retry.h"

#include <stdlib.h>
#include <sys/random.h>

int64_t retry_delay_ms(const struct retry_policy *policy, unsigned attempt, uint32_t random,
                       int64_t retry_after_ms)
{
    int64_t ceiling = policy->base_ms;
    for (unsigned i = 0; i < attempt && ceiling < policy->max_ms; i++) {
        ceiling *= 2;
    }
    if (ceiling > policy->max_ms) {
        ceiling = policy->max_ms;
    }
    int64_t floor = ceiling * policy->floor_percent / 100;
    /* random / 2^32 of the span, both ends within reach for spans a human would configure. */
    int64_t delay = floor + (int64_t)(((uint64_t)random * (uint64_t)(ceiling - floor + 1)) >> 32);
    if (retry_after_ms < 0) {
        return delay;
    }
    int64_t asked =
        retry_after_ms < policy->max_honoured_ms ? retry_after_ms : policy->max_honoured_ms;
    return asked > delay ? asked : delay;
}

uint32_t retry_random(void *context)
{
    (void)context;
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random) {
        abort();
    }
    return random;
}
