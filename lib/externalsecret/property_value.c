/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/property_value.h"

#include "base/utf8.h"
#include "externalsecret/number.h"

bool property_value_exists(const struct property_value *value)
{
    return value->type != PROPERTY_NULL || value->raw.len > 0;
}

static bool starts_with(const struct property_value *value, char bracket)
{
    return value->type == PROPERTY_JSON && value->raw.len > 0 && value->raw.data[0] == bracket;
}

bool property_value_is_object(const struct property_value *value)
{
    return starts_with(value, '{');
}

bool property_value_is_array(const struct property_value *value)
{
    return starts_with(value, '[');
}

bool property_text_to_bool(struct str_view text, bool *ret)
{
    *ret = sv_is(text, "1") || sv_equal_ignoring_case(text, SV("t")) ||
           sv_equal_ignoring_case(text, SV("true"));
    return *ret || sv_is(text, "0") || sv_equal_ignoring_case(text, SV("f")) ||
           sv_equal_ignoring_case(text, SV("false"));
}

double property_value_number(const struct property_value *value)
{
    return number_value(value->raw);
}

static bool is_zero(const struct property_value *value)
{
    double number = property_value_number(value);
    return number <= 0 && number >= 0;
}

bool property_value_is_true(const struct property_value *value)
{
    bool ret = false;
    switch (value->type) {
    case PROPERTY_TRUE:
        return true;
    case PROPERTY_STRING:
        return property_text_to_bool(value->str, &ret) && ret;
    case PROPERTY_NUMBER:
        return !is_zero(value);
    case PROPERTY_NULL:
    case PROPERTY_FALSE:
    case PROPERTY_JSON:
        break;
    }
    return false;
}

/* An optional minus and digits, or no digits at all: printed as it stands. */
static bool is_integer(struct str_view token)
{
    size_t at = token.len && token.data[0] == '-' ? 1 : 0;
    while (at < token.len && token.data[at] >= '0' && token.data[at] <= '9') {
        at++;
    }
    return at == token.len;
}

void property_value_print(const struct property_value *value, struct secret_buf *ret)
{
    switch (value->type) {
    case PROPERTY_NULL:
        break;
    case PROPERTY_FALSE:
        secret_buf_add(ret, SV("false"));
        break;
    case PROPERTY_TRUE:
        secret_buf_add(ret, SV("true"));
        break;
    case PROPERTY_NUMBER:
        if (is_integer(value->raw)) {
            secret_buf_add(ret, value->raw);
        } else {
            number_print_value(property_value_number(value), ret);
        }
        break;
    case PROPERTY_STRING:
        secret_buf_add(ret, value->str);
        break;
    case PROPERTY_JSON:
        secret_buf_add(ret, value->raw);
        break;
    }
}

bool property_starts_number(struct str_view json, size_t at)
{
    char byte = json.data[at];
    if (byte == 'n') {
        return at + 1 < json.len && json.data[at + 1] != 'u';
    }
    return (byte >= '0' && byte <= '9') || (byte && strchr("+-iIN", byte));
}

bool property_take_quoted(struct str_view json, size_t *at, struct str_view *ret, bool *ret_escaped)
{
    size_t start = *at;
    *ret_escaped = false;
    for (size_t i = start; i < json.len; i++) {
        if (json.data[i] == '"') {
            *ret = sv_make(json.data + start, i - start);
            *at = i + 1;
            return true;
        }
        if (json.data[i] == '\\') {
            *ret_escaped = true;
            i++;
        }
    }
    *at = json.len;
    return false;
}

bool property_take_string(struct property_run *run, struct str_view json, size_t *at,
                          struct property_value *ret)
{
    struct str_view text;
    bool escaped = false;
    if (!property_take_quoted(json, at, &text, &escaped)) {
        return false;
    }
    *ret = (struct property_value){
        .type = PROPERTY_STRING,
        .raw = sv_make(text.data - 1, text.len + 2),
        .str = escaped ? property_unescape(run, text) : text,
    };
    return true;
}

void property_take_number(struct str_view json, size_t *at, struct property_value *ret)
{
    size_t end = *at + 1;
    while (end < json.len && (unsigned char)json.data[end] > ' ' && json.data[end] != ',' &&
           json.data[end] != ']' && json.data[end] != '}') {
        end++;
    }
    *ret = (struct property_value){.type = PROPERTY_NUMBER,
                                   .raw = sv_make(json.data + *at, end - *at)};
    *at = end;
}

void property_take_word(struct str_view json, size_t *at, struct property_value *ret)
{
    char byte = json.data[*at];
    size_t end = *at + 1;
    while (end < json.len && json.data[end] >= 'a' && json.data[end] <= 'z') {
        end++;
    }
    *ret = (struct property_value){
        .type = byte == 't'   ? PROPERTY_TRUE
                : byte == 'f' ? PROPERTY_FALSE
                              : PROPERTY_NULL,
        .raw = sv_make(json.data + *at, end - *at),
    };
    *at = end;
}

struct str_view property_take_container(struct str_view json, size_t *at)
{
    size_t start = *at;
    size_t depth = 1;
    size_t i = start + 1;
    for (; i < json.len; i++) {
        char byte = json.data[i];
        if (byte == '"') {
            struct str_view ignored;
            bool escaped = false;
            i++;
            /* Behind the quote, or at the end of the text; the loop goes one on. */
            i -= property_take_quoted(json, &i, &ignored, &escaped) ? 1 : 0;
        } else if (byte == '{' || byte == '[' || byte == '(') {
            depth++;
        } else if ((byte == '}' || byte == ']' || byte == ')') && --depth == 0) {
            *at = i + 1;
            return sv_make(json.data + start, *at - start);
        }
    }
    *at = i;
    return sv_from(json, start);
}

bool property_take_any(struct property_run *run, struct str_view json, size_t *at,
                       struct property_value *ret)
{
    for (; *at < json.len; (*at)++) {
        char byte = json.data[*at];
        if (byte == '{' || byte == '[') {
            *ret = (struct property_value){.type = PROPERTY_JSON,
                                           .raw = property_take_container(json, at)};
            return true;
        }
        if (byte == '"') {
            (*at)++;
            return property_take_string(run, json, at, ret);
        }
        if (property_starts_number(json, *at)) {
            property_take_number(json, at, ret);
            return true;
        }
        if (byte == 't' || byte == 'f' || byte == 'n') {
            property_take_word(json, at, ret);
            return true;
        }
    }
    return false;
}

/* A string without an end is what there is of it. */
static struct property_value parse_string(struct property_run *run, struct str_view json)
{
    struct property_value ret = {0};
    size_t at = 1;
    if (!property_take_string(run, json, &at, &ret)) {
        struct str_view text = sv_from(json, 1);
        bool escaped = sv_find(text, '\\') < text.len;
        ret = (struct property_value){.type = PROPERTY_STRING,
                                      .raw = json,
                                      .str = escaped ? property_unescape(run, text) : text};
    }
    return ret;
}

struct property_value property_parse(struct property_run *run, struct str_view json)
{
    while (json.len && (unsigned char)json.data[0] <= ' ') {
        json = sv_from(json, 1);
    }
    struct property_value ret = {0};
    size_t at = 0;
    if (json.len == 0) {
        return ret;
    }
    char byte = json.data[0];
    if (byte == '{' || byte == '[') {
        ret = (struct property_value){.type = PROPERTY_JSON, .raw = json};
    } else if (property_starts_number(json, 0)) {
        property_take_number(json, &at, &ret);
    } else if (byte == 't' || byte == 'f' || byte == 'n') {
        property_take_word(json, &at, &ret);
    } else if (byte == '"') {
        ret = parse_string(run, json);
    }
    return ret;
}

/* Four digits of base 16, or 0. */
static uint32_t hex4(const char *digits)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char byte = digits[i];
        char lower = (char)(byte | 0x20);
        if (byte >= '0' && byte <= '9') {
            value = value * 16 + (uint32_t)(byte - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            value = value * 16 + (uint32_t)(lower - 'a' + 10);
        } else {
            return 0;
        }
    }
    return value;
}

/* `*at` is behind "\u". A surrogate takes the next \uXXXX along, whatever that is. */
static bool unescape_unicode(struct str_view text, size_t *at, struct secret_buf *out)
{
    if (text.len - *at < 4) {
        return false;
    }
    uint32_t rune = hex4(text.data + *at);
    *at += 4;
    if (rune >= 0xd800 && rune <= 0xdfff && text.len - *at >= 6 && text.data[*at] == '\\' &&
        text.data[*at + 1] == 'u') {
        uint32_t low = hex4(text.data + *at + 2);
        bool pair = rune <= 0xdbff && low >= 0xdc00 && low <= 0xdfff;
        rune = pair ? 0x10000 + ((rune - 0xd800) << 10) + (low - 0xdc00) : UTF8_REPLACEMENT;
        *at += 6;
    }
    utf8_add(&out->bytes, rune);
    return true;
}

struct str_view property_unescape(struct property_run *run, struct str_view quoted)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    struct secret_buf out = {0};
    property_run_open(run, &out);
    size_t at = 0;
    while (at < quoted.len && (unsigned char)quoted.data[at] >= ' ') {
        char byte = quoted.data[at++];
        if (byte != '\\') {
            secret_buf_append(&out, &byte, 1);
            continue;
        }
        char letter = at < quoted.len ? quoted.data[at++] : '\0';
        const char *hit = letter ? strchr(from, letter) : NULL;
        if (hit) {
            secret_buf_append(&out, &to[hit - from], 1);
        } else if (letter != 'u' || !unescape_unicode(quoted, &at, &out)) {
            break;
        }
    }
    return property_run_keep(run, &out);
}

struct property_each property_each(struct property_run *run, const struct property_value *value)
{
    struct property_each each = {.run = run, .whole = *value};
    struct str_view json = value->raw;
    each.done = !property_value_exists(value) || !property_run_spend(run, json.len);
    if (value->type != PROPERTY_JSON) {
        return each;
    }
    while (each.at < json.len && (unsigned char)json.data[each.at] <= ' ') {
        each.at++;
    }
    each.done = each.done || each.at == json.len ||
                (json.data[each.at] != '{' && json.data[each.at] != '[');
    each.object = !each.done && json.data[each.at] == '{';
    each.at++;
    return each;
}

static bool next_key(struct property_each *each, struct property_value *ret)
{
    struct str_view json = each->whole.raw;
    while (each->at < json.len && json.data[each->at] != '"') {
        each->at++;
    }
    if (each->at >= json.len) {
        return false;
    }
    each->at++;
    return property_take_string(each->run, json, &each->at, ret);
}

bool property_each_next(struct property_each *each, struct property_value *ret_key,
                        struct property_value *ret_value)
{
    struct str_view json = each->whole.raw;
    *ret_key = (struct property_value){0};
    if (each->done) {
        return false;
    }
    if (each->whole.type != PROPERTY_JSON) {
        *ret_value = each->whole;
        each->done = true;
        return true;
    }
    each->done = each->at >= json.len || (each->object && !next_key(each, ret_key));
    while (!each->done && each->at < json.len &&
           ((unsigned char)json.data[each->at] <= ' ' || json.data[each->at] == ',' ||
            json.data[each->at] == ':')) {
        each->at++;
    }
    each->done = each->done || !property_take_any(each->run, json, &each->at, ret_value);
    each->at++; /* what stands behind a value is no start of the next */
    return !each->done;
}
