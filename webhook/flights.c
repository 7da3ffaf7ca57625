/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/flights.h"

#include "base/limits.h"
#include "base/table.h"
#include "webhook/thread.h"

struct flight {
    struct flights *owner;
    char *key; /* of the table: mode, namespace, name */
    char *namespace;
    char *name;
    bool materialise;
    bool looked; /* at least one report */
    enum presence presence;
    struct secret *secret;
    char *cause;                     /* of a failure; NULL: none */
    struct flight_question question; /* asked instead of flown; it has neither key nor name */
    struct flight *next;             /* of the questions */
    struct flight_waiter **waiters;
    size_t waiter_count;
    size_t waiter_capacity;
};

struct flights {
    struct flights_options options;
    pthread_mutex_t mutex;
    pthread_cond_t deadline_changed;
    pthread_t thread;
    struct table flying; /* key -> flight */
    struct flight_waiter *waiters;
    size_t waiting;
    struct flight *questions; /* that have not landed */
    size_t resuming;          /* waiters that are taken out and whose resume() has not returned */
    pthread_cond_t resumed;   /* none */
    bool closed;
    bool stopping;
};

static void flight_free(struct flight *flight)
{
    secret_release(flight->secret);
    free(flight->key);
    free(flight->namespace);
    free(flight->name);
    free(flight->waiters);
    free(flight->cause);
    free(flight);
}

static bool is_question(const struct flight *flight)
{
    return flight->question.ask != NULL;
}

static char *make_key(const char *namespace, struct str_view name, bool materialise)
{
    struct buf key;
    buf_init(&key, 2 * LIMIT_NAME_BYTES + 8);
    buf_printf(&key, "%c/%s/%.*s", materialise ? 'm' : 'l', namespace, SV_ARG(name));
    return buf_take(&key);
}

static void forget_waiter(struct flight *flight, const struct flight_waiter *waiter)
{
    for (size_t i = 0; i < flight->waiter_count; i++) {
        if (flight->waiters[i] == waiter) {
            flight->waiters[i] = flight->waiters[--flight->waiter_count];
            return;
        }
    }
}

/* Holds the mutex. */
static void tell(const struct flight *flight, struct flight_waiter *waiter)
{
    if (is_question(flight)) {
        waiter->answered = flight->looked;
    } else if (flight->looked) {
        facts_set(waiter->facts, sv_of(flight->name), flight->presence, flight->secret);
    }
    if (flight->cause && !waiter->cause) {
        waiter->cause = str_dup(flight->cause);
    }
}

/* Holds the mutex. Takes the waiter out of everything, with what its flights have found so far. */
static void detach(struct flights *flights, struct flight_waiter *waiter)
{
    for (size_t i = 0; i < waiter->count; i++) {
        struct flight *flight = waiter->flights[i];
        if (!flight) {
            continue;
        }
        tell(flight, waiter);
        forget_waiter(flight, waiter);
    }
    free(waiter->flights);
    waiter->flights = NULL;
    waiter->active = false;
    for (struct flight_waiter **at = &flights->waiters; *at; at = &(*at)->next) {
        if (*at == waiter) {
            *at = waiter->next;
            break;
        }
    }
    flights->waiting--;
}

/* Holds the mutex on entry and exit. Resuming is done without it: the resumed request may end, and
 * be joined by others, at once. */
static void resume(struct flights *flights, struct flight_waiter *const *waiters, size_t count)
{
    flights->resuming += count;
    pthread_mutex_unlock(&flights->mutex);
    for (size_t i = 0; i < count; i++) {
        waiters[i]->resume(waiters[i]->argument);
    }
    pthread_mutex_lock(&flights->mutex);
    flights->resuming -= count;
    if (flights->resuming == 0) {
        pthread_cond_broadcast(&flights->resumed);
    }
}

/* Holds the mutex on entry and exit. */
static void resume_all_due(struct flights *flights, int64_t now_ms)
{
    struct flight_waiter *waiter = flights->waiters;
    while (waiter) {
        struct flight_waiter *next = waiter->next;
        if (flights->closed || waiter->deadline_ms <= now_ms) {
            detach(flights, waiter);
            resume(flights, &waiter, 1);
            next = flights->waiters; /* the list may have changed meanwhile */
        }
        waiter = next;
    }
}

static int64_t earliest_deadline(const struct flights *flights)
{
    int64_t earliest = INT64_MAX;
    for (const struct flight_waiter *at = flights->waiters; at; at = at->next) {
        if (at->deadline_ms < earliest) {
            earliest = at->deadline_ms;
        }
    }
    return earliest;
}

static void *deadline_main(void *argument)
{
    struct flights *flights = argument;
    pthread_mutex_lock(&flights->mutex);
    while (!flights->stopping) {
        cond_wait_until(&flights->deadline_changed, &flights->mutex, earliest_deadline(flights));
        resume_all_due(flights, clock_monotonic_ms(flights->options.clock));
    }
    pthread_mutex_unlock(&flights->mutex);
    return NULL;
}

struct flights *flights_new(const struct flights_options *options)
{
    struct flights *flights = mem_alloc(sizeof *flights);
    flights->options = *options;
    table_init(&flights->flying, NULL);
    mutex_init(&flights->mutex);
    cond_init(&flights->deadline_changed);
    cond_init(&flights->resumed);
    if (!thread_start(&flights->thread, "deadlines", deadline_main, flights)) {
        abort();
    }
    return flights;
}

void flights_close(struct flights *flights)
{
    pthread_mutex_lock(&flights->mutex);
    flights->closed = true;
    resume_all_due(flights, INT64_MAX);
    while (flights->resuming > 0) {
        pthread_cond_wait(&flights->resumed, &flights->mutex);
    }
    pthread_mutex_unlock(&flights->mutex);
}

void flights_free(struct flights *flights)
{
    if (!flights) {
        return;
    }
    flights_close(flights);
    pthread_mutex_lock(&flights->mutex);
    flights->stopping = true;
    pthread_cond_signal(&flights->deadline_changed);
    pthread_mutex_unlock(&flights->mutex);
    pthread_join(flights->thread, NULL);
    table_done(&flights->flying);
    pthread_mutex_destroy(&flights->mutex);
    pthread_cond_destroy(&flights->deadline_changed);
    pthread_cond_destroy(&flights->resumed);
    free(flights);
}

/* Holds the mutex. */
static void forget_question(struct flights *flights, const struct flight *question)
{
    struct flight **at = &flights->questions;
    while (*at != question) {
        at = &(*at)->next;
    }
    *at = question->next;
}

/* Holds the mutex. Ends a flight: nobody can join it any more, its waiters have one less to wait
 * for. Fills `ready` with those that wait for nothing else. */
static size_t land(struct flights *flights, struct flight *flight, struct flight_waiter **ready)
{
    size_t count = 0;
    if (is_question(flight)) {
        forget_question(flights, flight);
    } else {
        (void)table_take(&flights->flying, sv_of(flight->key));
    }
    while (flight->waiter_count) {
        struct flight_waiter *waiter = flight->waiters[--flight->waiter_count];
        tell(flight, waiter);
        for (size_t i = 0; i < waiter->count; i++) {
            if (waiter->flights[i] == flight) {
                waiter->flights[i] = NULL;
            }
        }
        if (--waiter->pending == 0) {
            detach(flights, waiter);
            ready[count++] = waiter;
        }
    }
    return count;
}

static void look(struct flight *flight, void *thread_context)
{
    const struct flights_options *options = &flight->owner->options;
    if (is_question(flight)) {
        flight->question.ask(flight->question.context, thread_context);
    } else {
        options->fly(options->context, flight, thread_context);
    }
}

static void fly(void *argument, void *thread_context)
{
    struct flight *flight = argument;
    struct flights *flights = flight->owner;
    pthread_mutex_lock(&flights->mutex);
    bool wanted = !flights->closed;
    pthread_mutex_unlock(&flights->mutex);
    if (wanted) {
        look(flight, thread_context);
    }
    pthread_mutex_lock(&flights->mutex);
    flight->looked |= wanted && is_question(flight);
    CLEANUP(mem_free_ptr)
    struct flight_waiter **ready =
        mem_alloc_array(flight->waiter_count, sizeof(struct flight_waiter *));
    size_t count = land(flights, flight, ready);
    resume(flights, ready, count);
    pthread_mutex_unlock(&flights->mutex);
    if (is_question(flight)) {
        flight->question.release(flight->question.context);
    }
    flight_free(flight);
}

/* Holds the mutex. The flight under way for this key, or a new one; NULL when no worker takes it.
 */
static struct flight *board(struct flights *flights, const char *namespace, struct str_view name,
                            bool materialise)
{
    CLEANUP(mem_free_ptr) char *key = make_key(namespace, name, materialise);
    struct flight *flight = table_get(&flights->flying, sv_of(key));
    if (flight) {
        return flight;
    }
    flight = mem_alloc(sizeof *flight);
    flight->owner = flights;
    flight->key = str_dup(key);
    flight->namespace = str_dup(namespace);
    flight->name = sv_dup(name);
    flight->materialise = materialise;
    if (!workers_submit(flights->options.workers, fly, flight)) {
        flight_free(flight);
        return NULL;
    }
    table_put(&flights->flying, sv_of(flight->key), flight);
    return flight;
}

static void add_waiter(struct flight *flight, struct flight_waiter *waiter)
{
    if (flight->waiter_count == flight->waiter_capacity) {
        flight->waiter_capacity = flight->waiter_capacity ? 2 * flight->waiter_capacity : 4;
        flight->waiters = mem_resize_array(flight->waiters, flight->waiter_capacity,
                                           sizeof(struct flight_waiter *));
    }
    flight->waiters[flight->waiter_count++] = waiter;
}

/* Holds the mutex. */
static bool board_all(struct flights *flights, struct flight_waiter *waiter,
                      const struct str_view *names, size_t count, bool materialise)
{
    waiter->flights = mem_alloc_array(count, sizeof(struct flight *));
    waiter->count = count;
    waiter->pending = 0;
    for (size_t i = 0; i < count; i++) {
        struct flight *flight = board(flights, waiter->facts->namespace, names[i], materialise);
        if (flight) {
            waiter->flights[i] = flight;
            waiter->pending++;
            add_waiter(flight, waiter);
        }
    }
    if (waiter->pending == 0) {
        free(waiter->flights);
        waiter->flights = NULL;
        return false;
    }
    return true;
}

/* Holds the mutex. Somebody has been boarded. */
static void wait_until(struct flights *flights, struct flight_waiter *waiter, int64_t deadline_ms)
{
    waiter->deadline_ms = deadline_ms;
    waiter->active = true;
    waiter->next = flights->waiters;
    flights->waiters = waiter;
    flights->waiting++;
    pthread_cond_signal(&flights->deadline_changed);
}

/* Holds the mutex. */
static bool may_wait(const struct flights *flights)
{
    return !flights->closed && flights->waiting < flights->options.max_waiters;
}

bool flights_join(struct flights *flights, struct flight_waiter *waiter,
                  const struct str_view *names, size_t count, bool materialise, int64_t deadline_ms)
{
    pthread_mutex_lock(&flights->mutex);
    bool joined = may_wait(flights) && board_all(flights, waiter, names, count, materialise);
    if (joined) {
        wait_until(flights, waiter, deadline_ms);
    }
    pthread_mutex_unlock(&flights->mutex);
    return joined;
}

/* Holds the mutex. */
static bool may_ask(const struct flights *flights, struct str_view namespace)
{
    size_t all = 0;
    size_t of_namespace = 0;
    for (const struct flight *at = flights->questions; at; at = at->next) {
        all++;
        of_namespace += sv_equal(flight_namespace(at), namespace);
    }
    return all < flights->options.max_questions && of_namespace < LIMIT_ASKING_OF_NAMESPACE;
}

/* Holds the mutex. */
static bool board_question(struct flights *flights, struct flight_waiter *waiter,
                           const struct flight_question *question)
{
    struct flight *flight = mem_alloc(sizeof *flight);
    flight->owner = flights;
    flight->namespace = sv_dup(question->namespace);
    flight->question = *question;
    if (!workers_submit(flights->options.workers, fly, flight)) {
        flight_free(flight);
        return false;
    }
    flight->next = flights->questions;
    flights->questions = flight;
    waiter->flights = mem_alloc_array(1, sizeof(struct flight *));
    waiter->flights[0] = flight;
    waiter->count = 1;
    waiter->pending = 1;
    add_waiter(flight, waiter);
    return true;
}

bool flights_ask(struct flights *flights, struct flight_waiter *waiter,
                 const struct flight_question *question, int64_t deadline_ms)
{
    pthread_mutex_lock(&flights->mutex);
    bool joined = may_wait(flights) && may_ask(flights, question->namespace) &&
                  board_question(flights, waiter, question);
    if (joined) {
        wait_until(flights, waiter, deadline_ms);
    }
    pthread_mutex_unlock(&flights->mutex);
    return joined;
}

size_t flights_waiting(struct flights *flights)
{
    pthread_mutex_lock(&flights->mutex);
    size_t waiting = flights->waiting;
    pthread_mutex_unlock(&flights->mutex);
    return waiting;
}

struct str_view flight_namespace(const struct flight *flight)
{
    return sv_of(flight->namespace);
}

struct str_view flight_name(const struct flight *flight)
{
    return sv_of(flight->name);
}

bool flight_materialises(const struct flight *flight)
{
    return flight->materialise;
}

void flight_found(struct flight *flight, enum presence presence, struct secret *secret)
{
    pthread_mutex_lock(&flight->owner->mutex);
    secret_release(flight->secret);
    flight->secret = secret ? secret_retain(secret) : NULL;
    flight->presence = presence;
    flight->looked = true;
    pthread_mutex_unlock(&flight->owner->mutex);
}

void flight_failed(struct flight *flight, const struct err *err)
{
    pthread_mutex_lock(&flight->owner->mutex);
    free(flight->cause);
    flight->cause = str_dup(err->message);
    pthread_mutex_unlock(&flight->owner->mutex);
}
