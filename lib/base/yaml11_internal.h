/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of base/yaml11.h: the tree as it is written (yaml11_tree.c), and what its scalars mean
 * (yaml11_scalar.c). Not for others. */
#ifndef BASE_YAML11_INTERNAL_H
#define BASE_YAML11_INTERNAL_H

#include "base/json.h"
#include "base/yaml_internal.h"

enum yaml11_kind {
    YAML11_SCALAR,
    YAML11_ALIAS,
    YAML11_SEQUENCE,
    YAML11_MAPPING,
};

enum yaml11_tag {
    YAML11_TAG_NONE,
    YAML11_TAG_STR,
    YAML11_TAG_BOOL,
    YAML11_TAG_INT,
    YAML11_TAG_FLOAT,
    YAML11_TAG_NULL,
    YAML11_TAG_TIMESTAMP,
    YAML11_TAG_BINARY,
    YAML11_TAG_MERGE,
    YAML11_TAG_OTHER,
};

/* Nodes name each other by index, 0 is none. */
struct yaml11_node {
    struct str_view value; /* of a scalar */
    uint32_t child;        /* the first; of a mapping keys and values take turns */
    uint32_t last;
    uint32_t next;
    uint32_t target; /* of an alias */
    uint32_t line;
    uint32_t column;
    uint8_t kind;  /* enum yaml11_kind */
    uint8_t tag;   /* enum yaml11_tag */
    bool implicit; /* a scalar without quotes and tag */
    bool entered;  /* an alias that is being followed */
};

struct yaml11_tree {
    struct yaml11_node *nodes; /* the first is nobody */
    uint32_t count;
    uint32_t capacity;
    uint32_t root; /* 0: an empty document */
};

/* The first document of `text`. At most twice as many nodes as `limits` has, because keys and
 * aliases count; texts go to `texts`. */
MUST_CHECK bool yaml11_tree_read(struct yaml11_tree *tree, struct str_view text,
                                 const struct json_limits *limits, struct yaml_text **texts,
                                 struct err *err);
void yaml11_tree_done(struct yaml11_tree *tree);
/* "line L, column C: what"; false. */
bool yaml11_fail(struct err *err, const struct yaml11_node *at, enum err_kind kind,
                 const char *what);

enum yaml11_type {
    YAML11_NULL,
    YAML11_BOOL,
    YAML11_INT,  /* what fits int64 */
    YAML11_UINT, /* what fits uint64 only */
    YAML11_FLOAT,
    YAML11_STRING,
};

struct yaml11_scalar {
    enum yaml11_type type;
    union {
        bool boolean;
        int64_t integer;
        uint64_t natural;
        double real;
        struct str_view text;
    };
};

/* By go-yaml's resolve.go. ERR_INVALID where a tag does not fit its text. */
MUST_CHECK bool yaml11_resolve(const struct yaml11_node *node, struct yaml_text **texts,
                               struct yaml11_scalar *ret, struct err *err);

#endif
