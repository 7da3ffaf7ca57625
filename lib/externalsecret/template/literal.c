/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/template/literal.h"

#include "base/utf8.h"

#include <math.h>

static int digit_value(char byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    char lower = (char)(byte | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : INT8_MAX;
}

/* Takes `count` digits of `base` off `text`. */
static bool take_digits(struct str_view *text, size_t count, int base, uint32_t *ret)
{
    uint32_t value = 0;
    if (text->len < count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        int digit = digit_value(text->data[i]);
        if (digit >= base) {
            return false;
        }
        value = value * (uint32_t)base + (uint32_t)digit;
    }
    *text = sv_from(*text, count);
    *ret = value;
    return true;
}

/* One character of a quoted literal; `is_byte` when it stands for itself and is not to be encoded.
 */
struct character {
    uint32_t rune;
    bool is_byte;
};

static bool take_code_point(struct str_view *text, size_t digits, struct character *ret)
{
    *ret = (struct character){0};
    return take_digits(text, digits, 16, &ret->rune) && utf8_is_rune(ret->rune);
}

/* Behind the backslash. */
static bool take_escape(struct str_view *text, char quote, struct character *ret)
{
    static const char letters[] = "abfnrtv\\";
    static const char meanings[] = "\a\b\f\n\r\t\v\\";
    if (text->len == 0) {
        return false;
    }
    char letter = text->data[0];
    *ret = (struct character){.is_byte = true};
    if (letter >= '0' && letter <= '7') {
        return take_digits(text, 3, 8, &ret->rune) && ret->rune <= UINT8_MAX;
    }
    *text = sv_from(*text, 1);
    switch (letter) {
    case 'x':
        return take_digits(text, 2, 16, &ret->rune);
    case 'u':
        return take_code_point(text, 4, ret);
    case 'U':
        return take_code_point(text, 8, ret);
    default:
        break;
    }
    const char *hit = letter ? strchr(letters, letter) : NULL;
    ret->rune = hit ? (unsigned char)meanings[hit - letters] : (unsigned char)letter;
    return hit || letter == quote;
}

static bool take_character(struct str_view *text, char quote, struct character *ret)
{
    if (text->len == 0 || text->data[0] == quote) {
        return false;
    }
    if (text->data[0] == '\\') {
        *text = sv_from(*text, 1);
        return take_escape(text, quote, ret);
    }
    size_t len = 0;
    ret->rune = utf8_first(*text, &len);
    ret->is_byte = ret->rune < 0x80;
    *text = sv_from(*text, len);
    return true;
}

bool literal_char(struct str_view quoted, struct value *ret)
{
    struct str_view text = sv_from(quoted, 1);
    struct character character;
    if (!take_character(&text, '\'', &character) || !sv_is(text, "'")) {
        return false;
    }
    *ret = (struct value){.kind = VALUE_INT, .integer = character.rune};
    return true;
}

/* As in Go's source, a raw string loses its carriage returns. */
static void copy_raw(struct str_view text, char *ret, size_t *ret_len)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '\r') {
            ret[len++] = text.data[i];
        }
    }
    *ret_len = len;
}

bool literal_string(struct str_view quoted, char *ret, size_t *ret_len)
{
    struct str_view text = sv_from(sv_first(quoted, quoted.len - 1), 1);
    size_t len = 0;
    if (quoted.data[0] == '`') {
        copy_raw(text, ret, ret_len);
        return true;
    }
    while (text.len > 0) {
        struct character character;
        if (!take_character(&text, '"', &character)) {
            return false;
        }
        if (character.is_byte) {
            ret[len++] = (char)character.rune;
            continue;
        }
        char bytes[UTF8_MOST_BYTES];
        size_t count = utf8_put(character.rune, bytes);
        memcpy(ret + len, bytes, count);
        len += count;
    }
    *ret_len = len;
    return true;
}

static bool has_any(struct str_view text, const char *bytes)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] && strchr(bytes, text.data[i])) {
            return true;
        }
    }
    return false;
}

static struct str_view without_sign(struct str_view text)
{
    bool signed_number = text.len > 0 && (text.data[0] == '+' || text.data[0] == '-');
    return sv_from(text, signed_number ? 1 : 0);
}

static bool is_digit_of(char byte, bool hex)
{
    return digit_value(byte) < (hex ? 16 : 10);
}

/* 2, 8 or 16 for 0b, 0o and 0x; 0 without such a prefix. */
static int prefix_base(struct str_view text)
{
    if (text.len < 2 || text.data[0] != '0') {
        return 0;
    }
    char letter = (char)(text.data[1] | 0x20);
    return letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
}

/* '_' only between digits, or between a prefix and a digit. */
static bool underscores_are_good(struct str_view text)
{
    int base = prefix_base(text);
    bool behind_digit = base != 0;
    for (size_t i = base ? 2 : 0; i < text.len; i++) {
        if (text.data[i] == '_') {
            bool before_digit = i + 1 < text.len && is_digit_of(text.data[i + 1], base == 16);
            if (!behind_digit || !before_digit) {
                return false;
            }
        }
        behind_digit = is_digit_of(text.data[i], base == 16);
    }
    return true;
}

enum integer {
    INTEGER_FINE,
    INTEGER_TOO_LARGE, /* for uint64 */
    INTEGER_NONE,
};

/* Without sign. A zero in front makes it octal. */
static enum integer read_integer(struct str_view text, uint64_t *ret)
{
    int base = text.len > 2 ? prefix_base(text) : 0;
    struct str_view digits = sv_from(text, base ? 2 : 0);
    if (base == 0) {
        base = text.len > 1 && text.data[0] == '0' ? 8 : 10;
    }
    bool overflow = false;
    *ret = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.data[i] == '_') {
            continue;
        }
        int digit = digit_value(digits.data[i]);
        if (digit >= base) {
            return INTEGER_NONE;
        }
        overflow = overflow || __builtin_mul_overflow(*ret, (uint64_t)base, ret) ||
                   __builtin_add_overflow(*ret, (uint64_t)digit, ret);
    }
    if (digits.len == 0 || !underscores_are_good(text)) {
        return INTEGER_NONE;
    }
    return overflow ? INTEGER_TOO_LARGE : INTEGER_FINE;
}

static size_t skip_digits(struct str_view text, size_t at, bool hex, size_t *digits)
{
    while (at < text.len && (text.data[at] == '_' || is_digit_of(text.data[at], hex))) {
        *digits += text.data[at] != '_';
        at++;
    }
    return at;
}

/* Without sign: digits with a point and an exponent, which in hexadecimal is no option. */
static bool is_float(struct str_view text)
{
    bool hex = prefix_base(text) == 16;
    size_t digits = 0;
    size_t at = skip_digits(text, hex ? 2 : 0, hex, &digits);
    if (at < text.len && text.data[at] == '.') {
        at = skip_digits(text, at + 1, hex, &digits);
    }
    if (digits == 0) {
        return false;
    }
    bool has_exponent = at < text.len && (text.data[at] | 0x20) == (hex ? 'p' : 'e');
    if (has_exponent) {
        at++;
        at += at < text.len && (text.data[at] == '+' || text.data[at] == '-');
        size_t exponent = 0;
        at = skip_digits(text, at, false, &exponent);
        has_exponent = exponent > 0;
        if (!has_exponent) {
            return false;
        }
    }
    return at == text.len && (has_exponent || !hex) && underscores_are_good(text);
}

/* False when it is none, or none that is finite. */
static bool read_float(struct str_view text, double *ret)
{
    if (!is_float(without_sign(text))) {
        return false;
    }
    char *plain = mem_alloc(text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '_') {
            plain[len++] = text.data[i];
        }
    }
    double value = strtod(plain, NULL);
    free(plain);
    *ret = value;
    return isfinite(value);
}

static enum literal integer_value(struct str_view text, uint64_t magnitude, struct value *ret)
{
    bool negative = text.data[0] == '-';
    bool has_sign = negative || text.data[0] == '+';
    uint64_t most = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    if (magnitude > most) {
        return has_sign ? LITERAL_BROKEN : LITERAL_TOO_LARGE;
    }
    int64_t integer = (int64_t)(negative ? 0 - magnitude : magnitude);
    *ret = (struct value){.kind = VALUE_INT, .integer = integer};
    /* Behind a sign Go does not notice the 0x, and takes the digit e for an exponent's. */
    if (has_sign && has_any(text, "eE")) {
        *ret = (struct value){.kind = VALUE_FLOAT, .real = (double)integer};
    }
    return LITERAL_FINE;
}

enum literal literal_number(struct str_view text, struct value *ret)
{
    double real = 0;
    if (text.len > 0 && text.data[text.len - 1] == 'i') {
        return read_float(sv_first(text, text.len - 1), &real) ? LITERAL_COMPLEX : LITERAL_BROKEN;
    }
    uint64_t magnitude = 0;
    enum integer integer = read_integer(without_sign(text), &magnitude);
    if (integer == INTEGER_FINE) {
        return integer_value(text, magnitude, ret);
    }
    /* Digits alone that are no integer are too many, or 8 and 9 behind a zero. */
    if (integer == INTEGER_TOO_LARGE || !read_float(text, &real) || !has_any(text, ".eEpP")) {
        return LITERAL_BROKEN;
    }
    *ret = (struct value){.kind = VALUE_FLOAT, .real = real};
    return LITERAL_FINE;
}
