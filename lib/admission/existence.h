/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what an ExternalSecret names exists in its stores: what to ask for its own review, and
 * what the answers say of its entries (external-secrets.md §2.5, §4.2). Whoever asks does it in
 * between (webhook/inquiry.h).
 *
 * Asked for are the values behind data[] and dataFrom[].extract, because only they tell of a
 * property; never a find, nor tags (metadataPolicy Fetch). They stay in here, are wiped with it,
 * and nobody gets them: the object may still be refused. Told is that something is missing, not by
 * its store's prefix, never a byte of a value. What was not asked or could not be read says
 * nothing. One with more than LIMIT_REVIEW_ENTRIES entries is not asked for at all: nobody is told
 * that something of it is missing.
 *
 * The stores are those of world_store_for(): who may not read through a store learns nothing
 * through it here either. One thread at a time. */
#ifndef ADMISSION_EXISTENCE_H
#define ADMISSION_EXISTENCE_H

#include "externalsecret/plan.h"
#include "externalsecret/validate.h"
#include "world/world.h"

struct existence {
    struct external_secret *external_secret;
    struct plan plan;      /* of plan_stores(), then of plan_make(): the stores are the same */
    struct store **stores; /* of each of plan.stores */
    bool remotely;
};

/* `external_secret` has no problem of its own. False: there is nothing to ask, or one of the stores
 * is not there, not known, does not admit the namespace or is not supported, so that nobody would
 * carry it out. Not `remotely` (in a dry run): only stores of the provider "fake", which hold their
 * values themselves, are asked. To be released whatever is answered. Compiles nothing, so that who
 * serves a review may wait for it. */
MUST_CHECK bool existence_begin(struct world *world, struct external_secret *external_secret,
                                bool remotely, struct existence *ret);
/* Once, before the rest, by who asks: makes the plan, for which every regular expression is
 * compiled, milliseconds. False: nobody would carry it out; nothing is to be asked or judged. */
MUST_CHECK bool existence_plan(struct existence *existence);
void existence_done(struct existence *existence);

/* What is to be asked of one store at once. */
struct existence_batch {
    const struct store *store;
    struct remote_read *reads;
    size_t count;
};

/* Walks over all of them, LIMIT_REVIEW_READS reads at most; `*position` begins at 0. */
bool existence_next(const struct existence *existence, size_t *position,
                    struct existence_batch *ret);
/* Before it is asked, for the first time or again; and when that failed. Until then all of it is
 * unknown. */
void existence_ask(const struct existence_batch *batch);
void existence_fail(const struct existence_batch *batch);

size_t existence_entries(const struct existence *existence);
/* Appends what is missing of one entry: those of data come first, those of dataFrom behind them.
 * All look-ups of properties share LIMIT_EFFORT_STEPS; one that goes beyond says nothing. */
void existence_judge(struct existence *existence, size_t entry, struct problem_list *ret);

#endif
