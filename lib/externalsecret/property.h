/* SPDX-License-Identifier: Apache-2.0 */
/* remoteRef.property: one value out of a remote secret that is a JSON text, as the External Secrets
 * Operator picks it with github.com/tidwall/gjson (1.18).
 *
 * All of its path syntax but the modifier @pretty, which is recognised and refused: keys, paths,
 * indexes, "#", wildcards, queries, pipes, sets of paths, modifiers, literals, JSON lines. A
 * property with a dot is first looked up as one key, dots and all, and only then as a path. The
 * text is not validated: the first '{' or '[' starts it, what follows the value found does not
 * matter, of equal keys the first counts, and a broken number is 0. Any thread. */
#ifndef EXTERNALSECRET_PROPERTY_H
#define EXTERNALSECRET_PROPERTY_H

#include "base/effort.h"
#include "base/secret_buf.h"

/* ERR_INVALID when this version cannot evaluate `property` exactly (the message says what in it),
 * ERR_TOO_BIG over LIMIT_PROPERTY_BYTES or LIMIT_PROPERTY_PARTS (dots, pipes, stars and opening
 * brackets count). Needs no value, so it is asked
 * before anything is fetched. */
MUST_CHECK bool property_check(struct str_view property, struct err *err);

/* Appends the value to `ret`: a string unescaped, an integer as written, another number as
 * number_print() has it, null as nothing, an object or array as its bytes. `property` has passed
 * property_check(). ERR_MISSING when there is no such value; ERR_TOO_BIG when a look-up takes
 * more than LIMIT_PROPERTY_MEMORY, _STEPS or _DEPTH, or than is left of `effort` (may be NULL), of
 * which a step is 64 bytes looked at. No message holds a byte of `payload`. */
MUST_CHECK bool property_read(struct str_view payload, struct str_view property,
                              struct effort *effort, struct secret_buf *ret, struct err *err);

/* Likewise, but a property with a dot is a path and never one key. */
MUST_CHECK bool property_read_path(struct str_view payload, struct str_view property,
                                   struct effort *effort, struct secret_buf *ret, struct err *err);

#endif
