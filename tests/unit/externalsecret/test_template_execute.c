/* SPDX-License-Identifier: Apache-2.0 */
#include "base/encode.h"
#include "base/json.h"
#include "base/limits.h"
#include "check_main.h"
#include "externalsecret/template/template.h"

static void put(struct data_map *data, struct str_view key, struct str_view text)
{
    struct secret_buf value = {0};
    secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES);
    secret_buf_add(&value, text);
    data_map_put(data, key, &value);
}

/* Parses what is no mistake, and renders it. */
static bool render(const char *text, const struct data_map *data, struct secret_buf *ret,
                   struct err *err)
{
    struct template *template = NULL;
    enum template_verdict verdict = template_parse(sv_of(text), &template, err);
    ck_assert_msg(verdict == TEMPLATE_FINE, "%s: %s", text, err->message);
    bool rendered = template_render(template, data, NULL, ret, err);
    template_free(template);
    return rendered;
}

static struct str_view wanted_result(const struct json *row, struct buf *bytes)
{
    const struct json *base64 = json_member(row, "base64");
    struct err err = {0};
    if (!base64) {
        return json_string(json_member(row, "result"));
    }
    ck_assert(decode_base64(bytes, json_string(base64), &err));
    return buf_view(bytes);
}

static void check_row(const struct json *row, const struct data_map *data)
{
    struct str_view text = json_string(json_member(row, "text"));
    struct str_view wanted = json_string(json_member(row, "verdict"));
    struct template *template = NULL;
    struct err err = {0};
    enum template_verdict verdict = template_parse(text, &template, &err);
    ck_assert_msg((verdict == TEMPLATE_BROKEN) == sv_is(wanted, "parse error") &&
                      (verdict == TEMPLATE_FOREIGN) == sv_is(wanted, "foreign"),
                  "%.*s: %d %s", SV_ARG(text), (int)verdict, err.message);
    if (verdict != TEMPLATE_FINE) {
        return;
    }
    CLEANUP(secret_buf_done) struct secret_buf result = {0};
    CLEANUP(buf_done) struct buf bytes = {0};
    secret_buf_init(&result, LIMIT_SECRET_DATA_BYTES);
    buf_init(&bytes, LIMIT_SECRET_DATA_BYTES);
    bool rendered = template_render(template, data, NULL, &result, &err);
    ck_assert_msg(rendered != sv_is(wanted, "error"), "%.*s: %s", SV_ARG(text), err.message);
    ck_assert_msg(!rendered || sv_equal(secret_buf_view(&result), wanted_result(row, &bytes)),
                  "%.*s: %.*s", SV_ARG(text), SV_ARG(secret_buf_view(&result)));
    template_free(template);
}

START_TEST(renders_as_the_external_secrets_operator_does)
{
    size_t len = 0;
    CLEANUP(mem_free_ptr) char *text = test_data("externalsecret/vectors/template.json", &len);
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    CLEANUP(data_map_done) struct data_map data = {0};
    const struct json_limits limits = {.max_nodes = 100000, .max_depth = 16};
    const struct json *root = NULL;
    struct err err = {0};
    ck_assert_msg(json_parse(&doc, text, len, &limits, &root, &err), "%s", err.message);
    JSON_FOR_EACH (entry, json_member(root, "data")) {
        put(&data, json_key(entry), json_string(entry));
    }
    size_t count = 0;
    JSON_FOR_EACH (row, json_member(root, "vectors")) {
        check_row(row, &data);
        count++;
    }
    ck_assert_uint_ge(count, 200);
}
END_TEST

static const struct {
    const char *text;
    const char *message;
} failures[] = {
    {"a\n {{ .missing }}", "line 2, column 5: the map has no such key"},
    {"{{ .a.b }}", "line 1, column 4: no fields has a value of type string"},
    {"{{ index .a \"hunter2\" }}", "line 1, column 4: index: an index of type string"},
    {"{{ len }}", "line 1, column 4: len: wrong number of arguments, 0"},
    {"{{ template \"hunter2\" }}", "line 1, column 4: a template that is not defined"},
    {"{{ lt .a 1 }}", "line 1, column 4: lt: cannot compare string with int"},
    {"{{ range .a }}{{ end }}", "line 1, column 4: range cannot go over a string"},
    {"{{ .a | .a }}", "line 1, column 9: arguments for something that is no function"},
    {"{{ 9223372036854775808 }}", "line 1, column 4: an integer that is too large"},
};

START_TEST(says_where_and_why_it_fails_and_no_value)
{
    CLEANUP(data_map_done) struct data_map data = {0};
    CLEANUP(secret_buf_done) struct secret_buf result = {0};
    struct err err = {0};
    put(&data, SV("a"), SV("hunter2"));
    secret_buf_init(&result, LIMIT_SECRET_DATA_BYTES);
    ck_assert(!render(failures[_i].text, &data, &result, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_str_eq(err.message, failures[_i].message);
}
END_TEST

/* None of these ends, or fits, in Go's own time and memory. */
static const char *const endless[] = {
    "{{ range 1000000000 }}{{ end }}",
    "{{ range 2000 }}{{ range 2000 }}{{ end }}{{ end }}",
    "{{ define \"t\" }}{{ template \"t\" }}{{ end }}{{ template \"t\" }}",
    "{{ define \"t\" }}{{ template \"t\" . }}{{ template \"t\" . }}{{ end }}{{ template \"t\" . }}",
    "{{ $x := \"aaaaaaaaaaaaaaaa\" }}{{ range 100 }}{{ $x = print $x $x }}{{ end }}",
    "{{ range 1000 }}{{ printf \"%999999d\" 1 }}{{ end }}",
    "{{ range 100 }}{{ $.big }}{{ end }}",
};

START_TEST(always_ends)
{
    CLEANUP(data_map_done) struct data_map data = {0};
    CLEANUP(secret_buf_done) struct secret_buf result = {0};
    CLEANUP(mem_free_ptr) char *big = mem_alloc(LIMIT_AWS_VALUE_BYTES);
    struct err err = {0};
    put(&data, SV("big"), sv_make(big, LIMIT_AWS_VALUE_BYTES));
    secret_buf_init(&result, LIMIT_SECRET_DATA_BYTES);
    ck_assert(!render(endless[_i], &data, &result, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

START_TEST(a_long_chain_of_else_if_takes_no_stack)
{
    CLEANUP(buf_done) struct buf text = {0};
    CLEANUP(secret_buf_done) struct secret_buf result = {0};
    struct data_map data = {0};
    struct err err = {0};
    buf_init(&text, LIMIT_TEMPLATE_TEXT);
    buf_add_str(&text, "{{if 0}}");
    for (size_t i = 0; i < 15000; i++) {
        buf_add_str(&text, "{{else if 0}}");
    }
    buf_add_str(&text, "{{else}}last{{end}}");
    secret_buf_init(&result, LIMIT_SECRET_DATA_BYTES);
    ck_assert_msg(render(text.data, &data, &result, &err), "%s", err.message);
    ck_assert(sv_is(secret_buf_view(&result), "last"));
}
END_TEST

static const struct {
    const char *text;
    const char *result;
} keys[] = {
    {"p_{{ .value }}", "p_k"},
    {"{{ .other }}", "<no value>"},
    {"{{ .other.more }}", "<no value>"},
    {"{{ if .other }}x{{ else }}y{{ end }}", "y"},
};

START_TEST(a_key_is_rendered_with_missing_ones_allowed)
{
    CLEANUP(secret_buf_done) struct secret_buf result = {0};
    struct err err = {0};
    struct template *template = NULL;
    secret_buf_init(&result, LIMIT_SECRET_DATA_BYTES);
    ck_assert_int_eq(template_parse(sv_of(keys[_i].text), &template, &err), TEMPLATE_FINE);
    ck_assert_msg(template_render_key(template, SV("k"), NULL, &result, &err), "%s", err.message);
    ck_assert(sv_is(secret_buf_view(&result), keys[_i].result));
    template_free(template);
}
END_TEST

Suite *suite(void)
{
    Suite *execute = suite_create("template_execute");
    TCase *tcase = tcase_create("execute");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, renders_as_the_external_secrets_operator_does);
    tcase_add_loop_test(tcase, says_where_and_why_it_fails_and_no_value, 0,
                        (int)ARRAY_LEN(failures));
    tcase_add_loop_test(tcase, always_ends, 0, (int)ARRAY_LEN(endless));
    tcase_add_test(tcase, a_long_chain_of_else_if_takes_no_stack);
    tcase_add_loop_test(tcase, a_key_is_rendered_with_missing_ones_allowed, 0,
                        (int)ARRAY_LEN(keys));
    suite_add_tcase(execute, tcase);
    return execute;
}
