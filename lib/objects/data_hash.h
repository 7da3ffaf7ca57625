/* SPDX-License-Identifier: Apache-2.0 */
/* The data-hash of the External Secrets Operator (0.16.2 and later): SHA3-224 over Go's print of
 * the data, "map[key:[98 97 114] ...]" (external-secrets.md §5.3). For the operator's eyes only: it
 * has no key, so Keyturn never takes it for a rollout hash. One thread at a time. */
#ifndef OBJECTS_DATA_HASH_H
#define OBJECTS_DATA_HASH_H

#include "crypto/sha3.h"

struct data_hash {
    struct sha3_224 *hash;
    bool has_entries;
};

/* data_hash_finish() has to follow. */
void data_hash_init(struct data_hash *hash);
/* Keys come in bytewise order. */
void data_hash_add(struct data_hash *hash, struct str_view key, struct str_view value);
void data_hash_finish(struct data_hash *hash, char ret[SHA3_224_HEX_BYTES]);

#endif
