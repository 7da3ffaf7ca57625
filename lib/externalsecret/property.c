/* SPDX-License-Identifier: Apache-2.0 */
/* A scanner over the raw bytes, without a tree: it walks only the containers on the way, skips the
 * others by their brackets, and takes whatever stands between two values for separators. That is
 * what makes gjson find a value in a text that is cut off or continues with something else, and
 * what makes a later member with the same name count when the first one leads nowhere. base/json is
 * of no use here: it refuses all of that, and keeps neither the spaces of an object nor the second
 * of two equal keys. */
#include "externalsecret/property.h"

#include "base/limits.h"
#include "externalsecret/number.h"

enum found_type {
    FOUND_NOTHING,
    FOUND_RAW, /* true, false, an object, an array: as its bytes */
    FOUND_NULL,
    FOUND_STRING,  /* between its quotes, nothing to unescape */
    FOUND_ESCAPED, /* between its quotes */
    FOUND_NUMBER,
    FOUND_COUNT,
};

struct found {
    enum found_type type;
    struct str_view text;
    size_t count; /* of FOUND_COUNT */
};

struct scan {
    const char *at;
    const char *end;
    bool broken; /* a string without an end: nothing behind it can be trusted */
};

/* The first part of a path. */
struct part {
    struct str_view text;
    struct str_view rest;
    bool more; /* there is a dot behind `text`, and `rest` is what follows */
};

/* In an object a backslash takes the meaning from the byte behind it; an array knows no escapes. */
static struct part part_of(struct str_view path, bool escapes)
{
    for (size_t i = 0; i < path.len; i++) {
        if (path.data[i] == '\\' && escapes) {
            i++;
        } else if (path.data[i] == '.') {
            return (struct part){
                .text = sv_first(path, i), .rest = sv_from(path, i + 1), .more = true};
        }
    }
    return (struct part){.text = path};
}

static int hex4(struct str_view text, size_t at)
{
    int value = 0;
    if (text.len - at < 4) {
        return -1;
    }
    for (size_t i = at; i < at + 4; i++) {
        char byte = text.data[i];
        int digit = byte >= '0' && byte <= '9'   ? byte - '0'
                    : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
                    : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                                 : -1;
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

static void add_rune(struct secret_buf *out, int rune)
{
    char bytes[4];
    size_t len = 0;
    if (rune < 0x80) {
        bytes[len++] = (char)rune;
    } else if (rune < 0x800) {
        bytes[len++] = (char)(0xc0 | (rune >> 6));
        bytes[len++] = (char)(0x80 | (rune & 0x3f));
    } else if (rune < 0x10000) {
        bytes[len++] = (char)(0xe0 | (rune >> 12));
        bytes[len++] = (char)(0x80 | ((rune >> 6) & 0x3f));
        bytes[len++] = (char)(0x80 | (rune & 0x3f));
    } else {
        bytes[len++] = (char)(0xf0 | (rune >> 18));
        bytes[len++] = (char)(0x80 | ((rune >> 12) & 0x3f));
        bytes[len++] = (char)(0x80 | ((rune >> 6) & 0x3f));
        bytes[len++] = (char)(0x80 | (rune & 0x3f));
    }
    secret_buf_append(out, bytes, len);
    explicit_bzero(bytes, sizeof bytes);
}

/* `*at` is behind "\u". A surrogate takes the next \uXXXX along, whatever that is, and without its
 * match becomes U+FFFD (Go utf16.DecodeRune). */
static bool unescape_unicode(struct str_view text, size_t *at, struct secret_buf *out)
{
    int rune = hex4(text, *at);
    if (rune < 0) {
        return false;
    }
    *at += 4;
    if (rune >= 0xd800 && rune <= 0xdfff) {
        int high = rune;
        rune = 0xfffd;
        if (text.len - *at >= 6 && text.data[*at] == '\\' && text.data[*at + 1] == 'u') {
            int low = hex4(text, *at + 2);
            if (low < 0) {
                return false;
            }
            *at += 6;
            if (high <= 0xdbff && low >= 0xdc00 && low <= 0xdfff) {
                rune = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
            }
        }
    }
    add_rune(out, rune);
    return true;
}

/* False when an escape is none, or a control character stands unescaped among escapes; `out` then
 * has what came before. */
static bool unescape(struct str_view text, struct secret_buf *out)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    size_t at = 0;
    while (at < text.len) {
        char byte = text.data[at++];
        if ((unsigned char)byte < 0x20) {
            return false;
        }
        if (byte != '\\') {
            secret_buf_append(out, &byte, 1);
            continue;
        }
        char letter = at < text.len ? text.data[at++] : '\0';
        if (letter == 'u') {
            if (!unescape_unicode(text, &at, out)) {
                return false;
            }
            continue;
        }
        const char *hit = letter ? strchr(from, letter) : NULL;
        if (!hit) {
            return false;
        }
        secret_buf_append(out, &to[hit - from], 1);
    }
    return true;
}

/* `part` with its backslashes taken out equals `key`. */
static bool part_is(struct str_view part, struct str_view key)
{
    size_t at = 0;
    for (size_t i = 0; i < part.len; i++) {
        if (part.data[i] == '\\' && ++i == part.len) {
            break;
        }
        if (at == key.len || key.data[at++] != part.data[i]) {
            return false;
        }
    }
    return at == key.len;
}

/* A key with a broken escape ends there. */
static bool part_is_key(struct str_view part, struct str_view key, bool escaped)
{
    if (!escaped) {
        return part_is(part, key);
    }
    CLEANUP(secret_buf_done) struct secret_buf plain = {0};
    secret_buf_init(&plain, key.len);
    (void)unescape(key, &plain);
    return part_is(part, secret_buf_view(&plain));
}

/* Behind the opening quote; leaves the scan behind the closing one. */
static bool take_string(struct scan *scan, struct str_view *ret, bool *ret_escaped)
{
    const char *start = scan->at;
    *ret_escaped = false;
    for (; scan->at < scan->end; scan->at++) {
        if (*scan->at == '"') {
            *ret = sv_make(start, (size_t)(scan->at - start));
            scan->at++;
            return true;
        }
        if (*scan->at == '\\') {
            *ret_escaped = true;
            scan->at++;
        }
    }
    scan->at = scan->end;
    scan->broken = true;
    return false;
}

/* At an opening bracket; ends behind its closing one, or at the end of the text. */
static struct str_view take_container(struct scan *scan)
{
    const char *start = scan->at;
    size_t depth = 0;
    while (scan->at < scan->end) {
        char byte = *scan->at++;
        if (byte == '"') {
            struct str_view ignored;
            bool escaped = false;
            (void)take_string(scan, &ignored, &escaped);
        } else if (byte == '{' || byte == '[' || byte == '(') {
            depth++;
        } else if ((byte == '}' || byte == ']' || byte == ')') && --depth == 0) {
            break;
        }
    }
    return sv_make(start, (size_t)(scan->at - start));
}

static struct str_view take_number(struct scan *scan)
{
    const char *start = scan->at++;
    while (scan->at < scan->end && (unsigned char)*scan->at > ' ' && *scan->at != ',' &&
           *scan->at != ']' && *scan->at != '}') {
        scan->at++;
    }
    return sv_make(start, (size_t)(scan->at - start));
}

static void skip_word(struct scan *scan)
{
    scan->at++;
    while (scan->at < scan->end && *scan->at >= 'a' && *scan->at <= 'z') {
        scan->at++;
    }
}

/* Numbers by their first byte; "nan" is one, "null" is not. */
static bool starts_number(const struct scan *scan)
{
    char byte = *scan->at;
    if (byte == 'n') {
        return scan->end - scan->at > 1 && scan->at[1] != 'u';
    }
    return (byte >= '0' && byte <= '9') || (byte && strchr("+-iIN", byte));
}

static bool starts_value(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte && strchr("\"{[ntf+-iIN", byte));
}

static bool search_container(struct scan *scan, struct str_view path, struct found *ret);

/* A value without parts: `*ret` is what it is. */
static bool take_scalar(struct scan *scan, struct found *ret)
{
    char byte = *scan->at;
    if (byte == '"') {
        scan->at++;
        bool escaped = false;
        if (!take_string(scan, &ret->text, &escaped)) {
            return false;
        }
        ret->type = escaped ? FOUND_ESCAPED : FOUND_STRING;
    } else if (starts_number(scan)) {
        ret->text = take_number(scan);
        ret->type = FOUND_NUMBER;
    } else {
        skip_word(scan);
        ret->text = byte == 't' ? SV("true") : SV("false");
        ret->type = byte == 'n' ? FOUND_NULL : FOUND_RAW;
    }
    return true;
}

/* At the first byte of a value that `part` leads to, or does not. True when that was the value
 * looked for. */
static bool visit(struct scan *scan, const struct part *part, bool matches, struct found *ret)
{
    bool container = *scan->at == '{' || *scan->at == '[';
    if (container && matches && part->more) {
        return search_container(scan, part->rest, ret);
    }
    struct found value = {0};
    if (container) {
        value = (struct found){.type = FOUND_RAW, .text = take_container(scan)};
    } else if (!take_scalar(scan, &value)) {
        return false;
    }
    if (matches && !part->more) {
        *ret = value;
        return true;
    }
    return false;
}

static bool search_object(struct scan *scan, struct str_view path, struct found *ret)
{
    struct part part = part_of(path, true);
    while (scan->at < scan->end && !scan->broken) {
        char byte = *scan->at++;
        if (byte == '}') {
            return false;
        }
        if (byte != '"') {
            continue;
        }
        struct str_view key;
        bool escaped = false;
        if (!take_string(scan, &key, &escaped)) {
            return false;
        }
        while (scan->at < scan->end && !starts_value(*scan->at)) {
            scan->at++;
        }
        if (scan->at < scan->end && visit(scan, &part, part_is_key(part.text, key, escaped), ret)) {
            return true;
        }
    }
    return false;
}

/* An array is never longer than nine digits can count. */
static bool array_index(struct str_view text, uint64_t *ret)
{
    return text.len <= 9 && sv_to_u64(text, ret);
}

static bool search_array(struct scan *scan, struct str_view path, struct found *ret)
{
    struct part part = part_of(path, false);
    uint64_t wanted = 0;
    bool indexed = array_index(part.text, &wanted);
    size_t index = 0;
    while (scan->at < scan->end && *scan->at != ']') {
        if (!starts_value(*scan->at)) {
            scan->at++;
            continue;
        }
        if (visit(scan, &part, indexed && index == wanted, ret)) {
            return true;
        }
        if (scan->broken) {
            return false;
        }
        index++;
    }
    if (scan->at < scan->end) {
        scan->at++;
    }
    if (sv_is(part.text, "#") && !part.more) {
        *ret = (struct found){.type = FOUND_COUNT, .count = index};
        return true;
    }
    return false;
}

/* At an opening bracket. As deep as the path has parts. */
static bool search_container(struct scan *scan, struct str_view path, struct found *ret)
{
    return *scan->at++ == '{' ? search_object(scan, path, ret) : search_array(scan, path, ret);
}

static bool search(struct str_view payload, struct str_view path, struct found *ret)
{
    if (payload.len == 0) {
        return false;
    }
    struct scan scan = {.at = payload.data, .end = payload.data + payload.len};
    while (scan.at < scan.end && *scan.at != '{' && *scan.at != '[') {
        scan.at++;
    }
    return scan.at < scan.end && search_container(&scan, path, ret);
}

/* An optional minus and digits, or no digits at all: printed as it stands. */
static bool is_integer(struct str_view token)
{
    size_t at = token.data[0] == '-' ? 1 : 0;
    while (at < token.len && token.data[at] >= '0' && token.data[at] <= '9') {
        at++;
    }
    return at == token.len && (token.len > 1 || token.data[0] != '-');
}

static bool append_found(const struct found *found, struct secret_buf *ret, struct err *err)
{
    switch (found->type) {
    case FOUND_NOTHING:
    case FOUND_NULL:
        break;
    case FOUND_RAW:
    case FOUND_STRING:
        secret_buf_add(ret, found->text);
        break;
    case FOUND_ESCAPED:
        if (!unescape(found->text, ret)) {
            return err_set(err, ERR_INVALID, "the value is not a JSON string");
        }
        break;
    case FOUND_NUMBER:
        if (!is_integer(found->text)) {
            return number_print(found->text, ret, err);
        }
        secret_buf_add(ret, found->text);
        break;
    case FOUND_COUNT:
        buf_printf(&ret->bytes, "%zu", found->count);
        break;
    }
    return secret_buf_check(ret, "the value", err);
}

/* The property as one key: every dot with a backslash in front. */
static void escape_dots(struct str_view property, struct buf *out)
{
    for (size_t i = 0; i < property.len; i++) {
        if (property.data[i] == '.') {
            buf_add_byte(out, '\\');
        }
        buf_add_byte(out, property.data[i]);
    }
}

bool property_read(struct str_view payload, struct str_view property, struct secret_buf *ret,
                   struct err *err)
{
    struct found found = {0};
    bool hit = false;
    if (sv_find(property, '.') < property.len) {
        CLEANUP(buf_done) struct buf key = {0};
        buf_init(&key, 2 * property.len);
        escape_dots(property, &key);
        hit = search(payload, buf_view(&key), &found);
    }
    if (!hit && !search(payload, property, &found)) {
        return err_set(err, ERR_MISSING, "no such property in the value");
    }
    return append_found(&found, ret, err);
}

static bool refuse(struct str_view what, struct err *err)
{
    return err_set(err, ERR_INVALID, "\"%.*s\" in a property is not supported", SV_ARG(what));
}

/* `at` starts a part. What gjson may take for a modifier, a literal, a set of paths or a query. */
static bool check_part_start(struct str_view at, struct err *err)
{
    if (at.len == 0) {
        return true;
    }
    if (strchr("@![{", at.data[0])) {
        return refuse(sv_first(at, 1), err);
    }
    if (at.data[0] == '#' && at.len > 1 && strchr(".([", at.data[1])) {
        return refuse(sv_first(at, 2), err);
    }
    return true;
}

bool property_check(struct str_view property, struct err *err)
{
    if (property.len > LIMIT_PROPERTY_BYTES) {
        return err_set(err, ERR_TOO_BIG, "a property is over its limit of %d bytes",
                       LIMIT_PROPERTY_BYTES);
    }
    if (sv_starts_with(property, SV(".."))) {
        return refuse(SV(".."), err);
    }
    size_t parts = 1;
    for (size_t i = 0; i < property.len; i++) {
        char byte = property.data[i];
        if (byte == '\0') {
            return err_set(err, ERR_INVALID, "U+0000 in a property is not supported");
        }
        if (strchr("|*?", byte)) {
            return refuse(sv_make(property.data + i, 1), err);
        }
        parts += byte == '.' ? 1 : 0;
        if ((i == 0 || property.data[i - 1] == '.') &&
            !check_part_start(sv_from(property, i), err)) {
            return false;
        }
    }
    if (parts > LIMIT_PROPERTY_PARTS) {
        return err_set(err, ERR_TOO_BIG, "a property has more than %d parts", LIMIT_PROPERTY_PARTS);
    }
    return true;
}
