/* SPDX-License-Identifier: Apache-2.0 */
/* Mutexes and conditions as this tree uses them: a condition waits by the monotonic clock, until a
 * deadline. */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <pthread.h>
#include <stdint.h>

void mutex_init(pthread_mutex_t *mutex);
/* CLOCK_MONOTONIC. */
void cond_init(pthread_cond_t *cond);
/* Waits until signalled or until `deadline_ms` (monotonic; INT64_MAX: no deadline). May wake
 * without a reason: the caller looks at its condition. */
void cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ms);

#endif
