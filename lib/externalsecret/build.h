/* SPDX-License-Identifier: Apache-2.0 */
/* The exact manifest of a Secret, as External Secrets Operator would write it for an ExternalSecret
 * (external-secrets.md §5.1, §5.2). Pure; any thread.
 *
 * A replacement is made from the live object: labels and annotations of others stay, and so do its
 * other owners, its finalizers and whatever a newer API server may have put there. What the
 * operator's field manager wrote once and the ExternalSecret no longer has goes, and so do the
 * owner reference and the label created-by when the creationPolicy is no longer Owner. */
#ifndef EXTERNALSECRET_BUILD_H
#define EXTERNALSECRET_BUILD_H

#include "externalsecret/data.h"
#include "externalsecret/render.h"
#include "objects/external_secret.h"

struct build_input {
    const struct external_secret *external_secret;
    const struct json *live;         /* NULL: the Secret is created */
    const struct data_map *data;     /* all that it is to hold */
    const struct rendered *rendered; /* for its labels and annotations */
    /* The live Secret's content stays as it is, and so do its type, labels and annotations: `data`
     * is that content and `rendered` NULL. What the operator does to a Secret whose ExternalSecret
     * says `immutable`. */
    bool keep_content;
    /* Only the metadata is new; data and type are the live Secret's. The annotation data-hash is
     * all the same that of `data`. What the operator does to an immutable Secret whose content
     * would change, before it says so. */
    bool only_metadata;
};

/* All that the Secret is to hold. With creationPolicy Merge or CreateOrMerge what the live Secret
 * has besides what this ExternalSecret's field manager wrote; else nothing; then `rendered`.
 * `live` may be NULL. ERR_INVALID: the live Secret's data cannot be read, or a key is none of a
 * Secret; ERR_TOO_BIG. */
MUST_CHECK bool build_data(const struct external_secret *external_secret, const struct json *live,
                           const struct data_map *rendered, struct data_map *ret, struct err *err);

/* `ret` is initialised here; JSON without spaces, at most LIMIT_KUBE_BODY_BYTES. ERR_TOO_BIG. */
MUST_CHECK bool build_manifest(const struct build_input *input, struct secret_buf *ret,
                               struct err *err);

/* Whether `live` already is what the manifest says, managedFields aside. */
bool build_equals_live(const struct secret_buf *manifest, const struct json *live);

#endif
