/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of calls that were under way when the cache was told that what they bring is not good. */
#include "cached_values.h"

#define NAME "shop/db"

enum {
    HARD_MS = 86400000,
    ASKED_MS = 5000000,
    TOLD_MS = ASKED_MS + 1,
};

static struct value_cache *cache;
static int64_t now;

static int64_t fake_now(void *context)
{
    return *(int64_t *)context;
}

static uint32_t no_bits(void *context)
{
    (void)context;
    return 0;
}

static const struct clock fake_clock = {.wall_ms = fake_now, .monotonic_ms = fake_now, &now};

static void setup(void)
{
    now = TOLD_MS;
    cache = value_cache_new(&(struct value_cache_options){.clock = &fake_clock,
                                                          .random = no_bits,
                                                          .max_entries = 1000,
                                                          .max_bytes = 1000000,
                                                          .namespace_share = 25,
                                                          .hard_ms = HARD_MS});
}

static void teardown(void)
{
    value_cache_free(cache);
}

static void put(const struct value_cache_key *key, int64_t asked_ms)
{
    CLEANUP(remote_value_done) struct remote_value value = value_of(SV("v"), "v1", NULL, NULL);
    value_cache_put(cache, key, SV("shop"), &value, asked_ms);
}

static void put_error(const struct value_cache_key *key, int64_t asked_ms)
{
    const struct service_error error = {.class = SERVICE_NOT_FOUND};
    const struct err err = {.kind = ERR_MISSING};
    value_cache_put_error(cache, key, SV("shop"), &error, &err, asked_ms);
}

static enum value_cache_answer get(const struct value_cache_key *key)
{
    CLEANUP(remote_value_done) struct remote_value value = {0};
    int64_t age = 0;
    struct service_error error;
    struct err err;
    return value_cache_get(cache, key, 1, &value, &age, &error, &err);
}

static bool stands_in(const struct value_cache_key *key)
{
    CLEANUP(remote_value_done) struct remote_value value = {0};
    int64_t age = 0;
    return value_cache_get_stale(cache, key, &value, &age);
}

START_TEST(what_comes_after_its_identity_was_dropped_is_not_kept)
{
    const struct value_cache_key key = key_of("a", NAME);
    const struct value_cache_key absent = key_of("a", "absent");
    put(&key, ASKED_MS);
    value_cache_drop_identity(cache, &key.identity);
    put(&key, ASKED_MS);
    put_error(&absent, ASKED_MS);
    ck_assert_int_eq(get(&key), VALUE_CACHE_MISS);
    ck_assert_int_eq(get(&absent), VALUE_CACHE_MISS);
    ck_assert(!stands_in(&key));
    ck_assert_uint_eq(value_cache_numbers(cache).bytes, 0);
    put(&key, TOLD_MS);
    ck_assert_int_eq(get(&key), VALUE_CACHE_HIT);
}
END_TEST

/* The answer of the second rotation is awaited, that of the first comes. */
START_TEST(what_has_expired_twice_is_as_old_as_the_second_time_says)
{
    const struct value_cache_key key = key_of("a", NAME);
    put(&key, ASKED_MS);
    (void)value_cache_expire(cache, ENDPOINT_SECRETS_MANAGER, SV(NAME), SV(""));
    now += 10;
    (void)value_cache_expire(cache, ENDPOINT_SECRETS_MANAGER, SV(NAME), SV(""));
    put(&key, TOLD_MS + 5);
    ck_assert_int_eq(get(&key), VALUE_CACHE_MISS);
    ck_assert(stands_in(&key));
}
END_TEST

START_TEST(what_comes_after_nothing_was_dropped_or_expired_is_good)
{
    const struct value_cache_key key = key_of("a", NAME);
    const struct value_cache_key refused = key_of("b", NAME);
    value_cache_drop_identity(cache, &refused.identity);
    ck_assert_uint_eq(value_cache_expire(cache, ENDPOINT_SECRETS_MANAGER, SV("x"), SV("")), 0);
    put(&key, ASKED_MS);
    ck_assert_int_eq(get(&key), VALUE_CACHE_HIT);
}
END_TEST

START_TEST(what_comes_after_it_was_expired_may_only_stand_in)
{
    const struct value_cache_key key = key_of("a", NAME);
    const struct value_cache_key absent = key_of("a", "absent");
    put(&key, ASKED_MS);
    ck_assert_uint_eq(value_cache_expire(cache, ENDPOINT_SECRETS_MANAGER, SV(NAME), SV("")), 1);
    put(&key, ASKED_MS);
    put_error(&absent, ASKED_MS);
    ck_assert_int_eq(get(&key), VALUE_CACHE_MISS);
    ck_assert_int_eq(get(&absent), VALUE_CACHE_MISS);
    ck_assert(stands_in(&key));
    put(&key, TOLD_MS);
    ck_assert_int_eq(get(&key), VALUE_CACHE_HIT);
    put_error(&absent, TOLD_MS);
    ck_assert_int_eq(get(&absent), VALUE_CACHE_REFUSED);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("value_cache_late");
    TCase *tcase = tcase_create("late");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_comes_after_its_identity_was_dropped_is_not_kept);
    tcase_add_test(tcase, what_has_expired_twice_is_as_old_as_the_second_time_says);
    tcase_add_test(tcase, what_comes_after_nothing_was_dropped_or_expired_is_good);
    tcase_add_test(tcase, what_comes_after_it_was_expired_may_only_stand_in);
    suite_add_tcase(suite, tcase);
    return suite;
}
