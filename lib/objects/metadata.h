/* SPDX-License-Identifier: Apache-2.0 */
/* The part of metadata that every record needs (Kubernetes meta/v1 ObjectMeta). Any thread. */
#ifndef OBJECTS_METADATA_H
#define OBJECTS_METADATA_H

#include "base/err.h"
#include "base/json.h"
#include "base/str_view.h"

/* Borrows from the object. */
struct metadata {
    const struct json *json;
    struct str_view namespace;
    struct str_view name;
    struct str_view uid;
    struct str_view resource_version;
    int64_t generation; /* 0 when absent */
    int64_t created_ms; /* 0 when absent or no time */
    bool deleting;      /* deletionTimestamp is set */
};

/* ERR_INVALID without a valid name, and without a valid namespace when `namespaced`: both become
 * part of keys and paths. The namespace of an object that is not namespaced is left empty, whatever
 * stands there. */
MUST_CHECK bool metadata_decode(const struct json *object, bool namespaced, struct metadata *ret,
                                struct err *err);
/* Data NULL when there is none. */
struct str_view metadata_annotation(const struct metadata *metadata, const char *name);
struct str_view metadata_label(const struct metadata *metadata, const char *name);
/* The newest managedFields time of an entry that is not about a subresource, else created_ms. */
int64_t metadata_last_write_ms(const struct metadata *metadata);

#endif
