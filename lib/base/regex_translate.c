/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of Go's meaning, written as a pattern of PCRE2.
 *
 * Both prefer leftmost-first, so most of it is written as it stands. What differs is a repeat of
 * something that may be empty. Go's matcher never enters a state twice at one place of the text: an
 * iteration behind the first that takes nothing does not happen, and a group inside keeps what it
 * held. PCRE2 lets it happen once, and the group then holds the empty text. So, where the body has
 * groups, x* is written as `one or more x that take something, or else one x that takes nothing`
 * (write_nonempty, write_empty), in which a group stands more than once; regex_groups says which
 * one it is. This is right as long as everything in the body tries to take something before it
 * takes nothing: (|a)* is refused, for there the two differ in what is matched.
 *
 * Before each step that costs, (?Cn) adds n to the count that base/regex.c bounds: PCRE2's own
 * limit is counted anew at each place where a match may start. */
#include "base/regex_syntax.h"

enum {
    /* Characters of a counted repeat that cost as much as one call of the counter. */
    CHARACTERS_PER_STEP = 16,
    MAX_STEPS = 255, /* what a callout can carry */
};

struct writer {
    struct buf *out;
    struct regex_groups *groups;
    bool ignore_case; /* what holds where the writer is */
};

enum part {
    WHOLE,
    NONEMPTY, /* only the ways that take at least one character */
    EMPTY,    /* only the ways that take none */
};

static void write_node(struct writer *writer, const struct regex_node *node, enum part part);

static bool has_group(const struct regex_node *node)
{
    for (const struct regex_node *child = node->child; child; child = child->next) {
        if (has_group(child)) {
            return true;
        }
    }
    return node->op == REGEX_CAPTURE;
}

/* Whether every way to take nothing comes behind all ways to take something. */
static bool tries_nothing_last(const struct regex_node *node)
{
    if (!node->may_be_empty) {
        return true;
    }
    if (node->op == REGEX_REPEAT && node->lazy && node->min == 0) {
        return false;
    }
    for (const struct regex_node *child = node->child; child; child = child->next) {
        bool early = node->op == REGEX_ALTERNATE && child->next && child->may_be_empty;
        if (early || !tries_nothing_last(child)) {
            return false;
        }
    }
    return true;
}

static bool is_loop_of_empty(const struct regex_node *node)
{
    return node->op == REGEX_REPEAT && node->max == REGEX_NO_MAXIMUM && node->child->may_be_empty;
}

/* A counted repeat of what may be empty, which write_node() cannot take apart. */
static bool has_counted_empty(const struct regex_node *node)
{
    if (node->op == REGEX_REPEAT && node->child->may_be_empty && (node->min > 1 || node->max > 1)) {
        return true;
    }
    for (const struct regex_node *child = node->child; child; child = child->next) {
        if (has_counted_empty(child)) {
            return true;
        }
    }
    return false;
}

static bool check_loops(const struct regex_node *node, struct err *err)
{
    if (is_loop_of_empty(node) && (!tries_nothing_last(node->child) ||
                                   (has_group(node->child) && has_counted_empty(node->child)))) {
        return err_set(
            err, ERR_TOO_BIG,
            "a repeat of what prefers to match nothing, such as (|a)*, which Keyturn does "
            "not have: repeat what matches something");
    }
    for (const struct regex_node *child = node->child; child; child = child->next) {
        if (!check_loops(child, err)) {
            return false;
        }
    }
    return true;
}

static void open_group(struct writer *writer, unsigned group)
{
    struct regex_groups *groups = writer->groups;
    buf_add_byte(writer->out, '(');
    if (groups->count == groups->capacity) {
        groups->capacity = groups->capacity * 2 + 16;
        groups->group_of =
            mem_resize_array(groups->group_of, groups->capacity, sizeof *groups->group_of);
    }
    groups->group_of[groups->count++] = group;
}

static void write_steps(struct writer *writer, int characters)
{
    int steps = 1 + characters / CHARACTERS_PER_STEP;
    buf_printf(writer->out, "(?C%d)", steps < MAX_STEPS ? steps : MAX_STEPS);
}

static void write_never(struct writer *writer)
{
    write_steps(writer, 0);
    buf_add_str(writer->out, "(?!)");
}

/* A flag holds up to the end of the group in which it is written. */
static void write_case(struct writer *writer, bool ignore_case)
{
    if (writer->ignore_case != ignore_case) {
        buf_add_str(writer->out, ignore_case ? "(?i)" : "(?-i)");
        writer->ignore_case = ignore_case;
    }
}

static bool is_character(const struct regex_node *node)
{
    return node->op == REGEX_LITERAL || node->op == REGEX_CLASS;
}

static void write_character(struct writer *writer, const struct regex_node *node)
{
    write_case(writer, node->ignore_case);
    if (node->op == REGEX_LITERAL) {
        buf_printf(writer->out, "\\x{%x}", node->rune);
    } else {
        buf_add_str(writer->out, node->text);
    }
}

static void write_count(struct writer *writer, int min, int max, bool lazy)
{
    if (max == REGEX_NO_MAXIMUM) {
        buf_printf(writer->out, "{%d,}", min);
    } else {
        buf_printf(writer->out, "{%d,%d}", min, max);
    }
    buf_add_str(writer->out, lazy ? "?" : "");
}

/* In parentheses that do not capture. */
static void write_wrapped(struct writer *writer, const struct regex_node *node, enum part part)
{
    bool outside = writer->ignore_case;
    buf_add_str(writer->out, "(?:");
    write_node(writer, node, part);
    buf_add_byte(writer->out, ')');
    writer->ignore_case = outside;
}

/* x+ of an x that may be empty. */
static void write_nonempty_or_empty(struct writer *writer, const struct regex_node *node)
{
    bool outside = writer->ignore_case;
    buf_add_str(writer->out, "(?:");
    write_wrapped(writer, node->child, NONEMPTY);
    write_count(writer, 1, REGEX_NO_MAXIMUM, node->lazy);
    buf_add_byte(writer->out, '|');
    write_node(writer, node->child, EMPTY);
    buf_add_byte(writer->out, ')');
    writer->ignore_case = outside;
}

/* x*, x+ and x{n,} with groups in an x that may be empty. */
static void write_loop_of_groups(struct writer *writer, const struct regex_node *node)
{
    if (node->min == 0) {
        bool outside = writer->ignore_case;
        buf_add_str(writer->out, "(?:");
        write_nonempty_or_empty(writer, node);
        buf_add_byte(writer->out, ')');
        writer->ignore_case = outside;
        write_count(writer, 0, 1, node->lazy);
        return;
    }
    if (node->min > 1) {
        write_wrapped(writer, node->child, WHOLE);
        write_count(writer, node->min - 1, node->min - 1, false);
    }
    write_nonempty_or_empty(writer, node);
}

static void write_repeat(struct writer *writer, const struct regex_node *node)
{
    if (is_loop_of_empty(node) && has_group(node->child)) {
        write_loop_of_groups(writer, node);
        return;
    }
    if (is_character(node->child)) {
        write_case(writer, node->child->ignore_case);
        write_steps(writer, node->min);
        write_character(writer, node->child);
    } else {
        write_wrapped(writer, node->child, WHOLE);
    }
    write_count(writer, node->min, node->max, node->lazy);
}

static void write_nonempty_repeat(struct writer *writer, const struct regex_node *node)
{
    if (node->max == 0) {
        write_never(writer);
        return;
    }
    write_wrapped(writer, node->child, NONEMPTY);
    write_count(writer, 1, node->max, node->lazy);
}

static void write_empty_repeat(struct writer *writer, const struct regex_node *node)
{
    if (!node->child->may_be_empty || node->max == 0) {
        return;
    }
    write_wrapped(writer, node->child, EMPTY);
    if (node->min == 0) {
        write_count(writer, 0, 1, false);
    }
}

static void write_repeat_part(struct writer *writer, const struct regex_node *node, enum part part)
{
    if (part == WHOLE) {
        write_repeat(writer, node);
    } else if (part == NONEMPTY) {
        write_nonempty_repeat(writer, node);
    } else {
        write_empty_repeat(writer, node);
    }
}

/* All children, of which the first `empty` take nothing and the one behind them takes something. */
static void write_sequence(struct writer *writer, const struct regex_node *node, unsigned empty)
{
    unsigned index = 0;
    for (const struct regex_node *child = node->child; child; child = child->next, index++) {
        write_wrapped(writer, child, index < empty ? EMPTY : index == empty ? NONEMPTY : WHOLE);
    }
}

static void write_concat(struct writer *writer, const struct regex_node *node, enum part part)
{
    if (part == NONEMPTY) {
        unsigned index = 0;
        for (const struct regex_node *child = node->child; child; child = child->next, index++) {
            buf_add_str(writer->out, index ? "|" : "");
            write_sequence(writer, node, index);
        }
        return;
    }
    for (const struct regex_node *child = node->child; child; child = child->next) {
        if (child->op == REGEX_ALTERNATE || child->op == REGEX_CONCAT) {
            write_wrapped(writer, child, part);
        } else {
            write_node(writer, child, part);
        }
    }
}

static void write_alternate(struct writer *writer, const struct regex_node *node, enum part part)
{
    for (const struct regex_node *child = node->child; child; child = child->next) {
        if (part != EMPTY || child->may_be_empty) {
            write_node(writer, child, part);
            buf_add_str(writer->out, child->next && part != EMPTY ? "|" : "");
        }
    }
}

static void write_capture(struct writer *writer, const struct regex_node *node, enum part part)
{
    bool outside = writer->ignore_case;
    open_group(writer, node->group);
    write_node(writer, node->child, part);
    buf_add_byte(writer->out, ')');
    writer->ignore_case = outside;
}

/* What cannot be empty is written whole as its nonempty part. */
static void write_node(struct writer *writer, const struct regex_node *node, enum part part)
{
    /* Taking loops apart can multiply: what is too large already grows no further. */
    if (writer->out->failed) {
        return;
    }
    if (part == EMPTY && !node->may_be_empty) {
        write_never(writer);
        return;
    }
    part = node->may_be_empty ? part : WHOLE;
    switch (node->op) {
    case REGEX_LITERAL:
    case REGEX_CLASS:
        write_steps(writer, 0);
        write_character(writer, node);
        break;
    case REGEX_EMPTY:
    case REGEX_ASSERT:
        if (part == NONEMPTY) {
            write_never(writer);
        } else if (node->op == REGEX_ASSERT) {
            write_steps(writer, 0);
            buf_add_str(writer->out, node->text);
        }
        break;
    case REGEX_CAPTURE:
        write_capture(writer, node, part);
        break;
    case REGEX_CONCAT:
        write_concat(writer, node, part);
        break;
    case REGEX_ALTERNATE:
        write_alternate(writer, node, part);
        break;
    case REGEX_REPEAT:
        write_repeat_part(writer, node, part);
        break;
    }
}

bool regex_translate(const struct regex_tree *tree, struct buf *out, struct regex_groups *groups,
                     struct err *err)
{
    struct writer writer = {.out = out, .groups = groups};
    if (!check_loops(tree->root, err)) {
        return false;
    }
    open_group(&writer, 0);
    buf_truncate(out, 0);
    write_node(&writer, tree->root, WHOLE);
    return buf_check(out, "a translated regular expression", err);
}
