/* SPDX-License-Identifier: Apache-2.0 */
/* What the leader knows about each ExternalSecret between two looks: what was carried out, how that
 * ended, and when its next turn is.
 *
 * After failures the turns are 1, 2, 4 ... 60 s apart. A new value of the annotation force-sync
 * asks for a refresh past the cache, at most every ten seconds (aws.md §7.2). Told the time,
 * monotonic. Any thread. */
#ifndef WEBHOOK_PROGRESS_H
#define WEBHOOK_PROGRESS_H

#include <pthread.h>

#include "base/table.h"
#include "externalsecret/reconcile.h"

struct progress {
    pthread_mutex_t mutex;
    struct table records; /* guarded */
};

void progress_init(struct progress *progress);
void progress_done(struct progress *progress);

/* Whether `basis`, which is what it would be carried out from, is another than the last time, or
 * there was none. `*ret_due_ms` is when its turn is otherwise: INT64_MAX when something changes. */
bool progress_is_new(struct progress *progress, const struct external_secret *external_secret,
                     const char *basis, int64_t *ret_due_ms);
/* Whether the annotation has changed since it was last carried out; `*ret_wait_ms` > 0: so long it
 * has to wait because that was a moment ago. */
bool progress_is_forced(struct progress *progress, const struct external_secret *external_secret,
                        int64_t now_ms, int64_t *ret_wait_ms);
/* The last time it failed. */
bool progress_has_failed(struct progress *progress, const struct external_secret *external_secret);
/* It was carried out. Answers how long until its next turn; INT64_MAX: when something changes. */
int64_t progress_note(struct progress *progress, const struct external_secret *external_secret,
                      const char *basis, bool forced, enum reconcile_outcome outcome,
                      int64_t now_ms);
void progress_forget(struct progress *progress, struct str_view namespace, struct str_view name);

/* The annotation's value, cut; empty when there is none. */
struct str_view progress_force_sync(const struct external_secret *external_secret);

#endif
