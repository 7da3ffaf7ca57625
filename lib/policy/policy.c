/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"

struct policy policy_builtin(void)
{
    return (struct policy){
        .defaults =
            {
                .mode = MODE_ENFORCE,
                .on_missing = ON_MISSING_HOLD,
                .budget_ms = 250,
                .hold_described_ms = INT64_C(5) * 60 * 1000,
                .hold_undescribed_ms = INT64_C(60) * 1000,
            },
        .excluded = SV(POLICY_EXCLUDED),
    };
}

static bool is_excluded(const struct policy *policy, struct str_view namespace)
{
    struct str_view rest = policy->excluded;
    struct str_view name = {0};
    bool found = sv_equal(namespace, policy->own_namespace);
    while (!found && sv_split(&rest, ',', &name)) {
        found = sv_equal(namespace, name);
    }
    return namespace.len && found;
}

struct policy_rules policy_for(const struct policy *policy, struct str_view namespace)
{
    struct policy_rules rules = policy->defaults;
    if (is_excluded(policy, namespace)) {
        rules.mode = MODE_OFF;
    }
    return rules;
}
