/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are to AWS: an immutable, reference-counted set of keys, and the interface of what hands
 * one out. Wiped with its last reference. Any thread. */
#ifndef AWS_CREDENTIALS_H
#define AWS_CREDENTIALS_H

#include <stdatomic.h>

#include "aws/environment.h"
#include "aws/service_thread.h"
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
    int64_t fetched_ms;              /* monotonic */
    int64_t expires_ms;              /* monotonic; INT64_MAX: never */
};

/* Copies; they never expire. `*ret` has one reference. ERR_INVALID says which of the three could
 * not be sent in a header, not what it is. */
MUST_CHECK bool credentials_new(struct str_view access_key_id, struct str_view secret_access_key,
                                struct str_view session_token, struct credentials **ret,
                                struct err *err);
/* Before anybody else has a reference. `expires_wall_ms` is the service's own time, `now_wall_ms`
 * ours corrected by its clock: what counts from here on is the lifetime, by the monotonic clock. */
void credentials_set_expiry(struct credentials *credentials, int64_t expires_wall_ms,
                            int64_t now_wall_ms, int64_t now_ms);
struct credentials *credentials_retain(struct credentials *credentials);
/* Accepts NULL. */
void credentials_release(struct credentials *credentials);

/* The same keys and token, whenever they expire. */
bool credentials_equal(const struct credentials *a, const struct credentials *b);

/* What somebody who needs credentials says. */
struct credentials_request {
    const struct service_thread *thread; /* to fetch them with, if need be */
    enum service_urgency urgency;
    int64_t deadline_ms; /* absolute, monotonic */
    /* NULL, or what the service did not accept (expired, revoked): then only others will do. */
    const struct credentials *refused;
};

/* Where credentials come from. A source that is configured and fails is the answer: nothing falls
 * through to another identity. */
struct credentials_source {
    /* `*ret` has one reference for the caller. ERR_MISSING (none configured), ERR_DENIED (refused,
     * or no others), ERR_INVALID (cannot be used as configured), ERR_TIMEOUT, ERR_UNAVAILABLE,
     * ERR_BUSY. Called from worker threads, several at once. */
    bool (*get)(void *context, const struct credentials_request *request, struct credentials **ret,
                struct err *err);
    void *context;
};

/* One way of obtaining credentials: fetches a fresh set each time, keeps nothing but what it was
 * configured with. Reference-counted, because a refresh ahead may outlive who asked first. */
struct credentials_provider {
    atomic_uint references;
    const char *name; /* "environment", "web identity", ...: what `doctor` and errors say */
    bool (*fetch)(struct credentials_provider *provider, const struct credentials_request *request,
                  struct credentials **ret, struct err *err);
    /* Releases what the struct that embeds this one holds, and that struct. */
    void (*destroy)(struct credentials_provider *provider);
};

struct credentials_provider *credentials_provider_retain(struct credentials_provider *provider);
/* Accepts NULL. */
void credentials_provider_release(struct credentials_provider *provider);

#endif
