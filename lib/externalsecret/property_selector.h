/* SPDX-License-Identifier: Apache-2.0 */
/* What a path that does not start with a key starts with: a modifier, a literal "!...", or a set of
 * paths "{a,b}" or "[a,b]". Any thread; a run belongs to one. */
#ifndef EXTERNALSECRET_PROPERTY_SELECTOR_H
#define EXTERNALSECRET_PROPERTY_SELECTOR_H

#include "externalsecret/property_value.h"

/* False when it is none; `*path` is then what to look up: of a set without an end nothing, of one
 * that does not end the part what is behind it. Otherwise the text that it makes, and the rest of
 * the path, which counts when it starts with "." or "|". */
bool property_select(struct property_run *run, struct str_view json, struct str_view *path,
                     struct str_view *ret_json, struct str_view *ret_rest);

#endif
