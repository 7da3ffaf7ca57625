/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/template/arguments.h"

#include "base/limits.h"

static bool refuse(const struct value *args, size_t at, const char *wanted, struct err *err)
{
    return err_set(err, ERR_INVALID, "argument %zu is of type %s, %s is wanted", at + 1,
                   value_type_name(&args[at]), wanted);
}

bool argument_text(const struct value *args, size_t at, struct str_view *ret, struct err *err)
{
    if (args[at].kind != VALUE_STRING) {
        return refuse(args, at, "string", err);
    }
    *ret = args[at].text;
    return true;
}

bool argument_int(const struct value *args, size_t at, int64_t *ret, struct err *err)
{
    if (args[at].kind != VALUE_INT) {
        return refuse(args, at, "int", err);
    }
    *ret = args[at].integer;
    return true;
}

bool argument_bool(const struct value *args, size_t at, bool *ret, struct err *err)
{
    if (args[at].kind != VALUE_BOOL) {
        return refuse(args, at, "bool", err);
    }
    *ret = args[at].boolean;
    return true;
}

bool argument_dict(const struct value *args, size_t at, struct value_dict **ret, struct err *err)
{
    if (args[at].kind != VALUE_DICT) {
        return refuse(args, at, "map[string]interface {}", err);
    }
    *ret = args[at].dict;
    return true;
}

bool argument_list(const struct value *args, size_t at, struct value_list **ret, struct err *err)
{
    if (args[at].kind != VALUE_LIST && args[at].kind != VALUE_STRINGS) {
        return refuse(args, at, "a list", err);
    }
    *ret = args[at].list;
    return true;
}

bool value_is_nil(const struct value *value)
{
    return value->kind == VALUE_NIL || value->kind == VALUE_ABSENT;
}

bool value_to_text(struct template_arena *arena, const struct value *value, struct str_view *ret,
                   struct err *err)
{
    if (value->kind == VALUE_STRING) {
        *ret = value->text;
        return true;
    }
    CLEANUP(secret_buf_done) struct secret_buf text = {0};
    secret_buf_init(&text, LIMIT_TEMPLATE_BYTES);
    struct value nil = value_nil();
    value_print(value_is_nil(value) ? &nil : value, &text);
    struct value copy = {0};
    if (!value_from_buf(arena, &text, &copy, err)) {
        return false;
    }
    *ret = copy.text;
    return true;
}

bool value_to_texts(struct template_arena *arena, const struct value *value, struct value *ret,
                    struct err *err)
{
    if (value->kind == VALUE_STRINGS) {
        *ret = *value;
        return true;
    }
    bool is_list = value->kind == VALUE_LIST;
    const struct value *items = is_list ? value->list->items : value;
    size_t count = is_list ? value->list->count : 1;
    struct value texts = {0};
    if (!template_arena_step(arena, count, err) || !value_list_make(arena, count, &texts, err)) {
        return false;
    }
    texts.kind = VALUE_STRINGS;
    texts.list->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (value_is_nil(&items[i])) {
            continue;
        }
        struct str_view text = {0};
        if (!value_to_text(arena, &items[i], &text, err)) {
            return false;
        }
        texts.list->items[texts.list->count++] = value_text(text);
    }
    *ret = texts;
    return true;
}
