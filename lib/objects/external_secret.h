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
#include "crypto/sha3.h"

#define EXTERNAL_SECRET_FINALIZER "externalsecrets.external-secrets.io/externalsecret-cleanup"

enum refresh_policy {
    REFRESH_PERIODIC,
    REFRESH_CREATED_ONCE,
    REFRESH_ON_CHANGE,
};

enum creation_policy {
    CREATION_OWNER,
    CREATION_ORPHAN,
    CREATION_MERGE,
    CREATION_NONE,
    CREATION_CREATE_OR_MERGE,
};

enum deletion_policy {
    DELETION_RETAIN,
    DELETION_DELETE,
    DELETION_MERGE,
};

enum decoding_strategy {
    DECODING_NONE,
    DECODING_BASE64,
    DECODING_BASE64URL,
    DECODING_AUTO,
};

enum conversion_strategy {
    CONVERSION_DEFAULT,
    CONVERSION_UNICODE,
};

struct string_pair {
    struct str_view key;
    struct str_view value;
};

/* Of one entry; without a name it is the ExternalSecret's own. */
struct store_ref {
    struct str_view name;
    bool cluster;
};

struct external_secret_data {
    struct str_view secret_key;
    struct str_view remote_key;
    struct str_view property; /* empty: the whole value */
    struct str_view version;  /* empty: AWSCURRENT */
    enum decoding_strategy decoding;
    bool metadata;        /* metadataPolicy Fetch: the remote secret's tags instead of its value */
    bool null_bytes_fail; /* nullBytePolicy Fail */
    struct store_ref store;
};

enum rewrite_kind {
    REWRITE_REGEXP,
    REWRITE_TRANSFORM,
    REWRITE_MERGE,
};

struct external_secret_rewrite {
    enum rewrite_kind kind;
    size_t index; /* in rewrite: one element may have a regexp and a transform, which are carried
                   * out in this order and become one record each */
    struct str_view source;   /* regexp */
    struct str_view target;   /* regexp */
    struct str_view template; /* transform */
    struct str_view into;     /* merge, as are the rest */
    struct str_view *priority;
    size_t priority_count;
    bool priority_may_miss; /* priorityPolicy IgnoreNotFound */
    bool conflict_ignored;  /* conflictPolicy Ignore */
    bool json;              /* strategy JSON; else Extract */
};

enum data_from_kind {
    DATA_FROM_NOTHING, /* only sourceRef.storeRef: does nothing, in the operator too */
    DATA_FROM_EXTRACT,
    DATA_FROM_FIND,
};

/* One entry of spec.dataFrom. */
struct external_secret_data_from {
    enum data_from_kind kind;
    struct str_view remote_key; /* extract, as are the next three */
    struct str_view property;
    struct str_view version;
    bool metadata;
    struct str_view path;        /* find, as are the next four; empty: none */
    bool has_name;               /* find.name stands there, whatever its regexp */
    struct str_view name_regexp; /* matches anywhere in the name */
    struct string_pair *tags;
    size_t tag_count;
    enum decoding_strategy decoding;
    enum conversion_strategy conversion;
    bool null_bytes_fail;
    struct external_secret_rewrite *rewrites;
    size_t rewrite_count;
    struct store_ref store;
};

enum template_target {
    TEMPLATE_DATA,
    TEMPLATE_LABELS,
    TEMPLATE_ANNOTATIONS,
};

enum template_from_kind {
    TEMPLATE_FROM_NOTHING, /* no source: does nothing, but there is a templateFrom */
    TEMPLATE_FROM_LITERAL,
    TEMPLATE_FROM_CONFIG_MAP,
    TEMPLATE_FROM_SECRET,
};

struct template_from_item {
    struct str_view key;
    bool keys_and_values; /* templateAs; a literal always is */
};

struct external_secret_template_from {
    enum template_from_kind kind;
    size_t index; /* in templateFrom: one element may have a ConfigMap, a Secret and a literal,
                   * which are taken in this order and become one record each */
    struct str_view literal;
    struct str_view name; /* of the ConfigMap or Secret, in the ExternalSecret's namespace */
    struct template_from_item *items;
    size_t item_count;
    enum template_target target;
    enum decoding_strategy decoding; /* valuesDecodingStrategy */
};

/* spec.target.template. */
struct external_secret_template {
    bool merge; /* mergePolicy Merge */
    struct str_view type;
    struct string_pair *labels; /* values are templates, as are those of annotations and data */
    size_t label_count;
    struct string_pair *annotations;
    size_t annotation_count;
    struct str_view *finalizers;
    size_t finalizer_count;
    struct string_pair *data;
    size_t data_count;
    struct external_secret_template_from *from;
    size_t from_count;
};

/* What a controller has written there. */
struct external_secret_status {
    int64_t refresh_ms;             /* refreshTime, since 1970; 0: none */
    struct str_view synced_version; /* syncedResourceVersion */
    bool ready;                     /* condition Ready is True */
    struct str_view reason;         /* of that condition */
};

enum {
    /* Digits of a generation, "-", a digest. */
    EXTERNAL_SECRET_VERSION_BYTES = 20 + 1 + SHA3_224_HEX_BYTES,
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
    bool cluster_store;          /* secretStoreRef.kind is ClusterSecretStore; the name may be empty
                                  * when each entry has a store of its own */
    int64_t refresh_interval_ms; /* 1 h when absent; <= 0: once */
    enum refresh_policy refresh_policy;
    enum creation_policy creation_policy;
    enum deletion_policy deletion_policy;
    bool immutable; /* target.immutable */
    bool has_template;
    struct external_secret_template template;
    struct external_secret_data *data;
    size_t data_count;
    struct external_secret_data_from *data_from;
    size_t data_from_count;
    bool has_cleanup_finalizer; /* the operator's, EXTERNAL_SECRET_FINALIZER */
    struct external_secret_status status;
    /* All labels and annotations: without a template they are copied to the Secret. */
    struct string_pair *labels;
    size_t label_count;
    struct string_pair *annotations;
    size_t annotation_count;
    /* Field path of the first thing this version does not render ("spec.syncWindows"); empty: none.
     */
    struct str_view unsupported;
    char version[EXTERNAL_SECRET_VERSION_BYTES]; /* external_secret_version() */
    char *storage;
};

/* What is compared with status.syncedResourceVersion: "<generation>-<SHA3-224 of Go's print of all
 * annotations and labels>" (external-secrets.md §2.1). */
void external_secret_version(const struct external_secret *external_secret,
                             char ret[EXTERNAL_SECRET_VERSION_BYTES]);

MUST_CHECK bool external_secret_decode(const struct json *object, struct external_secret **ret,
                                       struct err *err);
struct external_secret *external_secret_retain(struct external_secret *external_secret);
void external_secret_release(struct external_secret *external_secret);

#endif
