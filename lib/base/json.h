/* SPDX-License-Identifier: Apache-2.0 */
/* A strict JSON reader that works in place (RFC 8259).
 *
 * The text is read once, inside the caller's buffer: strings are unescaped where they stand, so
 * every view points into that buffer, has a length and may hold U+0000. Refused: anything behind
 * the document, duplicate member names, invalid UTF-8, lone surrogates, control characters in
 * strings, a leading byte order mark, numbers outside the grammar; over the ceilings: ERR_TOO_BIG.
 * Numbers keep their text; json_to_i64() is exact. Nothing is ever written back as JSON from here:
 * patches name places, they do not re-print objects.
 *
 * A document belongs to one thread at a time; the nodes may be read by many. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/budget.h"
#include "base/err.h"
#include "base/str_view.h"

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

/* One value; 40 bytes, because a body has about one for every eleven bytes. */
struct json {
    const char *key; /* member name, when the parent is an object */
    union {
        const char *text;   /* string (unescaped) or number (as written) */
        struct json *child; /* first element or member */
    };
    struct json *next; /* next element or member of the same parent */
    uint32_t key_len;
    uint32_t len; /* bytes of text, or number of children */
    uint8_t type; /* enum json_type */
};

struct json_limits {
    uint32_t max_nodes;
    uint32_t max_depth;
    struct budget *budget; /* memory for nodes comes from here unless NULL; ERR_BUSY if spent */
};

struct json_block;

/* Owner of the nodes. Zeroed is empty. */
struct json_doc {
    struct json_block *blocks;
    struct json *spare; /* nodes of the newest block that nobody has yet, up to `spare_end` */
    struct json *spare_end;
    struct budget *budget;
    size_t taken;
    uint32_t nodes; /* without the spare ones */
};

/* Reads `text[0..len)`, which is overwritten and must outlive the document, even on failure.
 * `*ret` is owned by `doc`. ERR_INVALID with the byte offset, ERR_TOO_BIG, ERR_BUSY. */
MUST_CHECK bool json_parse(struct json_doc *doc, char *text, size_t len,
                           const struct json_limits *limits, const struct json **ret,
                           struct err *err);
/* Releases the nodes; accepts a zeroed document. The text is the caller's. */
void json_doc_done(struct json_doc *doc);
/* A fresh zeroed node owned by `doc`, for readers of other formats (base/yaml.h); NULL when the
 * budget is spent. */
struct json *json_doc_node(struct json_doc *doc);

/* NULL-safe readers: a missing node has no members, no text and is not anything. */
const struct json *json_member_sv(const struct json *object, struct str_view name);
static inline const struct json *json_member(const struct json *object, const char *name)
{
    return json_member_sv(object, sv_of(name));
}
/* Walks members: json_path(review, "request", "object", NULL). */
const struct json *json_path(const struct json *node, ...) __attribute__((sentinel));
static inline bool json_is(const struct json *node, enum json_type type)
{
    return node && node->type == type;
}
/* Absent and null are one thing to the Kubernetes API (creationTimestamp: null). */
static inline bool json_is_absent(const struct json *node)
{
    return !node || node->type == JSON_NULL;
}
static inline struct str_view json_key(const struct json *node)
{
    return node ? sv_make(node->key, node->key_len) : (struct str_view){0};
}
/* The text of a string; empty for everything else. */
static inline struct str_view json_string(const struct json *node)
{
    return node && node->type == JSON_STRING ? sv_make(node->text, node->len)
                                             : (struct str_view){0};
}
bool json_string_is(const struct json *node, const char *text);
/* Exactly `true`. */
static inline bool json_is_true(const struct json *node)
{
    return json_is(node, JSON_TRUE);
}
/* An integer in range, exactly as written; false for fractions, exponents and other types. */
MUST_CHECK bool json_to_i64(const struct json *node, int64_t *ret);
/* Same value: members in any order, numbers by their text. */
bool json_equal(const struct json *a, const struct json *b);

/* `count` members from `first` on, in the order of their names; the caller frees the array. */
const struct json **json_sorted_members(const struct json *first, size_t count);

/* Elements of an array or members of an object; nothing for other types and for NULL. */
const struct json *json_first(const struct json *node);
#define JSON_FOR_EACH(item, parent)                                                                \
    for (const struct json *item = json_first(parent); (item); (item) = (item)->next)

#endif
