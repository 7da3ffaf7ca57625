/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"
#include "fake_endpoint.h"
#include "fake_environment.h"

#include "aws/credentials_providers.h"

static struct credentials_provider *provider_of(const struct variable *variables)
{
    const struct environment environment = fake_environment(variables);
    struct credentials_provider *provider = NULL;
    struct err err = {0};
    ck_assert_msg(credentials_environment(&environment, &provider, &err), "%s", err.message);
    return provider;
}

static struct credentials *fetch(struct credentials_provider *provider, struct fake_endpoint *fake)
{
    const struct credentials_request request = fake_request(fake);
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert_msg(provider->fetch(provider, &request, &credentials, &err), "%s", err.message);
    return credentials;
}

static const struct {
    struct variable variables[5];
    const char *token;
} sets[] = {
    {{{"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"}, {"AWS_SECRET_ACCESS_KEY", "secret"}}, ""},
    {{{"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"},
      {"AWS_SECRET_ACCESS_KEY", "secret"},
      {"AWS_SESSION_TOKEN", "new"},
      {"AWS_SECURITY_TOKEN", "old"}},
     "new"},
    {{{"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"},
      {"AWS_SECRET_ACCESS_KEY", "secret"},
      {"AWS_SESSION_TOKEN", ""},
      {"AWS_SECURITY_TOKEN", "old"}},
     "old"},
};

START_TEST(hands_out_the_keys_of_the_environment)
{
    struct fake_endpoint fake = {0};
    fake_endpoint_init(&fake);
    struct credentials_provider *provider = provider_of(sets[_i].variables);
    ck_assert_str_eq(provider->name, "environment");
    struct credentials *credentials = fetch(provider, &fake);
    ck_assert_str_eq(credentials->access_key_id, "AKIDEXAMPLE");
    ck_assert_str_eq(credentials->secret_access_key.bytes.data, "secret");
    ck_assert(sv_is(secret_buf_view(&credentials->session_token), sets[_i].token));
    ck_assert_int_eq(credentials->expires_ms, INT64_MAX);
    credentials_release(credentials);
    credentials_provider_release(provider);
    ck_assert_uint_eq(fake.count, 0);
}
END_TEST

START_TEST(keeps_what_it_read_and_its_credentials_outlive_it)
{
    struct fake_endpoint fake = {0};
    fake_endpoint_init(&fake);
    char secret[] = "secret";
    struct credentials_provider *provider = provider_of((const struct variable[]){
        {"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", secret}, {NULL, NULL}});
    memset(secret, 'x', strlen(secret));
    struct credentials *credentials = fetch(provider, &fake);
    credentials_provider_release(provider);
    ck_assert_str_eq(credentials->secret_access_key.bytes.data, "secret");
    credentials_release(credentials);
}
END_TEST

START_TEST(has_no_others)
{
    struct fake_endpoint fake = {0};
    fake_endpoint_init(&fake);
    struct credentials_provider *provider = provider_of(sets[0].variables);
    struct credentials *credentials = fetch(provider, &fake);
    struct credentials_request request = fake_request(&fake);
    request.refused = credentials;
    struct credentials *others = NULL;
    struct err err = {0};
    ck_assert(!provider->fetch(provider, &request, &others, &err));
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert(!err.retryable);
    ck_assert_ptr_null(others);
    credentials_release(credentials);
    credentials_provider_release(provider);
}
END_TEST

START_TEST(expires_when_the_environment_says)
{
    struct fake_endpoint fake = {0};
    fake_endpoint_init(&fake);
    struct credentials_provider *provider = provider_of((const struct variable[]){
        {"AWS_ACCESS_KEY_ID", "AKID"},
        {"AWS_SECRET_ACCESS_KEY", "secret"},
        {"AWS_CREDENTIAL_EXPIRATION", "2026-11-23T12:15:00+00:00"},
        {NULL, NULL},
    });
    struct credentials *credentials = fetch(provider, &fake);
    ck_assert_int_eq(credentials->expires_ms, FAKE_MONOTONIC_MS + 15 * 60 * 1000);
    ck_assert_int_eq(credentials->fetched_ms, FAKE_MONOTONIC_MS);
    credentials_release(credentials);

    fake_pass(&fake, 15 * 60 * 1000 - 1);
    credentials = fetch(provider, &fake);
    ck_assert_int_eq(credentials->expires_ms, fake.monotonic_ms + 1);
    credentials_release(credentials);

    fake_pass(&fake, 1);
    const struct credentials_request request = fake_request(&fake);
    struct err err = {0};
    credentials = NULL;
    ck_assert(!provider->fetch(provider, &request, &credentials, &err));
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(err.message, "AWS_CREDENTIAL_EXPIRATION"));
    ck_assert_ptr_null(credentials);
    credentials_provider_release(provider);
}
END_TEST

static const struct variable none[][3] = {
    {{NULL, NULL}},
    {{"AWS_ACCESS_KEY_ID", ""}, {"AWS_SECRET_ACCESS_KEY", ""}},
    {{"AWS_SESSION_TOKEN", ""}, {"AWS_CREDENTIAL_EXPIRATION", ""}},
};

START_TEST(says_that_there_are_none)
{
    ck_assert_ptr_null(provider_of(none[_i]));
}
END_TEST

static const struct {
    struct variable variables[4];
    const char *says;
} wrong[] = {
    {{{"AWS_ACCESS_KEY_ID", "AKID"}}, "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not"},
    {{{"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", ""}},
     "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not"},
    {{{"AWS_SECRET_ACCESS_KEY", "hunter2"}},
     "AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not"},
    {{{"AWS_SESSION_TOKEN", "hunter2"}}, "AWS_SESSION_TOKEN is set, but AWS_ACCESS_KEY_ID is not"},
    {{{"AWS_SECURITY_TOKEN", "hunter2"}},
     "AWS_SECURITY_TOKEN is set, but AWS_ACCESS_KEY_ID is not"},
    {{{"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", "hunter2 "}}, "secret access key"},
    {{{"AWS_ACCESS_KEY_ID", "hunter2\n"}, {"AWS_SECRET_ACCESS_KEY", "hunter2"}}, "access key id"},
    {{{"AWS_ACCESS_KEY_ID", "AKID"},
      {"AWS_SECRET_ACCESS_KEY", "hunter2"},
      {"AWS_SESSION_TOKEN", "hunter2\r\n"}},
     "session token"},
    {{{"AWS_ACCESS_KEY_ID", "AKID"},
      {"AWS_SECRET_ACCESS_KEY", "hunter2"},
      {"AWS_CREDENTIAL_EXPIRATION", "tomorrow"}},
     "AWS_CREDENTIAL_EXPIRATION"},
};

START_TEST(stops_at_half_a_set)
{
    struct variable variables[5] = {{NULL, NULL}};
    memcpy(variables, wrong[_i].variables, sizeof wrong[_i].variables);
    const struct environment environment = fake_environment(variables);
    struct credentials_provider *provider = NULL;
    struct err err = {0};
    ck_assert(!credentials_environment(&environment, &provider, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_msg(strstr(err.message, wrong[_i].says), "%s", err.message);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_ptr_null(provider);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("credentials_environment");
    TCase *tcase = tcase_create("credentials_environment");
    tcase_add_loop_test(tcase, hands_out_the_keys_of_the_environment, 0, ARRAY_LEN(sets));
    tcase_add_test(tcase, keeps_what_it_read_and_its_credentials_outlive_it);
    tcase_add_test(tcase, has_no_others);
    tcase_add_test(tcase, expires_when_the_environment_says);
    tcase_add_loop_test(tcase, says_that_there_are_none, 0, ARRAY_LEN(none));
    tcase_add_loop_test(tcase, stops_at_half_a_set, 0, ARRAY_LEN(wrong));
    suite_add_tcase(suite, tcase);
    return suite;
}
