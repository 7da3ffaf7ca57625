/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/template/literal.h"

#include "check_main.h"

static const struct {
    const char *text;
    int64_t value;
} integers[] = {
    {"0", 0},
    {"-0", 0},
    {"+5", 5},
    {"1_000", 1000},
    {"0x1F", 31},
    {"0X_1f", 31},
    {"0b101", 5},
    {"0o17", 15},
    {"017", 15},
    {"0_7", 7},
    {"9223372036854775807", INT64_MAX},
    {"-9223372036854775808", INT64_MIN},
    {"0x1e", 30},
};

START_TEST(reads_an_integer)
{
    struct value value = {0};
    ck_assert_int_eq(literal_number(sv_of(integers[_i].text), &value), LITERAL_FINE);
    ck_assert_int_eq(value.kind, VALUE_INT);
    ck_assert_int_eq(value.integer, integers[_i].value);
}
END_TEST

static const struct {
    const char *text;
    double value;
} floats[] = {
    {".5", 0.5},       {"1.", 1},          {"1e3", 1000},    {"08.5", 8.5},  {"0x1p4", 16},
    {"0x1.8p-1", .75}, {"1_0.2_5", 10.25}, {"-1.5E+1", -15}, {"-0x1e", -30}, /* behind a sign Go
                                                                                takes the e for an
                                                                                exponent */
    {"1e-400", 0},
};

START_TEST(reads_a_float)
{
    struct value value = {0};
    ck_assert_int_eq(literal_number(sv_of(floats[_i].text), &value), LITERAL_FINE);
    ck_assert_int_eq(value.kind, VALUE_FLOAT);
    ck_assert_double_eq(value.real, floats[_i].value);
}
END_TEST

static const char *const malformed[] = {
    ".",
    "-",
    "1__0",
    "1_",
    "0x",
    "0x_",
    "089",
    "0b2",
    "1e",
    "1e_",
    "0x1.8",
    "1e999",
    "18446744073709551616",
    "-9223372036854775809",
    "0b1.5",
    "_.5",
    "1_.5",
    "0xi",
};

START_TEST(refuses_what_is_no_number)
{
    struct value value = {0};
    ck_assert_int_eq(literal_number(sv_of(malformed[_i]), &value), LITERAL_BROKEN);
}
END_TEST

START_TEST(tells_what_has_no_value_here)
{
    struct value value = {0};
    ck_assert_int_eq(literal_number(SV("9223372036854775808"), &value), LITERAL_TOO_LARGE);
    ck_assert_int_eq(literal_number(SV("18446744073709551615"), &value), LITERAL_TOO_LARGE);
    ck_assert_int_eq(literal_number(SV("2i"), &value), LITERAL_COMPLEX);
    ck_assert_int_eq(literal_number(SV("0x1p2i"), &value), LITERAL_COMPLEX);
}
END_TEST

static const struct {
    const char *quoted;
    const char *text; /* NULL: refused */
} strings[] = {
    {"\"\"", ""},
    {"\"a\\\"b\\\\\"", "a\"b\\"},
    {"\"\\a\\b\\f\\n\\r\\t\\v\"", "\a\b\f\n\r\t\v"},
    {"\"\\x41\\101\\u00e9\\U0001f511\"", "AA\xc3\xa9\xf0\x9f\x94\x91"},
    {"\"\\xff\\377\"", "\xff\xff"},
    {"\"\xff\xfe\x80\"", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {"`a\\n\r\n\"`", "a\\n\n\""},
    {"\"\\'\"", NULL},
    {"\"\\q\"", NULL},
    {"\"\\x4\"", NULL},
    {"\"\\400\"", NULL},
    {"\"\\18\"", NULL},
    {"\"\\ud800\"", NULL},
    {"\"\\U00110000\"", NULL},
};

START_TEST(unquotes_a_string)
{
    char text[128];
    size_t len = 0;
    struct str_view quoted = sv_of(strings[_i].quoted);
    ck_assert(literal_string(quoted, text, &len) == (strings[_i].text != NULL));
    if (strings[_i].text) {
        ck_assert(sv_is(sv_make(text, len), strings[_i].text));
        ck_assert_uint_le(len, LITERAL_GROWTH * quoted.len);
    }
}
END_TEST

static const struct {
    const char *quoted;
    int64_t rune; /* -1: refused */
} chars[] = {
    {"'a'", 'a'},     {"'\\n'", '\n'}, {"'\\''", '\''}, {"'\"'", '"'},  {"'\xe2\x98\x83'", 0x2603},
    {"'\\xff'", 255}, {"''", -1},      {"'ab'", -1},    {"'\\\"'", -1}, {"'\\q'", -1},
};

START_TEST(reads_a_character_as_its_code_point)
{
    struct value value = {0};
    bool good = literal_char(sv_of(chars[_i].quoted), &value);
    ck_assert(good == (chars[_i].rune >= 0));
    ck_assert(!good || (value.kind == VALUE_INT && value.integer == chars[_i].rune));
}
END_TEST

Suite *suite(void)
{
    Suite *literal = suite_create("template_literal");
    TCase *tcase = tcase_create("literal");
    tcase_add_loop_test(tcase, reads_an_integer, 0, (int)ARRAY_LEN(integers));
    tcase_add_loop_test(tcase, reads_a_float, 0, (int)ARRAY_LEN(floats));
    tcase_add_loop_test(tcase, refuses_what_is_no_number, 0, (int)ARRAY_LEN(malformed));
    tcase_add_test(tcase, tells_what_has_no_value_here);
    tcase_add_loop_test(tcase, unquotes_a_string, 0, (int)ARRAY_LEN(strings));
    tcase_add_loop_test(tcase, reads_a_character_as_its_code_point, 0, (int)ARRAY_LEN(chars));
    suite_add_tcase(literal, tcase);
    return literal;
}
