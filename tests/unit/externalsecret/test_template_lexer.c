/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/template/lexer.h"

#include "base/buf.h"
#include "check_main.h"

/* Each token as <name:text>, spaces as they are. */
static const struct {
    const char *text;
    const char *tokens;
} cases[] = {
    {"", ""},
    {"a }} b", "<text:a }} b>"},
    {"a{{.b}}c", "<text:a><{{:{{><a field:.b><}}:}}><text:c>"},
    {"a \n{{- .b -}}\n c", "<text:a><{{:{{><a field:.b><}}:}}><text:c>"},
    {"a {{-3}}", "<text:a ><{{:{{><a number:-3><}}:}}>"},
    {"a {{/* x */}} b", "<text:a ><text: b>"},
    {"a {{- /* x */ -}} b", "<text:a><text:b>"},
    {"{{ - }}", "<{{:{{><a space: ><a number:-><a space: ><}}:}}>"},
    {"{{ -}} x", "<{{:{{><}}:}}><text:x>"},
    {"{{1  -}} x", "<{{:{{><a number:1><a space: ><}}:}}><text:x>"},
    {"{{$x:=.}}", "<{{:{{><a variable:$x><:=::=><.:.><}}:}}>"},
    {"{{$ = (a|b)}}", "<{{:{{><a variable:$><a space: ><=:=><a space: ><(:(><a name:a><|:|>"
                      "<a name:b><):)><}}:}}>"},
    {"{{$i,1+2i}}", "<{{:{{><a variable:$i><a punctuation character:,>"
                    "<a complex number:1+2i><}}:}}>"},
    {"{{\"a\\\"b\"`c\n`'d'}}", "<{{:{{><a string:\"a\\\"b\"><a raw string:`c\n`>"
                               "<a character constant:'d'><}}:}}>"},
    {"{{if true}}{{end}}", "<{{:{{><if:if><a space: ><a boolean:true><}}:}}><{{:{{><{{end}}:end>"
                           "<}}:}}>"},
    {"{{.5 0x1p-2 1_0}}", "<{{:{{><a number:.5><a space: ><a number:0x1p-2><a space: >"
                          "<a number:1_0><}}:}}>"},
    {"{{.\xc3\xa9.b}}", "<{{:{{><a field:.\xc3\xa9><a field:.b><}}:}}>"},
};

START_TEST(splits_into_tokens)
{
    CLEANUP(buf_done) struct buf seen = {0};
    buf_init(&seen, 4096);
    struct lexer lexer;
    struct err err = {0};
    lexer_init(&lexer, sv_of(cases[_i].text));
    struct token token = lexer_next(&lexer, &err);
    while (token.type != TOKEN_END && token.type != TOKEN_ERROR) {
        buf_printf(&seen, "<%s:%.*s>", token_name(token.type), SV_ARG(token.text));
        token = lexer_next(&lexer, &err);
    }
    ck_assert_msg(token.type == TOKEN_END, "%s", err.message);
    ck_assert_str_eq(seen.data ? seen.data : "", cases[_i].tokens);
    ck_assert_int_eq(lexer_next(&lexer, &err).type, TOKEN_END);
}
END_TEST

static const struct {
    const char *text;
    size_t at;
} mistakes[] = {
    {"ab{{/* x", 4}, {"{{/* x */ }}", 2}, {"{{", 2},      {"{{\"a", 2},   {"{{\"a\nb\"}}", 2},
    {"{{`a", 2},     {"{{'a", 2},         {"{{1)}}", 3},  {"{{(1}}", 4},  {"{{1a}}", 2},
    {"{{1+2}}", 2},  {"{{a-b}}", 3},      {"{{.a+}}", 4}, {"{{a:b}}", 3}, {"{{\xe2\x98\x83}}", 2},
    {"{{\x01}}", 2}, {"{{\xff}}", 2},
};

START_TEST(says_where_it_cannot_read_on)
{
    struct lexer lexer;
    struct err err = {0};
    lexer_init(&lexer, sv_of(mistakes[_i].text));
    struct token token = lexer_next(&lexer, &err);
    while (token.type != TOKEN_END && token.type != TOKEN_ERROR) {
        token = lexer_next(&lexer, &err);
    }
    ck_assert_int_eq(token.type, TOKEN_ERROR);
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_uint_eq(token.at, mistakes[_i].at);
}
END_TEST

Suite *suite(void)
{
    Suite *lexer = suite_create("template_lexer");
    TCase *tcase = tcase_create("lexer");
    tcase_add_loop_test(tcase, splits_into_tokens, 0, (int)ARRAY_LEN(cases));
    tcase_add_loop_test(tcase, says_where_it_cannot_read_on, 0, (int)ARRAY_LEN(mistakes));
    suite_add_tcase(lexer, tcase);
    return lexer;
}
