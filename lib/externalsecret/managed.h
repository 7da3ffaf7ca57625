/* SPDX-License-Identifier: Apache-2.0 */
/* What makes a Secret one that External Secrets Operator manages: labels, an annotation and the
 * name of the field manager, byte for byte as the operator (0.18 and later) writes them, so that it
 * adopts a Secret of ours without a write and we one of its. Any thread. */
#ifndef EXTERNALSECRET_MANAGED_H
#define EXTERNALSECRET_MANAGED_H

#include "crypto/sha3.h"

#define MANAGED_LABEL "reconcile.external-secrets.io/managed"
#define MANAGED_CREATED_BY_LABEL "reconcile.external-secrets.io/created-by"
#define MANAGED_DATA_HASH_ANNOTATION "reconcile.external-secrets.io/data-hash"

#define MANAGED_OWNER_GROUP "external-secrets.io"
#define MANAGED_OWNER_API_VERSION "external-secrets.io/v1"
#define MANAGED_OWNER_KIND "ExternalSecret"

enum {
    FIELD_MANAGER_BYTES = 129, /* the API server takes 128; with the NUL */
};

/* Value of the label created-by: a digest of "<namespace>/<name>". */
void managed_created_by(struct str_view namespace, struct str_view name,
                        char ret[SHA3_224_HEX_BYTES]);

/* Of every write: the name itself while the whole is at most 63 bytes, else a digest of it. `name`
 * is that of the ExternalSecret, a DNS-1123 subdomain. */
void managed_field_manager(struct str_view name, char ret[FIELD_MANAGER_BYTES]);

/* Under which name the operator looks for the labels and annotations it once wrote, to remove what
 * the ExternalSecret no longer has. It goes by the length of `name` alone, so that it finds none of
 * its own for names of 28 to 63 bytes; a Secret shall look the same whoever wrote it. */
void managed_metadata_manager(struct str_view name, char ret[FIELD_MANAGER_BYTES]);

#endif
