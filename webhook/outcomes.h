/* SPDX-License-Identifier: Apache-2.0 */
/* Tells how ExternalSecrets were carried out: a log line and a number for each, and an Event where
 * there is something to tell. Any thread. */
#ifndef WEBHOOK_OUTCOMES_H
#define WEBHOOK_OUTCOMES_H

#include "base/log.h"
#include "externalsecret/reconcile.h"
#include "webhook/metrics.h"
#include "webhook/reporter.h"

enum {
    OUTCOMES_MISSING_MAX = 10,
};

struct outcomes {
    const struct log *log;
    struct reporter *reporter;
    struct metric *carried_out;
};

void outcomes_init(struct outcomes *outcomes, const struct log *log, struct reporter *reporter,
                   struct metrics *metrics);

/* `err` is looked at after one that did not succeed. That nothing has changed is no Event; that
 * remote secrets are missing is one for each, up to OUTCOMES_MISSING_MAX. */
void outcomes_tell(const struct outcomes *outcomes, const struct external_secret *external_secret,
                   enum reconcile_outcome outcome, const struct reconcile_report *report,
                   const struct err *err);
/* What else happened to it: a Normal Event. */
void outcomes_event(const struct outcomes *outcomes, const struct external_secret *external_secret,
                    const char *reason, struct str_view message);
/* What went wrong after it was carried out: a line in the log and a warning, UpdateFailed. */
void outcomes_failed(const struct outcomes *outcomes, const char *what,
                     const struct external_secret *external_secret, const struct err *err);
/* What the next try may make good: a line in the log. */
void outcomes_log_failure(const struct outcomes *outcomes, const char *what,
                          const struct external_secret *external_secret, const struct err *err);

#endif
