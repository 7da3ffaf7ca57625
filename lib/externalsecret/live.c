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
    CLEANUP(live_secret_done) struct live_secret live = {0};
    secret_buf_move(&live.body, body);
    if (live.body.bytes.len == 0) {
        return err_set(err, ERR_UNAVAILABLE, "the API server's answer is empty");
    }
    if (!json_parse(&live.doc, live.body.bytes.data, live.body.bytes.len, &limits, &live.object,
                    &reason) ||
        !secret_decode(live.object, digest_key, &live.record, &reason)) {
        return err_set(err, ERR_UNAVAILABLE, "the API server's answer is no Secret: %s",
                       reason.message);
    }
    *ret = live;
    live = (struct live_secret){0};
    return true;
}
