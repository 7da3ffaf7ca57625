/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/service_attempt.h"

#include "fake_transport.h"

enum {
    START_MS = 1000000,
};

static const int64_t wall_ms = INT64_C(1795437360000); /* 2026-11-23T12:36:00Z */

static struct fake_transport fake;
static struct service_thread thread;
static struct endpoint endpoint;
static struct credentials *credentials;
static struct service_request request;
static struct service_attempt_input input;
static struct service_attempt attempt;
static struct http_response response;
static struct err err;

static void use_credentials(struct str_view token)
{
    credentials_release(credentials);
    ck_assert(credentials_new(SV("AKIDEXAMPLE"), SV("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                              token, &credentials, &err));
    input.credentials = credentials;
}

static void setup(void)
{
    fake = (struct fake_transport){.wall_ms = wall_ms, .monotonic_ms = START_MS};
    fake.steps[0] = (struct fake_step){.status = 200, .body = SV("{}"), .takes_ms = 40};
    thread = fake_thread(&fake);
    thread.ca_file = "ca.pem";
    const struct endpoint_config config = {0};
    ck_assert(
        endpoint_resolve(&config, ENDPOINT_SECRETS_MANAGER, SV("us-east-1"), &endpoint, &err));
    request = (struct service_request){
        .protocol = SERVICE_JSON_1_1,
        .target = "secretsmanager.GetSecretValue",
        .operation = "GetSecretValue",
        .body = SV("{\"SecretId\":\"prod/db\"}"),
        .deadline_ms = START_MS + 8000,
        .max_answer = 4096,
    };
    input = (struct service_attempt_input){
        .thread = &thread,
        .endpoint = &endpoint,
        .request = &request,
        .invocation_id = "11111111-2222-4333-8444-555555555555",
        .number = 2,
        .max_number = 3,
    };
    attempt = (struct service_attempt){0};
    use_credentials(SV(""));
}

static void teardown(void)
{
    service_attempt_done(&attempt);
    /* Twice does no harm, and leaves nothing. */
    service_attempt_done(&attempt);
    ck_assert_ptr_null(attempt.authorization.bytes.data);
    ck_assert_uint_eq(attempt.header_count, 0);
    fake_transport_done(&fake);
    http_response_done(&response);
    credentials_release(credentials);
    credentials = NULL;
}

static const struct fake_sent *send_it(void)
{
    ck_assert_msg(service_attempt_prepare(&attempt, &input, &err), "%s", err.message);
    ck_assert_uint_eq(fake.count, 0);
    ck_assert_msg(service_attempt_send(&attempt, &response, &err), "%s", err.message);
    ck_assert_uint_eq(fake.count, 1);
    return &fake.sent[0];
}

START_TEST(sends_what_was_signed)
{
    const struct fake_sent *sent = send_it();
    ck_assert(sv_is(secret_buf_view(&response.body), "{}"));
    ck_assert_str_eq(sent->url, "https://secretsmanager.us-east-1.amazonaws.com/");
    ck_assert_str_eq(sent->body, "{\"SecretId\":\"prod/db\"}");
    ck_assert_str_eq(fake_header(sent, "Host"), "secretsmanager.us-east-1.amazonaws.com");
    ck_assert_str_eq(fake_header(sent, "Content-Type"), "application/x-amz-json-1.1");
    ck_assert_str_eq(fake_header(sent, "X-Amz-Target"), "secretsmanager.GetSecretValue");
    ck_assert_str_eq(fake_header(sent, "X-Amz-Date"), "20261123T123600Z");
    /* The published signature of exactly this request ("sm-get"). */
    ck_assert_str_eq(fake_header(sent, "Authorization"),
                     "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/us-east-1/secretsmanager/"
                     "aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
                     "Signature=d04764aa4e0749f473de23cb374ff9278a5d34dbaa52bf23760960848e4603d9");
    ck_assert_str_eq(fake_header(sent, "User-Agent"), "keyturn/" KEYTURN_VERSION);
    ck_assert_str_eq(fake_header(sent, "amz-sdk-invocation-id"),
                     "11111111-2222-4333-8444-555555555555");
    ck_assert_str_eq(fake_header(sent, "amz-sdk-request"), "attempt=2; max=3");
    ck_assert_uint_eq(sent->header_count, 8);
    ck_assert_str_eq(sent->ca_file, "ca.pem");
    ck_assert_uint_eq(sent->max_answer, 4096);
    ck_assert(!sent->fresh_connection);
}
END_TEST

START_TEST(notes_when_it_was_sent_and_answered)
{
    input.clock_offset_ms = 600000;
    fake.wall_ms += 1000;
    const struct fake_sent *sent = send_it();
    ck_assert_str_eq(fake_header(sent, "X-Amz-Date"), "20261123T124601Z");
    ck_assert_int_eq(attempt.sent_at_ms, wall_ms + 1000);
    ck_assert_int_eq(attempt.answered_at_ms, wall_ms + 1040);
}
END_TEST

START_TEST(passes_on_that_there_is_no_answer)
{
    fake.steps[0] = (struct fake_step){.failure = ERR_TIMEOUT, .takes_ms = 2500};
    ck_assert(service_attempt_prepare(&attempt, &input, &err));
    ck_assert(!service_attempt_send(&attempt, &response, &err));
    ck_assert_int_eq(err.kind, ERR_TIMEOUT);
    ck_assert_int_eq(attempt.answered_at_ms, wall_ms + 2500);
}
END_TEST

START_TEST(asks_for_a_fresh_connection)
{
    input.fresh_connection = true;
    ck_assert(send_it()->fresh_connection);
}
END_TEST

START_TEST(sends_and_signs_a_session_token)
{
    use_credentials(SV("AQoDYXdzEPT"));
    const struct fake_sent *sent = send_it();
    ck_assert_str_eq(fake_header(sent, "X-Amz-Security-Token"), "AQoDYXdzEPT");
    ck_assert_ptr_nonnull(
        strstr(fake_header(sent, "Authorization"),
               "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target,"));
    ck_assert_uint_eq(sent->header_count, SERVICE_ATTEMPT_HEADERS);
}
END_TEST

static const struct {
    enum service_protocol protocol;
    const char *target;
    const char *type;
    const char *signed_headers;
} protocols[] = {
    {SERVICE_JSON_1_1, "AmazonSSM.GetParameter", "application/x-amz-json-1.1",
     "SignedHeaders=content-type;host;x-amz-date;x-amz-target,"},
    {SERVICE_JSON_1_0, "AmazonSQS.ReceiveMessage", "application/x-amz-json-1.0",
     "SignedHeaders=content-type;host;x-amz-date;x-amz-target,"},
    {SERVICE_QUERY, NULL, "application/x-www-form-urlencoded; charset=utf-8",
     "SignedHeaders=content-type;host;x-amz-date,"},
};

START_TEST(speaks_the_protocol_of_the_service)
{
    request.protocol = protocols[_i].protocol;
    request.target = protocols[_i].target;
    request.body = SV("Action=AssumeRole&Version=2011-06-15");
    const struct fake_sent *sent = send_it();
    ck_assert_str_eq(fake_header(sent, "Content-Type"), protocols[_i].type);
    ck_assert_ptr_nonnull(strstr(fake_header(sent, "Authorization"), protocols[_i].signed_headers));
    ck_assert_str_eq(sent->body, "Action=AssumeRole&Version=2011-06-15");
    ck_assert_pstr_eq(fake_header(sent, "X-Amz-Target"), protocols[_i].target);
}
END_TEST

START_TEST(goes_unsigned_without_credentials)
{
    request.protocol = SERVICE_QUERY;
    request.target = NULL;
    input.credentials = NULL;
    const struct fake_sent *sent = send_it();
    ck_assert_ptr_null(fake_header(sent, "Authorization"));
    ck_assert_ptr_null(fake_header(sent, "X-Amz-Date"));
    ck_assert_ptr_null(fake_header(sent, "X-Amz-Security-Token"));
    ck_assert_str_eq(fake_header(sent, "Host"), "secretsmanager.us-east-1.amazonaws.com");
    ck_assert_uint_eq(sent->header_count, 5);
}
END_TEST

static const struct {
    enum service_urgency urgency;
    int64_t long_poll_ms;
    int64_t within_ms;
    int64_t try_ms;
} times[] = {
    {SERVICE_ADMISSION, 0, 8000, 2500},        {SERVICE_BACKGROUND, 0, 60000, 5000},
    {SERVICE_BACKGROUND, 20000, 60000, 25000}, {SERVICE_BACKGROUND, 20000, 22000, 22000},
    {SERVICE_ADMISSION, 0, 900, 900},
};

/* Counted from when it is sent. */
START_TEST(has_the_time_of_its_urgency)
{
    request.urgency = times[_i].urgency;
    request.long_poll_ms = times[_i].long_poll_ms;
    request.deadline_ms = START_MS + times[_i].within_ms;
    const struct fake_sent *sent = send_it();
    ck_assert_int_eq(sent->deadline_ms, START_MS + times[_i].try_ms);
    ck_assert_int_eq(sent->connect_timeout_ms, 1000);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("service_attempt");
    TCase *tcase = tcase_create("service_attempt");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, sends_what_was_signed);
    tcase_add_test(tcase, notes_when_it_was_sent_and_answered);
    tcase_add_test(tcase, passes_on_that_there_is_no_answer);
    tcase_add_test(tcase, asks_for_a_fresh_connection);
    tcase_add_test(tcase, sends_and_signs_a_session_token);
    tcase_add_loop_test(tcase, speaks_the_protocol_of_the_service, 0, ARRAY_LEN(protocols));
    tcase_add_test(tcase, goes_unsigned_without_credentials);
    tcase_add_loop_test(tcase, has_the_time_of_its_urgency, 0, ARRAY_LEN(times));
    suite_add_tcase(suite, tcase);
    return suite;
}
