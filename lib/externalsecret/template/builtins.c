/* SPDX-License-Identifier: Apache-2.0 */
/* Go's builtins but for the comparisons (compare.c), the escapers (escape.c) and slice, in whose
 * place sprig has its own. */
#include "externalsecret/template/builtins.h"

#include "base/limits.h"
#include "externalsecret/template/format.h"

static bool fail_type(struct err *err, const char *what, const struct value *value)
{
    return err_set(err, ERR_INVALID, "%s %s", what, value_type_name(value));
}

/* At the length itself Go panics, which is an error as well. */
static bool check_index(const struct value *index, size_t len, struct err *err)
{
    if (!value_is_integer(index)) {
        return fail_type(err, "an index of type", index);
    }
    return (index->integer >= 0 && (uint64_t)index->integer < len) ||
           err_set(err, ERR_INVALID, "an index that is out of range");
}

static bool index_list(struct value *item, const struct value *index, struct err *err)
{
    if (!check_index(index, item->list->count, err)) {
        return false;
    }
    *item = item->list->items[index->integer];
    return true;
}

static bool index_string(struct value *item, const struct value *index, struct err *err)
{
    if (!check_index(index, item->text.len, err)) {
        return false;
    }
    unsigned char byte = (unsigned char)item->text.data[index->integer];
    *item = (struct value){.kind = VALUE_UINT8, .integer = byte};
    return true;
}

/* A key that is missing gives the zero value of the map's type. */
static bool index_dict(struct value *item, const struct value *key, struct err *err)
{
    if (key->kind != VALUE_STRING) {
        return fail_type(err, "a key of type", key);
    }
    struct value zero = item->kind == VALUE_STRING_DICT ? value_text(SV("")) : value_nil();
    const struct value *member = value_dict_get(item->dict, key->text);
    *item = member ? *member : zero;
    return true;
}

static bool index_one(struct value *item, const struct value *index, struct err *err)
{
    if (value_is_dict(item)) {
        return index_dict(item, index, err);
    }
    if (value_is_list(item)) {
        return index_list(item, index, err);
    }
    return item->kind == VALUE_STRING ? index_string(item, index, err)
                                      : fail_type(err, "cannot index a value of type", item);
}

static bool call_index(struct template_arena *arena, const struct value *args, size_t count,
                       struct value *ret, struct err *err)
{
    (void)arena;
    struct value item = args[0];
    if (item.kind == VALUE_NIL) {
        return fail_type(err, "cannot index a value of type", &item);
    }
    for (size_t i = 1; i < count; i++) {
        if (!index_one(&item, &args[i], err)) {
            return false;
        }
    }
    *ret = item;
    return true;
}

static bool call_len(struct template_arena *arena, const struct value *args, size_t count,
                     struct value *ret, struct err *err)
{
    (void)arena;
    (void)count;
    const struct value *item = &args[0];
    if (!value_is_dict(item) && !value_is_list(item) && item->kind != VALUE_STRING) {
        return fail_type(err, "no length has a value of type", item);
    }
    size_t len = value_is_dict(item)   ? item->dict->count
                 : value_is_list(item) ? item->list->count
                                       : item->text.len;
    *ret = value_int((int64_t)len);
    return true;
}

static bool call_not(struct template_arena *arena, const struct value *args, size_t count,
                     struct value *ret, struct err *err)
{
    (void)arena;
    (void)count;
    (void)err;
    *ret = value_bool(!value_is_true(&args[0]));
    return true;
}

static bool call_print(struct template_arena *arena, const struct value *args, size_t count,
                       struct value *ret, struct err *err)
{
    struct secret_buf text CLEANUP(secret_buf_done) = {0};
    secret_buf_init(&text, LIMIT_TEMPLATE_BYTES);
    format_print(args, count, &text);
    return value_from_buf(arena, &text, ret, err);
}

static bool call_println(struct template_arena *arena, const struct value *args, size_t count,
                         struct value *ret, struct err *err)
{
    struct secret_buf text CLEANUP(secret_buf_done) = {0};
    secret_buf_init(&text, LIMIT_TEMPLATE_BYTES);
    format_println(args, count, &text);
    return value_from_buf(arena, &text, ret, err);
}

static bool call_printf(struct template_arena *arena, const struct value *args, size_t count,
                        struct value *ret, struct err *err)
{
    if (args[0].kind != VALUE_STRING) {
        return fail_type(err, "a format of type", &args[0]);
    }
    struct secret_buf text CLEANUP(secret_buf_done) = {0};
    secret_buf_init(&text, LIMIT_TEMPLATE_BYTES);
    return format_printf(args[0].text, args + 1, count - 1, &text, err) &&
           value_from_buf(arena, &text, ret, err);
}

/* The executor evaluates and and or itself, for they do not need all of their operands. */
const struct template_function TEMPLATE_BUILTINS[] = {
    {"and", 1, TEMPLATE_ANY_COUNT, NULL},
    {"eq", 1, TEMPLATE_ANY_COUNT, compare_eq},
    {"ge", 2, 2, compare_ge},
    {"gt", 2, 2, compare_gt},
    {"html", 0, TEMPLATE_ANY_COUNT, escape_html},
    {"index", 1, TEMPLATE_ANY_COUNT, call_index},
    {"js", 0, TEMPLATE_ANY_COUNT, escape_js},
    {"le", 2, 2, compare_le},
    {"len", 1, 1, call_len},
    {"lt", 2, 2, compare_lt},
    {"ne", 2, 2, compare_ne},
    {"not", 1, 1, call_not},
    {"or", 1, TEMPLATE_ANY_COUNT, NULL},
    {"print", 0, TEMPLATE_ANY_COUNT, call_print},
    {"printf", 1, TEMPLATE_ANY_COUNT, call_printf},
    {"println", 0, TEMPLATE_ANY_COUNT, call_println},
    {"urlquery", 0, TEMPLATE_ANY_COUNT, escape_urlquery},
};
const size_t TEMPLATE_BUILTIN_COUNT = ARRAY_LEN(TEMPLATE_BUILTINS);
