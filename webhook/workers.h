/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded pool of threads for work that blocks on the network.
 *
 * Threads start on demand, up to a ceiling, with small stacks, and stay. Each has a context of its
 * own (its HTTP handles), made on the thread. Work goes through one queue with a ceiling; a full
 * queue is said at once. */
#ifndef WEBHOOK_WORKERS_H
#define WEBHOOK_WORKERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/alloc.h"

struct workers;

struct workers_options {
    const char *name; /* at most 15 bytes: the threads' name */
    unsigned max_threads;
    size_t max_queued;
    /* Its threads stand back behind others of this process when there is not enough processor for
     * all: of those that wait for one answer many wake at once. */
    bool gives_way;
    /* Made and released on each thread; may be NULL. */
    void *(*thread_start)(void *context);
    void (*thread_stop)(void *thread_context);
    void *context;
};

typedef void (*worker_task)(void *argument, void *thread_context);

struct workers *workers_new(const struct workers_options *options);
/* Any thread. False when the queue is full or the pool is stopping: the task will not run. */
MUST_CHECK bool workers_submit(struct workers *workers, worker_task task, void *argument);
/* Runs what is queued, then ends the threads. Nothing is submitted afterwards. */
void workers_free(struct workers *workers);

#endif
