/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/data.h"

#include "base/limits.h"
#include "check_main.h"
#include "json_text.h"

static void put(struct data_map *map, const char *key, struct str_view bytes)
{
    struct secret_buf value = {0};
    secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES + 1);
    secret_buf_add(&value, bytes);
    data_map_put(map, sv_of(key), &value);
    ck_assert_ptr_null(value.bytes.data);
}

static void check_hash(const struct data_map *map, const char *wanted)
{
    char hash[SHA3_224_HEX_BYTES];
    data_map_hash(map, hash);
    ck_assert_str_eq(hash, wanted);
}

/* Recorded from External Secrets Operator and recomputed with hashlib. */
START_TEST(hashes_as_the_operator_does)
{
    CLEANUP(data_map_done) struct data_map map = {0};
    check_hash(&map, "74a974446e359fb3e6baff9bd0058950e6edd0f040888d9989b0a11b");
    put(&map, "foo", SV("bar"));
    check_hash(&map, "f2a604b87eb0cf673761e8cfea850f901fe73a3d1b2f338802107f36");
    put(&map, "foo", SV("value1"));
    put(&map, "bar", SV("value2"));
    check_hash(&map, "1bed8bcbcb4547ffe19a19cd47d9078e84aa6598266d86b99f992d64");
}
END_TEST

START_TEST(hashes_bytes_in_the_order_of_their_keys)
{
    CLEANUP(data_map_done) struct data_map map = {0};
    put(&map, "username", SV("admin"));
    put(&map, "nil", SV(""));
    put(&map, "password", SV("p@ss\n"));
    put(&map, "a.b", SV("\xc3\xa9"));
    put(&map, "empty", SV(""));
    put(&map, "Z", SV("\xff\0"));
    check_hash(&map, "2a81c5675ca81713252d33faca349a6d1c2902a7918f939ea7372ac6");
    ck_assert(sv_is(map.entries[0].key, "Z"));
    ck_assert(sv_is(map.entries[5].key, "username"));
}
END_TEST

/* A value longer than what is handed to the hash at once: the same as from pieces made by hand. */
START_TEST(hashes_long_values)
{
    CLEANUP(data_map_done) struct data_map map = {0};
    CLEANUP(buf_done) struct buf bytes = {0};
    CLEANUP(buf_done) struct buf printed = {0};
    buf_init(&bytes, 10000);
    buf_init(&printed, 100000);
    buf_add_str(&printed, "map[k:[");
    for (int i = 0; i < 5000; i++) {
        buf_add_byte(&bytes, (char)(i % 256));
        buf_printf(&printed, "%s%d", i ? " " : "", i % 256);
    }
    buf_add_str(&printed, "]]");
    put(&map, "k", buf_view(&bytes));
    char wanted[SHA3_224_HEX_BYTES];
    sha3_224_hex(buf_view(&printed), wanted);
    check_hash(&map, wanted);
}
END_TEST

START_TEST(keeps_the_last_value_of_a_key)
{
    CLEANUP(data_map_done) struct data_map map = {0};
    char keys[20][8]; /* they are borrowed */
    for (int i = 0; i < 40; i++) {
        (void)snprintf(keys[i % 20], sizeof keys[0], "k%d", i % 20);
        struct secret_buf value = {0};
        secret_buf_init(&value, 8);
        buf_printf(&value.bytes, "v%d", i);
        data_map_put(&map, sv_of(keys[i % 20]), &value);
    }
    ck_assert_uint_eq(map.count, 20);
    for (size_t i = 0; i < map.count; i++) {
        ck_assert(i == 0 || sv_compare(map.entries[i - 1].key, map.entries[i].key) < 0);
        uint64_t key = 0;
        uint64_t value = 0;
        ck_assert(sv_to_u64(sv_from(map.entries[i].key, 1), &key));
        ck_assert(sv_to_u64(sv_from(secret_buf_view(&map.entries[i].value), 1), &value));
        ck_assert_uint_eq(value, key + 20);
    }
}
END_TEST

START_TEST(reads_the_data_of_a_secret)
{
    CLEANUP(json_text_done)
    struct json_text json = json_text_of("{'b':'AP8=','a':'','nil':null,'c':'aHVudGVyMg=='}");
    CLEANUP(data_map_done) struct data_map map = {0};
    struct err err = {0};
    ck_assert(data_map_put_json(&map, json.root, &err));
    ck_assert_uint_eq(map.count, 4);
    ck_assert(sv_equal(secret_buf_view(&map.entries[1].value), SV("\0\xff")));
    ck_assert(sv_is(secret_buf_view(&map.entries[2].value), "hunter2"));
    ck_assert_uint_eq(map.entries[3].value.bytes.len, 0);
}
END_TEST

START_TEST(refuses_data_that_are_none)
{
    static const char *const texts[] = {"{'password':'hunter2'}", "{'password':['hunter2']}"};
    CLEANUP(json_text_done) struct json_text json = json_text_of(texts[_i]);
    CLEANUP(data_map_done) struct data_map map = {0};
    struct err err = {0};
    ck_assert(!data_map_put_json(&map, json.root, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "key 1 of data"));
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
}
END_TEST

START_TEST(bounds_all_values_together)
{
    CLEANUP(data_map_done) struct data_map map = {0};
    size_t half = LIMIT_SECRET_DATA_BYTES / 2;
    CLEANUP(mem_free_ptr) char *bytes = mem_alloc(half);
    struct err err = {0};
    put(&map, "a", sv_make(bytes, half));
    put(&map, "b", sv_make(bytes, half));
    ck_assert(data_map_check_size(&map, &err));
    put(&map, "c", SV("x"));
    ck_assert(!data_map_check_size(&map, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("data");
    TCase *tcase = tcase_create("data");
    tcase_add_test(tcase, hashes_as_the_operator_does);
    tcase_add_test(tcase, hashes_bytes_in_the_order_of_their_keys);
    tcase_add_test(tcase, hashes_long_values);
    tcase_add_test(tcase, keeps_the_last_value_of_a_key);
    tcase_add_test(tcase, reads_the_data_of_a_secret);
    tcase_add_loop_test(tcase, refuses_data_that_are_none, 0, 2);
    tcase_add_test(tcase, bounds_all_values_together);
    suite_add_tcase(suite, tcase);
    return suite;
}
