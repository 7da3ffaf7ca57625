/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timestamp.h"

#include "check_main.h"

static const struct {
    const char *text;
    int64_t ms;
} VALID[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"1970-01-01T00:00:59Z", 59000},
    {"1999-12-31T23:59:59Z", INT64_C(946684799000)},
    {"2000-02-29T23:59:59Z", INT64_C(951868799000)},
    {"2024-02-29T12:00:00Z", INT64_C(1709208000000)},
    {"2026-11-23T12:36:00Z", INT64_C(1795437360000)},
    {"2100-02-28T00:00:00Z", INT64_C(4107456000000)},
    {"9999-12-31T23:59:59Z", INT64_C(253402300799000)},
    {"2026-11-23t12:36:00z", INT64_C(1795437360000)},
    {"2026-11-23T12:36:00.5Z", INT64_C(1795437360500)},
    {"2026-11-23T12:36:00.123456Z", INT64_C(1795437360123)},
    {"2026-11-23T12:36:00.999999999999Z", INT64_C(1795437360999)},
    {"2026-11-23T12:36:00.0009Z", INT64_C(1795437360000)},
    {"2026-11-23T14:36:00+02:00", INT64_C(1795437360000)},
    {"2026-11-23T07:06:00-05:30", INT64_C(1795437360000)},
    {"2026-11-24T12:35:00+23:59", INT64_C(1795437360000)},
    {"2026-11-23T12:36:00.25-00:00", INT64_C(1795437360250)},
    /* A leap second is the next one (RFC 3339 §5.7). */
    {"1998-12-31T23:59:60Z", INT64_C(915148800000)},
};

START_TEST(reads_rfc_3339)
{
    int64_t ms = -1;
    struct err err = {0};
    ck_assert_msg(timestamp_parse(sv_of(VALID[_i].text), &ms, &err), "%s", err.message);
    ck_assert_msg(ms == VALID[_i].ms, "%s is %lld", VALID[_i].text, (long long)ms);
}
END_TEST

static const char *const INVALID[] = {
    "",
    "2026-11-23",
    "2026-11-23T12:36Z",
    "2026-11-23T12:36:00",
    "2026-11-23 12:36:00Z",
    "2026-11-23T12:36:00Z ",
    " 2026-11-23T12:36:00Z",
    "2026-11-23T12:36:00ZZ",
    "2026-11-23T12:36:00.Z",
    "2026-11-23T12:36:00,5Z",
    "2026-11-23T12:36:00+2:00",
    "2026-11-23T12:36:00+0200",
    "2026-11-23T12:36:00+24:00",
    "2026-11-23T12:36:00+02:60",
    "2026-11-23T24:00:00Z",
    "2026-11-23T12:60:00Z",
    "2026-11-23T12:36:61Z",
    "2026-00-23T12:36:00Z",
    "2026-13-23T12:36:00Z",
    "2026-11-00T12:36:00Z",
    "2026-11-31T12:36:00Z",
    "2026-02-29T12:36:00Z",
    "2100-02-29T12:36:00Z",
    "1969-12-31T23:59:59Z",
    "1970-01-01T00:00:00+01:00",
    "26-11-23T12:36:00Z",
    "02026-11-23T12:36:00Z",
    "2026-1-23T12:36:00Z",
    "+026-11-23T12:36:00Z",
    "2026-11-23T-1:36:00Z",
};

START_TEST(refuses_anything_else)
{
    int64_t ms = -77;
    struct err err = {0};
    ck_assert_msg(!timestamp_parse(sv_of(INVALID[_i]), &ms, &err), "%s", INVALID[_i]);
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_int_eq(ms, -77);
}
END_TEST

START_TEST(february_has_29_days_in_leap_years_only)
{
    for (int year = 1970; year < 2410; year++) {
        char text[TIMESTAMP_BYTES];
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        (void)snprintf(text, sizeof text, "%d-02-29T00:00:00Z", year);
        int64_t ms = 0;
        struct err err;
        ck_assert_msg(timestamp_parse(sv_of(text), &ms, &err) == leap, "%s", text);
    }
}
END_TEST

START_TEST(every_day_comes_back)
{
    /* Up to 2106, with a time of day that moves along. */
    for (int64_t day = 0; day < 50000; day++) {
        int64_t ms = (day * 86400 + day * 7919 % 86400) * 1000;
        char text[TIMESTAMP_BYTES];
        timestamp_format(ms, text);
        int64_t back = -1;
        struct err err;
        ck_assert(timestamp_parse(sv_of(text), &back, &err));
        ck_assert_int_eq(back, ms);
    }
}
END_TEST

START_TEST(writes_each_form)
{
    const int64_t ms = INT64_C(1795437360000) + 7;
    char text[TIMESTAMP_BYTES];
    timestamp_format(ms, text);
    ck_assert_str_eq(text, "2026-11-23T12:36:00Z");
    timestamp_format_ms(ms, text);
    ck_assert_str_eq(text, "2026-11-23T12:36:00.007Z");
    timestamp_format_micro(ms, text);
    ck_assert_str_eq(text, "2026-11-23T12:36:00.007000Z");
    timestamp_format_basic(ms, text);
    ck_assert_str_eq(text, "20261123T123600Z");
}
END_TEST

static const struct {
    int64_t ms;
    const char *text;
} BOUNDS[] = {
    {0, "1970-01-01T00:00:00.000000Z"},
    {-1, "1970-01-01T00:00:00.000000Z"},
    {INT64_MIN, "1970-01-01T00:00:00.000000Z"},
    {INT64_C(253402300799999), "9999-12-31T23:59:59.999000Z"},
    {INT64_C(253402300800000), "9999-12-31T23:59:59.999000Z"},
    {INT64_MAX, "9999-12-31T23:59:59.999000Z"},
};

START_TEST(stays_within_the_years_it_knows)
{
    char text[TIMESTAMP_BYTES];
    timestamp_format_micro(BOUNDS[_i].ms, text);
    ck_assert_str_eq(text, BOUNDS[_i].text);
}
END_TEST

static const struct {
    const char *text;
    int64_t ms; /* -1: refused */
} HTTP[] = {
    {"Mon, 23 Nov 2026 12:36:00 GMT", INT64_C(1795437360000)},
    {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
    {"Sun, 06 Nov 1994 08:49:37 GMT", INT64_C(784111777000)},
    {"Sunday, 06-Nov-94 08:49:37 GMT", -1},
    {"Sun Nov  6 08:49:37 1994", -1},
    {"Sun, 06 Nov 1994 08:49:37 UTC", -1},
    {"Sun, 06 nov 1994 08:49:37 GMT", -1},
    {"Sun, 06 ovD 1994 08:49:37 GMT", -1},
    {"Sun, 6 Nov 1994 08:49:37 GMT ", -1},
    {"Sun, 31 Nov 1994 08:49:37 GMT", -1},
    {"Sun, 06 Nov 1994 24:49:37 GMT", -1},
    {"Sun, 06 Nov 1994 08:49:37 GM", -1},
    {"Sun; 06 Nov 1994 08:49:37 GMT", -1},
    {"", -1},
};

START_TEST(reads_http_dates)
{
    int64_t ms = -77;
    struct err err = {0};
    bool valid = timestamp_parse_http(sv_of(HTTP[_i].text), &ms, &err);
    ck_assert_msg(valid == (HTTP[_i].ms >= 0), "%s", HTTP[_i].text);
    ck_assert_int_eq(ms, valid ? HTTP[_i].ms : -77);
    ck_assert_int_eq(err.kind, valid ? ERR_NONE : ERR_INVALID);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("timestamp");
    TCase *tcase = tcase_create("timestamp");
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, reads_rfc_3339, 0, (int)ARRAY_LEN(VALID));
    tcase_add_loop_test(tcase, refuses_anything_else, 0, (int)ARRAY_LEN(INVALID));
    tcase_add_test(tcase, february_has_29_days_in_leap_years_only);
    tcase_add_test(tcase, every_day_comes_back);
    tcase_add_test(tcase, writes_each_form);
    tcase_add_loop_test(tcase, stays_within_the_years_it_knows, 0, (int)ARRAY_LEN(BOUNDS));
    tcase_add_loop_test(tcase, reads_http_dates, 0, (int)ARRAY_LEN(HTTP));
    suite_add_tcase(suite, tcase);
    return suite;
}
