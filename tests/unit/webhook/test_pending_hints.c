/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include "webhook/pending_hints.h"

static struct pending_hints hints;

static void setup(void)
{
    pending_hints_init(&hints);
}

static void teardown(void)
{
    pending_hints_done(&hints);
}

static bool add(const char *arn, const char *name, const char *version, int64_t now_ms)
{
    const struct rotation_hint hint = {.service = ENDPOINT_SECRETS_MANAGER,
                                       .arn = sv_of(arn),
                                       .name = sv_of(name),
                                       .version = sv_of(version)};
    return pending_hints_add(&hints, &hint, now_ms);
}

START_TEST(what_is_told_is_due_at_once)
{
    ck_assert_ptr_null(pending_hints_due(&hints, 5000));
    ck_assert_int_eq(pending_hints_next_ms(&hints), INT64_MAX);
    ck_assert(add("arn:a", "a", "v1", 5000));
    ck_assert_int_eq(pending_hints_next_ms(&hints), 5000);
    const struct pending_hint *hint = pending_hints_due(&hints, 5000);
    ck_assert_ptr_nonnull(hint);
    ck_assert_str_eq(hint->arn, "arn:a");
    ck_assert_str_eq(hint->name, "a");
    ck_assert_str_eq(hint->version, "v1");
}
END_TEST

START_TEST(it_is_found_by_whoever_is_told_of_it_again)
{
    const struct rotation_hint hint = {.service = ENDPOINT_SECRETS_MANAGER, .arn = SV("arn:a")};
    const struct rotation_hint other = {.service = ENDPOINT_SSM, .arn = SV("arn:a")};
    ck_assert_ptr_null(pending_hints_find(&hints, &hint));
    ck_assert(add("arn:a", "a", "v1", 5000));
    ck_assert_ptr_eq(pending_hints_find(&hints, &hint), pending_hints_due(&hints, 5000));
    ck_assert_ptr_null(pending_hints_find(&hints, &other));
}
END_TEST

START_TEST(what_was_seen_is_done_with)
{
    ck_assert(add("arn:a", "a", "v1", 5000));
    ck_assert(pending_hint_looked(pending_hints_due(&hints, 5000), true, 5000));
    ck_assert_ptr_null(pending_hints_due(&hints, 1000000));
}
END_TEST

START_TEST(what_is_not_there_yet_is_looked_at_again_with_doubling_pauses)
{
    static const int64_t due[] = {5500, 6500, 8500, 12500};
    int64_t now_ms = 5000;
    ck_assert(add("arn:a", "a", "v1", now_ms));
    for (size_t i = 0; i < ARRAY_LEN(due); i++) {
        struct pending_hint *hint = pending_hints_due(&hints, now_ms);
        ck_assert_ptr_nonnull(hint);
        ck_assert(!pending_hint_looked(hint, false, now_ms));
        ck_assert_int_eq(pending_hints_next_ms(&hints), due[i]);
        ck_assert_ptr_null(pending_hints_due(&hints, due[i] - 1));
        now_ms = due[i];
    }
    ck_assert(pending_hint_looked(pending_hints_due(&hints, now_ms), false, now_ms));
    ck_assert_ptr_null(pending_hints_due(&hints, 1000000));
}
END_TEST

START_TEST(one_secret_is_looked_at_once_in_ten_seconds)
{
    ck_assert(add("arn:a", "a", "v1", 5000));
    ck_assert(pending_hint_looked(pending_hints_due(&hints, 5000), true, 5000));
    ck_assert(add("arn:a", "a", "v2", 6000));
    ck_assert(add("arn:a", "a", "v3", 7000));
    ck_assert_ptr_null(pending_hints_due(&hints, 14999));
    struct pending_hint *hint = pending_hints_due(&hints, 15000);
    ck_assert_ptr_nonnull(hint);
    ck_assert_str_eq(hint->version, "v3");
}
END_TEST

/* The event about the value before may come last: its version is there, and will not stay. */
START_TEST(versions_told_of_together_are_looked_for_to_the_end)
{
    ck_assert(add("arn:a", "a", "new", 5000));
    ck_assert(add("arn:a", "a", "old", 5000));
    int64_t now_ms = 5000;
    for (unsigned i = 1; i < HINT_TRIES; i++) {
        struct pending_hint *hint = pending_hints_due(&hints, now_ms);
        ck_assert_ptr_nonnull(hint);
        ck_assert(!pending_hint_looked(hint, true, now_ms));
        now_ms = pending_hints_next_ms(&hints);
        ck_assert_int_lt(now_ms, 20000);
    }
    ck_assert(pending_hint_looked(pending_hints_due(&hints, now_ms), true, now_ms));
    ck_assert_ptr_null(pending_hints_due(&hints, 1000000));
    ck_assert(add("arn:a", "a", "newer", 30000));
    ck_assert(pending_hint_looked(pending_hints_due(&hints, 30000), true, 30000));
}
END_TEST

START_TEST(a_message_that_comes_twice_is_one_change)
{
    ck_assert(add("arn:a", "a", "v1", 5000));
    ck_assert(add("arn:a", "a", "v1", 5000));
    ck_assert(pending_hint_looked(pending_hints_due(&hints, 5000), true, 5000));
    ck_assert_ptr_null(pending_hints_due(&hints, 1000000));
}
END_TEST

/* An event by CloudTrail may tell the ARN alone; whoever tells less does not unsay it. */
START_TEST(the_name_is_the_one_that_was_told_last)
{
    ck_assert(add("arn:a", "", "", 5000));
    ck_assert(add("arn:a", "a", "", 5000));
    ck_assert_str_eq(pending_hints_due(&hints, 5000)->name, "a");
    ck_assert(add("arn:a", "", "", 5000));
    ck_assert_str_eq(pending_hints_due(&hints, 5000)->name, "a");
    ck_assert(add("arn:a", "b", "", 5000));
    ck_assert_str_eq(pending_hints_due(&hints, 5000)->name, "b");
}
END_TEST

START_TEST(a_parameter_is_not_the_secret_of_the_same_name)
{
    const struct rotation_hint parameter = {.service = ENDPOINT_SSM, .name = SV("a")};
    ck_assert(add("", "a", "v1", 5000));
    ck_assert(pending_hint_looked(pending_hints_due(&hints, 5000), true, 5000));
    ck_assert(pending_hints_add(&hints, &parameter, 5000));
    ck_assert_int_eq(pending_hints_due(&hints, 5000)->service, ENDPOINT_SSM);
}
END_TEST

START_TEST(a_flood_has_an_end)
{
    char name[32];
    for (int i = 0; i < HINTS_PENDING_MAX; i++) {
        (void)snprintf(name, sizeof name, "s%d", i);
        ck_assert(add("", name, "", 5000));
    }
    ck_assert(!add("", "one more", "", 5000));
    ck_assert(add("", "s7", "v2", 5000));
    ck_assert(pending_hint_looked(pending_hints_due(&hints, 5000), true, 5000));
    /* It is remembered for the pace, then its place is free. */
    ck_assert(!add("", "one more", "", 14999));
    ck_assert(add("", "one more", "", 15000));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("pending_hints");
    TCase *tcase = tcase_create("pending_hints");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_is_told_is_due_at_once);
    tcase_add_test(tcase, it_is_found_by_whoever_is_told_of_it_again);
    tcase_add_test(tcase, what_was_seen_is_done_with);
    tcase_add_test(tcase, what_is_not_there_yet_is_looked_at_again_with_doubling_pauses);
    tcase_add_test(tcase, one_secret_is_looked_at_once_in_ten_seconds);
    tcase_add_test(tcase, versions_told_of_together_are_looked_for_to_the_end);
    tcase_add_test(tcase, a_message_that_comes_twice_is_one_change);
    tcase_add_test(tcase, the_name_is_the_one_that_was_told_last);
    tcase_add_test(tcase, a_parameter_is_not_the_secret_of_the_same_name);
    tcase_add_test(tcase, a_flood_has_an_end);
    suite_add_tcase(suite, tcase);
    return suite;
}
