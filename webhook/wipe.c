/* SPDX-License-Identifier: Apache-2.0 */
/* Freed memory is overwritten, whoever allocated it: libcurl, GnuTLS, nettle and cJSON keep copies
 * of what passes through them, and their own allocation hooks reach one library each.
 *
 * A `free` defined in the executable takes precedence over glibc's for every library in the
 * process, but only while it stands in the executable's dynamic table. So this file is
 * compiled with default visibility, without link-time optimisation and without FORTIFY, and linked
 * as an object rather than from an archive. glibc's malloc, reallocarray, aligned_alloc and
 * posix_memalign stay in use; glibc exports its own under the names __libc_free and so on.
 *
 * glibc finds a double free by a key it leaves in the second word of a block it holds in a thread's
 * cache. Overwriting that word would make the second free succeed, and the next two allocations the
 * same block. So the key is learned once, and a block that carries it goes to glibc untouched,
 * which then aborts. */
#include "webhook/wipe.h"

#include <gnutls/gnutls.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

void __libc_free(void *block);
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);

enum {
    KEY_WORD = 1,
    PROBE_BYTES = 64, /* small enough for the thread's cache */
    SMALL_BYTES = 256,
    CACHED_BYTES = 1024,
};

static uintptr_t cache_key;
static __thread unsigned long frees_seen;

/* Before main(): until then there is no second thread, and a block freed earlier is merely not
 * checked for the key. */
__attribute__((constructor)) static void learn_cache_key(void)
{
    void *block = __libc_malloc(PROBE_BYTES);
    if (block) {
        volatile uintptr_t *words = block;
        __libc_free(block);
        cache_key = words[KEY_WORD];
    }
}

static bool freed_already(const void *block, size_t size)
{
    const volatile uintptr_t *words = block;
    return size >= (KEY_WORD + 1) * sizeof *words && cache_key != 0 && words[KEY_WORD] == cache_key;
}

/* Most blocks are small, and a call costs more than what it does for them. Usable sizes are 8 more
 * than a multiple of 16; the barrier makes the stores happen although the block is freed next. */
static void overwrite(void *block, size_t size)
{
    _Static_assert(sizeof(size_t) == sizeof(uint64_t), "usable sizes are multiples of a word");
    if (size > SMALL_BYTES) {
        explicit_bzero(block, size);
        return;
    }
    uint64_t *words = block;
    for (size_t i = 0; i < size / sizeof *words; i++) {
        words[i] = 0;
    }
    __asm__ volatile("" : : "r"(block) : "memory");
}

EXPORTED void free(void *block)
{
    frees_seen++;
    if (block) {
        size_t size = malloc_usable_size(block);
        if (!freed_already(block, size)) {
            overwrite(block, size);
        }
        __libc_free(block);
    }
}

/* glibc's own passes by the thread's cache, where most of what libtasn1 asks for has just been put
 * back. It knows of large blocks which are zero already. */
EXPORTED void *calloc(size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > CACHED_BYTES) {
        return __libc_calloc(count, size);
    }
    void *block = __libc_malloc(bytes);
    return block ? memset(block, 0, bytes) : NULL;
}

/* Never lets glibc move a block: the old place would keep its bytes. A block that stays is wiped
 * behind its new end. */
EXPORTED void *realloc(void *block, size_t size)
{
    if (!block) {
        return __libc_malloc(size);
    }
    if (size == 0) {
        free(block);
        return NULL;
    }
    size_t room = malloc_usable_size(block);
    if (size <= room && size >= room / 2) {
        explicit_bzero((char *)block + size, room - size);
        return block;
    }
    void *moved = __libc_malloc(size);
    if (moved) {
        memcpy(moved, block, size < room ? size : room);
        free(block);
    }
    return moved;
}

bool wipe_built_in(void)
{
    return true;
}

bool wipe_proven(void)
{
    unsigned long before = frees_seen;
    void *block = gnutls_malloc(PROBE_BYTES);
    gnutls_free(block);
    return block && frees_seen == before + 1;
}
