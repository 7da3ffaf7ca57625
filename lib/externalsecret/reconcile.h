/* SPDX-License-Identifier: Apache-2.0 */
/* From a persisted ExternalSecret to its Secret: plan the remote reads, ask for all at once,
 * render, build the exact bytes, write them. Blocking; worker threads. */
#ifndef EXTERNALSECRET_RECONCILE_H
#define EXTERNALSECRET_RECONCILE_H

#include "externalsecret/outcome.h"
#include "externalsecret/render.h"
#include "externalsecret/sink.h"
#include "externalsecret/source.h"
#include "objects/external_secret.h"

/* Which store a name means for an ExternalSecret, and whether it may be used: the conditions of a
 * ClusterSecretStore and the class of a store are enforced there, so that no route passes them by.
 */
struct store_resolver {
    /* A reference for the caller, or NULL: ERR_MISSING (there is none), ERR_DENIED (it does not
     * admit the namespace), ERR_INVALID (it is another controller's, and so is the ExternalSecret:
     * RECONCILE_UNSUPPORTED), ERR_UNAVAILABLE (it is not known yet). */
    struct store *(*find)(void *context, const struct external_secret *external_secret,
                          const struct store_ref *ref, struct err *err);
    void *context;
};

struct reconcile_input {
    const struct external_secret *external_secret; /* as persisted: it has a uid */
    const struct store_resolver *stores;
    const struct secret_source *source;      /* for the provider aws; fake needs none */
    const struct template_source *templates; /* NULL: templateFrom has literals only */
    const struct secret_sink *sink;
    /* The watch knows of no Secret of that name: a new one is made without a look at it. A look
     * comes first all the same where none is made, where one may have to be deleted, and after
     * AlreadyExists. */
    bool absent;
    bool waiting;     /* as in struct remote_request */
    int64_t since_ms; /* likewise */
    int64_t deadline_ms;
};

/* `ret` is initialised here and to be released after every outcome. A 409 is absorbed: read again;
 * ours with the same data-hash is UNCHANGED, and for who waits ours with any: what he read may be
 * older. What is written is written by one call, so that nothing is ever half done.
 *
 * `err` is set after DEFERRED, UNSUPPORTED, FOREIGN and FAILED; err->retryable tells whether FAILED
 * may pass by itself. A remote secret that does not exist is ERR_MISSING with deletionPolicy
 * Retain; else its entry is left out and reported. Nothing is asked of the source for a Secret that
 * is known not to be ours, nor for one whose ExternalSecret is immutable and has been written. Who
 * waits gets DEFERRED where there is a find, and neither SKIPPED nor MISSING_TARGET cost him a
 * read. */
enum reconcile_outcome reconcile(const struct reconcile_input *input, struct reconcile_report *ret,
                                 struct err *err);

#endif
