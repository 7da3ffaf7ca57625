/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed bytes with a length: passed by value, never freed, may hold NUL.
 *
 * A view lives as long as what it points into. An empty view may have data NULL. Any thread. */
#ifndef BASE_STR_VIEW_H
#define BASE_STR_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

struct str_view {
    const char *data;
    size_t len;
};

/* A string literal as a view. */
#define SV(literal) ((struct str_view){.data = (literal), .len = sizeof(literal) - 1})
/* The same as a constant initialiser. */
#define SV_INIT(literal)                                                                           \
    {                                                                                              \
        .data = (literal), .len = sizeof(literal) - 1                                              \
    }
/* For printf: "%.*s". Never for secrets, which are no views outside lib/aws and the sinks. */
#define SV_ARG(view) (int)(view).len, (view).data ? (view).data : ""

static inline struct str_view sv_of(const char *text)
{
    return (struct str_view){.data = text, .len = text ? strlen(text) : 0};
}

static inline struct str_view sv_make(const char *data, size_t len)
{
    return (struct str_view){.data = data, .len = len};
}

static inline bool sv_equal(struct str_view a, struct str_view b)
{
    return a.len == b.len &&
           (a.len == 0 || (a.data && b.data && memcmp(a.data, b.data, a.len) == 0));
}

static inline bool sv_is(struct str_view view, const char *text)
{
    return sv_equal(view, sv_of(text));
}

/* Bytewise order, shorter first among equal prefixes: <0, 0, >0. */
int sv_compare(struct str_view a, struct str_view b);
bool sv_starts_with(struct str_view view, struct str_view prefix);
bool sv_ends_with(struct str_view view, struct str_view suffix);
/* ASCII letters only, as in header names (RFC 9110 §5.1). */
bool sv_equal_ignoring_case(struct str_view a, struct str_view b);
/* Index of the first `byte`, or view.len. */
size_t sv_find(struct str_view view, char byte);
/* Index of the last `byte`, or view.len. */
size_t sv_find_last(struct str_view view, char byte);
bool sv_contains(struct str_view view, struct str_view part);
/* Without the first `count` bytes (all of them when it is shorter). */
struct str_view sv_from(struct str_view view, size_t count);
/* The first `count` bytes (all when it is shorter). */
struct str_view sv_first(struct str_view view, size_t count);
/* Without spaces and tabs, CR and LF at both ends. */
struct str_view sv_trim(struct str_view view);
/* Takes the part before `separator` out of `*rest`, which then starts behind it. False when `*rest`
 * is exhausted, that is has data NULL. */
bool sv_split(struct str_view *rest, char separator, struct str_view *part);
/* Decimal digits only, no sign, no overflow, nothing behind. `*ret` untouched on failure. */
MUST_CHECK bool sv_to_u64(struct str_view view, uint64_t *ret);
/* As above with an optional minus. */
MUST_CHECK bool sv_to_i64(struct str_view view, int64_t *ret);
/* An owned NUL-terminated copy. */
char *sv_dup(struct str_view view);

#endif
