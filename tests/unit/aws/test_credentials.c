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

START_TEST(holds_its_secrets_in_memory_that_is_wiped)
{
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert(credentials_new(SV("AKID"), SV("secret"), SV("token"), &credentials, &err));
    ck_assert(credentials->secret_access_key.bytes.wipe);
    ck_assert(credentials->session_token.bytes.wipe);
    credentials_release(credentials);
}
END_TEST

/* The service says 13:36 at 12:36 by its clock, whatever ours says. */
START_TEST(counts_its_lifetime_by_the_monotonic_clock)
{
    enum { HOUR_MS = 3600 * 1000, NOW_MS = 5000 };
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert(credentials_new(SV("AKID"), SV("secret"), SV("token"), &credentials, &err));
    ck_assert_int_eq(credentials->expires_ms, INT64_MAX);
    const int64_t wall_ms = INT64_C(1795437360000);
    credentials_set_expiry(credentials, wall_ms + HOUR_MS, wall_ms, NOW_MS);
    ck_assert_int_eq(credentials->fetched_ms, NOW_MS);
    ck_assert_int_eq(credentials->expires_ms, NOW_MS + HOUR_MS);
    credentials_set_expiry(credentials, wall_ms - HOUR_MS, wall_ms, NOW_MS);
    ck_assert_int_eq(credentials->expires_ms, NOW_MS - HOUR_MS);
    credentials_release(credentials);
}
END_TEST

static const struct {
    struct str_view id, secret, token;
    bool equal;
} others[] = {
    {BYTES("AKID"), BYTES("secret"), BYTES("token"), true},
    {BYTES("AKIE"), BYTES("secret"), BYTES("token"), false},
    {BYTES("AKID"), BYTES("Secret"), BYTES("token"), false},
    {BYTES("AKID"), BYTES("secret"), BYTES("tokens"), false},
    {BYTES("AKID"), BYTES("secret"), BYTES(""), false},
};

START_TEST(are_equal_when_all_three_are)
{
    struct credentials *a = NULL;
    struct credentials *b = NULL;
    struct err err = {0};
    ck_assert(credentials_new(SV("AKID"), SV("secret"), SV("token"), &a, &err));
    ck_assert(credentials_new(others[_i].id, others[_i].secret, others[_i].token, &b, &err));
    credentials_set_expiry(b, 1, 0, 0);
    ck_assert_int_eq(credentials_equal(a, b), others[_i].equal);
    ck_assert_int_eq(credentials_equal(b, a), others[_i].equal);
    credentials_release(a);
    credentials_release(b);
}
END_TEST

static unsigned destroyed;

static void destroy(struct credentials_provider *provider)
{
    (void)provider;
    destroyed++;
}

START_TEST(a_provider_lives_until_the_last_reference)
{
    struct credentials_provider provider = {.references = 1, .destroy = destroy};
    ck_assert_ptr_eq(credentials_provider_retain(&provider), &provider);
    credentials_provider_release(&provider);
    ck_assert_uint_eq(destroyed, 0);
    credentials_provider_release(&provider);
    ck_assert_uint_eq(destroyed, 1);
    credentials_provider_release(NULL);
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
    tcase_add_test(tcase, holds_its_secrets_in_memory_that_is_wiped);
    tcase_add_test(tcase, counts_its_lifetime_by_the_monotonic_clock);
    tcase_add_loop_test(tcase, are_equal_when_all_three_are, 0, ARRAY_LEN(others));
    tcase_add_test(tcase, a_provider_lives_until_the_last_reference);
    suite_add_tcase(suite, tcase);
    return suite;
}
