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

static struct sqs_message message(const char *id, const char *handle)
{
    return (struct sqs_message){.id = sv_of(id), .receipt_handle = sv_of(handle)};
}

static void add(struct receipts *to, const char *id, const char *handle)
{
    const struct sqs_message added = message(id, handle);
    receipts_add(to, &added);
}

static bool renew(const char *id, const char *handle)
{
    const struct sqs_message again = message(id, handle);
    return receipts_renew(&receipts, &again);
}

static void check_handles(const struct receipts *held, const char *expected)
{
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, 1024);
    buf_add_str(&text, "");
    for (size_t i = 0; i < held->count; i++) {
        buf_printf(&text, "%s ", held->all[i].handle);
    }
    ck_assert_str_eq(text.data, expected);
}

START_TEST(copies_are_kept_in_the_order_in_which_they_came)
{
    char handle[] = "h000";
    for (int i = 0; i < 100; i++) {
        (void)snprintf(handle, sizeof handle, "h%03d", i);
        add(&receipts, "", handle);
    }
    ck_assert_uint_eq(receipts.count, 100);
    ck_assert_str_eq(receipts.all[0].handle, "h000");
    ck_assert_str_eq(receipts.all[99].handle, "h099");
}
END_TEST

START_TEST(a_message_that_comes_again_has_a_new_handle)
{
    add(&receipts, "1", "a");
    add(&receipts, "2", "b");
    ck_assert(renew("2", "c"));
    check_handles(&receipts, "a c ");
    ck_assert(!renew("3", "d"));
    check_handles(&receipts, "a c ");
}
END_TEST

START_TEST(what_has_no_id_is_known_by_none)
{
    add(&receipts, "", "a");
    ck_assert(!renew("", "b"));
    check_handles(&receipts, "a ");
}
END_TEST

START_TEST(what_is_moved_stands_behind_and_is_gone_from_where_it_was)
{
    add(&receipts, "1", "a");
    add(&others, "2", "b");
    add(&others, "3", "c");
    receipts_move(&others, &receipts);
    check_handles(&receipts, "a b c ");
    ck_assert_str_eq(receipts.all[2].id, "3");
    ck_assert_uint_eq(others.count, 0);
    /* It can be used again. */
    add(&others, "4", "d");
    check_handles(&others, "d ");
}
END_TEST

START_TEST(the_first_are_dropped)
{
    add(&receipts, "1", "a");
    add(&receipts, "2", "b");
    add(&receipts, "3", "c");
    receipts_drop(&receipts, 2);
    check_handles(&receipts, "c ");
    receipts_drop(&receipts, 1);
    check_handles(&receipts, "");
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/receipts");
    TCase *tcase = tcase_create("receipts");
    tcase_add_checked_fixture(tcase, NULL, teardown);
    tcase_add_test(tcase, copies_are_kept_in_the_order_in_which_they_came);
    tcase_add_test(tcase, a_message_that_comes_again_has_a_new_handle);
    tcase_add_test(tcase, what_has_no_id_is_known_by_none);
    tcase_add_test(tcase, what_is_moved_stands_behind_and_is_gone_from_where_it_was);
    tcase_add_test(tcase, the_first_are_dropped);
    suite_add_tcase(suite, tcase);
    return suite;
}
