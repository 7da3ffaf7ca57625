/* SPDX-License-Identifier: Apache-2.0 */
/* A Secret as Keyturn remembers it: names and keyed digests, never a value.
 *
 * Immutable after decoding and reference-counted; any thread. Kubernetes core/v1 Secret. */
#ifndef OBJECTS_SECRET_H
#define OBJECTS_SECRET_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/json.h"
#include "crypto/hmac.h"
#include "objects/owner.h"

enum {
    DIGEST_KEY_TAG_BYTES = 8,
};

struct secret_key_digest {
    struct str_view key;
    unsigned char digest[SHA256_BYTES];
};

struct secret {
    atomic_uint references;
    struct str_view namespace; /* all text lies behind the record, in its own block */
    struct str_view name;
    struct str_view uid;
    struct str_view resource_version;
    struct str_view type;
    struct str_view data_hash; /* annotation reconcile.external-secrets.io/data-hash */
    bool managed;              /* label reconcile.external-secrets.io/managed: "true" */
    bool data_hash_valid;      /* the annotation is that of the data as they are */
    bool immutable;
    struct owner controller;        /* kind empty: none */
    int64_t last_write_ms;          /* newest managedFields time, or creationTimestamp; 0 unknown */
    struct secret_key_digest *keys; /* sorted by key */
    size_t key_count;
    /* Tells which key the digests were made under; all zero: none. */
    unsigned char digest_key_tag[DIGEST_KEY_TAG_BYTES];
};

/* Decodes `object`; values are decoded into secret memory, hashed under `digest_key` and wiped.
 * With `digest_key` NULL the digests are all zero and the record is good for names only.
 * `*ret` has one reference. ERR_INVALID names the field, never its content. */
MUST_CHECK bool secret_decode(const struct json *object, const struct hmac_key *digest_key,
                              struct secret **ret, struct err *err);
struct secret *secret_retain(struct secret *secret);
/* Accepts NULL. */
void secret_release(struct secret *secret);
/* What digest_key_tag is when the digests were made under this key. */
void secret_digest_key_tag(const struct hmac_key *digest_key,
                           unsigned char ret[DIGEST_KEY_TAG_BYTES]);
/* NULL when the key is not there. */
const struct secret_key_digest *secret_find_key(const struct secret *secret, struct str_view key);

#endif
