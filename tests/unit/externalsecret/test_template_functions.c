/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/template/functions.h"

#include "base/json.h"
#include "base/limits.h"
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

static struct value value_of(const struct json *node);

static struct value list_of(const struct json *node, enum value_kind kind)
{
    struct value list = {0};
    ck_assert(value_list_make(arena, node->len, &list, &err));
    list.kind = kind;
    size_t at = 0;
    JSON_FOR_EACH (item, node) {
        list.list->items[at++] = value_of(item);
    }
    return list;
}

static struct value nil_list(enum value_kind kind)
{
    struct value list = {0};
    ck_assert(value_list_make(arena, 0, &list, &err));
    list.kind = kind;
    list.list->is_nil = true;
    return list;
}

static struct value dict_of(const struct json *node, enum value_kind kind)
{
    struct value dict = {0};
    ck_assert(value_dict_make(arena, kind, 0, &dict, &err));
    JSON_FOR_EACH (member, node) {
        ck_assert(value_dict_put(arena, dict.dict, json_key(member), value_of(member), &err));
    }
    return dict;
}

static struct value bytes_of(struct str_view hex)
{
    char *bytes = template_arena_take(arena, hex.len / 2 + 1, &err);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < hex.len / 2; i++) {
        char pair[3] = {hex.data[2 * i], hex.data[2 * i + 1], '\0'};
        bytes[i] = (char)strtoul(pair, NULL, 16);
    }
    return value_text(sv_make(bytes, hex.len / 2));
}

/* Types that JSON does not have are objects of one member, named after Go's. */
static struct value typed_of(const struct json *node)
{
    const struct json *content = json_first(node);
    struct str_view type = json_key(content);
    struct str_view text = json_string(content);
    char number[64];
    (void)snprintf(number, sizeof number, "%.*s", SV_ARG(text));
    if (sv_is(type, "int")) {
        return value_int(strtoll(number, NULL, 10));
    }
    if (sv_is(type, "int64")) {
        return value_int64(strtoll(number, NULL, 10));
    }
    if (sv_is(type, "float64")) {
        return value_float(strtod(number, NULL));
    }
    if (sv_is(type, "hex")) {
        return bytes_of(text);
    }
    if (sv_is(type, "strings")) {
        return list_of(content, VALUE_STRINGS);
    }
    if (sv_is(type, "nil")) {
        return nil_list(VALUE_LIST);
    }
    if (sv_is(type, "nilstrings")) {
        return nil_list(VALUE_STRINGS);
    }
    return dict_of(content, sv_is(type, "map") ? VALUE_DICT : VALUE_STRING_DICT);
}

static struct value value_of(const struct json *node)
{
    switch ((enum json_type)node->type) {
    case JSON_TRUE:
    case JSON_FALSE:
        return value_bool(node->type == JSON_TRUE);
    case JSON_STRING:
        return value_text(json_string(node));
    case JSON_ARRAY:
        return list_of(node, VALUE_LIST);
    case JSON_OBJECT:
        return typed_of(node);
    case JSON_NULL:
    case JSON_NUMBER:
        break;
    }
    return value_nil();
}

static bool same(const struct value *a, const struct value *b);

static bool same_lists(const struct value_list *a, const struct value_list *b)
{
    bool equal = a->count == b->count && a->is_nil == b->is_nil;
    for (size_t i = 0; equal && i < a->count; i++) {
        equal = same(&a->items[i], &b->items[i]);
    }
    return equal;
}

static bool same_dicts(const struct value_dict *a, const struct value_dict *b)
{
    bool equal = a->count == b->count;
    for (size_t i = 0; equal && i < a->count; i++) {
        equal = sv_equal(a->members[i].key, b->members[i].key) &&
                same(&a->members[i].value, &b->members[i].value);
    }
    return equal;
}

static bool same(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case VALUE_ABSENT:
    case VALUE_NIL:
        return true;
    case VALUE_BOOL:
        return a->boolean == b->boolean;
    case VALUE_INT:
    case VALUE_INT64:
    case VALUE_UINT8:
        return a->integer == b->integer;
    case VALUE_FLOAT:
        return (isnan(a->real) && isnan(b->real)) ||
               (a->real == b->real && signbit(a->real) == signbit(b->real));
    case VALUE_STRING:
        return sv_equal(a->text, b->text);
    case VALUE_LIST:
    case VALUE_STRINGS:
        return same_lists(a->list, b->list);
    case VALUE_DICT:
    case VALUE_STRING_DICT:
        return same_dicts(a->dict, b->dict);
    }
    return false;
}

static const char *shown(const struct value *value)
{
    CLEANUP(secret_buf_done) struct secret_buf text = {0};
    secret_buf_init(&text, 4096);
    value_print(value, &text);
    buf_printf(&text.bytes, " (%s)", value_type_name(value));
    struct value copy = {0};
    ck_assert(value_from_buf(arena, &text, &copy, &err));
    secret_buf_append(&text, "", 1);
    ck_assert(value_from_buf(arena, &text, &copy, &err));
    return copy.text.data;
}

/* What text/template itself checks before a call. */
static bool called(const struct template_function *function, const struct value *args, size_t count,
                   struct value *ret)
{
    if (count < function->min_args ||
        (function->max_args != TEMPLATE_ANY_COUNT && count > function->max_args)) {
        return false;
    }
    return function->call(arena, args, count, ret, &err);
}

/* {f, args, ret} or {f, args, error}. Returns whether the call is one of ours. */
static bool check_call(const struct json *row)
{
    struct str_view name = json_string(json_member(row, "f"));
    const struct template_function *function = template_function_find(name);
    if (!function) {
        ck_assert_msg(template_function_is_foreign(name), "%.*s is unknown", SV_ARG(name));
        return false;
    }
    struct value args = value_of(json_member(row, "args"));
    struct value got = {0};
    err = (struct err){0};
    bool fine = called(function, args.list->items, args.list->count, &got);
    const struct json *wanted = json_member(row, "ret");
    if (fine != (wanted != NULL)) {
        const char *told = err.message;
        /* What this version refuses rather than guesses. */
        bool refused = !fine && (strstr(told, "not supported") || strstr(told, "type <nil>") ||
                                 strstr(told, "Unicode table") || err.kind == ERR_TOO_BIG);
        ck_assert_msg(refused, "%.*s %s: %s, Go: %.*s", SV_ARG(name), shown(&args),
                      fine ? shown(&got) : told, SV_ARG(json_string(json_member(row, "error"))));
        return true;
    }
    if (wanted) {
        struct value value = value_of(wanted);
        ck_assert_msg(same(&got, &value), "%.*s %s: %s, Go: %s", SV_ARG(name), shown(&args),
                      shown(&got), shown(&value));
    }
    return true;
}

/* Recorded from the operator's own functions (0.16.2), called by text/template. */
START_TEST(agrees_with_the_operator)
{
    size_t len = 0;
    CLEANUP(mem_free_ptr) char *data = test_data("externalsecret/vectors/functions.json", &len);
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json_limits limits = {.max_nodes = 4000000, .max_depth = 64};
    const struct json *root = NULL;
    ck_assert_msg(json_parse(&doc, data, len, &limits, &root, &err), "%s", err.message);
    size_t checked = 0;
    JSON_FOR_EACH (row, root) {
        checked += check_call(row) ? 1 : 0;
        template_arena_free(arena);
        arena = template_arena_new(NULL);
    }
    ck_assert_uint_ge(checked, 300);
}
END_TEST

START_TEST(finds_what_it_has)
{
    ck_assert_ptr_nonnull(template_function_find(SV("toString")));
    ck_assert_ptr_nonnull(template_function_find(SV("add")));
    ck_assert_ptr_nonnull(template_function_find(SV("upper")));
    ck_assert_ptr_null(template_function_find(SV("base64decode")));
    ck_assert_ptr_null(template_function_find(SV("")));
}
END_TEST

START_TEST(tells_what_is_the_operators_from_what_is_nobodys)
{
    const char *const foreign[] = {"pkcs12cert", "rsaDecrypt", "bcrypt", "now",     "randAlphaNum",
                                   "genCA",      "uuidv4",     "ago",    "wrap",    "values",
                                   "filterPEM",  "semver",     "slice",  "htpasswd"};
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
        ck_assert_msg(template_function_is_foreign(sv_of(foreign[i])), "%s", foreign[i]);
        ck_assert_ptr_null(template_function_find(sv_of(foreign[i])));
    }
    ck_assert(!template_function_is_foreign(SV("base64decode")));
    ck_assert(!template_function_is_foreign(SV("env")));
    ck_assert(!template_function_is_foreign(SV("upper")));
}
END_TEST

/* Also not of what `fail` is given. */
START_TEST(says_nothing_of_values)
{
    const struct value secret[] = {value_text(SV("hunter2")), value_text(SV("hunter2")),
                                   value_text(SV("hunter2"))};
    const char *const names[] = {"fail", "trunc", "get", "ternary", "first", "indent", "keys"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct template_function *function = template_function_find(sv_of(names[i]));
        struct value ret = {0};
        size_t count = function->min_args > 1 ? function->min_args : 1;
        ck_assert_msg(!function->call(arena, secret, count, &ret, &err), "%s", names[i]);
        ck_assert_int_eq(err.kind, ERR_INVALID);
        ck_assert_ptr_null(strstr(err.message, "hunter2"));
    }
}
END_TEST

START_TEST(sorts_a_string_list_where_it_stands)
{
    const struct value args[] = {value_text(SV(",")), value_text(SV("c,a,b"))};
    struct value list = {0};
    struct value sorted = {0};
    ck_assert(template_function_find(SV("splitList"))->call(arena, args, 2, &list, &err));
    ck_assert(template_function_find(SV("sortAlpha"))->call(arena, &list, 1, &sorted, &err));
    ck_assert_ptr_eq(list.list->items, sorted.list->items);
    ck_assert(sv_is(list.list->items[0].text, "a"));
}
END_TEST

START_TEST(stops_at_the_limits_of_a_run)
{
    const struct value huge[] = {value_int(INT64_MAX), value_text(SV("x"))};
    const char *const names[] = {"repeat", "indent", "nindent"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct value ret = {0};
        err = (struct err){0};
        const struct template_function *function = template_function_find(sv_of(names[i]));
        ck_assert(!function->call(arena, huge, 2, &ret, &err));
        ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("externalsecret/template/functions");
    TCase *tcase = tcase_create("functions");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, agrees_with_the_operator);
    tcase_add_test(tcase, finds_what_it_has);
    tcase_add_test(tcase, tells_what_is_the_operators_from_what_is_nobodys);
    tcase_add_test(tcase, says_nothing_of_values);
    tcase_add_test(tcase, sorts_a_string_list_where_it_stands);
    tcase_add_test(tcase, stops_at_the_limits_of_a_run);
    suite_add_tcase(suite, tcase);
    return suite;
}
