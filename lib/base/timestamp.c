/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timestamp.h"

enum {
    MS_PER_DAY = 86400000,
};

static const int64_t LAST_MS = INT64_C(253402300799999); /* the end of the year 9999 */

/* Days since 1970-01-01 in the proleptic Gregorian calendar: years are counted from March, so that
 * the leap day comes last. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

/* As wide as needed, so that the compiler sees how long the text can get. */
struct civil {
    unsigned short year, millisecond;
    unsigned char month, day, hour, minute, second;
};

static struct civil civil_of(int64_t ms)
{
    ms = ms < 0 ? 0 : ms > LAST_MS ? LAST_MS : ms;
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    if (!gmtime_r(&seconds, &parts)) {
        abort();
    }
    return (struct civil){
        .year = (unsigned short)(parts.tm_year + 1900),
        .millisecond = (unsigned short)(ms % 1000),
        .month = (unsigned char)(parts.tm_mon + 1),
        .day = (unsigned char)parts.tm_mday,
        .hour = (unsigned char)parts.tm_hour,
        .minute = (unsigned char)parts.tm_min,
        .second = (unsigned char)parts.tm_sec,
    };
}

/* Exactly `count` digits at the front. */
static bool take_digits(struct str_view *rest, size_t count, int64_t *ret)
{
    uint64_t value = 0;
    if (rest->len < count || !sv_to_u64(sv_first(*rest, count), &value)) {
        return false;
    }
    *rest = sv_from(*rest, count);
    *ret = (int64_t)value;
    return true;
}

static bool take_byte(struct str_view *rest, char byte)
{
    if (rest->len == 0 || rest->data[0] != byte) {
        return false;
    }
    *rest = sv_from(*rest, 1);
    return true;
}

static bool take_clock(struct str_view *rest, int64_t *ms)
{
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    if (!take_digits(rest, 2, &hour) || !take_byte(rest, ':') || !take_digits(rest, 2, &minute) ||
        !take_byte(rest, ':') || !take_digits(rest, 2, &second) || hour > 23 || minute > 59 ||
        second > 60) {
        return false;
    }
    *ms = ((hour * 60 + minute) * 60 + second) * 1000;
    return true;
}

static bool take_fraction(struct str_view *rest, int64_t *ms)
{
    if (!take_byte(rest, '.')) {
        return true;
    }
    int64_t unit = 100;
    int64_t digit = 0;
    size_t before = rest->len;
    while (take_digits(rest, 1, &digit)) {
        *ms += digit * unit;
        unit /= 10;
    }
    return rest->len < before;
}

static bool take_offset(struct str_view *rest, int64_t *ms)
{
    if (take_byte(rest, 'Z') || take_byte(rest, 'z')) {
        return true;
    }
    int64_t sign = take_byte(rest, '+') ? -1 : take_byte(rest, '-') ? 1 : 0;
    int64_t hour = 0;
    int64_t minute = 0;
    if (sign == 0 || !take_digits(rest, 2, &hour) || !take_byte(rest, ':') ||
        !take_digits(rest, 2, &minute) || hour > 23 || minute > 59) {
        return false;
    }
    *ms += sign * (hour * 60 + minute) * 60000;
    return true;
}

static bool valid_date(int64_t year, int64_t month, int64_t day)
{
    static const int64_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1970 || month < 1 || month > 12) {
        return false;
    }
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

bool timestamp_parse(struct str_view text, int64_t *ret_ms, struct err *err)
{
    struct str_view rest = text;
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;
    int64_t ms = 0;
    bool ok = take_digits(&rest, 4, &year) && take_byte(&rest, '-') &&
              take_digits(&rest, 2, &month) && take_byte(&rest, '-') &&
              take_digits(&rest, 2, &day) && (take_byte(&rest, 'T') || take_byte(&rest, 't')) &&
              take_clock(&rest, &ms) && take_fraction(&rest, &ms) && take_offset(&rest, &ms) &&
              rest.len == 0 && valid_date(year, month, day);
    if (ok) {
        ms += days_from_civil(year, month, day) * MS_PER_DAY;
    }
    /* An offset may lead out of the years that have four digits. */
    if (!ok || ms < 0 || ms > LAST_MS) {
        return err_set(err, ERR_INVALID, "'%.*s' is not an RFC 3339 time", SV_ARG(text));
    }
    *ret_ms = ms;
    return true;
}

static int64_t month_number(struct str_view name)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (size_t i = 0; i < 12; i++) {
        if (sv_equal(name, sv_make(months + 3 * i, 3))) {
            return (int64_t)i + 1;
        }
    }
    return 0;
}

bool timestamp_parse_http(struct str_view text, int64_t *ret_ms, struct err *err)
{
    /* Which day of the week it was follows from the date. */
    struct str_view rest = sv_from(text, sizeof "Mon" - 1);
    int64_t day = 0;
    int64_t year = 0;
    int64_t ms = 0;
    int64_t month = 0;
    bool ok = text.len == sizeof "Mon, 23 Nov 2026 12:36:00 GMT" - 1 && take_byte(&rest, ',') &&
              take_byte(&rest, ' ') && take_digits(&rest, 2, &day) && take_byte(&rest, ' ');
    if (ok) {
        month = month_number(sv_first(rest, 3));
        rest = sv_from(rest, 3);
        ok = take_byte(&rest, ' ') && take_digits(&rest, 4, &year) && take_byte(&rest, ' ') &&
             take_clock(&rest, &ms) && sv_is(rest, " GMT") && valid_date(year, month, day);
    }
    if (!ok) {
        return err_set(err, ERR_INVALID, "'%.*s' is not an HTTP date", SV_ARG(text));
    }
    *ret_ms = days_from_civil(year, month, day) * MS_PER_DAY + ms;
    return true;
}

static void put(char *to, unsigned number, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        to[i] = (char)('0' + number % 10);
        number /= 10;
    }
}

/* `form` with its digits replaced, all but the fraction's. */
static void write_form(const char *form, const struct civil *at, char out[TIMESTAMP_BYTES])
{
    memcpy(out, form, strlen(form) + 1);
    put(out + 0, at->year, 4);
    put(out + 5, at->month, 2);
    put(out + 8, at->day, 2);
    put(out + 11, at->hour, 2);
    put(out + 14, at->minute, 2);
    put(out + 17, at->second, 2);
}

void timestamp_format(int64_t ms, char out[TIMESTAMP_BYTES])
{
    struct civil at = civil_of(ms);
    write_form("0000-00-00T00:00:00Z", &at, out);
}

void timestamp_format_ms(int64_t ms, char out[TIMESTAMP_BYTES])
{
    struct civil at = civil_of(ms);
    write_form("0000-00-00T00:00:00.000Z", &at, out);
    put(out + 20, at.millisecond, 3);
}

void timestamp_format_micro(int64_t ms, char out[TIMESTAMP_BYTES])
{
    struct civil at = civil_of(ms);
    write_form("0000-00-00T00:00:00.000000Z", &at, out);
    put(out + 20, at.millisecond, 3);
}

void timestamp_format_basic(int64_t ms, char out[TIMESTAMP_BYTES])
{
    struct civil at = civil_of(ms);
    (void)snprintf(out, TIMESTAMP_BYTES, "%04d%02d%02dT%02d%02d%02dZ", at.year, at.month, at.day,
                   at.hour, at.minute, at.second);
}
