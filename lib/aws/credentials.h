/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are to AWS: an immutable, reference-counted set of keys, and the interface of what hands
 * one out. Wiped with its last reference. Any thread. */
#ifndef AWS_CREDENTIALS_H
#define AWS_CREDENTIALS_H

#include <stdatomic.h>

#include "aws/environment.h"
#include "base/err.h"
#include "base/secret_buf.h"

enum {
    ACCESS_KEY_ID_BYTES = 129,          /* IAM: 16 to 128 word characters; with its NUL */
    LIMIT_CREDENTIAL_BYTES = 16 * 1024, /* session tokens have no stated size; some KiB are seen */
};

struct credentials {
    atomic_uint references;
    /* Not secret: it stands in every Authorization header and in AWS's logs. */
    char access_key_id[ACCESS_KEY_ID_BYTES];
    struct secret_buf secret_access_key;
    struct secret_buf session_token; /* empty: none */
};

/* Copies. `*ret` has one reference. ERR_INVALID says which of the three could not be sent in a
 * header, not what it is. */
MUST_CHECK bool credentials_new(struct str_view access_key_id, struct str_view secret_access_key,
                                struct str_view session_token, struct credentials **ret,
                                struct err *err);
struct credentials *credentials_retain(struct credentials *credentials);
/* Accepts NULL. */
void credentials_release(struct credentials *credentials);

/* Where credentials come from. A source that is configured and fails is the answer: nothing falls
 * through to another identity. */
struct credentials_source {
    /* `*ret` has one reference for the caller. `refused` is NULL, or what the service did not
     * accept (expired, revoked): then only others will do. May block until `deadline_ms`
     * (monotonic). ERR_MISSING (none configured), ERR_DENIED (no others), ERR_TIMEOUT,
     * ERR_UNAVAILABLE. Called from worker threads, several at once. */
    bool (*get)(void *context, const struct credentials *refused, int64_t deadline_ms,
                struct credentials **ret, struct err *err);
    void *context;
};

/* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, read once at the start. */
struct credentials_environment {
    struct credentials *credentials; /* NULL: none configured */
};

/* Neither key set is no failure: the source then answers ERR_MISSING. ERR_INVALID when one of them
 * is missing or cannot be used. */
MUST_CHECK bool credentials_environment_init(struct credentials_environment *source,
                                             const struct environment *environment,
                                             struct err *err);
/* Accepts a zeroed one. */
void credentials_environment_done(struct credentials_environment *source);
/* `source` outlives the interface. */
struct credentials_source credentials_environment_interface(struct credentials_environment *source);

#endif
