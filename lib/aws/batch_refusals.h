/* SPDX-License-Identifier: Apache-2.0 */
/* What a queue remembers of batches that were refused as a whole, for ten minutes (aws.md §3.2,
 * §4): that batches are not allowed at all, or which values spoil those they are part of.
 *
 * Told the time, monotonic. No locking: the owner guards it. */
#ifndef AWS_BATCH_REFUSALS_H
#define AWS_BATCH_REFUSALS_H

#include "base/str_view.h"

enum {
    BATCH_REFUSALS_MS = 10 * 60 * 1000,
    /* Of one queue. With more the oldest is forgotten, and costs a refused batch to be found
     * again. */
    BATCH_SPOILERS_MAX = 64,
};

struct batch_spoiler {
    char *id; /* NULL: none */
    size_t len;
    int64_t until_ms;
};

/* Zeroed: nothing is remembered. */
struct batch_refusals {
    int64_t forbidden_until_ms;
    struct batch_spoiler spoilers[BATCH_SPOILERS_MAX];
    size_t next; /* the one that is replaced next */
};

void batch_refusals_done(struct batch_refusals *refusals);
/* No batches from now on. */
void batch_refusals_forbid(struct batch_refusals *refusals, int64_t now_ms);
bool batch_refusals_forbids(const struct batch_refusals *refusals, int64_t now_ms);
/* It was this value and not batches as such, which are allowed again. */
void batch_refusals_blame(struct batch_refusals *refusals, struct str_view id, int64_t now_ms);
bool batch_refusals_blames(const struct batch_refusals *refusals, struct str_view id,
                           int64_t now_ms);
/* The value can be had after all. */
void batch_refusals_acquit(struct batch_refusals *refusals, struct str_view id);
/* Nothing is remembered any more. */
bool batch_refusals_empty(const struct batch_refusals *refusals, int64_t now_ms);

#endif
