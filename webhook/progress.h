/* SPDX-License-Identifier: Apache-2.0 */
/* When it is each ExternalSecret's turn, for the leader where Keyturn is the controller: by what
 * stands in the objects (externalsecret/due.h), and by what this process has done and they do not
 * show yet, or cannot: failures.
 *
 * After failures the turns are 1, 2, 4 s ... 7 min apart, also of the departure of one that is
 * being deleted, which is due at once and done when it has gone well. So are repairs of a target
 * that somebody goes on changing, but never farther than the interval; what a run has left is no
 * fault, whatever the API server made of it. A label or an annotation that
 * has changed asks for a refresh past the cache, at most every ten seconds (aws.md §7.2). A watch
 * that has not told of the Secret as it was written yet says nothing about it, for ten seconds at
 * most: then it has its turn, to see whether the Secret is there, and where it is rests until its
 * interval. After the wall clock has been set back what was refreshed later than now is refreshed
 * once, and nothing waits for longer than its interval. Told the time. Any thread. */
#ifndef WEBHOOK_PROGRESS_H
#define WEBHOOK_PROGRESS_H

#include <pthread.h>

#include "base/table.h"
#include "externalsecret/due.h"

struct progress {
    pthread_mutex_t mutex;
    struct table records; /* guarded */
};

void progress_init(struct progress *progress);
void progress_done(struct progress *progress);

struct progress_question {
    const struct external_secret *external_secret;
    const char *basis; /* what it would be carried out from (store_use_basis()), its uid first */
    bool target_known;
    const struct secret *target; /* NULL: there is none, or it is not known */
    int64_t now_ms;              /* monotonic */
    int64_t wall_ms;             /* since 1970 */
    /* Whether it may go along with another: what is begun is due now, instead of nobody's turn, and
     * a look at what the watch may have missed is none, nor a repair that has to wait. */
    bool to_go_along;
};

/* How long until its turn; 0: now, INT64_MAX: when something changes. What failed before anything
 * of `basis` changed waits as long as it has to; a store that changed makes what is refreshed at
 * all due. */
int64_t progress_turn_ms(struct progress *progress, const struct progress_question *question);
/* Its turn is now, whatever the objects say: AWS has something newer. */
void progress_hurry(struct progress *progress, struct str_view namespace, struct str_view name);
/* Likewise, because what it asks for has just been read; one that is begun already takes that. */
void progress_bring_forward(struct progress *progress, struct str_view namespace,
                            struct str_view name);
bool progress_is_hurried(struct progress *progress, const struct external_secret *external_secret);
/* Its target has changed: what could not be done because of it may be tried again. While it is
 * begun nobody knows what it has seen: should it fail for good, it is tried once more. */
void progress_target_changed(struct progress *progress, struct str_view namespace,
                             struct str_view name);
/* It is about to be carried out: until progress_end() it is nobody's turn. Whether it was hurried,
 * which it is no longer. */
bool progress_begin(struct progress *progress, struct str_view namespace, struct str_view name);
void progress_end(struct progress *progress, struct str_view namespace, struct str_view name);
/* Whether its labels or annotations, and nothing else of it, have changed since it was last carried
 * out, by its status where this process has not done that yet; `*ret_wait_ms` > 0: so long it has
 * to wait because that was a moment ago. */
bool progress_is_forced(struct progress *progress, const struct external_secret *external_secret,
                        int64_t now_ms, int64_t *ret_wait_ms);
/* The last time it failed. */
bool progress_has_failed(struct progress *progress, const struct external_secret *external_secret);

struct progress_result {
    const char *basis;
    bool forced;
    bool failed;
    bool final;                  /* trying again is of no use before something changes */
    bool left_absent;            /* there is to be no Secret */
    bool kept;                   /* what there is stays as it was found */
    const struct secret *target; /* as it was written or found; NULL: there is none */
    int64_t start_ms;            /* since 1970 */
    int64_t start_now_ms;        /* the same, monotonic */
    int64_t now_ms;              /* monotonic */
};

/* It was carried out, as it is in `external_secret`. */
void progress_note(struct progress *progress, const struct external_secret *external_secret,
                   const struct progress_result *result);
/* Another may have carried out everything meanwhile: what came of it in this process counts for
 * nothing any more. What is begun stays begun, and what is hurried has its turn. */
void progress_restart(struct progress *progress);
/* It is gone. What is begun stays begun, for a successor of the same name as well. */
void progress_forget(struct progress *progress, struct str_view namespace, struct str_view name);

#endif
