/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/hmac.h"

#include <stdlib.h>

#include <gnutls/crypto.h>

/* These cannot fail but for a broken library, which is no state to go on in. */
static void must(int code)
{
    if (code < 0) {
        abort();
    }
}

void sha256(struct str_view data, unsigned char ret[SHA256_BYTES])
{
    must(gnutls_hash_fast(GNUTLS_DIG_SHA256, data.data ? data.data : "", data.len, ret));
}

void hmac_sha256(struct str_view key, struct str_view data, unsigned char ret[SHA256_BYTES])
{
    unsigned char digest[SHA256_BYTES];
    must(gnutls_hmac_fast(GNUTLS_MAC_SHA256, key.data ? key.data : "", key.len,
                          data.data ? data.data : "", data.len, digest));
    memcpy(ret, digest, sizeof digest);
    explicit_bzero(digest, sizeof digest);
}

enum {
    GATHER_BYTES = 512,
};

/* Small pieces are gathered: a call of GnuTLS costs as much as hashing hundreds of bytes. */
struct hmac {
    gnutls_hmac_hd_t handle;
    size_t gathered;
    unsigned char bytes[GATHER_BYTES];
};

struct hmac *hmac_new(struct str_view key)
{
    struct hmac *hmac = mem_alloc(sizeof *hmac);
    must(gnutls_hmac_init(&hmac->handle, GNUTLS_MAC_SHA256, key.data ? key.data : "", key.len));
    return hmac;
}

static void flush(struct hmac *hmac)
{
    must(gnutls_hmac(hmac->handle, hmac->bytes, hmac->gathered));
    hmac->gathered = 0;
}

void hmac_update(struct hmac *hmac, const void *data, size_t len)
{
    if (len > sizeof hmac->bytes - hmac->gathered) {
        flush(hmac);
    }
    if (len > sizeof hmac->bytes) {
        must(gnutls_hmac(hmac->handle, data, len));
    } else if (len > 0) {
        memcpy(hmac->bytes + hmac->gathered, data, len);
        hmac->gathered += len;
    }
}

void hmac_finish(struct hmac *hmac, unsigned char ret[SHA256_BYTES])
{
    flush(hmac);
    gnutls_hmac_deinit(hmac->handle, ret);
    explicit_bzero(hmac, sizeof *hmac);
    free(hmac);
}
