/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/template/yaml_resolve.h"

#include "base/limits.h"
#include "base/secret_buf.h"

#include <ctype.h>
#include <math.h>

enum {
    YEAR_DIGITS = 4,
    ZONE_BYTES = 6, /* +07:00 */
    ZONE_HOURS = 24,
    ZONE_MINUTES = 60,
    BITS = 64,
};

/* What is still to be read of a text. */
struct rest {
    struct str_view text;
};

static bool digit_at(struct str_view text, size_t at)
{
    return at < text.len && text.data[at] >= '0' && text.data[at] <= '9';
}

static bool take(struct rest *rest, char byte)
{
    bool there = rest->text.len > 0 && rest->text.data[0] == byte;
    rest->text = sv_from(rest->text, there ? 1 : 0);
    return there;
}

static size_t take_digits(struct rest *rest)
{
    size_t len = 0;
    while (digit_at(rest->text, len)) {
        len++;
    }
    rest->text = sv_from(rest->text, len);
    return len;
}

static void take_sign(struct rest *rest)
{
    if (!take(rest, '-')) {
        (void)take(rest, '+');
    }
}

/* One or two digits, a number from `least` to `most`. */
static bool take_number(struct rest *rest, int least, int most, int *ret)
{
    if (!digit_at(rest->text, 0)) {
        return false;
    }
    size_t len = digit_at(rest->text, 1) ? 2 : 1;
    *ret = 0;
    for (size_t i = 0; i < len; i++) {
        *ret = *ret * 10 + (rest->text.data[i] - '0');
    }
    rest->text = sv_from(rest->text, len);
    return *ret >= least && *ret <= most;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

static bool take_date(struct rest *rest)
{
    int year = 0;
    for (size_t i = 0; i < YEAR_DIGITS; i++) {
        if (!digit_at(rest->text, i)) {
            return false;
        }
        year = year * 10 + (rest->text.data[i] - '0');
    }
    rest->text = sv_from(rest->text, YEAR_DIGITS);
    int month = 0;
    int day = 0;
    return take(rest, '-') && take_number(rest, 1, 12, &month) && take(rest, '-') &&
           take_number(rest, 1, days_in(year, month), &day);
}

/* The fraction may follow a comma too and have any number of digits. */
static bool take_time(struct rest *rest)
{
    int number = 0;
    bool there = take_number(rest, 0, 23, &number) && take(rest, ':') &&
                 take_number(rest, 0, 59, &number) && take(rest, ':') &&
                 take_number(rest, 0, 59, &number);
    if (there && digit_at(rest->text, 1) && (take(rest, '.') || take(rest, ','))) {
        (void)take_digits(rest);
    }
    return there;
}

static bool take_zone(struct rest *rest)
{
    if (take(rest, 'Z')) {
        return true;
    }
    struct str_view text = rest->text;
    bool shaped = text.len >= ZONE_BYTES && (text.data[0] == '+' || text.data[0] == '-') &&
                  digit_at(text, 1) && digit_at(text, 2) && text.data[3] == ':' &&
                  digit_at(text, 4) && digit_at(text, 5);
    int hours = 0;
    int minutes = 0;
    rest->text = sv_from(text, shaped ? 1 : 0);
    return shaped && take_number(rest, 0, ZONE_HOURS, &hours) && take(rest, ':') &&
           take_number(rest, 0, ZONE_MINUTES, &minutes);
}

static bool is_timestamp(struct str_view text)
{
    struct rest rest = {text};
    if (!take_date(&rest)) {
        return false;
    }
    if (rest.text.len == 0) {
        return true;
    }
    bool with_zone = take(&rest, 'T') || take(&rest, 't');
    if (!with_zone && !take(&rest, ' ')) {
        return false;
    }
    while (!with_zone && take(&rest, ' ')) {
    }
    return take_time(&rest) && (!with_zone || take_zone(&rest)) && rest.text.len == 0;
}

static int digit_value(char byte)
{
    int lower = tolower((unsigned char)byte);
    bool letter = lower >= 'a' && lower <= 'f';
    return letter ? lower - 'a' + 10 : byte >= '0' && byte <= '9' ? byte - '0' : BITS;
}

/* Only digits of `base`, at least one, and no more than fit `most`. */
static bool is_magnitude(struct str_view digits, int base, uint64_t most)
{
    uint64_t value = 0;
    for (size_t i = 0; i < digits.len; i++) {
        uint64_t digit = (uint64_t)digit_value(digits.data[i]);
        if (digit >= (uint64_t)base || __builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, digit, &value)) {
            return false;
        }
    }
    return digits.len > 0 && value <= most;
}

/* An int64 with a sign, a uint64 without. */
static uint64_t most_of(struct str_view number)
{
    bool minus = number.len > 0 && number.data[0] == '-';
    bool plus = number.len > 0 && number.data[0] == '+';
    return minus ? (uint64_t)INT64_MAX + 1 : plus ? (uint64_t)INT64_MAX : UINT64_MAX;
}

/* With a prefix for the base: 0x1F, 0o17, 0b1, in capitals too. A plain number, also one of digits
 * behind a 0, is found to be a float here or there. */
static bool is_prefixed_integer(struct str_view number)
{
    struct rest rest = {number};
    take_sign(&rest);
    if (rest.text.len < 3 || rest.text.data[0] != '0') {
        return false;
    }
    int letter = tolower((unsigned char)rest.text.data[1]);
    int base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
    return base != 0 && is_magnitude(sv_from(rest.text, 2), base, most_of(number));
}

/* go-yaml reads "0b" once more by itself: a sign may stand behind it then. */
static bool is_signed_binary(struct str_view number)
{
    if (number.len < 3 || number.data[0] != '0' || number.data[1] != 'b') {
        return false;
    }
    struct str_view digits = sv_from(number, 2);
    struct rest rest = {digits};
    take_sign(&rest);
    return is_magnitude(rest.text, 2, most_of(digits));
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_float_shaped(struct str_view number)
{
    struct rest rest = {number};
    take_sign(&rest);
    size_t whole = take_digits(&rest);
    size_t fraction = take(&rest, '.') ? take_digits(&rest) : 0;
    bool shaped = whole + fraction > 0;
    if (shaped && (take(&rest, 'e') || take(&rest, 'E'))) {
        take_sign(&rest);
        shaped = take_digits(&rest) > 0;
    }
    return shaped && rest.text.len == 0;
}

/* `number` is a secret_buf's text, which ends with a NUL. */
static bool is_float(struct str_view number)
{
    return is_float_shaped(number) && isfinite(strtod(number.data, NULL));
}

/* Go's rule for a literal: only between digits. */
static bool underscores_separate(struct str_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '_' && (i == 0 || !digit_at(text, i - 1) || !digit_at(text, i + 1))) {
            return false;
        }
    }
    return true;
}

/* [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)? */
static bool is_base_60(struct str_view text)
{
    struct rest rest = {text};
    take_sign(&rest);
    if (take_digits(&rest) == 0) {
        return false;
    }
    while (take(&rest, '_') || take_digits(&rest) > 0) {
    }
    size_t places = 0;
    while (take(&rest, ':')) {
        int number = 0;
        if (!take_number(&rest, 0, 59, &number)) {
            return false;
        }
        places++;
    }
    if (places > 0 && take(&rest, '.')) {
        while (take(&rest, '_') || take_digits(&rest) > 0) {
        }
    }
    return places > 0 && rest.text.len == 0;
}

static bool is_word(struct str_view text)
{
    static const char *const words[] = {
        "y",    "Y",    "yes",   "Yes",   "YES",   "true",  "True",  "TRUE",  "on",    "On",
        "ON",   "n",    "N",     "no",    "No",    "NO",    "false", "False", "FALSE", "off",
        "Off",  "OFF",  "~",     "null",  "Null",  "NULL",  ".nan",  ".NaN",  ".NAN",  ".inf",
        ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF",
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (sv_is(text, words[i])) {
            return true;
        }
    }
    return false;
}

bool yaml_resolves_otherwise(struct str_view text)
{
    if (text.len == 0 || is_word(text)) {
        return true;
    }
    bool pointed = text.data[0] == '.';
    bool numeric = digit_at(text, 0) || text.data[0] == '+' || text.data[0] == '-';
    if (!pointed && !numeric) {
        return false;
    }
    CLEANUP(secret_buf_done) struct secret_buf number = {0};
    secret_buf_init(&number, text.len);
    for (size_t i = 0; i < text.len; i++) {
        secret_buf_append(&number, &text.data[i], text.data[i] == '_' ? 0 : 1);
    }
    struct str_view plain = secret_buf_view(&number);
    if (pointed) {
        return underscores_separate(text) && is_float(plain);
    }
    return is_timestamp(text) || is_prefixed_integer(plain) || is_float(plain) ||
           is_signed_binary(plain) || is_base_60(text);
}
