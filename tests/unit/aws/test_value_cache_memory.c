/* SPDX-License-Identifier: Apache-2.0 */
/* Looks for a value in all memory this process can write. The program's own free() wipes, this
 * one's does not: the cache and what it uses have to leave nothing behind by themselves. */
#include "aws/value_cache.h"

#include "cached_values.h"
#include "memory_search.h"

enum {
    SOFT_MS = 60000,
};

static int64_t still(void *context)
{
    (void)context;
    return 1000;
}

static uint32_t no_bits(void *context)
{
    (void)context;
    return 0;
}

static const struct clock clock_that_stands = {.wall_ms = still, .monotonic_ms = still};

static struct value_cache *cache_new(void)
{
    const struct value_cache_options options = {
        .clock = &clock_that_stands,
        .random = no_bits,
        .max_entries = 100,
        .max_bytes = 10000000,
        .namespace_share = 100,
        .hard_ms = SOFT_MS,
    };
    return value_cache_new(&options);
}

/* The marker at both ends. */
static void fill(struct secret_buf *secret, size_t len)
{
    secret_buf_init(secret, len);
    char *bytes = buf_extend(&secret->bytes, len);
    memset(bytes, 'x', len);
    marker_write(bytes);
    marker_write(bytes + len - MARKER_BYTES);
}

static void put(struct value_cache *cache, const struct value_cache_key *key, size_t len)
{
    CLEANUP(remote_value_done)
    struct remote_value value = {
        .has_string = true,
        .has_binary = true,
        .version = "v1",
    };
    fill(&value.string, len);
    fill(&value.binary, len);
    value_cache_put(cache, key, SV("shop"), &value, still(NULL));
    ck_assert_uint_eq(search_count(), 4);
}

static void get_and_release(struct value_cache *cache, const struct value_cache_key *key)
{
    CLEANUP(remote_value_done) struct remote_value value = {0};
    int64_t age = 0;
    struct service_error error;
    struct err err;
    ck_assert_int_eq(value_cache_get(cache, key, clock_since_ms(still(NULL), SOFT_MS), &value, &age,
                                     &error, &err),
                     VALUE_CACHE_HIT);
    ck_assert(marker_is((const unsigned char *)value.string.bytes.data));
    ck_assert(marker_is((const unsigned char *)value.binary.bytes.data));
    ck_assert_uint_eq(search_count(), 4);
}

static const size_t SIZES[] = {2 * MARKER_BYTES, 200, 5000, 65536};

START_TEST(a_value_is_plain_only_where_a_caller_holds_it)
{
    struct value_cache *cache = cache_new();
    const struct value_cache_key key = key_of("a", "shop/db");
    ck_assert_uint_eq(search_count(), 0);
    put(cache, &key, SIZES[_i]);
    ck_assert_uint_eq(search_count(), 0);
    for (int i = 0; i < 3; i++) {
        get_and_release(cache, &key);
        ck_assert_uint_eq(search_count(), 0);
    }
    put(cache, &key, SIZES[_i]);
    ck_assert_uint_eq(search_count(), 0);
    value_cache_free(cache);
    ck_assert_uint_eq(search_count(), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("value_cache_memory");
    TCase *tcase = tcase_create("value_cache_memory");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_value_is_plain_only_where_a_caller_holds_it, 0, ARRAY_LEN(SIZES));
    suite_add_tcase(suite, tcase);
    return suite;
}
