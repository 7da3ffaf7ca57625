/* SPDX-License-Identifier: Apache-2.0 */
/* A SecretStore or ClusterSecretStore (external-secrets.io v1 and v1beta1), decoded.
 *
 * A field that this version does not support is named in `unsupported`: such a store is never used,
 * and never replaced by Keyturn's own credentials (DESIGN §12). The fake provider's values are
 * secret memory. Immutable and reference-counted; any thread. */
#ifndef OBJECTS_STORE_H
#define OBJECTS_STORE_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/json.h"
#include "base/regex.h"
#include "base/secret_buf.h"
#include "objects/external_secret.h"
#include "objects/store_aws.h"

enum store_provider {
    PROVIDER_OTHER, /* named in `unsupported` */
    PROVIDER_AWS_SECRETS_MANAGER,
    PROVIDER_AWS_PARAMETER_STORE,
    PROVIDER_FAKE,
};

struct store_fake_value {
    struct str_view key;
    struct str_view version;
    struct secret_buf value;
};

enum selector_operator {
    SELECTOR_IN,
    SELECTOR_NOT_IN,
    SELECTOR_EXISTS,
    SELECTOR_DOES_NOT_EXIST,
};

/* One requirement of a label selector; matchLabels are In with one value. The operators are those
 * of Kubernetes: NotIn and DoesNotExist match where there is no such label. */
struct selector_requirement {
    struct str_view key;
    enum selector_operator operator;
    struct str_view *values;
    size_t value_count;
};

/* One entry of spec.conditions of a ClusterSecretStore (external-secrets.md §3.6). */
struct store_condition {
    bool has_selector; /* an empty one matches every namespace */
    struct selector_requirement *requirements;
    size_t requirement_count;
    struct str_view *namespaces;
    size_t namespace_count;
    struct regex **regexes;
    size_t regex_count;
};

struct store {
    atomic_uint references;
    bool cluster;
    struct str_view namespace; /* empty for a ClusterSecretStore */
    struct str_view name;
    struct str_view uid;
    struct str_view resource_version;
    int64_t generation;
    struct str_view controller; /* spec.controller: whose class it is; empty: anybody's */
    struct store_condition *conditions;
    size_t condition_count;
    enum store_provider provider;
    struct store_aws aws; /* of the two providers by AWS */
    struct store_fake_value *fake;
    size_t fake_count;
    struct str_view unsupported; /* field path; empty: none */
    char *storage;
};

MUST_CHECK bool store_decode(const struct json *object, bool cluster, struct store **ret,
                             struct err *err);
struct store *store_retain(struct store *store);
void store_release(struct store *store);

/* A namespace, as the world has it. */
struct store_namespace {
    struct str_view name;
    bool labels_known; /* else no selector and no name matches, but the empty selector does */
    const struct string_pair *labels;
    size_t label_count;
};

/* Whether a ClusterSecretStore may be used from there: a security boundary. No conditions: yes.
 * Else any selector, name (compared with the label kubernetes.io/metadata.name) or regex of any
 * condition has to match. A regex that costs too much matches nothing. ERR_DENIED names store and
 * namespace, and says so when labels that are not known may be why. A SecretStore admits its own
 * namespace and no other, whatever its conditions. */
MUST_CHECK bool store_admits(const struct store *store, const struct store_namespace *namespace,
                             struct err *err);

#endif
