/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str_view.h"

#include "check_main.h"

static const struct str_view NONE = {0};

static const struct {
    struct str_view a;
    struct str_view b;
    int order;
} ORDERED[] = {
    {{"", 0}, {NULL, 0}, 0},        {{"a", 1}, {"a", 1}, 0},    {{"a", 1}, {"b", 1}, -1},
    {{"a", 1}, {"ab", 2}, -1},      {{NULL, 0}, {"a", 1}, -1},  {{"B", 1}, {"a", 1}, -1},
    {{"a\0b", 3}, {"a\0c", 3}, -1}, {{"a", 1}, {"a\0", 2}, -1}, {{"\x7f", 1}, {"\x80", 1}, -1},
};

START_TEST(orders_bytewise)
{
    int order = sv_compare(ORDERED[_i].a, ORDERED[_i].b);
    int reverse = sv_compare(ORDERED[_i].b, ORDERED[_i].a);
    ck_assert_int_eq((order > 0) - (order < 0), ORDERED[_i].order);
    ck_assert_int_eq((reverse > 0) - (reverse < 0), -ORDERED[_i].order);
    ck_assert_int_eq(sv_equal(ORDERED[_i].a, ORDERED[_i].b), ORDERED[_i].order == 0);
}
END_TEST

START_TEST(knows_how_it_begins_and_ends)
{
    ck_assert(sv_starts_with(SV("abc"), SV("ab")));
    ck_assert(sv_starts_with(SV("abc"), SV("abc")));
    ck_assert(sv_starts_with(SV("abc"), SV("")));
    ck_assert(sv_starts_with(NONE, NONE));
    ck_assert(!sv_starts_with(SV("abc"), SV("abcd")));
    ck_assert(!sv_starts_with(SV("abc"), SV("b")));
    ck_assert(sv_ends_with(SV("abc"), SV("bc")));
    ck_assert(sv_ends_with(SV("abc"), NONE));
    ck_assert(!sv_ends_with(SV("abc"), SV("ab")));
    ck_assert(!sv_ends_with(SV("c"), SV("bc")));
}
END_TEST

START_TEST(ignores_the_case_of_ascii_letters_only)
{
    ck_assert(sv_equal_ignoring_case(SV("Content-Type"), SV("content-tYPE")));
    ck_assert(!sv_equal_ignoring_case(SV("a"), SV("ab")));
    ck_assert(!sv_equal_ignoring_case(SV("["), SV("{")));
    ck_assert(!sv_equal_ignoring_case(SV("@"), SV("`")));
    ck_assert(!sv_equal_ignoring_case(SV("\xc3\x84"), SV("\xc3\xa4")));
    ck_assert(sv_equal_ignoring_case(NONE, SV("")));
}
END_TEST

START_TEST(finds_bytes_and_parts)
{
    ck_assert_uint_eq(sv_find(SV("a/b/c"), '/'), 1);
    ck_assert_uint_eq(sv_find_last(SV("a/b/c"), '/'), 3);
    ck_assert_uint_eq(sv_find(SV("abc"), '/'), 3);
    ck_assert_uint_eq(sv_find_last(SV("abc"), '/'), 3);
    ck_assert_uint_eq(sv_find(NONE, '/'), 0);
    ck_assert_uint_eq(sv_find_last(NONE, '/'), 0);
    ck_assert_uint_eq(sv_find(sv_make("a\0b", 3), '\0'), 1);
    /* Not beyond the view. */
    ck_assert_uint_eq(sv_find(sv_make("ab/", 2), '/'), 2);
    ck_assert(sv_contains(SV("abcd"), SV("bc")));
    ck_assert(sv_contains(SV("abcd"), NONE));
    ck_assert(sv_contains(NONE, NONE));
    ck_assert(!sv_contains(SV("abcd"), SV("ca")));
    ck_assert(!sv_contains(NONE, SV("a")));
    ck_assert(!sv_contains(SV("a"), SV("aa")));
}
END_TEST

START_TEST(cuts_within_its_length)
{
    ck_assert(sv_is(sv_from(SV("abc"), 1), "bc"));
    ck_assert(sv_is(sv_from(SV("abc"), 3), ""));
    ck_assert(sv_is(sv_from(SV("abc"), 9), ""));
    ck_assert_ptr_nonnull(sv_from(SV("abc"), 9).data);
    ck_assert_ptr_null(sv_from(NONE, 9).data);
    ck_assert(sv_is(sv_first(SV("abc"), 2), "ab"));
    ck_assert(sv_is(sv_first(SV("abc"), 9), "abc"));
    ck_assert_uint_eq(sv_first(NONE, 9).len, 0);
}
END_TEST

START_TEST(trims_blanks_at_both_ends)
{
    ck_assert(sv_is(sv_trim(SV(" \t\r\n a b \n\r\t ")), "a b"));
    ck_assert(sv_is(sv_trim(SV(" \n ")), ""));
    ck_assert(sv_is(sv_trim(SV("\v\f")), "\v\f"));
    ck_assert_uint_eq(sv_trim(NONE).len, 0);
}
END_TEST

static const struct {
    const char *text;
    const char *parts[4];
} SPLITS[] = {
    {"a,bc,d", {"a", "bc", "d"}},
    {"a", {"a"}},
    {"", {""}},
    {",", {"", ""}},
    {"a,", {"a", ""}},
    {",a", {"", "a"}},
    {"a,,b", {"a", "", "b"}},
};

START_TEST(splits_into_every_part)
{
    struct str_view rest = sv_of(SPLITS[_i].text);
    struct str_view part;
    size_t count = 0;
    while (sv_split(&rest, ',', &part)) {
        ck_assert_uint_lt(count, 3);
        ck_assert_ptr_nonnull(SPLITS[_i].parts[count]);
        ck_assert(sv_is(part, SPLITS[_i].parts[count]));
        count++;
    }
    ck_assert_ptr_null(SPLITS[_i].parts[count]);
    ck_assert_ptr_null(rest.data);
    ck_assert(!sv_split(&rest, ',', &part));
}
END_TEST

static const struct {
    const char *text;
    bool is_unsigned, is_signed;
    uint64_t value;
    int64_t signed_value;
} NUMBERS[] = {
    {"0", true, true, 0, 0},
    {"007", true, true, 7, 7},
    {"9223372036854775807", true, true, INT64_MAX, INT64_MAX},
    {"9223372036854775808", true, false, UINT64_C(9223372036854775808), 0},
    {"18446744073709551615", true, false, UINT64_MAX, 0},
    {"18446744073709551616", false, false, 0, 0},
    {"99999999999999999999", false, false, 0, 0},
    {"-1", false, true, 0, -1},
    {"-0", false, true, 0, 0},
    {"-9223372036854775808", false, true, 0, INT64_MIN},
    {"-9223372036854775809", false, false, 0, 0},
    {"", false, false, 0, 0},
    {"-", false, false, 0, 0},
    {"--1", false, false, 0, 0},
    {"+1", false, false, 0, 0},
    {" 1", false, false, 0, 0},
    {"1 ", false, false, 0, 0},
    {"1.0", false, false, 0, 0},
    {"1e3", false, false, 0, 0},
    {"0x1", false, false, 0, 0},
};

START_TEST(reads_exact_numbers)
{
    uint64_t value = 77;
    int64_t signed_value = -77;
    ck_assert_int_eq(sv_to_u64(sv_of(NUMBERS[_i].text), &value), NUMBERS[_i].is_unsigned);
    ck_assert_int_eq(sv_to_i64(sv_of(NUMBERS[_i].text), &signed_value), NUMBERS[_i].is_signed);
    ck_assert_uint_eq(value, NUMBERS[_i].is_unsigned ? NUMBERS[_i].value : 77);
    ck_assert_int_eq(signed_value, NUMBERS[_i].is_signed ? NUMBERS[_i].signed_value : -77);
}
END_TEST

START_TEST(makes_views_and_copies)
{
    ck_assert_uint_eq(sv_of(NULL).len, 0);
    ck_assert_uint_eq(SV("a\0b").len, 3);
    ck_assert(sv_is(NONE, ""));
    ck_assert(!sv_is(SV("a"), ""));
    char *copy = sv_dup(sv_make("abc", 2));
    ck_assert_str_eq(copy, "ab");
    free(copy);
    copy = sv_dup(NONE);
    ck_assert_str_eq(copy, "");
    free(copy);
    char text[8];
    (void)snprintf(text, sizeof text, "[%.*s]", SV_ARG(NONE));
    ck_assert_str_eq(text, "[]");
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("str_view");
    TCase *tcase = tcase_create("str_view");
    tcase_add_loop_test(tcase, orders_bytewise, 0, (int)ARRAY_LEN(ORDERED));
    tcase_add_test(tcase, knows_how_it_begins_and_ends);
    tcase_add_test(tcase, ignores_the_case_of_ascii_letters_only);
    tcase_add_test(tcase, finds_bytes_and_parts);
    tcase_add_test(tcase, cuts_within_its_length);
    tcase_add_test(tcase, trims_blanks_at_both_ends);
    tcase_add_loop_test(tcase, splits_into_every_part, 0, (int)ARRAY_LEN(SPLITS));
    tcase_add_loop_test(tcase, reads_exact_numbers, 0, (int)ARRAY_LEN(NUMBERS));
    tcase_add_test(tcase, makes_views_and_copies);
    suite_add_tcase(suite, tcase);
    return suite;
}
