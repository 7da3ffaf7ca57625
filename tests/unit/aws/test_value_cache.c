/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/value_cache.h"

#include "cached_values.h"

#define NAME "shop/db"
#define ARN ARN_OF("shop/db-AbCdEf")

enum {
    HARD_MS = 86400000,
    SOFT_MS = 60000,
};

static struct value_cache *cache;
static int64_t now;
static uint32_t random_bits;

static int64_t fake_now(void *context)
{
    return *(int64_t *)context;
}

static uint32_t fake_bits(void *context)
{
    return *(uint32_t *)context;
}

static const struct clock fake_clock = {.wall_ms = fake_now, .monotonic_ms = fake_now, &now};

static const struct value_cache_options OPTIONS = {
    .clock = &fake_clock,
    .random = fake_bits,
    .context = &random_bits,
    .max_entries = 1000,
    .max_bytes = 1000000,
    .namespace_share = 25,
    .hard_ms = HARD_MS,
};

static void set_up(void)
{
    now = 5000000;
    random_bits = 0;
    cache = value_cache_new(&OPTIONS);
}

static void tear_down(void)
{
    value_cache_free(cache);
}

/* What a get answered, with marks where nothing was written. */
struct got {
    enum value_cache_answer answer;
    struct remote_value value;
    int64_t age_ms;
    struct service_error error;
    struct err err;
};

static struct got get_key(const struct value_cache_key *key, int64_t max_age_ms)
{
    struct got got = {.age_ms = -1};
    got.answer = value_cache_get(cache, key, clock_since_ms(now, max_age_ms), &got.value,
                                 &got.age_ms, &got.error, &got.err);
    if (got.answer != VALUE_CACHE_HIT) {
        ck_assert(!got.value.has_string && !got.value.has_binary);
        ck_assert_int_eq(got.age_ms, -1);
    }
    if (got.answer != VALUE_CACHE_REFUSED) {
        ck_assert_int_eq(got.error.class, SERVICE_OK);
        ck_assert_int_eq(got.err.kind, ERR_NONE);
    }
    return got;
}

static void assert_hit(const struct value_cache_key *key, int64_t max_age_ms, const char *text,
                       int64_t age_ms)
{
    struct got got = get_key(key, max_age_ms);
    ck_assert_int_eq(got.answer, VALUE_CACHE_HIT);
    ck_assert(sv_is(secret_buf_view(&got.value.string), text));
    ck_assert_int_eq(got.age_ms, age_ms);
    remote_value_done(&got.value);
}

static void assert_miss(const struct value_cache_key *key, int64_t max_age_ms)
{
    ck_assert_int_eq(get_key(key, max_age_ms).answer, VALUE_CACHE_MISS);
}

static void assert_refused(const struct value_cache_key *key, const char *code)
{
    struct got got = get_key(key, 2 * SOFT_MS);
    ck_assert_int_eq(got.answer, VALUE_CACHE_REFUSED);
    ck_assert_str_eq(got.error.code, code);
    ck_assert_str_eq(got.err.message, code);
}

static void assert_stale(const struct value_cache_key *key, const char *text, int64_t age_ms)
{
    CLEANUP(remote_value_done) struct remote_value value = {0};
    int64_t age = -1;
    ck_assert(value_cache_get_stale(cache, key, &value, &age));
    ck_assert(sv_is(secret_buf_view(&value.string), text));
    ck_assert_int_eq(age, age_ms);
}

static void assert_nothing_stale(const struct value_cache_key *key)
{
    CLEANUP(remote_value_done) struct remote_value value = {0};
    int64_t age = -1;
    ck_assert(!value_cache_get_stale(cache, key, &value, &age));
    ck_assert(!value.has_string);
    ck_assert_int_eq(age, -1);
}

static void put(const struct value_cache_key *key, const char *text, const char *name,
                const char *arn)
{
    CLEANUP(remote_value_done) struct remote_value value = value_of(sv_of(text), "v1", name, arn);
    value_cache_put(cache, key, SV("shop"), &value, now);
}

static void put_error(const struct value_cache_key *key, enum service_error_class class,
                      const char *code)
{
    struct service_error error = {.class = class, .status = 400};
    struct err err;
    (void)snprintf(error.code, sizeof error.code, "%s", code);
    err_set(&err, ERR_DENIED, "%s", code);
    value_cache_put_error(cache, key, SV("shop"), &error, &err, now);
}

START_TEST(answers_what_was_put)
{
    const struct value_cache_key key = key_of("a", NAME);
    assert_miss(&key, SOFT_MS);
    put(&key, "secret", NAME, ARN);
    struct got got = get_key(&key, SOFT_MS);
    ck_assert_int_eq(got.answer, VALUE_CACHE_HIT);
    ck_assert(sv_is(secret_buf_view(&got.value.string), "secret"));
    ck_assert(got.value.string.bytes.wipe);
    ck_assert(got.value.has_string && !got.value.has_binary);
    ck_assert_str_eq(got.value.version, "v1");
    ck_assert_str_eq(got.value.name, NAME);
    ck_assert_str_eq(got.value.arn, ARN);
    remote_value_done(&got.value);
}
END_TEST

START_TEST(every_byte_of_string_and_binary_survives)
{
    char bytes[256];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)i;
    }
    const struct value_cache_key key = key_of("a", NAME);
    CLEANUP(remote_value_done)
    struct remote_value value = value_of(sv_make(bytes, sizeof bytes), "v1", NAME, ARN);
    value.has_binary = true;
    secret_buf_init(&value.binary, 3);
    secret_buf_add(&value.binary, sv_make("\0\xff\0", 3));
    value_cache_put(cache, &key, SV("shop"), &value, now);
    struct got got = get_key(&key, SOFT_MS);
    ck_assert_int_eq(got.answer, VALUE_CACHE_HIT);
    ck_assert(sv_equal(secret_buf_view(&got.value.string), sv_make(bytes, sizeof bytes)));
    ck_assert(sv_equal(secret_buf_view(&got.value.binary), sv_make("\0\xff\0", 3)));
    remote_value_done(&got.value);

    put(&key, "", NAME, ARN);
    got = get_key(&key, SOFT_MS);
    ck_assert(got.value.has_string && !got.value.has_binary);
    ck_assert_uint_eq(secret_buf_view(&got.value.string).len, 0);
    remote_value_done(&got.value);
}
END_TEST

START_TEST(a_hit_releases_what_was_there)
{
    const struct value_cache_key key = key_of("a", NAME);
    put(&key, "new", NAME, ARN);
    CLEANUP(remote_value_done) struct remote_value value = value_of(SV("old"), "v0", "o", "o");
    int64_t age = 0;
    struct service_error error;
    struct err err;
    ck_assert_int_eq(
        value_cache_get(cache, &key, clock_since_ms(now, SOFT_MS), &value, &age, &error, &err),
        VALUE_CACHE_HIT);
    ck_assert(sv_is(secret_buf_view(&value.string), "new"));
    ck_assert_str_eq(value.version, "v1");
}
END_TEST

/* The boundary between tenants: two that may ask for the same, with two answers. */
START_TEST(no_identity_gets_anothers_value_or_refusal)
{
    const struct value_cache_key a = key_of("a", NAME);
    const struct value_cache_key b = key_of("b", NAME);
    const struct value_cache_key b_arn = key_of("b", ARN);
    put(&a, "of a", NAME, ARN);
    assert_miss(&b, HARD_MS);
    assert_miss(&b_arn, HARD_MS);
    assert_nothing_stale(&b);
    assert_nothing_stale(&b_arn);
    put_error(&b, SERVICE_DENIED, "AccessDeniedException");
    assert_refused(&b, "AccessDeniedException");
    assert_hit(&a, SOFT_MS, "of a", 0);
    assert_stale(&a, "of a", 0);
    assert_nothing_stale(&b);
    put(&b, "of b", NAME, ARN);
    assert_hit(&a, SOFT_MS, "of a", 0);
    assert_hit(&b, SOFT_MS, "of b", 0);
    put_error(&a, SERVICE_NOT_FOUND, "ResourceNotFoundException");
    assert_refused(&a, "ResourceNotFoundException");
    assert_hit(&b, SOFT_MS, "of b", 0);
    assert_hit(&b_arn, SOFT_MS, "of b", 0);
}
END_TEST

START_TEST(service_region_and_version_are_part_of_the_key)
{
    const struct value_cache_key key = key_of("a", NAME);
    put(&key, "x", NAME, ARN);
    struct value_cache_key other = key;
    other.service = ENDPOINT_SSM;
    assert_miss(&other, SOFT_MS);
    other = key;
    other.region = SV("us-east-1");
    assert_miss(&other, SOFT_MS);
    other = key;
    other.version = SV("AWSPREVIOUS");
    assert_miss(&other, SOFT_MS);
    put(&other, "previous", NAME, ARN);
    assert_hit(&other, SOFT_MS, "previous", 0);
    assert_hit(&key, SOFT_MS, "x", 0);
}
END_TEST

START_TEST(whoever_asks_says_how_old_it_may_be)
{
    const struct value_cache_key key = key_of("a", NAME);
    put(&key, "x", NAME, ARN);
    assert_miss(&key, 0);
    assert_miss(&key, -1);
    assert_hit(&key, 1, "x", 0);
    now += 1000;
    assert_hit(&key, 1000, "x", 1000);
    assert_miss(&key, 999);
    /* That it was too old for one does not make it so for another. */
    assert_hit(&key, SOFT_MS, "x", 1000);
    put(&key, "y", NAME, ARN);
    assert_hit(&key, 1, "y", 0);
}
END_TEST

/* Time goes by between the question and the look. */
START_TEST(what_was_asked_for_since_then_will_do_however_late)
{
    const struct value_cache_key key = key_of("a", NAME);
    CLEANUP(remote_value_done) struct remote_value value = {0};
    int64_t age = 0;
    struct service_error error;
    struct err err;
    int64_t since = now;
    put(&key, "x", NULL, NULL);
    now += HARD_MS - 1;
    ck_assert_int_eq(value_cache_get(cache, &key, since + 1, &value, &age, &error, &err),
                     VALUE_CACHE_MISS);
    ck_assert_int_eq(value_cache_get(cache, &key, since, &value, &age, &error, &err),
                     VALUE_CACHE_HIT);
    ck_assert_int_eq(age, HARD_MS - 1);
}
END_TEST

START_TEST(stands_in_until_the_hard_time_and_no_longer)
{
    const struct value_cache_key key = key_of("a", NAME);
    put(&key, "x", NAME, ARN);
    now += HARD_MS - 1;
    assert_miss(&key, SOFT_MS);
    assert_stale(&key, "x", HARD_MS - 1);
    assert_hit(&key, INT64_MAX, "x", HARD_MS - 1);
    now += 1;
    assert_miss(&key, INT64_MAX);
    assert_nothing_stale(&key);
    ck_assert_uint_eq(value_cache_numbers(cache).bytes, 0);
}
END_TEST

START_TEST(the_arn_answers_for_the_name)
{
    const struct value_cache_key name = key_of("a", NAME);
    const struct value_cache_key arn = key_of("a", ARN);
    put(&name, "x", NAME, ARN);
    assert_hit(&arn, SOFT_MS, "x", 0);
    assert_stale(&arn, "x", 0);
    struct value_cache_key version = arn;
    version.version = SV("AWSPREVIOUS");
    assert_miss(&version, SOFT_MS);
    /* Until the name is answered otherwise. */
    put(&name, "other secret", NAME, ARN_OF("shop/db-XyZ123"));
    assert_miss(&arn, SOFT_MS);
}
END_TEST

START_TEST(the_name_does_not_answer_for_an_arn)
{
    const struct value_cache_key name = key_of("a", NAME);
    const struct value_cache_key arn = key_of("a", ARN);
    put(&arn, "of another account", NAME, ARN);
    assert_miss(&name, SOFT_MS);
    assert_nothing_stale(&name);
    assert_hit(&arn, SOFT_MS, "of another account", 0);
}
END_TEST

START_TEST(of_two_answers_the_younger_counts)
{
    const struct value_cache_key name = key_of("a", NAME);
    const struct value_cache_key arn = key_of("a", ARN);
    put(&arn, "old", NAME, ARN);
    now += 10;
    put(&name, "new", NAME, ARN);
    assert_hit(&arn, SOFT_MS, "new", 0);
    now += 10;
    put(&arn, "newest", NAME, ARN);
    assert_hit(&arn, SOFT_MS, "newest", 0);
    assert_hit(&name, SOFT_MS, "new", 10);
}
END_TEST

START_TEST(an_arn_that_two_names_lead_to_is_the_later_names)
{
    const struct value_cache_key first = key_of("a", "first");
    const struct value_cache_key second = key_of("a", "second");
    const struct value_cache_key arn = key_of("a", ARN);
    put(&first, "1", "first", ARN);
    put(&second, "2", "second", ARN);
    assert_hit(&arn, SOFT_MS, "2", 0);
    put_error(&first, SERVICE_NOT_FOUND, "ResourceNotFoundException");
    assert_hit(&arn, SOFT_MS, "2", 0);
    put_error(&second, SERVICE_NOT_FOUND, "ResourceNotFoundException");
    assert_miss(&arn, SOFT_MS);
}
END_TEST

/* Class and code, how long it is remembered without jitter, and whether the value goes. */
static const struct {
    enum service_error_class class;
    const char *code;
    int64_t ms;
    bool purges;
} ERRORS[] = {
    {SERVICE_NOT_FOUND, "ResourceNotFoundException", 30000, true},
    {SERVICE_DENIED, "AccessDeniedException", 30000, true},
    {SERVICE_DENIED, "DecryptionFailure", 60000, true},
    {SERVICE_REQUEST, "InvalidParameterException", 60000, false},
    {SERVICE_CREDENTIAL, "ExpiredTokenException", 0, false},
    {SERVICE_CLOCK, "InvalidSignatureException", 0, false},
    {SERVICE_THROTTLE, "ThrottlingException", 0, false},
    {SERVICE_TRANSIENT, "InternalServiceError", 0, false},
    {SERVICE_TRANSPORT, "", 0, false},
};

/* What makes the jitter come to so many percent of it. */
static uint32_t bits_for(int64_t ms, int percent)
{
    return (uint32_t)(ms * (percent - 80) / 100);
}

START_TEST(errors_are_remembered_as_long_as_their_class_says)
{
    const struct value_cache_key key = key_of("a", NAME);
    int64_t ms = ERRORS[_i].ms;
    for (int percent = 80; percent <= 120; percent += 20) {
        random_bits = bits_for(ms, percent);
        put_error(&key, ERRORS[_i].class, ERRORS[_i].code);
        if (ms == 0) {
            assert_miss(&key, SOFT_MS);
            continue;
        }
        ck_assert_uint_eq(value_cache_numbers(cache).refusals, 1);
        now += ms * percent / 100 - 1;
        assert_refused(&key, ERRORS[_i].code);
        assert_miss(&key, 0);
        now += 1;
        assert_miss(&key, SOFT_MS);
        ck_assert_uint_eq(value_cache_numbers(cache).refusals, 0);
    }
}
END_TEST

START_TEST(whoever_asks_says_how_long_ago_a_refusal_may_be)
{
    const struct value_cache_key key = key_of("a", NAME);
    put_error(&key, SERVICE_NOT_FOUND, "ResourceNotFoundException");
    now += 500;
    ck_assert_int_eq(get_key(&key, 500).answer, VALUE_CACHE_REFUSED);
    assert_miss(&key, 499);
    assert_refused(&key, "ResourceNotFoundException");
}
END_TEST

START_TEST(jitter_stays_within_a_fifth)
{
    const struct value_cache_key key = key_of("a", NAME);
    for (uint32_t step = 0; step < 200; step++) {
        random_bits = step * 21474837u;
        put_error(&key, SERVICE_DENIED, "AccessDeniedException");
        now += 23999;
        assert_refused(&key, "AccessDeniedException");
        now += 36000 - 23999;
        assert_miss(&key, SOFT_MS);
    }
}
END_TEST

START_TEST(a_refusal_drops_the_value_where_its_class_says_so)
{
    const struct value_cache_key key = key_of("a", NAME);
    const struct value_cache_key arn = key_of("a", ARN);
    put(&key, "x", NAME, ARN);
    put_error(&key, ERRORS[_i].class, ERRORS[_i].code);
    if (ERRORS[_i].ms) {
        assert_refused(&key, ERRORS[_i].code);
        assert_nothing_stale(&key);
    } else {
        assert_hit(&key, SOFT_MS, "x", 0);
        assert_stale(&key, "x", 0);
    }
    now += 2 * ERRORS[_i].ms;
    if (ERRORS[_i].purges) {
        assert_miss(&key, HARD_MS);
        assert_miss(&arn, HARD_MS);
        assert_nothing_stale(&key);
        assert_nothing_stale(&arn);
        ck_assert_uint_eq(value_cache_numbers(cache).bytes, 0);
    } else {
        assert_hit(&key, HARD_MS, "x", 2 * ERRORS[_i].ms);
        assert_stale(&key, "x", 2 * ERRORS[_i].ms);
    }
}
END_TEST

START_TEST(a_refused_arn_drops_what_answered_to_it)
{
    const struct value_cache_key name = key_of("a", NAME);
    const struct value_cache_key arn = key_of("a", ARN);
    put(&name, "x", NAME, ARN);
    put_error(&arn, SERVICE_DENIED, "AccessDeniedException");
    assert_refused(&arn, "AccessDeniedException");
    assert_miss(&name, HARD_MS);
    now += 60000;
    assert_miss(&arn, HARD_MS);
    assert_nothing_stale(&arn);
}
END_TEST

START_TEST(a_value_ends_a_refusal)
{
    const struct value_cache_key key = key_of("a", NAME);
    put_error(&key, SERVICE_NOT_FOUND, "ResourceNotFoundException");
    put(&key, "x", NAME, ARN);
    assert_hit(&key, SOFT_MS, "x", 0);
    ck_assert_uint_eq(value_cache_numbers(cache).refusals, 0);
}
END_TEST

START_TEST(what_is_expired_does_not_hit_but_stands_in)
{
    const struct value_cache_key a = key_of("a", NAME);
    const struct value_cache_key b = key_of("b", ARN);
    const struct value_cache_key c = key_of("c", NAME);
    const struct value_cache_key other = key_of("a", "other");
    struct value_cache_key previous = a;
    previous.version = SV("AWSPREVIOUS");
    put(&a, "of a", NAME, ARN);
    put(&b, "of b", NAME, ARN);
    put(&previous, "previous", NAME, ARN);
    put(&other, "other", "other", ARN_OF("other-AbCdEf"));
    put_error(&c, SERVICE_NOT_FOUND, "ResourceNotFoundException");

    ck_assert_uint_eq(value_cache_expire(cache, ENDPOINT_SSM, SV(NAME), SV(ARN)), 0);
    ck_assert_uint_eq(
        value_cache_expire(cache, ENDPOINT_SECRETS_MANAGER, SV(NAME), SV(ARN_OF("shop/db"))), 4);
    assert_miss(&a, HARD_MS);
    assert_miss(&b, HARD_MS);
    assert_miss(&previous, HARD_MS);
    assert_miss(&c, HARD_MS);
    assert_hit(&other, SOFT_MS, "other", 0);
    assert_stale(&a, "of a", 0);
    assert_stale(&b, "of b", 0);
    /* The refusal is gone. */
    ck_assert_uint_eq(value_cache_expire(cache, ENDPOINT_SECRETS_MANAGER, SV(NAME), SV(ARN)), 3);
    put(&a, "new", NAME, ARN);
    assert_hit(&a, SOFT_MS, "new", 0);
    ck_assert_uint_eq(value_cache_expire(cache, ENDPOINT_SECRETS_MANAGER, SV(""), SV(ARN)), 3);
}
END_TEST

START_TEST(an_identity_is_dropped_whole_and_no_other)
{
    const struct value_cache_key a = key_of("a", NAME);
    const struct value_cache_key a_other = key_of("a", "other");
    const struct value_cache_key b = key_of("b", NAME);
    put(&a, "of a", NAME, ARN);
    put(&b, "of b", NAME, ARN);
    put_error(&a_other, SERVICE_DENIED, "AccessDeniedException");
    value_cache_drop_identity(cache, &a.identity);
    assert_miss(&a, HARD_MS);
    assert_miss(&a_other, HARD_MS);
    assert_nothing_stale(&a);
    assert_hit(&b, SOFT_MS, "of b", 0);
    ck_assert_uint_eq(value_cache_numbers(cache).entries, 1);
    value_cache_drop_identity(cache, &b.identity);
    ck_assert_uint_eq(value_cache_numbers(cache).entries, 0);
    ck_assert_uint_eq(value_cache_numbers(cache).bytes, 0);
}
END_TEST

/* A tenant with as many secrets as it likes, and one with two. */
START_TEST(a_tenant_that_fills_its_share_evicts_nobody_else)
{
    const struct value_cache_key small = key_of("small", "mine");
    const struct value_cache_key denied = key_of("small", "denied");
    struct service_error error = {.class = SERVICE_DENIED};
    struct err err = {.kind = ERR_DENIED};
    CLEANUP(remote_value_done) struct remote_value value = value_of(SV("x"), "v1", NULL, NULL);
    value_cache_put(cache, &small, SV("small"), &value, now);
    value_cache_put_error(cache, &denied, SV("small"), &error, &err, now);
    for (int i = 0; i < 3000; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", i);
        const struct value_cache_key key = key_of("large", name);
        value_cache_put(cache, &key, SV("large"), &value, now);
        (void)snprintf(name, sizeof name, "no %d", i);
        const struct value_cache_key no = key_of("large", name);
        value_cache_put_error(cache, &no, SV("large"), &error, &err, now);
    }
    assert_hit(&small, SOFT_MS, "x", 0);
    ck_assert_int_eq(get_key(&denied, SOFT_MS).answer, VALUE_CACHE_REFUSED);
    struct value_cache_numbers numbers = value_cache_numbers(cache);
    ck_assert_uint_eq(numbers.entries, 2 + 250);
    ck_assert_uint_eq(numbers.refusals, 1 + 25);
    ck_assert_uint_eq(numbers.evictions, 6000 - 250);
}
END_TEST

START_TEST(a_hit_and_standing_in_count_as_uses)
{
    value_cache_free(cache);
    struct value_cache_options options = OPTIONS;
    options.max_entries = 3;
    options.namespace_share = 100;
    cache = value_cache_new(&options);
    const struct value_cache_key a = key_of("a", "a");
    const struct value_cache_key b = key_of("a", "b");
    const struct value_cache_key c = key_of("a", "c");
    const struct value_cache_key d = key_of("a", "d");
    put(&a, "a", NULL, NULL);
    put(&b, "b", NULL, NULL);
    put(&c, "c", NULL, NULL);
    assert_hit(&a, SOFT_MS, "a", 0);
    assert_stale(&b, "b", 0);
    /* A miss for its age is no use. */
    assert_miss(&c, 0);
    put(&d, "d", NULL, NULL);
    assert_miss(&c, SOFT_MS);
    assert_hit(&a, SOFT_MS, "a", 0);
    assert_hit(&b, SOFT_MS, "b", 0);
}
END_TEST

START_TEST(what_is_too_large_is_not_kept)
{
    const struct value_cache_key key = key_of("a", NAME);
    char *text = mem_alloc(250001);
    memset(text, 'x', 250000);
    put(&key, "small", NAME, ARN);
    put(&key, text, NAME, ARN);
    assert_miss(&key, SOFT_MS);
    ck_assert_uint_eq(value_cache_numbers(cache).bytes, 0);
    free(text);
}
END_TEST

START_TEST(a_key_longer_than_any_is_never_kept)
{
    char text[5001];
    memset(text, 'k', 5000);
    text[5000] = '\0';
    const struct value_cache_key key = key_of("a", text);
    put(&key, "x", NAME, ARN);
    put_error(&key, SERVICE_DENIED, "AccessDeniedException");
    assert_miss(&key, SOFT_MS);
    assert_nothing_stale(&key);
    ck_assert_uint_eq(value_cache_numbers(cache).entries, 0);
    /* Nor is an alias that long. */
    char arn[5001] = "arn:";
    memset(arn + 4, 'k', 4996);
    arn[5000] = '\0';
    const struct value_cache_key name = key_of("a", NAME);
    put(&name, "x", NAME, arn);
    assert_hit(&name, SOFT_MS, "x", 0);
}
END_TEST

START_TEST(numbers_say_what_happened)
{
    const struct value_cache_key a = key_of("a", "a");
    const struct value_cache_key b = key_of("a", "b");
    struct value_cache_numbers numbers = value_cache_numbers(cache);
    ck_assert_uint_eq(numbers.entries + numbers.refusals + numbers.bytes, 0);
    assert_miss(&a, SOFT_MS);
    assert_miss(&a, SOFT_MS);
    assert_miss(&a, 0);
    value_cache_count_misses(cache, 2);
    put(&a, "0123456789", NULL, NULL);
    size_t bytes = value_cache_numbers(cache).bytes;
    ck_assert_uint_gt(bytes, 10);
    put_error(&b, SERVICE_DENIED, "AccessDeniedException");
    assert_hit(&a, SOFT_MS, "0123456789", 0);
    assert_refused(&b, "AccessDeniedException");
    assert_stale(&a, "0123456789", 0);
    assert_nothing_stale(&b);
    numbers = value_cache_numbers(cache);
    ck_assert_uint_eq(numbers.entries, 2);
    ck_assert_uint_eq(numbers.refusals, 1);
    ck_assert_uint_gt(numbers.bytes, bytes);
    ck_assert_uint_eq(numbers.hits, 2);
    ck_assert_uint_eq(numbers.misses, 2);
    ck_assert_uint_eq(numbers.stale, 1);
    ck_assert_uint_eq(numbers.evictions, 0);
    value_cache_drop_identity(cache, &a.identity);
    numbers = value_cache_numbers(cache);
    ck_assert_uint_eq(numbers.entries + numbers.refusals + numbers.bytes, 0);
}
END_TEST

START_TEST(none_may_be_freed)
{
    value_cache_free(NULL);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("value_cache");
    TCase *tcase = tcase_create("value_cache");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, answers_what_was_put);
    tcase_add_test(tcase, every_byte_of_string_and_binary_survives);
    tcase_add_test(tcase, a_hit_releases_what_was_there);
    tcase_add_test(tcase, no_identity_gets_anothers_value_or_refusal);
    tcase_add_test(tcase, service_region_and_version_are_part_of_the_key);
    tcase_add_test(tcase, whoever_asks_says_how_old_it_may_be);
    tcase_add_test(tcase, what_was_asked_for_since_then_will_do_however_late);
    tcase_add_test(tcase, stands_in_until_the_hard_time_and_no_longer);
    tcase_add_test(tcase, the_arn_answers_for_the_name);
    tcase_add_test(tcase, the_name_does_not_answer_for_an_arn);
    tcase_add_test(tcase, of_two_answers_the_younger_counts);
    tcase_add_test(tcase, an_arn_that_two_names_lead_to_is_the_later_names);
    tcase_add_loop_test(tcase, errors_are_remembered_as_long_as_their_class_says, 0,
                        ARRAY_LEN(ERRORS));
    tcase_add_test(tcase, whoever_asks_says_how_long_ago_a_refusal_may_be);
    tcase_add_test(tcase, jitter_stays_within_a_fifth);
    tcase_add_loop_test(tcase, a_refusal_drops_the_value_where_its_class_says_so, 0,
                        ARRAY_LEN(ERRORS));
    tcase_add_test(tcase, a_refused_arn_drops_what_answered_to_it);
    tcase_add_test(tcase, a_value_ends_a_refusal);
    tcase_add_test(tcase, what_is_expired_does_not_hit_but_stands_in);
    tcase_add_test(tcase, an_identity_is_dropped_whole_and_no_other);
    tcase_add_test(tcase, a_tenant_that_fills_its_share_evicts_nobody_else);
    tcase_add_test(tcase, a_hit_and_standing_in_count_as_uses);
    tcase_add_test(tcase, what_is_too_large_is_not_kept);
    tcase_add_test(tcase, a_key_longer_than_any_is_never_kept);
    tcase_add_test(tcase, numbers_say_what_happened);
    tcase_add_test(tcase, none_may_be_freed);
    suite_add_tcase(suite, tcase);
    return suite;
}
