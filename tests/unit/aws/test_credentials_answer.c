/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"
#include "fake_endpoint.h"

#include "aws/credentials_answer.h"

#define KEYS "\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"hunter2\",\"Token\":\"to/ken==\""
#define IN_AN_HOUR "\"Expiration\":\"2026-11-23T13:00:00Z\""

static void answer_init(struct http_response *response, const char *headers, const char *body)
{
    *response = (struct http_response){.status = 200};
    buf_init(&response->headers, 1024);
    buf_add_str(&response->headers, headers);
    secret_buf_init(&response->body, LIMIT_CREDENTIAL_ANSWER_BYTES);
    secret_buf_add(&response->body, sv_of(body));
}

static bool read_text(const char *text, enum credential_endpoint_kind kind,
                      struct credentials **ret, int64_t *ret_ms, struct err *err)
{
    CLEANUP(secret_buf_done) struct secret_buf body = {0};
    secret_buf_init(&body, LIMIT_CREDENTIAL_ANSWER_BYTES);
    secret_buf_add(&body, sv_of(text));
    return credentials_answer_read(&body, kind, ret, ret_ms, err);
}

static const struct {
    const char *text;
    enum credential_endpoint_kind kind;
    int64_t expires_ms; /* after FAKE_WALL_MS */
} good[] = {
    {"{" KEYS "," IN_AN_HOUR "}", CREDENTIALS_OF_CONTAINER, 3600000},
    {"{" KEYS ",\"Expiration\":\"2026-11-23T12:00:01.123456789Z\",\"AccountId\":\"1\"}",
     CREDENTIALS_OF_CONTAINER, 1123},
    {"{" KEYS ",\"Expiration\":\"2026-11-23T14:00:00+01:00\"}", CREDENTIALS_OF_CONTAINER, 3600000},
    {"{\"RoleArn\":\"arn:aws:iam::1:role/x\"," KEYS "," IN_AN_HOUR ",\"n\":{\"a\":[1,null]}}",
     CREDENTIALS_OF_CONTAINER, 3600000},
    {" {\"Code\" : "
     "\"Success\",\n\"LastUpdated\":\"2026-11-23T11:00:00Z\",\"Type\":\"AWS-HMAC\"," KEYS
     "," IN_AN_HOUR "}\n",
     CREDENTIALS_OF_INSTANCE, 3600000},
};

START_TEST(reads_the_four_members)
{
    struct credentials *credentials = NULL;
    int64_t expires_ms = 0;
    struct err err = {0};
    ck_assert_msg(read_text(good[_i].text, good[_i].kind, &credentials, &expires_ms, &err), "%s",
                  err.message);
    ck_assert_str_eq(credentials->access_key_id, "ASIA1");
    ck_assert_str_eq(credentials->secret_access_key.bytes.data, "hunter2");
    ck_assert_str_eq(credentials->session_token.bytes.data, "to/ken==");
    ck_assert_int_eq(expires_ms - FAKE_WALL_MS, good[_i].expires_ms);
    credentials_release(credentials);
}
END_TEST

static const struct {
    const char *text;
    enum credential_endpoint_kind kind;
    enum err_kind failure;
    const char *says;
} bad[] = {
    {"", CREDENTIALS_OF_CONTAINER, ERR_UNAVAILABLE, "not JSON"},
    {"hunter2", CREDENTIALS_OF_CONTAINER, ERR_UNAVAILABLE, "not JSON"},
    {"<html>hunter2</html>", CREDENTIALS_OF_INSTANCE, ERR_UNAVAILABLE, "not JSON"},
    {"{" KEYS "," IN_AN_HOUR, CREDENTIALS_OF_CONTAINER, ERR_UNAVAILABLE, "not JSON"},
    {"{" KEYS "," IN_AN_HOUR ",\"Token\":\"x\"}", CREDENTIALS_OF_CONTAINER, ERR_UNAVAILABLE,
     "not JSON"},
    {"null", CREDENTIALS_OF_CONTAINER, ERR_UNAVAILABLE, "without AccessKeyId"},
    {"[]", CREDENTIALS_OF_CONTAINER, ERR_UNAVAILABLE, "without AccessKeyId"},
    {"{}", CREDENTIALS_OF_CONTAINER, ERR_UNAVAILABLE, "without AccessKeyId"},
    {"{\"AccessKeyId\":\"A\"}", CREDENTIALS_OF_CONTAINER, ERR_UNAVAILABLE,
     "without SecretAccessKey"},
    {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hunter2\"}", CREDENTIALS_OF_CONTAINER,
     ERR_UNAVAILABLE, "without Token"},
    {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hunter2\",\"Token\":\"\"," IN_AN_HOUR "}",
     CREDENTIALS_OF_CONTAINER, ERR_UNAVAILABLE, "without Token"},
    {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":7,\"Token\":\"t\"," IN_AN_HOUR "}",
     CREDENTIALS_OF_CONTAINER, ERR_UNAVAILABLE, "without SecretAccessKey"},
    {"{" KEYS "}", CREDENTIALS_OF_CONTAINER, ERR_UNAVAILABLE, "without Expiration"},
    {"{" KEYS ",\"Expiration\":\"hunter2\"}", CREDENTIALS_OF_CONTAINER, ERR_UNAVAILABLE,
     "not a time"},
    {"{" KEYS ",\"Expiration\":1795438800}", CREDENTIALS_OF_CONTAINER, ERR_UNAVAILABLE,
     "without Expiration"},
    {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hunter2\\nX\",\"Token\":\"t\"," IN_AN_HOUR "}",
     CREDENTIALS_OF_CONTAINER, ERR_UNAVAILABLE, "secret access key is malformed"},
    {"{\"AccessKeyId\":\"A\\u0000B\",\"SecretAccessKey\":\"s\",\"Token\":\"t\"," IN_AN_HOUR "}",
     CREDENTIALS_OF_CONTAINER, ERR_UNAVAILABLE, "access key id is malformed"},
    {"{" KEYS "," IN_AN_HOUR "}", CREDENTIALS_OF_INSTANCE, ERR_UNAVAILABLE, "code (none)"},
    {"{\"Code\":\"success\"," KEYS "," IN_AN_HOUR "}", CREDENTIALS_OF_INSTANCE, ERR_UNAVAILABLE,
     "code success"},
    {"{\"Code\":\"Failed\",\"Message\":\"hunter2\"}", CREDENTIALS_OF_INSTANCE, ERR_UNAVAILABLE,
     "code Failed"},
    {"{\"Code\":\"hunter2 and more\"}", CREDENTIALS_OF_INSTANCE, ERR_UNAVAILABLE, "code (none)"},
    {"{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"hunter2\"}", CREDENTIALS_OF_INSTANCE,
     ERR_DENIED, "AssumeRoleUnauthorizedAccess"},
};

START_TEST(refuses_another_answer_without_showing_it)
{
    struct credentials *credentials = NULL;
    int64_t expires_ms = 7;
    struct err err = {0};
    ck_assert(!read_text(bad[_i].text, bad[_i].kind, &credentials, &expires_ms, &err));
    ck_assert_int_eq(err.kind, bad[_i].failure);
    ck_assert_msg(strstr(err.message, bad[_i].says), "%s", err.message);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_ptr_null(credentials);
    ck_assert_int_eq(expires_ms, 7);
}
END_TEST

static bool accept(struct fake_endpoint *fake, const char *headers, const char *body,
                   enum credential_endpoint_kind kind, const struct credentials *refused,
                   struct credentials **ret, struct err *err)
{
    CLEANUP(http_response_done) struct http_response response;
    answer_init(&response, headers, body);
    struct credentials_request request = fake_request(fake);
    request.refused = refused;
    return credentials_answer_accept(&response, kind, &request, ret, err);
}

static const char container_answer[] = "{" KEYS "," IN_AN_HOUR "}";
static const char instance_answer[] = "{\"Code\":\"Success\"," KEYS "," IN_AN_HOUR "}";

START_TEST(counts_the_lifetime_by_the_monotonic_clock)
{
    struct fake_endpoint fake = {0};
    struct credentials *credentials = NULL;
    struct err err = {0};
    fake_endpoint_init(&fake);
    ck_assert(
        accept(&fake, "", container_answer, CREDENTIALS_OF_CONTAINER, NULL, &credentials, &err));
    ck_assert_int_eq(credentials->fetched_ms, FAKE_MONOTONIC_MS);
    ck_assert_int_eq(credentials->expires_ms, FAKE_MONOTONIC_MS + 3600000);
    credentials_release(credentials);
}
END_TEST

START_TEST(counts_the_lifetime_by_the_clock_of_the_service)
{
    struct fake_endpoint fake = {0};
    struct credentials *credentials = NULL;
    struct err err = {0};
    fake_endpoint_init(&fake);
    fake.wall_ms += 2 * 3600 * 1000; /* ours is fast: they seem to have expired */
    ck_assert(accept(&fake, "Date: Mon, 23 Nov 2026 12:30:00 GMT\r\n", container_answer,
                     CREDENTIALS_OF_CONTAINER, NULL, &credentials, &err));
    ck_assert_int_eq(credentials->expires_ms, FAKE_MONOTONIC_MS + 1800000);
    credentials_release(credentials);
}
END_TEST

START_TEST(takes_no_container_credentials_that_have_expired)
{
    struct fake_endpoint fake = {0};
    struct credentials *credentials = NULL;
    struct err err = {0};
    fake_endpoint_init(&fake);
    fake.wall_ms += 3600 * 1000;
    ck_assert(
        !accept(&fake, "", container_answer, CREDENTIALS_OF_CONTAINER, NULL, &credentials, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_ptr_null(credentials);
    fake.wall_ms -= 1;
    ck_assert(
        accept(&fake, "", container_answer, CREDENTIALS_OF_CONTAINER, NULL, &credentials, &err));
    ck_assert_int_eq(credentials->expires_ms, FAKE_MONOTONIC_MS + 1);
    credentials_release(credentials);
}
END_TEST

static const struct {
    int64_t left_ms;
    int64_t lifetime_ms;
} stale[] = {
    {60 * 1000, 60 * 1000},
    {60 * 1000 - 1, 5 * 60 * 1000},
    {0, 5 * 60 * 1000},
    {-3600 * 1000, 5 * 60 * 1000},
};

START_TEST(uses_what_the_instance_could_not_renew)
{
    struct fake_endpoint fake = {0};
    struct credentials *credentials = NULL;
    struct err err = {0};
    fake_endpoint_init(&fake);
    fake.wall_ms += 3600 * 1000 - stale[_i].left_ms;
    ck_assert(
        accept(&fake, "", instance_answer, CREDENTIALS_OF_INSTANCE, NULL, &credentials, &err));
    ck_assert_int_eq(credentials->expires_ms, FAKE_MONOTONIC_MS + stale[_i].lifetime_ms);
    credentials_release(credentials);
}
END_TEST

static const struct {
    const char *id;
    const char *secret;
    const char *token;
    bool same;
} others[] = {
    {"ASIA1", "hunter2", "to/ken==", true},
    {"ASIA2", "hunter2", "to/ken==", false},
    {"ASIA1", "hunter3", "to/ken==", false},
    {"ASIA1", "hunter2", "to/ken=", false},
};

START_TEST(takes_only_others_than_those_refused)
{
    struct fake_endpoint fake = {0};
    struct credentials *refused = NULL;
    struct credentials *credentials = NULL;
    struct err err = {0};
    fake_endpoint_init(&fake);
    ck_assert(credentials_new(sv_of(others[_i].id), sv_of(others[_i].secret),
                              sv_of(others[_i].token), &refused, &err));
    ck_assert_int_eq(
        accept(&fake, "", container_answer, CREDENTIALS_OF_CONTAINER, refused, &credentials, &err),
        !others[_i].same);
    ck_assert_int_eq(err.kind, others[_i].same ? ERR_DENIED : ERR_NONE);
    credentials_release(credentials);
    credentials_release(refused);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("credentials_answer");
    TCase *tcase = tcase_create("credentials_answer");
    tcase_add_loop_test(tcase, reads_the_four_members, 0, ARRAY_LEN(good));
    tcase_add_loop_test(tcase, refuses_another_answer_without_showing_it, 0, ARRAY_LEN(bad));
    tcase_add_test(tcase, counts_the_lifetime_by_the_monotonic_clock);
    tcase_add_test(tcase, counts_the_lifetime_by_the_clock_of_the_service);
    tcase_add_test(tcase, takes_no_container_credentials_that_have_expired);
    tcase_add_loop_test(tcase, uses_what_the_instance_could_not_renew, 0, ARRAY_LEN(stale));
    tcase_add_loop_test(tcase, takes_only_others_than_those_refused, 0, ARRAY_LEN(others));
    suite_add_tcase(suite, tcase);
    return suite;
}
