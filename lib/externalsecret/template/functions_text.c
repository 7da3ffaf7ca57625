/* SPDX-License-Identifier: Apache-2.0 */
/* sprig's functions on texts that cut, join and compare. Lengths and positions are bytes. */
#include "base/limits.h"
#include "base/unicode.h"
#include "base/utf8.h"
#include "externalsecret/template/arguments.h"
#include "externalsecret/template/functions_internal.h"

/* Each maker of a text appends to a buffer of the run's size and hands over what it has. */
static bool finish(struct template_arena *arena, const struct secret_buf *text, struct value *ret,
                   struct err *err)
{
    return template_arena_step(arena, text->bytes.len / STEP_BYTES, err) &&
           value_from_buf(arena, text, ret, err);
}

static bool two_texts(const struct value *args, struct str_view *part, struct str_view *text,
                      struct err *err)
{
    return argument_text(args, 0, part, err) && argument_text(args, 1, text, err);
}

bool function_contains(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    struct str_view part = {0};
    struct str_view text = {0};
    if (!two_texts(args, &part, &text, err)) {
        return false;
    }
    *ret = value_bool(part.len == 0 || memmem(text.data, text.len, part.data, part.len));
    return true;
}

bool function_has_prefix(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    struct str_view part = {0};
    struct str_view text = {0};
    if (!two_texts(args, &part, &text, err)) {
        return false;
    }
    *ret = value_bool(sv_starts_with(text, part));
    return true;
}

bool function_has_suffix(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    struct str_view part = {0};
    struct str_view text = {0};
    if (!two_texts(args, &part, &text, err)) {
        return false;
    }
    *ret = value_bool(sv_ends_with(text, part));
    return true;
}

bool function_trim_prefix(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    struct str_view part = {0};
    struct str_view text = {0};
    if (!two_texts(args, &part, &text, err)) {
        return false;
    }
    *ret = value_text(sv_starts_with(text, part) ? sv_from(text, part.len) : text);
    return true;
}

bool function_trim_suffix(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    struct str_view part = {0};
    struct str_view text = {0};
    if (!two_texts(args, &part, &text, err)) {
        return false;
    }
    *ret = value_text(sv_ends_with(text, part) ? sv_first(text, text.len - part.len) : text);
    return true;
}

/* `set` NULL: white space. */
static bool is_trimmed(uint32_t rune, const struct str_view *set)
{
    if (!set) {
        return unicode_is_space(rune);
    }
    for (struct str_view rest = *set; rest.len > 0;) {
        size_t len = 0;
        if (utf8_first(rest, &len) == rune) {
            return true;
        }
        rest = sv_from(rest, len);
    }
    return false;
}

static struct str_view trimmed(struct str_view text, const struct str_view *set)
{
    size_t len = 0;
    while (text.len > 0 && is_trimmed(utf8_first(text, &len), set)) {
        text = sv_from(text, len);
    }
    while (text.len > 0 && is_trimmed(utf8_last(text, &len), set)) {
        text.len -= len;
    }
    return text;
}

bool function_trim(TEMPLATE_CALL)
{
    (void)count;
    struct str_view text = {0};
    if (!argument_text(args, 0, &text, err) ||
        !template_arena_step(arena, text.len / STEP_BYTES, err)) {
        return false;
    }
    *ret = value_text(trimmed(text, NULL));
    return true;
}

bool function_trim_all(TEMPLATE_CALL)
{
    (void)count;
    struct str_view set = {0};
    struct str_view text = {0};
    if (!two_texts(args, &set, &text, err) ||
        !template_arena_step(arena, text.len / STEP_BYTES * (set.len + 1), err)) {
        return false;
    }
    *ret = value_text(trimmed(text, &set));
    return true;
}

bool function_trunc(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    int64_t most = 0;
    struct str_view text = {0};
    if (!argument_int(args, 0, &most, err) || !argument_text(args, 1, &text, err)) {
        return false;
    }
    int64_t len = (int64_t)text.len;
    if (most < 0 && len + most > 0) {
        text = sv_from(text, (size_t)(len + most));
    } else if (most >= 0 && len > most) {
        text = sv_first(text, (size_t)most);
    }
    *ret = value_text(text);
    return true;
}

bool function_substr(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    int64_t start = 0;
    int64_t end = 0;
    struct str_view text = {0};
    if (!argument_int(args, 0, &start, err) || !argument_int(args, 1, &end, err) ||
        !argument_text(args, 2, &text, err)) {
        return false;
    }
    int64_t len = (int64_t)text.len;
    if (start < 0) {
        start = 0;
    } else if (end < 0 || end > len) {
        end = len;
    }
    if (end > len || start > end) {
        return err_set(err, ERR_INVALID, "substr lies outside of the text");
    }
    *ret = value_text(sv_make(text.data + start, (size_t)(end - start)));
    return true;
}

static bool repeat(struct secret_buf *out, int64_t count, struct str_view text, struct err *err)
{
    if (count < 0) {
        return err_set(err, ERR_INVALID, "a negative count of repetitions");
    }
    for (int64_t i = 0; i < count && text.len > 0 && !out->bytes.failed; i++) {
        secret_buf_add(out, text);
    }
    return true;
}

bool function_repeat(TEMPLATE_CALL)
{
    (void)count;
    int64_t times = 0;
    struct str_view text = {0};
    CLEANUP(secret_buf_done) struct secret_buf out = {0};
    secret_buf_init(&out, LIMIT_TEMPLATE_BYTES);
    return argument_int(args, 0, &times, err) && argument_text(args, 1, &text, err) &&
           repeat(&out, times, text, err) && finish(arena, &out, ret, err);
}

static void replace_all(struct secret_buf *out, struct str_view text, struct str_view old,
                        struct str_view new)
{
    while (!out->bytes.failed) {
        const char *at = text.len > 0 ? memmem(text.data, text.len, old.data, old.len) : NULL;
        if (!at) {
            break;
        }
        size_t before = (size_t)(at - text.data);
        secret_buf_add(out, sv_first(text, before));
        secret_buf_add(out, new);
        text = sv_from(text, before + old.len);
    }
    secret_buf_add(out, text);
}

/* Nothing is found before each character and at the end. */
static void replace_nothing(struct secret_buf *out, struct str_view text, struct str_view new)
{
    secret_buf_add(out, new);
    while (text.len > 0 && !out->bytes.failed) {
        size_t len = 0;
        (void)utf8_first(text, &len);
        secret_buf_add(out, sv_first(text, len));
        secret_buf_add(out, new);
        text = sv_from(text, len);
    }
}

bool function_replace(TEMPLATE_CALL)
{
    (void)count;
    struct str_view old = {0};
    struct str_view new = {0};
    struct str_view text = {0};
    if (!two_texts(args, &old, &new, err) || !argument_text(args, 2, &text, err) ||
        !template_arena_step(arena, text.len / STEP_BYTES, err)) {
        return false;
    }
    CLEANUP(secret_buf_done) struct secret_buf out = {0};
    secret_buf_init(&out, LIMIT_TEMPLATE_BYTES);
    if (old.len > 0) {
        replace_all(&out, text, old, new);
    } else {
        replace_nothing(&out, text, new);
    }
    return finish(arena, &out, ret, err);
}

static bool indent(struct secret_buf *out, const struct value *args, struct err *err)
{
    int64_t spaces = 0;
    struct str_view text = {0};
    CLEANUP(secret_buf_done) struct secret_buf pad = {0};
    secret_buf_init(&pad, LIMIT_TEMPLATE_BYTES);
    secret_buf_add(&pad, SV("\n"));
    if (!argument_int(args, 0, &spaces, err) || !argument_text(args, 1, &text, err) ||
        !repeat(&pad, spaces, SV(" "), err) || !secret_buf_check(&pad, "an indentation", err)) {
        return false;
    }
    struct str_view line = secret_buf_view(&pad);
    secret_buf_add(out, sv_from(line, 1));
    replace_all(out, text, SV("\n"), line);
    return true;
}

bool function_indent(TEMPLATE_CALL)
{
    (void)count;
    CLEANUP(secret_buf_done) struct secret_buf out = {0};
    secret_buf_init(&out, LIMIT_TEMPLATE_BYTES);
    return indent(&out, args, err) && finish(arena, &out, ret, err);
}

bool function_nindent(TEMPLATE_CALL)
{
    (void)count;
    CLEANUP(secret_buf_done) struct secret_buf out = {0};
    secret_buf_init(&out, LIMIT_TEMPLATE_BYTES);
    secret_buf_add(&out, SV("\n"));
    return indent(&out, args, err) && finish(arena, &out, ret, err);
}

bool function_join(TEMPLATE_CALL)
{
    (void)count;
    struct str_view separator = {0};
    struct value texts = {0};
    if (!argument_text(args, 0, &separator, err) || !value_to_texts(arena, &args[1], &texts, err)) {
        return false;
    }
    CLEANUP(secret_buf_done) struct secret_buf out = {0};
    secret_buf_init(&out, LIMIT_TEMPLATE_BYTES);
    for (size_t i = 0; i < texts.list->count; i++) {
        if (i > 0) {
            secret_buf_add(&out, separator);
        }
        secret_buf_add(&out, texts.list->items[i].text);
    }
    return finish(arena, &out, ret, err);
}

bool function_cat(TEMPLATE_CALL)
{
    CLEANUP(secret_buf_done) struct secret_buf out = {0};
    secret_buf_init(&out, LIMIT_TEMPLATE_BYTES);
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        if (!value_is_nil(&args[i])) {
            secret_buf_append(&out, " ", first ? 0 : 1);
            value_print(&args[i], &out);
            first = false;
        }
    }
    return finish(arena, &out, ret, err);
}

bool function_squote(TEMPLATE_CALL)
{
    CLEANUP(secret_buf_done) struct secret_buf out = {0};
    secret_buf_init(&out, LIMIT_TEMPLATE_BYTES);
    for (size_t i = 0; i < count; i++) {
        if (!value_is_nil(&args[i])) {
            secret_buf_add(&out, out.bytes.len > 0 ? SV(" '") : SV("'"));
            value_print(&args[i], &out);
            secret_buf_add(&out, SV("'"));
        }
    }
    return finish(arena, &out, ret, err);
}

/* How long the next part of a split is; `*ret_skip` bytes of separator follow it. */
static size_t next_part(struct str_view rest, struct str_view separator, size_t *ret_skip)
{
    *ret_skip = separator.len;
    if (separator.len == 0) {
        size_t len = 0;
        (void)utf8_first(rest, &len);
        return len;
    }
    const char *at =
        rest.len > 0 ? memmem(rest.data, rest.len, separator.data, separator.len) : NULL;
    return at ? (size_t)(at - rest.data) : rest.len;
}

static size_t count_parts(struct str_view text, struct str_view separator)
{
    if (separator.len == 0) {
        return utf8_count(text);
    }
    size_t parts = 1;
    size_t skip = 0;
    for (size_t len = next_part(text, separator, &skip); len < text.len;
         len = next_part(text, separator, &skip)) {
        text = sv_from(text, len + skip);
        parts++;
    }
    return parts;
}

/* strings.Split. */
static bool split_list(struct template_arena *arena, const struct value *args, struct value *ret,
                       struct err *err)
{
    struct str_view separator = {0};
    struct str_view text = {0};
    struct value parts = {0};
    if (!two_texts(args, &separator, &text, err) ||
        !template_arena_step(arena, text.len / STEP_BYTES, err)) {
        return false;
    }
    size_t count = count_parts(text, separator);
    if (!template_arena_step(arena, count, err) || !value_list_make(arena, count, &parts, err)) {
        return false;
    }
    parts.kind = VALUE_STRINGS;
    for (size_t i = 0; i < count; i++) {
        size_t skip = 0;
        size_t len = next_part(text, separator, &skip);
        parts.list->items[i] = value_text(sv_first(text, len));
        text = sv_from(text, len + skip);
    }
    *ret = parts;
    return true;
}

bool function_split_list(TEMPLATE_CALL)
{
    (void)count;
    return split_list(arena, args, ret, err);
}

/* {_0: first, _1: second, ...} */
bool function_split(TEMPLATE_CALL)
{
    (void)count;
    struct value parts = {0};
    if (!split_list(arena, args, &parts, err)) {
        return false;
    }
    struct value dict = {0};
    if (!value_dict_make(arena, VALUE_STRING_DICT, parts.list->count, &dict, err)) {
        return false;
    }
    for (size_t i = 0; i < parts.list->count; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "_%zu", i);
        struct str_view key = {0};
        if (!template_arena_text(arena, sv_of(name), &key, err) ||
            !value_dict_put(arena, dict.dict, key, parts.list->items[i], err)) {
            return false;
        }
    }
    *ret = dict;
    return true;
}
