/* SPDX-License-Identifier: Apache-2.0 */
/* spec.conditions of a ClusterSecretStore (external-secrets.md §3.6); for lib/objects/store.c.
 *
 * What cannot be read exactly is noted in `unsupported`, which makes the whole store useless: a
 * condition must never be taken for wider than it is. One thread at a time. */
#ifndef OBJECTS_STORE_CONDITIONS_H
#define OBJECTS_STORE_CONDITIONS_H

#include "base/buf.h"
#include "objects/store.h"
#include "objects/text_pool.h"

/* Views into the JSON until store_conditions_take_text() has run. */
void store_conditions_decode(const struct json *spec, struct store *ret, struct buf *unsupported);
void store_conditions_take_text(struct store *store, struct text_pool *pool);
/* Accepts a store that has none. */
void store_conditions_done(struct store *store);

#endif
