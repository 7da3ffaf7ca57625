/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_access.h"

bool kube_access_load(const char *kubeconfig, const struct clock *clock, struct kube_config **ret,
                      struct err *err)
{
    if (kubeconfig) {
        return kube_config_load(kubeconfig, clock, ret, err);
    }
    const struct kube_in_cluster place = {.host = getenv("KUBERNETES_SERVICE_HOST"),
                                          .port = getenv("KUBERNETES_SERVICE_PORT")};
    return kube_config_in_cluster(&place, clock, ret, err);
}
