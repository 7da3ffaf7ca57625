/* SPDX-License-Identifier: Apache-2.0 */
/* What the credentials cache keeps of each identity, and all of them in the order of their last
 * use.
 *
 * An entry lives while the set or a thread refers to it: one that had to go is finished by those
 * who are at it. No locking: the cache guards both; only credentials_entry_free() is called without
 * its mutex, because a provider's destructor is somebody else's code. */
#ifndef AWS_CREDENTIALS_ENTRY_H
#define AWS_CREDENTIALS_ENTRY_H

#include "aws/credentials_refresh.h"
#include "aws/identity.h"
#include "base/table.h"

enum credentials_outcome {
    CREDENTIALS_FETCHED,
    CREDENTIALS_FAILED,
    CREDENTIALS_HURRIED, /* only the caller's time was over */
};

struct credentials_entry {
    struct identity_key key;
    struct credentials_entry *newer; /* by their last use */
    struct credentials_entry *older;
    unsigned references;
    int64_t used_ms; /* monotonic; the cache's */
    struct credentials_provider *provider;
    struct credentials_state state;
    bool fetching;
    uint64_t fetches;                 /* that have ended */
    enum credentials_outcome outcome; /* of the last */
};

struct credentials_entries {
    struct table table; /* keys lie in the entries */
    struct credentials_entry *newest;
    struct credentials_entry *oldest;
};

void credentials_entries_init(struct credentials_entries *entries);
/* Nobody is at any of them. */
void credentials_entries_done(struct credentials_entries *entries);
/* The identity's entry with a reference for the caller, as the one used last; made, with a
 * reference to `provider`, where there was none. Over `max` the one that was not used longest is
 * dropped:
 * `*ret_dropped` is as credentials_entries_drop() answers. */
struct credentials_entry *credentials_entries_use(struct credentials_entries *entries,
                                                  const struct identity_key *key,
                                                  struct credentials_provider *provider, size_t max,
                                                  struct credentials_entry **ret_dropped);
/* Takes the identity out: what is left to be freed, or NULL. */
struct credentials_entry *credentials_entries_drop(struct credentials_entries *entries,
                                                   const struct identity_key *key);

/* Gives a reference back: `entry` where that was the last one, to be freed, or NULL. */
struct credentials_entry *credentials_entry_leave(struct credentials_entry *entry);
/* Accepts NULL. */
void credentials_entry_free(struct credentials_entry *entry);

#endif
