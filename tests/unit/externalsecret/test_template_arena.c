/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "check_main.h"
#include "externalsecret/template/value.h"

#include <stddef.h>

static void arena_done(struct template_arena **arena)
{
    template_arena_free(*arena);
}

START_TEST(gives_zeroed_and_aligned_memory)
{
    CLEANUP(arena_done) struct template_arena *arena = template_arena_new(NULL);
    struct err err = {0};
    for (size_t size = 0; size < 40000; size = size * 3 + 1) {
        unsigned char *taken = template_arena_take(arena, size, &err);
        ck_assert_ptr_nonnull(taken);
        ck_assert_uint_eq((uintptr_t)taken % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++) {
            ck_assert_uint_eq(taken[i], 0);
        }
        memset(taken, 0xa5, size);
    }
}
END_TEST

START_TEST(copies_text_that_outlives_its_origin)
{
    CLEANUP(arena_done) struct template_arena *arena = template_arena_new(NULL);
    struct err err = {0};
    char origin[] = "hunter2";
    struct str_view copy = {0};
    ck_assert(template_arena_text(arena, sv_of(origin), &copy, &err));
    memset(origin, 'x', sizeof origin - 1);
    ck_assert(sv_is(copy, "hunter2"));
    ck_assert(template_arena_text(arena, (struct str_view){0}, &copy, &err));
    ck_assert_uint_eq(copy.len, 0);
}
END_TEST

START_TEST(refuses_more_memory_than_a_run_has)
{
    CLEANUP(arena_done) struct template_arena *arena = template_arena_new(NULL);
    struct err err = {0};
    ck_assert_ptr_nonnull(template_arena_take(arena, LIMIT_TEMPLATE_BYTES - 16, &err));
    ck_assert_ptr_null(template_arena_take(arena, 17, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_ptr_null(template_arena_take(arena, SIZE_MAX, &err));
    ck_assert_ptr_nonnull(template_arena_take(arena, 16, &err));
    ck_assert_ptr_null(template_arena_take(arena, 1, &err));
}
END_TEST

START_TEST(refuses_more_steps_than_a_run_has)
{
    CLEANUP(arena_done) struct template_arena *arena = template_arena_new(NULL);
    struct err err = {0};
    ck_assert(template_arena_step(arena, LIMIT_TEMPLATE_STEPS - 1, &err));
    ck_assert(!template_arena_step(arena, 2, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert(template_arena_step(arena, 1, &err));
    ck_assert(!template_arena_step(arena, SIZE_MAX, &err));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("externalsecret/template/arena");
    TCase *tcase = tcase_create("arena");
    tcase_add_test(tcase, gives_zeroed_and_aligned_memory);
    tcase_add_test(tcase, copies_text_that_outlives_its_origin);
    tcase_add_test(tcase, refuses_more_memory_than_a_run_has);
    tcase_add_test(tcase, refuses_more_steps_than_a_run_has);
    suite_add_tcase(suite, tcase);
    return suite;
}
