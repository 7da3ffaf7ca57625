/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of a parsed template. The parser writes it, the executor reads it; it lies in memory of
 * the template's own and is immutable afterwards. Any thread. */
#ifndef EXTERNALSECRET_TEMPLATE_NODE_H
#define EXTERNALSECRET_TEMPLATE_NODE_H

#include "externalsecret/template/functions.h"

struct pipe;

enum term_type {
    TERM_CONSTANT,  /* a boolean, number or string */
    TERM_TOO_LARGE, /* an integer over int64: refused when it is evaluated */
    TERM_NIL,
    TERM_DOT,
    TERM_FIELD,    /* .a.b */
    TERM_VARIABLE, /* $x, $x.a */
    TERM_FUNCTION,
    TERM_AND,
    TERM_OR,
    TERM_PIPE, /* in parentheses */
};

struct field {
    struct str_view name;
    struct field *next;
};

/* An operand. `fields` are looked up in what it evaluates to. */
struct term {
    enum term_type type;
    uint32_t at; /* offset in the text */
    union {
        struct value constant;
        struct str_view variable; /* with its $ */
        const struct template_function *function;
        const struct pipe *pipe;
    };
    struct field *fields;
    struct term *next;
};

/* The first term and its arguments. */
struct command {
    struct term *terms;
    uint32_t argument_count;
    struct command *next;
};

enum {
    PIPE_VARIABLES = 2, /* of range; elsewhere at most one */
};

struct pipe {
    struct command *commands;
    struct str_view variables[PIPE_VARIABLES];
    uint8_t variable_count;
    bool assigns; /* with =, not := */
};

enum node_type {
    NODE_TEXT,
    NODE_ACTION,
    NODE_IF,
    NODE_WITH,
    NODE_RANGE,
    NODE_TEMPLATE,
    NODE_BREAK,
    NODE_CONTINUE,
};

struct definition;

struct node {
    enum node_type type;
    uint32_t at;
    union {
        struct str_view text; /* NODE_TEXT; the name in NODE_TEMPLATE */
        struct node *body;    /* NODE_IF, NODE_WITH, NODE_RANGE */
    };
    struct pipe *pipe; /* NULL in a NODE_TEMPLATE without one */
    union {
        struct node *otherwise;              /* of else; for else if one such node */
        const struct definition *definition; /* NODE_TEMPLATE; NULL when there is none */
    };
    struct node *next;
    struct node *next_call; /* of all NODE_TEMPLATE */
};

/* What define and block make. */
struct definition {
    struct str_view name;
    struct node *body;
    struct definition *next;
};

struct node_block;

struct template
{
    struct str_view text; /* its own copy, into which everything points */
    struct node *body;
    struct definition *definitions;
    struct node_block *blocks;
};

/* Zeroed memory that ends with the template. */
void *template_take(struct template *template, size_t size);
/* "line L, column C: " in front of the message, both counted from 1, the column in bytes. False. */
bool template_wrap(const struct template *template, size_t at, struct err *err);

#endif
