/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"

#include <gnutls/crypto.h>

#include "base/encode.h"

enum {
    MOST_BYTES = (DIGEST_HEX_BYTES - 1) / 2,
};

static const gnutls_digest_algorithm_t algorithms[] = {
    [DIGEST_SHA1] = GNUTLS_DIG_SHA1,
    [DIGEST_SHA256] = GNUTLS_DIG_SHA256,
};

void digest_hex(enum digest digest, struct str_view data, char ret_hex[DIGEST_HEX_BYTES])
{
    unsigned char bytes[MOST_BYTES];
    gnutls_digest_algorithm_t algorithm = algorithms[digest];
    if (gnutls_hash_fast(algorithm, data.data ? data.data : "", data.len, bytes) < 0) {
        abort();
    }
    size_t len = gnutls_hash_get_len(algorithm);
    encode_hex_text(bytes, len, ret_hex);
    explicit_bzero(bytes, sizeof bytes);
}
