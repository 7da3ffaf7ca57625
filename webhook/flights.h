/* SPDX-License-Identifier: Apache-2.0 */
/* What requests wait for: one live look per Secret, shared by everybody who wants it (DESIGN §2),
 * or a question of a request's own.
 *
 * A flight owns a key, a result and its waiters; workers own flights, never requests. One mutex
 * guards flights, waiters and the deadlines. A waiter is resumed exactly once: by its last flight
 * or by the deadline thread. A result that comes too late reaches nobody. */
#ifndef WEBHOOK_FLIGHTS_H
#define WEBHOOK_FLIGHTS_H

#include "base/clock.h"
#include "webhook/workers.h"
#include "world/facts.h"

struct flights;
struct flight;

struct flights_options {
    const struct clock *clock;
    struct workers *workers;
    size_t max_waiters;   /* more are not taken: they decide at once */
    size_t max_questions; /* of them and of what they leave behind, likewise */
    /* A worker thread: looks at the Secret live and, where that is wanted and authorised, makes it.
     * Reports with flight_found(), once or several times, then returns. */
    void (*fly)(void *context, struct flight *flight, void *thread_context);
    void *context;
};

/* Lives in the request's attachment until it has been resumed. */
struct flight_waiter {
    struct facts *facts;            /* the overlay goes here */
    void (*resume)(void *argument); /* called once, without the mutex */
    void *argument;
    char *cause;   /* why the first that failed did, for the log; NULL: none. The caller's */
    bool answered; /* the question was, before the deadline */
    /* The flights' own: */
    struct flight **flights;
    size_t count;
    size_t pending;
    int64_t deadline_ms;
    struct flight_waiter *next; /* all waiters */
    bool active;
};

/* Starts the deadline thread. */
struct flights *flights_new(const struct flights_options *options);
/* Resumes every waiter and ends the thread; the workers have been released before. */
void flights_free(struct flights *flights);

/* Waits for all of `names` (of facts->namespace) until `deadline_ms`. `materialise` false: only
 * look (dry-run). False: too many are waiting, or no worker can take it; then nothing happens and
 * `resume` is not called. The caller has suspended its request before. */
MUST_CHECK bool flights_join(struct flights *flights, struct flight_waiter *waiter,
                             const struct str_view *names, size_t count, bool materialise,
                             int64_t deadline_ms);
/* What a worker finds out for one request. */
struct flight_question {
    struct str_view namespace;                        /* of who asks; copied */
    void (*ask)(void *context, void *thread_context); /* called once at most */
    void (*release)(void *context);                   /* called once, without the mutex */
    void *context; /* outlives the request: it may go on without a waiter until it is released */
};

/* Waits for the answer until `deadline_ms`; `facts` of the waiter are not used. What ask() has
 * written is the waiter's when he is `answered`, and nobody's otherwise. False as above: too many
 * wait or ask, or LIMIT_ASKING_OF_NAMESPACE of his namespace do; then nothing of the question is
 * called. */
MUST_CHECK bool flights_ask(struct flights *flights, struct flight_waiter *waiter,
                            const struct flight_question *question, int64_t deadline_ms);
/* From now on nobody may wait; whoever waits is resumed, and what is still queued is not flown.
 * When it returns every resume() has. Not from one of them. */
void flights_close(struct flights *flights);
size_t flights_waiting(struct flights *flights);

/* For `fly`. */
struct str_view flight_namespace(const struct flight *flight);
struct str_view flight_name(const struct flight *flight);
bool flight_materialises(const struct flight *flight);
/* What is known now; takes its own reference to `secret` (NULL unless present). Waiters see the
 * last report before they are resumed. */
void flight_found(struct flight *flight, enum presence presence, struct secret *secret);
/* Why the Secret could not be made, for the log lines of those who wait. */
void flight_failed(struct flight *flight, const struct err *err);

#endif
