/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"

#include "check_main.h"

START_TEST(holds_and_enforces_unless_told_otherwise)
{
    const struct policy policy = policy_builtin();
    ck_assert_int_eq(policy.defaults.mode, MODE_ENFORCE);
    ck_assert_int_eq(policy.defaults.on_missing, ON_MISSING_HOLD);
    ck_assert_int_eq(policy.defaults.budget_ms, 250);
    ck_assert_int_eq(policy.defaults.hold_described_ms, 5 * 60 * 1000);
    ck_assert_int_eq(policy.defaults.hold_undescribed_ms, 60 * 1000);
}
END_TEST

START_TEST(applies_changed_defaults_to_every_namespace)
{
    struct policy policy = policy_builtin();
    policy.defaults.on_missing = ON_MISSING_WARN;
    policy.defaults.hold_described_ms = 7;
    const struct policy_rules rules = policy_for(&policy, SV("shop"));
    ck_assert_int_eq(rules.on_missing, ON_MISSING_WARN);
    ck_assert_int_eq(rules.hold_described_ms, 7);
    ck_assert_int_eq(rules.hold_undescribed_ms, 60 * 1000);
}
END_TEST

START_TEST(is_off_in_the_clusters_own_namespaces_and_its_own)
{
    struct policy policy = policy_builtin();
    policy.own_namespace = SV("keyturn-system");
    ck_assert_int_eq(policy_for(&policy, SV("keyturn-system")).mode, MODE_OFF);
    ck_assert_int_eq(policy_for(&policy, SV("kube-system")).mode, MODE_OFF);
    ck_assert_int_eq(policy_for(&policy, SV("kube-node-lease")).mode, MODE_OFF);
    ck_assert_int_eq(policy_for(&policy, SV("kube-public")).mode, MODE_OFF);
    ck_assert_int_eq(policy_for(&policy, SV("kube-system-2")).mode, MODE_ENFORCE);
    ck_assert_int_eq(policy_for(&policy, SV("kube")).mode, MODE_ENFORCE);
    policy.excluded = SV("argocd");
    ck_assert_int_eq(policy_for(&policy, SV("argocd")).mode, MODE_OFF);
    ck_assert_int_eq(policy_for(&policy, SV("kube-system")).mode, MODE_ENFORCE);
    /* What has no namespace is in none. */
    ck_assert_int_eq(policy_for(&policy, SV("")).mode, MODE_ENFORCE);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("policy/policy");
    TCase *policy = tcase_create("policy");
    tcase_add_test(policy, holds_and_enforces_unless_told_otherwise);
    tcase_add_test(policy, applies_changed_defaults_to_every_namespace);
    tcase_add_test(policy, is_off_in_the_clusters_own_namespaces_and_its_own);
    suite_add_tcase(suite, policy);
    return suite;
}
