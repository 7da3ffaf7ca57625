/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/property_part.h"

#include "externalsecret/property_value.h"

enum property_modifier property_modifier_of(struct str_view name)
{
    static const char *const names[] = {
        [MODIFIER_THIS] = "this",       [MODIFIER_REVERSE] = "reverse",
        [MODIFIER_UGLY] = "ugly",       [MODIFIER_PRETTY] = "pretty",
        [MODIFIER_VALID] = "valid",     [MODIFIER_FLATTEN] = "flatten",
        [MODIFIER_JOIN] = "join",       [MODIFIER_KEYS] = "keys",
        [MODIFIER_VALUES] = "values",   [MODIFIER_TOSTR] = "tostr",
        [MODIFIER_FROMSTR] = "fromstr", [MODIFIER_GROUP] = "group",
        [MODIFIER_DIG] = "dig",
    };
    for (size_t i = MODIFIER_THIS; i < ARRAY_LEN(names); i++) {
        if (sv_is(name, names[i])) {
            return (enum property_modifier)i;
        }
    }
    return MODIFIER_NONE;
}

/* Behind a dot: a modifier that there is, or a set of paths, works on the value found. */
static bool starts_pipe(struct str_view rest)
{
    if (rest.len == 0) {
        return false;
    }
    if (rest.data[0] != '@') {
        return rest.data[0] == '[' || rest.data[0] == '{';
    }
    size_t end = 1;
    while (end < rest.len && !strchr(".|:", rest.data[end])) {
        end++;
    }
    return property_modifier_of(sv_make(rest.data + 1, end - 1)) != MODIFIER_NONE;
}

static void behind_dot(struct property_part *part, struct str_view rest, bool may_pipe)
{
    if (may_pipe && starts_pipe(rest)) {
        part->pipe = rest;
        part->piped = true;
    } else {
        part->rest = rest;
        part->more = true;
    }
}

/* `text` without the backslashes. What follows the first of them is taken as it is, a backslash in
 * the end is dropped. */
static struct str_view without_backslashes(struct property_run *run, struct str_view text)
{
    if (sv_find(text, '\\') == text.len) {
        return text;
    }
    struct secret_buf out = {0};
    property_run_open(run, &out);
    for (size_t i = 0; i < text.len; i++) {
        i += text.data[i] == '\\' ? 1 : 0;
        if (i < text.len) {
            secret_buf_append(&out, text.data + i, 1);
        }
    }
    return property_run_keep(run, &out);
}

struct property_part property_object_part(struct property_run *run, struct str_view path)
{
    struct property_part part = {0};
    size_t end = 0;
    for (; end < path.len && path.data[end] != '.' && path.data[end] != '|'; end++) {
        part.wild = part.wild || path.data[end] == '*' || path.data[end] == '?';
        end += path.data[end] == '\\' ? 1 : 0;
    }
    part.text = without_backslashes(run, sv_first(path, end));
    if (end >= path.len) {
        return part;
    }
    struct str_view rest = sv_from(path, end + 1);
    if (path.data[end] == '|') {
        part.pipe = rest;
        part.piped = true;
    } else {
        behind_dot(&part, rest, true);
    }
    return part;
}

static struct str_view trim(struct str_view text)
{
    while (text.len && (unsigned char)text.data[0] <= ' ') {
        text = sv_from(text, 1);
    }
    while (text.len && (unsigned char)text.data[text.len - 1] <= ' ') {
        text.len--;
    }
    return text;
}

/* `at` is behind an opening quote; the closing one, or the end. */
static size_t skip_quoted(struct str_view text, size_t at, bool *ret_escaped)
{
    for (; at < text.len && text.data[at] != '"'; at++) {
        if (text.data[at] == '\\') {
            *ret_escaped = true;
            at++;
        }
    }
    return at;
}

/* Where the bracket that opens `text` at 1 closes, or the end; and where an operator starts in it,
 * or 0. */
static size_t query_end(struct str_view text, size_t *ret_operator, bool *ret_escaped)
{
    size_t depth = 1;
    for (size_t i = 2; i < text.len; i++) {
        char byte = text.data[i];
        if (depth == 1 && *ret_operator == 0 && byte && strchr("!=<>%", byte)) {
            *ret_operator = i;
        } else if (byte == '\\') {
            i++;
        } else if (byte == '[' || byte == '(') {
            depth++;
        } else if (byte == ']' || byte == ')') {
            if (--depth == 0) {
                return i;
            }
        } else if (byte == '"') {
            i = skip_quoted(text, i + 1, ret_escaped);
        }
    }
    return text.len;
}

/* `text` starts with an operator's first byte. A single "!" before something else is none. */
static void split_operator(struct str_view text, struct property_query *ret)
{
    static const char *const doubles[] = {"!=", "!%", "<=", ">="};
    size_t len = text.len == 1 || text.data[0] != '!' ? 1 : 0;
    for (size_t i = 0; text.len > 1 && i < ARRAY_LEN(doubles); i++) {
        len = sv_starts_with(text, sv_of(doubles[i])) ? 2 : len;
    }
    if (sv_starts_with(text, SV("=="))) {
        text = sv_from(text, 1);
    }
    ret->op = sv_first(text, len);
    ret->value = trim(sv_from(text, len));
}

static void unquote_value(struct property_run *run, struct property_query *query, bool escaped)
{
    struct str_view value = query->value;
    if (value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"') {
        value = sv_make(value.data + 1, value.len - 2);
        query->value = escaped ? property_unescape(run, value) : value;
    }
}

/* `text` starts with "#(" or "#[". How long the query is; 0 when it has no end: then it is one that
 * asks for nothing. */
static size_t parse_query(struct property_run *run, struct str_view text,
                          struct property_query *ret)
{
    size_t operator_at = 0;
    bool escaped = false;
    size_t end = query_end(text, &operator_at, &escaped);
    ret->on = true;
    if (end >= text.len) {
        return 0;
    }
    if (operator_at) {
        ret->path = trim(sv_make(text.data + 2, operator_at - 2));
        split_operator(trim(sv_make(text.data + operator_at, end - operator_at)), ret);
        unquote_value(run, ret, escaped);
    } else {
        ret->path = trim(sv_make(text.data + 2, end - 2));
    }
    ret->all = end + 1 < text.len && text.data[end + 1] == '#';
    return end + 1;
}

/* What a "#" at the start of an array's part says; where to go on, or past the end. */
static size_t parse_count(struct property_run *run, struct str_view path,
                          struct property_part *part)
{
    if (path.len > 1 && path.data[1] == '.') {
        part->each = true;
        part->each_path = sv_from(path, 2);
    } else if (path.len > 1 && (path.data[1] == '[' || path.data[1] == '(')) {
        size_t len = parse_query(run, path, &part->query);
        return len ? len : path.len;
    }
    return 1;
}

struct property_part property_array_part(struct property_run *run, struct str_view path)
{
    struct property_part part = {0};
    size_t at = 0;
    while (at < path.len && path.data[at] != '|' && path.data[at] != '.') {
        part.counts = part.counts || path.data[at] == '#';
        at = at == 0 && path.data[0] == '#' ? parse_count(run, path, &part) : at + 1;
    }
    part.text = sv_first(path, at);
    if (at >= path.len) {
        return part;
    }
    struct str_view rest = sv_from(path, at + 1);
    if (path.data[at] == '|') {
        part.pipe = rest;
        part.piped = true;
    } else {
        behind_dot(&part, rest, !part.counts);
    }
    return part;
}

struct str_view property_squash(struct str_view text)
{
    size_t depth = text.data[0] == '"' ? 0 : 1;
    for (size_t i = depth; i < text.len; i++) {
        char byte = text.data[i];
        bool escaped = false;
        if (byte == '"') {
            i = skip_quoted(text, i + 1, &escaped);
            if (depth == 0) {
                return sv_first(text, i + 1);
            }
        } else if (byte == '{' || byte == '[' || byte == '(') {
            depth++;
        } else if ((byte == '}' || byte == ']' || byte == ')') && --depth == 0) {
            return sv_first(text, i + 1);
        }
    }
    return text;
}

/* `at` is behind the bracket that opens a query; its closing one, or the end. */
static size_t skip_query(struct str_view path, size_t at, char open)
{
    char close = open == '[' ? ']' : ')';
    bool escaped = false;
    size_t depth = 1;
    for (; at < path.len; at++) {
        if (path.data[at] == '\\') {
            at++;
        } else if (path.data[at] == open) {
            depth++;
        } else if (path.data[at] == close) {
            if (--depth == 0) {
                break;
            }
        } else if (path.data[at] == '"') {
            at = skip_quoted(path, at + 1, &escaped);
        }
    }
    return at;
}

static bool split_selector(struct str_view path, struct str_view *ret_left,
                           struct str_view *ret_right)
{
    size_t len = property_squash(sv_from(path, 1)).len + 1;
    if (len >= path.len || path.data[len] != '|') {
        return false;
    }
    *ret_left = sv_first(path, len);
    *ret_right = sv_from(path, len + 1);
    return true;
}

bool property_split_pipe(struct str_view path, struct str_view *ret_left,
                         struct str_view *ret_right)
{
    if (sv_find(path, '|') == path.len) {
        return false;
    }
    if (path.data[0] == '{') {
        return split_selector(path, ret_left, ret_right);
    }
    for (size_t i = 0; i < path.len; i++) {
        if (path.data[i] == '|') {
            *ret_left = sv_first(path, i);
            *ret_right = sv_from(path, i + 1);
            return true;
        }
        if (path.data[i] == '\\') {
            i++;
        } else if (path.data[i] == '.' && i + 1 < path.len && path.data[i + 1] == '#') {
            i += 2;
            if (i < path.len && (path.data[i] == '[' || path.data[i] == '(')) {
                i = skip_query(path, i + 1, path.data[i]);
            }
        }
    }
    return false;
}
