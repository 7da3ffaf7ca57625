/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the YAML reader accepts is a tree that JSON can write: every number is in JSON's
 * grammar, every node has a place in the text, no mapping has a key twice, and the ceilings hold.
 */
#include <stdlib.h>

#include "base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct json_limits limits = {.max_nodes = 2000, .max_depth = 32};

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_number(const struct json *node)
{
    struct json_doc doc = {0};
    struct err err = {0};
    const struct json *again = NULL;
    char *text = mem_dup(node->text, node->len);
    require(json_parse(&doc, text, node->len, &limits, &again, &err));
    require(json_is(again, JSON_NUMBER) && json_equal(again, node));
    json_doc_done(&doc);
    free(text);
}

static unsigned check_node(const struct yaml_doc *doc, const struct json *node, unsigned depth)
{
    uint32_t line = 0;
    uint32_t column = 0;
    unsigned count = 1;
    uint32_t children = 0;
    require(depth <= limits.max_depth);
    require(yaml_where(doc, node, &line, &column) && line > 0 && column > 0);
    if (node->type == JSON_NUMBER) {
        check_number(node);
    }
    JSON_FOR_EACH (child, node) {
        children++;
        count += check_node(doc, child, depth + 1);
        require(node->type == JSON_ARRAY || json_member_sv(node, json_key(child)) == child);
    }
    require((node->type != JSON_ARRAY && node->type != JSON_OBJECT) || children == node->len);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct yaml_doc doc = {0};
    struct err err = {0};
    const struct json *root = NULL;
    if (yaml_parse(&doc, sv_make((const char *)data, size), &limits, &root, &err)) {
        require(check_node(&doc, root, 0) == doc.nodes.nodes);
        require(doc.nodes.nodes <= limits.max_nodes);
    } else {
        require(err.kind == ERR_INVALID || err.kind == ERR_TOO_BIG);
        require(err.message[0] != '\0');
    }
    yaml_doc_done(&doc);
    return 0;
}
