/* SPDX-License-Identifier: Apache-2.0 */
/* What goes when an ExternalSecret goes or changes its target, where Keyturn is the controller.
 * Deletes only what the ExternalSecret itself controls. Blocking; the thread that owns the
 * client. */
#ifndef WEBHOOK_DEPARTURE_H
#define WEBHOOK_DEPARTURE_H

#include "kube/client.h"
#include "objects/external_secret.h"

/* It is being deleted and has the finalizer of External Secrets Operator, which is not there to
 * take it off: with deletionPolicy Delete the Secret that it controls is deleted, then that
 * finalizer goes, and no other (external-secrets.md §2.7). What it says when it is looked at here
 * counts, not what `external_secret` says, which only tells whose departure it is. One without that
 * finalizer is left alone, and so is its Secret. `*ret_deleted`: there was a Secret, also after a
 * failure. One that is gone already, or is another by now, is a success. */
MUST_CHECK bool departure_finish(const struct kube_client *client,
                                 const struct external_secret *external_secret, int64_t deadline_ms,
                                 bool *ret_deleted, struct err *err);

/* Secrets that it has made under another name than its present target's are deleted
 * (external-secrets.md §5.4). None is when the ExternalSecret has another generation by now: its
 * target may be another one, too. */
MUST_CHECK bool departure_delete_orphans(const struct kube_client *client,
                                         const struct external_secret *external_secret,
                                         int64_t deadline_ms, unsigned *ret_deleted,
                                         struct err *err);

#endif
