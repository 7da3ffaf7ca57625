/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the applier share; nobody else includes this.
 *
 * applier.c     what is told of, whose turn it is, and what requests wait for
 * background.c  one ExternalSecret, from when it is begun until its status is written */
#ifndef WEBHOOK_APPLIER_INTERNAL_H
#define WEBHOOK_APPLIER_INTERNAL_H

#include <stdatomic.h>

#include "webhook/agenda.h"
#include "webhook/applier.h"
#include "webhook/head_start.h"
#include "webhook/outcomes.h"
#include "webhook/progress.h"
#include "webhook/runs.h"
#include "webhook/store_health.h"
#include "webhook/sweep.h"

/* Who waits until there is room in the workers' queue. Of the agenda's thread. Monotonic. */
struct room {
    int64_t full_until_ms; /* before that it is not tried again */
    int64_t last_ms;       /* when the last of those that wait is looked at */
};

struct applier {
    struct applier_options options;
    struct agenda *agenda;
    struct sweep *sweep;
    struct store_health stores;
    struct progress progress;
    struct head_start head_start;
    struct outcomes outcomes;
    struct runs runs;
    struct room room;
    atomic_bool impatient; /* what is not listed is not waited for any more */
    atomic_bool stopping;
    atomic_int_least64_t silent_after_ms; /* no status is written from then on */
};

/* For whom something is carried out. */
struct errand {
    struct clients *clients;
    bool background;  /* it is its turn; otherwise a request asks */
    bool waiting;     /* a request or a held Pod waits; otherwise a refresh */
    int64_t since_ms; /* what was read then or later will do */
    int64_t deadline_ms;
};

/* It has failed, which says nothing of the ExternalSecret: the process stops, which cancels the
 * calls of all runs; or it was its turn, but another replica leads meanwhile, or one of its stores
 * has turned out to be another controller's. Whoever leads then carries out what is ours. */
bool applier_is_untold(const struct applier *applier, const struct external_secret *external_secret,
                       const struct errand *errand, const struct run_result *run);
/* Monotonic. */
int64_t applier_now_ms(const struct applier *applier);
/* Everything is listed: what is not known yet would look as if it were not there. Or it has been
 * waited for long enough: what one of them needs is asked for each by itself. */
bool applier_knows_world(const struct applier *applier);
/* How long before it may be carried out, whosever turn it is; INT64_MAX: not by itself. `hurried`:
 * AWS has something newer. */
int64_t applier_wait_ms(struct applier *applier, const struct external_secret *external_secret,
                        bool hurried);
/* Since when a value counts that it is made of: as old as `max_age_ms`, beside the operator less.
 */
int64_t applier_since_ms(struct applier *applier, const struct external_secret *external_secret,
                         int64_t max_age_ms);
/* It is looked at then, or earlier if that is planned already. */
void applier_plan(struct applier *applier, struct str_view namespace, struct str_view name,
                  int64_t delay_ms);
/* Likewise when it is its turn as it is now: it may have changed while it was carried out. What is
 * gone is forgotten. */
void applier_plan_turn(struct applier *applier, struct str_view namespace, struct str_view name);
/* Carries it out, or shares what somebody else does (runs_join()). */
void applier_carry_out(struct applier *applier, const struct external_secret *external_secret,
                       const struct errand *errand, struct run_result *ret);
/* 0, or how long until one that is looked at may find room in the workers' queue, which was full a
 * moment ago. The agenda's thread. */
int64_t applier_room_ms(struct applier *applier);
/* On a worker. 0, or how long until it can be begun. The agenda's thread. */
int64_t applier_begin(struct applier *applier, struct external_secret *external_secret);

#endif
