/* SPDX-License-Identifier: Apache-2.0 */
/* Threads in simulated time: one of them runs at a time, and time passes only when all of them
 * wait; then it is at once the earliest time that one of them waits for. So a month of refreshing
 * takes seconds, and how long the machine takes over anything does not count.
 *
 * What is defined here stands in for base/lock.c: the linker takes it and leaves that object in the
 * archive. That a wait may end without a reason (base/lock.h) is what makes it simple: after each
 * step everybody who waits looks at his condition again, whether he was signalled or not. */
#ifndef TESTS_BENCH_SIMULATION_H
#define TESTS_BENCH_SIMULATION_H

#include "base/clock.h"

enum {
    SIMULATION_THREADS = 8,
};

/* Monotonic and wall time are one. */
const struct clock *simulation_clock(void);
/* Runs `act` on that many threads; returns when all have. Main's thread, once. */
void simulation_run(void (*act)(void *context), void *context);
/* On one of the threads. */
void simulation_sleep_until(int64_t ms);
/* The same, but returns whenever something may have changed. */
void simulation_wait_until(int64_t ms);

#endif
