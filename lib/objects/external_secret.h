/* SPDX-License-Identifier: Apache-2.0 */
/* A persisted ExternalSecret (external-secrets.io v1 and v1beta1), decoded.
 *
 * What this version cannot render exactly is not dropped but named in `unsupported`; such an
 * ExternalSecret still describes its target. Immutable and reference-counted; any thread. */
#ifndef OBJECTS_EXTERNAL_SECRET_H
#define OBJECTS_EXTERNAL_SECRET_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/json.h"

struct external_secret_data {
    struct str_view secret_key;
    struct str_view remote_key;
    struct str_view property; /* empty: the whole value */
    struct str_view version;  /* empty: AWSCURRENT */
};

struct string_pair {
    struct str_view key;
    struct str_view value;
};

struct external_secret {
    atomic_uint references;
    struct str_view namespace;
    struct str_view name;
    struct str_view uid;
    struct str_view resource_version;
    int64_t generation;
    bool deleting;
    bool has_status;        /* any condition in status: a controller has been here */
    struct str_view target; /* spec.target.name, else the ExternalSecret's own name */
    struct str_view store_name;
    bool cluster_store;          /* secretStoreRef.kind is ClusterSecretStore */
    int64_t refresh_interval_ms; /* 1 h when absent; <= 0: once */
    bool immutable;              /* target.immutable */
    struct external_secret_data *data;
    size_t data_count;
    /* All labels and annotations: without a template they are copied to the Secret. */
    struct string_pair *labels;
    size_t label_count;
    struct string_pair *annotations;
    size_t annotation_count;
    /* Field path of the first thing this version does not render ("spec.dataFrom"); empty: none. */
    struct str_view unsupported;
    char *storage;
};

MUST_CHECK bool external_secret_decode(const struct json *object, struct external_secret **ret,
                                       struct err *err);
struct external_secret *external_secret_retain(struct external_secret *external_secret);
void external_secret_release(struct external_secret *external_secret);

#endif
