/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include "check_main.h"

static int64_t fixed_ms(void *context)
{
    return *(int64_t *)context;
}

START_TEST(what_is_left_is_never_negative)
{
    int64_t now = 1000;
    const struct clock clock = {fixed_ms, fixed_ms, &now};
    ck_assert_int_eq(clock_left_ms(&clock, 1500), 500);
    ck_assert_int_eq(clock_left_ms(&clock, 1000), 0);
    ck_assert_int_eq(clock_left_ms(&clock, 10), 0);
    ck_assert_int_eq(clock_wall_ms(&clock), 1000);
}
END_TEST

START_TEST(the_system_has_both_times_in_milliseconds)
{
    const struct clock *clock = clock_system();
    int64_t wall = clock_wall_ms(clock);
    time_t seconds = time(NULL);
    /* time() may lag a tick behind, and the next call comes later. */
    ck_assert_int_le(wall, ((int64_t)seconds + 2) * 1000);
    ck_assert_int_ge(wall, ((int64_t)seconds - 2) * 1000);
    int64_t before = clock_monotonic_ms(clock);
    for (int i = 0; i < 1000; i++) {
        int64_t after = clock_monotonic_ms(clock);
        ck_assert_int_ge(after, before);
        before = after;
    }
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("clock");
    TCase *tcase = tcase_create("clock");
    tcase_add_test(tcase, what_is_left_is_never_negative);
    tcase_add_test(tcase, the_system_has_both_times_in_milliseconds);
    suite_add_tcase(suite, tcase);
    return suite;
}
