/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include "check_main.h"

START_TEST(says_what_and_answers_false)
{
    struct err err;
    ck_assert(!err_set(&err, ERR_TOO_BIG, "value is %d bytes, limit %d", 7, 5));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_str_eq(err.message, "value is 7 bytes, limit 5");
    ck_assert(!err.retryable);
}
END_TEST

START_TEST(wrapping_puts_where_in_front)
{
    struct err err;
    (void)err_set(&err, ERR_BUSY, "queue is full");
    ck_assert(!err_wrap(&err, "fetch %s", "shop/db"));
    ck_assert(!err_wrap(&err, "request"));
    ck_assert_str_eq(err.message, "request: fetch shop/db: queue is full");
    ck_assert_int_eq(err.kind, ERR_BUSY);
    ck_assert(err.retryable);
}
END_TEST

START_TEST(stays_one_line)
{
    struct err err;
    (void)err_set(&err, ERR_INVALID, "a\nb\r\tc\x01\x7f\x1b[0m");
    ck_assert_str_eq(err.message, "a b  c   [0m");
    (void)err_wrap(&err, "x\ny");
    ck_assert_str_eq(err.message, "x y: a b  c   [0m");
    (void)err_set(&err, ERR_INVALID, "%s", "\xc3\xa4 stays");
    ck_assert_str_eq(err.message, "\xc3\xa4 stays");
}
END_TEST

static const size_t LENGTHS[] = {
    0,   1, ERR_MESSAGE_BYTES - 2, ERR_MESSAGE_BYTES - 1, ERR_MESSAGE_BYTES, ERR_MESSAGE_BYTES + 1,
    1000};

START_TEST(what_does_not_fit_ends_with_dots)
{
    char text[1001];
    size_t len = LENGTHS[_i];
    memset(text, 'm', len);
    text[len] = '\0';
    struct err err;
    (void)err_set(&err, ERR_INVALID, "%s", text);
    if (len < ERR_MESSAGE_BYTES) {
        ck_assert_str_eq(err.message, text);
    } else {
        ck_assert_uint_eq(strlen(err.message), ERR_MESSAGE_BYTES - 1);
        ck_assert_str_eq(err.message + ERR_MESSAGE_BYTES - 5, "m...");
    }
    (void)err_set(&err, ERR_INVALID, "what");
    (void)err_wrap(&err, "%s", text);
    ck_assert_uint_lt(strlen(err.message), ERR_MESSAGE_BYTES);
    ck_assert_int_eq(strstr(err.message, "...") != NULL,
                     len + sizeof ": what" - 1 >= ERR_MESSAGE_BYTES);
}
END_TEST

static const struct {
    enum err_kind kind;
    const char *name;
    bool retryable;
} KINDS[] = {
    {ERR_NONE, "NONE", false},
    {ERR_INVALID, "INVALID", false},
    {ERR_DENIED, "DENIED", false},
    {ERR_MISSING, "MISSING", false},
    {ERR_TOO_BIG, "TOO_BIG", false},
    {ERR_CONFLICT, "CONFLICT", true},
    {ERR_BUSY, "BUSY", true},
    {ERR_TIMEOUT, "TIMEOUT", true},
    {ERR_UNAVAILABLE, "UNAVAILABLE", true},
    {ERR_INTERNAL, "INTERNAL", false},
};

START_TEST(each_kind_has_a_name_and_a_default)
{
    struct err err;
    (void)err_set(&err, KINDS[_i].kind, "x");
    ck_assert_str_eq(err_kind_name(KINDS[_i].kind), KINDS[_i].name);
    ck_assert_int_eq(err.retryable, KINDS[_i].retryable);
    ck_assert_int_eq(err_kind_retryable(KINDS[_i].kind), KINDS[_i].retryable);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("err");
    TCase *tcase = tcase_create("err");
    tcase_add_test(tcase, says_what_and_answers_false);
    tcase_add_test(tcase, wrapping_puts_where_in_front);
    tcase_add_test(tcase, stays_one_line);
    tcase_add_loop_test(tcase, what_does_not_fit_ends_with_dots, 0, (int)ARRAY_LEN(LENGTHS));
    tcase_add_loop_test(tcase, each_kind_has_a_name_and_a_default, 0, (int)ARRAY_LEN(KINDS));
    suite_add_tcase(suite, tcase);
    return suite;
}
