/* SPDX-License-Identifier: Apache-2.0 */
/* The builtins that have a file of their own, as template/functions.h has them. Any thread. */
#ifndef EXTERNALSECRET_TEMPLATE_BUILTINS_H
#define EXTERNALSECRET_TEMPLATE_BUILTINS_H

#include "externalsecret/template/functions.h"

/* compare.c: bool, int, uint8, float64 and string, each only with its own kind but for the two
 * kinds of integers; anything else is ERR_INVALID. */
bool compare_eq(struct template_arena *arena, const struct value *args, size_t count,
                struct value *ret, struct err *err);
bool compare_ne(struct template_arena *arena, const struct value *args, size_t count,
                struct value *ret, struct err *err);
bool compare_lt(struct template_arena *arena, const struct value *args, size_t count,
                struct value *ret, struct err *err);
bool compare_le(struct template_arena *arena, const struct value *args, size_t count,
                struct value *ret, struct err *err);
bool compare_gt(struct template_arena *arena, const struct value *args, size_t count,
                struct value *ret, struct err *err);
bool compare_ge(struct template_arena *arena, const struct value *args, size_t count,
                struct value *ret, struct err *err);

/* escape.c: of the arguments' print. */
bool escape_html(struct template_arena *arena, const struct value *args, size_t count,
                 struct value *ret, struct err *err);
bool escape_js(struct template_arena *arena, const struct value *args, size_t count,
               struct value *ret, struct err *err);
bool escape_urlquery(struct template_arena *arena, const struct value *args, size_t count,
                     struct value *ret, struct err *err);

#endif
