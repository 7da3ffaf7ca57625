/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/random.h"

#include <gnutls/crypto.h>

void random_bytes(void *ret, size_t len)
{
    if (gnutls_rnd(GNUTLS_RND_KEY, ret, len) < 0) {
        abort();
    }
}
