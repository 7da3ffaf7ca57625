/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets in the Kubernetes API: reading one live, and the secret_sink of the ExternalSecret
 * engine. Everything that comes back is secret memory. */
#ifndef WEBHOOK_KUBE_SINK_H
#define WEBHOOK_KUBE_SINK_H

#include "externalsecret/sink.h"
#include "kube/client.h"

/* One GET. `*ret` NULL when there is none of that name, which is a success. */
MUST_CHECK bool kube_sink_look(const struct kube_client *client, const struct hmac_key *digest_key,
                               struct str_view namespace, struct str_view name, int64_t deadline_ms,
                               struct secret **ret, struct err *err);

/* What the interface needs; outlives it. */
struct kube_sink {
    const struct kube_client *client;
    const struct hmac_key *digest_key; /* NULL: none is known */
};

struct secret_sink kube_sink(struct kube_sink *sink);

#endif
