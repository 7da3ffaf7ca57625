/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials per identity: fetched once for everybody who asks at the same time, refreshed ahead,
 * kept while they are valid though a refresh fails (aws.md §2.6).
 *
 * Refresh is due at expiry minus the larger of 10 min and a quarter of the lifetime (half of it
 * when it is under 15 min), times a random 0.9 to 1.1. With more than 60 s left nobody waits for
 * it: the first in the background who asks after the time fetches, everybody else gets what there
 * is. credentials_cache_refresh() does it for those who only serve requests. A failed refresh is
 * tried again after 1, 2, 4 ... 60 s with full jitter; the old set serves until 30 s before it
 * expires, and where nothing serves the failure is the answer until the time has come. What a
 * service refused is fetched anew at most once in 60 s.
 *
 * The first who needs a fetch makes it, the others wait for it until their own deadlines and share
 * its success or failure. That a caller's time was too short for his source is no failure of it:
 * the next tries with his. An identity that nobody has used for two hours is dropped, not renewed:
 * its store may be gone. No lock is held over a fetch. Any thread. */
#ifndef AWS_CREDENTIALS_CACHE_H
#define AWS_CREDENTIALS_CACHE_H

#include "aws/credentials.h"
#include "aws/identity.h"

enum {
    CREDENTIALS_IDENTITIES_MAX = 4096, /* beyond it the one that nobody has used longest goes */
    /* Twice the refreshInterval that an ExternalSecret has unless it says another. */
    CREDENTIALS_IDLE_MS = 2 * 60 * 60 * 1000,
};

struct credentials_cache;

struct credentials_cache *credentials_cache_new(const struct clock *clock,
                                                uint32_t (*random)(void *context), void *context);
/* No call is under way. Accepts NULL. */
void credentials_cache_free(struct credentials_cache *cache);

/* What is handed to service_call() for one identity; lives in the caller's frame. */
struct credentials_lease {
    struct credentials_cache *cache;
    struct identity_key key;
    struct credentials_provider *provider; /* borrowed */
};

/* `lease` outlives the interface, and its provider the lease. The provider of the first who asks
 * for an identity is kept for refreshes. */
struct credentials_source credentials_lease_source(struct credentials_lease *lease);

/* When the next refresh is due, monotonic; INT64_MAX: none. */
int64_t credentials_cache_next_refresh_ms(struct credentials_cache *cache);
/* Drops what has not been used for CREDENTIALS_IDLE_MS, then refreshes whatever is due, one after
 * the other, until `deadline_ms`. A refresh is no use, but what a role is assumed with is used by
 * it. */
void credentials_cache_refresh(struct credentials_cache *cache, const struct service_thread *thread,
                               int64_t deadline_ms);

/* The Secret or ServiceAccount behind it has changed. */
void credentials_cache_forget(struct credentials_cache *cache, const struct identity_key *key);

struct credentials_cache_numbers {
    size_t identities;
    uint64_t fetches;
    uint64_t failures;
    int64_t next_expiry_ms; /* monotonic, of the one that expires first; INT64_MAX: none */
};
struct credentials_cache_numbers credentials_cache_numbers(struct credentials_cache *cache);

#endif
