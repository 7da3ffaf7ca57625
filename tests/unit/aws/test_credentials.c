/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials.h"

#include "bytes.h"
#include "check_main.h"

START_TEST(copies_what_it_is_given)
{
    char id[] = "AKIDEXAMPLE";
    char secret[] = "wJalr/XUtn+FEMI=";
    char token[] = "AQoDYXdzEPT//token==";
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert(credentials_new(sv_of(id), sv_of(secret), sv_of(token), &credentials, &err));
    memset(id, 'x', sizeof id - 1);
    memset(secret, 'x', sizeof secret - 1);
    memset(token, 'x', sizeof token - 1);
    ck_assert_str_eq(credentials->access_key_id, "AKIDEXAMPLE");
    ck_assert(
        secret_equal(secret_buf_view(&credentials->secret_access_key), SV("wJalr/XUtn+FEMI=")));
    ck_assert(
        secret_equal(secret_buf_view(&credentials->session_token), SV("AQoDYXdzEPT//token==")));
    credentials_release(credentials);
}
END_TEST

START_TEST(lives_until_the_last_reference)
{
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert(credentials_new(SV("AKID"), SV("secret"), SV(""), &credentials, &err));
    ck_assert_uint_eq(credentials->session_token.bytes.len, 0);
    struct credentials *second = credentials_retain(credentials);
    credentials_release(credentials);
    ck_assert_str_eq(second->access_key_id, "AKID");
    credentials_release(second);
    credentials_release(NULL);
}
END_TEST

static const struct {
    struct str_view id, secret, token;
    const char *named;
} malformed[] = {
    {BYTES(""), BYTES("hunter2"), BYTES(""), "access key id"},
    {BYTES("AK/ID"), BYTES("hunter2"), BYTES(""), "access key id"},
    {BYTES("AK,ID"), BYTES("hunter2"), BYTES(""), "access key id"},
    {BYTES("AK ID"), BYTES("hunter2"), BYTES(""), "access key id"},
    {BYTES("AKID\r\nX: y"), BYTES("hunter2"), BYTES(""), "access key id"},
    {BYTES("AKID"), BYTES(""), BYTES(""), "secret access key"},
    {BYTES("AKID"), BYTES("hunter2\n"), BYTES(""), "secret access key"},
    {BYTES("AKID"), BYTES("hunter2\0x"), BYTES(""), "secret access key"},
    {BYTES("AKID"), BYTES("hunter2"), BYTES("hunter2 "), "session token"},
    {BYTES("AKID"), BYTES("hunter2"), BYTES("hunter2\r\nHost: x"), "session token"},
    {BYTES("AKID"), BYTES("hunter2"), BYTES("hunter2\xc3\xa9"), "session token"},
};

START_TEST(refuses_what_no_header_may_hold)
{
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert(!credentials_new(malformed[_i].id, malformed[_i].secret, malformed[_i].token,
                               &credentials, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, malformed[_i].named));
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_ptr_null(credentials);
}
END_TEST

START_TEST(bounds_what_it_is_given)
{
    CLEANUP(mem_free_ptr) char *text = mem_alloc(LIMIT_CREDENTIAL_BYTES + 1);
    memset(text, 'A', LIMIT_CREDENTIAL_BYTES + 1);
    struct credentials *credentials = NULL;
    struct err err = {0};
    struct str_view most = sv_make(text, LIMIT_CREDENTIAL_BYTES);
    struct str_view over = sv_make(text, LIMIT_CREDENTIAL_BYTES + 1);
    ck_assert(
        !credentials_new(sv_first(most, ACCESS_KEY_ID_BYTES), most, most, &credentials, &err));
    ck_assert(!credentials_new(SV("AKID"), over, most, &credentials, &err));
    ck_assert(!credentials_new(SV("AKID"), most, over, &credentials, &err));
    ck_assert(
        credentials_new(sv_first(most, ACCESS_KEY_ID_BYTES - 1), most, most, &credentials, &err));
    credentials_release(credentials);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("credentials");
    TCase *tcase = tcase_create("credentials");
    tcase_add_test(tcase, copies_what_it_is_given);
    tcase_add_test(tcase, lives_until_the_last_reference);
    tcase_add_loop_test(tcase, refuses_what_no_header_may_hold, 0, ARRAY_LEN(malformed));
    tcase_add_test(tcase, bounds_what_it_is_given);
    suite_add_tcase(suite, tcase);
    return suite;
}
