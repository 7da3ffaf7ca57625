/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/owned_object.h"

#include "base/limits.h"
#include "objects/metadata.h"

struct owned_target owned_external_secret(const struct external_secret *external_secret)
{
    return (struct owned_target){.resource = &kube_external_secrets,
                                 .older = &kube_external_secrets_v1beta1,
                                 .namespace = external_secret->namespace,
                                 .name = external_secret->name,
                                 .uid = external_secret->uid};
}

void owned_object_done(struct owned_object *object)
{
    json_doc_done(&object->doc);
    kube_response_done(&object->response);
    *object = (struct owned_object){0};
}

static void move(struct owned_object *from, struct owned_object *to)
{
    *to = *from;
    *from = (struct owned_object){0};
}

/* A version that is not served is no Status but plain text, so there is no reason in it. */
static bool is_other_version(const struct kube_response *response, const struct err *err)
{
    return err->kind == ERR_MISSING && response->reason[0] == '\0';
}

static struct kube_target target_of(const struct owned_target *target,
                                    const struct kube_resource *resource, const char *subresource)
{
    return (struct kube_target){.resource = resource,
                                .namespace = target->namespace,
                                .name = target->name,
                                .subresource = subresource};
}

static bool get(const struct kube_client *client, const struct owned_target *target,
                int64_t deadline_ms, struct kube_response *ret, struct err *err)
{
    struct kube_target at = target_of(target, target->resource, NULL);
    if (kube_get(client, &at, deadline_ms, ret, err)) {
        return true;
    }
    if (!is_other_version(ret, err)) {
        return false;
    }
    kube_response_done(ret);
    at.resource = target->older;
    return kube_get(client, &at, deadline_ms, ret, err);
}

bool owned_object_get(const struct kube_client *client, const struct owned_target *target,
                      int64_t deadline_ms, struct owned_object *ret, struct err *err)
{
    static const struct json_limits limits = {.max_nodes = LIMIT_REVIEW_NODES,
                                              .max_depth = LIMIT_JSON_DEPTH};
    CLEANUP(owned_object_done) struct owned_object object = {0};
    *ret = (struct owned_object){0};
    if (!get(client, target, deadline_ms, &object.response, err)) {
        return false;
    }
    struct buf *bytes = &object.response.body.bytes;
    if (!json_parse(&object.doc, bytes->data, bytes->len, &limits, &object.json, err)) {
        err->kind = ERR_UNAVAILABLE;
        return err_wrap(err, "%s %.*s", target->resource->plural, SV_ARG(target->name));
    }
    const struct json *metadata = json_member(object.json, "metadata");
    if (!sv_equal(json_string(json_member(metadata, "uid")), target->uid)) {
        return err_set(err, ERR_MISSING, "%s %.*s is another now", target->resource->plural,
                       SV_ARG(target->name));
    }
    object.resource_version = json_string(json_member(metadata, "resourceVersion"));
    move(&object, ret);
    return true;
}

bool owned_object_is_generation(const struct owned_object *object, int64_t generation)
{
    int64_t is = 0;
    return json_to_i64(json_path(object->json, "metadata", "generation", NULL), &is) &&
           is == generation;
}

bool owned_object_is_deleting(const struct owned_object *object)
{
    return !json_is_absent(json_path(object->json, "metadata", "deletionTimestamp", NULL));
}

bool owned_object_patch(const struct kube_client *client, const struct owned_target *target,
                        const char *subresource, struct str_view patch, int64_t deadline_ms,
                        struct err *err)
{
    CLEANUP(kube_response_done) struct kube_response response = {0};
    struct kube_target at = target_of(target, target->resource, subresource);
    if (kube_patch(client, &at, KUBE_PATCH_MERGE, SV("keyturn"), patch, deadline_ms, &response,
                   err)) {
        return true;
    }
    if (!is_other_version(&response, err)) {
        return false;
    }
    kube_response_done(&response);
    at.resource = target->older;
    return kube_patch(client, &at, KUBE_PATCH_MERGE, SV("keyturn"), patch, deadline_ms, &response,
                      err);
}
