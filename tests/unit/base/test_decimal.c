/* SPDX-License-Identifier: Apache-2.0 */
#include "base/decimal.h"

#include <float.h>
#include <math.h>

#include "check_main.h"

static const struct {
    double value;
    const char *wide;   /* as binary64, plain from 1e-6 to 1e21 */
    const char *narrow; /* as binary32, plain from 1e-4 to 1e6 */
} numbers[] = {
    {0, "0", "0"},
    {-0.0, "-0", "-0"},
    {1.10, "1.1", "1.1"},
    {0.1 + 0.2, "0.30000000000000004", "0.3"},
    {999999, "999999", "999999"},
    {1e6, "1000000", "1e+06"},
    {16777217, "16777217", "1.6777216e+07"},
    {1e20, "100000000000000000000", "1e+20"},
    {1e21, "1e+21", "1e+21"},
    {0.0001, "0.0001", "0.0001"},
    {0.00001, "0.00001", "1e-05"},
    {1e-7, "1e-07", "1e-07"},
    {DBL_MAX, "1.7976931348623157e+308", "+Inf"},
    {5e-324, "5e-324", "0"},
    {9007199254740992.0, "9007199254740992", "9.007199e+15"},
    {-INFINITY, "-Inf", "-Inf"},
    {NAN, "NaN", "NaN"},
};

START_TEST(prints_the_shortest_that_reads_back)
{
    CLEANUP(buf_done) struct buf wide = {0};
    CLEANUP(buf_done) struct buf narrow = {0};
    buf_init(&wide, 64);
    buf_init(&narrow, 64);
    decimal_add_double(&wide, numbers[_i].value, -6, 21);
    ck_assert_str_eq(wide.data, numbers[_i].wide);
    decimal_add_float(&narrow, (float)numbers[_i].value, -4, 6);
    ck_assert_str_eq(narrow.data, numbers[_i].narrow);
}
END_TEST

START_TEST(knows_what_a_number_is)
{
    static const char *const yes[] = {"0", "+1", "-1.", ".5", "5.e3", "1E-7", "007"};
    static const char *const no[] = {"", ".", "+", "e5", ".e5", "1e", "1e+", "1 ", "0x1", "--1"};
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        ck_assert_msg(decimal_is_number(sv_of(yes[i])), "%s", yes[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(no); i++) {
        ck_assert_msg(!decimal_is_number(sv_of(no[i])), "%s", no[i]);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("base/decimal");
    TCase *tcase = tcase_create("decimal");
    tcase_add_loop_test(tcase, prints_the_shortest_that_reads_back, 0, ARRAY_LEN(numbers));
    tcase_add_test(tcase, knows_what_a_number_is);
    suite_add_tcase(s, tcase);
    return s;
}
