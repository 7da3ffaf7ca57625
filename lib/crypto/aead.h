/* SPDX-License-Identifier: Apache-2.0 */
/* AES-256-GCM (NIST SP 800-38D) by GnuTLS, for values that lie in memory for a while (aws.md §8.3).
 *
 * The key lies in a guarded page and nowhere else between two calls: GnuTLS copies it into memory
 * of its own for as long as one call takes, and wipes that. A forked child has no key. Any thread.
 */
#ifndef CRYPTO_AEAD_H
#define CRYPTO_AEAD_H

#include "base/err.h"
#include "base/secret_buf.h"

enum {
    AEAD_TAG_BYTES = 16,
};

/* A random key of this process in a guarded page, and the counter its nonces come from. */
struct aead;

/* `*ret_locked` tells whether the key cannot be swapped out (memfd_secret or mlock). */
struct aead *aead_new(bool *ret_locked);
/* Wipes the key; accepts NULL. */
void aead_free(struct aead *aead);

struct aead_sealed {
    uint64_t nonce; /* the low 64 of its 96 bits; the others are 0 */
    size_t len;     /* of `bytes`: the plaintext's and AEAD_TAG_BYTES */
    unsigned char *bytes;
};

/* Zeroed is empty. */
void aead_sealed_done(struct aead_sealed *sealed);
/* `context` is authenticated, not kept: opening needs the same. `ret` is overwritten. Aborts rather
 * than use a nonce twice, which takes 2^64 calls. */
void aead_seal(struct aead *aead, struct str_view context, struct str_view plain,
               struct aead_sealed *ret);
/* Appends to `ret`, which is initialised. ERR_INTERNAL: not what was sealed in this context;
 * ERR_TOO_BIG: over the ceiling of `ret`. */
MUST_CHECK bool aead_open(struct aead *aead, struct str_view context,
                          const struct aead_sealed *sealed, struct secret_buf *ret,
                          struct err *err);

#endif
