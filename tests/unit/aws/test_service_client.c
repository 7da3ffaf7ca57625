/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/service_client.h"

#include "aws/sigv4.h"
#include "bytes.h"
#include "fake_transport.h"

#define JSON_ERROR(code) BYTES("{\"__type\":\"" code "\"}")

enum {
    START_MS = 1000000,
};

static const int64_t wall_ms = INT64_C(1795437360000); /* 2026-11-23T12:36:00Z */

/* Hands out `first`, and `second` (if any) in its place once that has been refused. */
struct two_credentials {
    struct credentials *first;
    struct credentials *second;
    enum err_kind failure;
    unsigned asked;
};

static bool get_credentials(void *context, const struct credentials *refused, int64_t deadline_ms,
                            struct credentials **ret, struct err *err)
{
    struct two_credentials *two = context;
    (void)deadline_ms;
    two->asked++;
    if (two->failure != ERR_NONE) {
        return err_set(err, two->failure, "no credentials");
    }
    struct credentials *credentials = refused == two->first ? two->second : two->first;
    if (!credentials) {
        return err_set(err, ERR_DENIED, "no others");
    }
    *ret = credentials_retain(credentials);
    return true;
}

static struct fake_transport fake;
static struct clock clock_of_fake;
static struct two_credentials two;
static struct service_client client;
static struct http_response response;
static struct service_error error;
static struct err err;

static void setup(void)
{
    fake = (struct fake_transport){.wall_ms = wall_ms, .monotonic_ms = START_MS};
    clock_of_fake = fake_clock(&fake);
    two = (struct two_credentials){0};
    ck_assert(credentials_new(SV("AKIDEXAMPLE"), SV("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                              SV(""), &two.first, &err));
    client = (struct service_client){
        .transport = {.send = fake_send, .context = &fake},
        .credentials = {.get = get_credentials, .context = &two},
        .clock = &clock_of_fake,
        .ca_file = "ca.pem",
        .random = fake_random,
        .pause = fake_pause,
        .context = &fake,
    };
    const struct endpoint_config config = {0};
    ck_assert(endpoint_resolve(&config, ENDPOINT_SECRETS_MANAGER, SV("us-east-1"), &client.endpoint,
                               &err));
    err = (struct err){0};
}

static void teardown(void)
{
    fake_transport_done(&fake);
    http_response_done(&response);
    credentials_release(two.first);
    credentials_release(two.second);
}

static bool call_within(int64_t ms)
{
    const struct service_request request = {
        .target = "secretsmanager.GetSecretValue",
        .body = SV("{\"SecretId\":\"prod/db\"}"),
        .deadline_ms = START_MS + ms,
        .max_answer = 4096,
    };
    return service_call(&client, &request, &response, &error, &err);
}

START_TEST(sends_what_was_signed)
{
    fake.steps[0] = (struct fake_step){.status = 200, .body = SV("{}")};
    ck_assert(call_within(8000));
    ck_assert(sv_is(secret_buf_view(&response.body), "{}"));
    ck_assert_int_eq(error.class, SERVICE_OK);
    const struct fake_sent *sent = &fake.sent[0];
    ck_assert_str_eq(sent->url, "https://secretsmanager.us-east-1.amazonaws.com/");
    ck_assert_str_eq(sent->body, "{\"SecretId\":\"prod/db\"}");
    ck_assert_str_eq(fake_header(sent, "Host"), "secretsmanager.us-east-1.amazonaws.com");
    ck_assert_str_eq(fake_header(sent, "Content-Type"), "application/x-amz-json-1.1");
    ck_assert_str_eq(fake_header(sent, "X-Amz-Target"), "secretsmanager.GetSecretValue");
    ck_assert_str_eq(fake_header(sent, "X-Amz-Date"), "20261123T123600Z");
    ck_assert_ptr_null(fake_header(sent, "X-Amz-Security-Token"));
    /* The published signature of exactly this request ("sm-get"). */
    ck_assert_str_eq(fake_header(sent, "Authorization"),
                     "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/us-east-1/secretsmanager/"
                     "aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
                     "Signature=d04764aa4e0749f473de23cb374ff9278a5d34dbaa52bf23760960848e4603d9");
    ck_assert_str_eq(fake_header(sent, "User-Agent"), "keyturn/" KEYTURN_VERSION);
    ck_assert_str_eq(fake_header(sent, "amz-sdk-request"), "attempt=1; max=2");
    const char *id = fake_header(sent, "amz-sdk-invocation-id");
    ck_assert_uint_eq(strlen(id), 36);
    ck_assert_int_eq(id[14], '4');
    ck_assert_str_eq(sent->ca_file, "ca.pem");
    ck_assert_uint_eq(sent->max_answer, 4096);
    ck_assert_int_eq(sent->deadline_ms, START_MS + 2500);
    ck_assert_int_eq(sent->connect_timeout_ms, 1000);
}
END_TEST

START_TEST(sends_and_signs_a_session_token)
{
    credentials_release(two.first);
    ck_assert(
        credentials_new(SV("AKIDEXAMPLE"), SV("secret"), SV("AQoDYXdzEPT"), &two.first, &err));
    fake.steps[0] = (struct fake_step){.status = 200, .body = SV("{}")};
    ck_assert(call_within(8000));
    ck_assert_str_eq(fake_header(&fake.sent[0], "X-Amz-Security-Token"), "AQoDYXdzEPT");
    ck_assert_ptr_nonnull(
        strstr(fake_header(&fake.sent[0], "Authorization"),
               "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target,"));
}
END_TEST

START_TEST(never_outlives_its_deadline)
{
    fake.steps[0] = (struct fake_step){.status = 200, .body = SV("{}")};
    ck_assert(call_within(900));
    ck_assert_int_eq(fake.sent[0].deadline_ms, START_MS + 900);
    http_response_done(&response);
    ck_assert(!call_within(0));
    ck_assert_int_eq(err.kind, ERR_TIMEOUT);
    ck_assert_uint_eq(fake.count, 1);
}
END_TEST

/* Failures that another try may cure. */
static const struct {
    struct fake_step step;
    int64_t delay_ms; /* with random bits of a half */
} passing[] = {
    {{.status = 500, .body = JSON_ERROR("InternalServiceError")}, 25},
    {{.status = 503, .headers = "Content-Type: text/html\r\n", .body = BYTES("<html>")}, 25},
    {{.status = 400, .body = JSON_ERROR("ThrottlingException")}, 250},
    {{.status = 429}, 250},
    {{.status = 400,
      .headers = "x-amz-retry-after: 700\r\n",
      .body = JSON_ERROR("ThrottlingException")},
     700},
    {{.status = 503, .headers = "Retry-After: 1\r\n"}, 1000},
    {{.failure = ERR_UNAVAILABLE, .takes_ms = 10}, 25},
    {{.failure = ERR_TIMEOUT, .takes_ms = 2500}, 25},
};

START_TEST(tries_once_more_after_what_may_pass)
{
    fake.random_bits = UINT32_C(0x80000000);
    fake.steps[0] = passing[_i].step;
    fake.steps[1] = (struct fake_step){.status = 200, .body = SV("{}")};
    ck_assert_msg(call_within(8000), "%s", err.message);
    ck_assert_uint_eq(fake.count, 2);
    ck_assert_uint_eq(fake.pauses, 1);
    ck_assert_int_eq(fake.paused_ms, passing[_i].delay_ms);
    ck_assert_str_eq(fake_header(&fake.sent[1], "amz-sdk-request"), "attempt=2; max=2");
    ck_assert_str_eq(fake_header(&fake.sent[0], "amz-sdk-invocation-id"),
                     fake_header(&fake.sent[1], "amz-sdk-invocation-id"));
    ck_assert_int_eq(error.class, SERVICE_OK);
}
END_TEST

START_TEST(gives_up_after_the_second_failure)
{
    fake.steps[0] = passing[_i].step;
    fake.steps[1] = passing[_i].step;
    ck_assert(!call_within(8000));
    ck_assert_uint_eq(fake.count, 2);
    ck_assert(err.retryable);
    ck_assert_int_eq(error.class, passing[_i].step.failure != ERR_NONE ? SERVICE_TRANSPORT
                                  : passing[_i].delay_ms == 250 || passing[_i].delay_ms == 700
                                      ? SERVICE_THROTTLE
                                      : SERVICE_TRANSIENT);
}
END_TEST

START_TEST(does_not_try_again_without_time)
{
    fake.random_bits = UINT32_MAX;
    fake.steps[0] = (struct fake_step){.status = 500, .takes_ms = 660};
    ck_assert(!call_within(1000));
    ck_assert_uint_eq(fake.count, 1);
    ck_assert_uint_eq(fake.pauses, 0);
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
}
END_TEST

START_TEST(signs_anew_for_each_try)
{
    fake.steps[0] = (struct fake_step){.status = 500, .takes_ms = 1200};
    fake.steps[1] = (struct fake_step){.status = 200, .body = SV("{}")};
    ck_assert(call_within(8000));
    ck_assert_str_eq(fake_header(&fake.sent[0], "X-Amz-Date"), "20261123T123600Z");
    ck_assert_str_eq(fake_header(&fake.sent[1], "X-Amz-Date"), "20261123T123601Z");
    ck_assert_str_ne(fake_header(&fake.sent[0], "Authorization"),
                     fake_header(&fake.sent[1], "Authorization"));
}
END_TEST

/* Failures that stay. */
static const struct {
    struct fake_step step;
    enum service_error_class class;
    enum err_kind kind;
} final_failures[] = {
    {{.status = 400, .body = JSON_ERROR("ResourceNotFoundException")},
     SERVICE_NOT_FOUND,
     ERR_MISSING},
    {{.status = 400, .body = JSON_ERROR("AccessDeniedException")}, SERVICE_DENIED, ERR_DENIED},
    {{.status = 400, .body = JSON_ERROR("ValidationException")}, SERVICE_REQUEST, ERR_INVALID},
    {{.status = 301, .headers = "Location: https://evil.example/\r\n"},
     SERVICE_REQUEST,
     ERR_INVALID},
    {{.failure = ERR_UNAVAILABLE, .permanent = true}, SERVICE_TRANSPORT, ERR_UNAVAILABLE},
    {{.failure = ERR_TOO_BIG}, SERVICE_TRANSPORT, ERR_TOO_BIG},
    {{.failure = ERR_INVALID}, SERVICE_TRANSPORT, ERR_INVALID},
};

START_TEST(does_not_try_again_what_stays)
{
    fake.steps[0] = final_failures[_i].step;
    ck_assert(!call_within(8000));
    ck_assert_uint_eq(fake.count, 1);
    ck_assert_int_eq(error.class, final_failures[_i].class);
    ck_assert_int_eq(err.kind, final_failures[_i].kind);
    ck_assert(!err.retryable);
}
END_TEST

#define SKEWED(date)                                                                               \
    {                                                                                              \
        .status = 400, .headers = "Date: " date "\r\n",                                            \
        .body = JSON_ERROR("InvalidSignatureException")                                            \
    }

START_TEST(corrects_its_clock_once_and_keeps_it)
{
    fake.steps[0] = (struct fake_step)SKEWED("Mon, 23 Nov 2026 12:46:00 GMT");
    fake.steps[1] = (struct fake_step){.status = 200, .body = SV("{}")};
    fake.steps[2] = (struct fake_step){.status = 200, .body = SV("{}")};
    ck_assert(call_within(8000));
    ck_assert_uint_eq(fake.pauses, 0);
    ck_assert_int_eq(client.clock_offset_ms, 600000);
    ck_assert_str_eq(fake_header(&fake.sent[1], "X-Amz-Date"), "20261123T124600Z");
    http_response_done(&response);
    ck_assert(call_within(8000));
    ck_assert_str_eq(fake_header(&fake.sent[2], "X-Amz-Date"), "20261123T124600Z");
}
END_TEST

START_TEST(measures_the_offset_in_the_middle_of_the_round_trip)
{
    fake.steps[0] = (struct fake_step)SKEWED("Mon, 23 Nov 2026 12:46:00 GMT");
    fake.steps[0].takes_ms = 2000;
    fake.steps[1] = (struct fake_step){.status = 200, .body = SV("{}")};
    ck_assert(call_within(8000));
    ck_assert_int_eq(client.clock_offset_ms, 599000);
}
END_TEST

/* The offset is taken from raw time, so a corrected clock that is corrected again does not add up.
 */
START_TEST(corrects_a_corrected_clock)
{
    client.clock_offset_ms = 600000;
    fake.steps[0] = (struct fake_step)SKEWED("Mon, 23 Nov 2026 12:36:00 GMT");
    fake.steps[1] = (struct fake_step){.status = 200, .body = SV("{}")};
    ck_assert(call_within(8000));
    ck_assert_int_eq(client.clock_offset_ms, 0);
    ck_assert_str_eq(fake_header(&fake.sent[1], "X-Amz-Date"), "20261123T123600Z");
}
END_TEST

START_TEST(does_not_loop_over_a_wrong_signature)
{
    fake.steps[0] = (struct fake_step)SKEWED("Mon, 23 Nov 2026 12:46:00 GMT");
    fake.steps[1] = (struct fake_step)SKEWED("Mon, 23 Nov 2026 12:56:00 GMT");
    ck_assert(!call_within(8000));
    ck_assert_uint_eq(fake.count, 2);
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert_int_eq(error.class, SERVICE_CLOCK);
}
END_TEST

static const struct {
    const char *headers;
    int64_t takes_ms;
} unusable_dates[] = {
    {"Date: Mon, 23 Nov 2026 12:36:20 GMT\r\n", 0},
    {"Date: Mon, 23 Nov 2026 12:39:59 GMT\r\n", 0},
    {"Date: yesterday\r\n", 0},
    {"", 0},
    {"Date: Mon, 23 Nov 2026 12:46:00 GMT\r\n", 5001},
};

START_TEST(leaves_its_clock_alone)
{
    fake.steps[0] = (struct fake_step){.status = 400,
                                       .headers = unusable_dates[_i].headers,
                                       .body = JSON_ERROR("SignatureDoesNotMatch"),
                                       .takes_ms = unusable_dates[_i].takes_ms};
    ck_assert(!call_within(8000));
    ck_assert_uint_eq(fake.count, 1);
    ck_assert_int_eq(client.clock_offset_ms, 0);
    ck_assert_int_eq(err.kind, ERR_DENIED);
}
END_TEST

START_TEST(corrects_the_clock_and_then_tries_once_more)
{
    fake.steps[0] = (struct fake_step)SKEWED("Mon, 23 Nov 2026 12:46:00 GMT");
    fake.steps[1] = (struct fake_step){.status = 500};
    fake.steps[2] = (struct fake_step){.status = 200, .body = SV("{}")};
    ck_assert(call_within(8000));
    ck_assert_uint_eq(fake.count, 3);
    ck_assert_uint_eq(fake.pauses, 1);
}
END_TEST

START_TEST(asks_for_other_credentials_once)
{
    ck_assert(credentials_new(SV("AKIDSECOND"), SV("secret"), SV(""), &two.second, &err));
    fake.steps[0] = (struct fake_step){.status = 400, .body = JSON_ERROR("ExpiredTokenException")};
    fake.steps[1] = (struct fake_step){.status = 200, .body = SV("{}")};
    ck_assert(call_within(8000));
    ck_assert_ptr_nonnull(strstr(fake_header(&fake.sent[1], "Authorization"), "AKIDSECOND"));
    ck_assert_uint_eq(two.asked, 2);
}
END_TEST

START_TEST(reports_the_refusal_when_there_are_no_others)
{
    fake.steps[0] =
        (struct fake_step){.status = 400, .body = JSON_ERROR("UnrecognizedClientException")};
    ck_assert(!call_within(8000));
    ck_assert_uint_eq(fake.count, 1);
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert_int_eq(error.class, SERVICE_CREDENTIAL);
    ck_assert_ptr_nonnull(strstr(err.message, "UnrecognizedClientException"));
}
END_TEST

START_TEST(sends_nothing_without_credentials)
{
    two.failure = ERR_MISSING;
    ck_assert(!call_within(8000));
    ck_assert_uint_eq(fake.count, 0);
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert_int_eq(error.class, SERVICE_CREDENTIAL);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("service_client");
    TCase *tcase = tcase_create("service_client");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, sends_what_was_signed);
    tcase_add_test(tcase, sends_and_signs_a_session_token);
    tcase_add_test(tcase, never_outlives_its_deadline);
    tcase_add_loop_test(tcase, tries_once_more_after_what_may_pass, 0, ARRAY_LEN(passing));
    tcase_add_loop_test(tcase, gives_up_after_the_second_failure, 0, ARRAY_LEN(passing));
    tcase_add_test(tcase, does_not_try_again_without_time);
    tcase_add_test(tcase, signs_anew_for_each_try);
    tcase_add_loop_test(tcase, does_not_try_again_what_stays, 0, ARRAY_LEN(final_failures));
    tcase_add_test(tcase, corrects_its_clock_once_and_keeps_it);
    tcase_add_test(tcase, measures_the_offset_in_the_middle_of_the_round_trip);
    tcase_add_test(tcase, corrects_a_corrected_clock);
    tcase_add_test(tcase, does_not_loop_over_a_wrong_signature);
    tcase_add_loop_test(tcase, leaves_its_clock_alone, 0, ARRAY_LEN(unusable_dates));
    tcase_add_test(tcase, corrects_the_clock_and_then_tries_once_more);
    tcase_add_test(tcase, asks_for_other_credentials_once);
    tcase_add_test(tcase, reports_the_refusal_when_there_are_no_others);
    tcase_add_test(tcase, sends_nothing_without_credentials);
    suite_add_tcase(suite, tcase);
    return suite;
}
