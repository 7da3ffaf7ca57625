/* SPDX-License-Identifier: Apache-2.0 */
/* spec.provider.aws of a SecretStore or ClusterSecretStore, decoded (external-secrets.md §3.1 to
 * §3.4). Part of struct store: immutable with it, its text in the store's storage. */
#ifndef OBJECTS_STORE_AWS_H
#define OBJECTS_STORE_AWS_H

#include "base/buf.h"
#include "base/json.h"
#include "objects/text_pool.h"

enum {
    /* A chain is walked by calls within calls, some 6 KiB of stack for each role, and who may write
     * a store is not trusted. AWS has no use for more: every role has to trust the one before it.
     */
    STORE_ADDITIONAL_ROLES_MAX = 8,
};

/* Whose credentials calls begin with. */
enum store_auth {
    STORE_AUTH_AMBIENT,         /* Keyturn's own, from its environment */
    STORE_AUTH_KEYS,            /* auth.secretRef: keys in Secrets */
    STORE_AUTH_SERVICE_ACCOUNT, /* auth.jwt: a token of a ServiceAccount */
};

/* One key of a Secret. */
struct store_secret_key {
    struct str_view namespace; /* empty: the ExternalSecret's, which a SecretStore shares */
    struct str_view name;      /* empty: none */
    struct str_view key;
};

struct store_tag {
    struct str_view key;
    struct str_view value;
};

/* What the session of `role` is tagged with. */
enum store_tags_policy {
    STORE_TAGS_AS_LISTED, /* "None": sessionTags */
    STORE_TAGS_SIMPLE,    /* esoNamespace, esoStoreName, esoStoreKind instead */
    STORE_TAGS_CUSTOM,    /* the same and customSessionTags */
};

struct store_texts {
    struct str_view *items;
    size_t count;
};

struct store_tags {
    struct store_tag *items;
    size_t count;
};

struct store_aws {
    struct str_view region; /* fit to become part of a host name */
    struct str_view prefix; /* stands before every remote key */
    enum store_auth auth;
    struct store_secret_key access_key_id;
    struct store_secret_key secret_access_key;
    struct store_secret_key session_token;
    struct str_view service_account_namespace; /* as in struct store_secret_key */
    struct str_view service_account;
    struct store_texts audiences;        /* besides the ServiceAccount's own */
    struct store_texts additional_roles; /* assumed in order, before `role`; at most
                                            STORE_ADDITIONAL_ROLES_MAX */
    struct str_view role;
    struct str_view external_id; /* this and what follows: of `role` only */
    enum store_tags_policy tags_policy;
    struct store_tags session_tags;
    struct store_tags custom_session_tags;
    struct store_texts transitive_tag_keys;
};

/* Views into the JSON until store_aws_take_text() has run. What is not supported is noted.
 * `cluster`: of a ClusterSecretStore, whose references may name a namespace. */
void store_aws_decode(const struct json *aws, bool cluster, struct store_aws *ret,
                      struct buf *unsupported);
void store_aws_take_text(struct store_aws *aws, struct text_pool *pool);
/* Accepts a zeroed one. */
void store_aws_done(struct store_aws *aws);

#endif
