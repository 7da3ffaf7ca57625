/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include "webhook/receipts.h"

static struct receipts receipts;
static struct receipts others;

static void teardown(void)
{
    receipts_done(&receipts);
    receipts_done(&others);
}

START_TEST(copies_are_kept_in_the_order_in_which_they_came)
{
    char handle[] = "h000";
    for (int i = 0; i < 100; i++) {
        (void)snprintf(handle, sizeof handle, "h%03d", i);
        receipts_add(&receipts, sv_of(handle));
    }
    ck_assert_uint_eq(receipts.count, 100);
    ck_assert_str_eq(receipts.handles[0], "h000");
    ck_assert_str_eq(receipts.handles[99], "h099");
}
END_TEST

START_TEST(what_is_moved_stands_behind_and_is_gone_from_where_it_was)
{
    receipts_add(&receipts, SV("a"));
    receipts_add(&others, SV("b"));
    receipts_add(&others, SV("c"));
    receipts_move(&others, &receipts);
    ck_assert_uint_eq(others.count, 0);
    ck_assert_uint_eq(receipts.count, 3);
    ck_assert_str_eq(receipts.handles[0], "a");
    ck_assert_str_eq(receipts.handles[1], "b");
    ck_assert_str_eq(receipts.handles[2], "c");
    /* It can be used again. */
    receipts_add(&others, SV("d"));
    ck_assert_str_eq(others.handles[0], "d");
}
END_TEST

START_TEST(the_first_are_dropped)
{
    receipts_add(&receipts, SV("a"));
    receipts_add(&receipts, SV("b"));
    receipts_add(&receipts, SV("c"));
    receipts_drop(&receipts, 2);
    ck_assert_uint_eq(receipts.count, 1);
    ck_assert_str_eq(receipts.handles[0], "c");
    receipts_drop(&receipts, 1);
    ck_assert_uint_eq(receipts.count, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/receipts");
    TCase *tcase = tcase_create("receipts");
    tcase_add_checked_fixture(tcase, NULL, teardown);
    tcase_add_test(tcase, copies_are_kept_in_the_order_in_which_they_came);
    tcase_add_test(tcase, what_is_moved_stands_behind_and_is_gone_from_where_it_was);
    tcase_add_test(tcase, the_first_are_dropped);
    suite_add_tcase(suite, tcase);
    return suite;
}
