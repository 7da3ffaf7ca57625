/* SPDX-License-Identifier: Apache-2.0 */
#include "base/yaml11.h"

#include "base/buf.h"
#include "base/limits.h"
#include "check_main.h"

enum {
    VECTORS = 250,
};

static const struct json_limits limits = {.max_nodes = 1000, .max_depth = 16};

static struct yaml11_doc doc;
static const struct json *root;
static struct err err;

static void setup(void)
{
    doc = (struct yaml11_doc){0};
    root = NULL;
    err = (struct err){0};
}

static void teardown(void)
{
    yaml11_doc_done(&doc);
}

static bool parse(const char *text)
{
    return yaml11_parse(&doc, sv_of(text), &limits, &root, &err);
}

static bool parse_strings(const char *text)
{
    return yaml11_parse_strings(&doc, sv_of(text), &limits, &root, &err);
}

/* `expected` is false for a text that Go refuses, else a list of the one result. */
static void assert_result(struct str_view text, const struct json *expected, bool parsed)
{
    ck_assert_msg(parsed == json_is(expected, JSON_ARRAY), "'%.*s': %s", SV_ARG(text), err.message);
    if (parsed) {
        ck_assert_msg(json_equal(root, json_first(expected)), "'%.*s'", SV_ARG(text));
    } else {
        ck_assert_int_eq(err.kind, ERR_INVALID);
        ck_assert_msg(strncmp(err.message, "line ", 5) == 0, "%s", err.message);
    }
    yaml11_doc_done(&doc);
    err = (struct err){0};
}

/* tests/data/externalsecret/vectors/yaml11.json holds what sigs.k8s.io/yaml 1.4.0 answered: "json"
 * into any, "strings" into a map[string]string. */
START_TEST(answers_as_go_does)
{
    static const struct json_limits vector_limits = {.max_nodes = 20000, .max_depth = 16};
    struct json_doc vectors = {0};
    const struct json *rows = NULL;
    size_t len = 0;
    CLEANUP(mem_free_ptr) char *data = test_data("externalsecret/vectors/yaml11.json", &len);
    ck_assert_msg(json_parse(&vectors, data, len, &vector_limits, &rows, &err), "%s", err.message);
    ck_assert_uint_ge(rows->len, VECTORS);
    JSON_FOR_EACH (row, rows) {
        struct str_view text = json_string(json_member(row, "text"));
        assert_result(text, json_member(row, "json"),
                      yaml11_parse(&doc, text, &limits, &root, &err));
        assert_result(text, json_member(row, "strings"),
                      yaml11_parse_strings(&doc, text, &limits, &root, &err));
    }
    json_doc_done(&vectors);
}
END_TEST

static const struct {
    const char *text;
    const char *message;
} refusals[] = {
    {"a: 1\n~: s3cret\n", "line 2, column 1: a key that is null"},
    {"[s3cret]: 1\n", "line 1, column 1: a key that is a list or a mapping"},
    {"18446744073709551615: 1\n",
     "line 1, column 1: a key that is a number over 63 bits: quote it"},
    {"a: !!int s3cret\n", "line 1, column 4: a tag that does not fit its value"},
    {"a: !!binary s3cret!\n", "line 1, column 4: !!binary that is no base64"},
    {"a: !!timestamp 2001-01-01\n",
     "line 1, column 4: the tag !!timestamp, which is not supported"},
    {"a:\n  b: *s3cret\n", "line 2, column 6: an alias without its anchor"},
    {"a: &s3cret [*s3cret]\n", "line 1, column 13: an anchor that contains itself"},
    {"a: &s3cret\n  <<: *s3cret\n", "line 2, column 7: an anchor that contains itself"},
    {"<<: s3cret\n", "line 1, column 5: a merge of what is no mapping"},
    {"a: .inf\n", "line 1, column 4: infinity or NaN, which JSON does not have"},
    {"%YAML 1.2\n---\na: 1\n", "line 1, column 1: a %YAML directive for another version than 1.1"},
    {"a: s3cret: b\n", "line 1, column 10: mapping values are not allowed in this context"},
    {"a: b\n\xff\n", "line 2, column 1: invalid leading UTF-8 octet"},
};

START_TEST(says_where_and_why_without_the_text)
{
    ck_assert(!parse(refusals[_i].text));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_str_eq(err.message, refusals[_i].message);
}
END_TEST

START_TEST(strings_are_of_one_mapping_without_others_in_it)
{
    ck_assert(!parse_strings("a: 1\nb: [s3cret]\n"));
    ck_assert_str_eq(err.message, "line 2, column 4: a list or a mapping where text is asked for");
    ck_assert(!parse_strings("s3cret"));
    ck_assert_str_eq(err.message,
                     "line 1, column 1: the document is no mapping of keys and values");
}
END_TEST

START_TEST(of_nothing_come_no_strings)
{
    ck_assert_msg(parse_strings("# nothing\n"), "%s", err.message);
    ck_assert(json_is(root, JSON_OBJECT));
    ck_assert_uint_eq(root->len, 0);
}
END_TEST

START_TEST(keeps_its_texts_when_the_source_is_gone)
{
    char text[] = "key: value\n";
    ck_assert(yaml11_parse(&doc, sv_of(text), &limits, &root, &err));
    memset(text, 'x', sizeof text - 1);
    ck_assert(json_string_is(json_member(root, "key"), "value"));
}
END_TEST

static const char billion_laughs[] = "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
                                     "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                                     "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
                                     "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
                                     "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n";

START_TEST(aliases_count_as_often_as_they_are_used)
{
    ck_assert(!parse(billion_laughs));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_ptr_nonnull(strstr(err.message, "more values than the limit allows"));
}
END_TEST

START_TEST(excessive_aliasing_is_refused_where_the_nodes_would_suffice)
{
    static const struct json_limits many = {.max_nodes = 1000000, .max_depth = 16};
    ck_assert(!yaml11_parse(&doc, sv_of(billion_laughs), &many, &root, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_ptr_nonnull(strstr(err.message, "aliases expand to too much"));
}
END_TEST

/* No merge makes a node that stays, but each is work. */
START_TEST(merges_are_bounded_too)
{
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, LIMIT_SECRET_DATA_BYTES);
    buf_add_str(&text, "a: &a {x: 1}\n");
    for (int name = 'b'; name <= 'z'; name++) {
        buf_printf(&text, "%c: &%c {<<: [*%c, *%c]}\n", name, name, name - 1, name - 1);
    }
    ck_assert(!yaml11_parse(&doc, buf_view(&text), &limits, &root, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

START_TEST(depth_holds_for_aliases_and_for_the_text)
{
    static const struct json_limits flat = {.max_nodes = 100, .max_depth = 2};
    ck_assert(yaml11_parse(&doc, sv_of("a: [1]\n"), &flat, &root, &err));
    yaml11_doc_done(&doc);
    ck_assert(!yaml11_parse(&doc, sv_of("a: [[1]]\n"), &flat, &root, &err));
    ck_assert_str_eq(err.message, "line 1, column 5: nested deeper than the limit allows");
    yaml11_doc_done(&doc);
    ck_assert(!yaml11_parse(&doc, sv_of("a: &a [1]\nb: [*a]\n"), &flat, &root, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

START_TEST(the_text_is_at_most_a_secret)
{
    CLEANUP(mem_free_ptr) char *text = mem_alloc(LIMIT_SECRET_DATA_BYTES + 1);
    memset(text, ' ', LIMIT_SECRET_DATA_BYTES + 1);
    ck_assert(yaml11_parse(&doc, sv_make(text, LIMIT_SECRET_DATA_BYTES), &limits, &root, &err));
    yaml11_doc_done(&doc);
    ck_assert(
        !yaml11_parse(&doc, sv_make(text, LIMIT_SECRET_DATA_BYTES + 1), &limits, &root, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

START_TEST(a_spent_budget_is_busy)
{
    struct budget budget = {0};
    struct json_limits tight = limits;
    budget_init(&budget, 1);
    tight.budget = &budget;
    ck_assert(!yaml11_parse(&doc, sv_of("a: 1\n"), &tight, &root, &err));
    ck_assert_int_eq(err.kind, ERR_BUSY);
}
END_TEST

START_TEST(of_two_keys_that_become_one_the_last_counts)
{
    ck_assert(parse_strings("1: a\n\"1\": b\n"));
    ck_assert_uint_eq(root->len, 1);
    ck_assert(json_string_is(json_member(root, "1"), "b"));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("base/yaml11");
    TCase *tcase = tcase_create("yaml11");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, answers_as_go_does);
    tcase_add_loop_test(tcase, says_where_and_why_without_the_text, 0, ARRAY_LEN(refusals));
    tcase_add_test(tcase, strings_are_of_one_mapping_without_others_in_it);
    tcase_add_test(tcase, of_nothing_come_no_strings);
    tcase_add_test(tcase, keeps_its_texts_when_the_source_is_gone);
    tcase_add_test(tcase, aliases_count_as_often_as_they_are_used);
    tcase_add_test(tcase, excessive_aliasing_is_refused_where_the_nodes_would_suffice);
    tcase_add_test(tcase, merges_are_bounded_too);
    tcase_add_test(tcase, depth_holds_for_aliases_and_for_the_text);
    tcase_add_test(tcase, the_text_is_at_most_a_secret);
    tcase_add_test(tcase, a_spent_budget_is_busy);
    tcase_add_test(tcase, of_two_keys_that_become_one_the_last_counts);
    suite_add_tcase(s, tcase);
    return s;
}
