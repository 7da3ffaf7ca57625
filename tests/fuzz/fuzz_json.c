/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON reader: what it accepts can be written down again and read as the same value, within the
 * ceilings it was given. */
#include "base/encode.h"
#include "base/json.h"
#include "base/limits.h"
#include "fuzz.h"

enum {
    NODES = 20000,
    NODE_BYTES = 64, /* more than one takes, its share of a block included */
};

static void write_value(const struct json *node, struct buf *out)
{
    switch ((enum json_type)node->type) {
    case JSON_NULL:
        buf_add_str(out, "null");
        return;
    case JSON_FALSE:
        buf_add_str(out, "false");
        return;
    case JSON_TRUE:
        buf_add_str(out, "true");
        return;
    case JSON_NUMBER:
        buf_append(out, node->text, node->len);
        return;
    case JSON_STRING:
        encode_json_string(out, json_string(node));
        return;
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    bool object = json_is(node, JSON_OBJECT);
    uint32_t children = 0;
    buf_add_byte(out, object ? '{' : '[');
    JSON_FOR_EACH (child, node) {
        if (children++ > 0) {
            buf_add_byte(out, ',');
        }
        if (object) {
            FUZZ_CHECK(json_member_sv(node, json_key(child)) == child || node->len > 100);
            encode_json_string(out, json_key(child));
            buf_add_byte(out, ':');
        }
        write_value(child, out);
    }
    buf_add_byte(out, object ? '}' : ']');
    FUZZ_CHECK(children == node->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct budget budget;
    budget_init(&budget, (size_t)NODES * NODE_BYTES);
    const struct json_limits limits = {
        .max_nodes = NODES, .max_depth = LIMIT_JSON_DEPTH, .budget = &budget};
    char *text = mem_dup(data, size);
    struct json_doc doc = {0};
    const struct json *root = NULL;
    struct err err = {0};
    if (!json_parse(&doc, text, size, &limits, &root, &err)) {
        FUZZ_CHECK(err.kind == ERR_INVALID || err.kind == ERR_TOO_BIG || err.kind == ERR_BUSY);
        FUZZ_CHECK(err.message[0] != '\0' && root == NULL);
        json_doc_done(&doc);
        FUZZ_CHECK(budget_used(&budget) == 0);
        free(text);
        return 0;
    }

    struct buf written = {0};
    buf_init(&written, 8 * size + 16);
    write_value(root, &written);
    FUZZ_CHECK(!written.failed);
    struct json_doc copy_doc = {0};
    const struct json *copy = NULL;
    const struct json_limits same = {.max_nodes = NODES, .max_depth = LIMIT_JSON_DEPTH};
    FUZZ_CHECK(json_parse(&copy_doc, written.data, written.len, &same, &copy, &err));
    FUZZ_CHECK(copy_doc.nodes == doc.nodes);
    FUZZ_CHECK(json_equal(root, copy));
    int64_t number = 0;
    FUZZ_CHECK(!json_to_i64(root, &number) || json_is(root, JSON_NUMBER));

    json_doc_done(&copy_doc);
    buf_done(&written);
    json_doc_done(&doc);
    FUZZ_CHECK(budget_used(&budget) == 0);
    free(text);
    return 0;
}
