/* SPDX-License-Identifier: Apache-2.0 */
/* When to try again: a pure function of attempt, chance and what the server asked for.
 *
 * Any thread. */
#ifndef HTTP_RETRY_H
#define HTTP_RETRY_H

#include <stdbool.h>
#include <stdint.h>

struct retry_policy {
    int64_t base_ms;        /* ceiling of the delay before the first retry */
    int64_t max_ms;         /* ceiling of every delay that we choose */
    unsigned floor_percent; /* at least so much of the ceiling: 0 is full jitter, 100 none */
    int64_t
        max_honoured_ms; /* a longer Retry-After counts as this one; 0: Retry-After is ignored */
};

/* `attempt` counts from 0 for the first retry. The ceiling is base_ms * 2^attempt, at most max_ms;
 * `random` (all 32 bits uniform) chooses between floor and ceiling. `retry_after_ms` < 0: the
 * server said nothing; otherwise the delay is not shorter than that. */
int64_t retry_delay_ms(const struct retry_policy *policy, unsigned attempt, uint32_t random,
                       int64_t retry_after_ms);

/* 32 random bits for jitter, not for keys (getrandom(2)). The context is not used: the signature is
 * that of the `random` members of this tree. */
uint32_t retry_random(void *context);

#endif
