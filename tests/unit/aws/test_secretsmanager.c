/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/secretsmanager.h"

#include "base/limits.h"
#include "bytes.h"
#include "fake_transport.h"

static const struct {
    struct sm_ref ref;
    const char *body;
} requests[] = {
    {{.key = BYTES("prod/db")}, "{\"SecretId\":\"prod/db\",\"VersionStage\":\"AWSCURRENT\"}"},
    {{.key = BYTES("a"), .version = BYTES("AWSPREVIOUS")},
     "{\"SecretId\":\"a\",\"VersionStage\":\"AWSPREVIOUS\"}"},
    {{.key = BYTES("a"), .version = BYTES("uuid/01234567-89ab-cdef-0123-456789abcdef")},
     "{\"SecretId\":\"a\",\"VersionId\":\"01234567-89ab-cdef-0123-456789abcdef\"}"},
    {{.key = BYTES("a"), .version = BYTES("UUID/x")},
     "{\"SecretId\":\"a\",\"VersionStage\":\"UUID/x\"}"},
    {{.key = BYTES("a\"b\\\n\xc3\xa9")},
     "{\"SecretId\":\"a\\\"b\\\\\\n\xc3\xa9\",\"VersionStage\":\"AWSCURRENT\"}"},
    {{.key = BYTES("arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf")},
     "{\"SecretId\":\"arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf\","
     "\"VersionStage\":\"AWSCURRENT\"}"},
};

START_TEST(asks_for_one_version)
{
    CLEANUP(buf_done) struct buf body = {0};
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    struct err err = {0};
    ck_assert(sm_request_compose(&requests[_i].ref, &body, &err));
    ck_assert_str_eq(body.data, requests[_i].body);
}
END_TEST

static char long_text[2050];

START_TEST(refuses_a_reference_nobody_can_mean)
{
    memset(long_text, 'a', sizeof long_text);
    const struct sm_ref refs[] = {
        {.key = SV("")},
        {.key = sv_make(long_text, 2049)},
        {.key = SV("a"), .version = SV("uuid/")},
        {.key = SV("a"), .version = sv_make(long_text, 257)},
    };
    for (size_t i = 0; i < ARRAY_LEN(refs); i++) {
        CLEANUP(buf_done) struct buf body = {0};
        buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
        struct err err = {0};
        ck_assert(!sm_request_compose(&refs[i], &body, &err));
        ck_assert_int_eq(err.kind, ERR_INVALID);
    }
}
END_TEST

static const struct {
    struct str_view answer;
    bool prefer_binary;
    struct str_view value;
} values[] = {
    {BYTES("{\"ARN\":\"arn:x\",\"CreatedDate\":1523477145.713,\"Name\":\"n\",\"SecretString\":"
           "\"hunter2\","
           "\"VersionId\":\"v\",\"VersionStages\":[\"AWSCURRENT\"]}"),
     false, BYTES("hunter2")},
    {BYTES("{\"CreatedDate\":\"1523477145\",\"SecretBinary\":null,\"SecretString\":\"x\"}"), true,
     BYTES("x")},
    {BYTES("{\"SecretString\":\"\"}"), false, BYTES("")},
    {BYTES("{\"SecretString\":\"a\\u0000b\\u0000\"}"), false, BYTES("a\0b\0")},
    {BYTES("{\"SecretString\":\"\\\"\\\\\\u00e9\\ud83d\\udd11\\n\"}"), false,
     BYTES("\"\\\xc3\xa9\xf0\x9f\x94\x91\n")},
    {BYTES("{\"SecretBinary\":\"AAEC/w==\"}"), false, BYTES("\x00\x01\x02\xff")},
    {BYTES("{\"SecretBinary\":\"\"}"), false, BYTES("")},
    {BYTES("{\"SecretBinary\":\"Yg==\",\"SecretString\":\"s\"}"), false, BYTES("s")},
    {BYTES("{\"SecretBinary\":\"Yg==\",\"SecretString\":\"s\"}"), true, BYTES("b")},
    {BYTES("{\"secretstring\":\"no\",\"SecretString\":\"yes\",\"New\":{\"a\":[1,2]}}"), false,
     BYTES("yes")},
};

static void secret_of(struct str_view text, struct secret_buf *ret)
{
    secret_buf_init(ret, LIMIT_AWS_ANSWER_BYTES);
    secret_buf_add(ret, text);
}

START_TEST(takes_the_exact_bytes)
{
    CLEANUP(secret_buf_done) struct secret_buf answer = {0};
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    secret_of(values[_i].answer, &answer);
    secret_buf_init(&value, LIMIT_AWS_VALUE_BYTES);
    struct err err = {0};
    ck_assert_msg(sm_answer_read(&answer, values[_i].prefer_binary, &value, &err), "%s",
                  err.message);
    ck_assert(sv_equal(secret_buf_view(&value), values[_i].value));
}
END_TEST

static const struct {
    struct str_view answer;
    enum err_kind kind;
} no_values[] = {
    {BYTES(""), ERR_UNAVAILABLE},
    {BYTES("<html>hunter2</html>"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretString\":\"hunter2"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretString\":\"hunter2\"} hunter2"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretString\":\"hunter2\",\"SecretString\":\"hunter2\"}"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretString\":\"hunter2\\ud800\"}"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretString\":\"hunter2\xff\"}"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretString\":17}"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretString\":{\"a\":\"hunter2\"}}"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretBinary\":[1]}"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretBinary\":\"hunter2!\"}"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretBinary\":\"AAE\"}"), ERR_UNAVAILABLE},
    {BYTES("[\"hunter2\"]"), ERR_UNAVAILABLE},
    {BYTES("\"hunter2\""), ERR_UNAVAILABLE},
    {BYTES("null"), ERR_UNAVAILABLE},
    {BYTES("{}"), ERR_MISSING},
    {BYTES("{\"SecretString\":null,\"SecretBinary\":null,\"Name\":\"hunter2\"}"), ERR_MISSING},
};

START_TEST(refuses_what_is_no_answer_without_repeating_it)
{
    CLEANUP(secret_buf_done) struct secret_buf answer = {0};
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    secret_of(no_values[_i].answer, &answer);
    secret_buf_init(&value, LIMIT_AWS_VALUE_BYTES);
    struct err err = {0};
    ck_assert(!sm_answer_read(&answer, false, &value, &err));
    ck_assert_str_eq(err_kind_name(err.kind), err_kind_name(no_values[_i].kind));
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
}
END_TEST

/* The largest value there is, each byte escaped, and one byte more. */
START_TEST(takes_the_largest_value_and_no_larger)
{
    for (size_t over = 0; over < 2; over++) {
        CLEANUP(secret_buf_done) struct secret_buf answer = {0};
        CLEANUP(secret_buf_done) struct secret_buf value = {0};
        secret_of(SV("{\"SecretString\":\""), &answer);
        for (size_t i = 0; i < LIMIT_AWS_VALUE_BYTES + over; i++) {
            secret_buf_add(&answer, SV("\\u0001"));
        }
        secret_buf_add(&answer, SV("\"}"));
        struct err err = {0};
        ck_assert(secret_buf_check(&answer, "answer", &err));
        secret_buf_init(&value, LIMIT_AWS_VALUE_BYTES);
        ck_assert(sm_answer_read(&answer, false, &value, &err) == (over == 0));
        if (over == 0) {
            ck_assert_uint_eq(value.bytes.len, LIMIT_AWS_VALUE_BYTES);
        } else {
            ck_assert_int_eq(err.kind, ERR_TOO_BIG);
        }
    }
}
END_TEST

START_TEST(refuses_a_binary_value_that_is_too_large)
{
    CLEANUP(secret_buf_done) struct secret_buf answer = {0};
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    secret_of(SV("{\"SecretBinary\":\""), &answer);
    for (size_t i = 0; i < LIMIT_AWS_VALUE_BYTES / 3 + 1; i++) {
        secret_buf_add(&answer, SV("AAAA"));
    }
    secret_buf_add(&answer, SV("\"}"));
    secret_buf_init(&value, LIMIT_AWS_VALUE_BYTES);
    struct err err = {0};
    ck_assert(!sm_answer_read(&answer, false, &value, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

/* The whole way. */

static struct fake_transport fake;
static struct clock clock_of_fake;
static struct credentials *credentials;
static struct service_client client;
static struct secret_buf value;
static struct service_error error;
static struct err err;

static bool get_credentials(void *context, const struct credentials *refused, int64_t deadline_ms,
                            struct credentials **ret, struct err *failure)
{
    (void)context;
    (void)deadline_ms;
    if (refused) {
        return err_set(failure, ERR_DENIED, "no others");
    }
    *ret = credentials_retain(credentials);
    return true;
}

static void setup(void)
{
    fake = (struct fake_transport){.wall_ms = INT64_C(1795437360000), .monotonic_ms = 1000};
    clock_of_fake = fake_clock(&fake);
    ck_assert(credentials_new(SV("AKIDEXAMPLE"), SV("secret"), SV(""), &credentials, &err));
    client = (struct service_client){
        .transport = {.send = fake_send, .context = &fake},
        .credentials = {.get = get_credentials},
        .clock = &clock_of_fake,
        .random = fake_random,
        .pause = fake_pause,
        .context = &fake,
    };
    const struct endpoint_config config = {0};
    ck_assert(endpoint_resolve(&config, ENDPOINT_SECRETS_MANAGER, SV("eu-west-1"), &client.endpoint,
                               &err));
}

static void teardown(void)
{
    fake_transport_done(&fake);
    secret_buf_done(&value);
    credentials_release(credentials);
}

static bool get(const char *key)
{
    const struct sm_ref ref = {.key = sv_of(key)};
    return sm_get_secret_value(&client, &ref, 9000, &value, &error, &err);
}

START_TEST(gets_a_value)
{
    fake.steps[0] =
        (struct fake_step){.status = 200, .body = SV("{\"SecretString\":\"hun\\u0000ter2\"}")};
    ck_assert(get("prod/db"));
    ck_assert(sv_equal(secret_buf_view(&value), SV("hun\0ter2")));
    ck_assert_int_eq(error.class, SERVICE_OK);
    ck_assert_str_eq(fake.sent[0].url, "https://secretsmanager.eu-west-1.amazonaws.com/");
    ck_assert_str_eq(fake_header(&fake.sent[0], "X-Amz-Target"), "secretsmanager.GetSecretValue");
    ck_assert_str_eq(fake.sent[0].body,
                     "{\"SecretId\":\"prod/db\",\"VersionStage\":\"AWSCURRENT\"}");
    ck_assert_uint_eq(fake.sent[0].max_answer, LIMIT_AWS_ANSWER_BYTES);
}
END_TEST

START_TEST(says_which_secret_and_why)
{
    fake.steps[0] = (struct fake_step){.status = 400,
                                       .headers = "x-amzn-RequestId: 1-2-3\r\n",
                                       .body = SV("{\"__type\":\"ResourceNotFoundException\","
                                                  "\"Message\":\"hunter2\"}")};
    ck_assert(!get("prod/typo"));
    ck_assert_str_eq(err.message, "secret prod/typo in eu-west-1: ResourceNotFoundException "
                                  "(request id 1-2-3)");
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert_int_eq(error.class, SERVICE_NOT_FOUND);
    ck_assert_uint_eq(value.bytes.len, 0);
}
END_TEST

START_TEST(says_why_even_behind_a_long_key)
{
    memset(long_text, 'k', 2048);
    long_text[2048] = '\0';
    fake.steps[0] =
        (struct fake_step){.status = 400, .body = SV("{\"__type\":\"AccessDeniedException\"}")};
    ck_assert(!get(long_text));
    ck_assert_ptr_nonnull(strstr(err.message, "AccessDeniedException"));
}
END_TEST

START_TEST(leaves_the_old_value_when_it_fails)
{
    secret_buf_init(&value, 16);
    secret_buf_add(&value, SV("old"));
    fake.steps[0] = (struct fake_step){.status = 200, .body = SV("{\"SecretString\":\"new")};
    ck_assert(!get("a"));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_int_eq(error.class, SERVICE_TRANSIENT);
    ck_assert(sv_is(secret_buf_view(&value), "old"));
}
END_TEST

START_TEST(sends_nothing_for_a_reference_nobody_can_mean)
{
    ck_assert(!get(""));
    ck_assert_uint_eq(fake.count, 0);
    ck_assert_int_eq(error.class, SERVICE_REQUEST);
    ck_assert_int_eq(err.kind, ERR_INVALID);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("secretsmanager");
    TCase *tcase = tcase_create("bodies");
    tcase_add_loop_test(tcase, asks_for_one_version, 0, ARRAY_LEN(requests));
    tcase_add_test(tcase, refuses_a_reference_nobody_can_mean);
    tcase_add_loop_test(tcase, takes_the_exact_bytes, 0, ARRAY_LEN(values));
    tcase_add_loop_test(tcase, refuses_what_is_no_answer_without_repeating_it, 0,
                        ARRAY_LEN(no_values));
    tcase_add_test(tcase, takes_the_largest_value_and_no_larger);
    tcase_add_test(tcase, refuses_a_binary_value_that_is_too_large);
    suite_add_tcase(suite, tcase);
    TCase *calls = tcase_create("calls");
    tcase_add_checked_fixture(calls, setup, teardown);
    tcase_add_test(calls, gets_a_value);
    tcase_add_test(calls, says_which_secret_and_why);
    tcase_add_test(calls, says_why_even_behind_a_long_key);
    tcase_add_test(calls, leaves_the_old_value_when_it_fails);
    tcase_add_test(calls, sends_nothing_for_a_reference_nobody_can_mean);
    suite_add_tcase(suite, calls);
    return suite;
}
