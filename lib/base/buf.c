/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SMALL_BYTES = 128,
    FIRST_CAPACITY = 512,
};

void buf_init(struct buf *buf, size_t ceiling)
{
    /* The NUL behind the bytes has to be countable too. */
    *buf = (struct buf){.ceiling = ceiling < SIZE_MAX ? ceiling : SIZE_MAX - 1};
}

void buf_done(struct buf *buf)
{
    if (buf->wipe && buf->data) {
        explicit_bzero(buf->data, buf->capacity);
    }
    free(buf->data);
    *buf = (struct buf){0};
}

void buf_clear(struct buf *buf)
{
    buf_truncate(buf, 0);
    buf->failed = false;
}

/* A wiping buffer never lets realloc move it: the old block would keep the bytes. */
static void reallocate(struct buf *buf, size_t capacity)
{
    if (!buf->wipe) {
        buf->data = mem_resize_array(buf->data, capacity, 1);
    } else {
        char *moved = mem_alloc(capacity);
        if (buf->data) {
            memcpy(moved, buf->data, buf->len);
            explicit_bzero(buf->data, buf->capacity);
            free(buf->data);
        }
        buf->data = moved;
    }
    buf->capacity = capacity;
}

/* More than `wanted`, doubling as long as the ceiling allows. */
static size_t capacity_for(const struct buf *buf, size_t wanted)
{
    size_t most = buf->ceiling + 1;
    size_t capacity = buf->capacity ? buf->capacity : FIRST_CAPACITY;
    while (capacity <= wanted && capacity <= most / 2) {
        capacity *= 2;
    }
    return capacity <= wanted || capacity > most ? most : capacity;
}

static bool reserve(struct buf *buf, size_t more)
{
    size_t wanted = 0;
    if (buf->failed || __builtin_add_overflow(buf->len, more, &wanted) || wanted > buf->ceiling) {
        buf->failed = true;
        return false;
    }
    if (wanted >= buf->capacity) {
        reallocate(buf, capacity_for(buf, wanted));
    }
    return true;
}

char *buf_extend_memory(struct buf *buf, size_t len)
{
    if (!reserve(buf, len)) {
        return NULL;
    }
    char *start = buf->data + buf->len;
    buf->len += len;
    buf->data[buf->len] = '\0';
    return start;
}

void buf_add_int(struct buf *buf, int64_t number)
{
    char text[sizeof "-9223372036854775808" - 1];
    char *at = text + sizeof text;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0) {
        *--at = '-';
    }
    buf_append(buf, at, (size_t)(text + sizeof text - at));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    /* Nearly everything fits, and then is formatted once. */
    char small[SMALL_BYTES];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    bool fits = len >= 0 && (size_t)len < sizeof small;
    if (fits) {
        buf_append(buf, small, (size_t)len);
    }
    if (buf->wipe) {
        explicit_bzero(small, sizeof small);
    }
    if (fits) {
        return;
    }
    if (len < 0 || !reserve(buf, (size_t)len)) {
        buf->failed = true;
        return;
    }
    va_start(args, format);
    (void)vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
}

void buf_truncate(struct buf *buf, size_t len)
{
    assert(len <= buf->len);
    if (buf->wipe && buf->data) {
        explicit_bzero(buf->data + len, buf->len - len);
    }
    buf->len = len;
    if (buf->data) {
        buf->data[len] = '\0';
    }
}

void buf_drop_front(struct buf *buf, size_t count)
{
    assert(count <= buf->len);
    if (count == 0) {
        return;
    }
    size_t rest = buf->len - count;
    memmove(buf->data, buf->data + count, rest);
    buf_truncate(buf, rest);
}

struct str_view buf_view(const struct buf *buf)
{
    return sv_make(buf->data, buf->len);
}

bool buf_check(const struct buf *buf, const char *what, struct err *err)
{
    if (buf->failed) {
        return err_set(err, ERR_TOO_BIG, "%s is over its limit of %zu bytes", what, buf->ceiling);
    }
    return true;
}

char *buf_take(struct buf *buf)
{
    char *data = buf->data ? buf->data : mem_dup("", 0);
    *buf = (struct buf){.ceiling = buf->ceiling, .wipe = buf->wipe};
    return data;
}
