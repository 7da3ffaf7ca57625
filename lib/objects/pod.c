/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/pod.h"

#include "objects/metadata.h"
#include "objects/text_pool.h"

static void decode_gates(const struct json *spec, struct pod *ret)
{
    const struct json *gates = json_member(spec, "schedulingGates");
    JSON_FOR_EACH (gate, json_is(gates, JSON_ARRAY) ? gates : NULL) {
        if (json_string_is(json_member(gate, "name"), "keyturn.io/secrets")) {
            ret->gated = true;
        } else {
            ret->other_gates = true;
        }
    }
}

/* The classes of what a node or the cluster cannot do without (Kubernetes: "Guaranteed Scheduling
 * For Critical Add-On Pods"). */
static bool is_critical(const struct json *spec)
{
    const struct json *name = json_member(spec, "priorityClassName");
    return json_string_is(name, "system-node-critical") ||
           json_string_is(name, "system-cluster-critical");
}

static void take_text(struct pod *pod, struct text_pool *pool)
{
    text_pool_take_names(pool, &pod->namespace, &pod->name);
    text_pool_take(pool, &pod->uid);
    text_pool_take(pool, &pod->resource_version);
    text_pool_take(pool, &pod->stamp);
    text_pool_take(pool, &pod->node);
    text_pool_take_common(pool, &pod->phase);
    text_pool_take_common(pool, &pod->controller.group);
    text_pool_take_common(pool, &pod->controller.kind);
    text_pool_take(pool, &pod->controller.name);
    text_pool_take(pool, &pod->controller.uid);
}

static void own(struct pod *pod)
{
    struct text_pool counted = {0};
    take_text(pod, &counted);
    pod->storage = mem_alloc(counted.size);
    struct text_pool pool = {.at = pod->storage};
    take_text(pod, &pool);
}

static struct pod *build(const struct json *object, const struct metadata *metadata)
{
    const struct json *spec = json_member(object, "spec");
    struct pod *pod = mem_alloc(sizeof *pod);
    *pod = (struct pod){
        .namespace = metadata->namespace,
        .name = metadata->name,
        .uid = metadata->uid,
        .resource_version = metadata->resource_version,
        .stamp = metadata_annotation(metadata, "keyturn.io/secrets-hash"),
        .node = json_string(json_member(spec, "nodeName")),
        .phase = json_string(json_path(object, "status", "phase", NULL)),
        .created_ms = metadata->created_ms,
        .deleting = metadata->deleting,
        .hold_off = sv_is(metadata_annotation(metadata, "keyturn.io/hold"), "off"),
        .mirror = metadata_annotation(metadata, "kubernetes.io/config.mirror").data != NULL,
        .critical = is_critical(spec),
    };
    atomic_init(&pod->references, 1);
    decode_gates(spec, pod);
    if (!owner_find_controller(metadata->json, &pod->controller)) {
        pod->controller = (struct owner){0};
    }
    own(pod);
    return pod;
}

bool pod_decode(const struct json *object, struct pod **ret, struct err *err)
{
    struct metadata metadata;
    if (!metadata_decode(object, true, &metadata, err)) {
        return false;
    }
    CLEANUP(secret_refs_done) struct secret_ref_list refs = {0};
    if (!secret_refs_collect(json_member(object, "spec"), &refs, err)) {
        return false;
    }
    struct pod *pod = build(object, &metadata);
    secret_refs_dup(&refs, &pod->refs);
    *ret = pod;
    return true;
}

struct pod *pod_retain(struct pod *pod)
{
    atomic_fetch_add_explicit(&pod->references, 1, memory_order_relaxed);
    return pod;
}

void pod_release(struct pod *pod)
{
    if (pod && atomic_fetch_sub_explicit(&pod->references, 1, memory_order_acq_rel) == 1) {
        secret_refs_done(&pod->refs);
        free(pod->storage);
        free(pod);
    }
}
