/* SPDX-License-Identifier: Apache-2.0 */
/* Where an object of the Kubernetes API stands: resource, namespace, name, subresource.
 *
 * Nothing else in the tree builds a path: every segment is checked here, because the API server
 * accepts names such as "../../kube-system/secrets/x" in some fields of other objects. Any thread.
 */
#ifndef KUBE_RESOURCE_H
#define KUBE_RESOURCE_H

#include "base/buf.h"
#include "base/err.h"

struct kube_resource {
    const char *group; /* "": the core group */
    const char *version;
    const char *plural;
    bool cluster_scoped;
};

extern const struct kube_resource kube_secrets;
extern const struct kube_resource kube_config_maps;
extern const struct kube_resource kube_namespaces;
extern const struct kube_resource kube_pods;
extern const struct kube_resource kube_resource_quotas;
extern const struct kube_resource kube_service_accounts;
extern const struct kube_resource kube_core_events;
extern const struct kube_resource kube_deployments;
extern const struct kube_resource kube_stateful_sets;
extern const struct kube_resource kube_daemon_sets;
extern const struct kube_resource kube_replica_sets;
extern const struct kube_resource kube_controller_revisions;
extern const struct kube_resource kube_jobs;
extern const struct kube_resource kube_cron_jobs;
extern const struct kube_resource kube_leases;
extern const struct kube_resource kube_mutating_webhooks;   /* ...configurations */
extern const struct kube_resource kube_validating_webhooks; /* ...configurations */
extern const struct kube_resource kube_self_subject_access_reviews;
extern const struct kube_resource kube_external_secrets; /* external-secrets.io/v1 */
extern const struct kube_resource kube_external_secrets_v1beta1;
extern const struct kube_resource kube_secret_stores;
extern const struct kube_resource kube_secret_stores_v1beta1;
extern const struct kube_resource kube_cluster_secret_stores;
extern const struct kube_resource kube_cluster_secret_stores_v1beta1;

/* Views are borrowed. */
struct kube_target {
    const struct kube_resource *resource;
    struct str_view namespace; /* empty: all namespaces, or a cluster-scoped resource */
    struct str_view name;      /* empty: the collection */
    const char *subresource;   /* "status", "token", "scale"; NULL: none */
};

/* One query parameter; the value is percent-encoded when the URL is built. */
struct kube_param {
    const char *name;
    struct str_view value;
};

/* Appends "/api/v1/namespaces/N/secrets/X". ERR_INVALID: a segment is empty, longer than
 * LIMIT_NAME_BYTES, has other bytes than [a-z0-9.-] (names also ':', which RBAC objects have),
 * begins or ends with '.' or '-', or has ".." in it; a namespace for a cluster-scoped resource; a
 * name in no namespace for a namespaced one. */
MUST_CHECK bool kube_path(struct buf *out, const struct kube_target *target, struct err *err);
/* Appends "?a=b&c=d"; nothing for no parameters. Parameters with an empty value are left out. */
void kube_query(struct buf *out, const struct kube_param *params, size_t count);
/* "secrets keyturn-system/db", "secrets in keyturn-system", "namespaces" for messages; cut to fit.
 */
void kube_target_describe(const struct kube_target *target, char *ret, size_t size);

#endif
