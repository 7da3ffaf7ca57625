/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/keys.h"

#include "base/utf8.h"
#include "vectors.h"

static void put(struct data_map *map, struct str_view key, const char *text)
{
    struct secret_buf value = {0};
    secret_buf_init(&value, 64);
    secret_buf_add(&value, sv_of(text));
    data_map_put(map, key, &value);
    secret_buf_done(&value);
}

START_TEST(agrees_with_unicode_of_go)
{
    CLEANUP(vectors_done) struct vectors vectors = vectors_load("externalsecret/vectors/keys.json");
    size_t count = 0;
    JSON_FOR_EACH (row, vectors.rows) {
        CLEANUP(secret_buf_done) struct secret_buf key = vector_bytes(row, "key");
        CLEANUP(secret_buf_done) struct secret_buf want = vector_bytes(row, "converted");
        CLEANUP(data_map_done) struct data_map map = {0};
        struct err err = {0};
        bool unicode = json_string_is(json_member(row, "strategy"), "Unicode");
        put(&map, secret_buf_view(&key), "x");
        ck_assert_msg(keys_validate(&map, &err) == json_is_true(json_member(row, "valid")),
                      "row %zu: %s", count, err.message);
        put(&map, secret_buf_view(&key), "x");
        ck_assert(keys_convert(unicode ? CONVERSION_UNICODE : CONVERSION_DEFAULT, &map, &err));
        ck_assert_msg(sv_equal(map.entries[0].key, secret_buf_view(&want)), "row %zu", count);
        ck_assert_str_eq(map.entries[0].value.bytes.data, "x");
        count++;
    }
    ck_assert_uint_ge(count, 80);
}
END_TEST

/* FNV-1a over a byte for each code point, 1 for a letter or a number: Go 1.26, Unicode 15.0. */
START_TEST(has_every_letter_and_number_that_go_has)
{
    uint64_t hash = 14695981039346656037U;
    for (uint32_t rune = 0; rune <= 0x10ffff; rune++) {
        char key[UTF8_MOST_BYTES];
        CLEANUP(data_map_done) struct data_map map = {0};
        struct err err = {0};
        bool mark = rune == '-' || rune == '.' || rune == '_' || (rune >= 0xd800 && rune <= 0xdfff);
        put(&map, sv_make(key, utf8_put(rune, key)), "");
        bool taken = !mark && keys_validate(&map, &err);
        hash = (hash ^ (taken ? 1 : 0)) * 1099511628211U;
    }
    ck_assert_uint_eq(hash, 2001223095555256638U);
}
END_TEST

START_TEST(tells_the_places_of_two_keys_that_become_one)
{
    CLEANUP(data_map_done) struct data_map map = {0};
    struct err err = {0};
    put(&map, SV("a/b"), "1");
    put(&map, SV("a b"), "2");
    put(&map, SV("a!"), "3");
    ck_assert(!keys_convert(CONVERSION_DEFAULT, &map, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_str_eq(err.message, "keys 1 and 3 of 3 (sorted) become one by conversionStrategy "
                                  "Default: rename one of them");
    data_map_done(&map);
    put(&map, SV("a/b"), "1");
    put(&map, SV("a b"), "2");
    ck_assert(keys_convert(CONVERSION_UNICODE, &map, &err));
    ck_assert(sv_is(map.entries[0].key, "a_U0020_b"));
    ck_assert_str_eq(map.entries[0].value.bytes.data, "2");
    ck_assert(sv_is(map.entries[1].key, "a_U002f_b"));
}
END_TEST

START_TEST(drops_an_empty_key_and_bounds_the_others)
{
    char longest[LIMIT_KEY_BYTES + 1];
    CLEANUP(data_map_done) struct data_map map = {0};
    struct err err = {0};
    memset(longest, 'k', sizeof longest);
    put(&map, SV(""), "dropped");
    put(&map, sv_make(longest, LIMIT_KEY_BYTES), "");
    ck_assert(keys_validate(&map, &err));
    ck_assert_uint_eq(map.count, 1);
    data_map_done(&map);
    put(&map, sv_make(longest, LIMIT_KEY_BYTES + 1), "");
    ck_assert(!keys_validate(&map, &err));
    ck_assert_str_eq(err.message,
                     "key 1 of 1 (sorted): 254 bytes, a key of a Secret has at most 253");
}
END_TEST

static const struct {
    const char *key;
    bool taken;
} secret_keys[] = {
    {"tls.crt", true}, {"-_.A9", true}, {"...a", false},     {"..", false},  {".", false},
    {".a", true},      {"a..b", true},  {"\xc3\xa9", false}, {"a b", false}, {"", false},
};

START_TEST(knows_what_the_api_server_takes)
{
    CLEANUP(data_map_done) struct data_map map = {0};
    struct err err = {0};
    put(&map, sv_of(secret_keys[_i].key), "");
    ck_assert_int_eq(keys_check_secret(&map, &err), secret_keys[_i].taken);
    ck_assert(secret_keys[_i].taken || err.kind == ERR_INVALID);
}
END_TEST

START_TEST(a_key_that_no_secret_has_is_told_by_its_number)
{
    CLEANUP(data_map_done) struct data_map map = {0};
    struct err err = {0};
    put(&map, SV("first"), "");
    put(&map, SV("planted-value/"), "");
    ck_assert(!keys_check_secret(&map, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "key 2 "));
    ck_assert_ptr_nonnull(strstr(err.message, "in place 14 of 14"));
    ck_assert_ptr_null(strstr(err.message, "planted"));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("keys");
    TCase *tcase = tcase_create("keys");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, agrees_with_unicode_of_go);
    tcase_add_test(tcase, has_every_letter_and_number_that_go_has);
    tcase_add_test(tcase, a_key_that_no_secret_has_is_told_by_its_number);
    tcase_add_test(tcase, tells_the_places_of_two_keys_that_become_one);
    tcase_add_test(tcase, drops_an_empty_key_and_bounds_the_others);
    tcase_add_loop_test(tcase, knows_what_the_api_server_takes, 0, ARRAY_LEN(secret_keys));
    suite_add_tcase(suite, tcase);
    return suite;
}
