/* SPDX-License-Identifier: Apache-2.0 */
/* Runes as Go's unicode/utf8 takes them: what is no UTF-8 counts byte by byte, each as U+FFFD. By
 * libunistring. Any thread. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/buf.h"

enum {
    UTF8_REPLACEMENT = 0xfffd, /* stands for a byte that is no UTF-8, and for a lone surrogate */
    UTF8_LAST_RUNE = 0x10ffff,
    UTF8_MOST_BYTES = 4,
};

/* The first rune of `text`; `*ret_bytes` is how many bytes it takes: 1 for a byte that is no UTF-8,
 * 0 at the end of the text. */
uint32_t utf8_first(struct str_view text, size_t *ret_bytes);
/* The last one, likewise. */
uint32_t utf8_last(struct str_view text, size_t *ret_bytes);
size_t utf8_count(struct str_view text);
/* The bytes of the first `count` runes, or all of them. */
struct str_view utf8_prefix(struct str_view text, size_t count);

/* A code point, and no surrogate. */
bool utf8_is_rune(uint32_t code);
/* How many bytes `rune` takes; what is no rune is written as U+FFFD. */
size_t utf8_put(uint32_t rune, char ret[UTF8_MOST_BYTES]);
void utf8_add(struct buf *out, uint32_t rune);

#endif
