/* SPDX-License-Identifier: Apache-2.0 */
/* What a field manager has written of an object, by metadata.managedFields. Source: Kubernetes,
 * server-side apply, fieldsV1 ("f:<name>" is a member, "." the parent itself). Pure; any thread. */
#ifndef EXTERNALSECRET_FIELDS_H
#define EXTERNALSECRET_FIELDS_H

#include "base/json.h"

/* The names below a path of one manager. Zeroed is empty. Borrows from the object. */
struct field_names {
    struct str_view *names; /* sorted */
    size_t count;
    size_t capacity;
};

void field_names_done(struct field_names *names);
/* Of every entry of `manager` the names below f:`parent`, or below f:`parent`/f:`field`; `field`
 * may be NULL. Adds to `ret`, once for an object. */
void field_names_collect(const struct json *object, const char *manager, const char *parent,
                         const char *field, struct field_names *ret);
bool field_names_have(const struct field_names *names, struct str_view name);

/* An entry of `manager` has f:`field` at the top: whoever creates a Secret owns its f:type. */
bool fields_owns(const struct json *object, const char *manager, const char *field);

#endif
