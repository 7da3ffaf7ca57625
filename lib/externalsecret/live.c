/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/live.h"

#include "base/limits.h"

void live_secret_done(struct live_secret *live)
{
    secret_release(live->record);
    json_doc_done(&live->doc);
    secret_buf_done(&live->body);
    *live = (struct live_secret){0};
}

bool live_secret_read(struct secret_buf *body, const struct hmac_key *digest_key,
                      struct live_secret *ret, struct err *err)
{
    const struct json_limits limits = {.max_nodes = LIMIT_REVIEW_NODES,
                                       .max_depth = LIMIT_JSON_DEPTH};
    struct err reason = {0};
    secret_buf_move(&ret->body, body);
    struct buf *bytes = &ret->body.bytes;
    bool read = bytes->len == 0 ? err_set(&reason, ERR_INVALID, "it is empty")
                                : json_parse(&ret->doc, bytes->data, bytes->len, &limits,
                                             &ret->object, &reason);
    if (!read || !secret_decode(ret->object, digest_key, &ret->record, &reason)) {
        live_secret_done(ret);
        return err_set(err, ERR_UNAVAILABLE, "the API server's answer is no Secret: %s",
                       reason.message);
    }
    return true;
}
