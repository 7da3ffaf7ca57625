/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the parser share: parser.c reads texts and actions, parse_pipe.c what
 * stands inside an action. */
#ifndef EXTERNALSECRET_TEMPLATE_PARSER_INTERNAL_H
#define EXTERNALSECRET_TEMPLATE_PARSER_INTERNAL_H

#include "base/limits.h"
#include "externalsecret/template/lexer.h"
#include "externalsecret/template/node.h"

struct parser {
    struct template *template;
    struct lexer lexer;
    struct token token; /* in hand */
    struct err *err;
    bool is_foreign;
    struct err foreign; /* why; the first reason */
    struct str_view variables[LIMIT_TEMPLATE_VARIABLES];
    size_t variable_base; /* of the template that is being defined */
    size_t variable_count;
    size_t definition_count;
    int range_depth;
    int depth;
    struct node *calls;
};

/* Each returns false, with where it is. */
bool parser_fail_at(struct parser *parser, size_t at, enum err_kind kind, const char *what);
bool parser_fail(struct parser *parser, const char *what);
bool parser_fail_unexpected(struct parser *parser, const char *context);

/* The next token comes in hand; the second and third pass over space. */
MUST_CHECK bool parser_advance(struct parser *parser);
MUST_CHECK bool parser_skip_space(struct parser *parser);
MUST_CHECK bool parser_advance_over_space(struct parser *parser);
/* One level deeper; whoever comes back subtracts it from `depth`. */
MUST_CHECK bool parser_enter(struct parser *parser);
/* The content of the string in hand, which is taken. */
MUST_CHECK bool parser_quoted(struct parser *parser, struct str_view *ret);
/* Takes `end`, which closes it, along. NULL on failure. */
struct pipe *parser_pipe(struct parser *parser, const char *context, enum token_type end);

#endif
