/* SPDX-License-Identifier: Apache-2.0 */
/* The controller in metadata.ownerReferences (Kubernetes meta/v1 OwnerReference). Any thread. */
#ifndef OBJECTS_OWNER_H
#define OBJECTS_OWNER_H

#include "base/json.h"
#include "base/str_view.h"

struct owner {
    struct str_view group; /* apiVersion without its version; empty for core */
    struct str_view kind;
    struct str_view name;
    struct str_view uid;
};

/* The reference with `controller: true`. Borrows from `metadata`. False when there is none. */
bool owner_find_controller(const struct json *metadata, struct owner *ret);

#endif
