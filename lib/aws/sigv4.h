/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 4 in the Authorization header (IAM User Guide, "Create a signed AWS API
 * request"), stage by stage.
 *
 * The canonical request holds the session token, and with the stages behind it anybody could sign:
 * all of them are secret memory. The signing key is derived for each request and kept nowhere; that
 * costs some microseconds and saves a secret. Any thread. */
#ifndef AWS_SIGV4_H
#define AWS_SIGV4_H

#include "aws/credentials.h"
#include "crypto/hmac.h"
#include "http/message.h"

enum {
    SIGV4_DATE_BYTES = 17,          /* "20261123T123600Z" with its NUL */
    SIGV4_SIGNATURE_BYTES = 65,     /* hex with its NUL */
    LIMIT_SIGV4_BYTES = 256 * 1024, /* of each stage: headers and query, no body */
};

/* Everything is borrowed. */
struct sigv4_request {
    struct str_view method;
    struct str_view path;  /* as in the URL, percent-encoded or not; empty means "/" */
    struct str_view query; /* what stands behind '?', percent-encoded */
    /* What is sent, with Host, X-Amz-Date and, if there is a token, X-Amz-Security-Token. Headers
     * that travel hop by hop or that proxies change are left out of the signature by their name. */
    const struct http_header *headers;
    size_t header_count;
    struct str_view body;
    struct str_view region;
    struct str_view service;
    char amz_date[SIGV4_DATE_BYTES]; /* the value of X-Amz-Date */
};

/* The four keys, each made with the one before. Wipe with explicit_bzero(). */
struct sigv4_keys {
    unsigned char date[SHA256_BYTES];
    unsigned char region[SHA256_BYTES];
    unsigned char service[SHA256_BYTES];
    unsigned char signing[SHA256_BYTES];
};

/* X-Amz-Date for our wall clock corrected by `clock_offset_ms` (the server's time minus ours). */
void sigv4_date(int64_t wall_ms, int64_t clock_offset_ms, char ret[SIGV4_DATE_BYTES]);

/* "Create a canonical request". `ret_signed_headers` gets the names joined by ';'. Both are
 * initialised and empty. ERR_TOO_BIG. */
MUST_CHECK bool sigv4_canonical_request(const struct sigv4_request *request, struct secret_buf *ret,
                                        struct buf *ret_signed_headers, struct err *err);
/* "Create a string to sign". ERR_TOO_BIG. */
MUST_CHECK bool sigv4_string_to_sign(const struct sigv4_request *request,
                                     const struct secret_buf *canonical_request,
                                     struct secret_buf *ret, struct err *err);
/* "Derive a signing key". `date` is the day, "20261123". */
void sigv4_derive_keys(const struct secret_buf *secret_access_key, struct str_view date,
                       struct str_view region, struct str_view service, struct sigv4_keys *ret);
/* "Calculate the signature": lower-case hex. */
void sigv4_signature(const struct sigv4_keys *keys, const struct secret_buf *string_to_sign,
                     char ret[SIGV4_SIGNATURE_BYTES]);

/* All stages: `ret`, initialised and empty, becomes the value of the Authorization header. */
MUST_CHECK bool sigv4_sign(const struct sigv4_request *request,
                           const struct credentials *credentials, struct secret_buf *ret,
                           struct err *err);

#endif
