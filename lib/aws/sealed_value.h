/* SPDX-License-Identifier: Apache-2.0 */
/* A remote value that lies in memory sealed (aws.md §8.3): string and binary are encrypted, each
 * for itself; version, name and ARN are not secret. Constant once made: any thread may open it. */
#ifndef AWS_SEALED_VALUE_H
#define AWS_SEALED_VALUE_H

#include "aws/remote_value.h"
#include "crypto/aead.h"

/* Zeroed is empty. */
struct sealed_value {
    struct aead_sealed string;
    struct aead_sealed binary;
    bool has_string;
    bool has_binary;
    char version[REMOTE_VERSION_BYTES];
    char *name; /* NULL: not told */
    char *arn;
};

/* Bound to `context`, the version and the part it is. `ret` is overwritten. */
void sealed_value_make(struct aead *aead, struct str_view context, const struct remote_value *value,
                       struct sealed_value *ret);
void sealed_value_done(struct sealed_value *sealed);
/* `ret` is released first. ERR_INTERNAL: not what was sealed in this context. */
MUST_CHECK bool sealed_value_open(struct aead *aead, struct str_view context,
                                  const struct sealed_value *sealed, struct remote_value *ret,
                                  struct err *err);
/* What it takes on the heap. */
size_t sealed_value_bytes(const struct sealed_value *sealed);

#endif
