/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON document from a literal, for tests of what reads documents. */
#ifndef TESTS_JSON_TEXT_H
#define TESTS_JSON_TEXT_H

#include <check.h>

#include "base/json.h"
#include "base/limits.h"

struct json_text {
    char *text;
    struct json_doc doc;
    const struct json *root;
};

/* In the literal ' stands for ", which C would want escaped. */
static inline struct json_text json_text_of(const char *literal)
{
    struct json_text ret = {.text = str_dup(literal)};
    for (char *at = ret.text; *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    const struct json_limits limits = {.max_nodes = LIMIT_REVIEW_NODES,
                                       .max_depth = LIMIT_JSON_DEPTH};
    struct err err = {0};
    bool parsed = json_parse(&ret.doc, ret.text, strlen(ret.text), &limits, &ret.root, &err);
    ck_assert_msg(parsed, "%s in %.200s", err.message, literal);
    return ret;
}

static inline void json_text_done(struct json_text *json)
{
    json_doc_done(&json->doc);
    free(json->text);
}

#endif
