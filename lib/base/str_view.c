/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str_view.h"

int sv_compare(struct str_view a, struct str_view b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

bool sv_starts_with(struct str_view view, struct str_view prefix)
{
    return view.len >= prefix.len && sv_equal(sv_first(view, prefix.len), prefix);
}

bool sv_ends_with(struct str_view view, struct str_view suffix)
{
    return view.len >= suffix.len && sv_equal(sv_from(view, view.len - suffix.len), suffix);
}

static char lower_ascii(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

bool sv_equal_ignoring_case(struct str_view a, struct str_view b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower_ascii(a.data[i]) != lower_ascii(b.data[i])) {
            return false;
        }
    }
    return true;
}

size_t sv_find(struct str_view view, char byte)
{
    const char *hit = view.len ? memchr(view.data, byte, view.len) : NULL;
    return hit ? (size_t)(hit - view.data) : view.len;
}

size_t sv_find_last(struct str_view view, char byte)
{
    const char *hit = view.len ? memrchr(view.data, byte, view.len) : NULL;
    return hit ? (size_t)(hit - view.data) : view.len;
}

bool sv_contains(struct str_view view, struct str_view part)
{
    return part.len == 0 || (view.len && memmem(view.data, view.len, part.data, part.len) != NULL);
}

struct str_view sv_from(struct str_view view, size_t count)
{
    if (count > view.len) {
        count = view.len;
    }
    return sv_make(view.data ? view.data + count : NULL, view.len - count);
}

struct str_view sv_first(struct str_view view, size_t count)
{
    return sv_make(view.data, count < view.len ? count : view.len);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

struct str_view sv_trim(struct str_view view)
{
    while (view.len && is_blank(view.data[0])) {
        view = sv_from(view, 1);
    }
    while (view.len && is_blank(view.data[view.len - 1])) {
        view.len--;
    }
    return view;
}

bool sv_split(struct str_view *rest, char separator, struct str_view *part)
{
    if (!rest->data) {
        return false;
    }
    size_t at = sv_find(*rest, separator);
    *part = sv_first(*rest, at);
    *rest = at < rest->len ? sv_from(*rest, at + 1) : (struct str_view){0};
    return true;
}

bool sv_to_u64(struct str_view view, uint64_t *ret)
{
    uint64_t value = 0;
    if (view.len == 0 || !view.data) {
        return false;
    }
    for (size_t i = 0; i < view.len; i++) {
        if (view.data[i] < '0' || view.data[i] > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(view.data[i] - '0'), &value)) {
            return false;
        }
    }
    *ret = value;
    return true;
}

bool sv_to_i64(struct str_view view, int64_t *ret)
{
    bool negative = view.len && view.data[0] == '-';
    uint64_t magnitude = 0;
    if (!sv_to_u64(negative ? sv_from(view, 1) : view, &magnitude)) {
        return false;
    }
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
        return false;
    }
    *ret = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

char *sv_dup(struct str_view view)
{
    return mem_dup(view.data, view.len);
}
