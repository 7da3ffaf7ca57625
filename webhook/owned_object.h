/* SPDX-License-Identifier: Apache-2.0 */
/* An object of external-secrets.io as it is, and patches of it, whichever version is served: v1,
 * or v1beta1 where there is no other. Blocking; the thread that owns the client. */
#ifndef WEBHOOK_OWNED_OBJECT_H
#define WEBHOOK_OWNED_OBJECT_H

#include "kube/client.h"
#include "objects/external_secret.h"

/* Which object, and which of its name. */
struct owned_target {
    const struct kube_resource *resource;
    const struct kube_resource *older;
    struct str_view namespace; /* empty for a ClusterSecretStore */
    struct str_view name;
    struct str_view uid;
};

/* Borrows from it. */
struct owned_target owned_external_secret(const struct external_secret *external_secret);

/* Zeroed is empty. */
struct owned_object {
    struct kube_response response; /* `json` lies in it */
    struct json_doc doc;
    const struct json *json;
    struct str_view resource_version;
};

void owned_object_done(struct owned_object *object);
/* ERR_MISSING also when another object has that name now. `ret` is zeroed before. */
MUST_CHECK bool owned_object_get(const struct kube_client *client,
                                 const struct owned_target *target, int64_t deadline_ms,
                                 struct owned_object *ret, struct err *err);
bool owned_object_is_generation(const struct owned_object *object, int64_t generation);
bool owned_object_is_deleting(const struct owned_object *object);
/* A merge patch of the object, or of its status. */
MUST_CHECK bool owned_object_patch(const struct kube_client *client,
                                   const struct owned_target *target, const char *subresource,
                                   struct str_view patch, int64_t deadline_ms, struct err *err);

#endif
