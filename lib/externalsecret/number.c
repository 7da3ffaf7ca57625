/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/number.h"

#include <limits.h>
#include <stdlib.h>

#include "base/decimal.h"

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

static bool is_word(struct str_view text)
{
    struct str_view word = text;
    if (word.len > 0 && (word.data[0] == '+' || word.data[0] == '-')) {
        word = sv_from(word, 1);
        return sv_equal_ignoring_case(word, SV("inf")) ||
               sv_equal_ignoring_case(word, SV("infinity"));
    }
    return sv_equal_ignoring_case(word, SV("inf")) ||
           sv_equal_ignoring_case(word, SV("infinity")) || sv_equal_ignoring_case(word, SV("nan"));
}

static bool is_hex_digit(char byte)
{
    return is_digit(byte) || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f');
}

/* [+-] 0x hex digits [. hex digits] p [+-] digits: Go wants the exponent, strtod() does not. */
static bool is_hexadecimal(struct str_view text)
{
    size_t at = text.len > 0 && (text.data[0] == '+' || text.data[0] == '-') ? 1 : 0;
    if (text.len - at < 2 || text.data[at] != '0' || (text.data[at + 1] | 0x20) != 'x') {
        return false;
    }
    size_t digits = 0;
    bool point = false;
    for (at += 2; at < text.len && (is_hex_digit(text.data[at]) || text.data[at] == '.'); at++) {
        if (text.data[at] == '.' && point) {
            return false;
        }
        point = point || text.data[at] == '.';
        digits += text.data[at] != '.' ? 1 : 0;
    }
    if (digits == 0 || at == text.len || (text.data[at] | 0x20) != 'p') {
        return false;
    }
    at++;
    at += at < text.len && (text.data[at] == '+' || text.data[at] == '-') ? 1 : 0;
    return at < text.len && skip_digits(text, at) == text.len;
}

/* Underscores stand only between digits, or behind a base prefix. */
static bool take_underscores(struct str_view text, struct secret_buf *ret)
{
    size_t at = text.len > 0 && (text.data[0] == '+' || text.data[0] == '-') ? 1 : 0;
    bool hex = text.len - at >= 2 && text.data[at] == '0' && (text.data[at + 1] | 0x20) == 'x';
    bool (*digit)(char) = hex ? is_hex_digit : is_digit;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '_') {
            secret_buf_append(ret, text.data + i, 1);
        } else if (i == 0 || i + 1 == text.len || !digit(text.data[i + 1]) ||
                   (!digit(text.data[i - 1]) && !(hex && i == at + 2))) {
            return false;
        }
    }
    return true;
}

double number_value(struct str_view token)
{
    CLEANUP(secret_buf_done) struct secret_buf copy = {0};
    secret_buf_init(&copy, token.len);
    if (!take_underscores(token, &copy)) {
        return 0;
    }
    struct str_view text = secret_buf_view(&copy);
    if (!decimal_is_number(text) && !is_word(text) && !is_hexadecimal(text)) {
        return 0;
    }
    return strtod(copy.bytes.data, NULL);
}

void number_print_value(double value, struct secret_buf *ret)
{
    decimal_add_double(&ret->bytes, value, INT_MIN, INT_MAX);
}

bool number_print(struct str_view token, struct secret_buf *ret, struct err *err)
{
    if (!decimal_is_number(token) && !is_word(token)) {
        return err_set(err, ERR_INVALID, "not a number");
    }
    double value = number_value(token);
    number_print_value(value, ret);
    explicit_bzero(&value, sizeof value);
    return secret_buf_check(ret, "number", err);
}
