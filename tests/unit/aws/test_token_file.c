/* SPDX-License-Identifier: Apache-2.0 */
#include "bytes.h"
#include "check_main.h"

#include "aws/token_file.h"

enum {
    CEILING = 32,
};

static char path[] = "/tmp/keyturn-token-file-XXXXXX";

static void write_file(struct str_view content)
{
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, content.data ? content.data : "", content.len),
                     (ssize_t)content.len);
    ck_assert_int_eq(close(fd), 0);
}

static void remove_file(void)
{
    (void)unlink(path);
}

static const struct {
    struct str_view content;
    const char *token;
} readable[] = {
    {BYTES("token"), "token"},
    {BYTES("token\n"), "token"},
    {BYTES("token\r\n"), "token"},
    {BYTES("a.b-c_d+e/f=="), "a.b-c_d+e/f=="},
    {BYTES(" two words "), " two words "},
    {BYTES("12345678901234567890123456789012"), "12345678901234567890123456789012"},
};

START_TEST(reads_one_line)
{
    CLEANUP(secret_buf_done) struct secret_buf token = {0};
    struct err err = {0};
    secret_buf_init(&token, CEILING);
    write_file(readable[_i].content);
    bool read = token_file_read(path, &token, &err);
    remove_file();
    ck_assert_msg(read, "%s", err.message);
    ck_assert_uint_eq(token.bytes.len, strlen(readable[_i].token));
    ck_assert_str_eq(token.bytes.data, readable[_i].token);
}
END_TEST

static const struct {
    struct str_view content;
    const char *says;
} unreadable[] = {
    {BYTES(""), "is empty"},
    {BYTES("\n"), "is empty"},
    {BYTES("\r\n"), "is empty"},
    {BYTES("hunter2\n\n"), "one line"},
    {BYTES("hunter2\r"), "one line"},
    {BYTES("hunter2\nX-Other: y"), "one line"},
    {BYTES("hunter2\0x"), "one line"},
    {BYTES("hunter2\tx"), "one line"},
    {BYTES("hunter2\x7f"), "one line"},
    {BYTES("\xef\xbb\xbfhunter2"), "one line"},
    {BYTES("hunter2hunter2hunter2hunter2hunter2"), "larger than"},
};

START_TEST(refuses_what_a_header_cannot_have)
{
    CLEANUP(secret_buf_done) struct secret_buf token = {0};
    struct err err = {0};
    secret_buf_init(&token, CEILING);
    write_file(unreadable[_i].content);
    bool read = token_file_read(path, &token, &err);
    remove_file();
    ck_assert(!read);
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_msg(strstr(err.message, unreadable[_i].says), "%s", err.message);
    ck_assert_ptr_nonnull(strstr(err.message, path));
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
}
END_TEST

START_TEST(says_which_file_is_missing)
{
    CLEANUP(secret_buf_done) struct secret_buf token = {0};
    struct err err = {0};
    secret_buf_init(&token, CEILING);
    ck_assert(!token_file_read("/nonexistent/token", &token, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "/nonexistent/token"));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("token_file");
    TCase *tcase = tcase_create("token_file");
    tcase_add_loop_test(tcase, reads_one_line, 0, ARRAY_LEN(readable));
    tcase_add_loop_test(tcase, refuses_what_a_header_cannot_have, 0, ARRAY_LEN(unreadable));
    tcase_add_test(tcase, says_which_file_is_missing);
    suite_add_tcase(suite, tcase);
    return suite;
}
