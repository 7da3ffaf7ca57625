/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/workers.h"

#include <pthread.h>
#include <sys/resource.h>

#include "webhook/thread.h"

enum {
    /* A third of the processor where others want it, and they need not wait for a turn to end. */
    GIVING_WAY_NICE = 5,
};

struct task {
    worker_task run;
    void *argument;
    struct task *next;
};

struct workers {
    struct workers_options options;
    pthread_mutex_t mutex;
    pthread_cond_t work;
    struct task *first;
    struct task **last;
    size_t queued;
    unsigned idle;
    unsigned count;
    pthread_t *threads;
    bool stopping;
};

struct workers *workers_new(const struct workers_options *options)
{
    struct workers *workers = mem_alloc(sizeof *workers);
    workers->options = *options;
    workers->last = &workers->first;
    workers->threads = mem_alloc_array(options->max_threads, sizeof(pthread_t));
    mutex_init(&workers->mutex);
    cond_init(&workers->work);
    return workers;
}

/* NULL when the pool stops and nothing is left. Holds the mutex. */
static struct task *next_task(struct workers *workers)
{
    while (!workers->first && !workers->stopping) {
        workers->idle++;
        pthread_cond_wait(&workers->work, &workers->mutex);
        workers->idle--;
    }
    struct task *task = workers->first;
    if (task) {
        workers->first = task->next;
        if (!workers->first) {
            workers->last = &workers->first;
        }
        workers->queued--;
    }
    return task;
}

static void *worker_main(void *argument)
{
    struct workers *workers = argument;
    const struct workers_options *options = &workers->options;
    if (options->gives_way) {
        /* Linux means the calling thread by 0, whatever POSIX says. */
        (void)setpriority(PRIO_PROCESS, 0, GIVING_WAY_NICE);
    }
    void *context = options->thread_start ? options->thread_start(options->context) : NULL;
    pthread_mutex_lock(&workers->mutex);
    struct task *task = next_task(workers);
    while (task) {
        pthread_mutex_unlock(&workers->mutex);
        task->run(task->argument, context);
        free(task);
        pthread_mutex_lock(&workers->mutex);
        task = next_task(workers);
    }
    pthread_mutex_unlock(&workers->mutex);
    if (options->thread_stop) {
        options->thread_stop(context);
    }
    return NULL;
}

/* Holds the mutex. More work than idle threads is waiting: one more thread, if there may be one. */
static bool ensure_thread(struct workers *workers)
{
    if (workers->queued <= workers->idle || workers->count == workers->options.max_threads) {
        return workers->count > 0;
    }
    if (thread_start(&workers->threads[workers->count], workers->options.name, worker_main,
                     workers)) {
        workers->count++;
    }
    return workers->count > 0;
}

bool workers_submit(struct workers *workers, worker_task run, void *argument)
{
    struct task *task = mem_alloc(sizeof *task);
    *task = (struct task){.run = run, .argument = argument};
    pthread_mutex_lock(&workers->mutex);
    bool room = !workers->stopping && workers->queued < workers->options.max_queued;
    if (room) {
        workers->queued++;
        room = ensure_thread(workers);
        workers->queued -= !room;
    }
    if (room) {
        *workers->last = task;
        workers->last = &task->next;
        pthread_cond_signal(&workers->work);
    }
    pthread_mutex_unlock(&workers->mutex);
    if (!room) {
        free(task);
    }
    return room;
}

void workers_free(struct workers *workers)
{
    if (!workers) {
        return;
    }
    pthread_mutex_lock(&workers->mutex);
    workers->stopping = true;
    pthread_cond_broadcast(&workers->work);
    unsigned count = workers->count;
    pthread_mutex_unlock(&workers->mutex);
    for (unsigned i = 0; i < count; i++) {
        pthread_join(workers->threads[i], NULL);
    }
    pthread_mutex_destroy(&workers->mutex);
    pthread_cond_destroy(&workers->work);
    free(workers->threads);
    free(workers);
}
