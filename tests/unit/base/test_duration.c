/* SPDX-License-Identifier: Apache-2.0 */
#include "base/duration.h"

#include "check_main.h"

/* What Go's time.ParseDuration answers, in milliseconds cut towards zero. */
static const struct {
    const char *text;
    bool valid;
    int64_t ms;
} CASES[] = {
    {"0", true, INT64_C(0)},
    {"+0", true, INT64_C(0)},
    {"-0", true, INT64_C(0)},
    {"0s", true, INT64_C(0)},
    {"5s", true, INT64_C(5000)},
    {"-5s", true, INT64_C(-5000)},
    {"+5s", true, INT64_C(5000)},
    {"250ms", true, INT64_C(250)},
    {"1h30m", true, INT64_C(5400000)},
    {"1.5h", true, INT64_C(5400000)},
    {".5s", true, INT64_C(500)},
    {"1.s", true, INT64_C(1000)},
    {"1.5m", true, INT64_C(90000)},
    {"100ns", true, INT64_C(0)},
    {"999999ns", true, INT64_C(0)},
    {"1500us", true, INT64_C(1)},
    {"1500\xc2\xb5"
     "s",
     true, INT64_C(1)},
    {"1500\xce\xbc"
     "s",
     true, INT64_C(1)},
    {"-1500us", true, INT64_C(-1)},
    {"1h1m1s1ms", true, INT64_C(3661001)},
    {"2h45m0.5s", true, INT64_C(9900500)},
    {"10s10s", true, INT64_C(20000)},
    {"0.3333333333333333333h", true, INT64_C(1200000)},
    {"0.9223372036854775807h", true, INT64_C(3320413)},
    {"0.100000000000000000000h", true, INT64_C(360000)},
    {"0.830103483285477580700h", true, INT64_C(2988372)},
    {"9223372036854775807ns", true, INT64_C(9223372036854)},
    {"-9223372036854775808ns", true, INT64_C(-9223372036854)},
    {"9223372036854775.807us", true, INT64_C(9223372036854)},
    {"9223372036s", true, INT64_C(9223372036000)},
    {"9223372036.9s", false, 0},
    {"2562047h47m16.854775807s", true, INT64_C(9223372036854)},
    {"-2562047h47m16.854775808s", true, INT64_C(-9223372036854)},
    {"2562047h47m16.854775808s", false, 0},
    {"9223372036854775808ns", false, 0},
    {"9223372036854775.808us", false, 0},
    {"3000000h", false, 0},
    {"", false, 0},
    {"-", false, 0},
    {"+", false, 0},
    {"3", false, 0},
    {".", false, 0},
    {"-.", false, 0},
    {"s", false, 0},
    {".s", false, 0},
    {"1x", false, 0},
    {"1hx", false, 0},
    {"1h x", false, 0},
    {" 1s", false, 0},
    {"1s ", false, 0},
    {"1S", false, 0},
    {"--1s", false, 0},
    {"+-1s", false, 0},
    {"1e3s", false, 0},
    {"0x1s", false, 0},
    {"1..5s", false, 0},
    {"1.5.5s", false, 0},
    {"00", false, 0},
    {"00s", true, INT64_C(0)},
    {"1m-5s", false, 0},
    {"18446744073709551616ns", false, 0},
    {"99999999999999999999s", false, 0},
    {"1d", false, 0},
    {"1w", false, 0},
    {"0.0000001ms", true, INT64_C(0)},
    {"1ns", true, INT64_C(0)},
    {"-1ns", true, INT64_C(0)},
    {"9223372036854775807.9ns", true, INT64_C(9223372036854)},
    {"1.9999999999999999999ms", true, INT64_C(2)},
};

START_TEST(reads_what_go_reads)
{
    int64_t ms = -12345;
    struct err err = {0};
    bool valid = duration_parse(sv_of(CASES[_i].text), &ms, &err);
    ck_assert_msg(valid == CASES[_i].valid, "'%s'", CASES[_i].text);
    if (valid) {
        ck_assert_msg(ms == CASES[_i].ms, "'%s' is %lld", CASES[_i].text, (long long)ms);
    } else {
        ck_assert_int_eq(err.kind, ERR_INVALID);
        ck_assert_int_eq(ms, -12345);
    }
}
END_TEST

START_TEST(a_view_ends_where_it_ends)
{
    int64_t ms = 0;
    struct err err;
    ck_assert(duration_parse(sv_make("5sss", 2), &ms, &err));
    ck_assert_int_eq(ms, 5000);
    ck_assert(!duration_parse((struct str_view){0}, &ms, &err));
    ck_assert(!duration_parse(sv_make("5s\0", 3), &ms, &err));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("duration");
    TCase *tcase = tcase_create("duration");
    tcase_add_loop_test(tcase, reads_what_go_reads, 0, (int)ARRAY_LEN(CASES));
    tcase_add_test(tcase, a_view_ends_where_it_ends);
    suite_add_tcase(suite, tcase);
    return suite;
}
