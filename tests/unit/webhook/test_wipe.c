/* SPDX-License-Identifier: Apache-2.0 */
/* Linked as the program is: webhook/wipe.c is an object of this executable. The cases read memory
 * they have released, through volatile pointers, because that is what they are about. */
#include "webhook/wipe.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"

enum {
    MARK = 0x5a,
    /* glibc keeps its own pointers in the first words of a free block: four in a big one. */
    GLIBC_WORDS = 4 * sizeof(void *),
};

static size_t marks_left(const volatile unsigned char *block, size_t size)
{
    size_t left = 0;
    for (size_t i = GLIBC_WORDS; i < size; i++) {
        left += block[i] == MARK;
    }
    return left;
}

/* Sizes of the thread's cache, of the fast and the small bins, and of the unsorted list; below the
 * size from which glibc maps a block of its own, which is gone when released. */
static const size_t sizes[] = {64, 200, 1000, 1032, 2000, 20000, 100000};

/* On both sides of the block, so that a free one merges with nothing and stays what it was. */
static void *fences[2];

static void *mark_new(size_t size)
{
    fences[0] = malloc(size);
    void *block = malloc(size);
    fences[1] = malloc(size);
    ck_assert_ptr_nonnull(block);
    memset(block, MARK, size);
    return block;
}

static void fences_free(void)
{
    free(fences[0]);
    free(fences[1]);
}

/* The compiler knows that a released pointer is not to be used: it forgets where this one came
 * from. */
static const volatile unsigned char *hide(const void *block)
{
    uintptr_t address = (uintptr_t)block;
    __asm__ volatile("" : "+r"(address));
    return (const volatile unsigned char *)address;
}

START_TEST(wipes_what_free_releases)
{
    void *block = mark_new(sizes[_i]);
    const volatile unsigned char *seen = hide(block);
    free(block);
    ck_assert_uint_eq(marks_left(seen, sizes[_i]), 0);
    fences_free();
}
END_TEST

START_TEST(wipes_what_realloc_leaves_behind)
{
    void *block = mark_new(sizes[_i]);
    const volatile unsigned char *seen = hide(block);
    unsigned char *moved = realloc(block, sizes[_i] * 4);
    ck_assert_ptr_nonnull(moved);
    ck_assert(hide(moved) != seen);
    ck_assert_uint_eq(marks_left(moved, sizes[_i]), sizes[_i] - GLIBC_WORDS);
    ck_assert_uint_eq(marks_left(seen, sizes[_i]), 0);
    free(moved);
    fences_free();
}
END_TEST

START_TEST(wipes_the_tail_of_a_block_that_shrinks)
{
    unsigned char *block = mark_new(1000);
    unsigned char *shrunk = realloc(block, 600);
    ck_assert_ptr_nonnull(shrunk);
    ck_assert_uint_eq(marks_left(shrunk, 600), 600 - GLIBC_WORDS);
    ck_assert_uint_eq(marks_left(shrunk, malloc_usable_size(shrunk)), 600 - GLIBC_WORDS);
    free(shrunk);
    fences_free();
}
END_TEST

START_TEST(realloc_keeps_its_contract)
{
    char *text = realloc(NULL, 6);
    ck_assert_ptr_nonnull(text);
    memcpy(text, "hello", 6);
    text = realloc(text, 100000);
    ck_assert_str_eq(text, "hello");
    text = realloc(text, 6);
    ck_assert_str_eq(text, "hello");
    ck_assert_uint_lt(malloc_usable_size(text), 1000);
    ck_assert_ptr_null(realloc(text, 0));
    free(NULL);
}
END_TEST

START_TEST(other_allocators_of_glibc_release_here_too)
{
    void *blocks[4] = {calloc(10, 20), aligned_alloc(64, 256), NULL, reallocarray(NULL, 10, 20)};
    ck_assert_int_eq(posix_memalign(&blocks[2], 64, 256), 0);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_ptr_nonnull(blocks[i]);
        memset(blocks[i], MARK, 200);
        const volatile unsigned char *seen = hide(blocks[i]);
        free(blocks[i]);
        ck_assert_uint_eq(marks_left(seen, 200), 0);
    }
}
END_TEST

/* A library's own release: GnuTLS calls the `free` that the dynamic linker gave it. */
START_TEST(wipes_what_libraries_release)
{
    ck_assert(wipe_built_in());
    ck_assert(wipe_proven());
    void *block = gnutls_malloc(200);
    memset(block, MARK, 200);
    const volatile unsigned char *seen = hide(block);
    gnutls_free(block);
    ck_assert_uint_eq(marks_left(seen, 200), 0);
}
END_TEST

static void *volatile released_twice;

START_TEST(double_free_still_aborts)
{
    /* glibc says why on the terminal. */
    ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
    released_twice = mark_new(sizes[_i]);
    free(released_twice);
    free(released_twice);
    /* Not reached; and had it been, the next two would be the same block. */
    ck_assert_ptr_ne(malloc(sizes[_i]), malloc(sizes[_i]));
}
END_TEST

/* Blocks come from where those just released went. */
START_TEST(calloc_gives_zeroes_and_refuses_what_overflows)
{
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        free(mark_new(sizes[i]));
        fences_free();
        unsigned char *block = calloc(1, sizes[i]);
        ck_assert_ptr_nonnull(block);
        for (size_t at = 0; at < sizes[i]; at++) {
            ck_assert_uint_eq(block[at], 0);
        }
        free(block);
    }
    errno = 0;
    volatile size_t many = SIZE_MAX / 2;
    ck_assert_ptr_null(calloc(many, 3));
    ck_assert_int_eq(errno, ENOMEM);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("wipe");
    TCase *wipe = tcase_create("wipe");
    tcase_add_loop_test(wipe, wipes_what_free_releases, 0, sizeof sizes / sizeof sizes[0]);
    tcase_add_loop_test(wipe, wipes_what_realloc_leaves_behind, 0, sizeof sizes / sizeof sizes[0]);
    tcase_add_test(wipe, wipes_the_tail_of_a_block_that_shrinks);
    tcase_add_test(wipe, realloc_keeps_its_contract);
    tcase_add_test(wipe, other_allocators_of_glibc_release_here_too);
    tcase_add_test(wipe, wipes_what_libraries_release);
    tcase_add_test(wipe, calloc_gives_zeroes_and_refuses_what_overflows);
    suite_add_tcase(s, wipe);
    TCase *twice = tcase_create("double free");
    tcase_add_loop_test_raise_signal(twice, double_free_still_aborts, SIGABRT, 0,
                                     sizeof sizes / sizeof sizes[0]);
    suite_add_tcase(s, twice);
    return s;
}
