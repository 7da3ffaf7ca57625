/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "check_main.h"

#include "rollout/queue.h"

static struct rollout_queue queue;

static void setup(void)
{
    rollout_queue_init(&queue, 5000, 60000);
}

static void teardown(void)
{
    rollout_queue_done(&queue);
}

static void expect_take(int64_t now_ms, const char *key)
{
    char *taken = NULL;
    ck_assert(rollout_queue_take(&queue, now_ms, &taken));
    ck_assert_str_eq(taken, key);
    free(taken);
}

static void expect_nothing(int64_t now_ms)
{
    char *taken = NULL;
    ck_assert(!rollout_queue_take(&queue, now_ms, &taken));
}

START_TEST(many_changes_within_the_debounce_are_one_look)
{
    for (int64_t at = 0; at <= 4500; at += 500) {
        rollout_queue_touch(&queue, SV("a"), at);
    }
    expect_nothing(9499);
    expect_take(9500, "a");
    expect_nothing(INT64_MAX);
}
END_TEST

START_TEST(never_resting_secrets_are_looked_at_after_max_wait)
{
    for (int64_t at = 0; at < 60000; at += 1000) {
        rollout_queue_touch(&queue, SV("a"), at);
        expect_nothing(at);
    }
    expect_take(60000, "a");
}
END_TEST

START_TEST(a_new_wait_starts_after_a_look)
{
    rollout_queue_touch(&queue, SV("a"), 0);
    expect_take(5000, "a");
    rollout_queue_touch(&queue, SV("a"), 59000);
    ck_assert_int_eq(rollout_queue_next_ms(&queue), 64000);
}
END_TEST

START_TEST(workloads_are_taken_in_order_of_time)
{
    rollout_queue_touch(&queue, SV("late"), 100);
    rollout_queue_touch(&queue, SV("early"), 0);
    rollout_queue_look_at(&queue, SV("now"), 10);
    ck_assert_uint_eq(rollout_queue_count(&queue), 3);
    expect_take(6000, "now");
    expect_take(6000, "early");
    expect_take(6000, "late");
}
END_TEST

START_TEST(a_look_wanted_earlier_is_not_put_off)
{
    rollout_queue_look_at(&queue, SV("a"), 100);
    rollout_queue_look_at(&queue, SV("a"), 9000);
    expect_take(100, "a");
    expect_nothing(10000);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("rollout/queue");
    TCase *tcase = tcase_create("queue");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, many_changes_within_the_debounce_are_one_look);
    tcase_add_test(tcase, never_resting_secrets_are_looked_at_after_max_wait);
    tcase_add_test(tcase, a_new_wait_starts_after_a_look);
    tcase_add_test(tcase, workloads_are_taken_in_order_of_time);
    tcase_add_test(tcase, a_look_wanted_earlier_is_not_put_off);
    suite_add_tcase(suite, tcase);
    return suite;
}
