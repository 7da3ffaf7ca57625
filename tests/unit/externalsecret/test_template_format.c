/* SPDX-License-Identifier: Apache-2.0 */
/* Each result is what Go 1.26 prints; template.json has some hundred more. */
#include "externalsecret/template/format.h"

#include "base/limits.h"
#include "check_main.h"

#define TEXT(literal)                                                                              \
    {                                                                                              \
        .kind = VALUE_STRING, .text = SV_INIT(literal)                                             \
    }
#define INT(number)                                                                                \
    {                                                                                              \
        .kind = VALUE_INT, .integer = (number)                                                     \
    }
#define FLOAT(number)                                                                              \
    {                                                                                              \
        .kind = VALUE_FLOAT, .real = (number)                                                      \
    }
#define BYTE(number)                                                                               \
    {                                                                                              \
        .kind = VALUE_UINT8, .integer = (number)                                                   \
    }
#define NIL                                                                                        \
    {                                                                                              \
        .kind = VALUE_NIL                                                                          \
    }

enum {
    MOST = 4,
};

static const struct {
    const char *format;
    struct value args[MOST];
    size_t count;
    const char *text;
} cases[] = {
    {"plain", {NIL}, 0, "plain"},
    {"%s|%v|%d", {TEXT("a"), INT(1), INT(-2)}, 3, "a|1|-2"},
    {"%d", {TEXT("a")}, 1, "%!d(string=a)"},
    {"%s", {INT(5)}, 1, "%!s(int=5)"},
    {"%d", {NIL}, 1, "%!d(<nil>)"},
    {"%d", {NIL}, 0, "%!d(MISSING)"},
    {"%d", {INT(1), TEXT("x"), NIL}, 3, "1%!(EXTRA string=x, <nil>)"},
    {"%", {NIL}, 0, "%!(NOVERB)"},
    {"%!", {NIL}, 0, "%!!(MISSING)"},
    {"%5d|%-5d|%05d", {INT(42), INT(42), INT(-42)}, 3, "   42|42   |-0042"},
    {"%+d|% d|%x|%#X", {INT(1), INT(1), INT(255), INT(255)}, 4, "+1| 1|ff|0XFF"},
    {"%.3d|%6.3d|%.0d|", {INT(7), INT(-7), INT(0)}, 3, "007|  -007||"},
    {"%o|%#o|%O|%b", {INT(8), INT(8), INT(8), INT(5)}, 4, "10|010|0o10|101"},
    {"%c|%q|%U|%#U",
     {INT(9731), INT(10), INT(65), INT(65)},
     4,
     "\xe2\x98\x83|'\\n'|U+0041|U+0041 'A'"},
    {"%c", {INT(-1)}, 1, "\xef\xbf\xbd"},
    {"%v|%f|%.2f|%e",
     {FLOAT(1e6), FLOAT(1.5), FLOAT(2.345), FLOAT(1.5)},
     4,
     "1e+06|1.500000|2.35|1.500000e+00"},
    {"%8.2f|%-8.2f|%08.2f|%+g",
     {FLOAT(-1.5), FLOAT(1.5), FLOAT(-1.5), FLOAT(1)},
     4,
     "   -1.50|1.50    |-0001.50|+1"},
    {"%x|%X|%b|%#g",
     {FLOAT(1.5), FLOAT(-3.75), FLOAT(1), FLOAT(1)},
     4,
     "0x1.8p+00|-0X1.EP+01|4503599627370496p-52|1.00000"},
    {"%g|%5v", {FLOAT(1.0 / 0.0), FLOAT(-1.0 / 0.0)}, 2, "+Inf| -Inf"},
    {"%010s|%5.1s|%-4s|",
     {TEXT("ab"), TEXT("\xc3\xa9x"), TEXT("y")},
     3,
     "00000000ab|    \xc3\xa9|y   |"},
    {"%x|% X|%# x|%.1x",
     {TEXT("az"), TEXT("az"), TEXT("az"), TEXT("az")},
     4,
     "617a|61 7A|0x61 0x7a|61"},
    {"%q|%+q|%#q",
     {TEXT("\"\xc3\xa9\x80\n"), TEXT("\xc3\xa9"), TEXT("a")},
     3,
     "\"\\\"\xc3\xa9\\x80\\n\"|\"\\u00e9\"|`a`"},
    {"%T|%T|%T|%T", {TEXT("a"), INT(1), BYTE(1), NIL}, 4, "string|int|uint8|<nil>"},
    {"%#v|%#v|%#v", {TEXT("a"), BYTE(120), FLOAT(1)}, 3, "\"a\"|0x78|1"},
    {"%[2]d %[1]d", {INT(1), INT(2)}, 2, "2 1"},
    {"%[3]d|%[x]d|%[0]d", {INT(1)}, 1, "%!d(BADINDEX)|%!d(BADINDEX)|%!d(BADINDEX)"},
    {"%*d|%-*d|", {INT(3), INT(1), INT(3), INT(1)}, 4, "  1|1  |"},
    {"%*d|", {INT(-3), INT(1)}, 2, "1  |"},
    {"%*d", {TEXT("x"), INT(1)}, 2, "%!(BADWIDTH)1"},
    {"%.*d", {INT(-1), INT(1)}, 2, "%!(BADPREC)1"},
    {"%w|%p|%\xc3\xa9", {INT(1), INT(2), INT(3)}, 3, "%!w(int=1)|%!p(int=2)|%!\xc3\xa9(int=3)"},
    {"%%|%5%", {NIL}, 0, "%|%"},
};

START_TEST(prints_as_go_does)
{
    struct err err = {0};
    CLEANUP(secret_buf_done) struct secret_buf text = {0};
    secret_buf_init(&text, 4096);
    ck_assert(format_printf(sv_of(cases[_i].format), cases[_i].args, cases[_i].count, &text, &err));
    secret_buf_add(&text, SV("\0"));
    ck_assert_str_eq(text.bytes.data, cases[_i].text);
}
END_TEST

START_TEST(a_verb_holds_for_each_element)
{
    struct err err = {0};
    struct value items[] = {INT(1), TEXT("b"), NIL};
    struct value_list list = {.items = items, .count = 3};
    struct value_member members[] = {{SV_INIT("k"), INT(7)}};
    struct value_dict dict = {.members = members, .count = 1};
    struct value args[] = {{.kind = VALUE_LIST, .list = &list},
                           {.kind = VALUE_DICT, .dict = &dict}};
    CLEANUP(secret_buf_done) struct secret_buf text = {0};
    secret_buf_init(&text, 4096);
    ck_assert(format_printf(SV("%3d %d"), args, 2, &text, &err));
    ck_assert(sv_is(secret_buf_view(&text), "[  1 %!d(string=  b) <nil>] map[%!d(string=k):7]"));
    buf_clear(&text.bytes);
    ck_assert(format_printf(SV("%#v %#v"), args, 2, &text, &err));
    ck_assert(sv_is(secret_buf_view(&text), "[]interface {}{1, \"b\", interface {}(nil)} "
                                            "map[string]interface {}{\"k\":7}"));
}
END_TEST

START_TEST(refuses_to_print_an_address)
{
    struct err err = {0};
    struct value_list list = {0};
    struct value arg = {.kind = VALUE_LIST, .list = &list};
    CLEANUP(secret_buf_done) struct secret_buf text = {0};
    secret_buf_init(&text, 4096);
    ck_assert(!format_printf(SV("%p"), &arg, 1, &text, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
}
END_TEST

START_TEST(separates_operands_that_are_no_strings)
{
    const struct value args[] = {INT(1), INT(2), TEXT("a"), TEXT("b"), INT(3), NIL};
    CLEANUP(secret_buf_done) struct secret_buf text = {0};
    secret_buf_init(&text, 4096);
    format_print(args, ARRAY_LEN(args), &text);
    ck_assert(sv_is(secret_buf_view(&text), "1 2ab3 <nil>"));
    buf_clear(&text.bytes);
    format_println(args, ARRAY_LEN(args), &text);
    ck_assert(sv_is(secret_buf_view(&text), "1 2 a b 3 <nil>\n"));
}
END_TEST

START_TEST(goes_only_so_deep)
{
    struct err err = {0};
    struct value_list list = {.count = 1};
    struct value self = {.kind = VALUE_LIST, .list = &list};
    list.items = &self;
    CLEANUP(secret_buf_done) struct secret_buf text = {0};
    secret_buf_init(&text, 4096);
    ck_assert(format_printf(SV("%d"), &self, 1, &text, &err));
    ck_assert(!secret_buf_check(&text, "the text", &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

START_TEST(a_width_is_bounded)
{
    struct err err = {0};
    const struct value arg = INT(1);
    CLEANUP(secret_buf_done) struct secret_buf text = {0};
    secret_buf_init(&text, LIMIT_TEMPLATE_BYTES);
    ck_assert(format_printf(SV("%99999999d"), &arg, 1, &text, &err));
    ck_assert(sv_is(secret_buf_view(&text), "%!(NOVERB)%!(EXTRA int=1)"));
}
END_TEST

Suite *suite(void)
{
    Suite *format = suite_create("template_format");
    TCase *tcase = tcase_create("format");
    tcase_add_loop_test(tcase, prints_as_go_does, 0, (int)ARRAY_LEN(cases));
    tcase_add_test(tcase, a_verb_holds_for_each_element);
    tcase_add_test(tcase, refuses_to_print_an_address);
    tcase_add_test(tcase, separates_operands_that_are_no_strings);
    tcase_add_test(tcase, goes_only_so_deep);
    tcase_add_test(tcase, a_width_is_bounded);
    suite_add_tcase(format, tcase);
    return format;
}
