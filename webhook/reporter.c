/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/reporter.h"

#include <stdatomic.h>

#include "base/lock.h"
#include "webhook/clients.h"
#include "webhook/workers.h"

enum {
    QUEUE_CEILING = 1000,
    IN_TURN_CEILING = 4096,
    /* Twenty at once, and twenty a second from then on. */
    EVERY_MS = 50,
    BURST_MS = 20 * EVERY_MS,
    /* While more keep coming those who work have the API server to themselves, for so long. */
    QUIET_MS = 500,
    QUIET_MAX_MS = 5000,
    POST_DEADLINE_MS = 5000,
    /* What is queued when the process stops may take this long, all together. */
    LAST_WORDS_MS = 3000,
};

struct reporter {
    struct clients_options clients;
    struct workers *workers;
    struct workers *in_turn;
    struct kube_events *events;
    const struct log *log;
    atomic_int_least64_t silent_after_ms;
    pthread_mutex_t mutex;
    pthread_cond_t ends;
    bool ending;     /* guarded */
    int64_t last_ms; /* guarded: when the last one came that is posted in turn */
    int64_t paid_ms; /* until then what was posted in turn fills its share; that thread's */
};

/* One Event with copies of all its text. */
struct note {
    struct reporter *reporter;
    int64_t came_ms; /* when it is posted in turn */
    struct kube_event event;
    char *namespace;
    char *name;
    char *uid;
    char *message;
};

static struct workers *make_workers(struct reporter *reporter, const char *name, size_t ceiling)
{
    return workers_new(&(struct workers_options){
        .name = name,
        .max_threads = 1,
        .max_queued = ceiling,
        .thread_start = clients_start,
        .thread_stop = clients_stop,
        .context = &reporter->clients,
    });
}

struct reporter *reporter_new(struct kube_config *config, const char *instance,
                              const struct clock *clock, const struct log *log)
{
    struct reporter *reporter = mem_alloc(sizeof *reporter);
    reporter->clients = (struct clients_options){.config = config, .clock = clock};
    reporter->log = log;
    atomic_init(&reporter->silent_after_ms, INT64_MAX);
    mutex_init(&reporter->mutex);
    cond_init(&reporter->ends);
    reporter->events = kube_events_new("keyturn", instance);
    reporter->workers = make_workers(reporter, "events", QUEUE_CEILING);
    reporter->in_turn = make_workers(reporter, "events in turn", IN_TURN_CEILING);
    return reporter;
}

static void note_free(struct note *note)
{
    free(note->namespace);
    free(note->name);
    free(note->uid);
    free(note->message);
    free(note);
}

/* Holds the mutex. */
static int64_t turn_ms(const struct reporter *reporter, const struct note *note)
{
    int64_t quiet = reporter->last_ms + QUIET_MS;
    int64_t latest = note->came_ms + QUIET_MAX_MS;
    int64_t paid = reporter->paid_ms - (BURST_MS - EVERY_MS);
    quiet = quiet < latest ? quiet : latest;
    return quiet > paid ? quiet : paid;
}

/* Events are for people: a thousand at once must not take the API server from those who work. What
 * is left at the end goes without. */
static void await_turn(struct reporter *reporter, const struct note *note)
{
    const struct clock *clock = reporter->clients.clock;
    int64_t now = clock_monotonic_ms(clock);
    pthread_mutex_lock(&reporter->mutex);
    while (!reporter->ending && now < turn_ms(reporter, note)) {
        cond_wait_until(&reporter->ends, &reporter->mutex, turn_ms(reporter, note));
        now = clock_monotonic_ms(clock);
    }
    pthread_mutex_unlock(&reporter->mutex);
    reporter->paid_ms = (reporter->paid_ms > now ? reporter->paid_ms : now) + EVERY_MS;
}

static void post(void *argument, void *thread_context)
{
    struct note *note = argument;
    struct clients *clients = thread_context;
    struct reporter *reporter = note->reporter;
    struct err err;
    int64_t now = clock_monotonic_ms(reporter->clients.clock);
    int64_t silent = atomic_load(&reporter->silent_after_ms);
    int64_t deadline = silent - now < POST_DEADLINE_MS ? silent : now + POST_DEADLINE_MS;
    if (now < silent &&
        !kube_events_post(reporter->events, &clients->kube, &note->event, deadline, &err)) {
        struct log_line line = log_begin(reporter->log, LOG_WARN, "event not posted");
        log_str(&line, "reason", sv_of(note->event.reason));
        log_str(&line, "namespace", note->event.namespace);
        log_str(&line, "name", note->event.name);
        log_err(&line, &err);
        log_end(&line);
    }
    note_free(note);
}

static void post_in_turn(void *argument, void *thread_context)
{
    const struct note *note = argument;
    await_turn(note->reporter, note);
    post(argument, thread_context);
}

static struct note *make_note(struct reporter *reporter, const struct kube_event *event)
{
    struct note *note = mem_alloc(sizeof *note);
    note->reporter = reporter;
    note->event = *event;
    note->namespace = sv_dup(event->namespace);
    note->name = sv_dup(event->name);
    note->uid = sv_dup(event->uid);
    note->message = sv_dup(event->message);
    note->event.namespace = sv_of(note->namespace);
    note->event.name = sv_of(note->name);
    note->event.uid = sv_of(note->uid);
    note->event.message = sv_of(note->message);
    /* Not copied, and good for nothing an Event is read for. */
    note->event.resource_version = (struct str_view){0};
    return note;
}

void reporter_post(struct reporter *reporter, const struct kube_event *event)
{
    struct note *note = make_note(reporter, event);
    if (!workers_submit(reporter->workers, post, note)) {
        note_free(note);
    }
}

void reporter_post_in_turn(struct reporter *reporter, const struct kube_event *event)
{
    struct note *note = make_note(reporter, event);
    pthread_mutex_lock(&reporter->mutex);
    note->came_ms = clock_monotonic_ms(reporter->clients.clock);
    reporter->last_ms = note->came_ms;
    pthread_mutex_unlock(&reporter->mutex);
    if (!workers_submit(reporter->in_turn, post_in_turn, note)) {
        note_free(note);
    }
}

void reporter_free(struct reporter *reporter)
{
    if (!reporter) {
        return;
    }
    atomic_store(&reporter->silent_after_ms,
                 clock_monotonic_ms(reporter->clients.clock) + LAST_WORDS_MS);
    pthread_mutex_lock(&reporter->mutex);
    reporter->ending = true;
    pthread_cond_broadcast(&reporter->ends);
    pthread_mutex_unlock(&reporter->mutex);
    workers_free(reporter->workers);
    workers_free(reporter->in_turn);
    kube_events_free(reporter->events);
    pthread_cond_destroy(&reporter->ends);
    pthread_mutex_destroy(&reporter->mutex);
    free(reporter);
}
