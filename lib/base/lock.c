/* SPDX-License-Identifier: Apache-2.0 */
#include "base/lock.h"

#include <stdlib.h>
#include <time.h>

void mutex_init(pthread_mutex_t *mutex)
{
    if (pthread_mutex_init(mutex, NULL) != 0) {
        abort();
    }
}

void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0 ||
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0 ||
        pthread_cond_init(cond, &attributes) != 0) {
        abort();
    }
    pthread_condattr_destroy(&attributes);
}

void cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ms)
{
    if (deadline_ms == INT64_MAX) {
        pthread_cond_wait(cond, mutex);
        return;
    }
    struct timespec until = {
        .tv_sec = (time_t)(deadline_ms / 1000),
        .tv_nsec = (long)(deadline_ms % 1000) * 1000000,
    };
    pthread_cond_timedwait(cond, mutex, &until);
}
