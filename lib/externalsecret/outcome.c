/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/outcome.h"

void reconcile_report_done(struct reconcile_report *report)
{
    free(report->missing);
    secret_release(report->secret);
    *report = (struct reconcile_report){0};
}

const char *reconcile_outcome_name(enum reconcile_outcome outcome)
{
    static const char *const names[] = {
        [RECONCILE_CREATED] = "created",         [RECONCILE_UPDATED] = "updated",
        [RECONCILE_UNCHANGED] = "unchanged",     [RECONCILE_RETAINED] = "retained",
        [RECONCILE_DELETED] = "deleted",         [RECONCILE_MISSING_TARGET] = "missing_target",
        [RECONCILE_SKIPPED] = "skipped",         [RECONCILE_DEFERRED] = "deferred",
        [RECONCILE_UNSUPPORTED] = "unsupported", [RECONCILE_FOREIGN] = "foreign",
        [RECONCILE_FAILED] = "failed",
    };
    return names[outcome];
}

bool reconcile_succeeded(enum reconcile_outcome outcome)
{
    return outcome < RECONCILE_DEFERRED;
}
