/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/outcome.h"

#include "check_main.h"

START_TEST(names_every_outcome)
{
    for (int outcome = 0; outcome <= RECONCILE_FAILED; outcome++) {
        ck_assert_ptr_nonnull(reconcile_outcome_name((enum reconcile_outcome)outcome));
    }
    ck_assert_str_eq(reconcile_outcome_name(RECONCILE_CREATED), "created");
    ck_assert_str_eq(reconcile_outcome_name(RECONCILE_MISSING_TARGET), "missing_target");
    ck_assert_str_eq(reconcile_outcome_name(RECONCILE_FAILED), "failed");
}
END_TEST

START_TEST(tells_success_from_what_was_left_alone)
{
    static const enum reconcile_outcome good[] = {
        RECONCILE_CREATED, RECONCILE_UPDATED,        RECONCILE_UNCHANGED, RECONCILE_RETAINED,
        RECONCILE_DELETED, RECONCILE_MISSING_TARGET, RECONCILE_SKIPPED};
    static const enum reconcile_outcome bad[] = {RECONCILE_DEFERRED, RECONCILE_UNSUPPORTED,
                                                 RECONCILE_FOREIGN, RECONCILE_FAILED};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        ck_assert(reconcile_succeeded(good[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert(!reconcile_succeeded(bad[i]));
    }
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("outcome");
    TCase *tcase = tcase_create("outcome");
    tcase_add_test(tcase, names_every_outcome);
    tcase_add_test(tcase, tells_success_from_what_was_left_alone);
    suite_add_tcase(suite, tcase);
    return suite;
}
