/* SPDX-License-Identifier: Apache-2.0 */
/* When an ExternalSecret is carried out where Keyturn is its controller: the decision of the
 * External Secrets Operator (external-secrets.md §2.1), from what stands in the objects alone, so
 * that a restart forgets nothing and asks AWS for nothing. Pure; any thread. */
#ifndef EXTERNALSECRET_DUE_H
#define EXTERNALSECRET_DUE_H

#include "objects/external_secret.h"
#include "objects/secret.h"

enum {
    DUE_REFRESH_FLOOR_MS = 1000,
    DUE_BACKOFF_MS = 1000,
    DUE_BACKOFF_MAX_MS = 7 * 60 * 1000,
};

/* The generation in an external_secret_version(); -1 when it is none. */
int64_t due_version_generation(struct str_view version);

/* What became of it the last time, by its status or by what this process remembers. */
struct due_last {
    struct str_view version; /* empty: never carried out */
    int64_t refresh_ms;      /* since 1970; 0: never */
    bool left_absent;        /* there was to be no Secret: one that is missing is no fault */
    bool kept; /* nothing was written, and a Secret left as it was: that is no fault */
};

struct due_input {
    const struct external_secret *external_secret;
    struct due_last last;
    bool target_known;           /* false: it cannot be told whether there is one */
    const struct secret *target; /* NULL: there is none */
    int64_t now_ms;              /* since 1970 */
};

/* How long until its turn: 0 now, INT64_MAX when something changes. A refreshInterval below
 * DUE_REFRESH_FLOOR_MS counts as that. */
int64_t due_in_ms(const struct due_input *input);

/* Whether the Secret is as its last write left it: the operator's label, and the data-hash of the
 * data. With creationPolicy Orphan it always counts as that, and with None and Merge a missing one
 * does, and whatever was kept does when it is there. What is not known is taken for valid. */
bool due_target_is_valid(const struct due_input *input);

/* Between the tries after so many failures in a row (at least 1): 1 s, 2 s, 4 s ... 7 min. */
int64_t due_backoff_ms(unsigned failures);

#endif
