/* SPDX-License-Identifier: Apache-2.0 */
/* The value of one version of a remote secret or parameter, as it was answered. One thread at a
 * time. */
#ifndef AWS_REMOTE_VALUE_H
#define AWS_REMOTE_VALUE_H

#include "base/secret_buf.h"

enum {
    REMOTE_VERSION_BYTES = 65, /* VersionId, at most 64, or a decimal number */
};

/* Zeroed is empty. */
struct remote_value {
    struct secret_buf string; /* SecretString, Value; its exact bytes */
    struct secret_buf binary; /* SecretBinary, decoded */
    bool has_string;
    bool has_binary;
    char version[REMOTE_VERSION_BYTES]; /* "": not told */
    char *name;                         /* as resolved by the service; NULL: not told */
    char *arn;
};

/* Wipes and releases; accepts a zeroed value. */
void remote_value_done(struct remote_value *value);
/* Moves out of `from`, which is left empty. `to` is released first. */
void remote_value_move(struct remote_value *to, struct remote_value *from);
void remote_value_copy(struct remote_value *to, const struct remote_value *from);

#endif
