/* SPDX-License-Identifier: Apache-2.0 */
/* What the review of an ExternalSecret asks its stores: whether the remote secrets and properties
 * exist that it names (admission/existence.h). Begun by the thread that serves the review, asked by
 * a worker; the object is not persisted and may be refused, so that nothing comes of it but words.
 *
 * No side effects: nothing is written, no Event is sent. A store that is known to be silent is not
 * asked, and none becomes so by this, but to other reviews: one that a review has asked in vain for
 * a second, and which so keeps places that others could have (flights.h), is for ten not asked by
 * any, then by one. A call to AWS outlives the review that it comes too late for;
 * what it has read lies in the cache of values, with its age, for whoever reads next; beside the
 * operator in one of its own, for reviews alone.
 *
 * Quota decides after webhooks, and what it refuses must not have been asked for
 * (design-evidence.md §2, 64): where a ResourceQuota counts ExternalSecrets, one that is created is
 * not asked for, nor where that cannot be learned. Other webhooks may still refuse it.
 *
 * Nothing is said to be missing by what was known before: that is asked for again. */
#ifndef WEBHOOK_INQUIRY_H
#define WEBHOOK_INQUIRY_H

#include "admission/existence.h"
#include "webhook/flights.h"
#include "webhook/store_health.h"

struct inquiry_options {
    const struct clock *clock;
    struct store_health *stores;  /* which of them are silent */
    struct store_health *reviews; /* which are to reviews: of the inquiries alone */
    bool creates;                 /* a CREATE */
    bool apart;          /* beside the operator: what is read for a review makes nobody quicker */
    int64_t deadline_ms; /* of the review */
};

struct inquiry;

/* Moves `existence` into it. To be released twice: by the request and by its question. */
struct inquiry *inquiry_new(const struct inquiry_options *options, struct existence *existence);
/* Not to be called unless it is asked. */
struct flight_question inquiry_question(struct inquiry *inquiry);
/* Accepts NULL. */
void inquiry_release(struct inquiry *inquiry);

/* Once it has been answered. Silent of what there was no time for, or what failed. */
const struct problem_list *inquiry_found(const struct inquiry *inquiry);
/* Why something could not be asked, the last of it; NULL: everything could. */
const char *inquiry_failure(const struct inquiry *inquiry);

#endif
