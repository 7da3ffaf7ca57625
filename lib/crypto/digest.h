/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of whole texts as lower-case hex (FIPS 180-4), by GnuTLS. SHA-1 is for those who ask for
 * it by name (templates), never for Keyturn's own use. Any thread. */
#ifndef CRYPTO_DIGEST_H
#define CRYPTO_DIGEST_H

#include "base/str_view.h"

enum {
    DIGEST_HEX_BYTES = 65, /* of the longest, with its NUL */
};

enum digest {
    DIGEST_SHA1,
    DIGEST_SHA256,
};

void digest_hex(enum digest digest, struct str_view data, char ret_hex[DIGEST_HEX_BYTES]);

#endif
