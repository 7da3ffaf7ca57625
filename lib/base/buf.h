/* SPDX-License-Identifier: Apache-2.0 */
/* Owned bytes that grow up to a ceiling given at the start.
 *
 * Going over the ceiling makes the buffer `failed`: it keeps what it had, takes nothing more, and
 * buf_check() answers ERR_TOO_BIG. So a writer appends freely and checks once at the end. The bytes
 * are always followed by a NUL that is not counted. One thread at a time. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/err.h"
#include "base/str_view.h"

struct buf {
    char *data;
    size_t len;
    size_t capacity;
    size_t ceiling;
    bool failed;
    bool wipe; /* overwrite bytes before they are given back; set by secret_buf only */
};

/* `ceiling` in bytes; nothing is allocated yet. */
void buf_init(struct buf *buf, size_t ceiling);
/* Releases; the buffer is then zeroed and may be initialised again. */
void buf_done(struct buf *buf);
/* Empties, keeps the memory and the ceiling, forgives an earlier failure. */
void buf_clear(struct buf *buf);

/* What buf_extend() calls when the memory does not suffice. */
char *buf_extend_memory(struct buf *buf, size_t len);
/* `len` more bytes to be filled by the caller, or NULL when over the ceiling. */
static inline char *buf_extend(struct buf *buf, size_t len)
{
    /* The memory ends at the ceiling, and is more than the bytes by the NUL. */
    if (buf->failed || len >= buf->capacity - buf->len) {
        return buf_extend_memory(buf, len);
    }
    char *start = buf->data + buf->len;
    buf->len += len;
    buf->data[buf->len] = '\0';
    return start;
}
static inline void buf_append(struct buf *buf, const void *data, size_t len)
{
    char *start = buf_extend(buf, len);
    if (start && len) {
        memcpy(start, data, len);
    }
}
static inline void buf_add(struct buf *buf, struct str_view view)
{
    buf_append(buf, view.data, view.len);
}
static inline void buf_add_str(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}
static inline void buf_add_byte(struct buf *buf, char byte)
{
    buf_append(buf, &byte, 1);
}
/* Decimal. */
void buf_add_int(struct buf *buf, int64_t number);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
/* Shortens to `len`, which is at most buf->len; the cut bytes are wiped in a secret buffer. */
void buf_truncate(struct buf *buf, size_t len);
/* Drops `count` bytes at the front, the rest moves down. */
void buf_drop_front(struct buf *buf, size_t count);

struct str_view buf_view(const struct buf *buf);
/* ERR_TOO_BIG when an append went over the ceiling. `what` names the content. */
MUST_CHECK bool buf_check(const struct buf *buf, const char *what, struct err *err);
/* The bytes as an owned C string; the buffer is left empty. */
char *buf_take(struct buf *buf);

#endif
