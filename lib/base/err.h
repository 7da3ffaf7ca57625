/* SPDX-License-Identifier: Apache-2.0 */
/* An error as a value in the caller's frame: what happened, and what the caller may do about it.
 *
 * A function that can fail returns bool, is MUST_CHECK and takes `struct err *err` last. On success
 * `err` is untouched; on failure the outputs are. The leaf says what, callers add where with
 * err_wrap(). Messages are one line, name things by id and never hold a secret. Any thread. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

#include "base/alloc.h"

enum {
    /* An ExternalSecret, its remote secret, a role's ARN and what AWS says about it. */
    ERR_MESSAGE_BYTES = 640,
};

enum err_kind {
    ERR_NONE = 0,
    ERR_INVALID,     /* the input is wrong; the same input fails again */
    ERR_DENIED,      /* not allowed to (policy, RBAC, IAM) */
    ERR_MISSING,     /* what was named does not exist */
    ERR_TOO_BIG,     /* over a ceiling of base/limits.h */
    ERR_CONFLICT,    /* somebody else was first: look again */
    ERR_BUSY,        /* no room now: a full queue, a spent budget, throttling */
    ERR_TIMEOUT,     /* the deadline came first */
    ERR_UNAVAILABLE, /* the other side cannot be reached or answers with a failure */
    ERR_INTERNAL,    /* should not happen: a broken library call, a full disk */
};

struct err {
    enum err_kind kind;
    bool retryable; /* the same call may succeed later without anybody changing anything */
    char message[ERR_MESSAGE_BYTES];
};

/* Each of these returns false, so that a failure path is one line. Control characters in the text
 * become spaces; what does not fit is cut at the end with "...". */
bool err_set(struct err *err, enum err_kind kind, const char *format, ...) PRINTF_LIKE(3, 4);
/* Puts "where: " in front of the message. */
bool err_wrap(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* "INVALID", "TIMEOUT", ... for logs and metrics. */
const char *err_kind_name(enum err_kind kind);
/* The default for `retryable`: BUSY, TIMEOUT, UNAVAILABLE, CONFLICT. */
bool err_kind_retryable(enum err_kind kind);

#endif
