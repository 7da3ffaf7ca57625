/* SPDX-License-Identifier: Apache-2.0 */
#include "base/effort.h"

#include "check_main.h"

START_TEST(gives_what_there_is_and_then_nothing)
{
    struct effort effort = effort_of(1000);
    struct err err = {0};
    ck_assert(effort_spend(&effort, 999, &err));
    ck_assert_uint_eq(effort_left(&effort), 1);
    ck_assert(effort_spend(&effort, 1, &err));
    ck_assert(effort_spend(&effort, 0, &err));
    ck_assert(!effort_spend(&effort, 1, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_str_eq(err.message,
                     "the ExternalSecret takes more than its 1000 steps up to here: split it");
}
END_TEST

START_TEST(once_over_it_nothing_is_small_enough)
{
    struct effort effort = effort_of(1000);
    struct err err = {0};
    ck_assert(!effort_spend(&effort, SIZE_MAX, &err));
    ck_assert(!effort_spend(&effort, 1, &err));
}
END_TEST

START_TEST(no_effort_is_no_ceiling)
{
    struct err err = {0};
    ck_assert(effort_spend(NULL, SIZE_MAX, &err));
    ck_assert_uint_eq(effort_left(NULL), SIZE_MAX);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("effort");
    TCase *tcase = tcase_create("effort");
    tcase_add_test(tcase, gives_what_there_is_and_then_nothing);
    tcase_add_test(tcase, once_over_it_nothing_is_small_enough);
    tcase_add_test(tcase, no_effort_is_no_ceiling);
    suite_add_tcase(suite, tcase);
    return suite;
}
