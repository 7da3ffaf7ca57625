/* SPDX-License-Identifier: Apache-2.0 */
/* What text/template's reflection does with an argument before a function sees it: the value of the
 * wanted Go type, or the failure of the template. ERR_INVALID names the position and the types,
 * never the value. Any thread. */
#ifndef EXTERNALSECRET_TEMPLATE_ARGUMENTS_H
#define EXTERNALSECRET_TEMPLATE_ARGUMENTS_H

#include "externalsecret/template/value.h"

MUST_CHECK bool argument_text(const struct value *args, size_t at, struct str_view *ret,
                              struct err *err);
MUST_CHECK bool argument_int(const struct value *args, size_t at, int64_t *ret, struct err *err);
MUST_CHECK bool argument_bool(const struct value *args, size_t at, bool *ret, struct err *err);
/* map[string]interface{}; a map[string]string is none. A nil is refused: Go takes one that comes
 * from a pipeline for an empty map and refuses one that comes from a field. */
MUST_CHECK bool argument_dict(const struct value *args, size_t at, struct value_dict **ret,
                              struct err *err);
/* Any slice. */
MUST_CHECK bool argument_list(const struct value *args, size_t at, struct value_list **ret,
                              struct err *err);

bool value_is_nil(const struct value *value);
/* sprig's strval: a text as it is, everything else as %v prints it. */
MUST_CHECK bool value_to_text(struct template_arena *arena, const struct value *value,
                              struct str_view *ret, struct err *err);
/* sprig's strslice: the elements that are not nil as texts; a scalar is a list of itself, nil an
 * empty one. Of a []string its very elements. */
MUST_CHECK bool value_to_texts(struct template_arena *arena, const struct value *value,
                               struct value *ret, struct err *err);

#endif
