/* SPDX-License-Identifier: Apache-2.0 */
/* Several threads at one cache: none sees what another identity has put. */
#include "aws/value_cache.h"

#include <pthread.h>

#include "base/clock.h"
#include "cached_values.h"

enum {
    SOFT_MS = 60000,
};

static struct value_cache *cache;

static uint32_t no_jitter(void *context)
{
    (void)context;
    return 0;
}

/* Small, so that entries are evicted while they are used. */
static void set_up(void)
{
    cache = value_cache_new(&(struct value_cache_options){
        .clock = clock_system(),
        .random = no_jitter,
        .max_entries = 16,
        .max_bytes = 1000000,
        .namespace_share = 60,
        .hard_ms = 86400000,
    });
}

static void tear_down(void)
{
    value_cache_free(cache);
}

enum {
    THREADS = 4,
    ROUNDS = 3000,
    NAMES = 12,
};

struct worker {
    pthread_t thread;
    uint64_t random;
    int wrong;
    int hits;
};

/* Each value tells whose and which it is. */
static void *work(void *context)
{
    struct worker *worker = context;
    for (int round = 0; round < ROUNDS; round++) {
        worker->random ^= worker->random << 13;
        worker->random ^= worker->random >> 7;
        worker->random ^= worker->random << 17;
        const char *identity = worker->random >> 8 & 1 ? "a" : "b";
        char name[8];
        char text[16];
        (void)snprintf(name, sizeof name, "%d", (int)(worker->random >> 16) % NAMES);
        (void)snprintf(text, sizeof text, "%s%s", identity, name);
        const struct value_cache_key key = key_of(identity, name);
        CLEANUP(remote_value_done) struct remote_value value = {0};
        int64_t age = 0;
        struct service_error error = {.class = SERVICE_DENIED};
        struct err err = {.kind = ERR_DENIED};
        switch ((worker->random >> 32) % 16) {
        case 0:
            value_cache_put_error(cache, &key, sv_of(identity), &error, &err,
                                  clock_monotonic_ms(clock_system()));
            break;
        case 1:
            (void)value_cache_expire(cache, ENDPOINT_SECRETS_MANAGER, sv_of(name), SV(""));
            break;
        case 2:
            (void)value_cache_numbers(cache);
            value_cache_drop_identity(cache, &key.identity);
            break;
        case 3:
        case 4:
        case 5:
        case 6:
            value = value_of(sv_of(text), "v1", NULL, NULL);
            value_cache_put(cache, &key, sv_of(identity), &value,
                            clock_monotonic_ms(clock_system()));
            break;
        case 7:
            if (value_cache_get_stale(cache, &key, &value, &age)) {
                worker->hits++;
                worker->wrong += !sv_is(secret_buf_view(&value.string), text);
            }
            break;
        default:
            if (value_cache_get(cache, &key,
                                clock_since_ms(clock_monotonic_ms(clock_system()), SOFT_MS), &value,
                                &age, &error, &err) == VALUE_CACHE_HIT) {
                worker->hits++;
                worker->wrong += !sv_is(secret_buf_view(&value.string), text);
            }
        }
    }
    return NULL;
}

START_TEST(threads_never_see_anothers_value)
{
    static struct worker workers[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.random = 88172645463325252u + i * 7919};
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
        ck_assert_int_eq(workers[i].wrong, 0);
        ck_assert_int_gt(workers[i].hits, 0);
    }
    const struct value_cache_key a = key_of("a", "");
    const struct value_cache_key b = key_of("b", "");
    value_cache_drop_identity(cache, &a.identity);
    value_cache_drop_identity(cache, &b.identity);
    ck_assert_uint_eq(value_cache_numbers(cache).bytes, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("value_cache_threads");
    TCase *tcase = tcase_create("value_cache_threads");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, threads_never_see_anothers_value);
    suite_add_tcase(suite, tcase);
    return suite;
}
