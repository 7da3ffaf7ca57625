/* SPDX-License-Identifier: Apache-2.0 */
/* The stores that an ExternalSecret reads from: its own and those that single entries name. One
 * thread at a time. */
#ifndef OBJECTS_EXTERNAL_SECRET_STORES_H
#define OBJECTS_EXTERNAL_SECRET_STORES_H

#include "objects/external_secret.h"

/* Begins with the ExternalSecret and the rest zeroed. */
struct store_walk {
    const struct external_secret *external_secret;
    size_t next;
    struct store_ref last;
};

/* The next one, or false. Entries of one store that stand together count once. */
bool store_walk_next(struct store_walk *walk, struct store_ref *ret);

#endif
