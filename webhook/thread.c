/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/thread.h"

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
