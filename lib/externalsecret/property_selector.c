/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/property_selector.h"

#include "externalsecret/json_text.h"
#include "externalsecret/property_modifier.h"
#include "externalsecret/property_path.h"
#include "externalsecret/template/json_write.h"

/* Up to the first of `ends`, from the second byte on. */
static struct str_view name_of(struct str_view path, const char *ends)
{
    size_t end = 1;
    while (end < path.len && !strchr(ends, path.data[end])) {
        end++;
    }
    return sv_make(path.data + 1, end - 1);
}

/* Everything up to the next "|" that is in no bracket and no string. */
static struct str_view simple_argument(struct str_view text)
{
    size_t i = 0;
    for (; i < text.len && text.data[i] != '|'; i++) {
        if (strchr("{[\"(", text.data[i])) {
            i += property_squash(sv_from(text, i)).len - 1;
        }
    }
    return sv_first(text, i);
}

static struct str_view argument_of(struct property_run *run, struct str_view text)
{
    if (strchr("{[\"", text.data[0])) {
        struct property_value value = property_parse(run, text);
        if (property_value_exists(&value)) {
            return property_squash(text);
        }
    }
    return simple_argument(text);
}

static bool select_modifier(struct property_run *run, struct str_view json, struct str_view path,
                            struct str_view *ret_json, struct str_view *ret_rest)
{
    struct str_view name = name_of(path, ":|.");
    struct str_view rest = sv_from(path, 1 + name.len);
    struct str_view argument = {0};
    enum property_modifier modifier = property_modifier_of(name);
    if (modifier == MODIFIER_NONE) {
        return false;
    }
    if (rest.len && rest.data[0] == ':') {
        rest = sv_from(rest, 1);
        argument = rest.len ? argument_of(run, rest) : argument;
        rest = sv_from(rest, argument.len);
    }
    *ret_json = property_modify(run, modifier, json, argument);
    *ret_rest = rest;
    return true;
}

static bool is_word(struct str_view name)
{
    static const char *const words[] = {"true", "false", "null", "nan", "inf"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (sv_equal_ignoring_case(name, sv_of(words[i]))) {
            return true;
        }
    }
    return false;
}

/* "!" and a JSON value, which ends as a container would, or a word. */
static bool select_literal(struct str_view path, struct str_view *ret_json,
                           struct str_view *ret_rest)
{
    struct str_view text = sv_from(path, 1);
    if (strchr("{[\"+-0123456789", text.data[0])) {
        size_t end = 0;
        *ret_json = property_take_container(text, &end);
        *ret_rest = sv_from(text, ret_json->len);
        return true;
    }
    *ret_json = name_of(path, "|.");
    *ret_rest = sv_from(path, 1 + ret_json->len);
    return is_word(*ret_json);
}

/* One of a set of paths. */
struct selector {
    struct str_view name; /* as written; empty: the path's last part */
    struct str_view path;
};

/* Where the next selector ends: its "," or the closing bracket of the set; false when there is
 * none. `*ret_colon` is behind its name, or 0. */
static bool selector_end(struct str_view set, size_t start, size_t *ret_end, size_t *ret_colon)
{
    size_t depth = 1;
    bool modifier = false;
    *ret_colon = 0;
    for (size_t i = start; i < set.len; i++) {
        switch (set.data[i]) {
        case '\\':
            i++;
            break;
        case '@':
            modifier = modifier || set.data[i - 1] == '.' || set.data[i - 1] == '|';
            break;
        case ':':
            *ret_colon = !modifier && *ret_colon == 0 && depth == 1 ? i : *ret_colon;
            break;
        case '"':
            for (i++; i < set.len && set.data[i] != '"'; i++) {
                i += set.data[i] == '\\' ? 1 : 0;
            }
            break;
        case '[':
        case '(':
        case '{':
            depth++;
            break;
        case ']':
        case ')':
        case '}':
        case ',':
            depth -= set.data[i] == ',' ? 0 : 1;
            if (depth == 0 || (depth == 1 && set.data[i] == ',')) {
                *ret_end = i;
                return true;
            }
            break;
        default:
            break;
        }
    }
    return false;
}

static struct str_view last_name(struct str_view path)
{
    for (size_t i = path.len; i > 0; i--) {
        char byte = path.data[i - 1];
        if ((byte == '|' || byte == '.') && (i == 1 || path.data[i - 2] != '\\')) {
            return sv_from(path, i);
        }
    }
    return path;
}

static bool is_simple_name(struct str_view name)
{
    for (size_t i = 0; i < name.len; i++) {
        if ((unsigned char)name.data[i] < ' ' || strchr("[]{}()#|!", name.data[i])) {
            return false;
        }
    }
    return true;
}

static void add_name(const struct selector *selector, struct buf *out)
{
    size_t offset = 0;
    struct str_view last = last_name(selector->path);
    if (selector->name.len == 0) {
        json_write_text(is_simple_name(last) ? last : SV("_"), JSON_COMPACT, out);
    } else if (selector->name.data[0] == '"' &&
               json_text_is_valid(selector->name, selector->name.len, &offset)) {
        buf_add(out, selector->name);
    } else {
        json_write_text(selector->name, JSON_COMPACT, out);
    }
    buf_add_byte(out, ':');
}

static void add_selected(struct property_run *run, struct str_view json,
                         const struct selector *selector, bool named, struct buf *out)
{
    struct property_value value = property_path_get(run, json, selector->path);
    if (!property_value_exists(&value)) {
        return;
    }
    if (out->len > 1) {
        buf_add_byte(out, ',');
    }
    if (named) {
        add_name(selector, out);
    }
    buf_add(out, value.raw.len ? value.raw : SV("null"));
}

static struct selector selector_of(struct str_view set, size_t start, size_t end, size_t colon)
{
    struct selector selector = {0};
    if (colon) {
        selector.name = sv_make(set.data + start, colon - start);
        start = colon + 1;
    }
    selector.path = sv_make(set.data + start, end - start);
    return selector;
}

/* What is behind a set; empty when it has no end. */
static bool set_rest(struct str_view set, struct str_view *ret_rest)
{
    size_t end = 0;
    size_t colon = 0;
    size_t start = 1;
    *ret_rest = (struct str_view){0};
    do {
        if (!selector_end(set, start, &end, &colon)) {
            return false;
        }
        start = end + 1;
    } while (set.data[end] == ',');
    *ret_rest = sv_from(set, start);
    return true;
}

static bool select_set(struct property_run *run, struct str_view json, struct str_view *whole,
                       struct str_view *ret_json, struct str_view *ret_rest)
{
    struct str_view path = *whole;
    bool named = path.data[0] == '{';
    bool ends = set_rest(path, ret_rest);
    if (!ends || (ret_rest->len && ret_rest->data[0] != '.' && ret_rest->data[0] != '|')) {
        *whole = *ret_rest;
        return false;
    }
    struct secret_buf out = {0};
    property_run_open(run, &out);
    buf_add_byte(&out.bytes, path.data[0]);
    size_t end = 0;
    do {
        size_t start = end + 1;
        size_t colon = 0;
        if (!selector_end(path, start, &end, &colon)) {
            break;
        }
        struct selector selector = selector_of(path, start, end, colon);
        add_selected(run, json, &selector, named, &out.bytes);
    } while (path.data[end] == ',' && !run->exhausted);
    buf_add_byte(&out.bytes, named ? '}' : ']');
    *ret_json = property_run_keep(run, &out);
    return true;
}

bool property_select(struct property_run *run, struct str_view json, struct str_view *path,
                     struct str_view *ret_json, struct str_view *ret_rest)
{
    if (path->len < 2) {
        return false;
    }
    switch (path->data[0]) {
    case '@':
        return select_modifier(run, json, *path, ret_json, ret_rest);
    case '!':
        return select_literal(*path, ret_json, ret_rest);
    case '[':
    case '{':
        return select_set(run, json, path, ret_json, ret_rest);
    default:
        return false;
    }
}
