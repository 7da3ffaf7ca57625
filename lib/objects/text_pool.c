/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/text_pool.h"

void text_pool_take(struct text_pool *pool, struct str_view *view)
{
    pool->size += view->len;
    if (pool->at && view->data) {
        char *copy = pool->at;
        if (view->len) {
            memcpy(copy, view->data, view->len);
        }
        pool->at += view->len;
        view->data = copy;
    }
}

void text_pool_take_names(struct text_pool *pool, struct str_view *namespace, struct str_view *name)
{
    if (!namespace->data) {
        *namespace = SV("");
    }
    struct str_view slash = SV("/");
    text_pool_take(pool, namespace);
    text_pool_take(pool, &slash);
    text_pool_take(pool, name);
}

void text_pool_take_common(struct text_pool *pool, struct str_view *view)
{
    static const char *const common[] = {
        "Opaque",
        "kubernetes.io/tls",
        "kubernetes.io/dockerconfigjson",
        "kubernetes.io/service-account-token",
        "external-secrets.io",
        "ExternalSecret",
        "apps",
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
        "batch",
        "Job",
        "Pending",
        "Running",
        "Succeeded",
        "Failed",
        "",
    };
    for (size_t i = 0; view->data && i < ARRAY_LEN(common); i++) {
        if (sv_is(*view, common[i])) {
            view->data = common[i];
            return;
        }
    }
    text_pool_take(pool, view);
}
