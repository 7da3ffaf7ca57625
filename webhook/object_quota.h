/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a ResourceQuota of a namespace counts a kind of object, so that it may refuse one that is
 * created. Blocking; the thread that owns the client. */
#ifndef WEBHOOK_OBJECT_QUOTA_H
#define WEBHOOK_OBJECT_QUOTA_H

#include "kube/client.h"

/* How much of it is left is not looked at: somebody else may take the last. ERR_DENIED without the
 * right to list them; the other kinds are those of kube_list(). */
MUST_CHECK bool object_quota_counts(const struct kube_client *client, struct str_view namespace,
                                    const struct kube_resource *resource, int64_t deadline_ms,
                                    bool *ret, struct err *err);

#endif
