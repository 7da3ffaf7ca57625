/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/thread.h"

#include <time.h>

/* gcc defines the macros, clang has the features. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

enum {
#ifdef SANITIZED
    /* Instrumented frames are several times larger. */
    STACK_BYTES = 2 * 1024 * 1024,
#else
    /* libcurl with GnuTLS and the resolver need about 60 KiB. */
    STACK_BYTES = 256 * 1024,
#endif
};

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

bool thread_start(pthread_t *ret, const char *name, void *(*run)(void *argument), void *argument)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    bool started = pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0 &&
                   pthread_create(ret, &attributes, run, argument) == 0;
    pthread_attr_destroy(&attributes);
    if (started) {
        pthread_setname_np(*ret, name);
    }
    return started;
}
