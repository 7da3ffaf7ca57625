/* SPDX-License-Identifier: Apache-2.0 */
/* What one look-up of a property may use: the texts that are made on the way, and how much work is
 * left. One thread at a time. */
#ifndef EXTERNALSECRET_PROPERTY_RUN_H
#define EXTERNALSECRET_PROPERTY_RUN_H

#include "base/secret_buf.h"

/* Zeroed is unused. */
struct property_run {
    struct secret_buf *texts;
    size_t count;
    size_t capacity;
    size_t bytes;   /* of all texts, at most LIMIT_PROPERTY_MEMORY */
    size_t steps;   /* taken, at most LIMIT_PROPERTY_STEPS */
    size_t depth;   /* of calls, at most LIMIT_PROPERTY_DEPTH */
    bool exhausted; /* one of them is used up: no result counts any more */
};

void property_run_done(struct property_run *run);
/* A text to be built, whose ceiling is what is left. */
void property_run_open(const struct property_run *run, struct secret_buf *ret);
/* Takes `text` over; the view lives as long as the run. */
struct str_view property_run_keep(struct property_run *run, struct secret_buf *text);
/* False when there is no more. */
bool property_run_spend(struct property_run *run, size_t steps);
/* One call deeper, to be left again also when it is false. */
bool property_run_enter(struct property_run *run);
void property_run_leave(struct property_run *run);

#endif
