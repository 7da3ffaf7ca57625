/* SPDX-License-Identifier: Apache-2.0 */
/* Random bytes for keys and path segments (GnuTLS, level KEY). Any thread. */
#ifndef CRYPTO_RANDOM_H
#define CRYPTO_RANDOM_H

#include "base/alloc.h"

void random_bytes(void *ret, size_t len);

#endif
