/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "check_main.h"
#include "externalsecret/template/node.h"
#include "externalsecret/template/template.h"

static const struct {
    const char *text;
    enum template_verdict verdict;
    const char *message;
} refusals[] = {
    {"a\nbc{{ nofunc }}", TEMPLATE_BROKEN, "line 2, column 6: function \"nofunc\" is not defined"},
    {"{{ $x }}", TEMPLATE_BROKEN, "line 1, column 4: a variable that is not defined"},
    {"{{ }}", TEMPLATE_BROKEN, "line 1, column 4: missing value for an action"},
    {"{{ break }}", TEMPLATE_BROKEN,
     "line 1, column 4: {{break}} or {{continue}} outside {{range}}"},
    {"{{ 1 | 2 }}", TEMPLATE_BROKEN, "line 1, column 8: a value behind a | that is no function"},
    {"{{ .a.b.c", TEMPLATE_BROKEN, "line 1, column 10: an action that is not closed with }}"},
    {"{{ if . }}", TEMPLATE_BROKEN,
     "line 1, column 11: unexpected the end of the template in a list without its {{end}}"},
    {"{{ end }}", TEMPLATE_BROKEN,
     "line 1, column 4: unexpected {{end}} in the template: nothing is open"},
    {"{{ \"hunter2\\q\" }}", TEMPLATE_BROKEN,
     "line 1, column 4: a string with an escape that is none"},
    {"{{ 12hunter2 }}", TEMPLATE_BROKEN, "line 1, column 4: a malformed number"},
    {"{{ define \"x\" }}{{ uuidv4 }}{{ end }}", TEMPLATE_FOREIGN,
     "line 1, column 20: the function uuidv4 is left to the External Secrets Operator"},
    {"{{ 2i }}", TEMPLATE_FOREIGN,
     "line 1, column 4: a complex number is left to the External Secrets Operator"},
    {"{{ call . }}", TEMPLATE_FOREIGN,
     "line 1, column 4: the function call is left to the External Secrets Operator"},
    {"{{ uuidv4 }}{{ nofunc }}", TEMPLATE_BROKEN,
     "line 1, column 16: function \"nofunc\" is not defined"},
};

START_TEST(says_where_and_why_it_refuses)
{
    struct err err = {0};
    struct template *template = NULL;
    ck_assert_int_eq(template_parse(sv_of(refusals[_i].text), &template, &err),
                     refusals[_i].verdict);
    ck_assert_ptr_null(template);
    ck_assert_str_eq(err.message, refusals[_i].message);
    ck_assert_int_eq(err.kind, ERR_INVALID);
}
END_TEST

START_TEST(builds_the_tree)
{
    struct err err = {0};
    struct template *template = NULL;
    ck_assert_int_eq(
        template_parse(SV("a{{ if .b.c }}{{ $x := print 1 | len }}{{ else if true }}"
                          "{{ end }}{{ template \"t\" . }}{{ define \"t\" }}{{ end }}"),
                       &template, &err),
        TEMPLATE_FINE);
    const struct node *text = template->body;
    ck_assert_int_eq(text->type, NODE_TEXT);
    ck_assert(sv_is(text->text, "a"));

    const struct node *control = text->next;
    ck_assert_int_eq(control->type, NODE_IF);
    const struct term *condition = control->pipe->commands->terms;
    ck_assert_int_eq(condition->type, TERM_FIELD);
    ck_assert(sv_is(condition->fields->name, "b") && sv_is(condition->fields->next->name, "c"));
    ck_assert_int_eq(control->otherwise->type, NODE_IF);
    ck_assert_ptr_null(control->otherwise->next);

    const struct pipe *pipe = control->body->pipe;
    ck_assert_uint_eq(pipe->variable_count, 1);
    ck_assert(sv_is(pipe->variables[0], "$x") && !pipe->assigns);
    ck_assert_str_eq(pipe->commands->terms->function->name, "print");
    ck_assert_uint_eq(pipe->commands->argument_count, 1);
    ck_assert_str_eq(pipe->commands->next->terms->function->name, "len");

    const struct node *call = control->next;
    ck_assert_int_eq(call->type, NODE_TEMPLATE);
    ck_assert_ptr_eq(call->definition, template->definitions);
    template_free(template);
}
END_TEST

static enum template_verdict parse_repeated(const char *part, size_t count, const char *end,
                                            struct err *err)
{
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, (size_t)2 * LIMIT_TEMPLATE_TEXT);
    for (size_t i = 0; i < count; i++) {
        buf_add_str(&text, part);
    }
    buf_add_str(&text, end);
    struct template *template = NULL;
    enum template_verdict verdict = template_parse(buf_view(&text), &template, err);
    template_free(template);
    return verdict;
}

START_TEST(nesting_has_a_ceiling)
{
    struct err err = {0};
    ck_assert_int_eq(parse_repeated("{{if .a}}", LIMIT_TEMPLATE_DEPTH + 1, "", &err),
                     TEMPLATE_BROKEN);
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_int_eq(parse_repeated("{{(((((((((((((((((((((((((((((((((((((((((((((((((((((((((((("
                                    "(((((((((((((((((((",
                                    1, "", &err),
                     TEMPLATE_BROKEN);
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

START_TEST(a_chain_of_else_if_is_no_nesting)
{
    struct err err = {0};
    ck_assert_int_eq(parse_repeated("{{if .a}}{{else if .b}}{{else}}{{end}}", 1000, "", &err),
                     TEMPLATE_FINE);
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, LIMIT_TEMPLATE_TEXT);
    buf_add_str(&text, "{{if 0}}");
    for (size_t i = 0; i < 10000; i++) {
        buf_add_str(&text, "{{else if 0}}");
    }
    buf_add_str(&text, "{{end}}");
    struct template *template = NULL;
    ck_assert_int_eq(template_parse(buf_view(&text), &template, &err), TEMPLATE_FINE);
    template_free(template);
}
END_TEST

START_TEST(text_names_and_variables_have_a_ceiling)
{
    struct err err = {0};
    ck_assert_int_eq(parse_repeated("x", LIMIT_TEMPLATE_TEXT, "", &err), TEMPLATE_FINE);
    ck_assert_int_eq(parse_repeated("x", LIMIT_TEMPLATE_TEXT + 1, "", &err), TEMPLATE_BROKEN);
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);

    CLEANUP(buf_done) struct buf names = {0};
    CLEANUP(buf_done) struct buf variables = {0};
    buf_init(&names, LIMIT_TEMPLATE_TEXT);
    buf_init(&variables, LIMIT_TEMPLATE_TEXT);
    for (int i = 0; i <= LIMIT_TEMPLATE_DEFINITIONS; i++) {
        buf_printf(&names, "{{define \"%d\"}}{{end}}", i);
        buf_printf(&variables, "{{$v%d := 1}}", i);
    }
    struct template *template = NULL;
    ck_assert_int_eq(template_parse(buf_view(&names), &template, &err), TEMPLATE_BROKEN);
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    err.kind = ERR_NONE;
    ck_assert_int_eq(template_parse(buf_view(&variables), &template, &err), TEMPLATE_BROKEN);
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

Suite *suite(void)
{
    Suite *parser = suite_create("template_parser");
    TCase *tcase = tcase_create("parser");
    tcase_add_loop_test(tcase, says_where_and_why_it_refuses, 0, (int)ARRAY_LEN(refusals));
    tcase_add_test(tcase, builds_the_tree);
    tcase_add_test(tcase, nesting_has_a_ceiling);
    tcase_add_test(tcase, a_chain_of_else_if_is_no_nesting);
    tcase_add_test(tcase, text_names_and_variables_have_a_ceiling);
    suite_add_tcase(parser, tcase);
    return parser;
}
