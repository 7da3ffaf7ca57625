/* SPDX-License-Identifier: Apache-2.0 */
/* What time it is, as an interface, so that tests decide.
 *
 * Wall time is milliseconds since 1970 (UTC) and may jump; monotonic time is for deadlines and
 * never goes back. A deadline is an absolute monotonic time in milliseconds. Any thread. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#include "base/alloc.h"

struct clock {
    int64_t (*wall_ms)(void *context);
    int64_t (*monotonic_ms)(void *context);
    void *context;
};

/* CLOCK_REALTIME and CLOCK_MONOTONIC. */
const struct clock *clock_system(void);

static inline int64_t clock_wall_ms(const struct clock *clock)
{
    return clock->wall_ms(clock->context);
}

static inline int64_t clock_monotonic_ms(const struct clock *clock)
{
    return clock->monotonic_ms(clock->context);
}

/* CLOCK_MONOTONIC in microseconds, for measuring only. */
int64_t clock_measure_us(void);

/* Milliseconds until `deadline_ms`, at least 0. */
int64_t clock_left_ms(const struct clock *clock, int64_t deadline_ms);

/* Since when something counts that may be `age_ms` old now; 0, which is no time, when it may have
 * no age at all. */
static inline int64_t clock_since_ms(int64_t now_ms, int64_t age_ms)
{
    int64_t since_ms = now_ms - age_ms;
    return age_ms <= 0 ? 0 : since_ms > 0 ? since_ms : 1;
}

#endif
