/* SPDX-License-Identifier: Apache-2.0 */
/* sprig's functions on lists. None changes a list but sortAlpha, which sorts a []string where it
 * stands, as Go's does. */
#include "externalsecret/template/arguments.h"
#include "externalsecret/template/functions_internal.h"

/* A new list with room for `count`, and the steps to fill it. */
static bool make(struct template_arena *arena, size_t count, struct value *ret, struct err *err)
{
    return template_arena_step(arena, count, err) && value_list_make(arena, count, ret, err);
}

static bool copy_items(struct template_arena *arena, const struct value *items, size_t count,
                       struct value *ret, struct err *err)
{
    struct value list = {0};
    if (!make(arena, count, &list, err)) {
        return false;
    }
    if (count > 0) {
        memcpy(list.list->items, items, count * sizeof *items);
    }
    *ret = list;
    return true;
}

bool function_list(TEMPLATE_CALL)
{
    return copy_items(arena, args, count, ret, err);
}

bool function_first(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    struct value_list *list = NULL;
    if (!argument_list(args, 0, &list, err)) {
        return false;
    }
    *ret = list->count > 0 ? list->items[0] : value_nil();
    return true;
}

bool function_last(TEMPLATE_CALL)
{
    (void)arena;
    (void)count;
    struct value_list *list = NULL;
    if (!argument_list(args, 0, &list, err)) {
        return false;
    }
    *ret = list->count > 0 ? list->items[list->count - 1] : value_nil();
    return true;
}

/* Without its first or its last; of an empty list a nil one. */
static bool shortened(struct template_arena *arena, const struct value *args, size_t from,
                      struct value *ret, struct err *err)
{
    struct value_list *list = NULL;
    if (!argument_list(args, 0, &list, err)) {
        return false;
    }
    bool empty = list->count == 0;
    if (!copy_items(arena, list->items + (empty ? 0 : from), empty ? 0 : list->count - 1, ret,
                    err)) {
        return false;
    }
    ret->list->is_nil = empty;
    return true;
}

bool function_rest(TEMPLATE_CALL)
{
    (void)count;
    return shortened(arena, args, 1, ret, err);
}

bool function_initial(TEMPLATE_CALL)
{
    (void)count;
    return shortened(arena, args, 0, ret, err);
}

/* The list with `args[1]` put in at `at`, or at the end. */
static bool extended(struct template_arena *arena, const struct value *args, bool in_front,
                     struct value *ret, struct err *err)
{
    struct value_list *list = NULL;
    struct value longer = {0};
    if (!argument_list(args, 0, &list, err) || !make(arena, list->count + 1, &longer, err)) {
        return false;
    }
    size_t at = in_front ? 1 : 0;
    if (list->count > 0) {
        memcpy(longer.list->items + at, list->items, list->count * sizeof *list->items);
    }
    longer.list->items[in_front ? 0 : list->count] = args[1];
    *ret = longer;
    return true;
}

bool function_append(TEMPLATE_CALL)
{
    (void)count;
    return extended(arena, args, false, ret, err);
}

bool function_prepend(TEMPLATE_CALL)
{
    (void)count;
    return extended(arena, args, true, ret, err);
}

bool function_concat(TEMPLATE_CALL)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        struct value_list *list = NULL;
        if (!argument_list(args, i, &list, err)) {
            return false;
        }
        total += list->count;
    }
    struct value all = {0};
    if (!make(arena, total, &all, err)) {
        return false;
    }
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (args[i].list->count > 0) {
            memcpy(all.list->items + at, args[i].list->items,
                   args[i].list->count * sizeof(struct value));
        }
        at += args[i].list->count;
    }
    all.list->is_nil = total == 0;
    *ret = all;
    return true;
}

bool function_reverse(TEMPLATE_CALL)
{
    (void)count;
    struct value_list *list = NULL;
    struct value reversed = {0};
    if (!argument_list(args, 0, &list, err) || !make(arena, list->count, &reversed, err)) {
        return false;
    }
    for (size_t i = 0; i < list->count; i++) {
        reversed.list->items[list->count - 1 - i] = list->items[i];
    }
    *ret = reversed;
    return true;
}

bool function_compact(TEMPLATE_CALL)
{
    (void)count;
    struct value_list *list = NULL;
    struct value kept = {0};
    if (!argument_list(args, 0, &list, err) || !make(arena, list->count, &kept, err)) {
        return false;
    }
    kept.list->count = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (value_is_true(&list->items[i])) {
            kept.list->items[kept.list->count++] = list->items[i];
        }
    }
    *ret = kept;
    return true;
}

static int compare_texts(const void *a, const void *b)
{
    const struct value *left = a;
    const struct value *right = b;
    return sv_compare(left->text, right->text);
}

bool function_sort_alpha(TEMPLATE_CALL)
{
    (void)count;
    struct value texts = {0};
    if (!value_to_texts(arena, &args[0], &texts, err)) {
        return false;
    }
    /* A nil is no list: sprig makes a text of it. */
    if (value_is_nil(&args[0])) {
        texts.list->items[texts.list->count++] = value_text(SV("<nil>"));
    }
    if (texts.list->count > 0) {
        qsort(texts.list->items, texts.list->count, sizeof(struct value), compare_texts);
    }
    *ret = texts;
    return true;
}

bool function_to_strings(TEMPLATE_CALL)
{
    (void)count;
    return value_to_texts(arena, &args[0], ret, err);
}
