/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/agenda.h"

#include "webhook/thread.h"

struct agenda {
    struct agenda_options options;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t thread;
    struct rollout_queue queue;
    bool started;
    bool stopping;
};

struct agenda *agenda_new(const struct agenda_options *options)
{
    struct agenda *agenda = mem_alloc(sizeof *agenda);
    agenda->options = *options;
    mutex_init(&agenda->mutex);
    cond_init(&agenda->changed);
    rollout_queue_init(&agenda->queue, options->debounce_ms, options->max_wait_ms);
    return agenda;
}

static void *agenda_main(void *argument)
{
    struct agenda *agenda = argument;
    pthread_mutex_lock(&agenda->mutex);
    while (!agenda->stopping) {
        char *key = NULL;
        if (!rollout_queue_take(&agenda->queue, clock_monotonic_ms(agenda->options.clock), &key)) {
            cond_wait_until(&agenda->changed, &agenda->mutex,
                            rollout_queue_next_ms(&agenda->queue));
            continue;
        }
        pthread_mutex_unlock(&agenda->mutex);
        agenda->options.look(agenda->options.context, key);
        free(key);
        pthread_mutex_lock(&agenda->mutex);
    }
    pthread_mutex_unlock(&agenda->mutex);
    return NULL;
}

void agenda_start(struct agenda *agenda)
{
    if (!thread_start(&agenda->thread, agenda->options.name, agenda_main, agenda)) {
        abort();
    }
    agenda->started = true;
}

void agenda_look_in(struct agenda *agenda, struct str_view key, int64_t delay_ms)
{
    pthread_mutex_lock(&agenda->mutex);
    rollout_queue_look_at(&agenda->queue, key,
                          clock_monotonic_ms(agenda->options.clock) + delay_ms);
    pthread_cond_signal(&agenda->changed);
    pthread_mutex_unlock(&agenda->mutex);
}

void agenda_touch(struct agenda *agenda, struct str_view key)
{
    pthread_mutex_lock(&agenda->mutex);
    rollout_queue_touch(&agenda->queue, key, clock_monotonic_ms(agenda->options.clock));
    pthread_cond_signal(&agenda->changed);
    pthread_mutex_unlock(&agenda->mutex);
}

size_t agenda_count(struct agenda *agenda)
{
    pthread_mutex_lock(&agenda->mutex);
    size_t count = rollout_queue_count(&agenda->queue);
    pthread_mutex_unlock(&agenda->mutex);
    return count;
}

void agenda_stop(struct agenda *agenda)
{
    pthread_mutex_lock(&agenda->mutex);
    agenda->stopping = true;
    pthread_cond_signal(&agenda->changed);
    pthread_mutex_unlock(&agenda->mutex);
    if (agenda->started) {
        pthread_join(agenda->thread, NULL);
        agenda->started = false;
    }
}

void agenda_free(struct agenda *agenda)
{
    if (!agenda) {
        return;
    }
    agenda_stop(agenda);
    rollout_queue_done(&agenda->queue);
    pthread_mutex_destroy(&agenda->mutex);
    pthread_cond_destroy(&agenda->changed);
    free(agenda);
}
