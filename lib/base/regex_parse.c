/* SPDX-License-Identifier: Apache-2.0 */
/* Go's grammar of regular expressions, by recursive descent: one function a level. */
#include "base/regex_syntax.h"

struct items {
    struct regex_node *first;
    struct regex_node *last;
    struct regex_node **last_link; /* what points to `last` */
};

static struct regex_node *read_alternation(struct regex_reader *reader);

bool regex_fail(struct regex_reader *reader, size_t at, const char *what)
{
    return err_set(reader->err, ERR_INVALID, "column %zu: %s", at + 1, what);
}

struct regex_node *regex_node_new(struct regex_tree *tree, enum regex_op op)
{
    struct regex_node *node = mem_alloc(sizeof *node);
    node->op = op;
    node->made_before = tree->newest;
    tree->newest = node;
    return node;
}

void regex_tree_done(struct regex_tree *tree)
{
    while (tree->newest) {
        struct regex_node *before = tree->newest->made_before;
        free(tree->newest->text);
        free(tree->newest);
        tree->newest = before;
    }
    for (unsigned i = 1; tree->names && i <= tree->group_count; i++) {
        free(tree->names[i]);
    }
    free(tree->names);
    *tree = (struct regex_tree){0};
}

size_t regex_utf8_sequence(const char *at, size_t left)
{
    const unsigned char *bytes = (const unsigned char *)at;
    unsigned char lowest = 0x80;
    unsigned char highest = 0xbf;
    size_t len = bytes[0] < 0x80 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
    if (len > left || (bytes[0] >= 0x80 && bytes[0] < 0xc2) || bytes[0] > 0xf4) {
        return 0;
    }
    if (bytes[0] == 0xe0 || bytes[0] == 0xf0) {
        lowest = bytes[0] == 0xe0 ? 0xa0 : 0x90;
    }
    if (bytes[0] == 0xed || bytes[0] == 0xf4) {
        highest = bytes[0] == 0xed ? 0x9f : 0x8f;
    }
    for (size_t i = 1; i < len; i++) {
        if (bytes[i] < lowest || bytes[i] > highest) {
            return 0;
        }
        lowest = 0x80;
        highest = 0xbf;
    }
    return len;
}

uint32_t regex_take_rune(struct regex_reader *reader)
{
    const char *at = reader->pattern.data + reader->at;
    size_t len = regex_utf8_sequence(at, reader->pattern.len - reader->at);
    uint32_t rune = (unsigned char)at[0];
    if (len > 1) {
        rune &= 0x7fU >> len;
    }
    for (size_t i = 1; i < len; i++) {
        rune = rune << 6 | ((unsigned char)at[i] & 0x3fU);
    }
    reader->at += len;
    return rune;
}

static bool next_is(const struct regex_reader *reader, const char *text)
{
    return sv_starts_with(regex_rest(reader), sv_of(text));
}

static bool take(struct regex_reader *reader, const char *text)
{
    if (!next_is(reader, text)) {
        return false;
    }
    reader->at += strlen(text);
    return true;
}

/* \x{10FFFF} or \x7F, behind the x. */
static bool take_hex(struct regex_reader *reader, size_t start, uint32_t *ret)
{
    bool braces = take(reader, "{");
    uint32_t rune = 0;
    size_t digits = 0;
    while (!regex_at_end(reader) && (braces || digits < 2)) {
        char byte = reader->pattern.data[reader->at];
        char lower = (char)(byte | 0x20);
        bool decimal = byte >= '0' && byte <= '9';
        if (!decimal && (lower < 'a' || lower > 'f')) {
            break;
        }
        rune = rune * 16 + (uint32_t)(decimal ? byte - '0' : lower - 'a' + 10);
        if (rune > 0x10ffff) {
            return regex_fail(reader, start, "an escape beyond \\x{10FFFF}");
        }
        reader->at++;
        digits++;
    }
    if (braces ? digits == 0 || !take(reader, "}") : digits != 2) {
        return regex_fail(reader, start, "\\x needs two hexadecimal digits, or some in braces");
    }
    *ret = rune;
    return true;
}

/* Up to three digits, the first of which has been taken. */
static uint32_t take_octal(struct regex_reader *reader, uint32_t rune)
{
    for (int i = 1; i < 3 && !regex_at_end(reader); i++) {
        char byte = reader->pattern.data[reader->at];
        if (byte < '0' || byte > '7') {
            break;
        }
        rune = rune * 8 + (uint32_t)(byte - '0');
        reader->at++;
    }
    return rune;
}

static bool is_word_byte(uint32_t rune)
{
    return (rune >= '0' && rune <= '9') || (rune >= 'a' && rune <= 'z') ||
           (rune >= 'A' && rune <= 'Z') || rune == '_';
}

bool regex_take_escape(struct regex_reader *reader, uint32_t *ret)
{
    static const char names[] = "afnrtv";
    static const char meanings[] = "\a\f\n\r\t\v";
    size_t start = reader->at++;
    if (regex_at_end(reader)) {
        return regex_fail(reader, start, "a backslash at the end");
    }
    uint32_t rune = regex_take_rune(reader);
    if (rune == 'x') {
        return take_hex(reader, start, ret);
    }
    if (rune >= '1' && rune <= '7' &&
        (regex_at_end(reader) || reader->pattern.data[reader->at] < '0' ||
         reader->pattern.data[reader->at] > '7')) {
        return regex_fail(reader, start, "a back-reference, which Go does not have");
    }
    if (rune >= '0' && rune <= '7') {
        *ret = take_octal(reader, rune - '0');
        return true;
    }
    const char *name = rune < 0x80 && rune ? strchr(names, (int)rune) : NULL;
    if (name) {
        *ret = (unsigned char)meanings[name - names];
        return true;
    }
    if (rune >= 0x80 || (is_word_byte(rune) && rune != '_')) {
        return regex_fail(reader, start, "an escape that Go does not have");
    }
    *ret = rune;
    return true;
}

static void add_item(struct items *items, struct regex_node *node)
{
    items->last_link = items->last ? &items->last->next : &items->first;
    *items->last_link = node;
    items->last = node;
}

static void add_literal(struct regex_reader *reader, struct items *items, uint32_t rune)
{
    struct regex_node *node = regex_node_new(reader->tree, REGEX_LITERAL);
    node->rune = rune;
    node->ignore_case = reader->ignore_case;
    add_item(items, node);
}

static void add_text(struct regex_reader *reader, struct items *items, enum regex_op op,
                     const char *text)
{
    struct regex_node *node = regex_node_new(reader->tree, op);
    node->text = str_dup(text);
    node->may_be_empty = op == REGEX_ASSERT;
    add_item(items, node);
}

/* Go's rule for counts inside each other: their product is at most 1,000. */
static bool counts_fit(const struct regex_node *node, int left)
{
    if (node->op == REGEX_REPEAT && node->counted) {
        int most = node->max;
        if (most == 0) {
            return true;
        }
        most = most < 0 ? node->min : most;
        if (most > left) {
            return false;
        }
        left = most > 0 ? left / most : left;
    }
    for (const struct regex_node *child = node->child; child; child = child->next) {
        if (!counts_fit(child, left)) {
            return false;
        }
    }
    return true;
}

struct repeat {
    int min;
    int max;
    bool counted; /* written with braces */
};

/* A number without leading zeros; 1,001 stands for all that are too large. */
static bool take_count(struct regex_reader *reader, int *ret)
{
    size_t start = reader->at;
    int count = 0;
    while (!regex_at_end(reader)) {
        char byte = reader->pattern.data[reader->at];
        if (byte < '0' || byte > '9') {
            break;
        }
        count = count > REGEX_MAX_REPEAT ? count : count * 10 + (byte - '0');
        reader->at++;
    }
    size_t digits = reader->at - start;
    *ret = count > REGEX_MAX_REPEAT ? REGEX_MAX_REPEAT + 1 : count;
    return digits == 1 || (digits > 1 && reader->pattern.data[start] != '0');
}

/* What does not have the form of a count stays where it is: it is literal text. */
static bool take_braces(struct regex_reader *reader, struct repeat *ret)
{
    size_t start = reader->at++;
    bool good = take_count(reader, &ret->min);
    ret->max = ret->min;
    ret->counted = true;
    if (good && take(reader, ",")) {
        ret->max = REGEX_NO_MAXIMUM;
        good = next_is(reader, "}") || take_count(reader, &ret->max);
    }
    if (!good || !take(reader, "}")) {
        reader->at = start;
        return false;
    }
    return true;
}

static bool take_repeat(struct regex_reader *reader, struct repeat *ret)
{
    if (regex_at_end(reader)) {
        return false;
    }
    char byte = reader->pattern.data[reader->at];
    *ret = (struct repeat){byte == '+', byte == '?' ? 1 : REGEX_NO_MAXIMUM, false};
    if (byte == '{') {
        return take_braces(reader, ret);
    }
    if (byte != '*' && byte != '+' && byte != '?') {
        return false;
    }
    reader->at++;
    return true;
}

static bool wrap_in_repeat(struct regex_reader *reader, struct items *items, size_t start,
                           struct repeat repeat)
{
    if (repeat.min > REGEX_MAX_REPEAT || repeat.max > REGEX_MAX_REPEAT ||
        (repeat.max >= 0 && repeat.min > repeat.max)) {
        return regex_fail(reader, start, "a repeat over 1000, or with its limits reversed");
    }
    bool lazy = take(reader, "?") != reader->swap_greed;
    if (!items->last) {
        return regex_fail(reader, start, "nothing to repeat");
    }
    struct regex_node *node = regex_node_new(reader->tree, REGEX_REPEAT);
    node->min = repeat.min;
    node->max = repeat.max;
    node->lazy = lazy;
    node->counted = repeat.counted;
    node->child = items->last;
    node->may_be_empty = repeat.min == 0 || node->child->may_be_empty;
    *items->last_link = node;
    items->last = node;
    if (repeat.counted && (repeat.min > 1 || repeat.max > 1) &&
        !counts_fit(node, REGEX_MAX_REPEAT)) {
        return regex_fail(reader, start, "repeats whose product is over 1000");
    }
    return true;
}

/* Anything that Go calls a name of a group; two groups may have the same. */
static bool take_name(struct regex_reader *reader, size_t start, struct str_view *ret)
{
    size_t len = sv_find(regex_rest(reader), '>');
    *ret = sv_first(regex_rest(reader), len);
    if (len == regex_rest(reader).len || len == 0) {
        return regex_fail(reader, start, "a group whose name does not end, or is empty");
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_word_byte((unsigned char)ret->data[i])) {
            return regex_fail(reader, start, "a group whose name is not of letters, digits and _");
        }
    }
    reader->at += len + 1;
    return true;
}

static struct regex_node *new_capture(struct regex_reader *reader, struct str_view name)
{
    struct regex_tree *tree = reader->tree;
    struct regex_node *node = regex_node_new(tree, REGEX_CAPTURE);
    node->group = ++tree->group_count;
    tree->names = mem_resize_array(tree->names, (size_t)tree->group_count + 1, sizeof *tree->names);
    tree->names[node->group] = name.len ? mem_dup(name.data, name.len) : NULL;
    return node;
}

/* Between "(?" and ":" or ")": the flags that hold from here on. */
static bool take_flags(struct regex_reader *reader, size_t start)
{
    bool value = true;
    bool seen = false;
    for (; !regex_at_end(reader); reader->at++) {
        switch (reader->pattern.data[reader->at]) {
        case 'i':
            reader->ignore_case = value;
            break;
        case 'm':
            reader->multi_line = value;
            break;
        case 's':
            reader->dot_all = value;
            break;
        case 'U':
            reader->swap_greed = value;
            break;
        case '-':
            if (!value) {
                return regex_fail(reader, start, "two signs among the flags of a group");
            }
            value = false;
            seen = false;
            continue;
        case ':':
        case ')':
            return value || seen || regex_fail(reader, start, "a group without the flags to clear");
        default:
            return regex_fail(reader, start, "a kind of group that Go does not have");
        }
        seen = true;
    }
    return regex_fail(reader, start, "a group that does not end");
}

/* Reads up to the group's end and gives back the flags from before it. */
static struct regex_node *read_group_body(struct regex_reader *reader, size_t start,
                                          struct regex_reader outer)
{
    if (reader->depth >= REGEX_MAX_DEPTH) {
        (void)err_set(reader->err, ERR_TOO_BIG, "column %zu: groups nested deeper than %d",
                      start + 1, REGEX_MAX_DEPTH);
        return NULL;
    }
    reader->depth++;
    reader->tree->nesting += reader->depth;
    struct regex_node *body = read_alternation(reader);
    if (!body) {
        return NULL;
    }
    if (!take(reader, ")")) {
        (void)regex_fail(reader, start, "a group that does not end");
        return NULL;
    }
    outer.at = reader->at;
    *reader = outer;
    return body;
}

static bool read_capture(struct regex_reader *reader, size_t start, struct str_view name,
                         struct items *items)
{
    struct regex_node *capture = new_capture(reader, name);
    capture->child = read_group_body(reader, start, *reader);
    if (!capture->child) {
        return false;
    }
    capture->may_be_empty = capture->child->may_be_empty;
    add_item(items, capture);
    return true;
}

/* At '('. */
static bool read_group(struct regex_reader *reader, struct items *items)
{
    size_t start = reader->at++;
    struct str_view name = {0};
    if (!next_is(reader, "?")) {
        return read_capture(reader, start, name, items);
    }
    if ((next_is(reader, "?<") && !next_is(reader, "?<=") && !next_is(reader, "?<!")) ||
        next_is(reader, "?P<")) {
        reader->at += next_is(reader, "?<") ? strlen("?<") : strlen("?P<");
        return take_name(reader, start, &name) && read_capture(reader, start, name, items);
    }
    struct regex_reader outer = *reader;
    reader->at++;
    if (!take_flags(reader, start)) {
        return false;
    }
    if (take(reader, ")")) {
        return true;
    }
    reader->at++;
    struct regex_node *body = read_group_body(reader, start, outer);
    if (!body) {
        return false;
    }
    body->next = NULL;
    add_item(items, body);
    return true;
}

/* \Q...\E: up to the end when there is no \E. */
static void read_quoted(struct regex_reader *reader, struct items *items)
{
    reader->at += strlen("\\Q");
    while (!regex_at_end(reader) && !take(reader, "\\E")) {
        add_literal(reader, items, regex_take_rune(reader));
    }
}

/* At a backslash. */
static bool read_escape(struct regex_reader *reader, struct items *items)
{
    static const struct {
        const char *escape;
        const char *translated;
    } asserts[] = {{"\\A", "\\A"}, {"\\z", "\\z"}, {"\\b", "\\b"}, {"\\B", "\\B"}};
    for (size_t i = 0; i < ARRAY_LEN(asserts); i++) {
        if (take(reader, asserts[i].escape)) {
            add_text(reader, items, REGEX_ASSERT, asserts[i].translated);
            return true;
        }
    }
    if (next_is(reader, "\\Q")) {
        read_quoted(reader, items);
        return true;
    }
    struct regex_node *class = NULL;
    if (!regex_take_class_escape(reader, &class)) {
        return false;
    }
    if (class) {
        add_item(items, class);
        return true;
    }
    uint32_t rune = 0;
    if (!regex_take_escape(reader, &rune)) {
        return false;
    }
    add_literal(reader, items, rune);
    return true;
}

static bool read_item(struct regex_reader *reader, struct items *items)
{
    struct regex_node *class = NULL;
    switch (reader->pattern.data[reader->at]) {
    case '(':
        return read_group(reader, items);
    case '[':
        if (!regex_take_class(reader, &class)) {
            return false;
        }
        add_item(items, class);
        return true;
    case '\\':
        return read_escape(reader, items);
    case '.':
        add_text(reader, items, REGEX_CLASS, reader->dot_all ? "." : "[^\\n]");
        break;
    /* PCRE2's own forms see a line's end before the text's last newline too, and no line behind
     * it. */
    case '^':
        add_text(reader, items, REGEX_ASSERT, reader->multi_line ? "(?<![^\\n])" : "\\A");
        break;
    case '$':
        add_text(reader, items, REGEX_ASSERT, reader->multi_line ? "(?![^\\n])" : "\\z");
        break;
    default:
        add_literal(reader, items, regex_take_rune(reader));
        return true;
    }
    reader->at++;
    return true;
}

static struct regex_node *concat_of(struct regex_reader *reader, const struct items *items)
{
    if (items->first && items->first == items->last) {
        return items->first;
    }
    struct regex_node *node =
        regex_node_new(reader->tree, items->first ? REGEX_CONCAT : REGEX_EMPTY);
    node->child = items->first;
    node->may_be_empty = true;
    for (const struct regex_node *item = items->first; item; item = item->next) {
        node->may_be_empty = node->may_be_empty && item->may_be_empty;
    }
    return node;
}

static struct regex_node *read_concat(struct regex_reader *reader)
{
    struct items items = {0};
    bool after_repeat = false;
    while (!regex_at_end(reader) && !next_is(reader, "|") && !next_is(reader, ")")) {
        size_t start = reader->at;
        struct repeat repeat;
        if (!take_repeat(reader, &repeat)) {
            after_repeat = false;
            if (!read_item(reader, &items)) {
                return NULL;
            }
            continue;
        }
        if (after_repeat) {
            (void)regex_fail(reader, start, "a repeat of a repeat: put it in a group");
            return NULL;
        }
        if (!wrap_in_repeat(reader, &items, start, repeat)) {
            return NULL;
        }
        after_repeat = true;
    }
    return concat_of(reader, &items);
}

static struct regex_node *read_alternation(struct regex_reader *reader)
{
    struct items items = {0};
    bool may_be_empty = false;
    do {
        struct regex_node *branch = read_concat(reader);
        if (!branch) {
            return NULL;
        }
        may_be_empty = may_be_empty || branch->may_be_empty;
        add_item(&items, branch);
    } while (take(reader, "|"));
    if (items.first == items.last) {
        return items.first;
    }
    struct regex_node *node = regex_node_new(reader->tree, REGEX_ALTERNATE);
    node->child = items.first;
    node->may_be_empty = may_be_empty;
    return node;
}

bool regex_parse(struct regex_tree *tree, struct str_view pattern, struct err *err)
{
    struct regex_reader reader = {.pattern = pattern, .tree = tree, .err = err};
    for (size_t i = 0; i < pattern.len;) {
        size_t len = regex_utf8_sequence(pattern.data + i, pattern.len - i);
        if (len == 0) {
            return regex_fail(&reader, i, "a byte that is no UTF-8");
        }
        i += len;
    }
    tree->root = read_alternation(&reader);
    if (!tree->root) {
        return false;
    }
    return regex_at_end(&reader) || regex_fail(&reader, reader.at, "a ) without its (");
}
