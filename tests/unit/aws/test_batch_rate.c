/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include "aws/batch_rate.h"

START_TEST(has_the_whole_burst_from_the_start_whatever_time_it_is)
{
    const int64_t starts[] = {0, 1, 5000000000};
    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        struct batch_rate rate = {0};
        for (int taken = 0; taken < 10; taken++) {
            ck_assert(batch_rate_take(&rate, starts[i]));
        }
        ck_assert(!batch_rate_take(&rate, starts[i]));
        ck_assert_int_eq(batch_rate_ready_ms(&rate), starts[i] + 200);
    }
}
END_TEST

START_TEST(gives_five_a_second_when_the_burst_is_spent)
{
    struct batch_rate rate = {0};
    int taken = 0;
    for (int64_t now = 1000; now < 11000; now++) {
        taken += batch_rate_take(&rate, now);
    }
    /* Ten at once, then at 1200, 1400, ... 10800. */
    ck_assert_int_eq(taken, 10 + 49);
}
END_TEST

START_TEST(says_when_the_next_is_there)
{
    struct batch_rate rate = {0};
    for (int taken = 0; taken < 10; taken++) {
        ck_assert(batch_rate_take(&rate, 1000));
    }
    ck_assert_int_eq(batch_rate_ready_ms(&rate), 1200);
    ck_assert(!batch_rate_take(&rate, 1199));
    ck_assert_int_eq(batch_rate_ready_ms(&rate), 1200);
    ck_assert(batch_rate_take(&rate, 1200));
    ck_assert_int_eq(batch_rate_ready_ms(&rate), 1400);
}
END_TEST

START_TEST(never_saves_more_than_the_burst)
{
    struct batch_rate rate = {0};
    for (int taken = 0; taken < 10; taken++) {
        ck_assert(batch_rate_take(&rate, 1000));
    }
    int taken = 0;
    while (batch_rate_take(&rate, 1000000)) {
        taken++;
    }
    ck_assert_int_eq(taken, 10);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("aws/batch_rate");
    TCase *tcase = tcase_create("rate");
    tcase_add_test(tcase, has_the_whole_burst_from_the_start_whatever_time_it_is);
    tcase_add_test(tcase, gives_five_a_second_when_the_burst_is_spent);
    tcase_add_test(tcase, says_when_the_next_is_there);
    tcase_add_test(tcase, never_saves_more_than_the_burst);
    suite_add_tcase(suite, tcase);
    return suite;
}
