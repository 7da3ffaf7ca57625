/* SPDX-License-Identifier: Apache-2.0 */
/* dataFrom.extract: every member of a JSON object as a key and its value, by the rules of Go's
 * encoding/json into map[string]json.RawMessage (external-secrets.md §4.3): strict, of equal keys
 * the last counts, a string unescaped (lone surrogates and bytes that are no UTF-8 become U+FFFD),
 * null an empty value, everything else its own text. A document that is `null` is an empty map.
 * Any thread. */
#ifndef EXTERNALSECRET_EXTRACT_H
#define EXTERNALSECRET_EXTRACT_H

#include "externalsecret/data.h"

/* Adds to `ret`. `payload` is not changed. ERR_INVALID with the byte offset when it is no JSON or
 * no object; ERR_TOO_BIG over LIMIT_EXTRACT_KEYS keys. No message holds a byte of it. */
MUST_CHECK bool extract_object(struct str_view payload, struct data_map *ret, struct err *err);

#endif
