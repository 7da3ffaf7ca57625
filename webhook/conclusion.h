/* SPDX-License-Identifier: Apache-2.0 */
/* What follows when an ExternalSecret has been carried out, where Keyturn is its controller: what
 * it made under another name goes, and its status says how it ended. Blocking; the thread that owns
 * the client.
 *
 * How it ended is what the engine reports (reconcile_report.end and .bound), whoever carried it
 * out. Its Events were posted by who did; those of this step are posted here: Deleted for orphans,
 * and UpdateFailed with the whole error for those that could not be deleted. */
#ifndef WEBHOOK_CONCLUSION_H
#define WEBHOOK_CONCLUSION_H

#include "kube/client.h"
#include "webhook/outcomes.h"
#include "webhook/runs.h"

struct conclusion_input {
    const struct kube_client *client;
    const struct outcomes *outcomes;
    bool silent; /* another is its controller: nothing is deleted, and no status written */
    const struct external_secret *external_secret;
    const struct run_result *run;
    int64_t start_ms; /* when it was begun, since 1970 */
    int64_t deadline_ms;
};

struct conclusion {
    enum status_end end;
    unsigned orphans_deleted;
    bool failed;  /* or its status could not be written, except that the object is gone */
    bool final;   /* trying again is of no use before something changes */
    bool written; /* the status says so; otherwise `err` says why not */
    struct err err;
    struct err orphans_err; /* after STATUS_ORPHANS_NOT_DELETED, which only this step ends with */
};

void conclude(const struct conclusion_input *input, struct conclusion *ret);

#endif
