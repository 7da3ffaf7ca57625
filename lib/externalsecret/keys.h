/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of maps that come from outside (extract, find): conversionStrategy and validation, by
 * the rules of external-secrets.md §2.3. Messages tell keys by their places (data_map_wrap()). Any
 * thread. */
#ifndef EXTERNALSECRET_KEYS_H
#define EXTERNALSECRET_KEYS_H

#include "externalsecret/data.h"
#include "objects/external_secret.h"

/* Each rune that is no Unicode letter (L), no number (N) and none of "-._" becomes "_" (Default) or
 * "_U002f_" (Unicode). ERR_INVALID when two keys become one. */
MUST_CHECK bool keys_convert(enum conversion_strategy strategy, struct data_map *map,
                             struct err *err);
/* An empty key is dropped. ERR_INVALID for more than 253 bytes and for other runes. Letters beyond
 * ASCII pass here, as in the operator, and are refused by keys_check_secret(). */
MUST_CHECK bool keys_validate(struct data_map *map, struct err *err);
/* What the API server takes as keys of a Secret's data, so that nothing is sent that would be
 * refused. ERR_INVALID tells the first other one by its number, from 1, never its text. */
MUST_CHECK bool keys_check_secret(const struct data_map *map, struct err *err);

#endif
