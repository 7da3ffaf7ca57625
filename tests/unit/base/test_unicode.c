/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unicode.h"

#include "base/utf8.h"
#include "check_main.h"

START_TEST(maps_one_character_to_one)
{
    ck_assert_uint_eq(unicode_upper(0xdf), 0xdf);   /* sharp s has no simple upper case */
    ck_assert_uint_eq(unicode_lower(0x130), 'i');   /* I with dot */
    ck_assert_uint_eq(unicode_title(0x1c6), 0x1c5); /* dz with caron */
    ck_assert_uint_eq(unicode_upper(0x17f), 'S');
}
END_TEST

START_TEST(knows_kinds_of_characters)
{
    ck_assert(unicode_is_space(0xa0) && unicode_is_space('\v') && !unicode_is_space(0x200b));
    ck_assert(unicode_is_word('_') && unicode_is_word('Z') && unicode_is_word('7'));
    ck_assert(unicode_is_word(0x663) && unicode_is_word(0x65e5) && unicode_is_word(0x1e943));
    ck_assert(!unicode_is_word('-') && !unicode_is_word(0xd7) && !unicode_is_word(0xbd));
    ck_assert(unicode_is_letter_or_number(0xbd) && unicode_is_letter_or_number(0xe9));
    ck_assert(!unicode_is_letter_or_number('_') && !unicode_is_letter_or_number(0x2603));
    ck_assert(unicode_is_digit('7') && unicode_is_digit(0x661) && unicode_is_digit(0x11f50));
    ck_assert(!unicode_is_digit(0xb2) && !unicode_is_digit(0x65e5));
    ck_assert(unicode_is_print(' ') && unicode_is_print(0xe9) && unicode_is_print(0x1f511));
    ck_assert(!unicode_is_print('\n') && !unicode_is_print(0x7f) && !unicode_is_print(0xa0));
    ck_assert(!unicode_is_print(0xad) && !unicode_is_print(0xe000) && !unicode_is_print(0x378));
}
END_TEST

START_TEST(knows_what_came_with_unicode_15)
{
    ck_assert(unicode_is_word(0x11f02) && unicode_is_word(0x31350) && unicode_is_word(0x1e4f0));
    ck_assert(unicode_is_letter_or_number(0x1d2c0) && !unicode_is_word(0x1d2c0));
    ck_assert(unicode_is_print(0x1fae8) && !unicode_is_letter_or_number(0x1fae8));
    ck_assert(!unicode_is_print(0x323b0) && !unicode_is_print(0x11f11));
}
END_TEST

/* How many there are and their sum, as Go 1.26 (unicode.Version 15.0.0) counts them. */
static const struct {
    bool (*is_member)(uint32_t rune);
    uint32_t count;
    uint64_t sum;
} classes[] = {
    {unicode_is_space, 25, 141586},
    {unicode_is_letter_or_number, 137935, 14877327031},
    {unicode_is_word, 136785, 14806566681},
    {unicode_is_print, 148998, 15750900724},
};

START_TEST(has_the_classes_of_go)
{
    uint32_t count = 0;
    uint64_t sum = 0;
    for (uint32_t rune = 0; rune <= UTF8_LAST_RUNE; rune++) {
        bool member = classes[_i].is_member(rune);
        count += member ? 1 : 0;
        sum += member ? rune : 0;
    }
    ck_assert_uint_eq(count, classes[_i].count);
    ck_assert_uint_eq(sum, classes[_i].sum);
}
END_TEST

/* How many are mapped to another, and the sum of these others, likewise. */
static const struct {
    uint32_t (*map)(uint32_t rune);
    uint32_t count;
    uint64_t sum;
} mappings[] = {
    {unicode_upper, 1450, 32256850},
    {unicode_lower, 1433, 34914171},
    {unicode_title, 1404, 31919465},
};

START_TEST(has_the_mappings_of_go)
{
    uint32_t count = 0;
    uint64_t sum = 0;
    for (uint32_t rune = 0; rune <= UTF8_LAST_RUNE; rune++) {
        uint32_t mapped = mappings[_i].map(rune);
        count += mapped != rune ? 1 : 0;
        sum += mapped != rune ? mapped : 0;
    }
    ck_assert_uint_eq(count, mappings[_i].count);
    ck_assert_uint_eq(sum, mappings[_i].sum);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("base/unicode");
    TCase *tcase = tcase_create("unicode");
    tcase_add_test(tcase, maps_one_character_to_one);
    tcase_add_test(tcase, knows_kinds_of_characters);
    tcase_add_test(tcase, knows_what_came_with_unicode_15);
    tcase_add_loop_test(tcase, has_the_classes_of_go, 0, (int)ARRAY_LEN(classes));
    tcase_add_loop_test(tcase, has_the_mappings_of_go, 0, (int)ARRAY_LEN(mappings));
    suite_add_tcase(suite, tcase);
    return suite;
}
