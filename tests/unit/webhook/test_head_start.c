/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include "webhook/head_start.h"

enum {
    LENGTH_MS = 1000,
    NOW_MS = 50000,
};

static struct head_start head_start;
static struct external_secret one;

static void setup(void)
{
    head_start_init(&head_start, LENGTH_MS);
    one = (struct external_secret){.namespace = SV("n"), .name = SV("one"), .uid = SV("u1")};
}

static void teardown(void)
{
    head_start_done(&head_start);
}

START_TEST(it_begins_when_the_object_is_first_seen)
{
    head_start_note(&head_start, &one, NOW_MS);
    head_start_note(&head_start, &one, NOW_MS + 400);
    ck_assert_int_eq(head_start_left_ms(&head_start, &one, NOW_MS + 400), 600);
    ck_assert_int_eq(head_start_left_ms(&head_start, &one, NOW_MS + LENGTH_MS), 0);
}
END_TEST

START_TEST(a_successor_of_the_same_name_has_its_own)
{
    head_start_note(&head_start, &one, NOW_MS);
    one.uid = SV("u2");
    ck_assert_int_eq(head_start_left_ms(&head_start, &one, NOW_MS + LENGTH_MS), LENGTH_MS);
    head_start_forget(&head_start, SV("n"), SV("one"));
    ck_assert_int_eq(head_start_left_ms(&head_start, &one, NOW_MS + 5000), LENGTH_MS);
}
END_TEST

START_TEST(what_the_operator_has_come_to_is_its_own)
{
    head_start_note(&head_start, &one, NOW_MS);
    one.has_status = true;
    ck_assert_int_eq(head_start_left_ms(&head_start, &one, NOW_MS + LENGTH_MS), INT64_MAX);
}
END_TEST

START_TEST(nobody_acts_for_what_no_pod_waits_for)
{
    head_start_note(&head_start, &one, NOW_MS);
    ck_assert_int_eq(head_start_wait_ms(&head_start, &one, false, NOW_MS + LENGTH_MS), INT64_MAX);
    head_start_want(&head_start, &one, NOW_MS + 100);
    ck_assert_int_eq(head_start_wait_ms(&head_start, &one, false, NOW_MS + 400), 600);
    ck_assert_int_eq(head_start_wait_ms(&head_start, &one, false, NOW_MS + LENGTH_MS), 0);
    /* The Pod may be gone by then: while it waits it is said again. */
    ck_assert_int_eq(
        head_start_wait_ms(&head_start, &one, false, NOW_MS + 100 + HEAD_START_WANTED_MS),
        INT64_MAX);
}
END_TEST

START_TEST(what_changed_in_aws_is_refreshed_where_the_operator_is_done)
{
    one.has_status = true;
    ck_assert_int_eq(head_start_wait_ms(&head_start, &one, true, NOW_MS), INT64_MAX);
    one.status.ready = true;
    ck_assert_int_eq(head_start_wait_ms(&head_start, &one, true, NOW_MS), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("head_start");
    TCase *tcase = tcase_create("head_start");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, it_begins_when_the_object_is_first_seen);
    tcase_add_test(tcase, a_successor_of_the_same_name_has_its_own);
    tcase_add_test(tcase, what_the_operator_has_come_to_is_its_own);
    tcase_add_test(tcase, nobody_acts_for_what_no_pod_waits_for);
    tcase_add_test(tcase, what_changed_in_aws_is_refreshed_where_the_operator_is_done);
    suite_add_tcase(suite, tcase);
    return suite;
}
