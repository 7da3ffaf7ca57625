/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret_buf.h"

#include "check_main.h"

/* Bytes of the allocation that are not zero, from `from` on. */
static size_t dirty(const struct buf *buf, size_t from)
{
    size_t count = 0;
    for (size_t i = from; i < buf->capacity; i++) {
        count += buf->data[i] != '\0';
    }
    return count;
}

START_TEST(holds_bytes_up_to_its_ceiling)
{
    CLEANUP(secret_buf_done) struct secret_buf secret;
    secret_buf_init(&secret, 8);
    secret_buf_append(&secret, "ab\0c", 4);
    secret_buf_add(&secret, SV("defg"));
    struct err err = {0};
    ck_assert(secret_buf_check(&secret, "value", &err));
    ck_assert(sv_equal(secret_buf_view(&secret), sv_make("ab\0cdefg", 8)));
    secret_buf_add(&secret, SV("h"));
    ck_assert(!secret_buf_check(&secret, "value", &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_ptr_null(strstr(err.message, "defg"));
}
END_TEST

START_TEST(what_is_cut_off_is_wiped)
{
    CLEANUP(secret_buf_done) struct secret_buf secret;
    secret_buf_init(&secret, 1000);
    secret_buf_add(&secret, SV("planted-value"));
    buf_truncate(&secret.bytes, 7);
    ck_assert_uint_eq(dirty(&secret.bytes, 7), 0);
    ck_assert(sv_is(secret_buf_view(&secret), "planted"));
    buf_drop_front(&secret.bytes, 4);
    ck_assert(sv_is(secret_buf_view(&secret), "ted"));
    ck_assert_uint_eq(dirty(&secret.bytes, 3), 0);
    buf_clear(&secret.bytes);
    ck_assert_uint_eq(dirty(&secret.bytes, 0), 0);
}
END_TEST

START_TEST(growing_keeps_the_bytes)
{
    CLEANUP(secret_buf_done) struct secret_buf secret;
    secret_buf_init(&secret, 100000);
    for (int i = 0; i < 5000; i++) {
        secret_buf_add(&secret, SV("0123456789"));
    }
    struct str_view view = secret_buf_view(&secret);
    ck_assert_uint_eq(view.len, 50000);
    for (size_t i = 0; i < view.len; i++) {
        ck_assert_int_eq(view.data[i], (char)('0' + i % 10));
    }
    ck_assert_uint_eq(dirty(&secret.bytes, view.len), 0);
}
END_TEST

START_TEST(moving_leaves_an_empty_one_that_still_wipes)
{
    CLEANUP(secret_buf_done) struct secret_buf from;
    CLEANUP(secret_buf_done) struct secret_buf to = {0};
    secret_buf_init(&from, 100);
    secret_buf_add(&from, SV("planted"));
    secret_buf_move(&to, &from);
    ck_assert(sv_is(secret_buf_view(&to), "planted"));
    ck_assert_uint_eq(secret_buf_view(&from).len, 0);
    ck_assert(from.bytes.wipe && to.bytes.wipe);
    secret_buf_add(&from, SV("next"));
    secret_buf_move(&to, &from);
    ck_assert(sv_is(secret_buf_view(&to), "next"));
}
END_TEST

START_TEST(a_zeroed_one_may_be_released)
{
    struct secret_buf secret = {0};
    secret_buf_done(&secret);
    secret_buf_init(&secret, 10);
    secret_buf_add(&secret, SV("x"));
    secret_buf_done(&secret);
    secret_buf_done(&secret);
    ck_assert_ptr_null(secret.bytes.data);
}
END_TEST

static const struct {
    struct str_view a;
    struct str_view b;
    bool equal;
} PAIRS[] = {
    {{"", 0}, {NULL, 0}, true},        {{"a", 1}, {"a", 1}, true},
    {{"abc", 3}, {"abd", 3}, false},   {{"xbc", 3}, {"abc", 3}, false},
    {{"abc", 3}, {"ab", 2}, false},    {{"a\0b", 3}, {"a\0c", 3}, false},
    {{"\x80", 1}, {"\x00", 1}, false},
};

START_TEST(compares_all_bytes)
{
    ck_assert_int_eq(secret_equal(PAIRS[_i].a, PAIRS[_i].b), PAIRS[_i].equal);
    ck_assert_int_eq(secret_equal(PAIRS[_i].b, PAIRS[_i].a), PAIRS[_i].equal);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("secret_buf");
    TCase *tcase = tcase_create("secret_buf");
    tcase_add_test(tcase, holds_bytes_up_to_its_ceiling);
    tcase_add_test(tcase, what_is_cut_off_is_wiped);
    tcase_add_test(tcase, growing_keeps_the_bytes);
    tcase_add_test(tcase, moving_leaves_an_empty_one_that_still_wipes);
    tcase_add_test(tcase, a_zeroed_one_may_be_released);
    tcase_add_loop_test(tcase, compares_all_bytes, 0, (int)ARRAY_LEN(PAIRS));
    suite_add_tcase(suite, tcase);
    return suite;
}
