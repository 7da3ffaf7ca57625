/* SPDX-License-Identifier: Apache-2.0 */
/* One YAML document as sigs.k8s.io/yaml 1.4 reads it (go-yaml v2: YAML 1.1 scalars), turned into
 * the nodes of base/json.h. For texts that templates render (external-secrets.md §6.2): base/yaml.h
 * is the strict reader for what users write for Keyturn itself.
 *
 * yes/no/on/off/y/n are booleans, also as keys; 0123 is octal, as is 0o17, 0x1F, 0b1, 1_000, .inf;
 * dates and 60:30 stay text; "~" and nothing are null. Of equal keys the last counts, and a merge
 * key `<<` counts where it stands: it replaces what stands before it. Keys become text: a float in
 * the shortest form of a binary32. Only the first document is looked at, and nothing behind it.
 *
 * What Go refuses is refused. Beyond that: UTF-16, !!timestamp, and in a value that a later equal
 * key replaces, what would be refused in one that stays. Where Go takes one of two keys that differ
 * but become one text (1 and "1") at random, the last counts.
 *
 * The text is secret: copies of it are wiped when the document is released. One thread at a time.
 */
#ifndef BASE_YAML11_H
#define BASE_YAML11_H

#include "base/json.h"

struct yaml_text;

/* Owner of nodes and text. Zeroed is empty. */
struct yaml11_doc {
    struct json_doc nodes;
    struct yaml_text *text;
};

/* Any tree. Integers up to 64 bits as they are, other numbers as encoding/json prints a float64;
 * infinities and NaN are refused, having no such form. `text` is not changed and need not live on.
 *
 * ERR_INVALID with "line L, column C" and no byte of the text; ERR_TOO_BIG over `limits` (aliases
 * count as often as they are used), over LIMIT_SECRET_DATA_BYTES, or where go-yaml finds aliasing
 * excessive; ERR_BUSY when the budget, which pays for the nodes of the result, is spent. Release
 * the document after a failure too. */
MUST_CHECK bool yaml11_parse(struct yaml11_doc *doc, struct str_view text,
                             const struct json_limits *limits, const struct json **ret,
                             struct err *err);
/* As a map[string]string: `*ret` is an object (of nothing, for an empty document or null) whose
 * members are all strings. Null becomes "", a boolean "true" or "false", a float the shortest form
 * of a binary32 with an exponent below 1e-4 and from 1e6 on ("1e+06", "+Inf"). A list or a mapping
 * as a value is ERR_INVALID; failures otherwise as above. */
MUST_CHECK bool yaml11_parse_strings(struct yaml11_doc *doc, struct str_view text,
                                     const struct json_limits *limits, const struct json **ret,
                                     struct err *err);
void yaml11_doc_done(struct yaml11_doc *doc);

#endif
