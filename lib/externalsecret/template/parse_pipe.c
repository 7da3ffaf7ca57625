/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/template/literal.h"
#include "externalsecret/template/parser_internal.h"

bool parser_fail_at(struct parser *parser, size_t at, enum err_kind kind, const char *what)
{
    (void)err_set(parser->err, kind, "%s", what);
    return template_wrap(parser->template, at, parser->err);
}

bool parser_fail(struct parser *parser, const char *what)
{
    return parser_fail_at(parser, parser->token.at, ERR_INVALID, what);
}

bool parser_fail_unexpected(struct parser *parser, const char *context)
{
    (void)err_set(parser->err, ERR_INVALID, "unexpected %s in %s", token_name(parser->token.type),
                  context);
    return template_wrap(parser->template, parser->token.at, parser->err);
}

bool parser_advance(struct parser *parser)
{
    parser->token = lexer_next(&parser->lexer, parser->err);
    return parser->token.type != TOKEN_ERROR ||
           template_wrap(parser->template, parser->token.at, parser->err);
}

bool parser_skip_space(struct parser *parser)
{
    return parser->token.type != TOKEN_SPACE || parser_advance(parser);
}

/* The next token that is no space. */
bool parser_advance_over_space(struct parser *parser)
{
    return parser_advance(parser) && parser_skip_space(parser);
}

bool parser_enter(struct parser *parser)
{
    if (parser->depth == LIMIT_TEMPLATE_DEPTH) {
        return parser_fail_at(parser, parser->token.at, ERR_TOO_BIG, "nested too deeply");
    }
    parser->depth++;
    return true;
}

static void note_foreign(struct parser *parser, size_t at, const char *what, struct str_view name)
{
    if (parser->is_foreign) {
        return;
    }
    parser->is_foreign = true;
    (void)err_set(&parser->foreign, ERR_INVALID, "%s%.*s is left to the External Secrets Operator",
                  what, SV_ARG(name));
    (void)template_wrap(parser->template, at, &parser->foreign);
}

static bool is_declared(const struct parser *parser, struct str_view name)
{
    for (size_t i = parser->variable_count; i > parser->variable_base; i--) {
        if (sv_equal(parser->variables[i - 1], name)) {
            return true;
        }
    }
    return sv_is(name, "$");
}

static bool declare(struct parser *parser, struct str_view name)
{
    if (is_declared(parser, name)) {
        return true;
    }
    if (parser->variable_count == LIMIT_TEMPLATE_VARIABLES) {
        return parser_fail_at(parser, parser->token.at, ERR_TOO_BIG, "too many variables");
    }
    parser->variables[parser->variable_count++] = name;
    return true;
}

static bool parse_number(struct parser *parser, struct term *term)
{
    enum literal literal = parser->token.type == TOKEN_COMPLEX
                               ? LITERAL_COMPLEX
                               : literal_number(parser->token.text, &term->constant);
    switch (literal) {
    case LITERAL_FINE:
        break;
    case LITERAL_TOO_LARGE:
        term->type = TERM_TOO_LARGE;
        break;
    case LITERAL_COMPLEX:
        note_foreign(parser, parser->token.at, "a complex number", SV(""));
        break;
    case LITERAL_BROKEN:
        return parser_fail(parser, "a number that is none, or too large");
    }
    return parser_advance(parser);
}

static bool parse_char(struct parser *parser, struct term *term)
{
    return literal_char(parser->token.text, &term->constant)
               ? parser_advance(parser)
               : parser_fail(parser, "a malformed character constant");
}

bool parser_quoted(struct parser *parser, struct str_view *ret)
{
    size_t len = 0;
    char *text = template_take(parser->template, LITERAL_GROWTH * parser->token.text.len);
    if (!literal_string(parser->token.text, text, &len)) {
        return parser_fail(parser, "a string with an escape that is none");
    }
    *ret = sv_make(text, len);
    return parser_advance(parser);
}

static bool parse_string(struct parser *parser, struct term *term)
{
    term->constant = value_text(SV(""));
    return parser_quoted(parser, &term->constant.text);
}

static bool parse_function(struct parser *parser, struct term *term)
{
    struct str_view name = parser->token.text;
    term->type = sv_is(name, "and") ? TERM_AND : sv_is(name, "or") ? TERM_OR : TERM_FUNCTION;
    term->function = template_function_find(name);
    if (!term->function) {
        if (!template_function_is_foreign(name) && !sv_is(name, "call")) {
            (void)err_set(parser->err, ERR_INVALID, "function \"%.*s\" is not defined",
                          SV_ARG(sv_first(name, LIMIT_WARNING_BYTES)));
            return template_wrap(parser->template, parser->token.at, parser->err);
        }
        note_foreign(parser, parser->token.at, "the function ", name);
    }
    return parser_advance(parser);
}

static bool parse_variable(struct parser *parser, struct term *term)
{
    if (!is_declared(parser, parser->token.text)) {
        return parser_fail(parser, "a variable that is not defined");
    }
    term->type = TERM_VARIABLE;
    term->variable = parser->token.text;
    return parser_advance(parser);
}

static bool parse_parenthesis(struct parser *parser, struct term *term)
{
    if (!parser_enter(parser) || !parser_advance(parser)) {
        return false;
    }
    term->type = TERM_PIPE;
    term->pipe = parser_pipe(parser, "a parenthesized pipeline", TOKEN_PAREN_CLOSE);
    parser->depth--;
    return term->pipe != NULL;
}

static bool parse_bool(struct parser *parser, struct term *term)
{
    term->constant = value_bool(sv_is(parser->token.text, "true"));
    return parser_advance(parser);
}

static bool parse_nil(struct parser *parser, struct term *term)
{
    term->type = TERM_NIL;
    return parser_advance(parser);
}

static bool parse_dot(struct parser *parser, struct term *term)
{
    term->type = TERM_DOT;
    return parser_advance(parser);
}

/* Its first name stays for parse_fields(). */
static bool parse_field(struct parser *parser, struct term *term)
{
    term->type = TERM_FIELD;
    return parser->token.type == TOKEN_FIELD;
}

typedef bool (*term_parser)(struct parser *parser, struct term *term);

/* NULL for what starts no term. */
static const term_parser term_parsers[TOKEN_TYPES] = {
    [TOKEN_BOOL] = parse_bool,
    [TOKEN_CHAR] = parse_char,
    [TOKEN_COMPLEX] = parse_number,
    [TOKEN_DOT] = parse_dot,
    [TOKEN_FIELD] = parse_field,
    [TOKEN_IDENTIFIER] = parse_function,
    [TOKEN_NIL] = parse_nil,
    [TOKEN_NUMBER] = parse_number,
    [TOKEN_PAREN_OPEN] = parse_parenthesis,
    [TOKEN_RAW_STRING] = parse_string,
    [TOKEN_STRING] = parse_string,
    [TOKEN_VARIABLE] = parse_variable,
};

static bool is_executable(const struct term *term)
{
    return term->type != TERM_CONSTANT && term->type != TERM_TOO_LARGE && term->type != TERM_NIL &&
           term->type != TERM_DOT;
}

static bool parse_fields(struct parser *parser, struct term *term)
{
    struct field **end = &term->fields;
    if (parser->token.type == TOKEN_FIELD && !is_executable(term)) {
        return parser_fail(parser, "a field of something that has none");
    }
    while (parser->token.type == TOKEN_FIELD) {
        struct field *field = template_take(parser->template, sizeof *field);
        field->name = sv_from(parser->token.text, 1);
        *end = field;
        end = &field->next;
        if (!parser_advance(parser)) {
            return false;
        }
    }
    return true;
}

static struct term *parse_operand(struct parser *parser)
{
    struct term *term = template_take(parser->template, sizeof *term);
    term->at = (uint32_t)parser->token.at;
    return term_parsers[parser->token.type](parser, term) && parse_fields(parser, term) ? term
                                                                                        : NULL;
}

/* Up to and with a '|', or up to what closes the pipeline. What is in hand starts a term. */
static bool parse_command(struct parser *parser, struct command *command)
{
    struct term **end = &command->terms;
    for (;;) {
        if (term_parsers[parser->token.type]) {
            *end = parse_operand(parser);
            if (!*end) {
                return false;
            }
            command->argument_count += command->terms != *end;
            end = &(*end)->next;
        }
        enum token_type type = parser->token.type;
        if (type == TOKEN_CLOSE || type == TOKEN_PAREN_CLOSE) {
            return true;
        }
        if (type != TOKEN_SPACE && type != TOKEN_PIPE) {
            return parser_fail_unexpected(parser, "an operand");
        }
        if (!parser_advance(parser)) {
            return false;
        }
        if (type == TOKEN_PIPE) {
            return true;
        }
    }
}

static bool parse_commands(struct parser *parser, struct pipe *pipe, const char *context,
                           enum token_type end_type)
{
    struct command **end = &pipe->commands;
    for (;;) {
        if (!parser_skip_space(parser)) {
            return false;
        }
        if (parser->token.type == end_type) {
            break;
        }
        if (!term_parsers[parser->token.type]) {
            return parser_fail_unexpected(parser, context);
        }
        size_t at = parser->token.at;
        *end = template_take(parser->template, sizeof **end);
        if (!parse_command(parser, *end)) {
            return false;
        }
        if (*end != pipe->commands && !is_executable((*end)->terms)) {
            return parser_fail_at(parser, at, ERR_INVALID,
                                  "a value behind a | that is no function");
        }
        end = &(*end)->next;
    }
    if (!pipe->commands) {
        (void)err_set(parser->err, ERR_INVALID, "missing value for %s", context);
        return template_wrap(parser->template, parser->token.at, parser->err);
    }
    return parser_advance(parser);
}

static bool add_variable(struct parser *parser, struct pipe *pipe, struct str_view name)
{
    pipe->variables[pipe->variable_count++] = name;
    return declare(parser, name);
}

static bool is_comma(const struct token *token)
{
    return token->type == TOKEN_OTHER && sv_is(token->text, ",");
}

/* Behind "$i,": only range has a second variable. */
static bool check_second_variable(struct parser *parser, const struct pipe *pipe,
                                  const char *context)
{
    if (!sv_is(sv_of(context), "range") || pipe->variable_count == PIPE_VARIABLES) {
        return parser_fail(parser, "too many declarations");
    }
    enum token_type type = parser->token.type;
    return type == TOKEN_VARIABLE || type == TOKEN_CLOSE || type == TOKEN_PAREN_CLOSE ||
           parser_fail(parser, "range can only initialize variables");
}

static bool parse_declarations(struct parser *parser, struct pipe *pipe, const char *context)
{
    while (parser->token.type == TOKEN_VARIABLE) {
        struct lexer lexer = parser->lexer;
        struct token variable = parser->token;
        if (!parser_advance_over_space(parser)) {
            return false;
        }
        enum token_type type = parser->token.type;
        if (type == TOKEN_ASSIGN || type == TOKEN_DECLARE) {
            pipe->assigns = type == TOKEN_ASSIGN;
            return parser_advance(parser) && add_variable(parser, pipe, variable.text);
        }
        if (!is_comma(&parser->token)) {
            parser->lexer = lexer;
            parser->token = variable;
            return true;
        }
        if (!parser_advance_over_space(parser) || !add_variable(parser, pipe, variable.text) ||
            !check_second_variable(parser, pipe, context)) {
            return false;
        }
    }
    return true;
}

struct pipe *parser_pipe(struct parser *parser, const char *context, enum token_type end)
{
    struct pipe *pipe = template_take(parser->template, sizeof *pipe);
    return parser_skip_space(parser) && parse_declarations(parser, pipe, context) &&
                   parse_commands(parser, pipe, context, end)
               ? pipe
               : NULL;
}
