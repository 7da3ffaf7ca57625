/* SPDX-License-Identifier: Apache-2.0 */
/* The session token of the instance metadata service: how long it is used, when it is replaced, and
 * that threads share it. */
#include <pthread.h>

#include "fake_imds.h"

static const struct {
    const char *headers;
    int64_t lasts_ms; /* the last moment at which it is used again */
} lifetimes[] = {
    {NULL, 21600000 - 5001},
    {"X-Aws-Ec2-Metadata-Token-Ttl-Seconds: 21600\r\n", 21600000 - 5001},
    {"X-Aws-Ec2-Metadata-Token-Ttl-Seconds: 60\r\n", 60000 - 5001},
    {"X-Aws-Ec2-Metadata-Token-Ttl-Seconds: 99999999999\r\n", 21600000 - 5001},
    {"X-Aws-Ec2-Metadata-Token-Ttl-Seconds: x\r\n", 21600000 - 5001},
};

START_TEST(uses_a_token_until_shortly_before_its_end)
{
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {
        .answers = {{.status = 200, .body = "t1==", .headers = lifetimes[_i].headers},
                    IMDS_ROLE,
                    IMDS_KEYS,
                    IMDS_ROLE,
                    IMDS_KEYS,
                    IMDS_TOKEN_2,
                    IMDS_ROLE,
                    IMDS_KEYS}};
    fake_endpoint_init(&fake);
    struct credentials_provider *provider = imds_provider("", false);
    imds_must_fetch(provider, &fake);
    fake_pass(&fake, lifetimes[_i].lasts_ms);
    imds_must_fetch(provider, &fake);
    ck_assert_uint_eq(fake.count, 5);
    ck_assert_str_eq(fake_header(&fake.calls[4], "x-aws-ec2-metadata-token"), "t1==");
    fake_pass(&fake, 1);
    imds_must_fetch(provider, &fake);
    ck_assert_uint_eq(fake.count, 8);
    imds_check_call(&fake.calls[5], "PUT", "/latest/api/token");
    ck_assert_str_eq(fake_header(&fake.calls[7], "x-aws-ec2-metadata-token"), "t2==");
    credentials_provider_release(provider);
}
END_TEST

START_TEST(replaces_a_token_that_is_not_accepted)
{
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {
        .answers = {
            IMDS_TOKEN, IMDS_ROLE, {.status = 401}, IMDS_TOKEN_2, IMDS_KEYS, IMDS_ROLE, IMDS_KEYS}};
    fake_endpoint_init(&fake);
    struct credentials_provider *provider = imds_provider("", false);
    imds_must_fetch(provider, &fake);
    ck_assert_uint_eq(fake.count, 5);
    imds_check_call(&fake.calls[3], "PUT", "/latest/api/token");
    imds_check_call(&fake.calls[4], "GET", "/latest/meta-data/iam/security-credentials/my-role");
    ck_assert_str_eq(fake_header(&fake.calls[4], "x-aws-ec2-metadata-token"), "t2==");
    imds_must_fetch(provider, &fake);
    ck_assert_str_eq(fake_header(&fake.calls[6], "x-aws-ec2-metadata-token"), "t2==");
    credentials_provider_release(provider);
}
END_TEST

START_TEST(replaces_it_once)
{
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {
        .answers = {IMDS_TOKEN, {.status = 401}, IMDS_TOKEN_2, IMDS_ROLE, {.status = 401}}};
    fake_endpoint_init(&fake);
    struct credentials_provider *provider = imds_provider("", false);
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert(!imds_fetch(provider, &fake, &credentials, &err));
    ck_assert_uint_eq(fake.count, 5);
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(err.message, "HTTP status 401"));
    credentials_provider_release(provider);
}
END_TEST

static const char *const bad_tokens[] = {"", "hunter2\r\nX-Other: y", "hunter2\n", "hunter2\x7f"};

START_TEST(refuses_a_token_that_is_none)
{
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {.answers = {{.status = 200, .body = bad_tokens[_i]}}};
    fake_endpoint_init(&fake);
    struct credentials_provider *provider = imds_provider("", false);
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert(!imds_fetch(provider, &fake, &credentials, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    credentials_provider_release(provider);
}
END_TEST

/* Many threads */

enum {
    THREADS = 8,
    FETCHES = 50,
};

/* Answers every request; each token is used up after some requests, so that threads renew it while
 * others use it. */
struct shared_service {
    pthread_mutex_t mutex;
    int token;
    int uses;
};

static struct shared_service service = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static unsigned serve(const struct http_request *request, char *body, size_t size)
{
    unsigned status = 200;
    char valid[16];
    (void)pthread_mutex_lock(&service.mutex);
    if (strcmp(request->method, "PUT") == 0) {
        service.token++;
        service.uses = 0;
        (void)snprintf(body, size, "token-%d", service.token);
    } else {
        (void)snprintf(valid, sizeof valid, "token-%d", service.token);
        bool accepted = service.uses++ < 200 && sv_is(request->headers[0].value, valid);
        status = accepted ? 200 : 401;
        (void)snprintf(body, size, "%s", strstr(request->url, "my-role") ? IMDS_ANSWER : "my-role");
    }
    (void)pthread_mutex_unlock(&service.mutex);
    return status;
}

static bool shared_send(void *context, const struct http_request *request,
                        struct http_response *ret, struct err *err)
{
    (void)context;
    (void)err;
    char body[512];
    unsigned status = serve(request, body, sizeof body);
    *ret = (struct http_response){.status = status};
    buf_init(&ret->headers, 64);
    secret_buf_init(&ret->body, request->max_answer);
    secret_buf_add(&ret->body, sv_of(body));
    return true;
}

static void *fetch_often(void *context)
{
    struct credentials_provider *provider = context;
    struct fake_endpoint fake = {0};
    fake_endpoint_init(&fake);
    fake.thread.transport = (struct http_transport){.send = shared_send};
    size_t fetched = 0;
    for (int i = 0; i < FETCHES; i++) {
        struct credentials *credentials = NULL;
        struct err err = {0};
        if (imds_fetch(provider, &fake, &credentials, &err)) {
            fetched++;
            credentials_release(credentials);
        }
    }
    credentials_provider_release(provider);
    return fetched > 0 ? context : NULL;
}

START_TEST(serves_many_threads)
{
    pthread_t threads[THREADS];
    struct credentials_provider *provider = imds_provider("", false);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, fetch_often, credentials_provider_retain(provider)),
            0);
    }
    credentials_provider_release(provider);
    for (int i = 0; i < THREADS; i++) {
        void *succeeded = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &succeeded), 0);
        ck_assert_ptr_nonnull(succeeded);
    }
    ck_assert_int_ge(service.token, THREADS * FETCHES * 2 / 200);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("credentials_imds_token");
    TCase *tcase = tcase_create("credentials_imds_token");
    tcase_add_loop_test(tcase, uses_a_token_until_shortly_before_its_end, 0, ARRAY_LEN(lifetimes));
    tcase_add_test(tcase, replaces_a_token_that_is_not_accepted);
    tcase_add_test(tcase, replaces_it_once);
    tcase_add_loop_test(tcase, refuses_a_token_that_is_none, 0, ARRAY_LEN(bad_tokens));
    tcase_add_test(tcase, serves_many_threads);
    suite_add_tcase(suite, tcase);
    return suite;
}
