/* SPDX-License-Identifier: Apache-2.0 */
/* The credentials cache under several threads, for the thread sanitizer too. */
#include "aws/credentials_cache.h"

#include "scripted_provider.h"

#include <sched.h>

enum {
    SECOND_MS = 1000,
    HOUR_MS = 3600 * SECOND_MS,
    THREADS = 8,
};

static struct scripted_provider scripted;
static struct clock clock_of_script;
static struct credentials_cache *cache;
static struct identity_key key;
static _Atomic unsigned asking;

struct asker {
    pthread_t thread;
    struct credentials_request request;
    bool got;
    struct credentials *credentials;
    struct err err;
};

static void begin(const struct scripted_step *steps, const struct clock *clock)
{
    struct identity_builder builder;
    identity_begin(&builder);
    key = identity_end(&builder);
    scripted_init(&scripted, steps, clock_monotonic_ms(clock_system()));
    clock_of_script = scripted_clock(&scripted);
    cache = credentials_cache_new(clock ? clock : &clock_of_script, scripted_random, &scripted);
    asking = 0;
}

static void teardown(void)
{
    credentials_cache_free(cache);
    ck_assert_uint_eq(scripted.provider.references, 1);
}

static void *ask(void *context)
{
    struct asker *asker = context;
    struct credentials_lease lease = {cache, key, &scripted.provider};
    struct credentials_source source = credentials_lease_source(&lease);
    asking++;
    asker->got = source.get(source.context, &asker->request, &asker->credentials, &asker->err);
    return NULL;
}

static void start(struct asker *asker, enum service_urgency urgency, int64_t within_ms)
{
    *asker =
        (struct asker){.request = {.urgency = urgency, .deadline_ms = scripted.now_ms + within_ms}};
    ck_assert_int_eq(pthread_create(&asker->thread, NULL, ask, asker), 0);
}

/* Ends the thread: it got the keys with this id. */
static bool got(struct asker *asker, const char *id)
{
    ck_assert_int_eq(pthread_join(asker->thread, NULL), 0);
    bool same = asker->got && strcmp(asker->credentials->access_key_id, id) == 0;
    credentials_release(asker->credentials);
    return same;
}

static void start_all(struct asker *askers)
{
    for (size_t i = 0; i < THREADS; i++) {
        start(&askers[i], SERVICE_ADMISSION, 60 * SECOND_MS);
    }
    while (asking < THREADS) {
        sched_yield();
    }
    scripted_await_fetch(&scripted);
}

START_TEST(everybody_shares_one_fetch)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {{.id = "A", .lifetime_ms = HOUR_MS}};
    struct asker askers[THREADS];
    begin(steps, NULL);
    scripted_close(&scripted);
    start_all(askers);
    scripted_open(&scripted);
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert(got(&askers[i], "A"));
    }
    ck_assert_uint_eq(scripted.fetches, 1);
}
END_TEST

START_TEST(everybody_shares_one_failure)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {{.failure = ERR_DENIED}};
    struct asker askers[THREADS];
    begin(steps, NULL);
    scripted_close(&scripted);
    start_all(askers);
    scripted_open(&scripted);
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert(!got(&askers[i], ""));
        ck_assert_int_eq(askers[i].err.kind, ERR_DENIED);
        ck_assert_str_eq(askers[i].err.message, "credentials from the script: fetch 0");
    }
    ck_assert_uint_eq(scripted.fetches, 1);
}
END_TEST

START_TEST(who_waits_leaves_at_his_own_deadline)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {{.id = "A", .lifetime_ms = HOUR_MS}};
    struct asker first;
    struct asker second;
    begin(steps, clock_system());
    scripted_close(&scripted);
    start(&first, SERVICE_ADMISSION, 60 * SECOND_MS);
    scripted_await_fetch(&scripted);
    start(&second, SERVICE_ADMISSION, 20);
    ck_assert(!got(&second, ""));
    ck_assert_int_eq(second.err.kind, ERR_TIMEOUT);
    ck_assert_str_eq(second.err.message, "no credentials from the script in time");
    ck_assert_uint_eq(scripted.fetches, 1);
    scripted_open(&scripted);
    ck_assert(got(&first, "A"));
}
END_TEST

/* The first has half a second, and that is all the fetch takes. */
START_TEST(a_hurried_fetch_is_taken_over)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {
        {.failure = ERR_TIMEOUT, .takes_ms = 500}, {.id = "A", .lifetime_ms = HOUR_MS}};
    struct asker first;
    struct asker second;
    begin(steps, NULL);
    scripted_close(&scripted);
    start(&first, SERVICE_ADMISSION, 500);
    scripted_await_fetch(&scripted);
    start(&second, SERVICE_ADMISSION, 60 * SECOND_MS);
    while (asking < 2) {
        sched_yield();
    }
    scripted_open(&scripted);
    ck_assert(!got(&first, ""));
    ck_assert_int_eq(first.err.kind, ERR_TIMEOUT);
    ck_assert(got(&second, "A"));
    ck_assert_uint_eq(scripted.fetches, 2);
}
END_TEST

START_TEST(a_request_does_not_wait_for_a_refresh_under_way)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {{.id = "A", .lifetime_ms = HOUR_MS},
                                                               {.id = "B", .lifetime_ms = HOUR_MS}};
    struct asker asker;
    struct asker background;
    begin(steps, NULL);
    start(&asker, SERVICE_ADMISSION, 60 * SECOND_MS);
    ck_assert(got(&asker, "A"));
    scripted.now_ms += HOUR_MS - 61 * SECOND_MS;
    scripted_close(&scripted);
    start(&background, SERVICE_BACKGROUND, 60 * SECOND_MS);
    scripted_await_fetch(&scripted);
    start(&asker, SERVICE_ADMISSION, 60 * SECOND_MS);
    ck_assert(got(&asker, "A"));
    start(&asker, SERVICE_BACKGROUND, 60 * SECOND_MS);
    ck_assert(got(&asker, "A"));
    ck_assert_int_eq(credentials_cache_next_refresh_ms(cache), INT64_MAX);
    scripted_open(&scripted);
    ck_assert(got(&background, "B"));
    start(&asker, SERVICE_ADMISSION, 60 * SECOND_MS);
    ck_assert(got(&asker, "B"));
    ck_assert_uint_eq(scripted.fetches, 2);
}
END_TEST

/* Less than a minute is left, but more than half of one. */
START_TEST(who_waited_in_vain_for_a_refresh_gets_the_old_ones)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {{.id = "A", .lifetime_ms = HOUR_MS},
                                                               {.failure = ERR_UNAVAILABLE}};
    struct asker first;
    struct asker second;
    begin(steps, NULL);
    start(&first, SERVICE_ADMISSION, 60 * SECOND_MS);
    ck_assert(got(&first, "A"));
    scripted.now_ms += HOUR_MS - 45 * SECOND_MS;
    scripted_close(&scripted);
    start(&first, SERVICE_ADMISSION, 60 * SECOND_MS);
    scripted_await_fetch(&scripted);
    start(&second, SERVICE_ADMISSION, 0);
    ck_assert(got(&second, "A"));
    start(&second, SERVICE_ADMISSION, 60 * SECOND_MS);
    scripted_open(&scripted);
    ck_assert(got(&first, "A"));
    ck_assert(got(&second, "A"));
    ck_assert_uint_eq(scripted.fetches, 2);
}
END_TEST

START_TEST(a_fetch_for_a_forgotten_identity_serves_who_waited_only)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {{.id = "A"}, {.id = "B"}};
    struct asker first;
    struct asker second;
    begin(steps, NULL);
    scripted_close(&scripted);
    start(&first, SERVICE_ADMISSION, 60 * SECOND_MS);
    scripted_await_fetch(&scripted);
    credentials_cache_forget(cache, &key);
    ck_assert_uint_eq(credentials_cache_numbers(cache).identities, 0);
    ck_assert_uint_eq(scripted.provider.references, 2);
    scripted_open(&scripted);
    ck_assert(got(&first, "A"));
    ck_assert_uint_eq(scripted.provider.references, 1);
    start(&second, SERVICE_ADMISSION, 60 * SECOND_MS);
    ck_assert(got(&second, "B"));
}
END_TEST

enum {
    KEYS = 5,
    ROUNDS = 400,
};

struct restless_provider {
    struct credentials_provider provider;
    _Atomic unsigned fetches;
};

static struct restless_provider restless[KEYS];

/* Every third fails; the others live for a time that is over soon. */
static bool restless_fetch(struct credentials_provider *provider,
                           const struct credentials_request *request, struct credentials **ret,
                           struct err *err)
{
    struct restless_provider *self = (struct restless_provider *)provider;
    unsigned index = atomic_fetch_add(&self->fetches, 1);
    (void)request;
    sched_yield();
    if (index % 3 == 2) {
        return err_set(err, ERR_UNAVAILABLE, "restless");
    }
    if (!credentials_new(SV("AKID"), SV("secret"), SV("token"), ret, err)) {
        return false;
    }
    credentials_set_expiry(*ret, index % 2 ? 90 * SECOND_MS : 20 * SECOND_MS, 0, scripted.now_ms);
    return true;
}

static void *ask_restlessly(void *context)
{
    size_t number = *(const size_t *)context;
    for (size_t i = 0; i < ROUNDS; i++) {
        struct restless_provider *provider = &restless[(number + i) % KEYS];
        struct credentials_lease lease = {cache, key, &provider->provider};
        lease.key.bytes[0] = (unsigned char)((number + i) % KEYS);
        struct credentials_source source = credentials_lease_source(&lease);
        struct credentials *credentials = NULL;
        struct err err = {0};
        struct credentials_request request = {.urgency =
                                                  i % 2 ? SERVICE_ADMISSION : SERVICE_BACKGROUND,
                                              .deadline_ms = scripted.now_ms + SECOND_MS};
        if (source.get(source.context, &request, &credentials, &err)) {
            request.refused = credentials;
            struct credentials *others = NULL;
            if (i % 7 == 0 && source.get(source.context, &request, &others, &err)) {
                credentials_release(others);
            }
            credentials_release(credentials);
        }
        scripted.now_ms += 100;
        if (i % 50 == 0) {
            credentials_cache_forget(cache, &lease.key);
        }
        if (i % 20 == 0) {
            const struct service_thread thread = {0};
            credentials_cache_refresh(cache, &thread, scripted.now_ms + SECOND_MS);
            (void)credentials_cache_next_refresh_ms(cache);
            (void)credentials_cache_numbers(cache);
        }
    }
    return NULL;
}

START_TEST(stands_many_threads_that_do_everything)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {{0}};
    pthread_t threads[THREADS];
    size_t numbers[THREADS];
    begin(steps, NULL);
    for (size_t i = 0; i < KEYS; i++) {
        restless[i].provider = (struct credentials_provider){
            .references = 1, .name = "restless", .fetch = restless_fetch};
    }
    for (size_t i = 0; i < THREADS; i++) {
        numbers[i] = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_restlessly, &numbers[i]), 0);
    }
    unsigned fetches = 0;
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    for (size_t i = 0; i < KEYS; i++) {
        fetches += restless[i].fetches;
    }
    ck_assert_uint_gt(fetches, KEYS);
    ck_assert_uint_eq(credentials_cache_numbers(cache).fetches, fetches);
    for (size_t i = 0; i < KEYS; i++) {
        key.bytes[0] = (unsigned char)i;
        credentials_cache_forget(cache, &key);
        ck_assert_uint_eq(restless[i].provider.references, 1);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("credentials_cache_threads");
    TCase *tcase = tcase_create("credentials_cache_threads");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, NULL, teardown);
    tcase_add_test(tcase, everybody_shares_one_fetch);
    tcase_add_test(tcase, everybody_shares_one_failure);
    tcase_add_test(tcase, who_waits_leaves_at_his_own_deadline);
    tcase_add_test(tcase, a_hurried_fetch_is_taken_over);
    tcase_add_test(tcase, a_request_does_not_wait_for_a_refresh_under_way);
    tcase_add_test(tcase, who_waited_in_vain_for_a_refresh_gets_the_old_ones);
    tcase_add_test(tcase, a_fetch_for_a_forgotten_identity_serves_who_waited_only);
    tcase_add_test(tcase, stands_many_threads_that_do_everything);
    suite_add_tcase(suite, tcase);
    return suite;
}
