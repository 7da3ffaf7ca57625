/* SPDX-License-Identifier: Apache-2.0 */
/* One strict YAML document as the nodes of base/json.h, so that everything else walks one tree.
 *
 * Refused: anchors, aliases, tags outside the core schema, keys that are not scalars, duplicate
 * keys, a second document, invalid UTF-8, control characters; over a ceiling: ERR_TOO_BIG. Plain
 * scalars are resolved by the core schema of YAML 1.2.2 (§10.3.2): `yes`, `off` and `1_000` are
 * strings. Integers (also 0x and 0o) and floats become numbers as JSON writes them; .inf and .nan
 * have no such form and are refused. So is a decimal integer with leading zeros: YAML 1.1 readers
 * take it for an octal one. Everything quoted, and every block scalar, is a string. A key keeps its
 * text.
 *
 * Documents may hold credentials (kubeconfig): their text is wiped when released. One thread at a
 * time; the nodes may be read by many. */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include "base/json.h"

struct yaml_text;
struct yaml_mark;

/* Owner of nodes and text. Zeroed is empty. */
struct yaml_doc {
    struct json_doc nodes;
    struct yaml_text *text;
    struct yaml_mark *marks;
    size_t mark_count;
    size_t mark_capacity;
};

enum {
    YAML_MAX_BYTES = 4 * 1024 * 1024, /* a ConfigMap holds 1 MiB; rendered manifests are larger */
};

/* `text` is not changed and need not live on. An empty document is null. ERR_INVALID and
 * ERR_TOO_BIG with "line L, column C", counted from 1; ERR_BUSY when the budget is spent. The
 * document is to be released after a failure too. */
MUST_CHECK bool yaml_parse(struct yaml_doc *doc, struct str_view text,
                           const struct json_limits *limits, const struct json **ret,
                           struct err *err);
/* Releases nodes and text; accepts a zeroed document. */
void yaml_doc_done(struct yaml_doc *doc);

/* Where a node of this document begins (a member: where its key begins), from 1. False for a node
 * of elsewhere. Linear: for error messages. */
bool yaml_where(const struct yaml_doc *doc, const struct json *node, uint32_t *line,
                uint32_t *column);

#endif
