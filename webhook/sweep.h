/* SPDX-License-Identifier: Apache-2.0 */
/* Reading ahead for the background: ExternalSecrets that are due about the same time are read
 * together, so that batches are full (aws.md §7.3).
 *
 * With the one whose turn it is go those that are due and can be in a batch with it: those of its
 * store, and where that reads as Keyturn itself also those of others that do. Nobody waits for what
 * another identity reads. Of those that are due only within a tenth of their interval go as many as
 * make the batches full, the earliest first, so that what went together goes together again.
 * What was read lies in the value cache, each is then carried out by itself. One that is being read
 * ahead waits for that. One that asks by patterns only (dataFrom.find) goes with nobody, and nobody
 * with it: what it reads is not known before. Only saves calls: who finds nothing in the cache asks
 * for itself. Any thread. */
#ifndef WEBHOOK_SWEEP_H
#define WEBHOOK_SWEEP_H

#include "webhook/clients.h"
#include "world/world.h"

enum {
    /* At once; ten full batches, which is what may go out in one burst. */
    SWEEP_MEMBERS_MAX = 200,
    /* An age of values that is as good as fresh, for who waits and for who refreshes hourly. */
    SWEEP_FRESH_MS = 60000,
};

struct sweep;

struct sweep_options {
    const struct clock *clock;
    struct world *world;
    /* How long until its turn; 0: now, INT64_MAX: not by itself. Called by one thread at a time;
     * what it locks must not be held by those who call here. */
    int64_t (*turn_ms)(void *context, const struct external_secret *external_secret);
    void *context;
};

struct sweep *sweep_new(const struct sweep_options *options);
/* Accepts NULL. */
void sweep_free(struct sweep *sweep);

/* How old a value may be for a refresh: a tenth of the interval, at most SWEEP_FRESH_MS. */
int64_t sweep_max_age_ms(const struct external_secret *external_secret);

/* Returns when `first` has been read ahead, here or by somebody else, as far as that went, or when
 * `deadline_ms` is over. `ret_members` becomes those that went with it and have not had their turn
 * since: it is now. The answer is when somebody began to read `first` along with another
 * (monotonic): what was read since then will do, once, however short its interval is, as what waits
 * for its turn would be read again and again; 0: as old as sweep_max_age_ms(). */
int64_t sweep_read_ahead(struct sweep *sweep, const struct external_secret *first,
                         struct clients *clients, int64_t deadline_ms,
                         struct world_list *ret_members);

#endif
