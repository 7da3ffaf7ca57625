/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that looks at things when they are due: Pods with gates, workloads, ExternalSecrets.
 *
 * An entry is a key and a time, never what has changed: whoever looks reads what is there then.
 * Keys are looked at one after another. */
#ifndef WEBHOOK_AGENDA_H
#define WEBHOOK_AGENDA_H

#include "base/clock.h"
#include "rollout/queue.h"

struct agenda;

struct agenda_options {
    const char *name; /* at most 15 bytes: the thread's name */
    const struct clock *clock;
    int64_t debounce_ms; /* for agenda_touch() */
    int64_t max_wait_ms;
    /* On the agenda's thread, without its lock; may put entries back. */
    void (*look)(void *context, const char *key);
    void *context;
};

struct agenda *agenda_new(const struct agenda_options *options);
/* Starts the thread. Entries may be made before. */
void agenda_start(struct agenda *agenda);
/* Any thread: look in `delay_ms`, or earlier if that is planned already. */
void agenda_look_in(struct agenda *agenda, struct str_view key, int64_t delay_ms);
/* Any thread: something changed; look when it has been quiet for `debounce_ms`. */
void agenda_touch(struct agenda *agenda, struct str_view key);
size_t agenda_count(struct agenda *agenda);
/* Lets the present look end, then ends the thread. Entries may still be made; nobody looks. */
void agenda_stop(struct agenda *agenda);
/* Stops it first. Accepts NULL. */
void agenda_free(struct agenda *agenda);

#endif
