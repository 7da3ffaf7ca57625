/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void *mem_alloc(size_t size)
{
    void *memory = calloc(1, size ? size : 1);
    if (!memory) {
        abort();
    }
    return memory;
}

void *mem_alloc_array(size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        abort();
    }
    return mem_alloc(bytes);
}

void *mem_resize_array(void *old, size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        abort();
    }
    void *memory = realloc(old, bytes ? bytes : 1);
    if (!memory) {
        abort();
    }
    return memory;
}

char *mem_dup(const void *data, size_t len)
{
    char *copy = mem_alloc(len + 1);
    if (len) {
        memcpy(copy, data, len);
    }
    return copy;
}

char *str_dup(const char *text)
{
    return mem_dup(text, strlen(text));
}

void mem_free_ptr(void *variable_address)
{
    void *memory = NULL;
    memcpy(&memory, variable_address, sizeof memory);
    free(memory);
}
