/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/template/lexer.h"

#include "base/unicode.h"
#include "base/utf8.h"

static const struct {
    const char *word;
    enum token_type type;
} words[] = {
    {"block", TOKEN_BLOCK},   {"break", TOKEN_BREAK}, {"continue", TOKEN_CONTINUE},
    {"define", TOKEN_DEFINE}, {"else", TOKEN_ELSE},   {"end", TOKEN_FINISH},
    {"false", TOKEN_BOOL},    {"if", TOKEN_IF},       {"nil", TOKEN_NIL},
    {"range", TOKEN_RANGE},   {"true", TOKEN_BOOL},   {"template", TOKEN_TEMPLATE},
    {"with", TOKEN_WITH},
};

const char *token_name(enum token_type type)
{
    static const char *const names[] = {
        [TOKEN_ERROR] = "an error",
        [TOKEN_END] = "the end of the template",
        [TOKEN_TEXT] = "text",
        [TOKEN_OPEN] = "{{",
        [TOKEN_CLOSE] = "}}",
        [TOKEN_SPACE] = "a space",
        [TOKEN_ASSIGN] = "=",
        [TOKEN_DECLARE] = ":=",
        [TOKEN_PIPE] = "|",
        [TOKEN_PAREN_OPEN] = "(",
        [TOKEN_PAREN_CLOSE] = ")",
        [TOKEN_STRING] = "a string",
        [TOKEN_RAW_STRING] = "a raw string",
        [TOKEN_CHAR] = "a character constant",
        [TOKEN_NUMBER] = "a number",
        [TOKEN_COMPLEX] = "a complex number",
        [TOKEN_BOOL] = "a boolean",
        [TOKEN_FIELD] = "a field",
        [TOKEN_VARIABLE] = "a variable",
        [TOKEN_IDENTIFIER] = "a name",
        [TOKEN_OTHER] = "a punctuation character",
        [TOKEN_BLOCK] = "{{block}}",
        [TOKEN_BREAK] = "{{break}}",
        [TOKEN_CONTINUE] = "{{continue}}",
        [TOKEN_DEFINE] = "{{define}}",
        [TOKEN_DOT] = ".",
        [TOKEN_ELSE] = "{{else}}",
        [TOKEN_IF] = "if",
        [TOKEN_FINISH] = "{{end}}",
        [TOKEN_NIL] = "nil",
        [TOKEN_RANGE] = "range",
        [TOKEN_TEMPLATE] = "template",
        [TOKEN_WITH] = "with",
    };
    return names[type];
}

void lexer_init(struct lexer *lexer, struct str_view text)
{
    *lexer = (struct lexer){.text = text};
}

static struct str_view rest(const struct lexer *lexer)
{
    return sv_from(lexer->text, lexer->at);
}

/* The byte `ahead` of where the lexer is; NUL behind the end. */
static char byte_at(const struct lexer *lexer, size_t ahead)
{
    size_t at = lexer->at + ahead;
    return at < lexer->text.len ? lexer->text.data[at] : '\0';
}

static bool at_end(const struct lexer *lexer)
{
    return lexer->at >= lexer->text.len;
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static struct token emit(struct lexer *lexer, enum token_type type)
{
    struct token token = {
        .type = type,
        .text = sv_make(lexer->text.data + lexer->start, lexer->at - lexer->start),
        .at = lexer->start,
    };
    lexer->start = lexer->at;
    return token;
}

static struct token fail(struct lexer *lexer, size_t at, const char *what, struct err *err)
{
    (void)err_set(err, ERR_INVALID, "%s", what);
    lexer->at = lexer->text.len;
    return (struct token){.type = TOKEN_ERROR, .at = at};
}

/* Bytes up to where `part` begins, or SIZE_MAX. */
static size_t distance(struct str_view text, const char *part)
{
    const char *hit = text.len ? memmem(text.data, text.len, part, strlen(part)) : NULL;
    return hit ? (size_t)(hit - text.data) : SIZE_MAX;
}

static void skip_spaces(struct lexer *lexer)
{
    while (!at_end(lexer) && is_space(byte_at(lexer, 0))) {
        lexer->at++;
    }
    lexer->start = lexer->at;
}

/* "}}", or " -}}", which takes the space behind it along. */
static bool at_close(const struct lexer *lexer, bool *ret_trims)
{
    *ret_trims = !at_end(lexer) && is_space(byte_at(lexer, 0)) &&
                 sv_starts_with(sv_from(rest(lexer), 1), SV("-}}"));
    return *ret_trims || sv_starts_with(rest(lexer), SV("}}"));
}

/* Behind "{{": a minus and a space take the space before it along. */
static bool trims_left(struct str_view inside)
{
    return inside.len >= 2 && inside.data[0] == '-' && is_space(inside.data[1]);
}

static struct token lex_close(struct lexer *lexer, bool trims)
{
    if (trims) {
        lexer->at += 2;
        lexer->start = lexer->at;
    }
    lexer->at += 2;
    struct token token = emit(lexer, TOKEN_CLOSE);
    if (trims) {
        skip_spaces(lexer);
    }
    lexer->inside = false;
    return token;
}

/* At the slash. */
static bool skip_comment(struct lexer *lexer, struct token *ret_failure, struct err *err)
{
    size_t begin = lexer->at;
    size_t length = distance(sv_from(rest(lexer), 2), "*/");
    if (length == SIZE_MAX) {
        *ret_failure = fail(lexer, begin, "a comment without an end", err);
        return false;
    }
    lexer->at += length + 4;
    bool trims = false;
    if (!at_close(lexer, &trims)) {
        *ret_failure = fail(lexer, begin, "a comment ends before the closing }}", err);
        return false;
    }
    (void)lex_close(lexer, trims);
    return true;
}

/* The text up to the next action; false when there is none to speak of. */
static bool lex_text(struct lexer *lexer, size_t length, struct token *ret)
{
    struct str_view text = sv_first(rest(lexer), length);
    if (trims_left(sv_from(rest(lexer), length + 2))) {
        while (text.len > 0 && is_space(text.data[text.len - 1])) {
            text.len--;
        }
    }
    *ret = (struct token){.type = TOKEN_TEXT, .text = text, .at = lexer->start};
    lexer->at += length;
    lexer->start = lexer->at;
    return text.len > 0;
}

static struct token lex_outside(struct lexer *lexer, struct err *err)
{
    for (;;) {
        size_t length = distance(rest(lexer), "{{");
        if (length == SIZE_MAX) {
            lexer->at = lexer->text.len;
            return emit(lexer, lexer->at > lexer->start ? TOKEN_TEXT : TOKEN_END);
        }
        struct token token = {0};
        if (lex_text(lexer, length, &token)) {
            return token;
        }
        lexer->at += 2;
        size_t marker = trims_left(rest(lexer)) ? 2 : 0;
        if (!sv_starts_with(sv_from(rest(lexer), marker), SV("/*"))) {
            token = emit(lexer, TOKEN_OPEN);
            lexer->at += marker;
            lexer->start = lexer->at;
            lexer->inside = true;
            lexer->parens = 0;
            return token;
        }
        lexer->at += marker;
        if (!skip_comment(lexer, &token, err)) {
            return token;
        }
    }
}

static struct token lex_space(struct lexer *lexer)
{
    bool trims = false;
    while (!at_end(lexer) && is_space(byte_at(lexer, 0)) && !at_close(lexer, &trims)) {
        lexer->at++;
    }
    return emit(lexer, TOKEN_SPACE);
}

/* What may stand behind a name, a field or a variable. */
static bool at_terminator(const struct lexer *lexer)
{
    char byte = byte_at(lexer, 0);
    return at_end(lexer) || is_space(byte) || (byte && strchr(".,|:()", byte)) ||
           sv_starts_with(rest(lexer), SV("}}"));
}

static void skip_word(struct lexer *lexer)
{
    while (!at_end(lexer)) {
        size_t len = 0;
        if (!unicode_is_word(utf8_first(rest(lexer), &len))) {
            return;
        }
        lexer->at += len;
    }
}

static struct token lex_word(struct lexer *lexer, enum token_type type, struct err *err)
{
    skip_word(lexer);
    if (!at_terminator(lexer)) {
        return fail(lexer, lexer->at, "a character that cannot stand in a name", err);
    }
    return emit(lexer, type);
}

static struct token lex_identifier(struct lexer *lexer, struct err *err)
{
    struct token token = lex_word(lexer, TOKEN_IDENTIFIER, err);
    for (size_t i = 0; token.type == TOKEN_IDENTIFIER && i < ARRAY_LEN(words); i++) {
        if (sv_is(token.text, words[i].word)) {
            token.type = words[i].type;
        }
    }
    return token;
}

/* Behind the dot. */
static struct token lex_field(struct lexer *lexer, struct err *err)
{
    return at_terminator(lexer) ? emit(lexer, TOKEN_DOT) : lex_word(lexer, TOKEN_FIELD, err);
}

/* `what` is what remains open. */
static struct token lex_quoted(struct lexer *lexer, char quote, enum token_type type,
                               const char *what, struct err *err)
{
    for (; !at_end(lexer) && byte_at(lexer, 0) != '\n'; lexer->at++) {
        if (byte_at(lexer, 0) == quote) {
            lexer->at++;
            return emit(lexer, type);
        }
        if (byte_at(lexer, 0) == '\\') {
            lexer->at++;
            if (at_end(lexer) || byte_at(lexer, 0) == '\n') {
                break;
            }
        }
    }
    return fail(lexer, lexer->start, what, err);
}

static struct token lex_raw_string(struct lexer *lexer, struct err *err)
{
    size_t length = sv_find(rest(lexer), '`');
    if (length == rest(lexer).len) {
        return fail(lexer, lexer->start, "a raw string without an end", err);
    }
    lexer->at += length + 1;
    return emit(lexer, TOKEN_RAW_STRING);
}

static bool accept(struct lexer *lexer, const char *bytes)
{
    char byte = byte_at(lexer, 0);
    if (byte == '\0' || !strchr(bytes, byte)) {
        return false;
    }
    lexer->at++;
    return true;
}

static void accept_run(struct lexer *lexer, const char *bytes)
{
    while (accept(lexer, bytes)) {
    }
}

static void accept_exponent(struct lexer *lexer, const char *letters)
{
    if (accept(lexer, letters)) {
        (void)accept(lexer, "+-");
        accept_run(lexer, "0123456789_");
    }
}

/* Takes what looks like a number; whether it is one, template_number() knows. */
static bool scan_number(struct lexer *lexer)
{
    const char *digits = "0123456789_";
    const char *exponent = "eE";
    (void)accept(lexer, "+-");
    if (accept(lexer, "0")) {
        if (accept(lexer, "xX")) {
            digits = "0123456789abcdefABCDEF_";
            exponent = "pP";
        } else if (accept(lexer, "oO")) {
            digits = "01234567_";
            exponent = "";
        } else if (accept(lexer, "bB")) {
            digits = "01_";
            exponent = "";
        }
    }
    accept_run(lexer, digits);
    if (accept(lexer, ".")) {
        accept_run(lexer, digits);
    }
    accept_exponent(lexer, exponent);
    (void)accept(lexer, "i");
    size_t len = 0;
    return at_end(lexer) || !unicode_is_word(utf8_first(rest(lexer), &len));
}

static struct token lex_number(struct lexer *lexer, struct err *err)
{
    bool good = scan_number(lexer);
    enum token_type type = TOKEN_NUMBER;
    if (good && (byte_at(lexer, 0) == '+' || byte_at(lexer, 0) == '-')) {
        type = TOKEN_COMPLEX;
        good = scan_number(lexer) && lexer->text.data[lexer->at - 1] == 'i';
    }
    return good ? emit(lexer, type) : fail(lexer, lexer->start, "a malformed number", err);
}

static struct token lex_paren(struct lexer *lexer, char paren, struct err *err)
{
    lexer->parens += paren == '(' ? 1 : -1;
    if (lexer->parens < 0) {
        return fail(lexer, lexer->start, "unexpected )", err);
    }
    return emit(lexer, paren == '(' ? TOKEN_PAREN_OPEN : TOKEN_PAREN_CLOSE);
}

static struct token lex_other(struct lexer *lexer, struct err *err)
{
    size_t len = 0;
    uint32_t rune = utf8_first(rest(lexer), &len);
    if (unicode_is_word(rune)) {
        return lex_identifier(lexer, err);
    }
    if (rune < 0x80 && unicode_is_print(rune)) {
        lexer->at++;
        return emit(lexer, TOKEN_OTHER);
    }
    return fail(lexer, lexer->start, "a character that cannot stand in an action", err);
}

static struct token lex_colon(struct lexer *lexer, struct err *err)
{
    if (byte_at(lexer, 0) != '=') {
        return fail(lexer, lexer->start, "expected :=", err);
    }
    lexer->at++;
    return emit(lexer, TOKEN_DECLARE);
}

/* `byte` has been taken. */
static struct token lex_mark(struct lexer *lexer, char byte, struct err *err)
{
    switch (byte) {
    case '=':
        return emit(lexer, TOKEN_ASSIGN);
    case ':':
        return lex_colon(lexer, err);
    case '|':
        return emit(lexer, TOKEN_PIPE);
    case '"':
        return lex_quoted(lexer, '"', TOKEN_STRING, "a string without an end", err);
    case '\'':
        return lex_quoted(lexer, '\'', TOKEN_CHAR, "a character constant without an end", err);
    case '`':
        return lex_raw_string(lexer, err);
    case '$':
        return at_terminator(lexer) ? emit(lexer, TOKEN_VARIABLE)
                                    : lex_word(lexer, TOKEN_VARIABLE, err);
    case '.':
        return lex_field(lexer, err);
    default:
        return lex_paren(lexer, byte, err);
    }
}

static bool starts_number(const struct lexer *lexer)
{
    char byte = byte_at(lexer, 0);
    /* A dot at the very end too: nothing behind it says that it is a field. */
    return byte == '+' || byte == '-' || is_digit(byte) ||
           (byte == '.' && (lexer->at + 1 == lexer->text.len || is_digit(byte_at(lexer, 1))));
}

static struct token lex_inside(struct lexer *lexer, struct err *err)
{
    bool trims = false;
    if (at_close(lexer, &trims)) {
        return lexer->parens == 0 ? lex_close(lexer, trims)
                                  : fail(lexer, lexer->at, "a ( that is not closed", err);
    }
    if (at_end(lexer)) {
        return fail(lexer, lexer->at, "an action that is not closed with }}", err);
    }
    char byte = byte_at(lexer, 0);
    if (is_space(byte)) {
        return lex_space(lexer);
    }
    if (starts_number(lexer)) {
        return lex_number(lexer, err);
    }
    if (byte == '\0' || !strchr("=:|\"'`$.()", byte)) {
        return lex_other(lexer, err);
    }
    lexer->at++;
    return lex_mark(lexer, byte, err);
}

struct token lexer_next(struct lexer *lexer, struct err *err)
{
    return lexer->inside ? lex_inside(lexer, err) : lex_outside(lexer, err);
}
