/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the lenient YAML reader accepts is a tree that JSON can write and that holds its
 * ceilings; what it accepts as a mapping of strings is one of nothing else, and is accepted as a
 * tree unless for a number that JSON does not have. */
#include "base/yaml11.h"
#include "fuzz.h"

static const struct json_limits limits = {.max_nodes = 2000, .max_depth = 32};

static void check_number(const struct json *node)
{
    struct json_doc doc = {0};
    struct err err = {0};
    const struct json *again = NULL;
    char *text = mem_dup(node->text, node->len);
    FUZZ_CHECK(json_parse(&doc, text, node->len, &limits, &again, &err));
    FUZZ_CHECK(json_is(again, JSON_NUMBER) && json_equal(again, node));
    json_doc_done(&doc);
    free(text);
}

static void check_node(const struct json *node, unsigned depth)
{
    uint32_t children = 0;
    FUZZ_CHECK(depth <= limits.max_depth && node->type <= JSON_OBJECT);
    if (node->type == JSON_NUMBER) {
        check_number(node);
    }
    JSON_FOR_EACH (child, node) {
        children++;
        check_node(child, depth + 1);
        FUZZ_CHECK(node->type == JSON_ARRAY || json_member_sv(node, json_key(child)) == child);
    }
    FUZZ_CHECK((node->type != JSON_ARRAY && node->type != JSON_OBJECT) || children == node->len);
}

static void check_failure(const struct err *err)
{
    FUZZ_CHECK(err->kind == ERR_INVALID || err->kind == ERR_TOO_BIG);
    FUZZ_CHECK(err->message[0] != '\0');
}

static void check_strings(const struct json *root)
{
    FUZZ_CHECK(root->type == JSON_OBJECT);
    JSON_FOR_EACH (member, root) {
        FUZZ_CHECK(member->type == JSON_STRING);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct yaml11_doc tree = {0};
    struct yaml11_doc strings = {0};
    struct err err = {0};
    const struct json *root = NULL;
    struct str_view text = sv_make((const char *)data, size);
    bool is_tree = yaml11_parse(&tree, text, &limits, &root, &err);
    if (is_tree) {
        check_node(root, 0);
    } else {
        check_failure(&err);
    }
    struct err strings_err = {0};
    if (yaml11_parse_strings(&strings, text, &limits, &root, &strings_err)) {
        check_strings(root);
        FUZZ_CHECK(is_tree || strstr(err.message, "infinity or NaN"));
    } else {
        check_failure(&strings_err);
    }
    yaml11_doc_done(&tree);
    yaml11_doc_done(&strings);
    return 0;
}
