/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <math.h>

#include "externalsecret/template/format_internal.h"

enum {
    INTEGER_DIGITS = 64, /* of a uint64 in binary */
    PREFIX_BYTES = 8,    /* a sign and 0x */
    /* A binary64 with a point in %f has 309 digits before it; behind it as many as are asked for,
     * which fmt limits to a million. */
    FLOAT_BYTES = 1024 * 1024,
    MANTISSA_BITS = 52,
    EXPONENT_BIAS = 1023,
    /* Where fmt's %x keeps the leading bit of a mantissa. */
    LEADING_BIT = 60,
    HEX_DIGITS = 15,
    DEFAULT_PRECISION = 6,
};

/* The digits of `magnitude` in `base`, at the end of `ret`. */
static struct str_view digits_of(uint64_t magnitude, int base, bool upper, char *ret, size_t size)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    size_t at = size;
    do {
        ret[--at] = digits[magnitude % (uint64_t)base];
        magnitude /= (uint64_t)base;
    } while (magnitude > 0);
    return sv_make(ret + at, size - at);
}

/* Digits at least: a precision, or a width that is filled with zeros. */
static size_t least_digits(const struct directive *directive, bool has_sign)
{
    if (directive->has_precision) {
        return (size_t)directive->precision;
    }
    if (directive->zero && !directive->minus && directive->has_width) {
        size_t width = (size_t)directive->width;
        return width > 0 && has_sign ? width - 1 : width;
    }
    return 0;
}

/* The sign and what tells the base; returns how many bytes. */
static size_t make_prefix(const struct directive *directive, bool negative, int base, char verb,
                          bool starts_with_zero, char ret[PREFIX_BYTES])
{
    size_t len = 0;
    char letter = directive->sharp && base == 2    ? 'b'
                  : directive->sharp && base == 16 ? verb
                  : verb == 'O'                    ? 'o'
                                                   : '\0';
    if (negative || directive->plus || directive->space) {
        ret[len++] = negative ? '-' : directive->plus ? '+' : ' ';
    }
    if (letter) {
        ret[len++] = '0';
        ret[len++] = letter;
    }
    if (directive->sharp && base == 8 && !starts_with_zero) {
        ret[len++] = '0';
    }
    return len;
}

void format_integer(const struct directive *directive, uint64_t magnitude, bool negative, int base,
                    char verb)
{
    struct buf *out = directive->out;
    if (directive->has_precision && directive->precision == 0 && magnitude == 0) {
        format_repeat(out, ' ', directive->has_width ? (size_t)directive->width : 0);
        return;
    }
    char memory[INTEGER_DIGITS];
    struct str_view digits = digits_of(magnitude, base, verb == 'X', memory, sizeof memory);
    bool has_sign = negative || directive->plus || directive->space;
    size_t least = least_digits(directive, has_sign);
    size_t zeros = least > digits.len ? least - digits.len : 0;

    char prefix[PREFIX_BYTES];
    size_t prefix_len =
        make_prefix(directive, negative, base, verb, zeros > 0 || digits.data[0] == '0', prefix);

    size_t len = prefix_len + zeros + digits.len;
    size_t width = directive->has_width ? (size_t)directive->width : 0;
    size_t padding = width > len ? width - len : 0;
    format_repeat(out, ' ', directive->minus ? 0 : padding);
    buf_append(out, prefix, prefix_len);
    format_repeat(out, '0', zeros);
    buf_add(out, digits);
    format_repeat(out, ' ', directive->minus ? padding : 0);
    explicit_bzero(memory, sizeof memory);
}

static uint64_t mantissa_of(double real, int *ret_exponent)
{
    uint64_t bits = 0;
    memcpy(&bits, &real, sizeof bits);
    uint64_t mantissa = bits & ((UINT64_C(1) << MANTISSA_BITS) - 1);
    int exponent = (int)((bits >> MANTISSA_BITS) & 0x7ff);
    if (exponent == 0) {
        exponent = 1;
    } else {
        mantissa |= UINT64_C(1) << MANTISSA_BITS;
    }
    *ret_exponent = exponent - EXPONENT_BIAS;
    return mantissa;
}

/* 4503599627370496p-52 */
static void add_binary(struct buf *out, double real)
{
    int exponent = 0;
    uint64_t mantissa = mantissa_of(real, &exponent);
    buf_printf(out, "%llup%+d", (unsigned long long)mantissa, exponent - MANTISSA_BITS);
}

/* To `precision` hexadecimal digits behind the leading one, half to even. */
static void round_mantissa(uint64_t *mantissa, int precision, int *exponent)
{
    int shift = precision * 4;
    uint64_t extra = (*mantissa << shift) & ((UINT64_C(1) << LEADING_BIT) - 1);
    *mantissa >>= LEADING_BIT - shift;
    if ((extra | (*mantissa & 1)) > UINT64_C(1) << (LEADING_BIT - 1)) {
        (*mantissa)++;
    }
    *mantissa <<= LEADING_BIT - shift;
    if (*mantissa & (UINT64_C(1) << (LEADING_BIT + 1))) {
        *mantissa >>= 1;
        (*exponent)++;
    }
}

/* 0x1.8p+01 */
static void add_hex(struct buf *out, double real, int precision, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    int exponent = 0;
    uint64_t mantissa = mantissa_of(real, &exponent);
    mantissa <<= LEADING_BIT - MANTISSA_BITS;
    if (mantissa == 0) {
        exponent = 0;
    }
    while (mantissa != 0 && !(mantissa & (UINT64_C(1) << LEADING_BIT))) {
        mantissa <<= 1;
        exponent--;
    }
    if (precision >= 0 && precision < HEX_DIGITS) {
        round_mantissa(&mantissa, precision, &exponent);
    }
    buf_add_str(out, upper ? "0X" : "0x");
    buf_add_byte(out, (char)('0' + ((mantissa >> LEADING_BIT) & 1)));
    mantissa <<= 4;
    if (precision > 0 || (precision < 0 && mantissa != 0)) {
        buf_add_byte(out, '.');
    }
    for (int i = 0; precision < 0 ? mantissa != 0 : i < precision; i++) {
        buf_add_byte(out, digits[mantissa >> LEADING_BIT]);
        mantissa <<= 4;
    }
    buf_printf(out, "%c%c%02d", upper ? 'P' : 'p', exponent < 0 ? '-' : '+', abs(exponent));
}

static void add_shortest(struct secret_buf *text, double magnitude, bool upper)
{
    size_t start = text->bytes.len;
    value_print_float(magnitude, text);
    for (size_t i = start; upper && i < text->bytes.len; i++) {
        text->bytes.data[i] = (char)toupper((unsigned char)text->bytes.data[i]);
    }
}

static void add_magnitude(struct secret_buf *text, double magnitude, char verb, int precision)
{
    struct buf *out = &text->bytes;
    switch (verb) {
    case 'b':
        add_binary(out, magnitude);
        break;
    case 'x':
    case 'X':
        add_hex(out, magnitude, precision, verb == 'X');
        break;
    case 'e':
        buf_printf(out, "%.*e", precision, magnitude);
        break;
    case 'E':
        buf_printf(out, "%.*E", precision, magnitude);
        break;
    case 'f':
        buf_printf(out, "%.*f", precision, magnitude);
        break;
    default:
        if (precision < 0) {
            add_shortest(text, magnitude, verb == 'G');
        } else if (verb == 'G') {
            buf_printf(out, "%.*G", precision, magnitude);
        } else {
            buf_printf(out, "%.*g", precision, magnitude);
        }
    }
}

/* Where the exponent starts, or the length. */
static size_t exponent_at(struct str_view number, char verb)
{
    bool hex = verb == 'x' || verb == 'X';
    for (size_t i = 0; i < number.len; i++) {
        if (strchr(hex ? "pP" : "eEpP", number.data[i])) {
            return i;
        }
    }
    return number.len;
}

/* '#': always a point, and for %g the zeros at the end that were dropped. */
static void restore_point(struct secret_buf *text, char verb, int precision)
{
    bool counts = verb == 'g' || verb == 'G' || verb == 'x';
    int missing = counts ? (precision < 0 ? DEFAULT_PRECISION : precision) : 0;
    struct str_view number = secret_buf_view(text);
    size_t end = exponent_at(number, verb);
    bool has_point = false;
    bool significant = false;
    for (size_t i = 1; i < end; i++) {
        if (number.data[i] == '.') {
            has_point = true;
            continue;
        }
        significant = significant || number.data[i] != '0';
        missing -= significant;
    }
    char tail[PREFIX_BYTES + PREFIX_BYTES];
    size_t tail_len = number.len - end;
    memcpy(tail, number.data + end, tail_len);
    if (!has_point && end == 2 && number.data[1] == '0') {
        missing--;
    }
    buf_truncate(&text->bytes, end);
    buf_append(&text->bytes, ".", has_point ? 0 : 1);
    format_repeat(&text->bytes, '0', missing > 0 ? (size_t)missing : 0);
    buf_append(&text->bytes, tail, tail_len);
}

/* Inf, which always shows its sign, and NaN; neither is filled with zeros. */
static void put_special(const struct directive *directive, double real)
{
    bool infinite = isinf(real);
    const char *sign = infinite && signbit(real) ? "-"
                       : directive->plus         ? "+"
                       : directive->space        ? " "
                       : infinite                ? "+"
                                                 : "";
    char text[PREFIX_BYTES];
    int len = snprintf(text, sizeof text, "%s%s", sign, infinite ? "Inf" : "NaN");
    directive_put_plain(directive, sv_make(text, (size_t)len));
}

void format_float(const struct directive *directive, double real, char verb, int precision)
{
    if (!isfinite(real)) {
        put_special(directive, real);
        return;
    }
    if (directive->has_precision) {
        precision = directive->precision;
    }
    /* Its text, with a sign in front even where none is shown. */
    struct secret_buf number CLEANUP(secret_buf_done) = {0};
    secret_buf_init(&number, (size_t)2 * FLOAT_BYTES);
    char sign = signbit(real) ? '-' : directive->space && !directive->plus ? ' ' : '+';
    buf_add_byte(&number.bytes, sign);
    add_magnitude(&number, fabs(real), verb, precision);
    if (directive->sharp && verb != 'b') {
        restore_point(&number, verb, precision);
    }
    struct str_view text = secret_buf_view(&number);
    if (!directive->plus && sign == '+') {
        directive_put(directive, sv_from(text, 1));
        return;
    }
    bool fills = directive->zero && !directive->minus && directive->has_width;
    if (fills && (size_t)directive->width > text.len) {
        buf_add_byte(directive->out, sign);
        directive_pad(directive, text.len);
        text = sv_from(text, 1);
        buf_add(directive->out, text);
        return;
    }
    directive_put(directive, text);
}
