/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"
#include "fake_endpoint.h"

#include "aws/credentials_providers.h"

#define ANSWER                                                                                     \
    "{\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"hunter2\",\"Token\":\"session\","            \
    "\"Expiration\":\"2026-11-23T13:00:00.123456789Z\",\"AccountId\":\"1\"}"

static const char eks[] = "http://169.254.170.23/v1/credentials";

static struct credentials_provider *provider_of(const char *uri, const char *token,
                                                const char *token_file)
{
    struct credentials_provider *provider = NULL;
    struct err err = {0};
    ck_assert_msg(
        credentials_container(sv_of(uri), sv_of(token), sv_of(token_file), &provider, &err), "%s",
        err.message);
    ck_assert_str_eq(provider->name, "container");
    return provider;
}

static bool fetch(struct credentials_provider *provider, struct fake_endpoint *fake,
                  struct credentials **ret, struct err *err)
{
    const struct credentials_request request = fake_request(fake);
    return provider->fetch(provider, &request, ret, err);
}

START_TEST(asks_with_the_token_as_it_is)
{
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {.answers = {{.status = 200, .body = ANSWER}}};
    fake_endpoint_init(&fake);
    struct credentials_provider *provider = provider_of(eks, "Basic a b==", "");
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert_msg(fetch(provider, &fake, &credentials, &err), "%s", err.message);
    ck_assert_uint_eq(fake.count, 1);
    ck_assert_str_eq(fake.calls[0].method, "GET");
    ck_assert_str_eq(fake.calls[0].url, eks);
    ck_assert_str_eq(fake_header(&fake.calls[0], "Authorization"), "Basic a b==");
    ck_assert_str_eq(fake_header(&fake.calls[0], "Accept"), "application/json");
    ck_assert(fake.calls[0].no_proxy);
    ck_assert_str_eq(credentials->access_key_id, "ASIA1");
    ck_assert_str_eq(credentials->secret_access_key.bytes.data, "hunter2");
    ck_assert_str_eq(credentials->session_token.bytes.data, "session");
    ck_assert_int_eq(credentials->expires_ms, FAKE_MONOTONIC_MS + 3600123);
    credentials_release(credentials);
    credentials_provider_release(provider);
}
END_TEST

START_TEST(asks_without_a_token_where_there_is_none)
{
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {.answers = {{.status = 200, .body = ANSWER}}};
    fake_endpoint_init(&fake);
    struct credentials_provider *provider =
        provider_of("http://169.254.170.2/v2/credentials/id", NULL, NULL);
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert(fetch(provider, &fake, &credentials, &err));
    ck_assert_ptr_null(fake_header(&fake.calls[0], "Authorization"));
    ck_assert_uint_eq(fake.calls[0].header_count, 1);
    credentials_release(credentials);
    credentials_provider_release(provider);
}
END_TEST

static void write_token(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(reads_the_token_file_for_each_fetch)
{
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {
        .answers = {{.status = 200, .body = ANSWER}, {.status = 200, .body = ANSWER}}};
    fake_endpoint_init(&fake);
    char path[] = "/tmp/keyturn-container-token-XXXXXX";
    ck_assert_int_eq(close(mkstemp(path)), 0);
    struct credentials_provider *provider = provider_of(eks, "from the variable", path);
    struct credentials *credentials = NULL;
    struct err err = {0};
    write_token(path, "first\n");
    ck_assert(fetch(provider, &fake, &credentials, &err));
    credentials_release(credentials);
    write_token(path, "second");
    ck_assert(fetch(provider, &fake, &credentials, &err));
    credentials_release(credentials);
    ck_assert_str_eq(fake_header(&fake.calls[0], "Authorization"), "first");
    ck_assert_str_eq(fake_header(&fake.calls[1], "Authorization"), "second");

    write_token(path, "hunter2\r\nX-Other: y");
    credentials = NULL;
    ck_assert(!fetch(provider, &fake, &credentials, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert(!fetch(provider, &fake, &credentials, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, path));
    ck_assert_ptr_null(credentials);
    ck_assert_uint_eq(fake.count, 2);
    credentials_provider_release(provider);
}
END_TEST

START_TEST(tries_again_and_then_has_them)
{
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {
        .answers = {{.failure = ERR_TIMEOUT}, {.status = 500}, {.status = 200, .body = ANSWER}}};
    fake_endpoint_init(&fake);
    struct credentials_provider *provider = provider_of(eks, "token", "");
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert(fetch(provider, &fake, &credentials, &err));
    ck_assert_uint_eq(fake.count, 3);
    ck_assert_str_eq(fake_header(&fake.calls[2], "Authorization"), "token");
    credentials_release(credentials);
    credentials_provider_release(provider);
}
END_TEST

static const struct {
    struct fake_answer answer;
    size_t calls;
    enum err_kind kind;
    const char *says;
} failures[] = {
    {{.failure = ERR_TIMEOUT}, 3, ERR_TIMEOUT, "host: TIMEOUT"},
    {{.failure = ERR_UNAVAILABLE}, 3, ERR_UNAVAILABLE, "host: UNAVAILABLE"},
    {{.failure = ERR_TOO_BIG}, 1, ERR_TOO_BIG, "host: TOO_BIG"},
    {{.status = 500, .body = "hunter2"}, 3, ERR_UNAVAILABLE, "HTTP status 500"},
    {{.status = 429}, 3, ERR_BUSY, "HTTP status 429"},
    {{.status = 400, .body = "hunter2"}, 1, ERR_INVALID, "HTTP status 400"},
    {{.status = 401}, 1, ERR_DENIED, "HTTP status 401"},
    {{.status = 404}, 1, ERR_DENIED, "HTTP status 404"},
    {{.status = 302, .headers = "Location: http://evil.example/\r\n"},
     1,
     ERR_UNAVAILABLE,
     "HTTP status 302"},
    {{.status = 204}, 1, ERR_UNAVAILABLE, "HTTP status 204"},
    {{.status = 200, .body = ""}, 1, ERR_UNAVAILABLE, "not JSON"},
    {{.status = 200, .body = "{\"code\":\"hunter2\"}"}, 1, ERR_UNAVAILABLE, "without AccessKeyId"},
};

START_TEST(says_what_failed)
{
    const struct fake_answer answer = failures[_i].answer;
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {.answers = {answer, answer, answer}};
    fake_endpoint_init(&fake);
    struct credentials_provider *provider = provider_of(eks, "token", "");
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert(!fetch(provider, &fake, &credentials, &err));
    ck_assert_ptr_null(credentials);
    ck_assert_uint_eq(fake.count, failures[_i].calls);
    ck_assert_int_eq(err.kind, failures[_i].kind);
    ck_assert_ptr_eq(strstr(err.message, "container credentials: "), err.message);
    ck_assert_msg(strstr(err.message, failures[_i].says), "%s", err.message);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    credentials_provider_release(provider);
}
END_TEST

START_TEST(answers_with_others_than_those_refused)
{
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {
        .answers = {{.status = 200, .body = ANSWER}, {.status = 200, .body = ANSWER}}};
    fake_endpoint_init(&fake);
    struct credentials_provider *provider = provider_of(eks, "token", "");
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert(fetch(provider, &fake, &credentials, &err));
    struct credentials_request request = fake_request(&fake);
    request.refused = credentials;
    struct credentials *others = NULL;
    ck_assert(!provider->fetch(provider, &request, &others, &err));
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert_uint_eq(fake.count, 2);
    credentials_release(credentials);
    credentials_provider_release(provider);
}
END_TEST

static const struct {
    const char *uri;
    const char *token;
} refused[] = {
    {"http://169.254.170.200/x", "token"},
    {"http://10.0.0.1/x", "token"},
    {"/v1/credentials", "token"},
    {"http://169.254.170.23/v1/credentials", "hunter2\n"},
    {"http://169.254.170.23/v1/credentials", "hunter2\r\nX-Other: y"},
    {"https://host.example/x", "hunter2\x7f"},
};

START_TEST(refuses_what_may_not_be_asked_or_sent)
{
    struct credentials_provider *provider = NULL;
    struct err err = {0};
    ck_assert(!credentials_container(sv_of(refused[_i].uri), sv_of(refused[_i].token), SV(""),
                                     &provider, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_null(provider);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
}
END_TEST

START_TEST(connects_to_the_addresses_of_localhost)
{
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {.answers = {{.status = 200, .body = ANSWER}}};
    fake_endpoint_init(&fake);
    struct credentials_provider *provider = provider_of("http://localhost:1338/x", "token", "");
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert(fetch(provider, &fake, &credentials, &err));
    const char *pin = fake.calls[0].connect_to;
    ck_assert_ptr_nonnull(pin);
    ck_assert(strcmp(pin, "127.0.0.1:1338") == 0 || strcmp(pin, "[::1]:1338") == 0);
    ck_assert_str_eq(fake.calls[0].url, "http://localhost:1338/x");
    credentials_release(credentials);
    credentials_provider_release(provider);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("credentials_container");
    TCase *tcase = tcase_create("credentials_container");
    tcase_add_test(tcase, asks_with_the_token_as_it_is);
    tcase_add_test(tcase, asks_without_a_token_where_there_is_none);
    tcase_add_test(tcase, reads_the_token_file_for_each_fetch);
    tcase_add_test(tcase, tries_again_and_then_has_them);
    tcase_add_loop_test(tcase, says_what_failed, 0, ARRAY_LEN(failures));
    tcase_add_test(tcase, answers_with_others_than_those_refused);
    tcase_add_loop_test(tcase, refuses_what_may_not_be_asked_or_sent, 0, ARRAY_LEN(refused));
    tcase_add_test(tcase, connects_to_the_addresses_of_localhost);
    suite_add_tcase(suite, tcase);
    return suite;
}
