/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/template/value.h"

#include "base/decimal.h"
#include "base/limits.h"

enum {
    FIRST_CAPACITY = 8,
    /* Where %v changes to an exponent. */
    PLAIN_FROM = -4,
    PLAIN_BELOW = 6,
};

struct value value_nil(void)
{
    return (struct value){.kind = VALUE_NIL};
}

struct value value_bool(bool boolean)
{
    return (struct value){.kind = VALUE_BOOL, .boolean = boolean};
}

struct value value_int(int64_t integer)
{
    return (struct value){.kind = VALUE_INT, .integer = integer};
}

struct value value_int64(int64_t integer)
{
    return (struct value){.kind = VALUE_INT64, .integer = integer};
}

struct value value_float(double real)
{
    return (struct value){.kind = VALUE_FLOAT, .real = real};
}

struct value value_text(struct str_view text)
{
    return (struct value){.kind = VALUE_STRING, .text = text};
}

bool value_from_buf(struct template_arena *arena, const struct secret_buf *text, struct value *ret,
                    struct err *err)
{
    struct str_view copy = {0};
    if (!secret_buf_check(text, "a text that the template makes", err) ||
        !template_arena_text(arena, secret_buf_view(text), &copy, err)) {
        return false;
    }
    *ret = value_text(copy);
    return true;
}

static void *take_array(struct template_arena *arena, size_t count, size_t size, struct err *err)
{
    size_t bytes = 0;
    /* What overflows is more than any arena has. */
    if (__builtin_mul_overflow(count, size, &bytes)) {
        bytes = SIZE_MAX;
    }
    return template_arena_take(arena, bytes, err);
}

bool value_list_make(struct template_arena *arena, size_t count, struct value *ret, struct err *err)
{
    struct value_list *list = template_arena_take(arena, sizeof *list, err);
    if (!list) {
        return false;
    }
    list->items = take_array(arena, count, sizeof *list->items, err);
    if (!list->items) {
        return false;
    }
    list->count = count;
    *ret = (struct value){.kind = VALUE_LIST, .list = list};
    return true;
}

bool value_dict_make(struct template_arena *arena, enum value_kind kind, size_t capacity,
                     struct value *ret, struct err *err)
{
    struct value_dict *dict = template_arena_take(arena, sizeof *dict, err);
    if (!dict) {
        return false;
    }
    dict->members = take_array(arena, capacity, sizeof *dict->members, err);
    if (!dict->members) {
        return false;
    }
    dict->capacity = capacity;
    *ret = (struct value){.kind = kind, .dict = dict};
    return true;
}

/* Where `key` is, or where it belongs. */
static size_t find(const struct value_dict *dict, struct str_view key, bool *ret_there)
{
    size_t low = 0;
    size_t high = dict->count;
    *ret_there = false;
    while (low < high && !*ret_there) {
        size_t middle = low + (high - low) / 2;
        int order = sv_compare(key, dict->members[middle].key);
        if (order > 0) {
            low = middle + 1;
        } else {
            high = middle;
            *ret_there = order == 0;
        }
    }
    return high;
}

struct value *value_dict_get(const struct value_dict *dict, struct str_view key)
{
    bool there = false;
    size_t at = find(dict, key, &there);
    return there ? &dict->members[at].value : NULL;
}

static bool grow(struct template_arena *arena, struct value_dict *dict, struct err *err)
{
    size_t capacity = dict->capacity ? dict->capacity * 2 : FIRST_CAPACITY;
    struct value_member *members = take_array(arena, capacity, sizeof *members, err);
    if (!members) {
        return false;
    }
    if (dict->count > 0) {
        memcpy(members, dict->members, dict->count * sizeof *members);
    }
    dict->members = members;
    dict->capacity = capacity;
    return true;
}

bool value_dict_put(struct template_arena *arena, struct value_dict *dict, struct str_view key,
                    struct value value, struct err *err)
{
    bool there = false;
    size_t at = find(dict, key, &there);
    if (!there) {
        if (dict->count == dict->capacity && !grow(arena, dict, err)) {
            return false;
        }
        memmove(dict->members + at + 1, dict->members + at,
                (dict->count - at) * sizeof *dict->members);
        dict->members[at].key = key;
        dict->count++;
    }
    dict->members[at].value = value;
    return true;
}

bool value_is_true(const struct value *value)
{
    switch (value->kind) {
    case VALUE_ABSENT:
    case VALUE_NIL:
        return false;
    case VALUE_BOOL:
        return value->boolean;
    case VALUE_INT:
    case VALUE_INT64:
    case VALUE_UINT8:
        return value->integer != 0;
    case VALUE_FLOAT:
        return value->real < 0 || value->real > 0 || __builtin_isnan(value->real);
    case VALUE_STRING:
        return value->text.len > 0;
    case VALUE_LIST:
    case VALUE_STRINGS:
        return value->list->count > 0;
    case VALUE_DICT:
    case VALUE_STRING_DICT:
        return value->dict->count > 0;
    }
    return false;
}

static void print_at(const struct value *value, int depth, struct secret_buf *ret);

static void print_list(const struct value_list *list, int depth, struct secret_buf *ret)
{
    struct buf *out = &ret->bytes;
    buf_add_byte(out, '[');
    for (size_t i = 0; i < list->count && !out->failed; i++) {
        buf_append(out, " ", i ? 1 : 0);
        print_at(&list->items[i], depth + 1, ret);
    }
    buf_add_byte(out, ']');
}

static void print_dict(const struct value_dict *dict, int depth, struct secret_buf *ret)
{
    struct buf *out = &ret->bytes;
    buf_add_str(out, "map[");
    for (size_t i = 0; i < dict->count && !out->failed; i++) {
        buf_append(out, " ", i ? 1 : 0);
        buf_add(out, dict->members[i].key);
        buf_add_byte(out, ':');
        print_at(&dict->members[i].value, depth + 1, ret);
    }
    buf_add_byte(out, ']');
}

/* A map may hold itself (set), which is nested without end. */
static void print_at(const struct value *value, int depth, struct secret_buf *ret)
{
    struct buf *out = &ret->bytes;
    if (depth > LIMIT_JSON_DEPTH) {
        out->failed = true;
        return;
    }
    switch (value->kind) {
    case VALUE_ABSENT:
        buf_add_str(out, "<no value>");
        break;
    case VALUE_NIL:
        buf_add_str(out, "<nil>");
        break;
    case VALUE_BOOL:
        buf_add_str(out, value->boolean ? "true" : "false");
        break;
    case VALUE_INT:
    case VALUE_INT64:
    case VALUE_UINT8:
        buf_add_int(out, value->integer);
        break;
    case VALUE_FLOAT:
        value_print_float(value->real, ret);
        break;
    case VALUE_STRING:
        buf_add(out, value->text);
        break;
    case VALUE_LIST:
    case VALUE_STRINGS:
        print_list(value->list, depth, ret);
        break;
    case VALUE_DICT:
    case VALUE_STRING_DICT:
        print_dict(value->dict, depth, ret);
        break;
    }
}

void value_print(const struct value *value, struct secret_buf *ret)
{
    print_at(value, 0, ret);
}

void value_print_float(double real, struct secret_buf *ret)
{
    decimal_add_double(&ret->bytes, real, PLAIN_FROM, PLAIN_BELOW);
}

const char *value_type_name(const struct value *value)
{
    static const char *const names[] = {
        [VALUE_ABSENT] = "<nil>",
        [VALUE_NIL] = "<nil>",
        [VALUE_BOOL] = "bool",
        [VALUE_INT] = "int",
        [VALUE_INT64] = "int64",
        [VALUE_FLOAT] = "float64",
        [VALUE_STRING] = "string",
        [VALUE_LIST] = "[]interface {}",
        [VALUE_STRINGS] = "[]string",
        [VALUE_DICT] = "map[string]interface {}",
        [VALUE_STRING_DICT] = "map[string]string",
        [VALUE_UINT8] = "uint8",
    };
    return names[value->kind];
}
