/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what json_parse() has built: members, types, text, equality. */
#include "base/json.h"

#include <stdarg.h>

static int compare_keys(const void *a, const void *b)
{
    const struct json *const *left = a;
    const struct json *const *right = b;
    return sv_compare(json_key(*left), json_key(*right));
}

/* `count` members from `first` on, in the order of their names; the caller frees. */
const struct json **json_sorted_members(const struct json *first, size_t count)
{
    const struct json **members = mem_alloc_array(count, sizeof *members);
    for (size_t i = 0; i < count; i++, first = first->next) {
        members[i] = first;
    }
    qsort(members, count, sizeof *members, compare_keys);
    return members;
}

const struct json *json_first(const struct json *node)
{
    return node && (node->type == JSON_ARRAY || node->type == JSON_OBJECT) ? node->child : NULL;
}

const struct json *json_member_sv(const struct json *object, struct str_view name)
{
    if (!json_is(object, JSON_OBJECT)) {
        return NULL;
    }
    for (const struct json *member = object->child; member; member = member->next) {
        /* Names of one length mostly differ in their last byte; few come to be compared whole. */
        if (member->key_len == name.len &&
            (name.len == 0 || (member->key[name.len - 1] == name.data[name.len - 1] &&
                               memcmp(member->key, name.data, name.len) == 0))) {
            return member;
        }
    }
    return NULL;
}

const struct json *json_path(const struct json *node, ...)
{
    va_list names;
    va_start(names, node);
    const char *name = va_arg(names, const char *);
    while (node && name) {
        node = json_member(node, name);
        name = va_arg(names, const char *);
    }
    va_end(names);
    return node;
}

bool json_string_is(const struct json *node, const char *text)
{
    return json_is(node, JSON_STRING) && sv_is(json_string(node), text);
}

bool json_to_i64(const struct json *node, int64_t *ret)
{
    return json_is(node, JSON_NUMBER) && sv_to_i64(sv_make(node->text, node->len), ret);
}

static bool same_member(const struct json *a, const struct json *b)
{
    return sv_equal(json_key(a), json_key(b)) && json_equal(a, b);
}

static bool equal_sorted(const struct json *a, const struct json *b, size_t count)
{
    CLEANUP(mem_free_ptr) const struct json **left = json_sorted_members(a, count);
    CLEANUP(mem_free_ptr) const struct json **right = json_sorted_members(b, count);
    for (size_t i = 0; i < count; i++) {
        if (!same_member(left[i], right[i])) {
            return false;
        }
    }
    return true;
}

/* Both have as many members. They come from the API server in one order, so the twin is nearly
 * always the next one; where it is not, the rest is sorted, which keeps a crafted object from
 * costing n * n. No member is looked at twice: nested objects would double that at every level. */
static bool equal_objects(const struct json *a, const struct json *b)
{
    const struct json *twin = json_first(b);
    size_t left = a->len;
    JSON_FOR_EACH (member, a) {
        if (!sv_equal(json_key(member), json_key(twin))) {
            return equal_sorted(member, twin, left);
        }
        if (!json_equal(member, twin)) {
            return false;
        }
        twin = twin->next;
        left--;
    }
    return true;
}

static bool equal_arrays(const struct json *a, const struct json *b)
{
    const struct json *right = json_first(b);
    JSON_FOR_EACH (left, a) {
        if (!json_equal(left, right)) {
            return false;
        }
        right = right->next;
    }
    return true;
}

bool json_equal(const struct json *a, const struct json *b)
{
    if (!a || !b) {
        return a == b;
    }
    if (a->type != b->type) {
        return false;
    }
    switch ((enum json_type)a->type) {
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE:
        return true;
    case JSON_NUMBER:
    case JSON_STRING:
        return sv_equal(sv_make(a->text, a->len), sv_make(b->text, b->len));
    case JSON_ARRAY:
        return a->len == b->len && equal_arrays(a, b);
    case JSON_OBJECT:
        return a->len == b->len && equal_objects(a, b);
    }
    return false;
}
