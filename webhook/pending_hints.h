/* SPDX-License-Identifier: Apache-2.0 */
/* Remote secrets that are said to have changed, and when each is looked at: the memory behind
 * webhook/rotation.h. Pure but for memory; one thread at a time. */
#ifndef WEBHOOK_PENDING_HINTS_H
#define WEBHOOK_PENDING_HINTS_H

#include "aws/rotation_hint.h"
#include "base/table.h"
#include "webhook/receipts.h"

enum {
    /* Beyond it they have to wait in the queue. */
    HINTS_PENDING_MAX = 1024,
    HINT_EVERY_MS = 10000,
    HINT_TRIES = 5,
};

/* One remote secret. */
struct pending_hint {
    enum endpoint_service service;
    char *arn; /* "": not told */
    char *name;
    char *version;   /* the one that is expected; "": any */
    bool several;    /* versions were told of together: a queue keeps no order, any may be last */
    unsigned tries;  /* looks so far */
    int64_t due_ms;  /* monotonic; INT64_MAX: nothing to do, remembered for the pace */
    int64_t last_ms; /* when it was first looked at for the present change */
    /* Of the messages that told of it; the user's to add, and to take when it is done with. */
    struct receipts receipts;
};

struct pending_hints {
    struct table by_secret;
};

void pending_hints_init(struct pending_hints *hints);
void pending_hints_done(struct pending_hints *hints);
/* What is known of the secret that a hint names; NULL: nothing. Valid until the next is added. */
struct pending_hint *pending_hints_find(const struct pending_hints *hints,
                                        const struct rotation_hint *hint);
/* A hint has come. NULL: there is no room. Valid until the next is added. */
MUST_CHECK struct pending_hint *pending_hints_add(struct pending_hints *hints,
                                                  const struct rotation_hint *hint, int64_t now_ms);
/* The one whose turn it is; NULL: none. */
struct pending_hint *pending_hints_due(struct pending_hints *hints, int64_t now_ms);
/* It has been looked at: `seen` when what was expected was there, which ends it unless several
 * versions are. True when it is done with, false when it will be due again. Whoever looked and
 * could not act does not say so: it stays due, and this was none of its tries. */
bool pending_hint_looked(struct pending_hint *hint, bool seen, int64_t now_ms);
/* When the next is due; INT64_MAX: none. */
int64_t pending_hints_next_ms(const struct pending_hints *hints);

#endif
