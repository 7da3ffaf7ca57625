/* SPDX-License-Identifier: Apache-2.0 */
/* One mutex and one condition for all identities: they are held for moments, never over a fetch,
 * and who waits are a handful of worker threads.
 *
 * A fetch is made by the first thread that needs it, with that thread's transport and deadline.
 * Others wait for it each until his own deadline and take what it brought, success or failure; only
 * when it merely ran out of the first one's time does the next in line try with his. */
#include "aws/credentials_cache.h"

#include "aws/credentials_entry.h"
#include "base/lock.h"

enum {
    REFRESH_MS = 60 * 1000, /* for one identity in the background (aws.md §6.2) */
    FAIR_CHANCE_MS = 2500,  /* one try of a call */
    NO_TIME_MS = 300,       /* no try begins with less */
};

struct credentials_cache {
    const struct clock *clock;
    uint32_t (*random)(void *context);
    void *context;
    pthread_mutex_t mutex;
    pthread_cond_t fetched; /* some fetch has ended */
    struct credentials_entries entries;
    uint64_t fetches;
    uint64_t failures;
};

struct credentials_cache *credentials_cache_new(const struct clock *clock,
                                                uint32_t (*random)(void *context), void *context)
{
    struct credentials_cache *cache = mem_alloc(sizeof *cache);
    cache->clock = clock;
    cache->random = random;
    cache->context = context;
    mutex_init(&cache->mutex);
    cond_init(&cache->fetched);
    credentials_entries_init(&cache->entries);
    return cache;
}

void credentials_cache_free(struct credentials_cache *cache)
{
    if (!cache) {
        return;
    }
    credentials_entries_done(&cache->entries);
    pthread_cond_destroy(&cache->fetched);
    pthread_mutex_destroy(&cache->mutex);
    free(cache);
}

/* Asks the provider, without the mutex. */
static bool ask_provider(const struct credentials_cache *cache,
                         const struct credentials_entry *entry,
                         const struct credentials_request *request, struct credentials **ret,
                         struct err *err)
{
    struct credentials_provider *provider = entry->provider;
    if (!provider->fetch(provider, request, ret, err)) {
        return err_wrap(err, "credentials from %s", provider->name);
    }
    if ((*ret)->expires_ms <= clock_monotonic_ms(cache->clock)) {
        credentials_release(*ret);
        *ret = NULL;
        return err_set(err, ERR_UNAVAILABLE, "credentials from %s had expired", provider->name);
    }
    return true;
}

/* Nothing can be said of a source that was given too little time. */
static bool was_hurried(const struct credentials_cache *cache,
                        const struct credentials_request *request, int64_t began_ms,
                        const struct err *err)
{
    return err->kind == ERR_TIMEOUT && request->deadline_ms - began_ms < FAIR_CHANCE_MS &&
           clock_left_ms(cache->clock, request->deadline_ms) < NO_TIME_MS;
}

static void note_failure(struct credentials_cache *cache, struct credentials_entry *entry,
                         bool hurried, const struct err *err)
{
    cache->failures++;
    entry->outcome = hurried ? CREDENTIALS_HURRIED : CREDENTIALS_FAILED;
    if (!hurried) {
        int64_t now_ms = clock_monotonic_ms(cache->clock);
        credentials_state_fail(&entry->state, err, now_ms, cache->random(cache->context));
    }
}

/* Begins and ends with the mutex held. What was fetched is the entry's from then on, even if nobody
 * waits for it any more. */
static bool fetch(struct credentials_cache *cache, struct credentials_entry *entry,
                  const struct credentials_request *request, struct err *err)
{
    struct credentials *fetched = NULL;
    int64_t began_ms = clock_monotonic_ms(cache->clock);
    entry->fetching = true;
    pthread_mutex_unlock(&cache->mutex);
    bool succeeded = ask_provider(cache, entry, request, &fetched, err);
    pthread_mutex_lock(&cache->mutex);
    if (succeeded) {
        entry->outcome = CREDENTIALS_FETCHED;
        credentials_release(credentials_state_succeed(
            &entry->state, fetched, request->refused != NULL, clock_monotonic_ms(cache->clock),
            cache->random(cache->context)));
    } else {
        note_failure(cache, entry, was_hurried(cache, request, began_ms, err), err);
    }
    cache->fetches++;
    entry->fetches++;
    entry->fetching = false;
    pthread_cond_broadcast(&cache->fetched);
    return succeeded;
}

static bool serve(const struct credentials_entry *entry, struct credentials **ret)
{
    *ret = credentials_retain(entry->state.current);
    return true;
}

/* What has just been fetched serves however little time is left. */
static bool serve_fetched(const struct credentials_entry *entry,
                          const struct credentials_request *request, struct credentials **ret,
                          struct err *err)
{
    if (request->refused && credentials_equal(entry->state.current, request->refused)) {
        return err_set(err, ERR_DENIED,
                       "AWS does not accept these credentials, and %s has no others",
                       entry->provider->name);
    }
    return serve(entry, ret);
}

/* False when the deadline came first. */
static bool wait_for_fetch(struct credentials_cache *cache, const struct credentials_entry *entry,
                           int64_t deadline_ms)
{
    uint64_t ended = entry->fetches;
    while (entry->fetches == ended && clock_left_ms(cache->clock, deadline_ms) > 0) {
        cond_wait_until(&cache->fetched, &cache->mutex, deadline_ms);
    }
    return entry->fetches != ended;
}

/* Takes part in the fetch that is under way. False: it was hurried, and it is this one's turn. */
static bool join_fetch(struct credentials_cache *cache, const struct credentials_entry *entry,
                       const struct credentials_request *request, struct credentials **ret,
                       bool *ret_got, struct err *err)
{
    bool ended = wait_for_fetch(cache, entry, request->deadline_ms);
    if (ended && entry->outcome == CREDENTIALS_HURRIED) {
        return false;
    }
    if (ended && entry->outcome == CREDENTIALS_FETCHED) {
        *ret_got = serve_fetched(entry, request, ret, err);
    } else if (credentials_state_serves(&entry->state, request, clock_monotonic_ms(cache->clock))) {
        *ret_got = serve(entry, ret);
    } else if (ended) {
        *err = entry->state.failure;
        *ret_got = false;
    } else {
        *ret_got =
            err_set(err, ERR_TIMEOUT, "no credentials from %s in time", entry->provider->name);
    }
    return true;
}

/* With the mutex held, which it gives up while it waits or fetches. */
static bool obtain(struct credentials_cache *cache, struct credentials_entry *entry,
                   const struct credentials_request *request, struct credentials **ret,
                   struct err *err)
{
    struct err failure = {0};
    bool got = false;
    int64_t now_ms = clock_monotonic_ms(cache->clock);
    while (entry->fetching && !credentials_state_is_ample(&entry->state, request, now_ms)) {
        if (join_fetch(cache, entry, request, ret, &got, err)) {
            return got;
        }
        now_ms = clock_monotonic_ms(cache->clock);
    }
    if (entry->fetching) {
        return serve(entry, ret);
    }
    switch (credentials_state_step(&entry->state, request, now_ms, err)) {
    case CREDENTIALS_SERVE:
        return serve(entry, ret);
    case CREDENTIALS_REFUSE:
        return false;
    case CREDENTIALS_FETCH:
        break;
    }
    if (fetch(cache, entry, request, &failure)) {
        return serve_fetched(entry, request, ret, err);
    }
    if (credentials_state_serves(&entry->state, request, clock_monotonic_ms(cache->clock))) {
        return serve(entry, ret);
    }
    *err = failure;
    return false;
}

static bool lease_get(void *context, const struct credentials_request *request,
                      struct credentials **ret, struct err *err)
{
    const struct credentials_lease *lease = context;
    struct credentials_cache *cache = lease->cache;
    struct credentials_entry *dropped = NULL;
    pthread_mutex_lock(&cache->mutex);
    struct credentials_entry *entry = credentials_entries_use(
        &cache->entries, &lease->key, lease->provider, CREDENTIALS_IDENTITIES_MAX, &dropped);
    entry->used_ms = clock_monotonic_ms(cache->clock);
    bool got = obtain(cache, entry, request, ret, err);
    entry = credentials_entry_leave(entry);
    pthread_mutex_unlock(&cache->mutex);
    credentials_entry_free(entry);
    credentials_entry_free(dropped);
    return got;
}

struct credentials_source credentials_lease_source(struct credentials_lease *lease)
{
    return (struct credentials_source){.get = lease_get, .context = lease};
}

/* The one that is due first, unless it is being fetched; NULL: none is ever due. */
static struct credentials_entry *first_due(const struct credentials_cache *cache,
                                           int64_t *ret_due_ms)
{
    struct credentials_entry *first = NULL;
    int64_t now_ms = clock_monotonic_ms(cache->clock);
    *ret_due_ms = INT64_MAX;
    for (struct credentials_entry *entry = cache->entries.newest; entry; entry = entry->older) {
        int64_t due_ms = credentials_state_due_ms(&entry->state, now_ms);
        if (!entry->fetching && due_ms < *ret_due_ms) {
            *ret_due_ms = due_ms;
            first = entry;
        }
    }
    return first;
}

int64_t credentials_cache_next_refresh_ms(struct credentials_cache *cache)
{
    int64_t due_ms = INT64_MAX;
    pthread_mutex_lock(&cache->mutex);
    (void)first_due(cache, &due_ms);
    pthread_mutex_unlock(&cache->mutex);
    return due_ms;
}

/* Refreshes the first that was due at `until_ms`; false when none was. */
static bool refresh_first(struct credentials_cache *cache, const struct service_thread *thread,
                          int64_t until_ms, int64_t deadline_ms)
{
    struct err ignored = {0};
    int64_t due_ms = 0;
    pthread_mutex_lock(&cache->mutex);
    struct credentials_entry *entry = first_due(cache, &due_ms);
    if (due_ms > until_ms) {
        pthread_mutex_unlock(&cache->mutex);
        return false;
    }
    int64_t latest_ms = clock_monotonic_ms(cache->clock) + REFRESH_MS;
    const struct credentials_request request = {
        .thread = thread,
        .urgency = SERVICE_BACKGROUND,
        .deadline_ms = deadline_ms < latest_ms ? deadline_ms : latest_ms,
    };
    entry->references++;
    /* What went wrong is kept for those who ask once it matters. */
    (void)fetch(cache, entry, &request, &ignored);
    entry = credentials_entry_leave(entry);
    pthread_mutex_unlock(&cache->mutex);
    credentials_entry_free(entry);
    return true;
}

/* They lie in the order of their last use. */
static void drop_unused(struct credentials_cache *cache)
{
    int64_t now_ms = clock_monotonic_ms(cache->clock);
    bool unused = true;
    while (unused) {
        pthread_mutex_lock(&cache->mutex);
        struct credentials_entry *oldest = cache->entries.oldest;
        unused = oldest && now_ms - oldest->used_ms >= CREDENTIALS_IDLE_MS;
        oldest = unused ? credentials_entries_drop(&cache->entries, &oldest->key) : NULL;
        pthread_mutex_unlock(&cache->mutex);
        credentials_entry_free(oldest);
    }
}

void credentials_cache_refresh(struct credentials_cache *cache, const struct service_thread *thread,
                               int64_t deadline_ms)
{
    int64_t began_ms = clock_monotonic_ms(cache->clock);
    drop_unused(cache);
    while (clock_left_ms(cache->clock, deadline_ms) > NO_TIME_MS &&
           refresh_first(cache, thread, began_ms, deadline_ms)) {
    }
}

void credentials_cache_forget(struct credentials_cache *cache, const struct identity_key *key)
{
    pthread_mutex_lock(&cache->mutex);
    struct credentials_entry *entry = credentials_entries_drop(&cache->entries, key);
    pthread_mutex_unlock(&cache->mutex);
    credentials_entry_free(entry);
}

struct credentials_cache_numbers credentials_cache_numbers(struct credentials_cache *cache)
{
    pthread_mutex_lock(&cache->mutex);
    struct credentials_cache_numbers numbers = {
        .identities = cache->entries.table.count,
        .fetches = cache->fetches,
        .failures = cache->failures,
        .next_expiry_ms = INT64_MAX,
    };
    int64_t now_ms = clock_monotonic_ms(cache->clock);
    for (const struct credentials_entry *entry = cache->entries.newest; entry;
         entry = entry->older) {
        const struct credentials *current = entry->state.current;
        if (current && current->expires_ms > now_ms &&
            current->expires_ms < numbers.next_expiry_ms) {
            numbers.next_expiry_ms = current->expires_ms;
        }
    }
    pthread_mutex_unlock(&cache->mutex);
    return numbers;
}
