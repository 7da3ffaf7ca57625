/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include "aws/batch_refusals.h"

enum {
    TEN_MINUTES_MS = 600000,
};

START_TEST(forbids_for_ten_minutes)
{
    CLEANUP(batch_refusals_done) struct batch_refusals refusals = {0};
    ck_assert(!batch_refusals_forbids(&refusals, 5000));
    ck_assert(batch_refusals_empty(&refusals, 5000));
    batch_refusals_forbid(&refusals, 5000);
    ck_assert(batch_refusals_forbids(&refusals, 5000));
    ck_assert(batch_refusals_forbids(&refusals, 5000 + TEN_MINUTES_MS - 1));
    ck_assert(!batch_refusals_empty(&refusals, 5000 + TEN_MINUTES_MS - 1));
    ck_assert(!batch_refusals_forbids(&refusals, 5000 + TEN_MINUTES_MS));
    ck_assert(batch_refusals_empty(&refusals, 5000 + TEN_MINUTES_MS));
}
END_TEST

START_TEST(blames_one_value_for_ten_minutes_and_no_other)
{
    CLEANUP(batch_refusals_done) struct batch_refusals refusals = {0};
    batch_refusals_blame(&refusals, sv_make("a\0b", 3), 5000);
    ck_assert(batch_refusals_blames(&refusals, sv_make("a\0b", 3), 5000));
    ck_assert(!batch_refusals_blames(&refusals, sv_make("a\0c", 3), 5000));
    ck_assert(!batch_refusals_blames(&refusals, SV("a"), 5000));
    ck_assert(batch_refusals_blames(&refusals, sv_make("a\0b", 3), 5000 + TEN_MINUTES_MS - 1));
    ck_assert(!batch_refusals_empty(&refusals, 5000 + TEN_MINUTES_MS - 1));
    ck_assert(!batch_refusals_blames(&refusals, sv_make("a\0b", 3), 5000 + TEN_MINUTES_MS));
    ck_assert(batch_refusals_empty(&refusals, 5000 + TEN_MINUTES_MS));
}
END_TEST

START_TEST(allows_batches_again_when_one_value_is_to_blame)
{
    CLEANUP(batch_refusals_done) struct batch_refusals refusals = {0};
    batch_refusals_forbid(&refusals, 5000);
    batch_refusals_blame(&refusals, SV("a"), 5001);
    ck_assert(!batch_refusals_forbids(&refusals, 5001));
}
END_TEST

START_TEST(forgets_who_is_acquitted)
{
    CLEANUP(batch_refusals_done) struct batch_refusals refusals = {0};
    batch_refusals_blame(&refusals, SV("a"), 5000);
    batch_refusals_blame(&refusals, SV("b"), 5000);
    batch_refusals_blame(&refusals, SV("a"), 6000);
    batch_refusals_acquit(&refusals, SV("a"));
    ck_assert(!batch_refusals_blames(&refusals, SV("a"), 6000));
    ck_assert(batch_refusals_blames(&refusals, SV("b"), 6000));
    batch_refusals_acquit(&refusals, SV("b"));
    ck_assert(batch_refusals_empty(&refusals, 6000));
}
END_TEST

START_TEST(remembers_the_last_that_were_blamed)
{
    CLEANUP(batch_refusals_done) struct batch_refusals refusals = {0};
    for (size_t i = 0; i <= BATCH_SPOILERS_MAX; i++) {
        batch_refusals_blame(&refusals, sv_make((const char *)&i, sizeof i), 5000);
    }
    for (size_t i = 0; i <= BATCH_SPOILERS_MAX; i++) {
        bool blamed = batch_refusals_blames(&refusals, sv_make((const char *)&i, sizeof i), 5000);
        ck_assert_msg(blamed == (i > 0), "%zu", i);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("aws/batch_refusals");
    TCase *tcase = tcase_create("refusals");
    tcase_add_test(tcase, forbids_for_ten_minutes);
    tcase_add_test(tcase, blames_one_value_for_ten_minutes_and_no_other);
    tcase_add_test(tcase, allows_batches_again_when_one_value_is_to_blame);
    tcase_add_test(tcase, forgets_who_is_acquitted);
    tcase_add_test(tcase, remembers_the_last_that_were_blamed);
    suite_add_tcase(suite, tcase);
    return suite;
}
