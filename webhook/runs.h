/* SPDX-License-Identifier: Apache-2.0 */
/* One ExternalSecret is carried out once at a time in this process; whoever comes meanwhile shares
 * the result, so a hundred Pods that want one Secret cost one call to AWS. A refresh shares nothing
 * that was made in haste: the values may be older than what it takes, and a Secret that was there
 * was not compared with them. Any thread. */
#ifndef WEBHOOK_RUNS_H
#define WEBHOOK_RUNS_H

#include <pthread.h>

#include "base/clock.h"
#include "base/table.h"
#include "externalsecret/reconcile.h"

struct runs {
    const struct clock *clock;
    pthread_mutex_t mutex;
    pthread_cond_t landed;
    struct table under_way; /* key -> struct run; guarded */
};

void runs_init(struct runs *runs, const struct clock *clock);
void runs_done(struct runs *runs);

/* What came of one. Zeroed is empty. */
struct run_result {
    enum reconcile_outcome outcome;
    enum status_end end;
    bool bound; /* as in struct reconcile_report */
    struct secret *secret;
    struct err err; /* after an outcome that is no success */
};

void run_result_done(struct run_result *result);

/* One carrying out. */
struct run_order {
    struct str_view key; /* "namespace/name" */
    const char *basis;   /* what it works from: who wants something newer does not get its result */
    bool waiting; /* as in struct remote_request: who does not wait does not get its result */
    int64_t deadline_ms;
    void (*perform)(void *context, struct run_result *ret); /* the work, without a lock */
    void *context;
};

/* Performs it, or waits for who does: RECONCILE_FAILED with ERR_TIMEOUT when that takes until the
 * deadline. `ret` is empty before. */
void runs_join(struct runs *runs, const struct run_order *order, struct run_result *ret);
/* What the run under way has read may be what was there before: nobody joins it any more. */
void runs_outdate(struct runs *runs, struct str_view key);

#endif
