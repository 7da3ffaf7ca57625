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
    };
}

struct policy_rules policy_for(const struct policy *policy, struct str_view namespace)
{
    (void)namespace;
    return policy->defaults;
}
