/* SPDX-License-Identifier: Apache-2.0 */
/* dataFrom.rewrite: new names for the keys of one entry's map, or several values merged
 * (external-secrets.md §2.4). Any thread. */
#ifndef EXTERNALSECRET_REWRITE_H
#define EXTERNALSECRET_REWRITE_H

#include "base/effort.h"
#include "externalsecret/data.h"
#include "objects/external_secret.h"

enum rewrite_verdict {
    REWRITE_FINE,
    REWRITE_FOREIGN, /* the operator may carry it out, this version not exactly: left to it */
    REWRITE_BROKEN,  /* the operator fails on it as well */
};

/* Whether all of them can be carried out exactly: regexps and templates parse, templates use only
 * what this version has. Of several that cannot it judges the first, and `err` begins with `field`,
 * where they stand, and which ("spec.dataFrom[0].rewrite" + "[1].regexp.source: column 4: ...").
 * ERR_INVALID; ERR_TOO_BIG (then FOREIGN) over a ceiling of regex.h or template.h, or what is left
 * of `patterns` (may be NULL) for compiling regular expressions. */
enum rewrite_verdict rewrite_check(const struct external_secret_rewrite *rewrites, size_t count,
                                   const char *field, struct effort *patterns, struct err *err);
/* In order, on the whole map; they have passed rewrite_check(). Where two keys become one the
 * operator keeps an arbitrary one; here the one whose old name sorts last stays. After a failure
 * `map` is good for data_map_done() alone. ERR_INVALID: a value to be merged is no JSON object, a
 * priority key is absent, two values have the same member, a template fails on a key. ERR_TOO_BIG:
 * over LIMIT_REWRITE_NAMES or LIMIT_REWRITE_NAME_BYTES, what one match or one run of a template may
 * cost, what rewrite_merge() takes, or what is left of `effort` (may be NULL). The message begins
 * "[1].merge: ", and tells keys of the map by their places among what that operation was given. */
MUST_CHECK bool rewrite_apply(const struct external_secret_rewrite *rewrites, size_t count,
                              struct effort *effort, struct data_map *map, struct err *err);

#endif
