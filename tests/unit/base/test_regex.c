/* SPDX-License-Identifier: Apache-2.0 */
#include "base/regex.h"

#include "base/encode.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/unicode.h"
#include "base/utf8.h"
#include "check_main.h"

enum {
    OUTPUT_BYTES = 4 * 1024 * 1024,
    VECTORS = 200,
};

static struct regex *regex;
static struct err err;

static void setup(void)
{
    regex = NULL;
    err = (struct err){0};
}

static void teardown(void)
{
    regex_free(regex);
}

static bool compile(const char *pattern)
{
    regex_free(regex);
    regex = NULL;
    return regex_compile(sv_of(pattern), NULL, &regex, &err);
}

static bool replace(struct str_view text, const char *replacement, struct secret_buf *ret)
{
    secret_buf_init(ret, OUTPUT_BYTES);
    return regex_replace_all(regex, text, sv_of(replacement), NULL, ret, &err);
}

static void assert_replaced(const char *pattern, const char *text, const char *replacement,
                            const char *expected)
{
    CLEANUP(secret_buf_done) struct secret_buf out = {0};
    ck_assert_msg(compile(pattern), "%s: %s", pattern, err.message);
    ck_assert_msg(replace(sv_of(text), replacement, &out), "%s: %s", pattern, err.message);
    struct str_view got = secret_buf_view(&out);
    ck_assert_msg(sv_is(got, expected), "%s: '%.*s'", pattern, SV_ARG(got));
}

/* A row's bytes: a string, or {"b64": ...} where they are no UTF-8. */
static struct buf bytes_of(const struct json *row, const char *name)
{
    struct buf bytes;
    const struct json *member = json_member(row, name);
    buf_init(&bytes, OUTPUT_BYTES);
    if (json_is(member, JSON_STRING)) {
        buf_add(&bytes, json_string(member));
    } else {
        ck_assert(decode_base64(&bytes, json_string(json_member(member, "b64")), &err));
    }
    return bytes;
}

static void assert_bytes(const struct json *row, const char *name, struct str_view got)
{
    CLEANUP(buf_done) struct buf expected = bytes_of(row, name);
    ck_assert_msg(sv_equal(buf_view(&expected), got), "%.*s: %s is '%.*s'",
                  SV_ARG(json_string(json_member(row, "pattern"))), name, SV_ARG(got));
}

static void assert_results(const struct json *row, struct str_view text)
{
    CLEANUP(buf_done) struct buf with = bytes_of(row, "with");
    CLEANUP(secret_buf_done) struct secret_buf out = {0};
    CLEANUP(secret_buf_done) struct secret_buf literal = {0};
    struct str_view found = {0};
    bool matches = false;
    ck_assert(regex_matches(regex, text, NULL, &matches, &err));
    ck_assert_int_eq(matches, json_is_true(json_member(row, "match")));
    ck_assert(regex_find(regex, text, NULL, &found, &err));
    ck_assert_int_eq(found.data != NULL, matches);
    assert_bytes(row, "find", found);
    secret_buf_init(&out, OUTPUT_BYTES);
    ck_assert(regex_replace_all(regex, text, buf_view(&with), NULL, &out, &err));
    assert_bytes(row, "replaceAll", secret_buf_view(&out));
    secret_buf_init(&literal, OUTPUT_BYTES);
    ck_assert(regex_replace_all_literal(regex, text, buf_view(&with), NULL, &literal, &err));
    assert_bytes(row, "replaceAllLiteral", secret_buf_view(&literal));
}

static void assert_row(const struct json *row)
{
    CLEANUP(buf_done) struct buf pattern = bytes_of(row, "pattern");
    CLEANUP(buf_done) struct buf text = bytes_of(row, "text");
    bool refused =
        json_is_true(json_member(row, "refused")) || json_is_true(json_member(row, "unsupported"));
    regex_free(regex);
    regex = NULL;
    err = (struct err){0};
    bool compiled = regex_compile(buf_view(&pattern), NULL, &regex, &err);
    ck_assert_msg(compiled == !refused, "%.*s: %s", SV_ARG(buf_view(&pattern)), err.message);
    if (compiled) {
        assert_results(row, buf_view(&text));
    } else {
        ck_assert_int_eq(err.kind, ERR_INVALID);
    }
}

/* tests/data/externalsecret/vectors/regexp.json holds what Go 1.26 answered; "unsupported" marks
 * the few patterns that Go takes and Keyturn does not. */
START_TEST(answers_as_go_does)
{
    static const struct json_limits limits = {.max_nodes = 20000, .max_depth = 8};
    struct json_doc doc = {0};
    const struct json *rows = NULL;
    size_t len = 0;
    CLEANUP(mem_free_ptr) char *data = test_data("externalsecret/vectors/regexp.json", &len);
    ck_assert_msg(json_parse(&doc, data, len, &limits, &rows, &err), "%s", err.message);
    ck_assert_uint_ge(rows->len, VECTORS);
    JSON_FOR_EACH (row, rows) {
        assert_row(row);
    }
    json_doc_done(&doc);
}
END_TEST

static const struct {
    const char *pattern;
    const char *message;
} refusals[] = {
    {"ab(?=c)", "column 3: a kind of group that Go does not have"},
    {"a(b", "column 2: a group that does not end"},
    {"a)", "column 2: a ) without its ("},
    {"ab**", "column 4: a repeat of a repeat: put it in a group"},
    {"a|*", "column 3: nothing to repeat"},
    {"\xc3\xa9\\1", "column 3: a back-reference, which Go does not have"},
    {"x[b-a]", "column 3: a range with its ends reversed"},
    {"x[b", "column 2: a class without its ]"},
    {"ab\\", "column 3: a backslash at the end"},
    {"a\xff", "column 2: a byte that is no UTF-8"},
    {"a\\p{Foo}", "column 2: a Unicode class that Go does not have"},
    {"(?P<a b>x)", "column 1: a group whose name is not of letters, digits and _"},
    {"a{1001}", "column 2: a repeat over 1000, or with its limits reversed"},
};

START_TEST(names_the_column_of_what_it_refuses)
{
    ck_assert(!compile(refusals[_i].pattern));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_str_eq(err.message, refusals[_i].message);
}
END_TEST

START_TEST(refuses_a_pattern_over_its_ceilings)
{
    CLEANUP(mem_free_ptr) char *pattern = mem_alloc(LIMIT_REGEX_BYTES + 2);
    memset(pattern, 'a', LIMIT_REGEX_BYTES + 1);
    ck_assert(!compile(pattern));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    pattern[LIMIT_REGEX_BYTES] = '\0';
    ck_assert_msg(compile(pattern), "%s", err.message);
    memset(pattern, '(', 1000);
    ck_assert(!compile(pattern));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert(!compile("(?:(?:abcdefghijklmnopqrstuvwxyz){10}){100}"));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

static const char *const hostile[] = {
    "(a*)*[bc]",
    "(a|a)*$",
    "(a+a+)+[xy]",
    "[a-z]+[!?]",
    "[a-z]+[a-z0-9]+[!?]",
    "(?:.*.*.*.*)[!?]",
    "(a{0,30}){0,30}[bc]",
    "((((((a*)*)*)*)*)*)*[bc]",
    "(?:(?:|a)(?:|a)){500}[bc]",
};

START_TEST(gives_up_a_hostile_pattern)
{
    enum { TEXT_BYTES = 65536 };
    CLEANUP(mem_free_ptr) char *text = mem_alloc(TEXT_BYTES);
    CLEANUP(secret_buf_done) struct secret_buf out = {0};
    bool matches = false;
    memset(text, 'a', TEXT_BYTES);
    text[TEXT_BYTES - 1] = '.';
    ck_assert_msg(compile(hostile[_i]), "%s", err.message);
    ck_assert(!regex_matches(regex, sv_make(text, TEXT_BYTES), NULL, &matches, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    err = (struct err){0};
    ck_assert(!replace(sv_make(text, TEXT_BYTES), "x", &out));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

/* Go's answers: k is in a class that has the sign of Kelvin, and 'K' as well. */
static const struct {
    const char *pattern;
    const char *text;
    bool matches;
} folded_ranges[] = {
    {"(?i)^[\\x{80}-\\x{10ffff}]$", "k", true},
    {"(?i)^[\\x{80}-\\x{10ffff}]$", "x", false},
    {"(?i)^[\\x{80}-\\x{10ffff}]$", "\xe4\xb8\x80", true},     /* U+4E00 */
    {"(?i)^[\\x{80}-\\x{10ffff}]$", "\xf4\x8f\xbf\xbf", true}, /* U+10FFFF */
    {"(?i)^[^\\x{80}-\\x{10ffff}]$", "k", false},
    {"(?i)^[^\\x{80}-\\x{10ffff}]$", "x", true},
    {"(?i)^[^\\x{80}-\\x{10ffff}]$", "\xe4\xb8\x80", false},
    {"(?i)^[a\\x{4e00}-\\x{9fff}]+$", "A\xe4\xb8\x80", true},
    {"(?i)^[\\x{9fff}-\\x{a650}]$", "\xea\x99\x91", true},       /* U+A651, of U+A650 */
    {"(?i)^[\\x{1e800}-\\x{1e910}]$", "\xf0\x9e\xa4\xa2", true}, /* U+1E922, of U+1E900 */
    {"(?i)^[\\x{12000}-\\x{12fff}b]{2}$", "B\xf0\x92\x80\x80", true},
    {"(?i)^\\p{Any}$", "k", true},
    {"(?i)^[^\\p{Any}]$", "k", false},
    {"^[\\x{80}-\\x{10ffff}]$", "k", false},
};

START_TEST(folds_wide_ranges_as_go_does)
{
    bool matches = false;
    ck_assert_msg(compile(folded_ranges[_i].pattern), "%s", err.message);
    ck_assert(regex_matches(regex, sv_of(folded_ranges[_i].text), NULL, &matches, &err));
    ck_assert_msg(matches == folded_ranges[_i].matches, "%s", folded_ranges[_i].pattern);
}
END_TEST

/* The ranges that are taken for caseless, against the mappings of all of Unicode. */
START_TEST(takes_no_character_with_another_case_for_one_without)
{
    ck_assert_msg(compile("(?i)^[\\x{3000}-\\x{a63f}\\x{ac00}-\\x{faff}\\x{12000}-\\x{16dff}"
                          "\\x{17000}-\\x{1dfff}\\x{1f000}-\\x{10ffff}]$"),
                  "%s", err.message);
    for (uint32_t rune = 0; rune <= 0x10ffff; rune++) {
        char text[UTF8_MOST_BYTES];
        size_t len = utf8_put(rune, text);
        bool matches = false;
        bool inside = (rune >= 0x3000 && rune <= 0xa63f) || (rune >= 0xac00 && rune <= 0xfaff) ||
                      (rune >= 0x12000 && rune <= 0x16dff) ||
                      (rune >= 0x17000 && rune <= 0x1dfff) || rune >= 0x1f000;
        if (unicode_upper(rune) != rune || unicode_lower(rune) != rune) {
            ck_assert_msg(!inside, "U+%04X", rune);
        }
        if (rune % 97 == 0 && !(rune >= 0xd800 && rune <= 0xdfff)) {
            ck_assert(regex_matches(regex, sv_make(text, len), NULL, &matches, &err));
            ck_assert_msg(matches == inside, "U+%04X", rune);
        }
    }
}
END_TEST

START_TEST(refuses_to_fold_more_than_all_of_unicode_a_few_times)
{
    ck_assert_msg(compile("(?i)[\\x{0}-\\x{10ffff}][\\x{0}-\\x{10ffff}]"), "%s", err.message);
    regex_free(regex);
    regex = NULL;
    ck_assert(!compile("(?i)[\\x{0}-\\x{1dfff}\\x{0}-\\x{1dfff}\\x{0}-\\x{1dfff}"
                       "\\x{0}-\\x{1dfff}\\x{0}-\\x{1dfff}]"));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_msg(strstr(err.message, "column 66: ranges of more than"), "%s", err.message);
}
END_TEST

START_TEST(compiling_takes_steps_of_an_effort)
{
    struct effort effort = effort_of(500);
    ck_assert(regex_compile(SV("abc"), &effort, &regex, &err));
    ck_assert_uint_lt(effort.left, 400);
    regex_free(regex);
    regex = NULL;
    ck_assert(!regex_compile(SV("((a|b){1000})"), &effort, &regex, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_ptr_null(regex);
}
END_TEST

START_TEST(takes_its_steps_out_of_an_effort)
{
    struct effort effort = effort_of(10000);
    bool matches = false;
    ck_assert_msg(compile("(x+x+)+[yz]"), "%s", err.message);
    ck_assert(regex_matches(regex, SV("xxxxxx"), &effort, &matches, &err) && !matches);
    ck_assert_uint_lt(effort.left, 10000);
    ck_assert_uint_gt(effort.left, 5000);
    ck_assert(!regex_matches(regex, SV("xxxxxxxxxxxxxxxx"), &effort, &matches, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_ptr_nonnull(strstr(err.message, "steps up to here"));
    ck_assert(regex_matches(regex, SV("xxxxxxxxxxxxxxxx"), NULL, &matches, &err) && !matches);
}
END_TEST

START_TEST(takes_long_texts_of_many_matches)
{
    enum { TEXT_BYTES = 1024 * 1024 };
    CLEANUP(mem_free_ptr) char *text = mem_alloc(TEXT_BYTES);
    CLEANUP(secret_buf_done) struct secret_buf out = {0};
    for (size_t i = 0; i < TEXT_BYTES; i++) {
        text[i] = i % 4 == 3 ? ' ' : 'a';
    }
    ck_assert_msg(compile("\\w+"), "%s", err.message);
    ck_assert_msg(replace(sv_make(text, TEXT_BYTES), "bb", &out), "%s", err.message);
    ck_assert_uint_eq(secret_buf_view(&out).len, TEXT_BYTES / 4 * 3);
}
END_TEST

START_TEST(stops_at_the_ceiling_of_the_output)
{
    CLEANUP(secret_buf_done) struct secret_buf out = {0};
    ck_assert_msg(compile(""), "%s", err.message);
    secret_buf_init(&out, 8);
    ck_assert(!regex_replace_all(regex, SV("abcd"), SV("xx"), NULL, &out, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

START_TEST(counts_a_long_replacement_as_work)
{
    enum {
        TEXT_BYTES = 100 * 1000,
        REPLACEMENT_BYTES = 64 * 1024,
    };
    CLEANUP(mem_free_ptr) char *text = mem_alloc(TEXT_BYTES + 1);
    CLEANUP(mem_free_ptr) char *nothing = mem_alloc(REPLACEMENT_BYTES + 1);
    CLEANUP(secret_buf_done) struct secret_buf out = {0};
    memset(text, 'a', TEXT_BYTES);
    for (size_t i = 0; i < REPLACEMENT_BYTES; i += 2) {
        memcpy(nothing + i, "$9", 2);
        if (i + 2 < REPLACEMENT_BYTES) {
            nothing[i + 1] = 'x';
        }
    }
    ck_assert_msg(compile("a"), "%s", err.message);
    ck_assert(!replace(sv_of(text), nothing, &out));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

START_TEST(distinguishes_an_empty_match_from_none)
{
    struct str_view found = {0};
    ck_assert_msg(compile("x*"), "%s", err.message);
    ck_assert(regex_find(regex, (struct str_view){0}, NULL, &found, &err));
    ck_assert_ptr_nonnull(found.data);
    ck_assert_uint_eq(found.len, 0);
    ck_assert_msg(compile("x"), "%s", err.message);
    ck_assert(regex_find(regex, SV("abc"), NULL, &found, &err));
    ck_assert_ptr_null(found.data);
}
END_TEST

START_TEST(finds_a_view_of_the_callers_text)
{
    static const char text[] = "\xff\xff"
                               "ab";
    struct str_view found = {0};
    ck_assert_msg(compile("a."), "%s", err.message);
    ck_assert(regex_find(regex, sv_of(text), NULL, &found, &err));
    ck_assert_ptr_eq(found.data, text + 2);
    ck_assert_uint_eq(found.len, 2);
}
END_TEST

START_TEST(keeps_what_a_group_held_before_an_empty_turn)
{
    assert_replaced("^(a*)*$", "aa", "$1", "aa");
    assert_replaced("^((a)*(b)*)*$", "aab", "$1.$2.$3", "aab.a.b");
}
END_TEST

Suite *suite(void)
{
    Suite *result = suite_create("regex");
    TCase *tcase = tcase_create("regex");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, answers_as_go_does);
    tcase_add_loop_test(tcase, names_the_column_of_what_it_refuses, 0, ARRAY_LEN(refusals));
    tcase_add_test(tcase, refuses_a_pattern_over_its_ceilings);
    tcase_add_loop_test(tcase, gives_up_a_hostile_pattern, 0, ARRAY_LEN(hostile));
    tcase_add_loop_test(tcase, folds_wide_ranges_as_go_does, 0, ARRAY_LEN(folded_ranges));
    tcase_add_test(tcase, takes_no_character_with_another_case_for_one_without);
    tcase_add_test(tcase, refuses_to_fold_more_than_all_of_unicode_a_few_times);
    tcase_add_test(tcase, compiling_takes_steps_of_an_effort);
    tcase_add_test(tcase, takes_its_steps_out_of_an_effort);
    tcase_add_test(tcase, takes_long_texts_of_many_matches);
    tcase_add_test(tcase, stops_at_the_ceiling_of_the_output);
    tcase_add_test(tcase, counts_a_long_replacement_as_work);
    tcase_add_test(tcase, distinguishes_an_empty_match_from_none);
    tcase_add_test(tcase, finds_a_view_of_the_callers_text);
    tcase_add_test(tcase, keeps_what_a_group_held_before_an_empty_turn);
    suite_add_tcase(result, tcase);
    return result;
}
