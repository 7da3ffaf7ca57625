/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a template: Go's text/template/parse, with its delimiters {{ and }}. Comments and
 * trimmed space are left out here, so the parser never sees them. One thread at a time. */
#ifndef EXTERNALSECRET_TEMPLATE_LEXER_H
#define EXTERNALSECRET_TEMPLATE_LEXER_H

#include "base/err.h"
#include "base/str_view.h"

enum token_type {
    TOKEN_ERROR, /* the text cannot be read on */
    TOKEN_END,   /* of the whole text */
    TOKEN_TEXT,
    TOKEN_OPEN,  /* {{ */
    TOKEN_CLOSE, /* }} */
    TOKEN_SPACE,
    TOKEN_ASSIGN,  /* = */
    TOKEN_DECLARE, /* := */
    TOKEN_PIPE,
    TOKEN_PAREN_OPEN,
    TOKEN_PAREN_CLOSE,
    TOKEN_STRING,     /* with its quotes, as all literals */
    TOKEN_RAW_STRING, /* `...` */
    TOKEN_CHAR,       /* 'a' */
    TOKEN_NUMBER,     /* perhaps imaginary */
    TOKEN_COMPLEX,    /* 1+2i */
    TOKEN_BOOL,
    TOKEN_FIELD,    /* .name */
    TOKEN_VARIABLE, /* $, $name */
    TOKEN_IDENTIFIER,
    TOKEN_OTHER, /* any other printable ASCII character: the comma */
    /* The keywords; nothing behind them. */
    TOKEN_BLOCK,
    TOKEN_BREAK,
    TOKEN_CONTINUE,
    TOKEN_DEFINE,
    TOKEN_DOT,
    TOKEN_ELSE,
    TOKEN_IF,
    TOKEN_FINISH, /* end */
    TOKEN_NIL,
    TOKEN_RANGE,
    TOKEN_TEMPLATE,
    TOKEN_WITH,
    TOKEN_TYPES, /* how many there are */
};

struct token {
    enum token_type type;
    struct str_view text;
    size_t at; /* where it starts */
};

struct lexer {
    struct str_view text;
    size_t at;
    size_t start; /* of the token that is being read */
    int parens;   /* open ones in this action */
    bool inside;  /* an action */
};

void lexer_init(struct lexer *lexer, struct str_view text);
/* At the end TOKEN_END, again and again. TOKEN_ERROR with ERR_INVALID in `err`; nothing may be
 * asked for after that. */
struct token lexer_next(struct lexer *lexer, struct err *err);
/* "a string", "{{end}}", ... for messages: of the template's own text at most a keyword. */
const char *token_name(enum token_type type);

#endif
