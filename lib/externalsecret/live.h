/* SPDX-License-Identifier: Apache-2.0 */
/* A Secret as it is now, whole: what a replacement has to keep stands in it. It holds values, so it
 * is secret memory and lives only as long as one reconciliation. One thread at a time. */
#ifndef EXTERNALSECRET_LIVE_H
#define EXTERNALSECRET_LIVE_H

#include "base/json.h"
#include "base/secret_buf.h"
#include "objects/secret.h"

/* Zeroed: there is no such Secret. */
struct live_secret {
    struct secret_buf body; /* `object` lies in it */
    struct json_doc doc;
    const struct json *object;
    struct secret *record; /* the same, as names and digests */
};

/* Wipes and releases; accepts a zeroed one. */
void live_secret_done(struct live_secret *live);
/* Reads the API server's answer to a GET, POST or PUT of a Secret: `body` is moved out of, whether
 * it can be read or not. `ret` is zeroed before. ERR_UNAVAILABLE when it is no Secret; the message
 * holds nothing of it. `digest_key` as for secret_decode(). */
MUST_CHECK bool live_secret_read(struct secret_buf *body, const struct hmac_key *digest_key,
                                 struct live_secret *ret, struct err *err);

#endif
