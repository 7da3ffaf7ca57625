/* SPDX-License-Identifier: Apache-2.0 */
/* tests/data/externalsecret/vectors/<name>.json: what Go answered, a row for each question. A
 * member x that is no UTF-8 stands as base64 under xBase64. */
#ifndef TESTS_EXTERNALSECRET_VECTORS_H
#define TESTS_EXTERNALSECRET_VECTORS_H

#include "base/encode.h"
#include "base/limits.h"
#include "check_main.h"
#include "externalsecret/data.h"

struct vectors {
    char *text;
    struct json_doc doc;
    const struct json *rows;
};

static inline struct vectors vectors_load(const char *path)
{
    struct vectors ret = {0};
    size_t len = 0;
    ret.text = test_data(path, &len);
    const struct json_limits limits = {.max_nodes = LIMIT_REVIEW_NODES, .max_depth = 16};
    const struct json *root = NULL;
    struct err err = {0};
    ck_assert_msg(json_parse(&ret.doc, ret.text, len, &limits, &root, &err), "%s", err.message);
    ret.rows = json_member(root, "vectors");
    return ret;
}

static inline void vectors_done(struct vectors *vectors)
{
    json_doc_done(&vectors->doc);
    free(vectors->text);
}

/* The bytes of a member, which the caller releases. */
static inline struct secret_buf vector_bytes(const struct json *row, const char *name)
{
    struct secret_buf ret = {0};
    char encoded[64];
    struct err err = {0};
    secret_buf_init(&ret, LIMIT_SECRET_DATA_BYTES);
    (void)snprintf(encoded, sizeof encoded, "%sBase64", name);
    if (json_member(row, encoded)) {
        ck_assert(decode_base64(&ret.bytes, json_string(json_member(row, encoded)), &err));
    } else {
        secret_buf_add(&ret, json_string(json_member(row, name)));
    }
    return ret;
}

/* A member that is an array of {key, value}, in any order. */
static inline struct data_map vector_map(const struct json *row, const char *name)
{
    struct data_map ret = {0};
    JSON_FOR_EACH (entry, json_member(row, name)) {
        CLEANUP(secret_buf_done) struct secret_buf key = vector_bytes(entry, "key");
        CLEANUP(secret_buf_done) struct secret_buf value = vector_bytes(entry, "value");
        data_map_put(&ret, secret_buf_view(&key), &value);
    }
    return ret;
}

static inline void assert_same_map(const struct data_map *got, const struct data_map *want,
                                   size_t row)
{
    ck_assert_msg(got->count == want->count, "row %zu: %zu keys, not %zu", row, got->count,
                  want->count);
    for (size_t i = 0; i < got->count; i++) {
        ck_assert_msg(sv_equal(got->entries[i].key, want->entries[i].key), "row %zu: key %zu", row,
                      i);
        ck_assert_msg(sv_equal(secret_buf_view(&got->entries[i].value),
                               secret_buf_view(&want->entries[i].value)),
                      "row %zu: value of %.*s", row, SV_ARG(got->entries[i].key));
    }
}

#endif
