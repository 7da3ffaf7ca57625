/* SPDX-License-Identifier: Apache-2.0 */
/* Beyond what a text of template.json can ask: operands that only other functions make. */
#include "externalsecret/template/builtins.h"

#include "check_main.h"

static struct template_arena *arena;

static void setup(void)
{
    arena = template_arena_new(NULL);
}

static void teardown(void)
{
    template_arena_free(arena);
}

static const struct template_function *builtin(const char *name)
{
    for (size_t i = 0; i < TEMPLATE_BUILTIN_COUNT; i++) {
        if (strcmp(TEMPLATE_BUILTINS[i].name, name) == 0) {
            return &TEMPLATE_BUILTINS[i];
        }
    }
    ck_abort_msg("no builtin %s", name);
    return NULL;
}

static bool call(const char *name, const struct value *args, size_t count, struct value *ret)
{
    struct err err = {0};
    bool called = builtin(name)->call(arena, args, count, ret, &err);
    ck_assert(called || err.kind == ERR_INVALID);
    return called;
}

START_TEST(index_goes_into_lists_maps_and_strings)
{
    struct value items[] = {value_int(7), value_nil()};
    struct value_list list = {.items = items, .count = 2};
    struct value_member members[] = {{SV_INIT("l"), {.kind = VALUE_LIST, .list = &list}}};
    struct value_dict dict = {.members = members, .count = 1};
    struct value args[] = {
        {.kind = VALUE_DICT, .dict = &dict}, value_text(SV("l")), value_int(0), value_int(0)};
    struct value ret;
    ck_assert(call("index", args, 3, &ret));
    ck_assert(ret.kind == VALUE_INT && ret.integer == 7);
    ck_assert(!call("index", args, 4, &ret));
    args[2] = value_int(1);
    ck_assert(call("index", args, 3, &ret));
    ck_assert_int_eq(ret.kind, VALUE_NIL);
    ck_assert(!call("index", args, 4, &ret));
    args[2] = value_int(2);
    ck_assert(!call("index", args, 3, &ret));
    args[1] = value_text(SV("nope"));
    ck_assert(call("index", args, 2, &ret));
    ck_assert_int_eq(ret.kind, VALUE_NIL);

    const struct value text[] = {value_text(SV("\xff")), value_int64(0)};
    ck_assert(call("index", text, 2, &ret));
    ck_assert(ret.kind == VALUE_UINT8 && ret.integer == 255);
}
END_TEST

START_TEST(len_of_what_has_one)
{
    struct value_list list = {.count = 3};
    const struct value strings = {.kind = VALUE_STRINGS, .list = &list};
    const struct value number = value_int(3);
    struct value ret;
    ck_assert(call("len", &strings, 1, &ret));
    ck_assert(ret.kind == VALUE_INT && ret.integer == 3);
    ck_assert(!call("len", &number, 1, &ret));
}
END_TEST

START_TEST(lists_and_maps_compare_only_with_nil)
{
    struct value_list full = {.count = 0};
    struct value_list none = {.is_nil = true};
    struct value_dict dict = {0};
    struct value list_and_nil[] = {{.kind = VALUE_LIST, .list = &full}, value_nil()};
    struct value list_and_dict[] = {list_and_nil[0], {.kind = VALUE_DICT, .dict = &dict}};
    struct value none_and_nil[] = {{.kind = VALUE_STRINGS, .list = &none}, value_nil()};
    struct value ret;
    ck_assert(call("eq", list_and_nil, 2, &ret) && !ret.boolean);
    ck_assert(call("eq", none_and_nil, 2, &ret) && ret.boolean);
    ck_assert(!call("eq", list_and_dict, 2, &ret));
    list_and_nil[1] = list_and_nil[0];
    ck_assert(!call("eq", list_and_nil, 2, &ret));
}
END_TEST

START_TEST(integers_of_all_widths_compare)
{
    const struct value args[] = {value_int64(5), value_int(5)};
    struct value byte[] = {{.kind = VALUE_UINT8, .integer = 200}, value_int(-1)};
    struct value ret;
    ck_assert(call("eq", args, 2, &ret) && ret.boolean);
    ck_assert(call("gt", byte, 2, &ret) && ret.boolean);
}
END_TEST

START_TEST(nan_is_neither_less_nor_equal)
{
    const struct value args[] = {value_float(0.0 / 0.0), value_float(1)};
    struct value ret;
    ck_assert(call("lt", args, 2, &ret) && !ret.boolean);
    ck_assert(call("le", args, 2, &ret) && !ret.boolean);
    ck_assert(call("gt", args, 2, &ret) && ret.boolean);
    ck_assert(call("ge", args, 2, &ret) && ret.boolean);
    ck_assert(call("eq", args, 2, &ret) && !ret.boolean);
}
END_TEST

static const struct {
    const char *name;
    const char *text;
    const char *escaped;
} escapes[] = {
    {"html", "<a href=\"x\">&'</a>", "&lt;a href=&#34;x&#34;&gt;&amp;&#39;&lt;/a&gt;"},
    {"js", "<a='\"\\&\n\xc3\xa9\xc2\xa0\xff>",
     "\\u003Ca\\u003D\\'\\\"\\\\\\u0026\\u000A\xc3\xa9\\u00A0\xff\\u003E"},
    {"urlquery", "a b/\xc3\xa9~-_.+", "a+b%2F%C3%A9~-_.%2B"},
};

START_TEST(escapes_as_go_does)
{
    const struct value arg = value_text(sv_of(escapes[_i].text));
    struct value ret;
    ck_assert(call(escapes[_i].name, &arg, 1, &ret));
    ck_assert(sv_is(ret.text, escapes[_i].escaped));
}
END_TEST

START_TEST(escapers_see_no_value_in_nil)
{
    const struct value args[] = {value_nil(), value_int(1), value_int(2)};
    struct value ret;
    ck_assert(call("html", args, 3, &ret));
    ck_assert(sv_is(ret.text, "&lt;no value&gt;1 2"));
    ck_assert(call("urlquery", args, 0, &ret));
    ck_assert_uint_eq(ret.text.len, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *builtins = suite_create("template_builtins");
    TCase *tcase = tcase_create("builtins");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, index_goes_into_lists_maps_and_strings);
    tcase_add_test(tcase, len_of_what_has_one);
    tcase_add_test(tcase, lists_and_maps_compare_only_with_nil);
    tcase_add_test(tcase, integers_of_all_widths_compare);
    tcase_add_test(tcase, nan_is_neither_less_nor_equal);
    tcase_add_loop_test(tcase, escapes_as_go_does, 0, (int)ARRAY_LEN(escapes));
    tcase_add_test(tcase, escapers_see_no_value_in_nil);
    suite_add_tcase(builtins, tcase);
    return builtins;
}
