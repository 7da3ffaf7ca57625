/* SPDX-License-Identifier: Apache-2.0 */
#include "base/yaml.h"

#include "check_main.h"

static const struct json_limits limits = {.max_nodes = 1000, .max_depth = 16};

static struct yaml_doc doc;
static const struct json *root;
static struct err err;

static void setup(void)
{
    doc = (struct yaml_doc){0};
    root = NULL;
    err = (struct err){0};
}

static void teardown(void)
{
    yaml_doc_done(&doc);
}

static bool parse(const char *text)
{
    return yaml_parse(&doc, sv_of(text), &limits, &root, &err);
}

static const struct {
    const char *plain;
    enum json_type type;
    const char *text;
} scalars[] = {
    {"~", JSON_NULL, ""},
    {"null", JSON_NULL, ""},
    {"NULL", JSON_NULL, ""},
    {"nUll", JSON_STRING, "nUll"},
    {"true", JSON_TRUE, ""},
    {"TRUE", JSON_TRUE, ""},
    {"False", JSON_FALSE, ""},
    {"yes", JSON_STRING, "yes"},
    {"off", JSON_STRING, "off"},
    {"y", JSON_STRING, "y"},
    {"0", JSON_NUMBER, "0"},
    {"-0", JSON_NUMBER, "-0"},
    {"+12", JSON_NUMBER, "12"},
    {"-12", JSON_NUMBER, "-12"},
    {"123456789012345678901234567890", JSON_NUMBER, "123456789012345678901234567890"},
    {"0x1F", JSON_NUMBER, "31"},
    {"0xffffffffffffffff", JSON_NUMBER, "18446744073709551615"},
    {"0o17", JSON_NUMBER, "15"},
    {"0o18", JSON_STRING, "0o18"},
    {"0x", JSON_STRING, "0x"},
    {"0xg", JSON_STRING, "0xg"},
    {"-0x1", JSON_STRING, "-0x1"},
    {"1_000", JSON_STRING, "1_000"},
    {"1.10", JSON_NUMBER, "1.10"},
    {".5", JSON_NUMBER, "0.5"},
    {"-.5", JSON_NUMBER, "-0.5"},
    {"5.", JSON_NUMBER, "5"},
    {"00.5", JSON_NUMBER, "0.5"},
    {"1e3", JSON_NUMBER, "1e3"},
    {"1E+3", JSON_NUMBER, "1e+3"},
    {"+1.e-3", JSON_NUMBER, "1e-3"},
    {"1e", JSON_STRING, "1e"},
    {"e1", JSON_STRING, "e1"},
    {".", JSON_STRING, "."},
    {"-", JSON_STRING, NULL}, /* a sequence with one null */
    {"1.2.3", JSON_STRING, "1.2.3"},
    {"12:30:45", JSON_STRING, "12:30:45"},
    {"2026-11-23", JSON_STRING, "2026-11-23"},
    {"'12'", JSON_STRING, "12"},
    {"\"true\"", JSON_STRING, "true"},
    {"''", JSON_STRING, ""},
    {"|\n  12", JSON_STRING, "12"},
    {">-\n  a\n  b", JSON_STRING, "a b"},
    {"!!str 12", JSON_STRING, "12"},
    {"! 12", JSON_STRING, "12"},
    {"!!int '12'", JSON_NUMBER, "12"},
    {"!!float 12", JSON_NUMBER, "12"},
    {"!!bool true", JSON_TRUE, ""},
    {"!!null ''", JSON_NULL, ""},
    {"\"\\u00e9\\L\\x41\"", JSON_STRING,
     "\xc3\xa9\xe2\x80\xa8"
     "A"},
};

START_TEST(resolves_scalars_by_core_schema)
{
    ck_assert_msg(parse(scalars[_i].plain), "%s: %s", scalars[_i].plain, err.message);
    if (!scalars[_i].text) {
        ck_assert_int_eq(root->type, JSON_ARRAY);
        ck_assert_int_eq(json_first(root)->type, JSON_NULL);
        return;
    }
    ck_assert_msg(root->type == scalars[_i].type, "%s: type %d", scalars[_i].plain, root->type);
    if (root->type == JSON_STRING || root->type == JSON_NUMBER) {
        struct str_view text = sv_make(root->text, root->len);
        ck_assert_msg(sv_is(text, scalars[_i].text), "%s: %.*s", scalars[_i].plain, SV_ARG(text));
    }
}
END_TEST

START_TEST(keeps_nul_inside_a_string)
{
    ck_assert_msg(parse("a: \"x\\0y\""), "%s", err.message);
    struct str_view text = json_string(json_member(root, "a"));
    ck_assert_uint_eq(text.len, 3);
    ck_assert_int_eq(memcmp(text.data, "x\0y", 3), 0);
}
END_TEST

START_TEST(builds_the_tree_json_would_build)
{
    ck_assert_msg(parse("# policy\n"
                        "apiVersion: keyturn.io/v1\n"
                        "defaults: {mode: enforce, count: 3}\n"
                        "namespaces:\n"
                        "- match: {names: [\"payments-*\", b]}\n"
                        "  onMissing: deny\n"
                        "- {}\n"
                        "empty:\n"
                        "text: |\n"
                        "  two\n"
                        "  lines\n"),
                  "%s", err.message);
    char json[] =
        "{\"apiVersion\":\"keyturn.io/v1\",\"defaults\":{\"mode\":\"enforce\",\"count\":3},"
        "\"namespaces\":[{\"match\":{\"names\":[\"payments-*\",\"b\"]},"
        "\"onMissing\":\"deny\"},{}],\"empty\":null,\"text\":\"two\\nlines\\n\"}";
    struct json_doc other = {0};
    const struct json *expected = NULL;
    ck_assert(json_parse(&other, json, strlen(json), &limits, &expected, &err));
    ck_assert(json_equal(root, expected));
    json_doc_done(&other);
}
END_TEST

START_TEST(reads_json)
{
    ck_assert_msg(parse("{\"a\": [1, 2.5, \"x\\n\\u00e9\", null, true], \"b\": {}}"), "%s",
                  err.message);
    ck_assert_uint_eq(json_member(root, "a")->len, 5);
    ck_assert(json_string_is(json_member(root, "a")->child->next->next, "x\n\xc3\xa9"));
    ck_assert_uint_eq(json_member(root, "b")->len, 0);
}
END_TEST

START_TEST(key_keeps_its_text)
{
    ck_assert_msg(parse("1: a\ntrue: b\n~: c\n0x1: d\n'quoted': e"), "%s", err.message);
    ck_assert(json_string_is(json_member(root, "1"), "a"));
    ck_assert(json_string_is(json_member(root, "true"), "b"));
    ck_assert(json_string_is(json_member(root, "~"), "c"));
    ck_assert(json_string_is(json_member(root, "0x1"), "d"));
    ck_assert(json_string_is(json_member(root, "quoted"), "e"));
}
END_TEST

static const char *const empties[] = {"", "\n\n", "# only words\n", "---\n", "---\n...\n"};

START_TEST(empty_document_is_null)
{
    ck_assert_msg(parse(empties[_i]), "%s", err.message);
    ck_assert_int_eq(root->type, JSON_NULL);
}
END_TEST

static const struct {
    const char *text;
    const char *where; /* the message begins with it */
    const char *why;   /* and contains this */
    enum err_kind kind;
} refused[] = {
    {"a: &x 1\nb: 2", "line 1, column 4: ", "anchor", ERR_INVALID},
    {"a: &x {}\n", "line 1, column 4: ", "anchor", ERR_INVALID},
    {"a: 1\nb: &y\n- 1\n", "line 2, column 4: ", "anchor", ERR_INVALID},
    {"a: 1\nb: *x", "line 2, column 4: ", "alias", ERR_INVALID},
    {"a: 1\n<<: *x", "line 2, column 5: ", "alias", ERR_INVALID},
    {"a: !!binary aGk=", "line 1, column 4: ", "tag", ERR_INVALID},
    {"a: !mine 1", "line 1, column 4: ", "tag", ERR_INVALID},
    {"a: !!int x", "line 1, column 4: ", "tag", ERR_INVALID},
    {"a: !!int 1.5", "line 1, column 4: ", "tag", ERR_INVALID},
    {"a: !!bool 1", "line 1, column 4: ", "tag", ERR_INVALID},
    {"a: !!set {}", "line 1, column 4: ", "tag", ERR_INVALID},
    {"!!int a: 1", "line 1, column 1: ", "tag", ERR_INVALID},
    {"%TAG ! tag:x,1:\n---\na: 1", "line 1, column 1: ", "TAG", ERR_INVALID},
    {"a: 1\nb: 2\na: 3", "line 3: ", "\"a\" a second time (line 1)", ERR_INVALID},
    {"x:\n  1: a\n  '1': b", "line 3: ", "\"1\" a second time (line 2)", ERR_INVALID},
    {"{a: 1}: b", "line 1, column 1: ", "key", ERR_INVALID},
    {"? [1]\n: b", "line 1, column 3: ", "key", ERR_INVALID},
    {"a: 1\n---\nb: 2", "line 2, column 1: ", "second document", ERR_INVALID},
    {"a: 0123", "line 1, column 4: ", "leading zeros", ERR_INVALID},
    {"a: -01", "line 1, column 4: ", "leading zeros", ERR_INVALID},
    {"a: .inf", "line 1, column 4: ", "infinity", ERR_INVALID},
    {"a: .NaN", "line 1, column 4: ", "NaN", ERR_INVALID},
    {"a: 0x10000000000000000", "line 1, column 4: ", "64 bits", ERR_INVALID},
    {"a: [1, 2", "line 2, column 1: ", "", ERR_INVALID},
    {"a: b\n c: d", "line 2, column 3: ", "", ERR_INVALID},
    {"a:\n\t- b", "line 2, column 1: ", "", ERR_INVALID},
    {"a: \"\\q\"", "line 1, column ", "", ERR_INVALID},
    {"a: 1\nb: \x01", "line 2, column 4: ", "control", ERR_INVALID},
    {"a: 1\nb: \xff", "line 2, column 4: ", "UTF-8", ERR_INVALID},
    {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "line 1, column 17: ", "deeper", ERR_TOO_BIG},
};

START_TEST(refuses_and_says_where)
{
    ck_assert_msg(!parse(refused[_i].text), "%s", refused[_i].text);
    ck_assert_msg(err.kind == refused[_i].kind, "%s: %s", refused[_i].text, err.message);
    ck_assert_msg(strncmp(err.message, refused[_i].where, strlen(refused[_i].where)) == 0, "%s: %s",
                  refused[_i].text, err.message);
    ck_assert_msg(strstr(err.message, refused[_i].why) != NULL, "%s: %s", refused[_i].text,
                  err.message);
}
END_TEST

START_TEST(shows_no_value_in_a_message)
{
    ck_assert(!parse("token: !!int planted-value\n"));
    ck_assert_ptr_null(strstr(err.message, "planted"));
    yaml_doc_done(&doc);
    ck_assert(!parse("token: \"planted-value\n"));
    ck_assert_ptr_null(strstr(err.message, "planted"));
}
END_TEST

START_TEST(refuses_nul_byte)
{
    static const char text[] = "a: b\0c";
    ck_assert(!yaml_parse(&doc, sv_make(text, sizeof text - 1), &limits, &root, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
}
END_TEST

START_TEST(refuses_utf16)
{
    static const char text[] = "\xff\xfe"
                               "a\0:\0 \0b\0";
    ck_assert(!yaml_parse(&doc, sv_make(text, sizeof text - 1), &limits, &root, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
}
END_TEST

START_TEST(accepts_exactly_the_limits)
{
    struct json_limits tight = {.max_nodes = 4, .max_depth = 2};
    ck_assert_msg(yaml_parse(&doc, SV("a: [1, 2]"), &tight, &root, &err), "%s", err.message);
    ck_assert_uint_eq(doc.nodes.nodes, 4);
    yaml_doc_done(&doc);
    tight.max_nodes = 3;
    ck_assert(!yaml_parse(&doc, SV("a: [1, 2]"), &tight, &root, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    yaml_doc_done(&doc);
    tight = (struct json_limits){.max_nodes = 4, .max_depth = 1};
    ck_assert(!yaml_parse(&doc, SV("a: [1, 2]"), &tight, &root, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

START_TEST(refuses_text_over_ceiling)
{
    char *text = mem_alloc(YAML_MAX_BYTES + 1);
    memset(text, ' ', YAML_MAX_BYTES + 1);
    ck_assert(!yaml_parse(&doc, sv_make(text, YAML_MAX_BYTES + 1), &limits, &root, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    yaml_doc_done(&doc);
    ck_assert_msg(yaml_parse(&doc, sv_make(text, YAML_MAX_BYTES), &limits, &root, &err), "%s",
                  err.message);
    free(text);
}
END_TEST

START_TEST(takes_nodes_from_the_budget_and_gives_them_back)
{
    struct budget budget;
    const struct json_limits shared = {.max_nodes = 1000, .max_depth = 16, .budget = &budget};
    budget_init(&budget, 1 << 20);
    ck_assert(yaml_parse(&doc, SV("a: 1"), &shared, &root, &err));
    ck_assert_uint_gt(budget_used(&budget), 0);
    yaml_doc_done(&doc);
    ck_assert_uint_eq(budget_used(&budget), 0);
    budget_init(&budget, 8);
    ck_assert(!yaml_parse(&doc, SV("a: 1"), &shared, &root, &err));
    ck_assert_int_eq(err.kind, ERR_BUSY);
}
END_TEST

START_TEST(tells_where_a_node_begins)
{
    uint32_t line = 0;
    uint32_t column = 0;
    struct json stranger = {0};
    ck_assert(parse("a: 1\nlist:\n- x\n-   y: z\n"));
    const struct json *list = json_member(root, "list");
    ck_assert(yaml_where(&doc, list, &line, &column));
    ck_assert_uint_eq(line, 2);
    ck_assert_uint_eq(column, 1);
    ck_assert(yaml_where(&doc, list->child->next->child, &line, &column));
    ck_assert_uint_eq(line, 4);
    ck_assert_uint_eq(column, 5);
    ck_assert(yaml_where(&doc, list->child, &line, &column));
    ck_assert_uint_eq(line, 3);
    ck_assert_uint_eq(column, 3);
    ck_assert(!yaml_where(&doc, &stranger, &line, &column));
}
END_TEST

START_TEST(needs_the_text_only_while_reading)
{
    char text[] = "name: value";
    ck_assert(yaml_parse(&doc, sv_of(text), &limits, &root, &err));
    ck_assert_str_eq(text, "name: value");
    memset(text, 'x', sizeof text - 1);
    ck_assert(json_string_is(json_member(root, "name"), "value"));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("base/yaml");
    TCase *t = tcase_create("yaml");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, resolves_scalars_by_core_schema, 0, ARRAY_LEN(scalars));
    tcase_add_test(t, keeps_nul_inside_a_string);
    tcase_add_test(t, builds_the_tree_json_would_build);
    tcase_add_test(t, reads_json);
    tcase_add_test(t, key_keeps_its_text);
    tcase_add_loop_test(t, empty_document_is_null, 0, ARRAY_LEN(empties));
    tcase_add_loop_test(t, refuses_and_says_where, 0, ARRAY_LEN(refused));
    tcase_add_test(t, shows_no_value_in_a_message);
    tcase_add_test(t, refuses_nul_byte);
    tcase_add_test(t, refuses_utf16);
    tcase_add_test(t, accepts_exactly_the_limits);
    tcase_add_test(t, refuses_text_over_ceiling);
    tcase_add_test(t, takes_nodes_from_the_budget_and_gives_them_back);
    tcase_add_test(t, tells_where_a_node_begins);
    tcase_add_test(t, needs_the_text_only_while_reading);
    suite_add_tcase(s, t);
    return s;
}
