/* SPDX-License-Identifier: Apache-2.0 */
/* Which API server, and as whom: the kubeconfig that was named, else the Pod's ServiceAccount
 * (KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT). */
#ifndef WEBHOOK_KUBE_ACCESS_H
#define WEBHOOK_KUBE_ACCESS_H

#include "kube/config.h"

/* `kubeconfig` may be NULL. */
MUST_CHECK bool kube_access_load(const char *kubeconfig, const struct clock *clock,
                                 struct kube_config **ret, struct err *err);

#endif
