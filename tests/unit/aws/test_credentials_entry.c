/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_entry.h"

#include "check_main.h"

enum {
    MAX = 3,
};

static struct credentials_entries entries;
static struct credentials_provider provider;
static unsigned destroyed;

static void destroy(struct credentials_provider *gone)
{
    (void)gone;
    destroyed++;
}

static struct identity_key key_of(unsigned char number)
{
    return (struct identity_key){.bytes = {number}};
}

/* Uses and leaves at once; answers the entry and which one had to go. */
static struct credentials_entry *touch(unsigned char number, struct credentials_entry **ret_dropped)
{
    struct identity_key key = key_of(number);
    struct credentials_entry *entry =
        credentials_entries_use(&entries, &key, &provider, MAX, ret_dropped);
    ck_assert_ptr_null(credentials_entry_leave(entry));
    return entry;
}

static void setup(void)
{
    credentials_entries_init(&entries);
    provider = (struct credentials_provider){.references = 1, .destroy = destroy};
    destroyed = 0;
}

static void teardown(void)
{
    credentials_entries_done(&entries);
    ck_assert_uint_eq(provider.references, 1);
    ck_assert_uint_eq(destroyed, 0);
}

START_TEST(makes_each_identity_once)
{
    struct credentials_entry *dropped = NULL;
    struct credentials_entry *first = touch(1, &dropped);
    ck_assert_uint_eq(provider.references, 2);
    struct credentials_entry *second = touch(2, &dropped);
    ck_assert_ptr_ne(first, second);
    ck_assert_ptr_eq(touch(1, &dropped), first);
    ck_assert_ptr_null(dropped);
    ck_assert_uint_eq(entries.table.count, 2);
    ck_assert_uint_eq(provider.references, 3);
    ck_assert_uint_eq(first->references, 1);
}
END_TEST

START_TEST(keeps_the_order_of_use)
{
    struct credentials_entry *dropped = NULL;
    struct credentials_entry *first = touch(1, &dropped);
    struct credentials_entry *second = touch(2, &dropped);
    struct credentials_entry *third = touch(3, &dropped);
    ck_assert_ptr_eq(entries.newest, third);
    ck_assert_ptr_eq(third->older, second);
    ck_assert_ptr_eq(second->older, first);
    ck_assert_ptr_eq(entries.oldest, first);
    (void)touch(2, &dropped);
    (void)touch(2, &dropped);
    ck_assert_ptr_eq(entries.newest, second);
    ck_assert_ptr_eq(second->older, third);
    ck_assert_ptr_eq(third->older, first);
    ck_assert_ptr_null(first->older);
    ck_assert_ptr_eq(first->newer, third);
    ck_assert_ptr_eq(third->newer, second);
    ck_assert_ptr_null(second->newer);
    ck_assert_ptr_null(dropped);
}
END_TEST

START_TEST(the_longest_unused_goes)
{
    struct credentials_entry *dropped = NULL;
    (void)touch(1, &dropped);
    struct credentials_entry *second = touch(2, &dropped);
    (void)touch(3, &dropped);
    (void)touch(1, &dropped);
    ck_assert_ptr_null(dropped);
    (void)touch(4, &dropped);
    ck_assert_ptr_eq(dropped, second);
    ck_assert_uint_eq(entries.table.count, MAX);
    ck_assert_uint_eq(provider.references, MAX + 2);
    credentials_entry_free(dropped);
    ck_assert_uint_eq(provider.references, MAX + 1);
}
END_TEST

START_TEST(who_is_at_one_keeps_it)
{
    struct credentials_entry *dropped = NULL;
    struct identity_key key = key_of(1);
    struct credentials_entry *entry =
        credentials_entries_use(&entries, &key, &provider, MAX, &dropped);
    ck_assert_uint_eq(entry->references, 2);
    ck_assert_ptr_null(credentials_entries_drop(&entries, &key));
    ck_assert_uint_eq(entries.table.count, 0);
    ck_assert_ptr_null(entries.newest);
    ck_assert_ptr_null(entries.oldest);
    ck_assert_uint_eq(provider.references, 2);
    ck_assert_ptr_eq(credentials_entry_leave(entry), entry);
    credentials_entry_free(entry);
    ck_assert_uint_eq(provider.references, 1);
}
END_TEST

START_TEST(dropping_takes_what_there_is)
{
    struct credentials_entry *dropped = NULL;
    struct identity_key key = key_of(2);
    struct err err = {0};
    ck_assert_ptr_null(credentials_entries_drop(&entries, &key));
    (void)touch(1, &dropped);
    struct credentials_entry *second = touch(2, &dropped);
    (void)touch(3, &dropped);
    ck_assert(credentials_new(SV("AKID"), SV("secret"), SV(""), &second->state.current, &err));
    ck_assert_ptr_eq(credentials_entries_drop(&entries, &key), second);
    ck_assert_ptr_eq(entries.newest->older, entries.oldest);
    ck_assert_ptr_eq(entries.oldest->newer, entries.newest);
    credentials_entry_free(second);
    credentials_entry_free(NULL);
    ck_assert_ptr_ne(touch(2, &dropped)->provider, NULL);
    ck_assert_ptr_null(dropped);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("credentials_entry");
    TCase *tcase = tcase_create("credentials_entry");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, makes_each_identity_once);
    tcase_add_test(tcase, keeps_the_order_of_use);
    tcase_add_test(tcase, the_longest_unused_goes);
    tcase_add_test(tcase, who_is_at_one_keeps_it);
    tcase_add_test(tcase, dropping_takes_what_there_is);
    suite_add_tcase(suite, tcase);
    return suite;
}
