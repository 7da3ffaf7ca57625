/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include "check_main.h"

static const struct {
    const char *text;
    uint32_t rune;
    size_t bytes;
} firsts[] = {
    {"a", 'a', 1},
    {"\xc3\xa9x", 0xe9, 2},
    {"\xe2\x82\xac", 0x20ac, 3},
    {"\xf0\x9f\x94\x91", 0x1f511, 4},
    {"\xf4\x8f\xbf\xbf", 0x10ffff, 4},
    {"", UTF8_REPLACEMENT, 0},
    /* Not UTF-8: cut off, overlong, a surrogate, too large, a byte that continues nothing. */
    {"\xc3", UTF8_REPLACEMENT, 1},
    {"\xe2\x82", UTF8_REPLACEMENT, 1},
    {"\xe2\x82z", UTF8_REPLACEMENT, 1},
    {"\xc0\x80", UTF8_REPLACEMENT, 1},
    {"\xe0\x9f\xbf", UTF8_REPLACEMENT, 1},
    {"\xf0\x8f\xbf\xbf", UTF8_REPLACEMENT, 1},
    {"\xed\xa0\x80", UTF8_REPLACEMENT, 1},
    {"\xf4\x90\x80\x80", UTF8_REPLACEMENT, 1},
    {"\xf5\x80\x80\x80", UTF8_REPLACEMENT, 1},
    {"\x80", UTF8_REPLACEMENT, 1},
    {"\xef\xbf\xbd", UTF8_REPLACEMENT, 3},
};

START_TEST(takes_the_first_rune)
{
    size_t bytes = 0;
    ck_assert_uint_eq(utf8_first(sv_of(firsts[_i].text), &bytes), firsts[_i].rune);
    ck_assert_uint_eq(bytes, firsts[_i].bytes);
}
END_TEST

START_TEST(takes_the_last_rune)
{
    size_t bytes = 9;
    ck_assert_uint_eq(utf8_last(SV("a\xf0\x9f\x94\x91"), &bytes), 0x1f511);
    ck_assert_uint_eq(bytes, 4);
    ck_assert_uint_eq(utf8_last(SV("\xc3\xa9z"), &bytes), 'z');
    ck_assert_uint_eq(bytes, 1);
    ck_assert_uint_eq(utf8_last(SV("a\xe2\x80\xa8"), &bytes), 0x2028);
    ck_assert_uint_eq(bytes, 3);
    ck_assert_uint_eq(utf8_last(SV("a\xa9"), &bytes), UTF8_REPLACEMENT);
    ck_assert_uint_eq(bytes, 1);
    ck_assert_uint_eq(utf8_last(SV(""), &bytes), UTF8_REPLACEMENT);
    ck_assert_uint_eq(bytes, 0);
}
END_TEST

START_TEST(counts_bytes_that_are_no_utf8_one_by_one)
{
    ck_assert_uint_eq(utf8_count(SV("a\xc3\xa9\x80\xf0\x9f")), 5);
    ck_assert_uint_eq(utf8_count(SV("")), 0);
}
END_TEST

START_TEST(cuts_between_runes)
{
    ck_assert(sv_is(utf8_prefix(SV("\xc3\xa9\xe2\x98\x83z"), 2), "\xc3\xa9\xe2\x98\x83"));
    ck_assert(sv_is(utf8_prefix(SV("\xff\xfez"), 1), "\xff"));
    ck_assert(sv_is(utf8_prefix(SV("ab"), 9), "ab"));
    ck_assert_uint_eq(utf8_prefix(SV("ab"), 0).len, 0);
}
END_TEST

START_TEST(reads_every_rune_that_it_writes)
{
    uint32_t runes = 0;
    for (uint32_t code = 0; code <= UTF8_LAST_RUNE + 1; code++) {
        char bytes[UTF8_MOST_BYTES];
        size_t taken = 0;
        size_t len = utf8_put(code, bytes);
        bool same = utf8_first(sv_make(bytes, len), &taken) == code && taken == len;
        runes += same && utf8_is_rune(code) ? 1 : 0;
    }
    ck_assert_uint_eq(runes, 0x110000 - 0x800); /* all but the surrogates */
}
END_TEST

START_TEST(writes_what_is_no_rune_as_the_replacement)
{
    static const uint32_t codes[] = {0xd800, 0xdfff, 0x110000, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        char bytes[UTF8_MOST_BYTES];
        ck_assert(!utf8_is_rune(codes[i]));
        ck_assert_uint_eq(utf8_put(codes[i], bytes), 3);
        ck_assert_mem_eq(bytes, "\xef\xbf\xbd", 3);
    }
}
END_TEST

START_TEST(appends_a_rune)
{
    struct buf out = {0};
    buf_init(&out, 64);
    utf8_add(&out, 0xe4);
    utf8_add(&out, 0xd800);
    ck_assert_str_eq(out.data, "\xc3\xa4\xef\xbf\xbd");
    buf_done(&out);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("utf8");
    TCase *tcase = tcase_create("utf8");
    tcase_add_loop_test(tcase, takes_the_first_rune, 0, ARRAY_LEN(firsts));
    tcase_add_test(tcase, takes_the_last_rune);
    tcase_add_test(tcase, counts_bytes_that_are_no_utf8_one_by_one);
    tcase_add_test(tcase, cuts_between_runes);
    tcase_add_test(tcase, reads_every_rune_that_it_writes);
    tcase_add_test(tcase, writes_what_is_no_rune_as_the_replacement);
    tcase_add_test(tcase, appends_a_rune);
    suite_add_tcase(suite, tcase);
    return suite;
}
