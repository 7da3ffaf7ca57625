/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/template/builtins.h"

enum basic {
    BASIC_NONE, /* lists, maps and nothing */
    BASIC_BOOL,
    BASIC_INTEGER,
    BASIC_FLOAT,
    BASIC_STRING,
};

static enum basic basic_of(const struct value *value)
{
    return value_is_integer(value)       ? BASIC_INTEGER
           : value->kind == VALUE_STRING ? BASIC_STRING
           : value->kind == VALUE_FLOAT  ? BASIC_FLOAT
           : value->kind == VALUE_BOOL   ? BASIC_BOOL
                                         : BASIC_NONE;
}

static bool fail_types(struct err *err, const struct value *a, const struct value *b)
{
    return err_set(err, ERR_INVALID, "cannot compare %s with %s", value_type_name(a),
                   value_type_name(b));
}

/* Of lists and maps only whether they are nil can be asked, and a nil slice is. */
static bool equal_containers(const struct value *a, const struct value *b, bool *ret,
                             struct err *err)
{
    bool a_nil = value_is_nothing(a) || (value_is_list(a) && a->list->is_nil);
    bool b_nil = value_is_nothing(b) || (value_is_list(b) && b->list->is_nil);
    bool same_kind =
        value_is_nothing(a) || value_is_nothing(b) || value_is_list(a) == value_is_list(b);
    *ret = a_nil && b_nil;
    return (same_kind && (a_nil || b_nil)) || fail_types(err, a, b);
}

static bool equal(const struct value *a, const struct value *b, bool *ret, struct err *err)
{
    enum basic basic = basic_of(a);
    *ret = false;
    if (basic != basic_of(b)) {
        return value_is_nothing(a) || value_is_nothing(b) || fail_types(err, a, b);
    }
    switch (basic) {
    case BASIC_NONE:
        return equal_containers(a, b, ret, err);
    case BASIC_BOOL:
        *ret = a->boolean == b->boolean;
        return true;
    case BASIC_INTEGER:
        *ret = a->integer == b->integer;
        return true;
    case BASIC_FLOAT:
        *ret = a->real <= b->real && a->real >= b->real;
        return true;
    case BASIC_STRING:
        *ret = sv_equal(a->text, b->text);
        return true;
    }
    return false;
}

static bool less(const struct value *a, const struct value *b, bool *ret, struct err *err)
{
    enum basic basic = basic_of(a);
    if (basic != basic_of(b) || basic == BASIC_NONE || basic == BASIC_BOOL) {
        return fail_types(err, a, b);
    }
    *ret = basic == BASIC_INTEGER ? a->integer < b->integer
           : basic == BASIC_FLOAT ? a->real < b->real
                                  : sv_compare(a->text, b->text) < 0;
    return true;
}

/* Equal to any of the others. */
bool compare_eq(struct template_arena *arena, const struct value *args, size_t count,
                struct value *ret, struct err *err)
{
    (void)arena;
    bool found = false;
    if (count < 2) {
        return err_set(err, ERR_INVALID, "nothing to compare with");
    }
    for (size_t i = 1; i < count && !found; i++) {
        if (!equal(&args[0], &args[i], &found, err)) {
            return false;
        }
    }
    *ret = value_bool(found);
    return true;
}

bool compare_ne(struct template_arena *arena, const struct value *args, size_t count,
                struct value *ret, struct err *err)
{
    (void)arena;
    (void)count;
    bool same = false;
    if (!equal(&args[0], &args[1], &same, err)) {
        return false;
    }
    *ret = value_bool(!same);
    return true;
}

bool compare_lt(struct template_arena *arena, const struct value *args, size_t count,
                struct value *ret, struct err *err)
{
    (void)arena;
    (void)count;
    bool is_less = false;
    if (!less(&args[0], &args[1], &is_less, err)) {
        return false;
    }
    *ret = value_bool(is_less);
    return true;
}

/* "Not greater" would be another thing for NaN, and so would "not less or equal": gt is that. */
static bool less_or_equal(const struct value *args, bool *ret, struct err *err)
{
    return less(&args[0], &args[1], ret, err) && (*ret || equal(&args[0], &args[1], ret, err));
}

bool compare_le(struct template_arena *arena, const struct value *args, size_t count,
                struct value *ret, struct err *err)
{
    (void)arena;
    (void)count;
    bool is_so = false;
    if (!less_or_equal(args, &is_so, err)) {
        return false;
    }
    *ret = value_bool(is_so);
    return true;
}

bool compare_gt(struct template_arena *arena, const struct value *args, size_t count,
                struct value *ret, struct err *err)
{
    (void)arena;
    (void)count;
    bool is_not = false;
    if (!less_or_equal(args, &is_not, err)) {
        return false;
    }
    *ret = value_bool(!is_not);
    return true;
}

bool compare_ge(struct template_arena *arena, const struct value *args, size_t count,
                struct value *ret, struct err *err)
{
    (void)arena;
    (void)count;
    bool is_less = false;
    if (!less(&args[0], &args[1], &is_less, err)) {
        return false;
    }
    *ret = value_bool(!is_less);
    return true;
}
