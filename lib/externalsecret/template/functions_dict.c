/* SPDX-License-Identifier: Apache-2.0 */
/* sprig's functions on maps, and the choices: default, coalesce, ternary. */
#include "externalsecret/template/arguments.h"
#include "externalsecret/template/functions_internal.h"

bool function_dict(TEMPLATE_CALL)
{
    struct value dict = {0};
    if (!value_dict_make(arena, VALUE_DICT, (count + 1) / 2, &dict, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i += 2) {
        struct str_view key = {0};
        struct value value = i + 1 < count ? args[i + 1] : value_text(SV(""));
        if (!value_to_text(arena, &args[i], &key, err) ||
            !value_dict_put(arena, dict.dict, key, value, err)) {
            return false;
        }
    }
    *ret = dict;
    return true;
}

static bool dict_and_key(const struct value *args, struct value_dict **dict, struct str_view *key,
                         struct err *err)
{
    return argument_dict(args, 0, dict, err) && argument_text(args, 1, key, err);
}

bool function_get(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    struct value_dict *dict = NULL;
    struct str_view key = {0};
    if (!dict_and_key(args, &dict, &key, err)) {
        return false;
    }
    const struct value *there = value_dict_get(dict, key);
    *ret = there ? *there : value_text(SV(""));
    return true;
}

bool function_has_key(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    struct value_dict *dict = NULL;
    struct str_view key = {0};
    if (!dict_and_key(args, &dict, &key, err)) {
        return false;
    }
    *ret = value_bool(value_dict_get(dict, key) != NULL);
    return true;
}

/* Changes the map for everybody who holds it. */
bool function_set(TEMPLATE_CALL)
{
    (void)count;
    struct value_dict *dict = NULL;
    struct str_view key = {0};
    if (!dict_and_key(args, &dict, &key, err) ||
        !template_arena_step(arena, dict->count / STEP_BYTES, err) ||
        !value_dict_put(arena, dict, key, args[2], err)) {
        return false;
    }
    *ret = args[0];
    return true;
}

bool function_unset(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    struct value_dict *dict = NULL;
    struct str_view key = {0};
    if (!dict_and_key(args, &dict, &key, err)) {
        return false;
    }
    for (size_t i = 0; i < dict->count; i++) {
        if (sv_equal(dict->members[i].key, key)) {
            dict->count--;
            memmove(dict->members + i, dict->members + i + 1,
                    (dict->count - i) * sizeof *dict->members);
            break;
        }
    }
    *ret = args[0];
    return true;
}

/* The operator's order is that of Go's maps, which changes from run to run; the sorted one is one
 * that it may give, and the only one that is always the same. */
bool function_keys(TEMPLATE_CALL)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        struct value_dict *dict = NULL;
        if (!argument_dict(args, i, &dict, err)) {
            return false;
        }
        total += dict->count;
    }
    struct value keys = {0};
    if (!template_arena_step(arena, total, err) || !value_list_make(arena, total, &keys, err)) {
        return false;
    }
    keys.kind = VALUE_STRINGS;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t member = 0; member < args[i].dict->count; member++) {
            keys.list->items[at++] = value_text(args[i].dict->members[member].key);
        }
    }
    *ret = keys;
    return true;
}

bool function_default(TEMPLATE_CALL)
{
    (void)arena;
    (void)err;
    *ret = count > 1 && value_is_true(&args[1]) ? args[1] : args[0];
    return true;
}

bool function_empty(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    (void)err;
    *ret = value_bool(!value_is_true(&args[0]));
    return true;
}

bool function_coalesce(TEMPLATE_CALL)
{
    (void)arena;
    (void)err;
    *ret = value_nil();
    for (size_t i = 0; i < count; i++) {
        if (value_is_true(&args[i])) {
            *ret = args[i];
            break;
        }
    }
    return true;
}

bool function_all(TEMPLATE_CALL)
{
    (void)arena;
    (void)err;
    bool all = true;
    for (size_t i = 0; i < count && all; i++) {
        all = value_is_true(&args[i]);
    }
    *ret = value_bool(all);
    return true;
}

bool function_any(TEMPLATE_CALL)
{
    (void)arena;
    (void)err;
    bool any = false;
    for (size_t i = 0; i < count && !any; i++) {
        any = value_is_true(&args[i]);
    }
    *ret = value_bool(any);
    return true;
}

bool function_ternary(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    bool condition = false;
    if (!argument_bool(args, 2, &condition, err)) {
        return false;
    }
    *ret = condition ? args[0] : args[1];
    return true;
}
