/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/limits.h"
#include "check_main.h"
#include "externalsecret/template/functions.h"
#include "externalsecret/template/json_read.h"

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

static struct value decoded(struct str_view json)
{
    struct value value = {0};
    bool valid = false;
    ck_assert_msg(json_read(arena, json, &value, &valid, &err), "%s", err.message);
    ck_assert(valid);
    return value;
}

static bool written(struct value value, struct str_view *ret)
{
    struct value text = {0};
    *ret = (struct str_view){0};
    if (!template_function_find(SV("toYaml"))->call(arena, &value, 1, &text, &err)) {
        return false;
    }
    *ret = text.text;
    return true;
}

static void check_value(struct value value, struct str_view wanted)
{
    struct str_view got = {0};
    ck_assert_msg(written(value, &got), "%s", err.message);
    ck_assert_msg(sv_equal(got, wanted), "wrote <%.*s> instead of <%.*s>", SV_ARG(got),
                  SV_ARG(wanted));
}

static void check_json(const char *json, const char *wanted)
{
    check_value(decoded(sv_of(json)), sv_of(wanted));
}

static void check_refused(const char *json, enum err_kind kind)
{
    struct str_view got = {0};
    ck_assert_msg(!written(decoded(sv_of(json)), &got), "%s", json);
    ck_assert_int_eq(err.kind, kind);
}

/* Recorded from the operator's own toYaml (0.16.2) behind fromJson. */
START_TEST(agrees_with_the_operator)
{
    size_t len = 0;
    CLEANUP(mem_free_ptr) char *data = test_data("externalsecret/vectors/to_yaml.json", &len);
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json_limits limits = {.max_nodes = 10000, .max_depth = 8};
    const struct json *root = NULL;
    ck_assert_msg(json_parse(&doc, data, len, &limits, &root, &err), "%s", err.message);
    size_t checked = 0;
    JSON_FOR_EACH (row, root) {
        check_value(decoded(json_string(json_member(row, "json"))),
                    json_string(json_member(row, "yaml")));
        template_arena_free(arena);
        arena = template_arena_new(NULL);
        checked++;
    }
    ck_assert_uint_ge(checked, 300);
}
END_TEST

START_TEST(quotes_what_would_read_as_something_else)
{
    check_json("[\"yes\",\"no\",\"null\",\"0x1F\",\"1_000\",\"1e3\",\"2001-1-1\",\"1:20\",\"\"]",
               "- \"yes\"\n- \"no\"\n- \"null\"\n- \"0x1F\"\n- \"1_000\"\n- \"1e3\"\n"
               "- \"2001-1-1\"\n- \"1:20\"\n- \"\"");
    check_json("[\"Yess\",\"0x\",\"1e400\",\"2001-13-1\",\"1:60\"]",
               "- Yess\n- 0x\n- 1e400\n- 2001-13-1\n- 1:60");
}
END_TEST

START_TEST(writes_lines_as_a_block)
{
    check_json("{\"a\":\"x\\ny\",\"b\":\"x\\n\",\"c\":\"x\\n\\n\",\"d\":\" x\\n\"}",
               "a: |-\n  x\n  y\nb: |\n  x\nc: |+\n  x\n\nd: |2\n   x");
    check_json("\"a \\nb\"", "\"a \\nb\"");
}
END_TEST

START_TEST(sorts_keys_by_the_numbers_in_them)
{
    check_json("{\"a10\":1,\"a9\":2,\"b\":3,\"B\":4,\"_\":5}", "_: 5\nB: 4\na9: 2\na10: 1\nb: 3");
}
END_TEST

/* 9 < 12 < 1a < 9: what Go answers depends on the order of its hash table. */
START_TEST(refuses_keys_of_no_certain_order)
{
    check_refused("{\"9\":1,\"12\":2,\"1a\":3}", ERR_INVALID);
}
END_TEST

START_TEST(refuses_what_yaml_reads_as_the_end_of_a_line)
{
    check_refused("[\"hunter2\\u0085\"]", ERR_INVALID);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    check_refused("{\"hunter2\\u0085\":1}", ERR_INVALID);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
}
END_TEST

START_TEST(writes_integers_and_floats)
{
    check_value(value_int(-7), SV("-7"));
    check_value(value_int64(INT64_MIN), SV("-9223372036854775808"));
    check_value(value_int64(INT64_MAX), SV("9223372036854775807"));
    check_value(value_float(1e6), SV("1000000"));
    check_value(value_float(1e20), SV("1e+20"));
    check_value(value_float(-0.0), SV("0"));
    check_value(value_float(1e-7), SV("1e-07"));
    check_value(value_float(INFINITY), SV(""));
    check_value(value_float(NAN), SV(""));
}
END_TEST

START_TEST(writes_nothing_as_null)
{
    struct value list = {0};
    check_value((struct value){.kind = VALUE_ABSENT}, SV("null"));
    check_value(value_nil(), SV("null"));
    ck_assert(value_list_make(arena, 0, &list, &err));
    check_value(list, SV("[]"));
    list.list->is_nil = true;
    check_value(list, SV("null"));
}
END_TEST

START_TEST(replaces_bytes_that_are_no_utf8)
{
    struct value dict = {0};
    check_value(value_text(SV("a\xff")), SV("a\xef\xbf\xbd"));
    ck_assert(value_dict_make(arena, VALUE_STRING_DICT, 0, &dict, &err));
    ck_assert(value_dict_put(arena, dict.dict, SV("\xfe"), value_text(SV("1st")), &err));
    ck_assert(value_dict_put(arena, dict.dict, SV("\xff"), value_text(SV("2nd")), &err));
    check_value(dict, SV("\xef\xbf\xbd: 2nd"));
}
END_TEST

START_TEST(a_map_within_itself_is_too_deep)
{
    struct value dict = {0};
    struct str_view got = {0};
    ck_assert(value_dict_make(arena, VALUE_DICT, 0, &dict, &err));
    ck_assert(value_dict_put(arena, dict.dict, SV("a"), dict, &err));
    ck_assert(!written(dict, &got));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

/* Each pair of keys with digits is compared: the steps of a run bound that. */
START_TEST(stops_at_the_steps_of_a_run)
{
    struct value dict = {0};
    struct str_view got = {0};
    ck_assert(value_dict_make(arena, VALUE_DICT, 2000, &dict, &err));
    for (int i = 0; i < 2000; i++) {
        char name[32];
        struct str_view key = {0};
        int len = snprintf(name, sizeof name, "k%d", i);
        ck_assert(template_arena_text(arena, sv_make(name, (size_t)len), &key, &err));
        ck_assert(value_dict_put(arena, dict.dict, key, value_nil(), &err));
    }
    ck_assert(!written(dict, &got));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

static bool read_yaml(const char *text, struct value *ret)
{
    struct value argument = value_text(sv_of(text));
    return template_function_find(SV("fromYaml"))->call(arena, &argument, 1, ret, &err);
}

static void check_read(struct str_view yaml, struct str_view wanted)
{
    struct value argument = value_text(yaml);
    struct value value = {0};
    struct value json = {0};
    ck_assert_msg(template_function_find(SV("fromYaml"))->call(arena, &argument, 1, &value, &err),
                  "%.*s: %s", SV_ARG(yaml), err.message);
    ck_assert_int_eq(value.kind, VALUE_DICT);
    ck_assert(template_function_find(SV("toJson"))->call(arena, &value, 1, &json, &err));
    ck_assert_msg(sv_equal(json.text, wanted), "read <%.*s> instead of <%.*s>", SV_ARG(json.text),
                  SV_ARG(wanted));
}

/* Recorded from the operator's own fromYaml (0.16.2), followed by toJson. */
START_TEST(reads_as_the_operator)
{
    size_t len = 0;
    CLEANUP(mem_free_ptr) char *data = test_data("externalsecret/vectors/from_yaml.json", &len);
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json_limits limits = {.max_nodes = 10000, .max_depth = 8};
    const struct json *root = NULL;
    ck_assert_msg(json_parse(&doc, data, len, &limits, &root, &err), "%s", err.message);
    size_t checked = 0;
    JSON_FOR_EACH (row, root) {
        check_read(json_string(json_member(row, "yaml")), json_string(json_member(row, "json")));
        template_arena_free(arena);
        arena = template_arena_new(NULL);
        checked++;
    }
    ck_assert_uint_ge(checked, 80);
}
END_TEST

START_TEST(every_number_read_is_a_float)
{
    struct value read = {0};
    ck_assert(read_yaml("a: 0x10\nb: 9007199254740993\n", &read));
    const struct value *number = value_dict_get(read.dict, SV("a"));
    ck_assert_int_eq(number->kind, VALUE_FLOAT);
    ck_assert(number->real == 16);
    ck_assert(value_dict_get(read.dict, SV("b"))->real == 9007199254740992);
}
END_TEST

START_TEST(what_is_no_mapping_fails_the_template)
{
    const char *const texts[] = {"hunter2: b: c", "[hunter2]", "hunter2", "a: [hunter2",
                                 "hunter2: .inf"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct value read = {0};
        err = (struct err){0};
        ck_assert_msg(!read_yaml(texts[i], &read), "%s", texts[i]);
        ck_assert_int_eq(err.kind, ERR_INVALID);
        ck_assert_ptr_nonnull(strstr(err.message, "fromYaml"));
        ck_assert_ptr_null(strstr(err.message, "hunter2"));
    }
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("externalsecret/template/yaml");
    TCase *tcase = tcase_create("yaml");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, agrees_with_the_operator);
    tcase_add_test(tcase, quotes_what_would_read_as_something_else);
    tcase_add_test(tcase, writes_lines_as_a_block);
    tcase_add_test(tcase, sorts_keys_by_the_numbers_in_them);
    tcase_add_test(tcase, refuses_keys_of_no_certain_order);
    tcase_add_test(tcase, refuses_what_yaml_reads_as_the_end_of_a_line);
    tcase_add_test(tcase, writes_integers_and_floats);
    tcase_add_test(tcase, writes_nothing_as_null);
    tcase_add_test(tcase, replaces_bytes_that_are_no_utf8);
    tcase_add_test(tcase, a_map_within_itself_is_too_deep);
    tcase_add_test(tcase, stops_at_the_steps_of_a_run);
    tcase_add_test(tcase, reads_as_the_operator);
    tcase_add_test(tcase, every_number_read_is_a_float);
    tcase_add_test(tcase, what_is_no_mapping_fails_the_template);
    suite_add_tcase(suite, tcase);
    return suite;
}
