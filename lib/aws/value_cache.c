/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing and opening, which take longest, happen outside of the lock: an entry does not change and
 * is held by whoever opens it. */
#include "aws/value_cache_table.h"

#include "base/lock.h"

enum {
    REFUSAL_MS = 30000, /* not found, denied (aws.md §3.5) */
    REQUEST_MS = 60000, /* what is wrong with the request or the KMS key */
    JITTER_PERCENT = 20,
};

struct value_cache {
    struct value_cache_options options;
    struct aead *aead;
    pthread_mutex_t mutex;
    struct value_cache_table table;
    int64_t dropped_ms;                 /* when something of an identity was last */
    int64_t expired_ms;                 /* when something was last */
    struct value_cache_numbers numbers; /* those of the table are the table's */
};

struct value_cache *value_cache_new(const struct value_cache_options *options)
{
    struct value_cache *cache = mem_alloc(sizeof *cache);
    cache->options = *options;
    cache->aead = aead_new(&cache->numbers.locked);
    mutex_init(&cache->mutex);
    value_cache_table_init(&cache->table, options);
    return cache;
}

void value_cache_free(struct value_cache *cache)
{
    if (cache) {
        value_cache_table_done(&cache->table);
        pthread_mutex_destroy(&cache->mutex);
        aead_free(cache->aead);
        free(cache);
    }
}

static int64_t now_ms(const struct value_cache *cache)
{
    return clock_monotonic_ms(cache->options.clock);
}

/* With the mutex. What was dropped or expired while the call was under way may have been this: the
 * table had nothing of the call yet. */
static bool is_wanted(struct value_cache *cache, const struct value_cache_entry *entry)
{
    bool outdated = entry->refusal && entry->since_ms < cache->expired_ms;
    return !outdated && entry->since_ms >= cache->dropped_ms &&
           !value_cache_table_has_younger(&cache->table, value_cache_entry_key(entry),
                                          entry->since_ms);
}

/* With the mutex. A call that began earlier may end later. */
static void keep(struct value_cache *cache, struct str_view namespace,
                 struct value_cache_entry *entry)
{
    if (is_wanted(cache, entry)) {
        entry->expired = entry->since_ms < cache->expired_ms;
        value_cache_table_keep(&cache->table, namespace, entry);
    } else {
        value_cache_entry_release(entry);
    }
}

void value_cache_put(struct value_cache *cache, const struct value_cache_key *key,
                     struct str_view namespace, const struct remote_value *value, int64_t asked_ms)
{
    CLEANUP(buf_done) struct buf composed;
    if (!value_cache_key_compose(key, &composed)) {
        return;
    }
    struct value_cache_entry *entry =
        value_cache_entry_new(cache->aead, key, buf_view(&composed), value, asked_ms);
    pthread_mutex_lock(&cache->mutex);
    keep(cache, namespace, entry);
    pthread_mutex_unlock(&cache->mutex);
}

/* 0: not to be remembered. */
static int64_t refusal_ms(const struct service_error *error)
{
    switch (error->class) {
    case SERVICE_NOT_FOUND:
        return REFUSAL_MS;
    case SERVICE_DENIED:
        return strcmp(error->code, "DecryptionFailure") == 0 ? REQUEST_MS : REFUSAL_MS;
    case SERVICE_REQUEST:
        return REQUEST_MS;
    case SERVICE_OK:
    case SERVICE_CREDENTIAL:
    case SERVICE_CLOCK:
    case SERVICE_THROTTLE:
    case SERVICE_TRANSIENT:
    case SERVICE_TRANSPORT:
        return 0;
    }
    return 0;
}

static int64_t jittered_ms(const struct value_cache *cache, int64_t ms)
{
    int64_t most = ms * JITTER_PERCENT / 100;
    return ms - most + cache->options.random(cache->options.context) % (2 * most + 1);
}

void value_cache_put_error(struct value_cache *cache, const struct value_cache_key *key,
                           struct str_view namespace, const struct service_error *error,
                           const struct err *err, int64_t asked_ms)
{
    CLEANUP(buf_done) struct buf composed = {0};
    int64_t ms = refusal_ms(error);
    if (ms == 0 || !value_cache_key_compose(key, &composed)) {
        return;
    }
    const struct value_cache_refusal refusal = {
        .error = *error,
        .err = *err,
        .until_ms = now_ms(cache) + jittered_ms(cache, ms),
    };
    struct value_cache_entry *entry =
        value_cache_entry_new_refusal(key, buf_view(&composed), &refusal, asked_ms);
    pthread_mutex_lock(&cache->mutex);
    /* Whoever may no longer read it is not to be handed what he could read before. */
    if (error->class != SERVICE_REQUEST &&
        !value_cache_table_has_younger(&cache->table, buf_view(&composed), asked_ms)) {
        value_cache_table_purge(&cache->table, buf_view(&composed));
    }
    keep(cache, namespace, entry);
    pthread_mutex_unlock(&cache->mutex);
}

static struct value_cache_entry *use(struct value_cache *cache, struct value_cache_entry *entry)
{
    value_cache_table_touch(&cache->table, entry);
    return value_cache_entry_retain(entry);
}

static enum value_cache_answer look_up(struct value_cache *cache, struct str_view key,
                                       int64_t since_ms, int64_t now,
                                       struct value_cache_entry **ret)
{
    struct value_cache_entry *refused = value_cache_table_find_refusal(&cache->table, key, now);
    if (refused && refused->since_ms >= since_ms) {
        cache->numbers.hits++;
        *ret = value_cache_entry_retain(refused);
        return VALUE_CACHE_REFUSED;
    }
    struct value_cache_entry *value = value_cache_table_find(&cache->table, key, now);
    if (!value || value->expired || value->since_ms < since_ms) {
        return VALUE_CACHE_MISS;
    }
    cache->numbers.hits++;
    *ret = use(cache, value);
    return VALUE_CACHE_HIT;
}

/* False when its memory was written over: then it is good for nobody. */
static bool open_value(struct value_cache *cache, struct value_cache_entry *entry,
                       const struct value_cache_key *key, struct remote_value *ret)
{
    struct err ignored;
    if (value_cache_entry_open(entry, cache->aead, key, ret, &ignored)) {
        return true;
    }
    pthread_mutex_lock(&cache->mutex);
    if (entry->share) {
        value_cache_table_discard(&cache->table, entry);
    }
    pthread_mutex_unlock(&cache->mutex);
    return false;
}

enum value_cache_answer value_cache_get(struct value_cache *cache,
                                        const struct value_cache_key *key, int64_t since_ms,
                                        struct remote_value *ret, int64_t *ret_age_ms,
                                        struct service_error *error, struct err *err)
{
    CLEANUP(buf_done) struct buf composed = {0};
    CLEANUP(value_cache_entry_release_ptr) struct value_cache_entry *entry = NULL;
    int64_t now = now_ms(cache);
    if (since_ms == 0 || !value_cache_key_compose(key, &composed)) {
        return VALUE_CACHE_MISS;
    }
    pthread_mutex_lock(&cache->mutex);
    enum value_cache_answer answer = look_up(cache, buf_view(&composed), since_ms, now, &entry);
    pthread_mutex_unlock(&cache->mutex);

    if (answer == VALUE_CACHE_REFUSED) {
        *error = entry->refusal->error;
        *err = entry->refusal->err;
    } else if (answer == VALUE_CACHE_HIT) {
        if (!open_value(cache, entry, key, ret)) {
            return VALUE_CACHE_MISS;
        }
        *ret_age_ms = now - entry->since_ms;
    }
    return answer;
}

void value_cache_count_misses(struct value_cache *cache, size_t count)
{
    pthread_mutex_lock(&cache->mutex);
    cache->numbers.misses += count;
    pthread_mutex_unlock(&cache->mutex);
}

/* While a refusal stands, the last that was said is not that the service has failed. */
static struct value_cache_entry *look_up_stale(struct value_cache *cache, struct str_view key,
                                               int64_t now)
{
    if (value_cache_table_find_refusal(&cache->table, key, now)) {
        return NULL;
    }
    struct value_cache_entry *value = value_cache_table_find(&cache->table, key, now);
    if (!value) {
        return NULL;
    }
    cache->numbers.stale++;
    return use(cache, value);
}

bool value_cache_get_stale(struct value_cache *cache, const struct value_cache_key *key,
                           struct remote_value *ret, int64_t *ret_age_ms)
{
    CLEANUP(buf_done) struct buf composed;
    if (!value_cache_key_compose(key, &composed)) {
        return false;
    }
    int64_t now = now_ms(cache);
    pthread_mutex_lock(&cache->mutex);
    CLEANUP(value_cache_entry_release_ptr)
    struct value_cache_entry *entry = look_up_stale(cache, buf_view(&composed), now);
    pthread_mutex_unlock(&cache->mutex);
    if (!entry || !open_value(cache, entry, key, ret)) {
        return false;
    }
    *ret_age_ms = now - entry->since_ms;
    return true;
}

size_t value_cache_expire(struct value_cache *cache, enum endpoint_service service,
                          struct str_view name, struct str_view arn)
{
    pthread_mutex_lock(&cache->mutex);
    size_t count = value_cache_table_expire(&cache->table, service, name, arn);
    cache->expired_ms = count > 0 ? now_ms(cache) : cache->expired_ms;
    pthread_mutex_unlock(&cache->mutex);
    return count;
}

void value_cache_drop_identity(struct value_cache *cache, const struct identity_key *identity)
{
    pthread_mutex_lock(&cache->mutex);
    if (value_cache_table_drop_identity(&cache->table, identity)) {
        cache->dropped_ms = now_ms(cache);
    }
    pthread_mutex_unlock(&cache->mutex);
}

struct value_cache_numbers value_cache_numbers(struct value_cache *cache)
{
    pthread_mutex_lock(&cache->mutex);
    struct value_cache_numbers numbers = cache->numbers;
    numbers.entries = cache->table.all.entries.count;
    numbers.refusals = cache->table.all.refusals.count;
    numbers.bytes = cache->table.all.bytes;
    numbers.evictions = cache->table.evictions;
    pthread_mutex_unlock(&cache->mutex);
    return numbers;
}
