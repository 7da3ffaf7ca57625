/* SPDX-License-Identifier: Apache-2.0 */
/* The first status is written without a look: there is nothing in it that would have to stay, and
 * the resourceVersion tells when that is wrong. */
#include "webhook/status_writer.h"

enum {
    TRIES = 3,
};

/* What is to be written, for either kind. */
struct writing {
    struct owned_target target;
    bool (*make)(const void *change, const struct json *live, struct str_view resource_version,
                 struct buf *ret);
    const void *change;
};

static bool make_external_secret(const void *change, const struct json *live,
                                 struct str_view resource_version, struct buf *ret)
{
    return status_patch(change, live, resource_version, ret);
}

static bool make_store(const void *change, const struct json *live,
                       struct str_view resource_version, struct buf *ret)
{
    return status_store_patch(change, live, resource_version, ret);
}

static bool send(const struct kube_client *client, const struct writing *writing,
                 const struct json *live, struct str_view resource_version, int64_t deadline_ms,
                 struct err *err)
{
    CLEANUP(buf_done) struct buf patch = {0};
    if (!writing->make(writing->change, live, resource_version, &patch)) {
        return true;
    }
    return buf_check(&patch, "the status", err) &&
           owned_object_patch(client, &writing->target, "status", buf_view(&patch), deadline_ms,
                              err);
}

static bool look_and_send(const struct kube_client *client, const struct writing *writing,
                          int64_t deadline_ms, struct err *err)
{
    bool sent = false;
    for (int i = 0; i < TRIES && !sent; i++) {
        CLEANUP(owned_object_done) struct owned_object object = {0};
        if (!owned_object_get(client, &writing->target, deadline_ms, &object, err)) {
            return false;
        }
        sent = send(client, writing, object.json, object.resource_version, deadline_ms, err);
        if (!sent && err->kind != ERR_CONFLICT) {
            return false;
        }
    }
    return sent;
}

bool status_write(const struct kube_client *client, const struct external_secret *external_secret,
                  const struct status_change *change, int64_t deadline_ms, struct err *err)
{
    const struct writing writing = {
        .target = owned_external_secret(external_secret),
        .make = make_external_secret,
        .change = change,
    };
    if (!external_secret->has_status) {
        if (send(client, &writing, NULL, external_secret->resource_version, deadline_ms, err)) {
            return true;
        }
        if (err->kind != ERR_CONFLICT) {
            return false;
        }
    }
    return look_and_send(client, &writing, deadline_ms, err);
}

struct owned_target status_store_target(const struct store *store)
{
    return (struct owned_target){
        .resource = store->cluster ? &kube_cluster_secret_stores : &kube_secret_stores,
        .older = store->cluster ? &kube_cluster_secret_stores_v1beta1 : &kube_secret_stores_v1beta1,
        .namespace = store->namespace,
        .name = store->name,
        .uid = store->uid};
}

bool status_write_store(const struct kube_client *client, const struct store *store,
                        const struct status_store_change *change, int64_t deadline_ms,
                        struct err *err)
{
    const struct writing writing = {
        .target = status_store_target(store),
        .make = make_store,
        .change = change,
    };
    return look_and_send(client, &writing, deadline_ms, err);
}
