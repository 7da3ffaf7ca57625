/* SPDX-License-Identifier: Apache-2.0 */
/* A value inside a running template: what Go holds in an interface{} there, as far as the functions
 * of external-secrets.md §6.8 can make it. Everything is borrowed from the arena of the run and
 * ends with it, wiped. One thread at a time. */
#ifndef EXTERNALSECRET_TEMPLATE_VALUE_H
#define EXTERNALSECRET_TEMPLATE_VALUE_H

#include "base/effort.h"
#include "base/secret_buf.h"
#include "base/str_view.h"

enum value_kind {
    VALUE_ABSENT, /* reflect's zero Value: a missing key of a map[string]interface{} */
    VALUE_NIL,    /* an untyped nil in an interface{} */
    VALUE_BOOL,
    VALUE_INT, /* Go int */
    VALUE_INT64,
    VALUE_FLOAT, /* float64 */
    VALUE_STRING,
    VALUE_LIST,        /* []interface{} */
    VALUE_STRINGS,     /* []string */
    VALUE_DICT,        /* map[string]interface{} */
    VALUE_STRING_DICT, /* map[string]string: the fetched data, and what split returns */
    VALUE_UINT8,       /* what index takes out of a string; in `integer` */
};

struct value_list;
struct value_dict;

struct value {
    enum value_kind kind;
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct str_view text; /* any bytes */
        struct value_list *list;
        struct value_dict *dict;
    };
};

/* Go's slices share their elements: `slice` gives a list whose items lie in another's, and
 * sortAlpha sorts a []string where it stands. */
struct value_list {
    struct value *items;
    size_t count;
    bool is_nil; /* a nil slice: empty for everybody but encoding/json, which writes null */
};

struct value_member {
    struct str_view key;
    struct value value;
};

/* Sorted by key, bytewise, as Go iterates and prints maps. Go's maps are references: a function
 * that changes one (set) changes it for everybody who holds it. */
struct value_dict {
    struct value_member *members;
    size_t count;
    size_t capacity;
};

/* Memory and steps of one run, both bounded (LIMIT_TEMPLATE_BYTES, LIMIT_TEMPLATE_STEPS), so that
 * no template runs for ever or grows without bound. */
struct template_arena;
/* Both count as well towards `effort`, which may be NULL and outlives the arena: sixteen bytes are
 * a step. */
struct template_arena *template_arena_new(struct effort *effort);
struct effort *template_arena_effort(const struct template_arena *arena);
/* Wipes everything; accepts NULL. */
void template_arena_free(struct template_arena *arena);
/* Zeroed, aligned for any type. NULL and ERR_TOO_BIG when the run's memory or its
 * effort is spent. */
void *template_arena_take(struct template_arena *arena, size_t size, struct err *err);
/* ERR_TOO_BIG when the run's steps or those of its effort are spent. Loops count each turn,
 * functions each element. */
MUST_CHECK bool template_arena_step(struct template_arena *arena, size_t steps, struct err *err);
/* A copy that lives as long as the arena. */
MUST_CHECK bool template_arena_text(struct template_arena *arena, struct str_view text,
                                    struct str_view *ret, struct err *err);

static inline bool value_is_nothing(const struct value *value)
{
    return value->kind == VALUE_ABSENT || value->kind == VALUE_NIL;
}
static inline bool value_is_integer(const struct value *value)
{
    return value->kind == VALUE_INT || value->kind == VALUE_INT64 || value->kind == VALUE_UINT8;
}
static inline bool value_is_list(const struct value *value)
{
    return value->kind == VALUE_LIST || value->kind == VALUE_STRINGS;
}
static inline bool value_is_dict(const struct value *value)
{
    return value->kind == VALUE_DICT || value->kind == VALUE_STRING_DICT;
}

struct value value_nil(void);
struct value value_bool(bool boolean);
struct value value_int(int64_t integer);
struct value value_int64(int64_t integer);
struct value value_float(double real);
struct value value_text(struct str_view text);
/* A copy of the buffer's bytes in the arena; fails when the buffer is over its ceiling. */
MUST_CHECK bool value_from_buf(struct template_arena *arena, const struct secret_buf *text,
                               struct value *ret, struct err *err);
/* A VALUE_LIST whose items are zeroed, for the caller to fill; of strings it may be made a
 * VALUE_STRINGS. */
MUST_CHECK bool value_list_make(struct template_arena *arena, size_t count, struct value *ret,
                                struct err *err);
/* VALUE_DICT or VALUE_STRING_DICT, empty. */
MUST_CHECK bool value_dict_make(struct template_arena *arena, enum value_kind kind, size_t capacity,
                                struct value *ret, struct err *err);
/* NULL when there is none. */
struct value *value_dict_get(const struct value_dict *dict, struct str_view key);
/* Puts or replaces; the key's text is borrowed. */
MUST_CHECK bool value_dict_put(struct template_arena *arena, struct value_dict *dict,
                               struct str_view key, struct value value, struct err *err);

/* text/template's truth: false for nil, absent, false, 0, "", empty lists and maps. */
bool value_is_true(const struct value *value);
/* Appends what fmt's "%v" prints: <nil>, map[a:1 k:<nil>], [1 b]; for an absent value <no value>.
 * An action prints a nil as <no value> too: that is for the executor to say. Nested deeper than
 * LIMIT_JSON_DEPTH, `ret` becomes failed, as over its ceiling. */
void value_print(const struct value *value, struct secret_buf *ret);
/* The shortest decimal, with an exponent below 1e-4 and from 1e6 on: 1e+06, 0.25, +Inf. */
void value_print_float(double real, struct secret_buf *ret);
/* Go's "%T": "string", "int", "float64", "map[string]interface {}", "<nil>", ... */
const char *value_type_name(const struct value *value);

#endif
