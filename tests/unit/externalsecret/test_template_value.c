/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/template/value.h"

#include "check_main.h"

#include <math.h>

static struct template_arena *arena;
static struct err err;

static void setup(void)
{
    arena = template_arena_new(NULL);
    err = (struct err){0};
}

static void teardown(void)
{
    template_arena_free(arena);
}

static struct value dict_of(enum value_kind kind)
{
    struct value dict = {0};
    ck_assert(value_dict_make(arena, kind, 0, &dict, &err));
    return dict;
}

static void put(struct value dict, const char *key, struct value value)
{
    ck_assert(value_dict_put(arena, dict.dict, sv_of(key), value, &err));
}

static void assert_prints(struct value value, const char *wanted)
{
    CLEANUP(secret_buf_done) struct secret_buf text = {0};
    secret_buf_init(&text, 4096);
    value_print(&value, &text);
    ck_assert(secret_buf_check(&text, "text", &err));
    ck_assert_str_eq(text.bytes.data, wanted);
}

/* What Go 1.26 prints with fmt.Sprint(). */
static const struct {
    double real;
    const char *text;
} floats[] = {
    {0, "0"},
    {-0.0, "-0"},
    {1, "1"},
    {5432, "5432"},
    {999999, "999999"},
    {1000000, "1e+06"},
    {1234567, "1.234567e+06"},
    {20000000, "2e+07"},
    {-1e21, "-1e+21"},
    {0.0001, "0.0001"},
    {0.00001, "1e-05"},
    {0.1, "0.1"},
    {0.30000000000000004, "0.30000000000000004"},
    {1e100, "1e+100"},
    {5e-324, "5e-324"},
    {1.7976931348623157e308, "1.7976931348623157e+308"},
    {INFINITY, "+Inf"},
    {-INFINITY, "-Inf"},
    {NAN, "NaN"},
};

START_TEST(prints_floats_as_go_does)
{
    assert_prints(value_float(floats[_i].real), floats[_i].text);
}
END_TEST

START_TEST(prints_scalars)
{
    assert_prints((struct value){0}, "<no value>");
    assert_prints(value_nil(), "<nil>");
    assert_prints(value_bool(true), "true");
    assert_prints(value_bool(false), "false");
    assert_prints(value_int(INT64_MIN), "-9223372036854775808");
    assert_prints(value_int64(7), "7");
    assert_prints(value_text(SV("a b")), "a b");
}
END_TEST

START_TEST(prints_maps_sorted_and_lists_with_spaces)
{
    struct value list = {0};
    ck_assert(value_list_make(arena, 2, &list, &err));
    list.list->items[0] = value_float(1);
    list.list->items[1] = value_text(SV("b"));
    assert_prints(list, "[1 b]");

    struct value dict = dict_of(VALUE_DICT);
    assert_prints(dict, "map[]");
    put(dict, "k", value_text(SV("v")));
    put(dict, "a", list);
    put(dict, "B", value_nil());
    assert_prints(dict, "map[B:<nil> a:[1 b] k:v]");
}
END_TEST

/* {{ $_ := set $d "self" $d }} */
START_TEST(ends_at_a_map_that_holds_itself)
{
    struct value dict = dict_of(VALUE_DICT);
    put(dict, "self", dict);
    CLEANUP(secret_buf_done) struct secret_buf text = {0};
    secret_buf_init(&text, SIZE_MAX);
    value_print(&dict, &text);
    ck_assert(!secret_buf_check(&text, "text", &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

START_TEST(keeps_maps_sorted_and_replaces)
{
    struct value dict = dict_of(VALUE_STRING_DICT);
    char keys[100][4];
    for (int i = 0; i < 100; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "k%d", i * 37 % 100);
        put(dict, keys[i], value_int(i));
    }
    put(dict, "k5", value_text(SV("five")));
    ck_assert_uint_eq(dict.dict->count, 100);
    for (size_t i = 1; i < dict.dict->count; i++) {
        ck_assert_int_lt(sv_compare(dict.dict->members[i - 1].key, dict.dict->members[i].key), 0);
    }
    ck_assert(sv_is(value_dict_get(dict.dict, SV("k5"))->text, "five"));
    ck_assert_int_eq(value_dict_get(dict.dict, SV("k37"))->integer, 1);
    ck_assert_ptr_null(value_dict_get(dict.dict, SV("k")));
    ck_assert_ptr_null(value_dict_get(dict.dict, SV("k999")));
}
END_TEST

START_TEST(tells_true_from_false)
{
    struct value list = {0};
    ck_assert(value_list_make(arena, 1, &list, &err));
    struct value empty = {0};
    ck_assert(value_list_make(arena, 0, &empty, &err));
    struct value dict = dict_of(VALUE_DICT);
    const struct value truths[] = {
        value_bool(true), value_int(-1),   value_int64(1), value_float(0.1),
        value_float(NAN), value_float(-1), list,           value_text(SV("0"))};
    const struct value lies[] = {
        (struct value){0}, value_nil(),       value_bool(false),  value_int(0), value_int64(0),
        value_float(0),    value_float(-0.0), value_text(SV("")), empty,        dict};
    for (size_t i = 0; i < ARRAY_LEN(truths); i++) {
        ck_assert_msg(value_is_true(&truths[i]), "%zu", i);
    }
    for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
        ck_assert_msg(!value_is_true(&lies[i]), "%zu", i);
    }
    put(dict, "a", value_nil());
    ck_assert(value_is_true(&dict));
}
END_TEST

START_TEST(names_types_as_go_does)
{
    struct value value = {0};
    ck_assert_str_eq(value_type_name(&value), "<nil>");
    value = value_int64(1);
    ck_assert_str_eq(value_type_name(&value), "int64");
    value = dict_of(VALUE_DICT);
    ck_assert_str_eq(value_type_name(&value), "map[string]interface {}");
}
END_TEST

START_TEST(takes_the_text_of_a_buffer)
{
    CLEANUP(secret_buf_done) struct secret_buf text = {0};
    secret_buf_init(&text, 3);
    secret_buf_add(&text, SV("abc"));
    struct value value = {0};
    ck_assert(value_from_buf(arena, &text, &value, &err));
    ck_assert_int_eq(value.kind, VALUE_STRING);
    ck_assert(sv_is(value.text, "abc"));
    secret_buf_add(&text, SV("d"));
    ck_assert(!value_from_buf(arena, &text, &value, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

START_TEST(refuses_lists_over_the_memory_of_a_run)
{
    struct value value = {0};
    ck_assert(!value_list_make(arena, SIZE_MAX / 8, &value, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert(!value_dict_make(arena, VALUE_DICT, SIZE_MAX / 8, &value, &err));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("externalsecret/template/value");
    TCase *tcase = tcase_create("value");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, prints_floats_as_go_does, 0, (int)ARRAY_LEN(floats));
    tcase_add_test(tcase, prints_scalars);
    tcase_add_test(tcase, prints_maps_sorted_and_lists_with_spaces);
    tcase_add_test(tcase, ends_at_a_map_that_holds_itself);
    tcase_add_test(tcase, keeps_maps_sorted_and_replaces);
    tcase_add_test(tcase, tells_true_from_false);
    tcase_add_test(tcase, names_types_as_go_does);
    tcase_add_test(tcase, takes_the_text_of_a_buffer);
    tcase_add_test(tcase, refuses_lists_over_the_memory_of_a_run);
    suite_add_tcase(suite, tcase);
    return suite;
}
