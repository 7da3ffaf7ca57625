/* SPDX-License-Identifier: Apache-2.0 */
/* A Namespace as far as the conditions of a ClusterSecretStore look at it. Immutable and
 * reference-counted; any thread. */
#ifndef OBJECTS_NAMESPACE_H
#define OBJECTS_NAMESPACE_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/json.h"
#include "objects/external_secret.h"

struct namespace
{
    atomic_uint references;
    struct str_view scope; /* empty: a Namespace lies in none */
    struct str_view name;
    struct string_pair *labels;
    size_t label_count;
    char *storage;
};

MUST_CHECK bool namespace_decode(const struct json *object, struct namespace **ret,
                                 struct err *err);
struct namespace *namespace_retain(struct namespace *namespace);
void namespace_release(struct namespace *namespace);

#endif
