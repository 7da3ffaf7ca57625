/* SPDX-License-Identifier: Apache-2.0 */
#include "delay_line.h"

#include "die.h"
#include "webhook/thread.h"

struct delayed {
    struct server_request *request;
    int64_t due_us;
    struct delayed *next;
};

struct delay_line {
    int64_t delay_us;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards everything below */
    pthread_cond_t changed;
    struct delayed *first; /* all have the same delay: the first is due first */
    struct delayed **end;
    bool stopping;
};

/* Holds the mutex. */
static struct delayed *take_first(struct delay_line *line)
{
    struct delayed *first = line->first;
    line->first = first->next;
    if (!line->first) {
        line->end = &line->first;
    }
    return first;
}

/* Holds the mutex. base/lock.h waits to the millisecond. */
static void wait_until(struct delay_line *line, int64_t due_us)
{
    const struct timespec until = {.tv_sec = (time_t)(due_us / 1000000),
                                   .tv_nsec = (long)(due_us % 1000000) * 1000};
    (void)pthread_cond_timedwait(&line->changed, &line->mutex, &until);
}

static void *delay_line_main(void *argument)
{
    struct delay_line *line = argument;
    pthread_mutex_lock(&line->mutex);
    while (line->first || !line->stopping) {
        if (!line->first) {
            (void)pthread_cond_wait(&line->changed, &line->mutex);
        } else if (!line->stopping && line->first->due_us > server_now_us()) {
            wait_until(line, line->first->due_us);
        } else {
            struct delayed *delayed = take_first(line);
            pthread_mutex_unlock(&line->mutex);
            server_resume(delayed->request);
            free(delayed);
            pthread_mutex_lock(&line->mutex);
        }
    }
    pthread_mutex_unlock(&line->mutex);
    return NULL;
}

struct delay_line *delay_line_new(int64_t delay_us)
{
    struct delay_line *line = mem_alloc(sizeof *line);
    line->delay_us = delay_us;
    line->end = &line->first;
    mutex_init(&line->mutex);
    cond_init(&line->changed);
    if (!thread_start(&line->thread, "delays", delay_line_main, line)) {
        die("thread", "not started");
    }
    return line;
}

void delay_line_free(struct delay_line *line)
{
    pthread_mutex_lock(&line->mutex);
    line->stopping = true;
    pthread_cond_signal(&line->changed);
    pthread_mutex_unlock(&line->mutex);
    pthread_join(line->thread, NULL);
    pthread_cond_destroy(&line->changed);
    pthread_mutex_destroy(&line->mutex);
    free(line);
}

void delay_line_put(struct delay_line *line, struct server_request *request)
{
    struct delayed *delayed = mem_alloc(sizeof *delayed);
    *delayed =
        (struct delayed){.request = request, .due_us = request->received_us + line->delay_us};
    server_suspend(request);
    pthread_mutex_lock(&line->mutex);
    *line->end = delayed;
    line->end = &delayed->next;
    pthread_cond_signal(&line->changed);
    pthread_mutex_unlock(&line->mutex);
}
