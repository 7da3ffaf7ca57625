/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/sha3.h"

#include <stdlib.h>

#include <gnutls/crypto.h>

#include "base/encode.h"

struct sha3_224 {
    gnutls_hash_hd_t handle;
};

struct sha3_224 *sha3_224_new(void)
{
    struct sha3_224 *hash = mem_alloc(sizeof *hash);
    if (gnutls_hash_init(&hash->handle, GNUTLS_DIG_SHA3_224) < 0) {
        abort();
    }
    return hash;
}

void sha3_224_update(struct sha3_224 *hash, const void *data, size_t len)
{
    if (gnutls_hash(hash->handle, data ? data : "", len) < 0) {
        abort();
    }
}

void sha3_224_finish(struct sha3_224 *hash, char ret_hex[SHA3_224_HEX_BYTES])
{
    unsigned char digest[SHA3_224_BYTES];
    gnutls_hash_deinit(hash->handle, digest);
    free(hash);
    encode_hex_text(digest, sizeof digest, ret_hex);
}

void sha3_224_hex(struct str_view data, char ret_hex[SHA3_224_HEX_BYTES])
{
    struct sha3_224 *hash = sha3_224_new();
    sha3_224_update(hash, data.data, data.len);
    sha3_224_finish(hash, ret_hex);
}
