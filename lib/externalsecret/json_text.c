/* SPDX-License-Identifier: Apache-2.0 */
/* Validity is found without recursion: a bit for each open container says whether it is an object,
 * so that ten thousand of them take some memory and no stack. */
#include "externalsecret/json_text.h"

#include "base/utf8.h"

enum state {
    WANT_VALUE,
    WANT_VALUE_OR_END, /* behind '[' */
    WANT_NAME,
    WANT_NAME_OR_END, /* behind '{' */
    WANT_COMMA_OR_END,
    DONE,
};

struct check {
    const char *at;
    const char *end;
    unsigned char *objects; /* one bit for each open container */
    size_t depth;
    size_t most_depth;
    enum state state;
};

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_hex(char byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

static bool peek(const struct check *check, char byte)
{
    return check->at < check->end && *check->at == byte;
}

static bool in_object(const struct check *check)
{
    size_t bit = check->depth - 1;
    return (check->objects[bit / 8] >> bit % 8 & 1) != 0;
}

static bool open_container(struct check *check, bool object)
{
    if (check->depth == check->most_depth) {
        return false;
    }
    size_t bit = check->depth++;
    unsigned mask = 1U << bit % 8;
    unsigned bits = check->objects[bit / 8] & ~mask;
    check->objects[bit / 8] = (unsigned char)(object ? bits | mask : bits);
    check->state = object ? WANT_NAME_OR_END : WANT_VALUE_OR_END;
    check->at++;
    return true;
}

static void after_value(struct check *check)
{
    check->state = check->depth ? WANT_COMMA_OR_END : DONE;
}

static void close_container(struct check *check)
{
    check->at++;
    check->depth--;
    after_value(check);
}

static bool check_escape(struct check *check)
{
    check->at++;
    if (check->at == check->end || !*check->at || !strchr("\"\\/bfnrtu", *check->at)) {
        return false;
    }
    bool unicode = *check->at++ == 'u';
    for (int i = 0; unicode && i < 4; i++, check->at++) {
        if (check->at == check->end || !is_hex(*check->at)) {
            return false;
        }
    }
    return true;
}

/* At the opening quote. */
static bool check_string(struct check *check)
{
    check->at++;
    while (check->at < check->end && *check->at != '"') {
        if ((unsigned char)*check->at < 0x20) {
            return false;
        }
        if (*check->at != '\\') {
            check->at++;
        } else if (!check_escape(check)) {
            return false;
        }
    }
    if (check->at == check->end) {
        return false;
    }
    check->at++;
    return true;
}

static bool check_digits(struct check *check)
{
    const char *start = check->at;
    while (check->at < check->end && is_digit(*check->at)) {
        check->at++;
    }
    return check->at > start;
}

static bool check_number(struct check *check)
{
    check->at += peek(check, '-') ? 1 : 0;
    if (peek(check, '0')) {
        check->at++;
    } else if (!check_digits(check)) {
        return false;
    }
    if (peek(check, '.')) {
        check->at++;
        if (!check_digits(check)) {
            return false;
        }
    }
    if (peek(check, 'e') || peek(check, 'E')) {
        check->at++;
        check->at += peek(check, '+') || peek(check, '-') ? 1 : 0;
        return check_digits(check);
    }
    return true;
}

static bool check_word(struct check *check, struct str_view word)
{
    if (!sv_starts_with(sv_make(check->at, (size_t)(check->end - check->at)), word)) {
        return false;
    }
    check->at += word.len;
    return true;
}

static bool check_scalar(struct check *check)
{
    switch (*check->at) {
    case '"':
        return check_string(check);
    case 't':
        return check_word(check, SV("true"));
    case 'f':
        return check_word(check, SV("false"));
    case 'n':
        return check_word(check, SV("null"));
    default:
        return check_number(check);
    }
}

static bool check_value(struct check *check)
{
    if (*check->at == '{' || *check->at == '[') {
        return open_container(check, *check->at == '{');
    }
    after_value(check);
    return check_scalar(check);
}

static void skip_space(struct check *check)
{
    while (check->at < check->end && is_space(*check->at)) {
        check->at++;
    }
}

static bool check_name(struct check *check)
{
    if (*check->at != '"' || !check_string(check)) {
        return false;
    }
    skip_space(check);
    if (!peek(check, ':')) {
        return false;
    }
    check->at++;
    check->state = WANT_VALUE;
    return true;
}

static bool check_comma_or_end(struct check *check)
{
    bool object = in_object(check);
    if (*check->at == (object ? '}' : ']')) {
        close_container(check);
        return true;
    }
    if (*check->at != ',') {
        return false;
    }
    check->at++;
    check->state = object ? WANT_NAME : WANT_VALUE;
    return true;
}

/* At a byte that is no space. */
static bool check_token(struct check *check)
{
    switch (check->state) {
    case WANT_VALUE_OR_END:
        if (*check->at == ']') {
            close_container(check);
            return true;
        }
        return check_value(check);
    case WANT_VALUE:
        return check_value(check);
    case WANT_NAME_OR_END:
        if (*check->at == '}') {
            close_container(check);
            return true;
        }
        return check_name(check);
    case WANT_NAME:
        return check_name(check);
    case WANT_COMMA_OR_END:
        return check_comma_or_end(check);
    case DONE:
        break;
    }
    return false;
}

bool json_text_is_valid(struct str_view text, size_t most_depth, size_t *ret_offset)
{
    if (most_depth > text.len) {
        most_depth = text.len;
    }
    CLEANUP(mem_free_ptr) unsigned char *objects = mem_alloc(most_depth / 8 + 1);
    struct check check = {
        .at = text.data,
        .end = text.len ? text.data + text.len : text.data,
        .objects = objects,
        .most_depth = most_depth,
    };
    bool valid = true;
    for (skip_space(&check); valid && check.at < check.end; skip_space(&check)) {
        valid = check_token(&check);
    }
    *ret_offset = check.at ? (size_t)(check.at - text.data) : 0;
    return valid && check.state == DONE;
}

struct str_view json_text_trim(struct str_view text)
{
    while (text.len && is_space(text.data[0])) {
        text = sv_from(text, 1);
    }
    while (text.len && is_space(text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

struct json_text_walk json_text_walk(struct str_view container)
{
    return (struct json_text_walk){
        .rest = sv_from(container, 1),
        .object = container.data[0] == '{',
    };
}

/* Behind the closing quote of the string that starts `text`. */
static size_t string_bytes(struct str_view text)
{
    size_t at = 1;
    while (text.data[at] != '"') {
        at += text.data[at] == '\\' ? 2 : 1;
    }
    return at + 1;
}

static size_t container_bytes(struct str_view text)
{
    size_t depth = 0;
    size_t at = 0;
    do {
        char byte = text.data[at];
        if (byte == '"') {
            at += string_bytes(sv_from(text, at));
            continue;
        }
        if (byte == '{' || byte == '[') {
            depth++;
        } else if (byte == '}' || byte == ']') {
            depth--;
        }
        at++;
    } while (depth);
    return at;
}

static size_t value_bytes(struct str_view text)
{
    if (text.data[0] == '"') {
        return string_bytes(text);
    }
    if (text.data[0] == '{' || text.data[0] == '[') {
        return container_bytes(text);
    }
    size_t at = 0;
    while (!is_space(text.data[at]) && !strchr(",]}", text.data[at])) {
        at++;
    }
    return at;
}

/* Only commas, colons and white space stand between two tokens. */
static void skip_between(struct str_view *rest)
{
    while (rest->len && (is_space(rest->data[0]) || rest->data[0] == ',' || rest->data[0] == ':')) {
        *rest = sv_from(*rest, 1);
    }
}

static struct str_view take(struct str_view *rest)
{
    skip_between(rest);
    struct str_view value = sv_first(*rest, value_bytes(*rest));
    *rest = sv_from(*rest, value.len);
    return value;
}

bool json_text_next(struct json_text_walk *walk, struct str_view *ret_key,
                    struct str_view *ret_value)
{
    skip_between(&walk->rest);
    if (walk->rest.len == 0 || walk->rest.data[0] == '}' || walk->rest.data[0] == ']') {
        return false;
    }
    *ret_key = (struct str_view){0};
    if (walk->object) {
        struct str_view quoted = take(&walk->rest);
        *ret_key = sv_make(quoted.data + 1, quoted.len - 2);
    }
    *ret_value = take(&walk->rest);
    return true;
}

static uint32_t hex4(const char *digits)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char byte = digits[i];
        value = value * 16 + (uint32_t)(is_digit(byte) ? byte - '0' : (byte | 0x20) - 'a' + 10);
    }
    return value;
}

static bool has_unicode_escape(struct str_view text)
{
    return text.len >= 6 && text.data[0] == '\\' && text.data[1] == 'u';
}

/* `text` starts with \uXXXX; how many bytes were taken. A surrogate takes the next escape along
 * only when that is its other half. */
static size_t unescape_unicode(struct str_view text, struct buf *out)
{
    uint32_t rune = hex4(text.data + 2);
    size_t taken = 6;
    struct str_view next = sv_from(text, 6);
    if (rune >= 0xd800 && rune <= 0xdbff && has_unicode_escape(next)) {
        uint32_t low = hex4(next.data + 2);
        if (low >= 0xdc00 && low <= 0xdfff) {
            rune = 0x10000 + ((rune - 0xd800) << 10) + (low - 0xdc00);
            taken = 12;
        }
    }
    utf8_add(out, rune);
    return taken;
}

static size_t unescape_one(struct str_view text, struct buf *out)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    if (text.data[1] == 'u') {
        return unescape_unicode(text, out);
    }
    const char *hit = strchr(from, text.data[1]);
    buf_append(out, &to[hit - from], 1);
    return 2;
}

/* Bytes at the start that stay as they are: ASCII without a backslash. */
static size_t plain_run(struct str_view text)
{
    size_t run = 0;
    while (run < text.len && (unsigned char)text.data[run] < 0x80 && text.data[run] != '\\') {
        run++;
    }
    return run;
}

void json_text_unescape(struct str_view quoted, struct buf *out)
{
    for (;;) {
        size_t run = plain_run(quoted);
        buf_append(out, quoted.data, run);
        quoted = sv_from(quoted, run);
        if (quoted.len == 0) {
            return;
        }
        size_t bytes = 0;
        uint32_t rune = utf8_first(quoted, &bytes);
        if (rune == '\\') {
            bytes = unescape_one(quoted, out);
        } else if (rune == UTF8_REPLACEMENT) {
            utf8_add(out, rune);
        } else {
            buf_append(out, quoted.data, bytes);
        }
        quoted = sv_from(quoted, bytes);
    }
}
