/* SPDX-License-Identifier: Apache-2.0 */
/* The exact manifest of a Secret, as External Secrets Operator would write it for an ExternalSecret
 * without a template and with creationPolicy Owner. Pure; any thread.
 *
 * A replacement is made from the live object: labels and annotations of others stay, and so do its
 * other owners, its type, its finalizers and whatever a newer API server may have put there. What
 * the operator's field manager wrote once and the ExternalSecret no longer has goes. */
#ifndef EXTERNALSECRET_BUILD_H
#define EXTERNALSECRET_BUILD_H

#include "externalsecret/data.h"
#include "objects/external_secret.h"

struct build_input {
    const struct external_secret *external_secret;
    const struct json *live; /* NULL: the Secret is created */
    const struct data_map *data;
    /* The live Secret's content stays as it is, and so do its labels and annotations: `data` is
     * that content. What the operator does to a Secret whose ExternalSecret says `immutable`. */
    bool keep_content;
};

/* `ret` is initialised here; JSON without spaces, at most LIMIT_KUBE_BODY_BYTES. ERR_TOO_BIG. */
MUST_CHECK bool build_manifest(const struct build_input *input, struct secret_buf *ret,
                               struct err *err);

/* Whether `live` already is what the manifest says, managedFields aside. */
bool build_equals_live(const struct secret_buf *manifest, const struct json *live);

#endif
