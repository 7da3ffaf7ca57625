/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to base/regex.c: a pattern in Go's grammar (regexp/syntax with the flags that
 * regexp.Compile sets) as a tree, and that tree as a pattern of PCRE2 with the same meaning. */
#ifndef BASE_REGEX_SYNTAX_H
#define BASE_REGEX_SYNTAX_H

#include "base/buf.h"

enum regex_op {
    REGEX_EMPTY,
    REGEX_LITERAL,
    REGEX_CLASS,  /* `text` is PCRE2's form of it, one item for a quantifier */
    REGEX_ASSERT, /* `text` likewise; matches no character */
    REGEX_CAPTURE,
    REGEX_CONCAT,
    REGEX_ALTERNATE,
    REGEX_REPEAT,
};

enum {
    REGEX_NO_MAXIMUM = -1,
    REGEX_MAX_REPEAT = 1000,
    /* Groups inside each other. Go allows 1,000; what people write stays below ten, and PCRE2 and
     * this reader spend a stack frame on each. */
    REGEX_MAX_DEPTH = 100,
    /* Characters in ranges under (?i) that PCRE2 folds one by one: three times all that there
     * are. */
    REGEX_MAX_FOLDED = 100000,
};

struct regex_node {
    enum regex_op op;
    bool ignore_case; /* LITERAL, CLASS */
    bool lazy;        /* REPEAT */
    bool counted;     /* REPEAT: written with braces */
    bool may_be_empty;
    int min; /* REPEAT */
    int max;
    uint32_t rune;  /* LITERAL */
    unsigned group; /* CAPTURE, from 1 */
    char *text;
    struct regex_node *child;
    struct regex_node *next;
    struct regex_node *made_before;
};

/* Zeroed is empty. */
struct regex_tree {
    struct regex_node *root;
    struct regex_node *newest;
    size_t nesting;       /* of every group how many it stands in, and itself */
    size_t folded;        /* characters whose other case PCRE2 looks for */
    unsigned group_count; /* without the whole match */
    char **names;         /* by group, [0] unused; NULL for a group without a name */
};

/* ERR_INVALID with the column, from 1, in bytes; ERR_TOO_BIG over REGEX_MAX_DEPTH
 * or REGEX_MAX_FOLDED. The tree is to
 * be released after a failure too. */
MUST_CHECK bool regex_parse(struct regex_tree *tree, struct str_view pattern, struct err *err);
void regex_tree_done(struct regex_tree *tree);
struct regex_node *regex_node_new(struct regex_tree *tree, enum regex_op op);

/* The reader's place in a pattern. */
struct regex_reader {
    struct str_view pattern;
    size_t at;
    bool ignore_case;
    bool multi_line;
    bool dot_all;
    bool swap_greed;
    unsigned depth;
    struct regex_tree *tree;
    struct err *err;
};

/* "column N: what"; false. */
bool regex_fail(struct regex_reader *reader, size_t at, const char *what);
static inline bool regex_at_end(const struct regex_reader *reader)
{
    return reader->at >= reader->pattern.len;
}
static inline struct str_view regex_rest(const struct regex_reader *reader)
{
    return sv_from(reader->pattern, reader->at);
}
/* Takes one character; the pattern is valid UTF-8 and not at its end. */
uint32_t regex_take_rune(struct regex_reader *reader);
/* Takes an escaped character behind a backslash at `reader->at`. */
MUST_CHECK bool regex_take_escape(struct regex_reader *reader, uint32_t *ret);
/* A class at '[', or one of \d \w \s \p and their opposites. `*ret` is NULL when the backslash
 * starts none of these. */
MUST_CHECK bool regex_take_class(struct regex_reader *reader, struct regex_node **ret);
MUST_CHECK bool regex_take_class_escape(struct regex_reader *reader, struct regex_node **ret);

/* A general category or a script, exactly as Go spells it (up to Go 1.24: Unicode 15). */
bool regex_is_category(struct str_view name);
bool regex_is_script(struct str_view name);

/* Which of Go's groups each of PCRE2's groups is: a group may be written several times. */
struct regex_groups {
    unsigned *group_of; /* [0] is the whole match */
    unsigned count;
    unsigned capacity;
};

/* Appends to `out`. ERR_TOO_BIG for a repeat whose meaning PCRE2 cannot give (see the source). */
MUST_CHECK bool regex_translate(const struct regex_tree *tree, struct buf *out,
                                struct regex_groups *groups, struct err *err);

/* Length of the UTF-8 sequence at `at`, 0 when there is none (RFC 3629). */
size_t regex_utf8_sequence(const char *at, size_t left);

#endif
