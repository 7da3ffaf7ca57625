/* SPDX-License-Identifier: Apache-2.0 */
#include "base/duration.h"

/* Nanoseconds of a unit at the front of `*rest`, 0 when there is none. */
static int64_t take_unit(struct str_view *rest)
{
    static const struct {
        const char *name;
        int64_t nanoseconds;
    } units[] = {
        /* Longer names first: "ms" is not "m". */
        {"ns", 1},
        {"us", 1000},
        {"\xc2\xb5s", 1000},
        {"\xce\xbcs", 1000},
        {"ms", 1000000},
        {"s", 1000000000},
        {"m", INT64_C(60000000000)},
        {"h", INT64_C(3600000000000)},
    };
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (sv_starts_with(*rest, sv_of(units[i].name))) {
            *rest = sv_from(*rest, strlen(units[i].name));
            return units[i].nanoseconds;
        }
    }
    return 0;
}

static struct str_view take_digits(struct str_view *rest)
{
    size_t count = 0;
    while (count < rest->len && rest->data[count] >= '0' && rest->data[count] <= '9') {
        count++;
    }
    struct str_view digits = sv_first(*rest, count);
    *rest = sv_from(*rest, count);
    return digits;
}

/* One "12.5h"; adds to `*nanoseconds`. */
static bool take_part(struct str_view *rest, int64_t *nanoseconds)
{
    struct str_view whole = take_digits(rest);
    struct str_view fraction = {0};
    if (rest->len && rest->data[0] == '.') {
        *rest = sv_from(*rest, 1);
        fraction = take_digits(rest);
    }
    uint64_t count = 0;
    int64_t unit = 0;
    int64_t value = 0;
    if (whole.len + fraction.len == 0 || (whole.len && !sv_to_u64(whole, &count)) ||
        count > INT64_MAX || (unit = take_unit(rest)) == 0 ||
        __builtin_mul_overflow((int64_t)count, unit, &value)) {
        return false;
    }
    int64_t scale = unit;
    for (size_t i = 0; i < fraction.len; i++) {
        scale /= 10;
        value += (fraction.data[i] - '0') * scale;
    }
    return !__builtin_add_overflow(*nanoseconds, value, nanoseconds);
}

bool duration_parse(struct str_view text, int64_t *ret_ms, struct err *err)
{
    struct str_view rest = text;
    bool negative = rest.len && rest.data[0] == '-';
    if (rest.len && (rest.data[0] == '-' || rest.data[0] == '+')) {
        rest = sv_from(rest, 1);
    }
    int64_t nanoseconds = 0;
    bool ok = rest.len > 0;
    if (!sv_is(rest, "0")) {
        while (ok && rest.len) {
            ok = take_part(&rest, &nanoseconds);
        }
    }
    if (!ok) {
        return err_set(err, ERR_INVALID, "'%.*s' is not a duration such as 250ms, 5s or 1h30m",
                       SV_ARG(text));
    }
    *ret_ms = (negative ? -nanoseconds : nanoseconds) / 1000000;
    return true;
}
