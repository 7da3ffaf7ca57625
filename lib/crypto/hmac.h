/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 and HMAC-SHA-256 (FIPS 180-4, RFC 2104), by GnuTLS. Any thread. */
#ifndef CRYPTO_HMAC_H
#define CRYPTO_HMAC_H

#include "base/str_view.h"

enum {
    SHA256_BYTES = 32,
    HMAC_KEY_BYTES = 32,
};

/* A key of our own derivation. Wipe with explicit_bzero() when its owner goes. */
struct hmac_key {
    unsigned char bytes[HMAC_KEY_BYTES];
};

void sha256(struct str_view data, unsigned char ret[SHA256_BYTES]);
/* Keys of any length, as SigV4's derivation needs. `ret` may overlap `key`. */
void hmac_sha256(struct str_view key, struct str_view data, unsigned char ret[SHA256_BYTES]);

/* The same in pieces. hmac_finish() releases. */
struct hmac;
struct hmac *hmac_new(struct str_view key);
void hmac_update(struct hmac *hmac, const void *data, size_t len);
void hmac_finish(struct hmac *hmac, unsigned char ret[SHA256_BYTES]);

#endif
