/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/service_client.h"

#include "service_call.h"

START_TEST(sends_a_signed_request)
{
    fake.steps[0] = answer;
    ck_assert(call_within(8000));
    ck_assert(sv_is(secret_buf_view(&response.body), "{}"));
    ck_assert_uint_eq(error.status, 200);
    const struct fake_sent *sent = &fake.sent[0];
    ck_assert_ptr_nonnull(strstr(fake_header(sent, "Authorization"), "Credential=AKIDEXAMPLE/"));
    ck_assert_str_eq(fake_header(sent, "amz-sdk-request"), "attempt=1; max=3");
    /* A random UUID: version 4. */
    const char *id = fake_header(sent, "amz-sdk-invocation-id");
    ck_assert_uint_eq(strlen(id), 36);
    ck_assert_int_eq(id[14], '4');
    ck_assert_str_eq(sent->ca_file, "ca.pem");
}
END_TEST

START_TEST(asks_nobody_for_credentials_it_does_not_need)
{
    const struct service_request request = request_within(8000);
    fake.steps[0] = broken;
    fake.steps[1] = answer;
    ck_assert(call(NULL, &request));
    ck_assert_uint_eq(two.asked, 0);
    ck_assert_uint_eq(fake.count, 2);
    ck_assert_ptr_null(fake_header(&fake.sent[1], "Authorization"));
}
END_TEST

START_TEST(begins_nothing_that_cannot_be_answered_in_time)
{
    ck_assert(!call_within(299));
    ck_assert_int_eq(err.kind, ERR_TIMEOUT);
    ck_assert_int_eq(error.class, SERVICE_TRANSPORT);
    ck_assert(error.retryable);
    ck_assert_uint_eq(fake.count, 0);
    ck_assert(!call_within(-5));
    ck_assert_uint_eq(fake.count, 0);
    fake.steps[0] = answer;
    ck_assert(call_within(300));
    ck_assert_int_eq(fake.sent[0].deadline_ms, START_MS + 300);
}
END_TEST

START_TEST(cuts_the_last_try_to_the_time_left)
{
    static const struct fake_step silent = {.failure = ERR_TIMEOUT, .takes_ms = 2500};
    fake.steps[0] = silent;
    fake.steps[1] = silent;
    fake.steps[2] = answer;
    ck_assert(call_within(6000));
    ck_assert_int_eq(fake.sent[1].deadline_ms, START_MS + 5000);
    ck_assert_int_eq(fake.sent[2].deadline_ms, START_MS + 6000);
}
END_TEST

/* Failures that another try may cure, and the delays with random bits of a half. */
static const struct {
    struct fake_step step;
    enum service_error_class class;
    int64_t first_ms;
    int64_t second_ms;
} passing[] = {
    {{.status = 500, .body = JSON_ERROR("InternalServiceError")}, SERVICE_TRANSIENT, 25, 50},
    {{.status = 503, .headers = "Content-Type: text/html\r\n", .body = BYTES("<html>")},
     SERVICE_TRANSIENT,
     25,
     50},
    {{.status = 400,
      .body = BYTES("<ErrorResponse><Error><Code>IDPCommunicationError</Code></Error>"
                    "</ErrorResponse>")},
     SERVICE_TRANSIENT,
     25,
     50},
    {{.status = 400, .body = JSON_ERROR("ThrottlingException")}, SERVICE_THROTTLE, 250, 500},
    {{.status = 429}, SERVICE_THROTTLE, 250, 500},
    {{.status = 400,
      .headers = "x-amz-retry-after: 700\r\n",
      .body = JSON_ERROR("ThrottlingException")},
     SERVICE_THROTTLE,
     700,
     700},
    {{.status = 400,
      .headers = "x-amz-retry-after: 10\r\n",
      .body = JSON_ERROR("ThrottlingException")},
     SERVICE_THROTTLE,
     250,
     500},
    {{.status = 503, .headers = "Retry-After: 1\r\n"}, SERVICE_TRANSIENT, 1000, 1000},
    {{.failure = ERR_UNAVAILABLE, .takes_ms = 10}, SERVICE_TRANSPORT, 25, 50},
    {{.failure = ERR_TIMEOUT, .takes_ms = 2500}, SERVICE_TRANSPORT, 25, 50},
};

START_TEST(tries_again_after_what_may_pass)
{
    fake.random_bits = UINT32_C(0x80000000);
    fake.steps[0] = passing[_i].step;
    fake.steps[1] = passing[_i].step;
    fake.steps[2] = answer;
    const struct service_request request = request_within(20000);
    int64_t begun_ms = fake.monotonic_ms;
    ck_assert_msg(call(&source, &request), "%s", err.message);
    ck_assert_uint_eq(fake.count, 3);
    ck_assert_uint_eq(fake.pauses, 2);
    ck_assert_int_eq(fake.paused_ms, passing[_i].second_ms);
    ck_assert_int_eq(fake.monotonic_ms - begun_ms - 2 * passing[_i].step.takes_ms,
                     passing[_i].first_ms + passing[_i].second_ms);
    ck_assert_str_eq(fake_header(&fake.sent[1], "amz-sdk-request"), "attempt=2; max=3");
    ck_assert_str_eq(fake_header(&fake.sent[2], "amz-sdk-request"), "attempt=3; max=3");
    ck_assert_str_eq(fake_header(&fake.sent[0], "amz-sdk-invocation-id"),
                     fake_header(&fake.sent[2], "amz-sdk-invocation-id"));
    ck_assert_uint_eq(told.report.throttled, passing[_i].class == SERVICE_THROTTLE ? 2 : 0);
}
END_TEST

START_TEST(gives_up_after_the_third_failure)
{
    for (size_t i = 0; i < 3; i++) {
        fake.steps[i] = passing[_i].step;
    }
    ck_assert(!call_within(20000));
    ck_assert_uint_eq(fake.count, 3);
    ck_assert_uint_eq(fake.pauses, 2);
    ck_assert(err.retryable);
    ck_assert_int_eq(error.class, passing[_i].class);
    ck_assert_uint_eq(told.report.throttled, passing[_i].class == SERVICE_THROTTLE ? 3 : 0);
}
END_TEST

START_TEST(says_how_the_last_try_ended)
{
    fake.steps[0] = throttled;
    fake.steps[1] = unreachable;
    fake.steps[2] = (struct fake_step){.status = 400, .body = JSON_ERROR("AccessDeniedException")};
    ck_assert(!call_within(8000));
    ck_assert_int_eq(error.class, SERVICE_DENIED);
    ck_assert_str_eq(error.code, "AccessDeniedException");
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert_uint_eq(told.report.throttled, 1);
}
END_TEST

START_TEST(takes_a_fresh_connection_after_no_answer)
{
    fake.steps[0] = (struct fake_step){.failure = ERR_TIMEOUT, .takes_ms = 2500};
    fake.steps[1] = broken;
    fake.steps[2] = answer;
    ck_assert(call_within(8000));
    ck_assert(!fake.sent[0].fresh_connection);
    ck_assert(fake.sent[1].fresh_connection);
    ck_assert(!fake.sent[2].fresh_connection);
}
END_TEST

START_TEST(does_not_try_again_without_time)
{
    fake.random_bits = UINT32_MAX;
    fake.steps[0] = (struct fake_step){.status = 500, .takes_ms = 651};
    ck_assert(!call_within(1000));
    ck_assert_uint_eq(fake.count, 1);
    ck_assert_uint_eq(fake.pauses, 0);
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    /* Nor was anything paid. */
    ck_assert_uint_eq(quota_left(SERVICE_ADMISSION), QUOTA);
}
END_TEST

START_TEST(tries_again_with_just_enough_time)
{
    fake.random_bits = UINT32_MAX;
    fake.steps[0] = (struct fake_step){.status = 500, .takes_ms = 650};
    fake.steps[1] = answer;
    ck_assert(call_within(1000));
    ck_assert_int_eq(fake.sent[1].deadline_ms, START_MS + 1000);
}
END_TEST

START_TEST(does_not_try_sooner_than_the_service_asks)
{
    fake.steps[0] = (struct fake_step){
        .status = 400, .headers = "Retry-After: 3\r\n", .body = JSON_ERROR("ThrottlingException")};
    ck_assert(!call_within(3200));
    ck_assert_uint_eq(fake.count, 1);
    ck_assert_uint_eq(fake.pauses, 0);
    ck_assert_int_eq(error.class, SERVICE_THROTTLE);
}
END_TEST

START_TEST(waits_five_seconds_at_most)
{
    static const char *const headers[] = {"Retry-After: 3600\r\n", "x-amz-retry-after: 5001\r\n",
                                          "x-amz-retry-after: 99999999999999\r\n"};
    struct service_request request = request_within(60000);
    request.urgency = SERVICE_BACKGROUND;
    fake.steps[0] = (struct fake_step){.status = 503, .headers = headers[_i]};
    fake.steps[1] = answer;
    ck_assert(call(&source, &request));
    ck_assert_int_eq(fake.paused_ms, 5000);
}
END_TEST

START_TEST(pays_for_retries_and_gets_the_last_back)
{
    fake.steps[0] = throttled;
    fake.steps[1] = broken;
    fake.steps[2] = answer;
    ck_assert(call_within(8000));
    /* 500 - 5 - 14 + 14 */
    ck_assert_uint_eq(quota_left(SERVICE_ADMISSION), 495);
    ck_assert_uint_eq(quota_left(SERVICE_BACKGROUND), QUOTA);
    start_again();
    fake.steps[0] = broken;
    fake.steps[1] = throttled;
    fake.steps[2] = answer;
    ck_assert(call_within(8000));
    /* 500 - 14 - 5 + 5, in fives */
    ck_assert_uint_eq(quota_left(SERVICE_ADMISSION), 485);
}
END_TEST

START_TEST(gets_nothing_back_for_a_failure)
{
    for (size_t i = 0; i < 3; i++) {
        fake.steps[i] = throttled;
    }
    struct service_request request = request_within(8000);
    request.urgency = SERVICE_BACKGROUND;
    ck_assert(!call(&source, &request));
    ck_assert_uint_eq(quota_left(SERVICE_BACKGROUND), 490);
    ck_assert_uint_eq(quota_left(SERVICE_ADMISSION), QUOTA);
}
END_TEST

START_TEST(does_not_try_again_when_the_quota_is_spent)
{
    ck_assert_uint_eq(quota_left(SERVICE_ADMISSION), QUOTA);
    fake.steps[0] = throttled;
    ck_assert(!call_within(8000));
    ck_assert_uint_eq(fake.count, 1);
    ck_assert_uint_eq(fake.pauses, 0);
    ck_assert_int_eq(err.kind, ERR_BUSY);
    /* Five successes pay for one more. */
    for (size_t i = 1; i <= 5; i++) {
        fake.steps[i] = answer;
        ck_assert(call_within(8000));
    }
    ck_assert_uint_eq(quota_left(SERVICE_ADMISSION), 5);
}
END_TEST

START_TEST(signs_anew_for_each_try)
{
    fake.steps[0] = (struct fake_step){.status = 500, .takes_ms = 1200};
    fake.steps[1] = answer;
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
    ck_assert_uint_eq(quota_left(SERVICE_ADMISSION), QUOTA);
}
END_TEST

/* Three tries of one call and two of the next. */
static void open_breaker(void)
{
    for (size_t i = 0; i < 5; i++) {
        fake.steps[i] = unreachable;
    }
    ck_assert(!call_within(8000));
    ck_assert_uint_eq(fake.count, 3);
    ck_assert(!call_within(8000));
}

START_TEST(stops_trying_when_the_breaker_opens)
{
    open_breaker();
    ck_assert_uint_eq(fake.count, 5);
    ck_assert_uint_eq(told.report.sent, 2);
    /* How the last try ended says more. */
    ck_assert_int_eq(error.class, SERVICE_TRANSPORT);
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
}
END_TEST

START_TEST(fails_at_once_while_the_breaker_is_open)
{
    open_breaker();
    ck_assert(!call_within(8000));
    ck_assert_uint_eq(fake.count, 5);
    ck_assert_uint_eq(told.report.sent, 0);
    ck_assert_int_eq(told.report.took_ms, 0);
    ck_assert_int_eq(err.kind, ERR_BUSY);
    ck_assert_int_eq(error.class, SERVICE_TRANSPORT);
    ck_assert(error.retryable);
    ck_assert_ptr_nonnull(strstr(err.message, "secretsmanager.us-east-1.amazonaws.com"));
}
END_TEST

START_TEST(probes_and_goes_on)
{
    open_breaker();
    fake.monotonic_ms += 5000;
    fake.steps[5] = answer;
    ck_assert_msg(call_within(8000), "%s", err.message);
    ck_assert_uint_eq(fake.count, 6);
    ck_assert(service_endpoint_may_ask(endpoint, fake.monotonic_ms, &err));
    ck_assert(service_endpoint_may_ask(endpoint, fake.monotonic_ms, &err));
}
END_TEST

START_TEST(does_not_keep_the_probe_it_cannot_send)
{
    open_breaker();
    fake.monotonic_ms += 5000;
    two.failure = ERR_UNAVAILABLE;
    ck_assert(!call_within(8000));
    two.failure = ERR_NONE;
    ck_assert(!call_within(200));
    ck_assert_uint_eq(fake.count, 5);
    fake.steps[5] = answer;
    ck_assert_msg(call_within(8000), "%s", err.message);
}
END_TEST

START_TEST(counts_any_answer_as_one)
{
    static const struct fake_step answers[] = {
        {.status = 500}, {.failure = ERR_TOO_BIG}, {.status = 400}};
    struct err ignored;
    for (unsigned i = 0; i < 4; i++) {
        service_endpoint_note_transport(endpoint, false, START_MS, 0);
    }
    fake.random_bits = UINT32_MAX;
    fake.steps[0] = answers[_i];
    ck_assert(!call_within(340));
    ck_assert_uint_eq(fake.count, 1);
    service_endpoint_note_transport(endpoint, false, START_MS, 0);
    ck_assert(service_endpoint_may_ask(endpoint, START_MS, &ignored));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("service_client");
    TCase *tcase = tcase_create("service_client");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, sends_a_signed_request);
    tcase_add_test(tcase, asks_nobody_for_credentials_it_does_not_need);
    tcase_add_test(tcase, begins_nothing_that_cannot_be_answered_in_time);
    tcase_add_test(tcase, cuts_the_last_try_to_the_time_left);
    tcase_add_loop_test(tcase, tries_again_after_what_may_pass, 0, ARRAY_LEN(passing));
    tcase_add_loop_test(tcase, gives_up_after_the_third_failure, 0, ARRAY_LEN(passing));
    tcase_add_test(tcase, says_how_the_last_try_ended);
    tcase_add_test(tcase, takes_a_fresh_connection_after_no_answer);
    tcase_add_test(tcase, does_not_try_again_without_time);
    tcase_add_test(tcase, tries_again_with_just_enough_time);
    tcase_add_test(tcase, does_not_try_sooner_than_the_service_asks);
    tcase_add_loop_test(tcase, waits_five_seconds_at_most, 0, 3);
    tcase_add_test(tcase, pays_for_retries_and_gets_the_last_back);
    tcase_add_test(tcase, gets_nothing_back_for_a_failure);
    tcase_add_test(tcase, does_not_try_again_when_the_quota_is_spent);
    tcase_add_test(tcase, signs_anew_for_each_try);
    tcase_add_loop_test(tcase, does_not_try_again_what_stays, 0, ARRAY_LEN(final_failures));
    tcase_add_test(tcase, stops_trying_when_the_breaker_opens);
    tcase_add_test(tcase, fails_at_once_while_the_breaker_is_open);
    tcase_add_test(tcase, probes_and_goes_on);
    tcase_add_test(tcase, does_not_keep_the_probe_it_cannot_send);
    tcase_add_loop_test(tcase, counts_any_answer_as_one, 0, 3);
    suite_add_tcase(suite, tcase);
    return suite;
}
