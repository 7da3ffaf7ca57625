/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/buf.h"
#include "check_main.h"
#include "json_text.h"

static const struct json_limits WIDE = {.max_nodes = 1000000, .max_depth = 100};

struct outcome {
    bool ok;
    struct err err;
    char *text;
    struct json_doc doc;
    const struct json *root;
};

/* Parses an exact-sized copy, so that the sanitizer sees a byte read behind it. */
static struct outcome parse_with(const char *text, size_t len, const struct json_limits *limits)
{
    struct outcome outcome = {.text = malloc(len ? len : 1)};
    ck_assert_ptr_nonnull(outcome.text);
    memcpy(outcome.text, text, len);
    outcome.ok = json_parse(&outcome.doc, outcome.text, len, limits, &outcome.root, &outcome.err);
    return outcome;
}

static struct outcome parse(const char *text)
{
    return parse_with(text, strlen(text), &WIDE);
}

static void done(struct outcome *outcome)
{
    json_doc_done(&outcome->doc);
    free(outcome->text);
}

static const char *const VALID[] = {
    "null",
    "true",
    "false",
    "0",
    "-0",
    "7",
    "-12.5e+3",
    "1E400",
    "0.0",
    "123456789012345678901234567890",
    "\"\"",
    "\"text\"",
    "[]",
    "{}",
    " \t\r\n [ ] \n",
    "[1,2 , 3]",
    "{\"a\":1,\"b\":[{}],\"\":null}",
    "{ \"a\" : { \"a\" : { } } }",
    "\"\\u0000\\u00e4\\ud83d\\udd11\\/\"",
    "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91\xf4\x8f\xbf\xbf\x7f\"",
    "[\"12345678\",\"123456789\",\"1234567\\n\"]",
};

START_TEST(reads_rfc_8259)
{
    CLEANUP(done) struct outcome outcome = parse(VALID[_i]);
    ck_assert_msg(outcome.ok, "%s: %s", VALID[_i], outcome.err.message);
    ck_assert_ptr_nonnull(outcome.root);
}
END_TEST

static const char *const INVALID[] = {
    "",
    " ",
    "nul",
    "nulL",
    "True",
    "nullx",
    "null null",
    "{}{}",
    "{} x",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1",
    "[",
    "]",
    "{",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{,}",
    "{\"a\" 1}",
    "{a:1}",
    "{'a':1}",
    "{1:1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1]",
    "[1}",
    "+1",
    "01",
    "-",
    "-01",
    "1.",
    ".5",
    "1e",
    "1e+",
    "1.e3",
    "0x1",
    "NaN",
    "Infinity",
    "-Infinity",
    "1a",
    "\"",
    "\"abc",
    "\"\\\"",
    "\"\\",
    "\"\\x\"",
    "\"\\u\"",
    "\"\\u12\"",
    "\"\\u12G4\"",
    "\"\\U0041\"",
    "\"a\nb\"",
    "\"a\tb\"",
    "\"a\x1f\"",
    "\"\x01\"",
    /* Lone surrogates. */
    "\"\\ud800\"",
    "\"\\ud800x\"",
    "\"\\ud800\\n\"",
    "\"\\ud800\\ud800\"",
    "\"\\udc00\"",
    "\"\\ud800\\u0041\"",
    "\"\\ud83d\\udd1\"",
    /* Not UTF-8: stray, cut, overlong, surrogate, beyond U+10FFFF. */
    "\"\x80\"",
    "\"\xc3\"",
    "\"\xc3(\"",
    "\"\xc0\xaf\"",
    "\"\xc1\xbf\"",
    "\"\xe0\x9f\xbf\"",
    "\"\xe2\x82\"",
    "\"\xed\xa0\x80\"",
    "\"\xf0\x8f\xbf\xbf\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xf5\x80\x80\x80\"",
    "\"\xff\"",
    "\"12345678\xff\"",
    "\xef\xbb\xbf{}",
    "\xc3\xa4",
    "// comment\n1",
    "/**/1",
    /* Duplicates, also when written differently. */
    "{\"a\":1,\"a\":1}",
    "{\"a\":1,\"b\":2,\"\\u0061\":3}",
    "{\"\":1,\"\":2}",
    "{\"x\":{\"a\":1,\"a\":1}}",
};

START_TEST(refuses_everything_else)
{
    CLEANUP(done) struct outcome outcome = parse(INVALID[_i]);
    ck_assert_msg(!outcome.ok, "%s", INVALID[_i]);
    ck_assert_int_eq(outcome.err.kind, ERR_INVALID);
    ck_assert_ptr_null(outcome.root);
}
END_TEST

START_TEST(every_cut_of_a_document_is_refused)
{
    const char *text = "{\"a\":[1,-2.5e3,\"x\\u00e4\\n\",true,null,{\"b\":\"\xe2\x82\xac\"}]}";
    for (size_t len = 0; len < strlen(text); len++) {
        CLEANUP(done) struct outcome outcome = parse_with(text, len, &WIDE);
        ck_assert_msg(!outcome.ok, "%zu", len);
    }
}
END_TEST

START_TEST(an_empty_text_may_be_nowhere)
{
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *root = NULL;
    struct err err = {0};
    ck_assert(!json_parse(&doc, NULL, 0, &WIDE, &root, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
}
END_TEST

START_TEST(nul_is_a_byte_like_others)
{
    CLEANUP(done)
    struct outcome outcome = parse("{\"a\\u0000b\":\"x\\u0000y\",\"a\":\"x\"}");
    ck_assert(outcome.ok);
    const struct json *member = json_member_sv(outcome.root, SV("a\0b"));
    ck_assert(sv_equal(json_string(member), SV("x\0y")));
    ck_assert(!json_string_is(member, "x"));
    ck_assert(json_string_is(json_member(outcome.root, "a"), "x"));
    CLEANUP(done) struct outcome raw = parse_with("\"a\0b\"", 5, &WIDE);
    ck_assert(!raw.ok);
    CLEANUP(done) struct outcome behind = parse_with("{}\0", 3, &WIDE);
    ck_assert(!behind.ok);
}
END_TEST

static const struct {
    const char *json;
    const char *text;
} STRINGS[] = {
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
    {"\"\\u0041\\u00e4\\u20AC\\uD83D\\uDD11\"", "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91"},
    {"\"\\u007f\\u0080\\u07ff\\u0800\\uffff\"", "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"},
    {"\"\\ud800\\udc00\\udbff\\udfff\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
    {"\"before \\n between \\t after\"", "before \n between \t after"},
    {"\"a long run of plain text, then \\\\ and more of it\"",
     "a long run of plain text, then \\ and more of it"},
    {"\"\\n\xc3\xa4 moved \xe2\x82\xac\"", "\n\xc3\xa4 moved \xe2\x82\xac"},
};

START_TEST(unescapes_in_place)
{
    CLEANUP(done) struct outcome outcome = parse(STRINGS[_i].json);
    ck_assert(outcome.ok);
    struct str_view text = json_string(outcome.root);
    ck_assert_msg(sv_is(text, STRINGS[_i].text), "%.*s", SV_ARG(text));
    ck_assert(text.data >= outcome.text && text.data < outcome.text + strlen(STRINGS[_i].json));
}
END_TEST

enum {
    LONG_BYTES = 150, /* bytes are marked in parts of 64 */
};

/* "qq...q" with other bytes at `at`. */
static struct outcome parse_long(size_t at, const char *other, size_t len)
{
    char text[LONG_BYTES + 2];
    memset(text, 'q', sizeof text);
    text[0] = text[LONG_BYTES + 1] = '"';
    memcpy(text + 1 + at, other, len);
    return parse_with(text, sizeof text, &WIDE);
}

START_TEST(a_byte_that_matters_is_found_at_every_offset)
{
    static const char special[] = {'"', '\\', '\x1f', '\n', '\x80', '\xff', '\0'};
    for (size_t i = 0; i < sizeof special; i++) {
        for (size_t at = 0; at < LONG_BYTES; at++) {
            CLEANUP(done) struct outcome outcome = parse_long(at, &special[i], 1);
            ck_assert_msg(!outcome.ok, "byte %d at %zu", special[i], at);
        }
    }
}
END_TEST

START_TEST(an_escape_is_undone_at_every_offset)
{
    char wanted[LONG_BYTES];
    for (size_t at = 0; at <= LONG_BYTES - 4; at++) {
        memset(wanted, 'q', sizeof wanted);
        wanted[at] = '\n';
        wanted[at + 1] = '/';
        CLEANUP(done) struct outcome outcome = parse_long(at, "\\n\\/", 4);
        ck_assert_msg(outcome.ok, "at %zu: %s", at, outcome.err.message);
        ck_assert(sv_equal(json_string(outcome.root), sv_make(wanted, LONG_BYTES - 2)));
    }
}
END_TEST

static const struct {
    const char *text;
    bool integer;
    int64_t value;
} NUMBERS[] = {
    {"0", true, 0},
    {"-0", true, 0},
    {"42", true, 42},
    {"9007199254740993", true, INT64_C(9007199254740993)},
    {"9223372036854775807", true, INT64_MAX},
    {"-9223372036854775808", true, INT64_MIN},
    {"9223372036854775808", false, 0},
    {"1.0", false, 0},
    {"1e3", false, 0},
    {"\"1\"", false, 0},
    {"true", false, 0},
    {"null", false, 0},
    {"[1]", false, 0},
};

START_TEST(integers_are_exact)
{
    CLEANUP(done) struct outcome outcome = parse(NUMBERS[_i].text);
    ck_assert(outcome.ok);
    int64_t value = -77;
    ck_assert_int_eq(json_to_i64(outcome.root, &value), NUMBERS[_i].integer);
    ck_assert_int_eq(value, NUMBERS[_i].integer ? NUMBERS[_i].value : -77);
}
END_TEST

START_TEST(finds_members_and_keeps_order)
{
    CLEANUP(done)
    struct outcome outcome = parse("{\"b\":1,\"a\":{\"c\":[\"x\",true,null]},\"A\":2,\"\":3}");
    ck_assert(outcome.ok);
    ck_assert_uint_eq(outcome.root->len, 4);
    const struct json *list = json_path(outcome.root, "a", "c", NULL);
    ck_assert(json_is(list, JSON_ARRAY));
    ck_assert_uint_eq(list->len, 3);
    ck_assert(json_string_is(json_first(list), "x"));
    ck_assert(json_is_true(json_first(list)->next));
    ck_assert(json_is_absent(json_first(list)->next->next));
    ck_assert_ptr_null(json_first(list)->next->next->next);
    ck_assert_ptr_null(json_path(outcome.root, "a", "none", "c", NULL));
    ck_assert_ptr_null(json_path(outcome.root, "b", "c", NULL));
    ck_assert_ptr_eq(json_path(outcome.root, NULL), outcome.root);
    static const char *const names[] = {"b", "a", "A", ""};
    size_t at = 0;
    JSON_FOR_EACH (member, outcome.root) {
        ck_assert(sv_is(json_key(member), names[at]));
        ck_assert_ptr_eq(json_member(outcome.root, names[at]), member);
        at++;
    }
    ck_assert_uint_eq(at, 4);
}
END_TEST

START_TEST(a_missing_node_is_nothing)
{
    int64_t value = 0;
    ck_assert_ptr_null(json_member(NULL, "a"));
    ck_assert_ptr_null(json_path(NULL, "a", NULL));
    ck_assert_ptr_null(json_first(NULL));
    ck_assert(!json_is(NULL, JSON_NULL));
    ck_assert(json_is_absent(NULL));
    ck_assert_uint_eq(json_key(NULL).len, 0);
    ck_assert_ptr_null(json_string(NULL).data);
    ck_assert(!json_string_is(NULL, ""));
    ck_assert(!json_is_true(NULL));
    ck_assert(!json_to_i64(NULL, &value));
    JSON_FOR_EACH (item, NULL) {
        ck_abort_msg("an element of nothing: %p", (const void *)item);
    }
    CLEANUP(done) struct outcome outcome = parse("[\"text\",7,{}]");
    JSON_FOR_EACH (item, outcome.root) {
        ck_assert_ptr_null(json_member(item, "a"));
        ck_assert_ptr_null(json_first(item));
    }
    ck_assert_ptr_null(json_member(outcome.root, "a"));
    ck_assert_uint_eq(json_string(json_first(outcome.root)->next).len, 0);
}
END_TEST

static const struct {
    const char *a;
    const char *b;
    bool equal;
} PAIRS[] = {
    {"{\"a\":1,\"b\":[true,null]}", "{ \"b\" : [true, null], \"a\" : 1 }", true},
    {"{\"a\":1,\"b\":2,\"c\":3}", "{\"c\":3,\"a\":1,\"b\":2}", true},
    {"\"\\u0041\"", "\"A\"", true},
    {"[]", "[]", true},
    {"[]", "{}", false},
    {"[1,2]", "[2,1]", false},
    {"[1]", "[1,1]", false},
    {"{\"a\":1}", "{\"a\":2}", false},
    {"{\"a\":1}", "{\"b\":1}", false},
    {"{\"a\":1}", "{\"a\":1,\"b\":1}", false},
    {"{\"a\":null}", "{}", false},
    {"1", "1.0", false},
    {"1", "\"1\"", false},
    {"true", "false", false},
    {"null", "false", false},
    {"{\"a\":{\"x\":[1,{\"y\":2}]}}", "{\"a\":{\"x\":[1,{\"y\":3}]}}", false},
};

START_TEST(compares_values)
{
    CLEANUP(done) struct outcome a = parse(PAIRS[_i].a);
    CLEANUP(done) struct outcome b = parse(PAIRS[_i].b);
    ck_assert_int_eq(json_equal(a.root, b.root), PAIRS[_i].equal);
    ck_assert_int_eq(json_equal(b.root, a.root), PAIRS[_i].equal);
    ck_assert(json_equal(a.root, a.root));
    ck_assert(!json_equal(a.root, NULL));
    ck_assert(json_equal(NULL, NULL));
}
END_TEST

/* An object of many members, each with its number, in either order. */
static void many_members(struct buf *out, size_t count, bool backwards)
{
    buf_add_byte(out, '{');
    for (size_t i = 0; i < count; i++) {
        size_t at = backwards ? count - 1 - i : i;
        buf_printf(out, "%s\"member-%zu\":%zu", i ? "," : "", at, at % 1000);
    }
    buf_add_byte(out, '}');
}

START_TEST(a_large_object_in_another_order_is_compared_in_time)
{
    CLEANUP(buf_done) struct buf forward;
    CLEANUP(buf_done) struct buf backward;
    buf_init(&forward, 16 * 1024 * 1024);
    buf_init(&backward, 16 * 1024 * 1024);
    many_members(&forward, 200000, false);
    many_members(&backward, 200000, true);
    CLEANUP(done) struct outcome a = parse_with(forward.data, forward.len, &WIDE);
    CLEANUP(done) struct outcome b = parse_with(backward.data, backward.len, &WIDE);
    ck_assert(a.ok && b.ok);
    /* Member by member through the whole object it would be 2 * 10^10 comparisons. */
    ck_assert(json_equal(a.root, b.root));
    ((struct json *)(uintptr_t)json_member(b.root, "member-77"))->len = 1;
    ck_assert(!json_equal(a.root, b.root));
}
END_TEST

START_TEST(nested_objects_in_another_order_are_compared_in_time)
{
    CLEANUP(buf_done) struct buf forward;
    CLEANUP(buf_done) struct buf backward;
    buf_init(&forward, 65536);
    buf_init(&backward, 65536);
    for (int i = 0; i < 90; i++) {
        buf_add_str(&forward, "{\"x\":");
        buf_add_str(&backward, "{\"x\":");
    }
    buf_add_str(&forward, "1");
    buf_add_str(&backward, "1");
    for (int i = 0; i < 90; i++) {
        buf_add_str(&forward, ",\"a\":1,\"b\":2}");
        buf_add_str(&backward, ",\"b\":2,\"a\":1}");
    }
    CLEANUP(done) struct outcome a = parse_with(forward.data, forward.len, &WIDE);
    CLEANUP(done) struct outcome b = parse_with(backward.data, backward.len, &WIDE);
    ck_assert(a.ok && b.ok);
    ck_assert(json_equal(a.root, b.root));
}
END_TEST

static const size_t COUNTS[] = {2, 11, 12, 13, 14, 100, 50000};

START_TEST(finds_one_duplicate_among_many)
{
    size_t count = COUNTS[_i];
    CLEANUP(buf_done) struct buf text;
    buf_init(&text, 16 * 1024 * 1024);
    many_members(&text, count, false);
    CLEANUP(done) struct outcome unique = parse_with(text.data, text.len, &WIDE);
    ck_assert(unique.ok);
    ck_assert_uint_eq(unique.root->len, count);
    buf_truncate(&text, text.len - 1);
    buf_printf(&text, ",\"member-%zu\":1}", count / 2);
    CLEANUP(done) struct outcome twice = parse_with(text.data, text.len, &WIDE);
    ck_assert(!twice.ok);
    ck_assert_int_eq(twice.err.kind, ERR_INVALID);
}
END_TEST

START_TEST(depth_has_a_ceiling)
{
    const struct json_limits limits = {.max_nodes = 1000, .max_depth = 3};
    CLEANUP(done) struct outcome fits = parse_with("[{\"a\":[1]}]", 11, &limits);
    ck_assert(fits.ok);
    CLEANUP(done) struct outcome again = parse_with("[[[]],[[]],{\"a\":{}}]", 20, &limits);
    ck_assert(again.ok);
    CLEANUP(done) struct outcome deep = parse_with("[{\"a\":[[]]}]", 12, &limits);
    ck_assert(!deep.ok);
    ck_assert_int_eq(deep.err.kind, ERR_TOO_BIG);
    char *brackets = mem_alloc(1000000);
    memset(brackets, '[', 1000000);
    CLEANUP(done) struct outcome hostile = parse_with(brackets, 1000000, &WIDE);
    free(brackets);
    ck_assert(!hostile.ok);
    ck_assert_int_eq(hostile.err.kind, ERR_TOO_BIG);
}
END_TEST

START_TEST(values_have_a_ceiling)
{
    const struct json_limits limits = {.max_nodes = 4, .max_depth = 10};
    CLEANUP(done) struct outcome fits = parse_with("[1,2,3]", 7, &limits);
    ck_assert(fits.ok);
    ck_assert_uint_eq(fits.doc.nodes, 4);
    CLEANUP(done) struct outcome over = parse_with("[1,2,3,4]", 9, &limits);
    ck_assert(!over.ok);
    ck_assert_int_eq(over.err.kind, ERR_TOO_BIG);
}
END_TEST

/* Nodes come in blocks; the ceiling counts values. */
START_TEST(any_number_of_values_may_be_the_ceiling)
{
    CLEANUP(buf_done) struct buf text;
    buf_init(&text, 10000);
    buf_add_byte(&text, '[');
    for (uint32_t most = 3; most < 1000; most++) {
        buf_add_str(&text, "1,");
        const struct json_limits limits = {.max_nodes = most, .max_depth = 10};
        size_t len = text.len;
        buf_add_str(&text, "1]");
        CLEANUP(done) struct outcome fits = parse_with(text.data, text.len, &limits);
        ck_assert(fits.ok);
        ck_assert_uint_eq(fits.doc.nodes, most);
        buf_truncate(&text, len);
        buf_add_str(&text, "1,1]");
        CLEANUP(done) struct outcome over = parse_with(text.data, text.len, &limits);
        ck_assert(!over.ok);
        ck_assert_int_eq(over.err.kind, ERR_TOO_BIG);
        buf_truncate(&text, len);
    }
}
END_TEST

START_TEST(nodes_are_paid_from_the_budget_and_given_back)
{
    struct budget budget;
    budget_init(&budget, 120000);
    const struct json_limits limits = {.max_nodes = 100000, .max_depth = 10, .budget = &budget};
    CLEANUP(buf_done) struct buf text;
    buf_init(&text, 100000);
    buf_add_byte(&text, '[');
    for (int i = 0; i < 1000; i++) {
        buf_add_str(&text, "1,");
    }
    buf_add_str(&text, "1]");
    struct outcome outcome = parse_with(text.data, text.len, &limits);
    ck_assert(outcome.ok);
    ck_assert_uint_ge(budget_used(&budget), 1002 * sizeof(struct json));
    struct outcome second = parse_with(text.data, text.len, &limits);
    ck_assert(second.ok);
    struct outcome third = parse_with(text.data, text.len, &limits);
    ck_assert(!third.ok);
    ck_assert_int_eq(third.err.kind, ERR_BUSY);
    ck_assert(third.err.retryable);
    done(&third);
    done(&second);
    done(&outcome);
    ck_assert_uint_eq(budget_used(&budget), 0);
}
END_TEST

START_TEST(messages_have_the_offset_and_no_content)
{
    CLEANUP(done) struct outcome outcome = parse("{\"planted\":\"planted\" planted}");
    ck_assert(!outcome.ok);
    ck_assert_ptr_nonnull(strstr(outcome.err.message, "byte 21"));
    ck_assert_ptr_null(strstr(outcome.err.message, "planted"));
}
END_TEST

START_TEST(nodes_of_other_readers_are_zeroed_and_stay)
{
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    struct json *nodes[2000];
    for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
        static const struct json zero;
        nodes[i] = json_doc_node(&doc);
        ck_assert_mem_eq(nodes[i], &zero, sizeof zero);
        nodes[i]->len = (uint32_t)i;
    }
    for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
        ck_assert_uint_eq(nodes[i]->len, i);
    }
    ck_assert_uint_eq(doc.nodes, ARRAY_LEN(nodes));
    json_doc_done(&doc);
    ck_assert_ptr_null(doc.blocks);
}
END_TEST

START_TEST(a_node_takes_forty_bytes)
{
    ck_assert_uint_le(sizeof(struct json), 40);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("json");
    TCase *tcase = tcase_create("json");
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, reads_rfc_8259, 0, (int)ARRAY_LEN(VALID));
    tcase_add_loop_test(tcase, refuses_everything_else, 0, (int)ARRAY_LEN(INVALID));
    tcase_add_test(tcase, every_cut_of_a_document_is_refused);
    tcase_add_test(tcase, an_empty_text_may_be_nowhere);
    tcase_add_test(tcase, nul_is_a_byte_like_others);
    tcase_add_loop_test(tcase, unescapes_in_place, 0, (int)ARRAY_LEN(STRINGS));
    tcase_add_test(tcase, a_byte_that_matters_is_found_at_every_offset);
    tcase_add_test(tcase, an_escape_is_undone_at_every_offset);
    tcase_add_loop_test(tcase, integers_are_exact, 0, (int)ARRAY_LEN(NUMBERS));
    tcase_add_test(tcase, finds_members_and_keeps_order);
    tcase_add_test(tcase, a_missing_node_is_nothing);
    tcase_add_loop_test(tcase, compares_values, 0, (int)ARRAY_LEN(PAIRS));
    tcase_add_test(tcase, a_large_object_in_another_order_is_compared_in_time);
    tcase_add_test(tcase, nested_objects_in_another_order_are_compared_in_time);
    tcase_add_loop_test(tcase, finds_one_duplicate_among_many, 0, (int)ARRAY_LEN(COUNTS));
    tcase_add_test(tcase, depth_has_a_ceiling);
    tcase_add_test(tcase, values_have_a_ceiling);
    tcase_add_test(tcase, any_number_of_values_may_be_the_ceiling);
    tcase_add_test(tcase, nodes_are_paid_from_the_budget_and_given_back);
    tcase_add_test(tcase, messages_have_the_offset_and_no_content);
    tcase_add_test(tcase, nodes_of_other_readers_are_zeroed_and_stay);
    tcase_add_test(tcase, a_node_takes_forty_bytes);
    suite_add_tcase(suite, tcase);
    return suite;
}
