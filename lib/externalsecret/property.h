/* SPDX-License-Identifier: Apache-2.0 */
/* remoteRef.property: one value out of a remote secret that is a JSON text, as the External Secrets
 * Operator picks it with github.com/tidwall/gjson (1.18).
 *
 * Rendered here: a key, a path of keys and array indexes ("a.b.0"), a final "#" for the length of
 * an array, and a backslash before a byte that is meant literally. A property with a dot is first
 * looked up as one key, dots and all, and only then as a path. The text is not validated: the first
 * '{' or
 * '[' starts it, what follows the value found does not matter, and of equal keys the first counts.
 * What the External Secrets Operator makes of a broken number or string is not imitated; that is an
 * error here. Patterns, queries, pipes and modifiers are recognised and refused. Any thread. */
#ifndef EXTERNALSECRET_PROPERTY_H
#define EXTERNALSECRET_PROPERTY_H

#include "base/secret_buf.h"

/* ERR_INVALID when this version cannot evaluate `property` exactly (the message says what in it),
 * ERR_TOO_BIG over LIMIT_PROPERTY_BYTES or LIMIT_PROPERTY_PARTS. Needs no value, so it is asked
 * before anything is fetched. */
MUST_CHECK bool property_check(struct str_view property, struct err *err);

/* Appends the value to `ret`: a string unescaped, an integer as written, another number as
 * number_print() has it, null as nothing, an object or array as its bytes. `property` has passed
 * property_check(). ERR_MISSING when there is no such value; ERR_INVALID when it is malformed;
 * no message holds a byte of `payload`. */
MUST_CHECK bool property_read(struct str_view payload, struct str_view property,
                              struct secret_buf *ret, struct err *err);

#endif
