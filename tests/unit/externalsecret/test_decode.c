/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/decode.h"

#include "vectors.h"

static enum decoding_strategy strategy_of(const struct json *row)
{
    const struct json *strategy = json_member(row, "strategy");
    return json_string_is(strategy, "Base64")      ? DECODING_BASE64
           : json_string_is(strategy, "Base64URL") ? DECODING_BASE64URL
           : json_string_is(strategy, "Auto")      ? DECODING_AUTO
                                                   : DECODING_NONE;
}

START_TEST(agrees_with_encoding_base64)
{
    CLEANUP(vectors_done)
    struct vectors vectors = vectors_load("externalsecret/vectors/decode.json");
    size_t count = 0;
    JSON_FOR_EACH (row, vectors.rows) {
        CLEANUP(secret_buf_done) struct secret_buf value = vector_bytes(row, "text");
        CLEANUP(secret_buf_done) struct secret_buf before = vector_bytes(row, "text");
        CLEANUP(secret_buf_done) struct secret_buf want = vector_bytes(row, "value");
        struct err err = {0};
        bool decoded = decode_value(strategy_of(row), &value, &err);
        ck_assert_msg(decoded == !json_is_true(json_member(row, "error")), "row %zu", count);
        ck_assert_msg(sv_equal(secret_buf_view(&value), secret_buf_view(decoded ? &want : &before)),
                      "row %zu", count);
        count++;
    }
    ck_assert_uint_ge(count, 80);
}
END_TEST

START_TEST(says_the_strategy_and_not_the_value)
{
    static const enum decoding_strategy strategies[] = {DECODING_BASE64, DECODING_BASE64URL};
    static const char *const names[] = {"Base64 ", "Base64URL "};
    for (size_t i = 0; i < ARRAY_LEN(strategies); i++) {
        CLEANUP(secret_buf_done) struct secret_buf value = {0};
        secret_buf_init(&value, 64);
        secret_buf_add(&value, SV("hunter2!"));
        struct err err = {0};
        ck_assert(!decode_value(strategies[i], &value, &err));
        ck_assert_int_eq(err.kind, ERR_INVALID);
        ck_assert_ptr_nonnull(strstr(err.message, names[i]));
        ck_assert_ptr_null(strstr(err.message, "hunter2"));
        ck_assert_str_eq(value.bytes.data, "hunter2!");
    }
}
END_TEST

START_TEST(refuses_null_bytes_only_when_told)
{
    struct err err = {0};
    ck_assert(decode_check_null_bytes(false, SV("a\0b"), &err));
    ck_assert(decode_check_null_bytes(true, SV("ab"), &err));
    ck_assert(decode_check_null_bytes(true, SV(""), &err));
    ck_assert(!decode_check_null_bytes(true, SV("a\0b"), &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("decode");
    TCase *tcase = tcase_create("decode");
    tcase_add_test(tcase, agrees_with_encoding_base64);
    tcase_add_test(tcase, says_the_strategy_and_not_the_value);
    tcase_add_test(tcase, refuses_null_bytes_only_when_told);
    suite_add_tcase(suite, tcase);
    return suite;
}
