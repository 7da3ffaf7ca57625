/* SPDX-License-Identifier: Apache-2.0 */
/* Go takes the first byte for a hint, removes every underscore of what may be a number, and tries
 * integers with a prefix for their base before floats; so 08, which is no octal number, is 8. */
#include <math.h>
#include <stdlib.h>

#include "base/decimal.h"
#include "base/encode.h"
#include "base/secret_buf.h"
#include "base/utf8.h"
#include "base/yaml11_internal.h"

enum {
    NO_DIGIT = 255,
};

static const struct {
    const char *text;
    enum yaml11_type type;
    bool boolean;
    double real;
} words[] = {
    {"", YAML11_NULL, false, 0},
    {"~", YAML11_NULL, false, 0},
    {"null", YAML11_NULL, false, 0},
    {"Null", YAML11_NULL, false, 0},
    {"NULL", YAML11_NULL, false, 0},
    {"y", YAML11_BOOL, true, 0},
    {"Y", YAML11_BOOL, true, 0},
    {"yes", YAML11_BOOL, true, 0},
    {"Yes", YAML11_BOOL, true, 0},
    {"YES", YAML11_BOOL, true, 0},
    {"true", YAML11_BOOL, true, 0},
    {"True", YAML11_BOOL, true, 0},
    {"TRUE", YAML11_BOOL, true, 0},
    {"on", YAML11_BOOL, true, 0},
    {"On", YAML11_BOOL, true, 0},
    {"ON", YAML11_BOOL, true, 0},
    {"n", YAML11_BOOL, false, 0},
    {"N", YAML11_BOOL, false, 0},
    {"no", YAML11_BOOL, false, 0},
    {"No", YAML11_BOOL, false, 0},
    {"NO", YAML11_BOOL, false, 0},
    {"false", YAML11_BOOL, false, 0},
    {"False", YAML11_BOOL, false, 0},
    {"FALSE", YAML11_BOOL, false, 0},
    {"off", YAML11_BOOL, false, 0},
    {"Off", YAML11_BOOL, false, 0},
    {"OFF", YAML11_BOOL, false, 0},
    {".nan", YAML11_FLOAT, false, NAN},
    {".NaN", YAML11_FLOAT, false, NAN},
    {".NAN", YAML11_FLOAT, false, NAN},
    {".inf", YAML11_FLOAT, false, INFINITY},
    {".Inf", YAML11_FLOAT, false, INFINITY},
    {".INF", YAML11_FLOAT, false, INFINITY},
    {"+.inf", YAML11_FLOAT, false, INFINITY},
    {"+.Inf", YAML11_FLOAT, false, INFINITY},
    {"+.INF", YAML11_FLOAT, false, INFINITY},
    {"-.inf", YAML11_FLOAT, false, -INFINITY},
    {"-.Inf", YAML11_FLOAT, false, -INFINITY},
    {"-.INF", YAML11_FLOAT, false, -INFINITY},
};

static bool resolve_word(struct str_view text, struct yaml11_scalar *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (!sv_is(text, words[i].text)) {
            continue;
        }
        ret->type = words[i].type;
        if (ret->type == YAML11_BOOL) {
            ret->boolean = words[i].boolean;
        } else if (ret->type == YAML11_FLOAT) {
            ret->real = words[i].real;
        }
        return true;
    }
    return false;
}

static unsigned digit_of(char byte)
{
    return byte >= '0' && byte <= '9'   ? (unsigned)(byte - '0')
           : byte >= 'a' && byte <= 'f' ? (unsigned)(byte - 'a') + 10
           : byte >= 'A' && byte <= 'F' ? (unsigned)(byte - 'A') + 10
                                        : NO_DIGIT;
}

/* False when these are no digits, or more than 64 bits. */
static bool parse_digits(struct str_view digits, unsigned base, uint64_t *ret)
{
    uint64_t value = 0;
    for (size_t i = 0; i < digits.len; i++) {
        unsigned digit = digit_of(digits.data[i]);
        if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, digit, &value)) {
            return false;
        }
    }
    *ret = value;
    return digits.len > 0;
}

/* strconv.ParseUint with base 0. */
static bool parse_natural(struct str_view text, uint64_t *ret)
{
    if (text.len < 2 || text.data[0] != '0') {
        return parse_digits(text, 10, ret);
    }
    if (text.len >= 3) {
        switch (text.data[1]) {
        case 'b':
        case 'B':
            return parse_digits(sv_from(text, 2), 2, ret);
        case 'o':
        case 'O':
            return parse_digits(sv_from(text, 2), 8, ret);
        case 'x':
        case 'X':
            return parse_digits(sv_from(text, 2), 16, ret);
        default:
            break;
        }
    }
    return parse_digits(sv_from(text, 1), 8, ret);
}

static bool is_sign(char byte)
{
    return byte == '-' || byte == '+';
}

/* A magnitude with its sign, in the smallest type that holds it. */
static bool set_integer(bool negative, uint64_t magnitude, struct yaml11_scalar *ret)
{
    if (!negative && magnitude > INT64_MAX) {
        ret->type = YAML11_UINT;
        ret->natural = magnitude;
        return true;
    }
    if (negative && magnitude > (uint64_t)INT64_MAX + 1) {
        return false;
    }
    ret->type = YAML11_INT;
    if (negative && magnitude > INT64_MAX) {
        ret->integer = INT64_MIN;
    } else {
        ret->integer = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    }
    return true;
}

static bool resolve_integer(struct str_view text, struct yaml11_scalar *ret)
{
    uint64_t magnitude = 0;
    bool has_sign = is_sign(text.data[0]);
    bool is_natural = parse_natural(sv_from(text, has_sign ? 1 : 0), &magnitude);
    bool negative = text.data[0] == '-';
    if (!is_natural && sv_starts_with(text, SV("0b")) && text.len > 3 && is_sign(text.data[2])) {
        /* Go looks for the sign behind this prefix too. */
        is_natural = parse_digits(sv_from(text, 3), 2, &magnitude);
        negative = text.data[2] == '-';
        has_sign = true;
    }
    /* Over int64, Go takes no sign. */
    return is_natural && (!has_sign || negative || magnitude <= INT64_MAX) &&
           set_integer(negative, magnitude, ret);
}

/* `text` has a NUL behind it. What is over the range of a float64 stays text. */
static bool resolve_float(struct str_view text, struct yaml11_scalar *ret)
{
    if (!decimal_is_number(text)) {
        return false;
    }
    double value = strtod(text.data, NULL);
    if (isinf(value)) {
        return false;
    }
    ret->type = YAML11_FLOAT;
    ret->real = value;
    return true;
}

static bool is_digit_at(struct str_view text, size_t at)
{
    return at < text.len && text.data[at] >= '0' && text.data[at] <= '9';
}

/* strconv.ParseFloat takes an underscore only between two digits. */
static bool underscores_separate_digits(struct str_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '_' &&
            (i == 0 || !is_digit_at(text, i - 1) || !is_digit_at(text, i + 1))) {
            return false;
        }
    }
    return true;
}

static bool resolve_number(struct str_view text, struct yaml11_scalar *ret)
{
    bool starts_with_point = text.data[0] == '.';
    CLEANUP(secret_buf_done) struct secret_buf plain = {0};
    if (starts_with_point && !underscores_separate_digits(text)) {
        return false;
    }
    secret_buf_init(&plain, text.len);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '_') {
            secret_buf_append(&plain, text.data + i, 1);
        }
    }
    struct str_view view = secret_buf_view(&plain);
    return (!starts_with_point && resolve_integer(view, ret)) || resolve_float(view, ret);
}

static void resolve_plain(struct str_view text, struct yaml11_scalar *ret)
{
    char first = text.len ? text.data[0] : '\0';
    bool may_be_number = first == '.' || is_sign(first) || is_digit_at(text, 0);
    if (resolve_word(text, ret) || (may_be_number && resolve_number(text, ret))) {
        return;
    }
    ret->type = YAML11_STRING;
    ret->text = text;
}

/* What is no UTF-8 becomes U+FFFD on the way through JSON. */
static bool resolve_binary(const struct yaml11_node *node, struct yaml_text **texts,
                           struct yaml11_scalar *ret, struct err *err)
{
    CLEANUP(secret_buf_done) struct secret_buf bytes = {0};
    CLEANUP(secret_buf_done) struct secret_buf runes = {0};
    struct err reason = {0};
    secret_buf_init(&bytes, node->value.len);
    if (!decode_base64(&bytes.bytes, node->value, &reason)) {
        return yaml11_fail(err, node, ERR_INVALID, "!!binary that is no base64");
    }
    secret_buf_init(&runes, 3 * node->value.len);
    struct str_view rest = secret_buf_view(&bytes);
    while (rest.len) {
        size_t taken = 0;
        utf8_add(&runes.bytes, utf8_first(rest, &taken));
        rest = sv_from(rest, taken);
    }
    ret->type = YAML11_STRING;
    ret->text = yaml_text_copy(texts, secret_buf_view(&runes));
    return true;
}

static bool tag_fits(enum yaml11_tag tag, struct yaml11_scalar *scalar)
{
    if (tag == YAML11_TAG_FLOAT && scalar->type == YAML11_INT) {
        scalar->real = (double)scalar->integer;
        scalar->type = YAML11_FLOAT;
    }
    return tag == YAML11_TAG_NONE || (tag == YAML11_TAG_BOOL && scalar->type == YAML11_BOOL) ||
           (tag == YAML11_TAG_INT && (scalar->type == YAML11_INT || scalar->type == YAML11_UINT)) ||
           (tag == YAML11_TAG_FLOAT && scalar->type == YAML11_FLOAT) ||
           (tag == YAML11_TAG_NULL && scalar->type == YAML11_NULL);
}

bool yaml11_resolve(const struct yaml11_node *node, struct yaml_text **texts,
                    struct yaml11_scalar *ret, struct err *err)
{
    bool is_text = node->tag == YAML11_TAG_STR || node->tag == YAML11_TAG_MERGE ||
                   node->tag == YAML11_TAG_OTHER ||
                   (node->tag == YAML11_TAG_NONE && !node->implicit);
    if (node->tag == YAML11_TAG_BINARY) {
        return resolve_binary(node, texts, ret, err);
    }
    if (node->tag == YAML11_TAG_TIMESTAMP) {
        return yaml11_fail(err, node, ERR_INVALID, "the tag !!timestamp, which is not supported");
    }
    if (is_text) {
        ret->type = YAML11_STRING;
        ret->text = node->value;
        return true;
    }
    resolve_plain(node->value, ret);
    return tag_fits(node->tag, ret) ||
           yaml11_fail(err, node, ERR_INVALID, "a tag that does not fit its value");
}
