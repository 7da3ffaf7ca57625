/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as Go's encoding/json decodes it into an interface{}: of equal members the last counts,
 * bytes that are no UTF-8 and lone surrogates become U+FFFD, a number over the range of float64
 * becomes nil. Any thread. */
#ifndef EXTERNALSECRET_TEMPLATE_JSON_READ_H
#define EXTERNALSECRET_TEMPLATE_JSON_READ_H

#include "externalsecret/template/value.h"

/* `*ret_valid` is false, and `*ret` nil, for what encoding/json refuses. ERR_TOO_BIG over
 * the run's memory and steps and nested deeper than LIMIT_JSON_DEPTH (Go takes 10,000). */
MUST_CHECK bool json_read(struct template_arena *arena, struct str_view text, struct value *ret,
                          bool *ret_valid, struct err *err);

#endif
