/* SPDX-License-Identifier: Apache-2.0 */
/* Values that were fetched, sealed (aws.md §7.2, §8.3): keyed by identity, service, region, key and
 * version, bounded in entries and bytes, and in what one namespace may hold.
 *
 * An entry has an age, not a state: whoever asks says how old it may be. Up to the soft time it is
 * as good as fresh; until the hard time it may stand in when the service fails for a while
 * (throttling, 5xx, no answer), and for nothing else. "Not there", "not allowed" and "cannot be
 * decrypted" drop the value at once and are remembered for a moment themselves. Any thread; values
 * are plain only in what the caller is handed. */
#ifndef AWS_VALUE_CACHE_H
#define AWS_VALUE_CACHE_H

#include "aws/endpoint.h"
#include "aws/identity.h"
#include "aws/remote_value.h"
#include "aws/service_error.h"
#include "base/clock.h"

struct value_cache_options {
    const struct clock *clock;
    uint32_t (*random)(void *context); /* jitter of negative entries, 20 % */
    void *context;
    size_t max_entries;       /* 10,000 */
    size_t max_bytes;         /* 64 MiB */
    unsigned namespace_share; /* percent of both that one namespace may hold: 25 */
    int64_t hard_ms;          /* 24 h */
};

struct value_cache;

struct value_cache *value_cache_new(const struct value_cache_options *options);
/* Accepts NULL. */
void value_cache_free(struct value_cache *cache);

/* Everything is borrowed. Key and version as they are asked for. */
struct value_cache_key {
    struct identity_key identity;
    enum endpoint_service service;
    struct str_view region;
    struct str_view key;
    struct str_view version;
};

enum value_cache_answer {
    VALUE_CACHE_MISS,
    VALUE_CACHE_HIT,     /* `ret` is the value, not older than asked */
    VALUE_CACHE_REFUSED, /* `error` and `err` are what was answered, not longer ago than asked */
};

/* What was asked for at `since_ms` (monotonic) or later hits; 0 is always a miss, also where a
 * refusal is remembered. For the current version, what the same identity asked for by name answers
 * to its ARN too; not the other way round, since an ARN may lead to another account, where the name
 * is another secret. A hit counts as a use; `ret` is then released first, and untouched otherwise.
 * Hits are counted here; misses are not, since whoever asks may look again before he asks
 * elsewhere. */
enum value_cache_answer value_cache_get(struct value_cache *cache,
                                        const struct value_cache_key *key, int64_t since_ms,
                                        struct remote_value *ret, int64_t *ret_age_ms,
                                        struct service_error *error, struct err *err);
/* So many were not there, however often they were looked for. */
void value_cache_count_misses(struct value_cache *cache, size_t count);
/* Whatever there is up to the hard time, for when the service has failed for a while; expired or
 * not, but nothing while a refusal is remembered. `ret` as above. */
MUST_CHECK bool value_cache_get_stale(struct value_cache *cache, const struct value_cache_key *key,
                                      struct remote_value *ret, int64_t *ret_age_ms);
/* Copies and seals; it is as old as the call that brought it, which began at `asked_ms`
 * (monotonic): what has changed since then is not in it. What is too large for its namespace's
 * share is not kept, nor what was there. A namespace over its share gives up what it used least
 * recently itself. When the cache is full, that holds for all. Ends a refusal. Where something is
 * kept that was asked for later nothing happens, nor where something has been dropped since then;
 * where something has expired since, it may only stand in. */
void value_cache_put(struct value_cache *cache, const struct value_cache_key *key,
                     struct str_view namespace, const struct remote_value *value, int64_t asked_ms);
/* Drops the value if the class says so (not found, denied), and remembers the refusal, as old as
 * its call: 30 s for not found and denied, 60 s for what is wrong with the request or the KMS key,
 * at most a tenth of the entries. Transient failures change nothing, nor what is about credentials
 * or the clock. */
void value_cache_put_error(struct value_cache *cache, const struct value_cache_key *key,
                           struct str_view namespace, const struct service_error *error,
                           const struct err *err, int64_t asked_ms);
/* Makes everything of a remote secret, by name or ARN (with and without its suffix), too old to
 * hit, whoever's it is, and forgets refusals. Answers how much there was. Walks over everything.
 * Where there was something, whatever else is under way then is too old to hit as well, since it
 * may be that. */
size_t value_cache_expire(struct value_cache *cache, enum endpoint_service service,
                          struct str_view name, struct str_view arn);
/* Drops everything of an identity whose credentials were taken away. Walks over everything. Where
 * there was something, nothing that is under way then is kept, since it may be that identity's; an
 * identity that is refused again and again costs others nothing. */
void value_cache_drop_identity(struct value_cache *cache, const struct identity_key *identity);

struct value_cache_numbers {
    size_t entries;
    size_t refusals;    /* of them; also those that have lapsed and were not asked for since */
    size_t bytes;       /* with keys and what it takes to find them */
    uint64_t hits;      /* values and refusals that answered */
    uint64_t misses;    /* as told by value_cache_count_misses() */
    uint64_t stale;     /* values that stood in */
    uint64_t evictions; /* for want of room */
    bool locked;        /* the key cannot be swapped out */
};
struct value_cache_numbers value_cache_numbers(struct value_cache *cache);

#endif
