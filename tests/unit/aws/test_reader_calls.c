/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/reader_calls.h"
#include "fake_transport.h"

enum {
    FETCHES = 3,
};

static struct fake_transport fake;
static struct clock fake_time;
static struct service_thread thread;
static struct service_endpoint *endpoint;
static struct service_target target;
static struct read_fetch *fetches[FETCHES];
static const struct reader_calls *calls;

/* Three keys of which the second has a version; without credentials a call goes unsigned. */
static void setup(void)
{
    static const char *const versions[FETCHES] = {"", "7", ""};
    calls = reader_calls_real();
    fake = (struct fake_transport){.monotonic_ms = 1000};
    fake_time = fake_clock(&fake);
    thread = (struct service_thread){
        .transport = {.send = fake_send, .context = &fake},
        .clock = &fake_time,
        .random = fake_random,
        .pause = fake_pause,
        .context = &fake,
    };
    const struct service_observer nobody = {NULL, NULL, NULL};
    const struct endpoint address = {.url = "https://aws.test/",
                                     .host = "aws.test",
                                     .region = "eu-central-1",
                                     .signing_name = "secretsmanager"};
    endpoint = service_endpoint_new(&address, &nobody);
    target = (struct service_target){.thread = &thread, .endpoint = endpoint, .deadline_ms = 9000};
    for (size_t i = 0; i < FETCHES; i++) {
        char key[] = {'k', (char)('0' + i), '\0'};
        fetches[i] = read_fetch_new(sv_of(key), sv_of(versions[i]), SV("shop"));
    }
}

static void teardown(void)
{
    for (size_t i = 0; i < FETCHES; i++) {
        read_fetch_free(fetches[i]);
    }
    service_endpoint_free(endpoint);
    fake_transport_done(&fake);
}

static void answers(struct str_view body)
{
    fake.steps[0] = (struct fake_step){.status = 200, .headers = "", .body = body};
}

static void ck_asked(const char *operation, const char *first, const char *second)
{
    ck_assert_uint_eq(fake.count, 1);
    ck_assert_str_eq(fake_header(&fake.sent[0], "X-Amz-Target"), operation);
    ck_assert_msg(strstr(fake.sent[0].body, first) != NULL, "%s", fake.sent[0].body);
    ck_assert_msg(strstr(fake.sent[0].body, second) != NULL, "%s", fake.sent[0].body);
}

static void ck_value(const struct read_fetch *fetch, const char *text)
{
    ck_assert_int_eq(fetch->error.class, SERVICE_OK);
    ck_assert(fetch->value.has_string);
    ck_assert(sv_is(secret_buf_view(&fetch->value.string), text));
}

START_TEST(asks_secrets_manager_for_one)
{
    answers(SV("{\"Name\":\"k1\",\"SecretString\":\"one\",\"VersionId\":\"v\"}"));
    ck_assert(calls->single(calls->context, ENDPOINT_SECRETS_MANAGER, &target, fetches[1]));
    ck_asked("secretsmanager.GetSecretValue", "\"k1\"", "\"VersionStage\":\"7\"");
    ck_value(fetches[1], "one");
}
END_TEST

START_TEST(asks_parameter_store_for_one)
{
    answers(SV("{\"Parameter\":{\"Name\":\"k1\",\"Selector\":\":7\",\"Value\":\"one\","
               "\"Version\":7}}"));
    ck_assert(calls->single(calls->context, ENDPOINT_SSM, &target, fetches[1]));
    ck_asked("AmazonSSM.GetParameter", "\"k1:7\"", "true");
    ck_value(fetches[1], "one");
}
END_TEST

START_TEST(says_why_one_is_not_there)
{
    static const enum endpoint_service services[] = {ENDPOINT_SECRETS_MANAGER, ENDPOINT_SSM};
    fake.steps[0] = (struct fake_step){
        .status = 400, .headers = "", .body = SV("{\"__type\":\"AccessDeniedException\"}")};
    ck_assert(!calls->single(calls->context, services[_i], &target, fetches[0]));
    ck_assert_int_eq(fetches[0]->error.class, SERVICE_DENIED);
    ck_assert_int_eq(fetches[0]->err.kind, ERR_DENIED);
}
END_TEST

START_TEST(asks_secrets_manager_for_several)
{
    struct read_fetch *current[] = {fetches[0], fetches[2]};
    answers(SV("{\"SecretValues\":[{\"Name\":\"k2\",\"SecretString\":\"two\"}],\"Errors\":["
               "{\"SecretId\":\"k0\",\"ErrorCode\":\"ResourceNotFoundException\"}]}"));
    struct service_error error = {0};
    struct err err = {0};
    ck_assert(
        calls->batch(calls->context, ENDPOINT_SECRETS_MANAGER, &target, current, 2, &error, &err));
    ck_asked("secretsmanager.BatchGetSecretValue", "\"k0\"", "\"k2\"");
    ck_assert_int_eq(fetches[0]->error.class, SERVICE_NOT_FOUND);
    ck_assert_int_eq(fetches[0]->err.kind, ERR_MISSING);
    ck_assert(!fetches[0]->value.has_string);
    ck_value(fetches[2], "two");
}
END_TEST

START_TEST(asks_parameter_store_for_several)
{
    answers(SV("{\"Parameters\":[{\"Name\":\"k0\",\"Value\":\"zero\",\"Version\":1},"
               "{\"Name\":\"k1\",\"Selector\":\":7\",\"Value\":\"one\",\"Version\":7}],"
               "\"InvalidParameters\":[\"k2\"]}"));
    struct service_error error = {0};
    struct err err = {0};
    ck_assert(calls->batch(calls->context, ENDPOINT_SSM, &target, fetches, FETCHES, &error, &err));
    ck_asked("AmazonSSM.GetParameters", "\"k0\"", "\"k1:7\"");
    ck_value(fetches[0], "zero");
    ck_value(fetches[1], "one");
    ck_assert_int_eq(fetches[2]->error.class, SERVICE_NOT_FOUND);
    ck_assert_int_eq(fetches[2]->err.kind, ERR_MISSING);
}
END_TEST

START_TEST(says_why_none_of_several_is_there)
{
    static const enum endpoint_service services[] = {ENDPOINT_SECRETS_MANAGER, ENDPOINT_SSM};
    struct read_fetch *current[] = {fetches[0], fetches[2]};
    fake.steps[0] = (struct fake_step){
        .status = 400, .headers = "", .body = SV("{\"__type\":\"AccessDeniedException\"}")};
    struct service_error error = {0};
    struct err err = {0};
    ck_assert(!calls->batch(calls->context, services[_i], &target, current, 2, &error, &err));
    ck_assert_int_eq(error.class, SERVICE_DENIED);
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert_int_eq(fetches[0]->error.class, SERVICE_OK);
    ck_assert(!fetches[0]->value.has_string);
}
END_TEST

START_TEST(waits_until_the_deadline)
{
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    mutex_init(&mutex);
    cond_init(&cond);
    int64_t until_ms = clock_monotonic_ms(clock_system()) + 5;
    pthread_mutex_lock(&mutex);
    while (clock_monotonic_ms(clock_system()) < until_ms) {
        calls->wait(calls->context, &cond, &mutex, until_ms);
    }
    pthread_mutex_unlock(&mutex);
    pthread_cond_destroy(&cond);
    pthread_mutex_destroy(&mutex);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("aws/reader_calls");
    TCase *tcase = tcase_create("calls");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, asks_secrets_manager_for_one);
    tcase_add_test(tcase, asks_parameter_store_for_one);
    tcase_add_loop_test(tcase, says_why_one_is_not_there, 0, 2);
    tcase_add_test(tcase, asks_secrets_manager_for_several);
    tcase_add_test(tcase, asks_parameter_store_for_several);
    tcase_add_loop_test(tcase, says_why_none_of_several_is_there, 0, 2);
    tcase_add_test(tcase, waits_until_the_deadline);
    suite_add_tcase(suite, tcase);
    return suite;
}
