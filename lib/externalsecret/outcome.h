/* SPDX-License-Identifier: Apache-2.0 */
/* What came of a reconciliation, in Keyturn's words and in those of an ExternalSecret's status. */
#ifndef EXTERNALSECRET_OUTCOME_H
#define EXTERNALSECRET_OUTCOME_H

#include "externalsecret/plan.h"
#include "externalsecret/status.h"
#include "objects/secret.h"

enum reconcile_outcome {
    RECONCILE_CREATED,
    RECONCILE_UPDATED,
    RECONCILE_UNCHANGED,      /* the live Secret already has exactly this */
    RECONCILE_RETAINED,       /* there is no data; a Secret, if there is one, stays as it is */
    RECONCILE_DELETED,        /* there is no data, and now no Secret (deletionPolicy Delete) */
    RECONCILE_MISSING_TARGET, /* creationPolicy Merge: there is no Secret to merge into */
    RECONCILE_SKIPPED,        /* creationPolicy None: no Secret is made */
    RECONCILE_DEFERRED,       /* asks for more than a request may wait for: background work */
    RECONCILE_UNSUPPORTED,    /* left alone; err says which field */
    RECONCILE_FOREIGN,        /* a Secret of that name is not this ExternalSecret's; left alone */
    RECONCILE_FAILED,         /* err says why; the old Secret stays as it was */
};

/* Zeroed is empty. Borrows from the ExternalSecret. */
struct reconcile_report {
    enum status_end end;
    bool bound; /* status.binding.name is the target's name from now on */
    bool wrote; /* a Secret was created, updated or deleted; else nothing was done */
    /* Left out because there are no such remote secrets (event MissingProviderSecret). */
    struct plan_missing *missing;
    size_t missing_count;
    /* The Secret's record after CREATED, UPDATED and UNCHANGED; else NULL. */
    struct secret *secret;
};

void reconcile_report_done(struct reconcile_report *report);

/* "created", "updated", ... for logs and metrics. */
const char *reconcile_outcome_name(enum reconcile_outcome outcome);
/* The Secret is as it should be. */
bool reconcile_succeeded(enum reconcile_outcome outcome);

#endif
