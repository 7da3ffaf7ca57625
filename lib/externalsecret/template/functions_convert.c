/* SPDX-License-Identifier: Apache-2.0 */
/* sprig's conversions (spf13/cast 1.7: what cannot be converted is 0), arithmetic with Go's
 * wrapping, encodings, digests, and fail. */
#include "base/encode.h"
#include "base/limits.h"
#include "crypto/digest.h"
#include "externalsecret/number.h"
#include "externalsecret/template/arguments.h"
#include "externalsecret/template/functions_internal.h"

#include <math.h>

bool function_to_string(TEMPLATE_CALL)
{
    (void)count;
    struct str_view text = {0};
    if (!value_to_text(arena, &args[0], &text, err)) {
        return false;
    }
    *ret = value_text(text);
    return true;
}

/* Without ".000" at the end. */
static struct str_view without_zero_fraction(struct str_view text)
{
    size_t len = text.len;
    while (len > 0 && text.data[len - 1] == '0') {
        len--;
    }
    return len > 0 && len < text.len && text.data[len - 1] == '.' ? sv_first(text, len - 1) : text;
}

static unsigned digit_of(char byte)
{
    if (byte >= '0' && byte <= '9') {
        return (unsigned)(byte - '0');
    }
    char lower = (char)(byte | 0x20);
    return lower >= 'a' && lower <= 'z' ? (unsigned)(lower - 'a' + 10) : UINT32_MAX;
}

/* Takes 0x, 0b, 0o or 0 off `*digits`. */
static unsigned take_base(struct str_view *digits)
{
    if (digits->len < 2 || digits->data[0] != '0') {
        return 10;
    }
    unsigned base = 8;
    char mark = (char)(digits->data[1] | 0x20);
    bool marked = digits->len > 2 && (mark == 'x' || mark == 'b' || mark == 'o');
    if (marked && mark != 'o') {
        base = mark == 'x' ? 16 : 2;
    }
    *digits = sv_from(*digits, marked ? 2 : 1);
    return base;
}

/* strconv.ParseInt. False for what is no number; over the range `*ret` is the nearest. */
static bool parse_int(struct str_view text, unsigned base, int64_t *ret, bool *ret_in_range)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    if (negative || (text.len > 0 && text.data[0] == '+')) {
        text = sv_from(text, 1);
    }
    bool prefixed = base == 0 && text.len > 1 && text.data[0] == '0';
    bool underscores = base == 0;
    if (base == 0) {
        base = take_base(&text);
    }
    uint64_t number = 0;
    bool digit_before = prefixed;
    bool fits = text.len > 0;
    if (!fits) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '_' && underscores && digit_before && i + 1 < text.len) {
            digit_before = false;
            continue;
        }
        unsigned digit = digit_of(text.data[i]);
        if (digit >= base) {
            return false;
        }
        digit_before = true;
        fits = fits && !__builtin_mul_overflow(number, base, &number) &&
               !__builtin_add_overflow(number, digit, &number);
    }
    uint64_t most = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
    *ret_in_range = fits && number <= most;
    number = *ret_in_range ? number : most;
    *ret = (int64_t)(negative ? 0 - number : number);
    return true;
}

/* What amd64 does with a float that no int64 holds. */
static int64_t to_int64(double real)
{
    static const double beyond = 9223372036854775808.0; /* 2^63 */
    return real >= -beyond && real < beyond ? (int64_t)real : INT64_MIN;
}

static int64_t cast_int(const struct value *value)
{
    int64_t number = 0;
    bool in_range = false;
    switch (value->kind) {
    case VALUE_BOOL:
        return value->boolean ? 1 : 0;
    case VALUE_INT:
    case VALUE_INT64:
    case VALUE_UINT8:
        return value->integer;
    case VALUE_FLOAT:
        return to_int64(value->real);
    case VALUE_STRING:
        return parse_int(without_zero_fraction(value->text), 0, &number, &in_range) && in_range
                   ? number
                   : 0;
    case VALUE_ABSENT:
    case VALUE_NIL:
    case VALUE_LIST:
    case VALUE_STRINGS:
    case VALUE_DICT:
    case VALUE_STRING_DICT:
        break;
    }
    return 0;
}

bool function_int(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    (void)err;
    *ret = value_int(cast_int(&args[0]));
    return true;
}

bool function_int64(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    (void)err;
    *ret = value_int64(cast_int(&args[0]));
    return true;
}

bool function_atoi(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    struct str_view text = {0};
    int64_t number = 0;
    bool in_range = false;
    if (!argument_text(args, 0, &text, err)) {
        return false;
    }
    *ret = value_int(parse_int(text, 10, &number, &in_range) ? number : 0);
    return true;
}

static bool has(struct str_view text, char byte)
{
    return sv_find(text, byte) < text.len;
}

/* strconv.ParseFloat, 0 over the range. Hexadecimal and underscores, which it takes as well, are
 * refused rather than read in a second way. */
static bool parse_float(struct str_view text, double *ret, struct err *err)
{
    CLEANUP(secret_buf_done) struct secret_buf plain = {0};
    CLEANUP(secret_buf_done) struct secret_buf copy = {0};
    secret_buf_init(&plain, LIMIT_TEMPLATE_BYTES);
    secret_buf_init(&copy, LIMIT_TEMPLATE_BYTES);
    if (has(text, '_') || has(text, 'x') || has(text, 'X')) {
        return err_set(err, ERR_INVALID,
                       "float64 of a text with x or _ is not supported by this version");
    }
    struct err no_number = {0};
    *ret = 0;
    if (text.len == 0 || !number_print(text, &plain, &no_number)) {
        return true;
    }
    secret_buf_add(&copy, text);
    double real = strtod(copy.bytes.data, NULL);
    bool over = isinf(real) && !has(text, 'f') && !has(text, 'F');
    *ret = over ? 0 : real;
    return true;
}

bool function_float64(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    double real = 0;
    if (args[0].kind == VALUE_FLOAT) {
        real = args[0].real;
    } else if (args[0].kind != VALUE_STRING) {
        real = (double)cast_int(&args[0]);
    } else if (!parse_float(args[0].text, &real, err)) {
        return false;
    }
    *ret = value_float(real);
    return true;
}

static int64_t wrapped_add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

bool function_add(TEMPLATE_CALL)
{
    (void)arena;
    (void)err;
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum = wrapped_add(sum, cast_int(&args[i]));
    }
    *ret = value_int64(sum);
    return true;
}

bool function_add1(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    (void)err;
    *ret = value_int64(wrapped_add(cast_int(&args[0]), 1));
    return true;
}

bool function_sub(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    (void)err;
    *ret = value_int64((int64_t)((uint64_t)cast_int(&args[0]) - (uint64_t)cast_int(&args[1])));
    return true;
}

bool function_mul(TEMPLATE_CALL)
{
    (void)arena;
    (void)err;
    uint64_t product = 1;
    for (size_t i = 0; i < count; i++) {
        product *= (uint64_t)cast_int(&args[i]);
    }
    *ret = value_int64((int64_t)product);
    return true;
}

/* Go wraps where C's result would not fit. */
static bool divide(const struct value *args, int64_t *quotient, int64_t *rest, struct err *err)
{
    int64_t a = cast_int(&args[0]);
    int64_t b = cast_int(&args[1]);
    if (b == 0) {
        return err_set(err, ERR_INVALID, "integer divide by zero");
    }
    *quotient = b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
    *rest = b == -1 ? 0 : a % b;
    return true;
}

bool function_div(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    int64_t quotient = 0;
    int64_t rest = 0;
    if (!divide(args, &quotient, &rest, err)) {
        return false;
    }
    *ret = value_int64(quotient);
    return true;
}

bool function_mod(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    int64_t quotient = 0;
    int64_t rest = 0;
    if (!divide(args, &quotient, &rest, err)) {
        return false;
    }
    *ret = value_int64(rest);
    return true;
}

bool function_max(TEMPLATE_CALL)
{
    (void)arena;
    (void)err;
    int64_t most = cast_int(&args[0]);
    for (size_t i = 1; i < count; i++) {
        int64_t other = cast_int(&args[i]);
        most = other > most ? other : most;
    }
    *ret = value_int64(most);
    return true;
}

bool function_min(TEMPLATE_CALL)
{
    (void)arena;
    (void)err;
    int64_t least = cast_int(&args[0]);
    for (size_t i = 1; i < count; i++) {
        int64_t other = cast_int(&args[i]);
        least = other < least ? other : least;
    }
    *ret = value_int64(least);
    return true;
}

bool function_fail(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    (void)ret;
    struct str_view text = {0};
    /* What the template says may hold a value. */
    return argument_text(args, 0, &text, err) &&
           err_set(err, ERR_INVALID, "the template calls fail");
}

static bool digest(struct template_arena *arena, const struct value *args, enum digest digest,
                   struct value *ret, struct err *err)
{
    struct str_view text = {0};
    struct str_view copy = {0};
    if (!argument_text(args, 0, &text, err) ||
        !template_arena_step(arena, text.len / STEP_BYTES, err)) {
        return false;
    }
    char hex[DIGEST_HEX_BYTES];
    digest_hex(digest, text, hex);
    bool copied = template_arena_text(arena, sv_of(hex), &copy, err);
    explicit_bzero(hex, sizeof hex);
    *ret = value_text(copy);
    return copied;
}

bool function_sha1sum(TEMPLATE_CALL)
{
    (void)count;
    return digest(arena, args, DIGEST_SHA1, ret, err);
}

bool function_sha256sum(TEMPLATE_CALL)
{
    (void)count;
    return digest(arena, args, DIGEST_SHA256, ret, err);
}

bool function_b64enc(TEMPLATE_CALL)
{
    (void)count;
    struct str_view text = {0};
    if (!argument_text(args, 0, &text, err) ||
        !template_arena_step(arena, text.len / STEP_BYTES, err)) {
        return false;
    }
    CLEANUP(secret_buf_done) struct secret_buf out = {0};
    secret_buf_init(&out, LIMIT_TEMPLATE_BYTES);
    encode_base64(&out.bytes, text);
    return value_from_buf(arena, &out, ret, err);
}

static bool is_line_break(char byte)
{
    return byte == '\r' || byte == '\n';
}

static size_t skip_line_breaks(struct str_view text, size_t at)
{
    while (at < text.len && is_line_break(text.data[at])) {
        at++;
    }
    return at;
}

static bool is_base64_digit(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || byte == '+' || byte == '/';
}

/* The place that Go's decoder names for a text that is no base64. */
static size_t base64_fault(struct str_view text)
{
    size_t digits = 0;
    for (size_t at = 0; at < text.len; at++) {
        if (is_line_break(text.data[at])) {
            continue;
        }
        if (is_base64_digit(text.data[at])) {
            digits = (digits + 1) % 4;
            continue;
        }
        if (text.data[at] != '=' || digits < 2) {
            return at;
        }
        size_t next = skip_line_breaks(text, at + 1);
        if (digits == 3) {
            return next;
        }
        if (next < text.len && text.data[next] == '=') {
            return skip_line_breaks(text, next + 1);
        }
        return next == text.len ? next : next - 1;
    }
    return text.len - digits;
}

/* What is no base64 becomes Go's complaint about it, as the value. */
bool function_b64dec(TEMPLATE_CALL)
{
    (void)count;
    struct str_view text = {0};
    if (!argument_text(args, 0, &text, err) ||
        !template_arena_step(arena, text.len / STEP_BYTES, err)) {
        return false;
    }
    CLEANUP(secret_buf_done) struct secret_buf out = {0};
    secret_buf_init(&out, LIMIT_TEMPLATE_BYTES);
    struct err no_base64 = {0};
    if (!decode_base64(&out.bytes, text, &no_base64) && no_base64.kind == ERR_INVALID) {
        buf_printf(&out.bytes, "illegal base64 data at input byte %zu", base64_fault(text));
    }
    return value_from_buf(arena, &out, ret, err);
}
