/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's YAML functions. */
#include "base/limits.h"
#include "base/yaml11.h"
#include "externalsecret/template/arguments.h"
#include "externalsecret/template/functions_internal.h"
#include "externalsecret/template/yaml_write.h"

/* Without the last line break; nothing for what sigs.k8s.io/yaml refuses. */
bool function_to_yaml(TEMPLATE_CALL)
{
    (void)count;
    CLEANUP(secret_buf_done) struct secret_buf out = {0};
    secret_buf_init(&out, LIMIT_TEMPLATE_BYTES);
    bool possible = false;
    if (!yaml_write(arena, &args[0], &out, &possible, err)) {
        return false;
    }
    size_t len = out.bytes.len;
    if (!possible) {
        buf_clear(&out.bytes);
    } else if (len > 0 && out.bytes.data[len - 1] == '\n') {
        buf_truncate(&out.bytes, len - 1);
    }
    return template_arena_step(arena, out.bytes.len / STEP_BYTES, err) &&
           value_from_buf(arena, &out, ret, err);
}

static bool value_from_node(struct template_arena *arena, const struct json *node,
                            struct value *ret, struct err *err);

/* encoding/json makes a float64 of every number. strtod() wants a NUL behind it. */
static bool number_from_node(struct template_arena *arena, const struct json *node,
                             struct value *ret, struct err *err)
{
    char *copy = template_arena_take(arena, (size_t)node->len + 1, err);
    if (!copy) {
        return false;
    }
    memcpy(copy, node->text, node->len);
    *ret = value_float(strtod(copy, NULL));
    return true;
}

static bool list_from_node(struct template_arena *arena, const struct json *node, struct value *ret,
                           struct err *err)
{
    if (!value_list_make(arena, node->len, ret, err)) {
        return false;
    }
    size_t at = 0;
    JSON_FOR_EACH (item, node) {
        if (!value_from_node(arena, item, &ret->list->items[at++], err)) {
            return false;
        }
    }
    return true;
}

static bool dict_from_node(struct template_arena *arena, const struct json *node, struct value *ret,
                           struct err *err)
{
    if (!value_dict_make(arena, VALUE_DICT, node->len, ret, err)) {
        return false;
    }
    JSON_FOR_EACH (member, node) {
        struct str_view key = {0};
        struct value value = {0};
        if (!template_arena_text(arena, json_key(member), &key, err) ||
            !value_from_node(arena, member, &value, err) ||
            !value_dict_put(arena, ret->dict, key, value, err)) {
            return false;
        }
    }
    return true;
}

/* No deeper than the limit with which the document was read. */
static bool value_from_node(struct template_arena *arena, const struct json *node,
                            struct value *ret, struct err *err)
{
    if (!template_arena_step(arena, 1, err)) {
        return false;
    }
    struct str_view text = {0};
    switch ((enum json_type)node->type) {
    case JSON_NULL:
        *ret = value_nil();
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        *ret = value_bool(node->type == JSON_TRUE);
        return true;
    case JSON_NUMBER:
        return number_from_node(arena, node, ret, err);
    case JSON_STRING:
        if (!template_arena_text(arena, json_string(node), &text, err)) {
            return false;
        }
        *ret = value_text(text);
        return true;
    case JSON_ARRAY:
        return list_from_node(arena, node, ret, err);
    case JSON_OBJECT:
        return dict_from_node(arena, node, ret, err);
    }
    return true;
}

/* Where the operator goes on with Go's message under the key "Error", this fails: the message
 * cannot be told, and it would become the content of a Secret. */
bool function_from_yaml(TEMPLATE_CALL)
{
    (void)count;
    CLEANUP(yaml11_doc_done) struct yaml11_doc doc = {0};
    const struct json_limits limits = {.max_nodes = LIMIT_TEMPLATE_YAML_NODES,
                                       .max_depth = LIMIT_JSON_DEPTH};
    const struct json *root = NULL;
    struct str_view text = {0};
    if (!argument_text(args, 0, &text, err) ||
        !template_arena_step(arena, text.len / STEP_BYTES, err)) {
        return false;
    }
    if (!yaml11_parse(&doc, text, &limits, &root, err)) {
        return err_wrap(err, "fromYaml");
    }
    if (json_is_absent(root)) {
        return value_dict_make(arena, VALUE_DICT, 0, ret, err);
    }
    if (root->type != JSON_OBJECT) {
        return err_set(err, ERR_INVALID, "what fromYaml is given is no YAML mapping");
    }
    return value_from_node(arena, root, ret, err);
}
