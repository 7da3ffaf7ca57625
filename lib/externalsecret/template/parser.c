/* SPDX-License-Identifier: Apache-2.0 */
/* Recursive descent over the lexer's tokens with one token in hand; where Go looks further ahead,
 * to tell a declaration from a variable that is used, the lexer is copied and put back. Everything
 * that Go's text/template/parse refuses is refused at the same place of the text, for a text is
 * foreign only when it is no mistake. */
#include "base/unicode.h"
#include "base/utf8.h"
#include "externalsecret/template/parser_internal.h"
#include "externalsecret/template/template.h"

/* How a list of nodes ended. */
enum ender {
    ENDER_END,
    ENDER_ELSE, /* and what follows it, if or with, is in hand */
};

static bool expect_close(struct parser *parser, const char *context)
{
    if (!parser_skip_space(parser)) {
        return false;
    }
    return parser->token.type == TOKEN_CLOSE ? parser_advance(parser)
                                             : parser_fail_unexpected(parser, context);
}

static bool parse_list(struct parser *parser, struct node **ret, enum ender *ret_ender);

/* pipeline }} list, and how the list ended. The keyword is taken. */
static bool parse_branch(struct parser *parser, struct node *node, const char *context,
                         enum ender *ret_ender)
{
    node->pipe = parser_pipe(parser, context, TOKEN_CLOSE);
    if (!node->pipe) {
        return false;
    }
    parser->range_depth += node->type == NODE_RANGE;
    if (!parse_list(parser, &node->body, ret_ender)) {
        return false;
    }
    parser->range_depth -= node->type == NODE_RANGE;
    return true;
}

static bool parse_else(struct parser *parser, struct node *node)
{
    enum ender ender = ENDER_END;
    size_t at = parser->token.at;
    if (!parse_list(parser, &node->otherwise, &ender)) {
        return false;
    }
    return ender == ENDER_END ||
           parser_fail_at(parser, at, ERR_INVALID, "two {{else}} for one {{end}}");
}

/* A chain of else if (or else with) is one structure with one {{end}}: each link is the only node
 * of the one before it. The keyword is in hand. */
static bool parse_control(struct parser *parser, struct node *node, const char *context)
{
    const enum token_type keyword = parser->token.type;
    const size_t variable_count = parser->variable_count;
    enum ender ender = ENDER_END;
    if (!parser_enter(parser) || !parser_advance(parser) ||
        !parse_branch(parser, node, context, &ender)) {
        return false;
    }
    while (ender == ENDER_ELSE && keyword != TOKEN_RANGE && parser->token.type == keyword) {
        node->otherwise = template_take(parser->template, sizeof *node);
        node->otherwise->type = node->type;
        node->otherwise->at = (uint32_t)parser->token.at;
        node = node->otherwise;
        if (!parser_advance(parser) || !parse_branch(parser, node, context, &ender)) {
            return false;
        }
    }
    if (ender == ENDER_ELSE && !parse_else(parser, node)) {
        return false;
    }
    parser->variable_count = variable_count;
    parser->depth--;
    return true;
}

static bool parse_jump(struct parser *parser, struct node *node)
{
    node->type = parser->token.type == TOKEN_BREAK ? NODE_BREAK : NODE_CONTINUE;
    if (!parser_advance(parser) || !expect_close(parser, "{{break}} or {{continue}}")) {
        return false;
    }
    return parser->range_depth > 0 || parser_fail_at(parser, node->at, ERR_INVALID,
                                                     "{{break}} or {{continue}} outside {{range}}");
}

static bool parse_name(struct parser *parser, struct str_view *ret, const char *context)
{
    if (!parser_advance_over_space(parser)) {
        return false;
    }
    if (parser->token.type != TOKEN_STRING && parser->token.type != TOKEN_RAW_STRING) {
        return parser_fail_unexpected(parser, context);
    }
    return parser_quoted(parser, ret) && parser_skip_space(parser);
}

static void note_call(struct parser *parser, struct node *node, struct str_view name)
{
    node->type = NODE_TEMPLATE;
    node->text = name;
    node->next_call = parser->calls;
    parser->calls = node;
}

static bool parse_template(struct parser *parser, struct node *node)
{
    struct str_view name = {0};
    if (!parse_name(parser, &name, "{{template}}")) {
        return false;
    }
    note_call(parser, node, name);
    if (parser->token.type == TOKEN_CLOSE) {
        return parser_advance(parser);
    }
    node->pipe = parser_pipe(parser, "{{template}}", TOKEN_CLOSE);
    return node->pipe != NULL;
}

static bool is_blank(struct str_view text)
{
    while (text.len > 0) {
        size_t len = 0;
        if (!unicode_is_space(utf8_first(text, &len))) {
            return false;
        }
        text = sv_from(text, len);
    }
    return true;
}

static bool is_empty(const struct node *list)
{
    while (list && list->type == NODE_TEXT && is_blank(list->text)) {
        list = list->next;
    }
    return list == NULL;
}

static struct definition *find_definition(const struct template *template, struct str_view name)
{
    struct definition *definition = template->definitions;
    while (definition && !sv_equal(definition->name, name)) {
        definition = definition->next;
    }
    return definition;
}

/* Of two with one name the one that is not empty counts. */
static bool add_definition(struct parser *parser, struct str_view name, struct node *body,
                           size_t at)
{
    struct definition *definition = find_definition(parser->template, name);
    if (definition && !is_empty(definition->body)) {
        return is_empty(body) ||
               parser_fail_at(parser, at, ERR_INVALID, "a second definition of one template");
    }
    if (!definition) {
        if (parser->definition_count++ == LIMIT_TEMPLATE_DEFINITIONS) {
            return parser_fail_at(parser, at, ERR_TOO_BIG, "too many templates are defined");
        }
        definition = template_take(parser->template, sizeof *definition);
        definition->name = name;
        definition->next = parser->template->definitions;
        parser->template->definitions = definition;
    }
    definition->body = body;
    return true;
}

/* The content of a define or block: a template of its own, which sees no variable from outside. */
static bool parse_definition_body(struct parser *parser, struct str_view name, size_t at)
{
    const size_t base = parser->variable_base;
    const size_t count = parser->variable_count;
    const int range_depth = parser->range_depth;
    struct node *body = NULL;
    enum ender ender = ENDER_END;
    if (!parser_enter(parser)) {
        return false;
    }
    parser->variable_base = count;
    parser->range_depth = 0;
    if (!parse_list(parser, &body, &ender)) {
        return false;
    }
    if (ender != ENDER_END) {
        return parser_fail(parser, "{{else}} in {{define}} or {{block}}");
    }
    parser->variable_base = base;
    parser->variable_count = count;
    parser->range_depth = range_depth;
    parser->depth--;
    return add_definition(parser, name, body, at);
}

static bool parse_define(struct parser *parser)
{
    struct str_view name = {0};
    size_t at = parser->token.at;
    return parse_name(parser, &name, "{{define}}") && expect_close(parser, "{{define}}") &&
           parse_definition_body(parser, name, at);
}

/* define and template in one. */
static bool parse_block(struct parser *parser, struct node *node)
{
    struct str_view name = {0};
    if (!parse_name(parser, &name, "{{block}}")) {
        return false;
    }
    node->pipe = parser_pipe(parser, "{{block}}", TOKEN_CLOSE);
    if (!node->pipe || !parse_definition_body(parser, name, node->at)) {
        return false;
    }
    note_call(parser, node, name);
    return true;
}

static bool parse_if(struct parser *parser, struct node *node)
{
    node->type = NODE_IF;
    return parse_control(parser, node, "if");
}

static bool parse_with(struct parser *parser, struct node *node)
{
    node->type = NODE_WITH;
    return parse_control(parser, node, "with");
}

static bool parse_range(struct parser *parser, struct node *node)
{
    node->type = NODE_RANGE;
    return parse_control(parser, node, "range");
}

static bool parse_plain_action(struct parser *parser, struct node *node)
{
    node->type = NODE_ACTION;
    node->pipe = parser_pipe(parser, "an action", TOKEN_CLOSE);
    return node->pipe != NULL;
}

typedef bool (*action_parser)(struct parser *parser, struct node *node);

/* Of the keyword in hand; anything else is a plain action. */
static const action_parser action_parsers[TOKEN_TYPES] = {
    [TOKEN_BLOCK] = parse_block, [TOKEN_BREAK] = parse_jump,  [TOKEN_CONTINUE] = parse_jump,
    [TOKEN_IF] = parse_if,       [TOKEN_RANGE] = parse_range, [TOKEN_TEMPLATE] = parse_template,
    [TOKEN_WITH] = parse_with,
};

static bool parse_action(struct parser *parser, struct node *node)
{
    action_parser parse = action_parsers[parser->token.type];
    node->at = (uint32_t)parser->token.at;
    return parse ? parse(parser, node) : parse_plain_action(parser, node);
}

/* {{end}} or {{else}}, whose keyword is in hand. */
static bool parse_ender(struct parser *parser, enum ender *ret)
{
    *ret = parser->token.type == TOKEN_ELSE ? ENDER_ELSE : ENDER_END;
    if (!parser_advance_over_space(parser)) {
        return false;
    }
    if (*ret == ENDER_ELSE &&
        (parser->token.type == TOKEN_IF || parser->token.type == TOKEN_WITH)) {
        return true;
    }
    return expect_close(parser, *ret == ENDER_ELSE ? "{{else}}" : "{{end}}");
}

static bool is_ender(const struct parser *parser)
{
    return parser->token.type == TOKEN_FINISH || parser->token.type == TOKEN_ELSE;
}

/* A text or an action, for which {{ has been taken and its first word is in hand. */
static struct node *parse_node(struct parser *parser)
{
    struct node *node = template_take(parser->template, sizeof *node);
    if (parser->token.type != TOKEN_TEXT) {
        return parse_action(parser, node) ? node : NULL;
    }
    node->type = NODE_TEXT;
    node->at = (uint32_t)parser->token.at;
    node->text = parser->token.text;
    return parser_advance(parser) ? node : NULL;
}

/* A text, or the first word of an action, comes in hand; nothing else stands between them. */
static bool open_node(struct parser *parser, const char *context)
{
    if (parser->token.type == TOKEN_TEXT) {
        return true;
    }
    return parser->token.type == TOKEN_OPEN ? parser_advance_over_space(parser)
                                            : parser_fail_unexpected(parser, context);
}

static bool parse_list(struct parser *parser, struct node **ret, enum ender *ret_ender)
{
    struct node **end = ret;
    for (;;) {
        if (!open_node(parser, "a list without its {{end}}")) {
            return false;
        }
        if (is_ender(parser)) {
            return parse_ender(parser, ret_ender);
        }
        *end = parse_node(parser);
        if (!*end) {
            return false;
        }
        end = &(*end)->next;
    }
}

static bool parse_whole(struct parser *parser)
{
    struct node **end = &parser->template->body;
    while (parser->token.type != TOKEN_END) {
        if (!open_node(parser, "the template")) {
            return false;
        }
        if (parser->token.type == TOKEN_DEFINE) {
            if (!parse_define(parser)) {
                return false;
            }
            continue;
        }
        if (is_ender(parser)) {
            return parser_fail_unexpected(parser, "the template: nothing is open");
        }
        *end = parse_node(parser);
        if (!*end) {
            return false;
        }
        end = &(*end)->next;
    }
    return true;
}

/* Which template a name means is known when all have been read. */
static void resolve_calls(struct parser *parser)
{
    for (struct node *call = parser->calls; call; call = call->next_call) {
        call->definition = find_definition(parser->template, call->text);
    }
}

static struct template *copy_text(struct str_view text)
{
    struct template *template = mem_alloc(sizeof *template);
    char *copy = template_take(template, text.len);
    if (text.len > 0) {
        memcpy(copy, text.data, text.len);
    }
    template->text = sv_make(copy, text.len);
    return template;
}

enum template_verdict template_parse(struct str_view text, struct template **ret, struct err *err)
{
    if (text.len > LIMIT_TEMPLATE_TEXT) {
        (void)err_set(err, ERR_TOO_BIG, "the template is %zu bytes, limit %d", text.len,
                      LIMIT_TEMPLATE_TEXT);
        return TEMPLATE_BROKEN;
    }
    struct parser parser = {.template = copy_text(text), .err = err};
    lexer_init(&parser.lexer, parser.template->text);
    if (!parser_advance(&parser) || !parse_whole(&parser)) {
        template_free(parser.template);
        return TEMPLATE_BROKEN;
    }
    if (parser.is_foreign) {
        *err = parser.foreign;
        template_free(parser.template);
        return TEMPLATE_FOREIGN;
    }
    resolve_calls(&parser);
    *ret = parser.template;
    return TEMPLATE_FINE;
}
