/* SPDX-License-Identifier: Apache-2.0 */
/* What is wanted where: mode, onMissing, budgets. Immutable after loading; any thread. */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "base/str_view.h"

enum policy_mode {
    MODE_ENFORCE,
    MODE_OFF, /* nothing is held, warned about, stamped or rolled */
};

enum on_missing {
    ON_MISSING_HOLD,
    ON_MISSING_WARN, /* also what hold becomes where the API server has no scheduling gates */
    /* An ExternalSecret whose remote secret or property is missing is denied; what a Pod refers to
     * is warned about. */
    ON_MISSING_DENY,
};

/* What applies to one namespace. */
struct policy_rules {
    enum policy_mode mode;
    enum on_missing on_missing;
    int64_t budget_ms;         /* waiting in admission, at most 1 s */
    int64_t hold_described_ms; /* end of a hold when an ExternalSecret describes the Secret */
    int64_t hold_undescribed_ms;
};

struct policy {
    struct policy_rules defaults;
    struct str_view own_namespace; /* Keyturn's; it is off there */
    struct str_view excluded;      /* names with commas between them: off there, too. Borrowed */
};

#define POLICY_EXCLUDED "kube-system,kube-node-lease,kube-public"

/* enforce, hold, 250 ms, 5 min, 60 s (DESIGN §2, §8); off in the cluster's own namespaces, as the
 * webhook configuration is. */
struct policy policy_builtin(void);
struct policy_rules policy_for(const struct policy *policy, struct str_view namespace);

#endif
