/* SPDX-License-Identifier: Apache-2.0 */
#include "base/duration.h"

/* 2^63: what a negative int64 of nanoseconds holds, and one more than a positive one. */
static const uint64_t MOST_NANOSECONDS = UINT64_C(1) << 63;

/* Nanoseconds of a unit at the front of `*rest`, 0 when there is none. */
static uint64_t take_unit(struct str_view *rest)
{
    static const struct {
        const char *name;
        uint64_t nanoseconds;
    } units[] = {
        /* Longer names first: "ms" is not "m". */
        {"ns", 1},
        {"us", 1000},
        {"\xc2\xb5s", 1000},
        {"\xce\xbcs", 1000},
        {"ms", 1000000},
        {"s", 1000000000},
        {"m", UINT64_C(60000000000)},
        {"h", UINT64_C(3600000000000)},
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

/* Go's own arithmetic, a double included, so that no text means another millisecond here. Digits
 * beyond what 63 bits hold are passed over. */
static uint64_t fraction_of(struct str_view digits, uint64_t unit)
{
    uint64_t value = 0;
    double scale = 1;
    for (size_t i = 0; i < digits.len; i++) {
        if (value > (MOST_NANOSECONDS - 1) / 10) {
            break;
        }
        uint64_t next = value * 10 + (uint64_t)(digits.data[i] - '0');
        if (next > MOST_NANOSECONDS) {
            break;
        }
        value = next;
        scale *= 10;
    }
    return (uint64_t)((double)value * ((double)unit / scale));
}

/* One "12.5h"; adds to `*nanoseconds`. */
static bool take_part(struct str_view *rest, uint64_t *nanoseconds)
{
    struct str_view whole = take_digits(rest);
    struct str_view fraction = {0};
    if (rest->len && rest->data[0] == '.') {
        *rest = sv_from(*rest, 1);
        fraction = take_digits(rest);
    }
    uint64_t count = 0;
    if (whole.len + fraction.len == 0 || (whole.len && !sv_to_u64(whole, &count))) {
        return false;
    }
    uint64_t unit = take_unit(rest);
    if (unit == 0 || count > MOST_NANOSECONDS / unit) {
        return false;
    }
    /* Each of the three is at most 2^63, so two of them always fit. */
    uint64_t value = count * unit + fraction_of(fraction, unit);
    if (value > MOST_NANOSECONDS) {
        return false;
    }
    *nanoseconds += value;
    return *nanoseconds <= MOST_NANOSECONDS;
}

bool duration_parse(struct str_view text, int64_t *ret_ms, struct err *err)
{
    struct str_view rest = text;
    bool negative = rest.len && rest.data[0] == '-';
    if (rest.len && (rest.data[0] == '-' || rest.data[0] == '+')) {
        rest = sv_from(rest, 1);
    }
    uint64_t nanoseconds = 0;
    bool ok = rest.len > 0;
    if (!sv_is(rest, "0")) {
        while (ok && rest.len) {
            ok = take_part(&rest, &nanoseconds);
        }
    }
    if (!ok || (!negative && nanoseconds == MOST_NANOSECONDS)) {
        return err_set(err, ERR_INVALID, "'%.*s' is not a duration such as 250ms, 5s or 1h30m",
                       SV_ARG(text));
    }
    int64_t ms = (int64_t)(nanoseconds / 1000000);
    *ret_ms = negative ? -ms : ms;
    return true;
}
