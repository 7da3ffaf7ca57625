/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_imds.h"

START_TEST(asks_for_a_token_the_role_and_its_credentials)
{
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {.answers = {IMDS_TOKEN, IMDS_ROLE, IMDS_KEYS}};
    fake_endpoint_init(&fake);
    struct credentials_provider *provider = imds_provider("", false);
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert_msg(imds_fetch(provider, &fake, &credentials, &err), "%s", err.message);
    ck_assert_uint_eq(fake.count, 3);
    imds_check_call(&fake.calls[0], "PUT", "/latest/api/token");
    ck_assert_str_eq(fake_header(&fake.calls[0], "x-aws-ec2-metadata-token-ttl-seconds"), "21600");
    ck_assert_int_eq(fake.calls[0].deadline_ms, FAKE_MONOTONIC_MS + 1000);
    imds_check_call(&fake.calls[1], "GET", "/latest/meta-data/iam/security-credentials/");
    ck_assert_str_eq(fake_header(&fake.calls[1], "x-aws-ec2-metadata-token"), "t1==");
    imds_check_call(&fake.calls[2], "GET", "/latest/meta-data/iam/security-credentials/my-role");
    ck_assert_str_eq(fake_header(&fake.calls[2], "x-aws-ec2-metadata-token"), "t1==");
    ck_assert_str_eq(credentials->access_key_id, "ASIA1");
    ck_assert_str_eq(credentials->secret_access_key.bytes.data, "hunter2");
    ck_assert_str_eq(credentials->session_token.bytes.data, "session");
    ck_assert_int_eq(credentials->expires_ms, FAKE_MONOTONIC_MS + 6 * 3600 * 1000);
    credentials_release(credentials);
    credentials_provider_release(provider);
}
END_TEST

static const struct {
    struct fake_answer answer;
    enum err_kind kind;
    bool blocked;
} no_token[] = {
    {{.status = 403}, ERR_DENIED, true},
    {{.status = 404}, ERR_DENIED, true},
    {{.status = 405}, ERR_DENIED, true},
    {{.failure = ERR_TIMEOUT, .takes_ms = 1000}, ERR_TIMEOUT, true},
    {{.status = 400}, ERR_INVALID, false},
    {{.status = 301}, ERR_UNAVAILABLE, false},
    {{.failure = ERR_UNAVAILABLE, .permanent = true}, ERR_UNAVAILABLE, false},
};

START_TEST(never_goes_back_to_version_1)
{
    CLEANUP(fake_endpoint_done) struct fake_endpoint fake = {.answers = {no_token[_i].answer}};
    fake_endpoint_init(&fake);
    struct credentials_provider *provider = imds_provider("", false);
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert(!imds_fetch(provider, &fake, &credentials, &err));
    ck_assert_uint_eq(fake.count, 1);
    ck_assert_str_eq(fake.calls[0].method, "PUT");
    ck_assert_int_eq(err.kind, no_token[_i].kind);
    ck_assert_ptr_nonnull(strstr(err.message, "no IMDSv2 token"));
    bool explained = strstr(err.message, "HttpPutResponseHopLimit") &&
                     strstr(err.message, "IRSA") && strstr(err.message, "EKS Pod Identity");
    ck_assert_msg(explained == no_token[_i].blocked, "%s", err.message);
    ck_assert_ptr_null(strstr(err.message, "..."));
    ck_assert_ptr_null(credentials);
    credentials_provider_release(provider);
}
END_TEST

START_TEST(does_not_go_back_after_a_failure_of_the_service)
{
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {.answers = {{.status = 503}, {.status = 503}, {.status = 503}}};
    fake_endpoint_init(&fake);
    struct credentials_provider *provider = imds_provider("", false);
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert(!imds_fetch(provider, &fake, &credentials, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_uint_eq(fake.count, 3);
    for (size_t i = 0; i < fake.count; i++) {
        ck_assert_str_eq(fake.calls[i].method, "PUT");
    }
    credentials_provider_release(provider);
}
END_TEST

START_TEST(fails_at_the_nth_call)
{
    static const struct fake_answer good[] = {IMDS_TOKEN, IMDS_ROLE, IMDS_KEYS};
    CLEANUP(fake_endpoint_done) struct fake_endpoint fake = {0};
    fake_endpoint_init(&fake);
    memcpy(fake.answers, good, sizeof good);
    fake.answers[_i] = (struct fake_answer){.failure = ERR_UNAVAILABLE, .permanent = true};
    struct credentials_provider *provider = imds_provider("", false);
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert(!imds_fetch(provider, &fake, &credentials, &err));
    ck_assert_ptr_null(credentials);
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_ptr_eq(strstr(err.message, "instance metadata: "), err.message);
    ck_assert_uint_eq(fake.count, (size_t)_i + 1);
    credentials_provider_release(provider);
}
END_TEST

START_TEST(recovers_when_the_nth_call_fails_for_a_moment)
{
    static const struct fake_answer good[] = {IMDS_TOKEN, IMDS_ROLE, IMDS_KEYS};
    CLEANUP(fake_endpoint_done) struct fake_endpoint fake = {0};
    fake_endpoint_init(&fake);
    for (int i = 0; i < 4; i++) {
        fake.answers[i] = i == _i ? (struct fake_answer){.status = 503} : good[i < _i ? i : i - 1];
    }
    struct credentials_provider *provider = imds_provider("", false);
    imds_must_fetch(provider, &fake);
    ck_assert_uint_eq(fake.count, 4);
    ck_assert_uint_eq(fake.pauses, 1);
    credentials_provider_release(provider);
}
END_TEST

static const struct {
    struct fake_answer answer;
    enum err_kind kind;
    const char *says;
} no_role[] = {
    {{.status = 404}, ERR_DENIED, "the instance has no role"},
    {{.status = 200, .body = ""}, ERR_UNAVAILABLE, "not the name of a role"},
    {{.status = 200, .body = "../../api"}, ERR_UNAVAILABLE, "not the name of a role"},
    {{.status = 200, .body = ".."}, ERR_UNAVAILABLE, "not the name of a role"},
    {{.status = 200, .body = "<html>"}, ERR_UNAVAILABLE, "not the name of a role"},
    {{.status = 200, .body = "a?b"}, ERR_UNAVAILABLE, "not the name of a role"},
    {{.status = 200, .body = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
     ERR_UNAVAILABLE,
     "not the name of a role"},
    {{.status = 403}, ERR_DENIED, "HTTP status 403"},
};

START_TEST(needs_the_name_of_a_role)
{
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {.answers = {IMDS_TOKEN, no_role[_i].answer}};
    fake_endpoint_init(&fake);
    struct credentials_provider *provider = imds_provider("", false);
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert(!imds_fetch(provider, &fake, &credentials, &err));
    ck_assert_int_eq(err.kind, no_role[_i].kind);
    ck_assert_msg(strstr(err.message, no_role[_i].says), "%s", err.message);
    ck_assert_uint_eq(fake.count, 2);
    credentials_provider_release(provider);
}
END_TEST

static const struct {
    const char *body;
    const char *path;
} roles[] = {
    {"my-role\n", "/latest/meta-data/iam/security-credentials/my-role"},
    {"Role_+=,.@-9\r\nother", "/latest/meta-data/iam/security-credentials/Role_+=,.@-9"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     "/latest/meta-data/iam/security-credentials/"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
};

START_TEST(takes_the_first_role)
{
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {
        .answers = {IMDS_TOKEN, {.status = 200, .body = roles[_i].body}, IMDS_KEYS}};
    fake_endpoint_init(&fake);
    struct credentials_provider *provider = imds_provider("", false);
    imds_must_fetch(provider, &fake);
    imds_check_call(&fake.calls[2], "GET", roles[_i].path);
    credentials_provider_release(provider);
}
END_TEST

static const struct {
    const char *body;
    enum err_kind kind;
    const char *says;
} no_keys[] = {
    {"{\"Code\":\"Failed\",\"Message\":\"hunter2\"}", ERR_UNAVAILABLE, "code Failed"},
    {"{\"Code\":\"AssumeRoleUnauthorizedAccess\"}", ERR_DENIED, "AssumeRoleUnauthorizedAccess"},
    {"{\"Code\":\"Success\"}", ERR_UNAVAILABLE, "without AccessKeyId"},
    {"hunter2", ERR_UNAVAILABLE, "not JSON"},
};

START_TEST(looks_into_an_answer_of_status_200)
{
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {
        .answers = {IMDS_TOKEN, IMDS_ROLE, {.status = 200, .body = no_keys[_i].body}}};
    fake_endpoint_init(&fake);
    struct credentials_provider *provider = imds_provider("", false);
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert(!imds_fetch(provider, &fake, &credentials, &err));
    ck_assert_int_eq(err.kind, no_keys[_i].kind);
    ck_assert_msg(strstr(err.message, no_keys[_i].says), "%s", err.message);
    ck_assert_ptr_nonnull(strstr(err.message, "role my-role"));
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    credentials_provider_release(provider);
}
END_TEST

static const struct {
    const char *endpoint;
    bool ipv6;
    const char *url;
} endpoints[] = {
    {"", true, "http://[fd00:ec2::254]/latest/api/token"},
    {"http://127.0.0.1:1338", false, "http://127.0.0.1:1338/latest/api/token"},
    {"http://127.0.0.1:1338/", true, "http://127.0.0.1:1338/latest/api/token"},
    {"https://metadata.example", false, "https://metadata.example/latest/api/token"},
};

START_TEST(asks_at_the_endpoint_that_is_configured)
{
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {.answers = {IMDS_TOKEN, IMDS_ROLE, IMDS_KEYS}};
    fake_endpoint_init(&fake);
    struct credentials_provider *provider =
        imds_provider(endpoints[_i].endpoint, endpoints[_i].ipv6);
    imds_must_fetch(provider, &fake);
    ck_assert_str_eq(fake.calls[0].url, endpoints[_i].url);
    credentials_provider_release(provider);
}
END_TEST

static const char *const bad_endpoints[] = {
    "http://169.254.170.2",
    "http://127.0.0.1/path",
    "http://127.0.0.1?x",
    "http://127.0.0.1//",
    "127.0.0.1",
    "http://u:hunter2@169.254.169.254",
    "http://10.0.0.1",
    "/",
};

START_TEST(refuses_another_endpoint)
{
    struct credentials_provider *provider = NULL;
    struct err err = {0};
    ck_assert(!credentials_imds(sv_of(bad_endpoints[_i]), false, &provider, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_ptr_null(provider);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("credentials_imds");
    TCase *tcase = tcase_create("credentials_imds");
    tcase_add_test(tcase, asks_for_a_token_the_role_and_its_credentials);
    tcase_add_loop_test(tcase, never_goes_back_to_version_1, 0, ARRAY_LEN(no_token));
    tcase_add_test(tcase, does_not_go_back_after_a_failure_of_the_service);
    tcase_add_loop_test(tcase, fails_at_the_nth_call, 0, 3);
    tcase_add_loop_test(tcase, recovers_when_the_nth_call_fails_for_a_moment, 0, 3);
    tcase_add_loop_test(tcase, needs_the_name_of_a_role, 0, ARRAY_LEN(no_role));
    tcase_add_loop_test(tcase, takes_the_first_role, 0, ARRAY_LEN(roles));
    tcase_add_loop_test(tcase, looks_into_an_answer_of_status_200, 0, ARRAY_LEN(no_keys));
    tcase_add_loop_test(tcase, asks_at_the_endpoint_that_is_configured, 0, ARRAY_LEN(endpoints));
    tcase_add_loop_test(tcase, refuses_another_endpoint, 0, ARRAY_LEN(bad_endpoints));
    suite_add_tcase(suite, tcase);
    return suite;
}
