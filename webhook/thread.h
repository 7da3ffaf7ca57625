/* SPDX-License-Identifier: Apache-2.0 */
/* Threads as this program uses them: small and named. */
#ifndef WEBHOOK_THREAD_H
#define WEBHOOK_THREAD_H

#include <stdbool.h>

#include "base/alloc.h"
#include "base/lock.h"

/* A joinable thread with a small stack. False when the system refuses. */
MUST_CHECK bool thread_start(pthread_t *ret, const char *name, void *(*run)(void *argument),
                             void *argument);

#endif
