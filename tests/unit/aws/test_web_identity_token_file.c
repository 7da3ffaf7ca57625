/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"
#include "fake_endpoint.h"

#include "aws/credentials_providers.h"
#include "base/limits.h"

enum {
    TOKEN_MAX = 20000,
};

static char path[] = "/tmp/keyturn-web-identity-XXXXXX";

static void setup(void)
{
    ck_assert_int_eq(close(mkstemp(path)), 0);
}

static void teardown(void)
{
    (void)unlink(path);
}

static void write_file(size_t len, const char *end)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < len; i++) {
        ck_assert_int_eq(fputc('t', file), 't');
    }
    ck_assert_int_ge(fputs(end, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static bool read_length(const struct web_identity_token *token, size_t *ret, struct err *err)
{
    struct fake_endpoint fake = {0};
    fake_endpoint_init(&fake);
    const struct credentials_request request = fake_request(&fake);
    CLEANUP(secret_buf_done) struct secret_buf text = {0};
    secret_buf_init(&text, LIMIT_TOKEN_BYTES);
    if (!token->read(token->context, &request, &text, err)) {
        ck_assert_uint_eq(text.bytes.len, 0);
        return false;
    }
    *ret = text.bytes.len;
    return true;
}

START_TEST(reads_the_file_each_time)
{
    char given[] = "/tmp/keyturn-web-identity-XXXXXX";
    memcpy(given, path, sizeof given);
    const struct web_identity_token token = web_identity_token_file(sv_of(given));
    memset(given, 'x', strlen(given));
    size_t len = 0;
    struct err err = {0};
    write_file(3, "\n");
    ck_assert_msg(read_length(&token, &len, &err), "%s", err.message);
    ck_assert_uint_eq(len, 3);
    write_file(5, "");
    ck_assert(read_length(&token, &len, &err));
    ck_assert_uint_eq(len, 5);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert(!read_length(&token, &len, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, path));
    token.release(token.context);
}
END_TEST

static const struct {
    size_t len;
    const char *end;
    bool good;
} sizes[] = {
    {TOKEN_MAX, "", true},
    {TOKEN_MAX, "\n", true},
    {TOKEN_MAX, "\r\n", true},
    {TOKEN_MAX + 1, "", false},
    {TOKEN_MAX + 1, "\n", false},
    {TOKEN_MAX + 3, "", false},
    {0, "", false},
    {0, "\n", false},
    {3, "\n\n", false},
};

START_TEST(keeps_to_the_size_that_sts_takes)
{
    const struct web_identity_token token = web_identity_token_file(sv_of(path));
    size_t len = 0;
    struct err err = {0};
    write_file(sizes[_i].len, sizes[_i].end);
    ck_assert_int_eq(read_length(&token, &len, &err), sizes[_i].good);
    ck_assert_int_eq(err.kind, sizes[_i].good ? ERR_NONE : ERR_INVALID);
    ck_assert_uint_eq(len, sizes[_i].good ? sizes[_i].len : 0);
    token.release(token.context);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("web_identity_token_file");
    TCase *tcase = tcase_create("web_identity_token_file");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, reads_the_file_each_time);
    tcase_add_loop_test(tcase, keeps_to_the_size_that_sts_takes, 0, ARRAY_LEN(sizes));
    suite_add_tcase(suite, tcase);
    return suite;
}
