/* SPDX-License-Identifier: Apache-2.0 */
#include "http/retry.h"

#include "base/alloc.h"
#include "check_main.h"

static const struct retry_policy full = {
    .base_ms = 500, .max_ms = 30000, .floor_percent = 0, .max_honoured_ms = 60000};
static const struct retry_policy half = {
    .base_ms = 500, .max_ms = 30000, .floor_percent = 50, .max_honoured_ms = 60000};
static const struct retry_policy deaf = {
    .base_ms = 100, .max_ms = 100, .floor_percent = 100, .max_honoured_ms = 0};

static const struct {
    const struct retry_policy *policy;
    unsigned attempt;
    uint32_t random;
    int64_t retry_after_ms;
    int64_t delay_ms;
} cases[] = {
    {&full, 0, 0, -1, 0},
    {&full, 0, UINT32_MAX, -1, 500},
    {&full, 0, UINT32_C(1) << 31, -1, 250},
    {&full, 3, UINT32_MAX, -1, 4000},
    {&full, 6, UINT32_MAX, -1, 30000},
    {&full, UINT32_MAX, UINT32_MAX, -1, 30000},
    {&half, 0, 0, -1, 250},
    {&half, 2, 0, -1, 1000},
    {&half, 2, UINT32_MAX, -1, 2000},
    {&half, 0, 0, 0, 250},
    {&half, 0, 0, 5000, 5000},
    {&half, 0, 0, 600000, 60000},
    {&half, 40, UINT32_MAX, 1000, 30000},
    {&deaf, 5, 12345, -1, 100},
    {&deaf, 5, 12345, 90000, 100},
};

START_TEST(chooses_delay)
{
    ck_assert_int_eq(retry_delay_ms(cases[_i].policy, cases[_i].attempt, cases[_i].random,
                                    cases[_i].retry_after_ms),
                     cases[_i].delay_ms);
}
END_TEST

START_TEST(spreads_between_floor_and_ceiling)
{
    int low = 0;
    for (unsigned i = 0; i < 4096; i++) {
        int64_t delay = retry_delay_ms(&half, 1, retry_random(NULL), -1);
        ck_assert_int_ge(delay, 500);
        ck_assert_int_le(delay, 1000);
        low += delay < 750;
    }
    /* Twelve standard deviations around one half. */
    ck_assert_int_gt(low, 1664);
    ck_assert_int_lt(low, 2432);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("http/retry");
    TCase *t = tcase_create("retry");
    tcase_add_loop_test(t, chooses_delay, 0, ARRAY_LEN(cases));
    tcase_add_test(t, spreads_between_floor_and_ceiling);
    suite_add_tcase(s, t);
    return s;
}
