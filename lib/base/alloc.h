/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is always there, and the attributes that make forgetting hard.
 *
 * The allocators abort when the machine has nothing left: there is no useful way on. What an
 * outsider can make large never comes here unchecked; it goes into a `struct buf` with a ceiling
 * (base/buf.h). Memory is released with free(), which wipes (webhook/wipe.c). Any thread. */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>

#include "base/banned.h"

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
/* Runs `done(&variable)` when the variable goes out of scope. Never mixed with goto. */
#define CLEANUP(done) __attribute__((cleanup(done)))
#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* `size` bytes, zeroed. A size of 0 gives a pointer that may be freed. */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
/* `count` elements of `size` bytes, zeroed; aborts when the product overflows. */
void *mem_alloc_array(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
/* Grows or shrinks to `count` elements of `size` bytes; new bytes are not zeroed. */
void *mem_resize_array(void *old, size_t count, size_t size) __attribute__((returns_nonnull));
/* A copy of `len` bytes with a NUL behind them. */
char *mem_dup(const void *data, size_t len) __attribute__((malloc, returns_nonnull));
/* A copy of a C string. */
char *str_dup(const char *text) __attribute__((malloc, returns_nonnull));

/* For CLEANUP: frees what the variable points at. */
void mem_free_ptr(void *variable_address);

#endif
