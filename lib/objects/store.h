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
#include "base/secret_buf.h"
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

struct store {
    atomic_uint references;
    bool cluster;
    struct str_view namespace; /* empty for a ClusterSecretStore */
    struct str_view name;
    struct str_view uid;
    struct str_view resource_version;
    int64_t generation;
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

#endif
