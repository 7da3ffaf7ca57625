/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory_file.h"

#include <fcntl.h>

#include "base/file.h"
#include "check_main.h"

static void assert_content(const struct memory_file *file, struct str_view expected)
{
    CLEANUP(buf_done) struct buf content;
    buf_init(&content, 100000);
    struct err err = {0};
    ck_assert_msg(file_read(memory_file_path(file), &content, &err), "%s", err.message);
    ck_assert(sv_equal(buf_view(&content), expected));
}

START_TEST(has_a_path_once_written)
{
    CLEANUP(memory_file_done) struct memory_file file;
    memory_file_init(&file);
    ck_assert_ptr_null(memory_file_path(&file));
    struct err err;
    ck_assert(memory_file_write(&file, SV("first, the longer one"), &err));
    char *path = str_dup(memory_file_path(&file));
    assert_content(&file, SV("first, the longer one"));
    /* Replaced whole, under the same path, however often it is opened. */
    ck_assert(memory_file_write(&file, SV("second"), &err));
    ck_assert_str_eq(memory_file_path(&file), path);
    assert_content(&file, SV("second"));
    assert_content(&file, SV("second"));
    ck_assert(memory_file_write(&file, (struct str_view){0}, &err));
    assert_content(&file, SV(""));
    free(path);
}
END_TEST

START_TEST(holds_large_content)
{
    CLEANUP(memory_file_done) struct memory_file file;
    memory_file_init(&file);
    char *text = mem_alloc(90000);
    memset(text, 'k', 90000);
    struct err err;
    ck_assert(memory_file_write(&file, sv_make(text, 90000), &err));
    assert_content(&file, sv_make(text, 90000));
    free(text);
}
END_TEST

START_TEST(children_do_not_inherit_it)
{
    CLEANUP(memory_file_done) struct memory_file file;
    memory_file_init(&file);
    struct err err;
    ck_assert(memory_file_write(&file, SV("x"), &err));
    ck_assert_int_eq(fcntl(file.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}
END_TEST

START_TEST(is_gone_when_done)
{
    struct memory_file file;
    memory_file_init(&file);
    struct err err;
    ck_assert(memory_file_write(&file, SV("x"), &err));
    int fd = file.fd;
    memory_file_done(&file);
    ck_assert_ptr_null(memory_file_path(&file));
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    memory_file_done(&file);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("memory_file");
    TCase *tcase = tcase_create("memory_file");
    tcase_add_test(tcase, has_a_path_once_written);
    tcase_add_test(tcase, holds_large_content);
    tcase_add_test(tcase, children_do_not_inherit_it);
    tcase_add_test(tcase, is_gone_when_done);
    suite_add_tcase(suite, tcase);
    return suite;
}
