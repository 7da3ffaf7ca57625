/* SPDX-License-Identifier: Apache-2.0 */
/* What matches: a key a pattern with wildcards, a value a query's comparison. Any thread. */
#ifndef EXTERNALSECRET_PROPERTY_QUERY_H
#define EXTERNALSECRET_PROPERTY_QUERY_H

#include "externalsecret/property_part.h"
#include "externalsecret/property_value.h"

/* "*" any runes, "?" one, a backslash takes the meaning from the rune behind it. gjson gives up, as
 * at no match, after ten thousand tries for each byte of the text. */
bool property_matches_pattern(struct property_run *run, struct str_view text,
                              struct str_view pattern);
bool property_matches_query(struct property_run *run, const struct property_query *query,
                            const struct property_value *value);

#endif
