/* SPDX-License-Identifier: Apache-2.0 */
/* The digits come from printf: with p significant digits it gives the decimal nearest to the value,
 * and the smallest p whose decimal reads back as the value is the shortest form. One case is left:
 * at a power of two the neighbour below is only half as far away as the one above, so a decimal a
 * little too large may still read back although the nearest one does not. That one is tried too. */
#include "base/decimal.h"

#include <math.h>
#include <stdlib.h>

enum {
    MOST_DIGITS = 17, /* always enough for a binary64 */
    SCIENTIFIC_BYTES = 40,
};

enum width {
    BINARY32,
    BINARY64,
};

/* "d.ddde±xx" taken apart. */
struct decimal {
    char digits[MOST_DIGITS + 1];
    int count;
    int exponent; /* of the first digit */
};

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static size_t skip_digits(struct str_view text, size_t at)
{
    while (at < text.len && is_digit(text.data[at])) {
        at++;
    }
    return at;
}

bool decimal_is_number(struct str_view text)
{
    size_t at = text.len > 0 && (text.data[0] == '+' || text.data[0] == '-') ? 1 : 0;
    size_t start = at;
    at = skip_digits(text, at);
    size_t digits = at - start;
    if (at < text.len && text.data[at] == '.') {
        start = ++at;
        at = skip_digits(text, at);
        digits += at - start;
    }
    if (digits == 0) {
        return false;
    }
    if (at < text.len && (text.data[at] == 'e' || text.data[at] == 'E')) {
        at++;
        if (at < text.len && (text.data[at] == '+' || text.data[at] == '-')) {
            at++;
        }
        start = at;
        at = skip_digits(text, at);
        if (at == start) {
            return false;
        }
    }
    return at == text.len;
}

/* Both are finite and not negative, so equal is the same bits. */
static bool reads_as(const char *text, double value, enum width width)
{
    double read = width == BINARY32 ? (double)strtof(text, NULL) : strtod(text, NULL);
    return read <= value && read >= value;
}

/* Adds one to the last digit of "d.ddd" before its exponent; false when it would grow a digit. */
static bool increment(char *text)
{
    char *at = strchr(text, 'e');
    while (at > text) {
        at--;
        if (*at == '.') {
            continue;
        }
        if (*at != '9') {
            (*at)++;
            return true;
        }
        *at = '0';
    }
    return false;
}

/* `value` is finite and not negative. */
static void shortest(double value, enum width width, char text[SCIENTIFIC_BYTES])
{
    for (int digits = 1; digits <= MOST_DIGITS; digits++) {
        (void)snprintf(text, SCIENTIFIC_BYTES, "%.*e", digits - 1, value);
        if (reads_as(text, value, width)) {
            return;
        }
        if (increment(text) && reads_as(text, value, width)) {
            return;
        }
    }
}

static void split(const char *text, struct decimal *ret)
{
    const char *at = text;
    ret->count = 0;
    for (; *at != 'e'; at++) {
        if (*at != '.') {
            ret->digits[ret->count++] = *at;
        }
    }
    while (ret->count > 1 && ret->digits[ret->count - 1] == '0') {
        ret->count--;
    }
    bool negative = at[1] == '-';
    int exponent = 0;
    for (at += 2; is_digit(*at); at++) {
        exponent = exponent * 10 + (*at - '0');
    }
    ret->exponent = negative ? -exponent : exponent;
}

static void print_plain(const struct decimal *decimal, struct buf *out)
{
    if (decimal->exponent < 0) {
        buf_add_str(out, "0.");
        for (int i = -1; i > decimal->exponent; i--) {
            buf_add_byte(out, '0');
        }
        buf_append(out, decimal->digits, (size_t)decimal->count);
        return;
    }
    for (int i = 0; i < decimal->count || i <= decimal->exponent; i++) {
        if (i == decimal->exponent + 1) {
            buf_add_byte(out, '.');
        }
        buf_add_byte(out, i < decimal->count ? decimal->digits[i] : '0');
    }
}

/* "d.ddde+06": two digits of exponent at least. */
static void print_scientific(const struct decimal *decimal, struct buf *out)
{
    buf_append(out, decimal->digits, 1);
    if (decimal->count > 1) {
        buf_add_byte(out, '.');
        buf_append(out, decimal->digits + 1, (size_t)decimal->count - 1);
    }
    buf_add_str(out, decimal->exponent < 0 ? "e-" : "e+");
    int exponent = abs(decimal->exponent);
    if (exponent < 10) {
        buf_add_byte(out, '0');
    }
    buf_add_int(out, exponent);
}

static void add_number(struct buf *out, double value, enum width width, int plain_from,
                       int plain_below)
{
    if (isnan(value)) {
        buf_add_str(out, "NaN");
        return;
    }
    if (isinf(value)) {
        buf_add_str(out, signbit(value) ? "-Inf" : "+Inf");
        return;
    }
    if (signbit(value)) {
        buf_add_byte(out, '-');
    }
    char text[SCIENTIFIC_BYTES];
    struct decimal decimal;
    shortest(fabs(value), width, text);
    split(text, &decimal);
    if (decimal.exponent >= plain_from && decimal.exponent < plain_below) {
        print_plain(&decimal, out);
    } else {
        print_scientific(&decimal, out);
    }
    explicit_bzero(text, sizeof text);
    explicit_bzero(&decimal, sizeof decimal);
}

void decimal_add_double(struct buf *out, double value, int plain_from, int plain_below)
{
    add_number(out, value, BINARY64, plain_from, plain_below);
}

void decimal_add_float(struct buf *out, float value, int plain_from, int plain_below)
{
    add_number(out, (double)value, BINARY32, plain_from, plain_below);
}
