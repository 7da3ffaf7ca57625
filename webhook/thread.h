/* SPDX-License-Identifier: Apache-2.0 */
/* Threads, mutexes and conditions as this program uses them: small named threads, and conditions
 * that wait by the monotonic clock. */
#ifndef WEBHOOK_THREAD_H
#define WEBHOOK_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"

void mutex_init(pthread_mutex_t *mutex);
/* CLOCK_MONOTONIC. */
void cond_init(pthread_cond_t *cond);
/* Waits until signalled or until `deadline_ms` (monotonic; INT64_MAX: no deadline). May wake
 * without a reason: the caller looks at its condition. */
void cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ms);
/* A joinable thread with a small stack. False when the system refuses. */
MUST_CHECK bool thread_start(pthread_t *ret, const char *name, void *(*run)(void *argument),
                             void *argument);

#endif
