/* SPDX-License-Identifier: Apache-2.0 */
/* From a persisted ExternalSecret to its Secret: plan the remote reads, ask for all at once, build
 * the exact bytes, write them. Blocking; worker threads. */
#ifndef EXTERNALSECRET_RECONCILE_H
#define EXTERNALSECRET_RECONCILE_H

#include "externalsecret/sink.h"
#include "externalsecret/source.h"
#include "objects/external_secret.h"

enum reconcile_outcome {
    RECONCILE_CREATED,
    RECONCILE_UPDATED,
    RECONCILE_UNCHANGED,   /* the live Secret already has exactly this */
    RECONCILE_RETAINED,    /* nothing is asked for; a Secret, if there is one, stays as it is */
    RECONCILE_UNSUPPORTED, /* left alone; err says which field */
    RECONCILE_FOREIGN,     /* a Secret of that name is not this ExternalSecret's; left alone */
    RECONCILE_FAILED,      /* err says why; the old Secret stays as it was */
};

struct reconcile_input {
    const struct external_secret *external_secret; /* as persisted: it has a uid */
    const struct store *store;                     /* the one it names; NULL: not found */
    const struct secret_source *source;            /* for the provider aws; fake needs none */
    const struct secret_sink *sink;
    bool waiting;       /* as in struct remote_request */
    int64_t max_age_ms; /* likewise */
    int64_t deadline_ms;
};

/* `*ret_secret` is the Secret's record after CREATED, UPDATED, UNCHANGED, else NULL; it may be NULL
 * to ask for none. A 409 is absorbed: read again; ours with the same data-hash is UNCHANGED.
 *
 * `err` is set after UNSUPPORTED, FOREIGN and FAILED; err->retryable tells whether FAILED may pass
 * by itself. A remote secret that does not exist is ERR_MISSING: with deletionPolicy Retain nothing
 * is written then, and never a part of the data. Nothing is asked of the source for a Secret that
 * is not ours, or whose ExternalSecret is immutable and has been written. */
enum reconcile_outcome reconcile(const struct reconcile_input *input, struct secret **ret_secret,
                                 struct err *err);

/* "created", "updated", ... for logs and metrics. */
const char *reconcile_outcome_name(enum reconcile_outcome outcome);
/* The Secret is as it should be. */
bool reconcile_succeeded(enum reconcile_outcome outcome);

#endif
