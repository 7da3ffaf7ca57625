/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/resource.h"

#include "base/encode.h"
#include "base/limits.h"

#define EXTERNAL_SECRETS "external-secrets.io"

const struct kube_resource kube_secrets = {"", "v1", "secrets", false};
const struct kube_resource kube_config_maps = {"", "v1", "configmaps", false};
const struct kube_resource kube_namespaces = {"", "v1", "namespaces", true};
const struct kube_resource kube_pods = {"", "v1", "pods", false};
const struct kube_resource kube_resource_quotas = {"", "v1", "resourcequotas", false};
const struct kube_resource kube_service_accounts = {"", "v1", "serviceaccounts", false};
const struct kube_resource kube_core_events = {"", "v1", "events", false};
const struct kube_resource kube_deployments = {"apps", "v1", "deployments", false};
const struct kube_resource kube_stateful_sets = {"apps", "v1", "statefulsets", false};
const struct kube_resource kube_daemon_sets = {"apps", "v1", "daemonsets", false};
const struct kube_resource kube_replica_sets = {"apps", "v1", "replicasets", false};
const struct kube_resource kube_controller_revisions = {"apps", "v1", "controllerrevisions", false};
const struct kube_resource kube_jobs = {"batch", "v1", "jobs", false};
const struct kube_resource kube_cron_jobs = {"batch", "v1", "cronjobs", false};
const struct kube_resource kube_leases = {"coordination.k8s.io", "v1", "leases", false};
const struct kube_resource kube_mutating_webhooks = {"admissionregistration.k8s.io", "v1",
                                                     "mutatingwebhookconfigurations", true};
const struct kube_resource kube_validating_webhooks = {"admissionregistration.k8s.io", "v1",
                                                       "validatingwebhookconfigurations", true};
const struct kube_resource kube_self_subject_access_reviews = {"authorization.k8s.io", "v1",
                                                               "selfsubjectaccessreviews", true};
const struct kube_resource kube_external_secrets = {EXTERNAL_SECRETS, "v1", "externalsecrets",
                                                    false};
const struct kube_resource kube_external_secrets_v1beta1 = {EXTERNAL_SECRETS, "v1beta1",
                                                            "externalsecrets", false};
const struct kube_resource kube_secret_stores = {EXTERNAL_SECRETS, "v1", "secretstores", false};
const struct kube_resource kube_secret_stores_v1beta1 = {EXTERNAL_SECRETS, "v1beta1",
                                                         "secretstores", false};
const struct kube_resource kube_cluster_secret_stores = {EXTERNAL_SECRETS, "v1",
                                                         "clustersecretstores", true};
const struct kube_resource kube_cluster_secret_stores_v1beta1 = {EXTERNAL_SECRETS, "v1beta1",
                                                                 "clustersecretstores", true};

/* RBAC objects are named like "system:node-proxier"; a colon needs no escape in a path. */
static bool byte_is_allowed(char byte, bool colon)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
           byte == '.' || (colon && byte == ':');
}

static bool segment_is_valid(struct str_view segment, bool colon)
{
    if (segment.len == 0 || segment.len > LIMIT_NAME_BYTES) {
        return false;
    }
    char first = segment.data[0];
    char last = segment.data[segment.len - 1];
    if (first == '.' || first == '-' || last == '.' || last == '-' ||
        sv_contains(segment, SV(".."))) {
        return false;
    }
    for (size_t i = 0; i < segment.len; i++) {
        if (!byte_is_allowed(segment.data[i], colon)) {
            return false;
        }
    }
    return true;
}

static bool add_segment(struct buf *out, struct str_view segment, const char *what, bool colon,
                        struct err *err)
{
    if (!segment_is_valid(segment, colon)) {
        return err_set(err, ERR_INVALID, "\"%.*s\" cannot be %s of the Kubernetes API",
                       SV_ARG(sv_first(segment, 64)), what);
    }
    buf_add_byte(out, '/');
    buf_add(out, segment);
    return true;
}

static bool add_resource(struct buf *out, const struct kube_target *target, struct err *err)
{
    const struct kube_resource *resource = target->resource;
    if (resource->group[0] == '\0') {
        buf_add_str(out, "/api");
    } else {
        buf_add_str(out, "/apis");
        if (!add_segment(out, sv_of(resource->group), "an API group", false, err)) {
            return false;
        }
    }
    if (!add_segment(out, sv_of(resource->version), "an API version", false, err)) {
        return false;
    }
    if (target->namespace.len > 0) {
        buf_add_str(out, "/namespaces");
        if (!add_segment(out, target->namespace, "a namespace", false, err)) {
            return false;
        }
    }
    return add_segment(out, sv_of(resource->plural), "a resource", false, err);
}

bool kube_path(struct buf *out, const struct kube_target *target, struct err *err)
{
    const struct kube_resource *resource = target->resource;
    if (resource->cluster_scoped && target->namespace.len > 0) {
        return err_set(err, ERR_INVALID, "%s are in no namespace", resource->plural);
    }
    if (!resource->cluster_scoped && target->name.len > 0 && target->namespace.len == 0) {
        return err_set(err, ERR_INVALID, "%s are in a namespace, and none is named",
                       resource->plural);
    }
    if (!add_resource(out, target, err)) {
        return false;
    }
    if (target->name.data && !add_segment(out, target->name, "a name", true, err)) {
        return false;
    }
    if (target->subresource) {
        if (!target->name.data) {
            return err_set(err, ERR_INVALID, "%s/%s needs a name", resource->plural,
                           target->subresource);
        }
        return add_segment(out, sv_of(target->subresource), "a subresource", false, err);
    }
    return buf_check(out, "a path of the Kubernetes API", err);
}

void kube_query(struct buf *out, const struct kube_param *params, size_t count)
{
    char separator = '?';
    for (size_t i = 0; i < count; i++) {
        if (params[i].value.len == 0) {
            continue;
        }
        buf_add_byte(out, separator);
        encode_percent(out, sv_of(params[i].name));
        buf_add_byte(out, '=');
        encode_percent(out, params[i].value);
        separator = '&';
    }
}

void kube_target_describe(const struct kube_target *target, char *ret, size_t size)
{
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, LIMIT_URL_BYTES);
    buf_add_str(&text, target->resource->plural);
    if (target->subresource) {
        buf_printf(&text, "/%s", target->subresource);
    }
    if (target->name.len == 0 && target->namespace.len > 0) {
        buf_printf(&text, " in %.*s", SV_ARG(target->namespace));
    } else if (target->name.len > 0) {
        buf_printf(&text, " %.*s%s%.*s", SV_ARG(target->namespace),
                   target->namespace.len > 0 ? "/" : "", SV_ARG(target->name));
    }
    (void)snprintf(ret, size, "%s", text.data);
}
