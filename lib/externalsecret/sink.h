/* SPDX-License-Identifier: Apache-2.0 */
/* Where Secrets are written, as an interface: implemented over lib/kube. Called from worker
 * threads, several at once. */
#ifndef EXTERNALSECRET_SINK_H
#define EXTERNALSECRET_SINK_H

#include "base/err.h"
#include "base/secret_buf.h"
#include "objects/secret.h"

struct secret_sink {
    /* The live Secret without values (digest_key NULL); `*ret` NULL when it does not exist. */
    bool (*read)(void *context, struct str_view namespace, struct str_view name,
                 int64_t deadline_ms, struct secret **ret, struct err *err);
    /* POST or PUT of a whole manifest (JSON) under a field manager. A PUT manifest holds the
     * resourceVersion it was made from. ERR_CONFLICT: somebody was first (AlreadyExists, or another
     * resourceVersion). `*ret` is the record of what the API server answered, digests included. */
    bool (*create)(void *context, struct str_view namespace, struct str_view field_manager,
                   const struct secret_buf *manifest, int64_t deadline_ms, struct secret **ret,
                   struct err *err);
    bool (*replace)(void *context, struct str_view namespace, struct str_view name,
                    struct str_view field_manager, const struct secret_buf *manifest,
                    int64_t deadline_ms, struct secret **ret, struct err *err);
    void *context;
};

#endif
