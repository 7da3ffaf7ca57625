/* SPDX-License-Identifier: Apache-2.0 */
/* The ConfigMaps and Secrets of templateFrom over lib/kube: read live and kept nowhere. Blocking;
 * the thread that owns the client. */
#ifndef WEBHOOK_KUBE_TEMPLATES_H
#define WEBHOOK_KUBE_TEMPLATES_H

#include "externalsecret/render.h"
#include "kube/client.h"

/* `client` outlives it. Of a ConfigMap only `data` counts, as in the External Secrets Operator. An
 * answer that is no such object is ERR_UNAVAILABLE; otherwise the errors of kube_call(). */
struct template_source kube_templates(const struct kube_client *client);

#endif
