/* SPDX-License-Identifier: Apache-2.0 */
/* SHA3-224 (FIPS 202), which the External Secrets Operator uses for its data-hash, its created-by
 * label and long field manager names. Any thread. */
#ifndef CRYPTO_SHA3_H
#define CRYPTO_SHA3_H

#include "base/str_view.h"

enum {
    SHA3_224_BYTES = 28,
    SHA3_224_HEX_BYTES = 57, /* with its NUL */
};

/* In pieces; sha3_224_finish() releases and writes lower-case hex. */
struct sha3_224;
struct sha3_224 *sha3_224_new(void);
void sha3_224_update(struct sha3_224 *hash, const void *data, size_t len);
void sha3_224_finish(struct sha3_224 *hash, char ret_hex[SHA3_224_HEX_BYTES]);

void sha3_224_hex(struct str_view data, char ret_hex[SHA3_224_HEX_BYTES]);

#endif
