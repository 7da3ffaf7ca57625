/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"

#include <signal.h>
#include <stdint.h>

#include "check_main.h"

START_TEST(memory_is_zeroed)
{
    static const char zeros[3000];
    for (size_t size = 1; size <= sizeof zeros; size++) {
        char *used = malloc(size);
        ck_assert_ptr_nonnull(used);
        memset(used, 0xff, size);
        free(used);
        char *one = mem_alloc(size);
        ck_assert_mem_eq(one, zeros, size);
        free(one);
    }
    char *many = mem_alloc_array(300, 10);
    ck_assert_mem_eq(many, zeros, sizeof zeros);
    free(many);
}
END_TEST

START_TEST(a_size_of_nothing_can_be_freed)
{
    free(mem_alloc(0));
    free(mem_alloc_array(0, 8));
    free(mem_alloc_array(8, 0));
    free(mem_resize_array(NULL, 0, 8));
    free(mem_resize_array(mem_alloc(8), 0, 8));
}
END_TEST

START_TEST(resizing_keeps_the_front)
{
    int *numbers = mem_alloc_array(4, sizeof *numbers);
    for (int i = 0; i < 4; i++) {
        numbers[i] = i + 1;
    }
    numbers = mem_resize_array(numbers, 1000, sizeof *numbers);
    ck_assert_int_eq(numbers[3], 4);
    numbers = mem_resize_array(numbers, 2, sizeof *numbers);
    ck_assert_int_eq(numbers[1], 2);
    free(numbers);
}
END_TEST

START_TEST(a_copy_has_a_nul_behind_it)
{
    char *copy = mem_dup("a\0b", 3);
    ck_assert_mem_eq(copy, "a\0b\0", 4);
    free(copy);
    copy = mem_dup(NULL, 0);
    ck_assert_str_eq(copy, "");
    free(copy);
    copy = str_dup("text");
    ck_assert_str_eq(copy, "text");
    free(copy);
}
END_TEST

START_TEST(cleanup_frees_what_a_variable_points_at)
{
    /* The leak checker of the sanitizer build sees to it. */
    CLEANUP(mem_free_ptr) char *text = str_dup("freed");
    CLEANUP(mem_free_ptr) int *nothing = NULL;
    ck_assert_str_eq(text, "freed");
    ck_assert_ptr_null(nothing);
}
END_TEST

START_TEST(an_overflowing_product_aborts)
{
    free(mem_resize_array(NULL, SIZE_MAX / 4, 8));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("alloc");
    TCase *tcase = tcase_create("alloc");
    tcase_add_test(tcase, memory_is_zeroed);
    tcase_add_test(tcase, a_size_of_nothing_can_be_freed);
    tcase_add_test(tcase, resizing_keeps_the_front);
    tcase_add_test(tcase, a_copy_has_a_nul_behind_it);
    tcase_add_test(tcase, cleanup_frees_what_a_variable_points_at);
    tcase_add_test_raise_signal(tcase, an_overflowing_product_aborts, SIGABRT);
    suite_add_tcase(suite, tcase);
    return suite;
}
