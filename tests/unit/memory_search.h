/* SPDX-License-Identifier: Apache-2.0 */
/* Looks for a marker in all memory this process can write, its own buffer left out. The marker is
 * kept with half its bits turned, so that the search does not find itself. Not under a sanitizer,
 * which makes terabytes of memory. */
#ifndef MEMORY_SEARCH_H
#define MEMORY_SEARCH_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_main.h"

enum {
    MARKER_BYTES = 24,
    MARKER_TURNED = 0xa5,
    SEARCH_CHUNK_BYTES = 1 << 20,
    SEARCH_LINE_BYTES = 512,
};

static const unsigned char marker_turned[MARKER_BYTES] = {
    0x91, 0x5e, 0x07, 0xc4, 0x3a, 0xf0, 0x6b, 0x28, 0xdd, 0x12, 0x8f, 0x73,
    0xb6, 0x49, 0xe5, 0x1c, 0xa7, 0x60, 0x3d, 0xf9, 0x84, 0x2b, 0xd0, 0x56,
};

/* What the search reads into, which it passes over. */
static unsigned char search_chunk[SEARCH_CHUNK_BYTES + MARKER_BYTES];

static inline void marker_write(void *to)
{
    for (size_t i = 0; i < MARKER_BYTES; i++) {
        ((volatile unsigned char *)to)[i] = (unsigned char)(marker_turned[i] ^ MARKER_TURNED);
    }
}

static inline bool marker_is(const unsigned char *at)
{
    for (size_t i = 0; i < MARKER_BYTES; i++) {
        if ((at[i] ^ MARKER_TURNED) != marker_turned[i]) {
            return false;
        }
    }
    return true;
}

static inline bool search_is_own(uintptr_t at)
{
    return at >= (uintptr_t)search_chunk && at < (uintptr_t)search_chunk + sizeof search_chunk;
}

/* Chunks overlap, so that a marker across their boundary is seen; where it starts counts. */
static inline size_t search_count_in(int memory, uintptr_t from, uintptr_t to)
{
    size_t count = 0;
    for (uintptr_t at = from; at < to; at += SEARCH_CHUNK_BYTES) {
        size_t wanted = to - at < sizeof search_chunk ? to - at : sizeof search_chunk;
        ssize_t got = pread(memory, search_chunk, wanted, (off_t)at);
        for (size_t i = 0; got >= MARKER_BYTES && i <= (size_t)got - MARKER_BYTES; i++) {
            count +=
                i < SEARCH_CHUNK_BYTES && !search_is_own(at + i) && marker_is(search_chunk + i);
        }
        explicit_bzero(search_chunk, sizeof search_chunk);
    }
    return count;
}

/* "from-to " in hexadecimal, with which a mapping starts. */
static inline bool search_read_range(const char *line, uintptr_t *from, uintptr_t *to,
                                     const char **rest)
{
    char *end = NULL;
    *from = (uintptr_t)strtoull(line, &end, 16);
    if (end == line || *end != '-') {
        return false;
    }
    const char *second = end + 1;
    *to = (uintptr_t)strtoull(second, &end, 16);
    *rest = end + 1;
    return end != second && *end == ' ';
}

/* How often the marker lies in memory. */
static inline size_t search_count(void)
{
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    FILE *maps = fopen("/proc/self/maps", "re");
    ck_assert_int_ge(memory, 0);
    ck_assert_ptr_nonnull(maps);
    size_t count = 0;
    char line[SEARCH_LINE_BYTES];
    while (fgets(line, sizeof line, maps)) {
        uintptr_t from = 0;
        uintptr_t to = 0;
        const char *access = NULL;
        if (search_read_range(line, &from, &to, &access) && strncmp(access, "rw", 2) == 0) {
            count += search_count_in(memory, from, to);
        }
    }
    (void)fclose(maps);
    close(memory);
    return count;
}

#endif
