/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the status of ExternalSecrets and stores, where Keyturn is their controller: patches of
 * the subresource status that are made from the object as it is, and made again when somebody was
 * first. Blocking; the thread that owns the client. */
#ifndef WEBHOOK_STATUS_WRITER_H
#define WEBHOOK_STATUS_WRITER_H

#include "externalsecret/status.h"
#include "objects/store.h"
#include "webhook/owned_object.h"

/* ERR_MISSING: it is gone, or another has its name now. ERR_CONFLICT: somebody was first three
 * times. Nothing is sent when the status is that already. */
MUST_CHECK bool status_write(const struct kube_client *client,
                             const struct external_secret *external_secret,
                             const struct status_change *change, int64_t deadline_ms,
                             struct err *err);
MUST_CHECK bool status_write_store(const struct kube_client *client, const struct store *store,
                                   const struct status_store_change *change, int64_t deadline_ms,
                                   struct err *err);

/* Where the store stands; borrows from it. */
struct owned_target status_store_target(const struct store *store);

#endif
