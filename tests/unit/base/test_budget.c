/* SPDX-License-Identifier: Apache-2.0 */
#include "base/budget.h"

#include <pthread.h>
#include <stdint.h>

#include "check_main.h"

START_TEST(takes_up_to_the_limit_and_no_further)
{
    struct budget budget;
    budget_init(&budget, 100);
    ck_assert(budget_take(&budget, 60));
    ck_assert(!budget_take(&budget, 41));
    ck_assert_uint_eq(budget_used(&budget), 60);
    ck_assert(budget_take(&budget, 40));
    ck_assert(!budget_take(&budget, 1));
    ck_assert(budget_take(&budget, 0));
    budget_give(&budget, 100);
    ck_assert_uint_eq(budget_used(&budget), 0);
    ck_assert(budget_take(&budget, 100));
}
END_TEST

START_TEST(an_amount_near_the_end_of_the_type_does_not_wrap)
{
    struct budget budget;
    budget_init(&budget, 100);
    ck_assert(budget_take(&budget, 50));
    ck_assert(!budget_take(&budget, SIZE_MAX));
    ck_assert(!budget_take(&budget, SIZE_MAX - 49));
    ck_assert_uint_eq(budget_used(&budget), 50);
}
END_TEST

START_TEST(a_limit_of_nothing_gives_nothing)
{
    struct budget budget;
    budget_init(&budget, 0);
    ck_assert(!budget_take(&budget, 1));
    ck_assert(budget_take(&budget, 0));
}
END_TEST

enum {
    THREADS = 4,
    ROUNDS = 20000,
    LIMIT = 25,
};

static void *take_and_give(void *context)
{
    struct budget *budget = context;
    for (int i = 0; i < ROUNDS; i++) {
        if (budget_take(budget, 10)) {
            ck_assert_uint_le(budget_used(budget), LIMIT);
            budget_give(budget, 10);
        }
    }
    return NULL;
}

START_TEST(threads_together_never_go_over)
{
    struct budget budget;
    pthread_t threads[THREADS];
    budget_init(&budget, LIMIT);
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_and_give, &budget), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    ck_assert_uint_eq(budget_used(&budget), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("budget");
    TCase *tcase = tcase_create("budget");
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, takes_up_to_the_limit_and_no_further);
    tcase_add_test(tcase, an_amount_near_the_end_of_the_type_does_not_wrap);
    tcase_add_test(tcase, a_limit_of_nothing_gives_nothing);
    tcase_add_test(tcase, threads_together_never_go_over);
    suite_add_tcase(suite, tcase);
    return suite;
}
