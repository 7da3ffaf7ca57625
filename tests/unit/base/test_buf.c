/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "check_main.h"

START_TEST(grows_and_always_has_a_nul_behind)
{
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, 100000);
    ck_assert_uint_eq(buf_view(&buf).len, 0);
    for (size_t i = 0; i < 5000; i++) {
        buf_append(&buf, "0123456789", 10);
        ck_assert_int_eq(buf.data[buf.len], '\0');
        ck_assert_uint_lt(buf.len, buf.capacity);
    }
    ck_assert_uint_eq(buf.len, 50000);
    for (size_t i = 0; i < buf.len; i++) {
        ck_assert_int_eq(buf.data[i], (char)('0' + i % 10));
    }
    struct err err = {0};
    ck_assert(buf_check(&buf, "text", &err));
}
END_TEST

static const size_t CEILINGS[] = {0, 1, 2, 255, 256, 257, 511, 512, 513, 1000};

START_TEST(takes_exactly_up_to_its_ceiling)
{
    size_t ceiling = CEILINGS[_i];
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, ceiling);
    for (size_t i = 0; i < ceiling; i++) {
        buf_add_byte(&buf, 'x');
    }
    struct err err = {0};
    ck_assert(buf_check(&buf, "text", &err));
    ck_assert_uint_eq(buf.len, ceiling);
    ck_assert_uint_le(buf.capacity, ceiling + 1);
    buf_add_byte(&buf, 'y');
    ck_assert(!buf_check(&buf, "the answer", &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_ptr_nonnull(strstr(err.message, "the answer"));
    ck_assert_uint_eq(buf.len, ceiling);
}
END_TEST

START_TEST(a_failed_one_keeps_what_it_had_and_takes_nothing_more)
{
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, 5);
    buf_add_str(&buf, "abc");
    buf_add_str(&buf, "def");
    buf_add_str(&buf, "g");
    buf_printf(&buf, "%d", 7);
    buf_add(&buf, SV(""));
    ck_assert_ptr_null(buf_extend(&buf, 1));
    ck_assert(buf.failed);
    ck_assert(sv_is(buf_view(&buf), "abc"));
    buf_clear(&buf);
    buf_add_str(&buf, "later");
    struct err err;
    ck_assert(buf_check(&buf, "text", &err));
    ck_assert(sv_is(buf_view(&buf), "later"));
}
END_TEST

static const size_t LARGE_CEILINGS[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2, SIZE_MAX / 2 + 2};

START_TEST(a_ceiling_at_the_end_of_the_type_works)
{
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, LARGE_CEILINGS[_i]);
    for (int i = 0; i < 1000; i++) {
        buf_add_str(&buf, "0123456789");
    }
    ck_assert_uint_eq(buf.len, 10000);
    ck_assert_uint_gt(buf.capacity, buf.len);
    ck_assert_uint_lt(buf.capacity, 100000);
    ck_assert_ptr_null(buf_extend(&buf, SIZE_MAX));
    ck_assert(buf.failed);
}
END_TEST

START_TEST(prints_and_extends)
{
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, 4096);
    buf_printf(&buf, "%s-%d", "a", 7);
    char *room = buf_extend(&buf, 3);
    memcpy(room, "xyz", 3);
    buf_printf(&buf, "%0*d", 1000, 1);
    ck_assert_uint_eq(buf.len, 1006);
    ck_assert(sv_starts_with(buf_view(&buf), SV("a-7xyz000")));
    ck_assert_int_eq(buf.data[1005], '1');
    buf_printf(&buf, "%s", "");
    ck_assert_uint_eq(buf.len, 1006);
}
END_TEST

START_TEST(adds_any_number)
{
    static const int64_t numbers[] = {0, 7, -1, 10, 1234567890, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        CLEANUP(buf_done) struct buf buf;
        char wanted[32];
        (void)snprintf(wanted, sizeof wanted, "n%lld", (long long)numbers[i]);
        buf_init(&buf, 30);
        buf_add_byte(&buf, 'n');
        buf_add_int(&buf, numbers[i]);
        ck_assert_str_eq(buf.data, wanted);
    }
}
END_TEST

START_TEST(printing_over_the_ceiling_writes_nothing)
{
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, 10);
    buf_add_str(&buf, "abc");
    buf_printf(&buf, "%s", "12345678");
    ck_assert(buf.failed);
    ck_assert(sv_is(buf_view(&buf), "abc"));
    ck_assert_int_eq(buf.data[3], '\0');
}
END_TEST

START_TEST(keeps_nul_bytes)
{
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, 100);
    buf_append(&buf, "a\0b", 3);
    buf_add_byte(&buf, '\0');
    ck_assert(sv_equal(buf_view(&buf), sv_make("a\0b\0", 4)));
}
END_TEST

START_TEST(adds_nothing_from_nowhere)
{
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, 100);
    buf_add(&buf, (struct str_view){0});
    buf_append(&buf, NULL, 0);
    buf_drop_front(&buf, 0);
    ck_assert_uint_eq(buf.len, 0);
    struct err err;
    ck_assert(buf_check(&buf, "text", &err));
}
END_TEST

START_TEST(shortens_at_either_end)
{
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, 100);
    buf_truncate(&buf, 0);
    buf_add_str(&buf, "abcdefgh");
    buf_truncate(&buf, 6);
    ck_assert_str_eq(buf.data, "abcdef");
    buf_drop_front(&buf, 2);
    ck_assert_str_eq(buf.data, "cdef");
    buf_drop_front(&buf, 4);
    ck_assert_uint_eq(buf.len, 0);
    ck_assert_str_eq(buf.data, "");
}
END_TEST

START_TEST(taking_moves_the_bytes_out)
{
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, 100);
    char *empty = buf_take(&buf);
    ck_assert_str_eq(empty, "");
    free(empty);
    buf_add_str(&buf, "abc");
    char *text = buf_take(&buf);
    ck_assert_str_eq(text, "abc");
    free(text);
    ck_assert_uint_eq(buf.len, 0);
    buf_add_str(&buf, "next");
    ck_assert(sv_is(buf_view(&buf), "next"));
}
END_TEST

START_TEST(is_released_twice_without_harm)
{
    struct buf buf;
    buf_init(&buf, 100);
    buf_add_str(&buf, "abc");
    buf_done(&buf);
    ck_assert_ptr_null(buf.data);
    buf_done(&buf);
    struct buf zeroed = {0};
    buf_done(&zeroed);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("buf");
    TCase *tcase = tcase_create("buf");
    tcase_add_test(tcase, grows_and_always_has_a_nul_behind);
    tcase_add_loop_test(tcase, takes_exactly_up_to_its_ceiling, 0, (int)ARRAY_LEN(CEILINGS));
    tcase_add_test(tcase, a_failed_one_keeps_what_it_had_and_takes_nothing_more);
    tcase_add_loop_test(tcase, a_ceiling_at_the_end_of_the_type_works, 0,
                        (int)ARRAY_LEN(LARGE_CEILINGS));
    tcase_add_test(tcase, prints_and_extends);
    tcase_add_test(tcase, adds_any_number);
    tcase_add_test(tcase, printing_over_the_ceiling_writes_nothing);
    tcase_add_test(tcase, keeps_nul_bytes);
    tcase_add_test(tcase, adds_nothing_from_nowhere);
    tcase_add_test(tcase, shortens_at_either_end);
    tcase_add_test(tcase, taking_moves_the_bytes_out);
    tcase_add_test(tcase, is_released_twice_without_harm);
    suite_add_tcase(suite, tcase);
    return suite;
}
