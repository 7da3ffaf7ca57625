/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite.merge: the members of several JSON objects in one map, or in one object
 * (external-secrets.md §2.4). Values go through what encoding/json makes of them: numbers through
 * float64, objects with their keys sorted. Any thread. */
#ifndef EXTERNALSECRET_REWRITE_MERGE_H
#define EXTERNALSECRET_REWRITE_MERGE_H

#include "base/effort.h"
#include "externalsecret/data.h"
#include "objects/external_secret.h"

/* First the keys that are not in the priority list, sorted, then the list in its order; of equal
 * members the later stays. Strategy Extract leaves only the members, JSON puts them under `into`
 * beside what was there. A value of "null" has no members. ERR_INVALID: a value is no JSON object
 * or has a number over the range of float64, a priority key is absent, two values have the same
 * member (as one has with itself that is twice in the list). ERR_TOO_BIG: nested deeper than
 * LIMIT_JSON_DEPTH, or over LIMIT_TEMPLATE_BYTES of memory, LIMIT_TEMPLATE_STEPS members and
 * elements, LIMIT_SECRET_DATA_BYTES for one value that comes out, or what is left of `effort` (may
 * be NULL). `map` is as it was then. */
MUST_CHECK bool rewrite_merge(const struct external_secret_rewrite *merge, struct effort *effort,
                              struct data_map *map, struct err *err);

#endif
