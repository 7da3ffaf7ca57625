/* SPDX-License-Identifier: Apache-2.0 */
/* Where Secrets are written, as an interface: implemented over lib/kube. Called from worker
 * threads, several at once. */
#ifndef EXTERNALSECRET_SINK_H
#define EXTERNALSECRET_SINK_H

#include "base/err.h"
#include "base/secret_buf.h"
#include "externalsecret/live.h"

struct secret_sink {
    /* The live Secret, digests included (live_secret_read() does what is to be done with the
     * answer).
     * `*ret`, zeroed before the call, stays so when there is none, which is a success. */
    bool (*read)(void *context, struct str_view namespace, struct str_view name,
                 int64_t deadline_ms, struct live_secret *ret, struct err *err);
    /* POST or PUT of a whole manifest (JSON) under a field manager, which is to be percent-encoded.
     * A PUT manifest holds the resourceVersion and the uid it was made from. ERR_CONFLICT: somebody
     * was first (AlreadyExists, or another resourceVersion); ERR_MISSING from `replace`: deleted
     * meanwhile. `*ret` is the record of what the API server answered, digests included. */
    bool (*create)(void *context, struct str_view namespace, struct str_view field_manager,
                   const struct secret_buf *manifest, int64_t deadline_ms, struct secret **ret,
                   struct err *err);
    bool (*replace)(void *context, struct str_view namespace, struct str_view name,
                    struct str_view field_manager, const struct secret_buf *manifest,
                    int64_t deadline_ms, struct secret **ret, struct err *err);
    /* Exactly this object in exactly this version. ERR_CONFLICT: it is another by now; ERR_MISSING:
     * it is gone already. */
    bool (*remove)(void *context, struct str_view namespace, struct str_view name,
                   struct str_view uid, struct str_view resource_version, int64_t deadline_ms,
                   struct err *err);
    void *context;
};

#endif
