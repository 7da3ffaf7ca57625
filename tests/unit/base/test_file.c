/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <sys/stat.h>

#include "check_main.h"

static char directory[] = "/tmp/keyturn-test-XXXXXX";
static char path[64];

static void setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/file", directory);
}

static void teardown(void)
{
    (void)unlink(path);
    (void)rmdir(directory);
}

static void write_file(size_t len)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < len; i++) {
        ck_assert_int_ne(fputc((int)(i * 31 % 256), file), EOF);
    }
    ck_assert_int_eq(fclose(file), 0);
}

static const size_t SIZES[] = {0, 1, 4095, 4096, 4097, 8192, 100000};

START_TEST(reads_the_whole_file)
{
    write_file(SIZES[_i]);
    CLEANUP(buf_done) struct buf content;
    buf_init(&content, 200000);
    buf_add_str(&content, "front");
    struct err err = {0};
    ck_assert_msg(file_read(path, &content, &err), "%s", err.message);
    ck_assert_uint_eq(content.len, SIZES[_i] + 5);
    for (size_t i = 0; i < SIZES[_i]; i++) {
        ck_assert_int_eq((unsigned char)content.data[5 + i], (int)(i * 31 % 256));
    }
}
END_TEST

START_TEST(a_file_of_the_ceilings_size_fits_and_one_byte_more_does_not)
{
    write_file(SIZES[_i]);
    CLEANUP(secret_buf_done) struct secret_buf content;
    secret_buf_init(&content, SIZES[_i]);
    struct err err = {0};
    ck_assert_msg(file_read_secret(path, &content, &err), "%s", err.message);
    ck_assert_uint_eq(secret_buf_view(&content).len, SIZES[_i]);
    write_file(SIZES[_i] + 1);
    buf_clear(&content.bytes);
    ck_assert(!file_read_secret(path, &content, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_ptr_nonnull(strstr(err.message, path));
    ck_assert_uint_eq(secret_buf_view(&content).len, 0);
}
END_TEST

START_TEST(says_which_file_is_missing)
{
    CLEANUP(buf_done) struct buf content;
    buf_init(&content, 100);
    struct err err = {0};
    ck_assert(!file_read(path, &content, &err));
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert_ptr_nonnull(strstr(err.message, path));
    write_file(1);
    char below[80];
    (void)snprintf(below, sizeof below, "%s/below", path);
    ck_assert(!file_read(below, &content, &err));
    ck_assert_int_eq(err.kind, ERR_MISSING);
}
END_TEST

START_TEST(a_directory_is_no_file)
{
    CLEANUP(buf_done) struct buf content;
    buf_init(&content, 100);
    buf_add_str(&content, "front");
    struct err err = {0};
    ck_assert(!file_read(directory, &content, &err));
    ck_assert_int_eq(err.kind, ERR_INTERNAL);
    ck_assert(sv_is(buf_view(&content), "front"));
    /* Also where there is no room for a byte. */
    CLEANUP(buf_done) struct buf full;
    buf_init(&full, 0);
    ck_assert(!file_read(directory, &full, &err));
    ck_assert_int_eq(err.kind, ERR_INTERNAL);
}
END_TEST

START_TEST(a_file_without_permission_is_denied)
{
    if (geteuid() == 0) {
        return; /* root reads everything */
    }
    write_file(1);
    ck_assert_int_eq(chmod(path, 0), 0);
    CLEANUP(buf_done) struct buf content;
    buf_init(&content, 100);
    struct err err = {0};
    ck_assert(!file_read(path, &content, &err));
    ck_assert_int_eq(err.kind, ERR_DENIED);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("file");
    TCase *tcase = tcase_create("file");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, reads_the_whole_file, 0, (int)ARRAY_LEN(SIZES));
    tcase_add_loop_test(tcase, a_file_of_the_ceilings_size_fits_and_one_byte_more_does_not, 0,
                        (int)ARRAY_LEN(SIZES));
    tcase_add_test(tcase, says_which_file_is_missing);
    tcase_add_test(tcase, a_directory_is_no_file);
    tcase_add_test(tcase, a_file_without_permission_is_denied);
    suite_add_tcase(suite, tcase);
    return suite;
}
