/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a key and nonces that are known. */
#ifndef CRYPTO_AEAD_INTERNAL_H
#define CRYPTO_AEAD_INTERNAL_H

#include "crypto/aead.h"

enum {
    AEAD_KEY_BYTES = 32,
    AEAD_NONCE_BYTES = 12, /* SP 800-38D §5.2.1.1 recommends 96 bits */
};

/* `next_nonce` is the first that is used. */
struct aead *aead_new_with(const unsigned char key[AEAD_KEY_BYTES], uint64_t next_nonce);

/* One message. `ret` has room for the plaintext and AEAD_TAG_BYTES. */
void aead_encrypt(const unsigned char key[AEAD_KEY_BYTES],
                  const unsigned char nonce[AEAD_NONCE_BYTES], struct str_view context,
                  struct str_view plain, unsigned char *ret);
/* `ret` has room for the plaintext, and is undefined on failure. */
MUST_CHECK bool aead_decrypt(const unsigned char key[AEAD_KEY_BYTES],
                             const unsigned char nonce[AEAD_NONCE_BYTES], struct str_view context,
                             struct str_view sealed, void *ret);

#endif
