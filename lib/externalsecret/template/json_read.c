/* SPDX-License-Identifier: Apache-2.0 */
/* Recursive descent. A text that is no JSON and a run that is over its limits both end it; which of
 * the two it was stands in `err`. */
#include "externalsecret/template/json_read.h"

#include "base/limits.h"
#include "base/utf8.h"

#include <math.h>

enum {
    FIRST_ITEMS = 8,
};

struct reader {
    struct template_arena *arena;
    struct str_view rest;
    struct err *err; /* of kind NONE while only the text is to blame */
    int depth;
};

static bool read_value(struct reader *reader, struct value *ret);

static void skip_space(struct reader *reader)
{
    while (reader->rest.len > 0 && strchr(" \t\r\n", reader->rest.data[0]) &&
           reader->rest.data[0] != '\0') {
        reader->rest = sv_from(reader->rest, 1);
    }
}

static bool take(struct reader *reader, char byte)
{
    if (reader->rest.len == 0 || reader->rest.data[0] != byte) {
        return false;
    }
    reader->rest = sv_from(reader->rest, 1);
    return true;
}

static bool read_word(struct reader *reader, struct str_view word, struct value value,
                      struct value *ret)
{
    if (!sv_equal(sv_first(reader->rest, word.len), word)) {
        return false;
    }
    reader->rest = sv_from(reader->rest, word.len);
    *ret = value;
    return true;
}

static size_t digits(struct str_view text, size_t at)
{
    size_t count = 0;
    while (at + count < text.len && text.data[at + count] >= '0' && text.data[at + count] <= '9') {
        count++;
    }
    return count;
}

/* -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?; 0 when there is none. */
static size_t number_length(struct str_view text)
{
    size_t at = text.len > 0 && text.data[0] == '-' ? 1 : 0;
    size_t whole = digits(text, at);
    if (whole == 0) {
        return 0;
    }
    at += text.data[at] == '0' ? 1 : whole;
    if (at < text.len && text.data[at] == '.') {
        size_t fraction = digits(text, at + 1);
        if (fraction == 0) {
            return 0;
        }
        at += 1 + fraction;
    }
    if (at < text.len && (text.data[at] == 'e' || text.data[at] == 'E')) {
        at++;
        if (at < text.len && (text.data[at] == '+' || text.data[at] == '-')) {
            at++;
        }
        size_t exponent = digits(text, at);
        if (exponent == 0) {
            return 0;
        }
        at += exponent;
    }
    return at;
}

static bool read_number(struct reader *reader, struct value *ret)
{
    size_t len = number_length(reader->rest);
    if (len == 0) {
        return false;
    }
    /* strtod() wants a NUL behind the number. */
    char *copy = template_arena_take(reader->arena, len + 1, reader->err);
    if (!copy) {
        return false;
    }
    memcpy(copy, reader->rest.data, len);
    double real = strtod(copy, NULL);
    *ret = isinf(real) ? value_nil() : value_float(real);
    reader->rest = sv_from(reader->rest, len);
    return true;
}

static bool read_hex(struct reader *reader, uint32_t *ret)
{
    if (reader->rest.len < 4) {
        return false;
    }
    uint32_t number = 0;
    for (size_t i = 0; i < 4; i++) {
        char byte = reader->rest.data[i];
        char lower = (char)(byte | 0x20);
        if (byte >= '0' && byte <= '9') {
            number = number * 16 + (uint32_t)(byte - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            number = number * 16 + (uint32_t)(lower - 'a' + 10);
        } else {
            return false;
        }
    }
    reader->rest = sv_from(reader->rest, 4);
    *ret = number;
    return true;
}

/* Behind "\u". The second half of a pair is taken only when it is one. */
static bool read_code(struct reader *reader, struct secret_buf *out)
{
    uint32_t high = 0;
    uint32_t low = 0;
    if (!read_hex(reader, &high)) {
        return false;
    }
    if (high >= 0xD800 && high < 0xDC00) {
        struct reader ahead = *reader;
        if (take(&ahead, '\\') && take(&ahead, 'u') && read_hex(&ahead, &low) && low >= 0xDC00 &&
            low < 0xE000) {
            reader->rest = ahead.rest;
            high = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
        }
    }
    utf8_add(&out->bytes, high);
    return true;
}

static bool read_escape(struct reader *reader, struct secret_buf *out)
{
    static const char marks[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (take(reader, 'u')) {
        return read_code(reader, out);
    }
    if (reader->rest.len == 0) {
        return false;
    }
    const char *mark = memchr(marks, reader->rest.data[0], sizeof marks - 1);
    if (!mark) {
        return false;
    }
    secret_buf_append(out, &meanings[mark - marks], 1);
    reader->rest = sv_from(reader->rest, 1);
    return true;
}

static bool read_chars(struct reader *reader, struct secret_buf *out)
{
    while (!take(reader, '"')) {
        if (take(reader, '\\')) {
            if (!read_escape(reader, out)) {
                return false;
            }
            continue;
        }
        if (reader->rest.len == 0 || (unsigned char)reader->rest.data[0] < ' ') {
            return false;
        }
        size_t len = 0;
        utf8_add(&out->bytes, utf8_first(reader->rest, &len));
        reader->rest = sv_from(reader->rest, len);
    }
    return true;
}

static bool read_text(struct reader *reader, struct str_view *ret)
{
    CLEANUP(secret_buf_done) struct secret_buf out = {0};
    secret_buf_init(&out, LIMIT_TEMPLATE_BYTES);
    struct value copy = {0};
    if (!take(reader, '"') || !read_chars(reader, &out) ||
        !value_from_buf(reader->arena, &out, &copy, reader->err)) {
        return false;
    }
    *ret = copy.text;
    return true;
}

static bool add_item(struct reader *reader, struct value_list *list, size_t *capacity,
                     struct value item)
{
    if (list->count == *capacity) {
        struct value more = {0};
        *capacity = *capacity ? *capacity * 2 : FIRST_ITEMS;
        if (!value_list_make(reader->arena, *capacity, &more, reader->err)) {
            return false;
        }
        if (list->count > 0) {
            memcpy(more.list->items, list->items, list->count * sizeof item);
        }
        list->items = more.list->items;
    }
    list->items[list->count++] = item;
    return true;
}

static bool read_list(struct reader *reader, struct value *ret)
{
    size_t capacity = 0;
    if (!value_list_make(reader->arena, 0, ret, reader->err)) {
        return false;
    }
    skip_space(reader);
    if (take(reader, ']')) {
        return true;
    }
    do {
        struct value item = {0};
        if (!read_value(reader, &item) || !add_item(reader, ret->list, &capacity, item)) {
            return false;
        }
        skip_space(reader);
    } while (take(reader, ','));
    return take(reader, ']');
}

static bool read_member(struct reader *reader, struct value_dict *dict)
{
    struct str_view key = {0};
    struct value value = {0};
    skip_space(reader);
    if (!read_text(reader, &key)) {
        return false;
    }
    skip_space(reader);
    return take(reader, ':') && read_value(reader, &value) &&
           template_arena_step(reader->arena, dict->count / 64, reader->err) &&
           value_dict_put(reader->arena, dict, key, value, reader->err);
}

static bool read_dict(struct reader *reader, struct value *ret)
{
    if (!value_dict_make(reader->arena, VALUE_DICT, 0, ret, reader->err)) {
        return false;
    }
    skip_space(reader);
    if (take(reader, '}')) {
        return true;
    }
    do {
        if (!read_member(reader, ret->dict)) {
            return false;
        }
        skip_space(reader);
    } while (take(reader, ','));
    return take(reader, '}');
}

static bool read_nested(struct reader *reader, bool is_list, struct value *ret)
{
    if (reader->depth == LIMIT_JSON_DEPTH) {
        return err_set(reader->err, ERR_TOO_BIG, "JSON nested deeper than %d", LIMIT_JSON_DEPTH);
    }
    reader->depth++;
    bool fine = is_list ? read_list(reader, ret) : read_dict(reader, ret);
    reader->depth--;
    return fine;
}

static bool read_value(struct reader *reader, struct value *ret)
{
    skip_space(reader);
    if (reader->rest.len == 0 || !template_arena_step(reader->arena, 1, reader->err)) {
        return false;
    }
    struct str_view text = {0};
    switch (reader->rest.data[0]) {
    case '{':
    case '[':
        return read_nested(reader, take(reader, '[') || !take(reader, '{'), ret);
    case '"':
        if (!read_text(reader, &text)) {
            return false;
        }
        *ret = value_text(text);
        return true;
    case 't':
        return read_word(reader, SV("true"), value_bool(true), ret);
    case 'f':
        return read_word(reader, SV("false"), value_bool(false), ret);
    case 'n':
        return read_word(reader, SV("null"), value_nil(), ret);
    default:
        return read_number(reader, ret);
    }
}

bool json_read(struct template_arena *arena, struct str_view text, struct value *ret,
               bool *ret_valid, struct err *err)
{
    struct err spent = {0};
    struct reader reader = {.arena = arena, .rest = text, .err = &spent};
    struct value value = value_nil();
    bool valid = read_value(&reader, &value);
    if (spent.kind != ERR_NONE) {
        *err = spent;
        return false;
    }
    skip_space(&reader);
    *ret_valid = valid && reader.rest.len == 0;
    *ret = *ret_valid ? value : value_nil();
    return true;
}
