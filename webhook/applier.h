/* SPDX-License-Identifier: Apache-2.0 */
/* Carries out ExternalSecrets: for what a request waits for, on any replica, and in the background,
 * on the leader: at once when the target is missing or the spec has changed, and again at the
 * refreshInterval.
 *
 * One ExternalSecret is carried out once at a time in this process; requests that come meanwhile
 * share the result, so a hundred Pods that want one Secret cost one call to AWS. A store that has
 * just timed out is asked by one probe every ten seconds until it answers (DESIGN §2, §12).
 *
 * A status is written when everything has been carried out that the workers had queued when its
 * Secret was written: of those that are due at once all Secrets come first, and as what comes later
 * stands behind it, it waits for one queue's length at most. */
#ifndef WEBHOOK_APPLIER_H
#define WEBHOOK_APPLIER_H

#include "base/log.h"
#include "externalsecret/reconcile.h"
#include "webhook/clients.h"
#include "webhook/flights.h"
#include "webhook/leader.h"
#include "webhook/metrics.h"
#include "webhook/reporter.h"
#include "webhook/store_health.h"
#include "world/world.h"

struct applier;

struct applier_options {
    const struct clock *clock;
    const struct log *log;
    struct world *world;
    struct metrics *metrics;
    struct reporter *reporter;
    const struct leader *leader;
    struct workers *workers; /* for background work; their contexts are struct clients */
    bool enabled;            /* false: ExternalSecrets are left alone, flights only look */
    /* Beside the External Secrets Operator, which has this head start: only what a Pod waits for is
     * made, and only what AWS is said to have changed is refreshed. */
    bool beside;
    int64_t head_start_ms;
};

struct applier *applier_new(const struct applier_options *options);
void applier_start(struct applier *applier);

/* For flights_options; the context is the applier: one live look, then, where an ExternalSecret
 * describes the Secret, makes it; where that fails another look, since somebody else may have. */
void applier_fly(void *applier, struct flight *flight, void *clients);

/* Of the stores that it asks: which of them are silent. Lives as long as the applier. */
struct store_health *applier_store_health(struct applier *applier);

/* Any thread. A held Pod waits for this Secret. */
void applier_wanted(void *applier, struct str_view namespace, struct str_view name);
/* Any thread. */
void applier_external_secret_changed(struct applier *applier, struct str_view namespace,
                                     struct str_view name);
void applier_secret_changed(struct applier *applier, struct str_view namespace,
                            struct str_view name);
void applier_store_changed(struct applier *applier, bool cluster, struct str_view namespace,
                           struct str_view name);
/* Its labels may admit it to stores that did not, or no longer. While namespaces are being listed
 * nothing is done: all have their turn when they are known. */
void applier_namespace_changed(struct applier *applier, struct str_view name);
/* What AWS is said to have changed can be looked into: this replica leads, the process does not
 * stop, and everything is listed, or was waited for as in applier_look_at_all(). Any thread. */
bool applier_is_ready(const struct applier *applier);
/* What it asks AWS for has changed there: its turn is now. False: nothing comes of it, as this
 * replica does not lead, or the process stops. Any thread. */
MUST_CHECK bool applier_remote_changed(struct applier *applier, struct str_view namespace,
                                       struct str_view name);
/* This replica leads from now on: another may have led meanwhile, and what came of it the last time
 * stands in the objects. To be called before applier_look_at_all(). */
void applier_begin_leading(struct applier *applier);
/* This replica leads now, or a table is known now: everything is to be looked at. While one of
 * Secrets, ExternalSecrets and stores is not known that waits, for five seconds: then those are
 * looked at of which enough is known. Beside the operator that is waited for as well, and nothing
 * is looked at. */
void applier_look_at_all(struct applier *applier);
/* Nothing is begun any more: what waits in the workers' queues returns at once, but for statuses,
 * which are written for three seconds more. To be called before the calls of the workers are
 * cancelled: of what fails from now on nobody is told. And before the workers are released, which
 * the applier would otherwise go on giving work to. */
void applier_stop(struct applier *applier);
/* The workers have been released before. Accepts NULL. */
void applier_free(struct applier *applier);

#endif
