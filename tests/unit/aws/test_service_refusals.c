/* SPDX-License-Identifier: Apache-2.0 */
/* What a service refuses and another signature or other credentials cure; and calls of which any
 * request may fail. */
#include "service_call.h"

START_TEST(cures_nothing_with_a_signature_where_there_is_none)
{
    const struct service_request request = request_within(8000);
    fake.steps[0] = ten_minutes_ahead;
    ck_assert(!call(NULL, &request));
    ck_assert_int_eq(error.class, SERVICE_CLOCK);
    ck_assert_int_eq(service_endpoint_clock_offset_ms(endpoint), 0);
    fake.steps[1] = expired;
    ck_assert(!call(NULL, &request));
    ck_assert_int_eq(error.class, SERVICE_CREDENTIAL);
    ck_assert_uint_eq(fake.count, 2);
}
END_TEST

START_TEST(corrects_its_clock_once_and_keeps_it)
{
    fake.steps[0] = ten_minutes_ahead;
    fake.steps[1] = answer;
    fake.steps[2] = answer;
    ck_assert(call_within(8000));
    ck_assert_uint_eq(fake.pauses, 0);
    ck_assert_int_eq(service_endpoint_clock_offset_ms(endpoint), 600000);
    ck_assert_str_eq(fake_header(&fake.sent[1], "X-Amz-Date"), "20261123T124600Z");
    ck_assert_str_eq(fake_header(&fake.sent[1], "amz-sdk-request"), "attempt=1; max=3");
    ck_assert(call_within(8000));
    ck_assert_str_eq(fake_header(&fake.sent[2], "X-Amz-Date"), "20261123T124600Z");
    ck_assert_uint_eq(told.clocks, 1);
    ck_assert_int_eq(told.offset_ms, 600000);
    ck_assert_uint_eq(quota_left(SERVICE_ADMISSION), QUOTA);
}
END_TEST

START_TEST(measures_the_offset_in_the_middle_of_the_round_trip)
{
    fake.steps[0] = ten_minutes_ahead;
    fake.steps[0].takes_ms = 2000;
    fake.steps[1] = answer;
    ck_assert(call_within(8000));
    ck_assert_int_eq(service_endpoint_clock_offset_ms(endpoint), 599000);
}
END_TEST

/* The offset is taken from raw time, so a corrected clock that is corrected again does not add up.
 */
START_TEST(corrects_a_corrected_clock)
{
    ck_assert(service_endpoint_set_clock(endpoint, 600000));
    fake.steps[0] = (struct fake_step)SKEWED("Mon, 23 Nov 2026 12:36:00 GMT");
    fake.steps[1] = answer;
    ck_assert(call_within(8000));
    ck_assert_str_eq(fake_header(&fake.sent[0], "X-Amz-Date"), "20261123T124600Z");
    ck_assert_int_eq(service_endpoint_clock_offset_ms(endpoint), 0);
    ck_assert_str_eq(fake_header(&fake.sent[1], "X-Amz-Date"), "20261123T123600Z");
}
END_TEST

START_TEST(does_not_loop_over_a_wrong_signature)
{
    fake.steps[0] = ten_minutes_ahead;
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
    {"Date: Mon, 23 Nov 2026 12:46:00 GMT\r\n", -1},
};

START_TEST(leaves_its_clock_alone)
{
    fake.steps[0] = (struct fake_step){.status = 400,
                                       .headers = unusable_dates[_i].headers,
                                       .body = JSON_ERROR("SignatureDoesNotMatch"),
                                       .takes_ms = unusable_dates[_i].takes_ms};
    ck_assert(!call_within(8000));
    ck_assert_uint_eq(fake.count, 1);
    ck_assert_int_eq(service_endpoint_clock_offset_ms(endpoint), 0);
    ck_assert_int_eq(err.kind, ERR_DENIED);
}
END_TEST

/* While the first try is on its way, another thread learns what time it is. */
static bool send_while_the_clock_is_set(void *context, const struct http_request *request,
                                        struct http_response *ret, struct err *send_err)
{
    struct fake_transport *to = context;
    if (to->count == 0) {
        ck_assert(service_endpoint_set_clock(endpoint, 600500));
    }
    return fake_send(context, request, ret, send_err);
}

START_TEST(goes_by_the_clock_another_thread_has_set)
{
    thread.transport.send = send_while_the_clock_is_set;
    fake.steps[0] = ten_minutes_ahead;
    fake.steps[1] = answer;
    ck_assert_msg(call_within(8000), "%s", err.message);
    ck_assert_str_eq(fake_header(&fake.sent[0], "X-Amz-Date"), "20261123T123600Z");
    ck_assert_str_eq(fake_header(&fake.sent[1], "X-Amz-Date"), "20261123T124600Z");
    ck_assert_int_eq(service_endpoint_clock_offset_ms(endpoint), 600500);
    ck_assert_uint_eq(told.clocks, 1);
}
END_TEST

START_TEST(asks_for_other_credentials_once)
{
    ck_assert(credentials_new(SV("AKIDSECOND"), SV("secret"), SV(""), &two.second, &err));
    fake.steps[0] = expired;
    fake.steps[1] = answer;
    ck_assert(call_within(8000));
    ck_assert_ptr_nonnull(strstr(fake_header(&fake.sent[1], "Authorization"), "AKIDSECOND"));
    ck_assert_uint_eq(two.asked, 2);
    ck_assert_ptr_eq(two.request.refused, two.first);
    ck_assert_uint_eq(fake.pauses, 0);
    ck_assert_uint_eq(quota_left(SERVICE_ADMISSION), QUOTA);
}
END_TEST

START_TEST(does_not_ask_for_others_twice)
{
    ck_assert(credentials_new(SV("AKIDSECOND"), SV("secret"), SV(""), &two.second, &err));
    fake.steps[0] = expired;
    fake.steps[1] = expired;
    ck_assert(!call_within(8000));
    ck_assert_uint_eq(two.asked, 2);
    ck_assert_int_eq(error.class, SERVICE_CREDENTIAL);
}
END_TEST

START_TEST(tells_the_source_what_it_needs)
{
    struct service_request request = request_within(8000);
    request.urgency = SERVICE_BACKGROUND;
    fake.steps[0] = answer;
    ck_assert(call(&source, &request));
    ck_assert_ptr_eq(two.request.thread, &thread);
    ck_assert_int_eq(two.request.urgency, SERVICE_BACKGROUND);
    ck_assert_int_eq(two.request.deadline_ms, request.deadline_ms);
    ck_assert_ptr_null(two.request.refused);
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
    static const enum err_kind kinds[] = {ERR_MISSING, ERR_UNAVAILABLE};
    two.failure = kinds[_i];
    ck_assert(!call_within(8000));
    ck_assert_uint_eq(fake.count, 0);
    ck_assert_int_eq(err.kind, kinds[_i]);
    ck_assert_int_eq(error.class, SERVICE_CREDENTIAL);
    ck_assert(error.retryable == (kinds[_i] == ERR_UNAVAILABLE));
}
END_TEST

/* Clock and credentials once each, and three tries beside them. */
static void script_everything(void)
{
    ck_assert(credentials_new(SV("AKIDSECOND"), SV("secret"), SV(""), &two.second, &err));
    fake.steps[0] = ten_minutes_ahead;
    fake.steps[1] = expired;
    fake.steps[2] = broken;
    fake.steps[3] = throttled;
    fake.steps[4] = answer;
}

START_TEST(counts_neither_clock_nor_credentials_as_tries)
{
    script_everything();
    ck_assert(call_within(8000));
    ck_assert_uint_eq(fake.count, 5);
    ck_assert_uint_eq(fake.pauses, 2);
    ck_assert_str_eq(fake_header(&fake.sent[4], "amz-sdk-request"), "attempt=3; max=3");
    ck_assert_ptr_nonnull(strstr(fake_header(&fake.sent[4], "Authorization"), "AKIDSECOND"));
    ck_assert_str_eq(fake_header(&fake.sent[4], "X-Amz-Date"), "20261123T124600Z");
}
END_TEST

START_TEST(ends_cleanly_whichever_request_fails)
{
    size_t n = 0;
    for (bool succeeded = false; !succeeded; n++) {
        start_again();
        script_everything();
        if (n < 5) {
            fake.steps[n] = (struct fake_step){.failure = ERR_UNAVAILABLE, .permanent = true};
        }
        succeeded = call_within(8000);
        ck_assert(succeeded == (n == 5));
        ck_assert_uint_eq(fake.count, succeeded ? 5 : n + 1);
        if (!succeeded) {
            ck_assert_int_eq(error.class, SERVICE_TRANSPORT);
            ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
        }
        ck_assert(service_endpoint_may_ask(endpoint, fake.monotonic_ms, &err));
    }
    ck_assert_uint_eq(n, 6);
}
END_TEST

/* One retry is left for the request that is cut, wherever it stands. */
START_TEST(goes_on_whichever_request_is_cut)
{
    const struct fake_step others[] = {ten_minutes_ahead, expired, broken};
    for (size_t n = 0; n <= ARRAY_LEN(others); n++) {
        start_again();
        script_everything();
        for (size_t i = 0, next = 0; i <= ARRAY_LEN(others); i++) {
            fake.steps[i] = i == n ? unreachable : others[next++];
        }
        ck_assert_msg(call_within(8000), "%zu: %s", n, err.message);
        ck_assert_uint_eq(fake.count, 5);
        ck_assert_uint_eq(told.clocks, 1);
        ck_assert_uint_eq(two.asked, 2);
    }
}
END_TEST

START_TEST(ends_cleanly_whenever_credentials_fail)
{
    for (unsigned n = 1; n <= 2; n++) {
        start_again();
        script_everything();
        two.failure = n == 1 ? ERR_TIMEOUT : ERR_NONE;
        credentials_release(n == 2 ? two.second : NULL);
        two.second = n == 2 ? NULL : two.second;
        ck_assert(!call_within(8000));
        ck_assert_uint_eq(two.asked, n);
        ck_assert_uint_eq(fake.count, n == 1 ? 0 : 2);
        ck_assert_int_eq(error.class, SERVICE_CREDENTIAL);
        ck_assert_str_eq(error.code, n == 1 ? "" : "ExpiredTokenException");
    }
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("service_refusals");
    TCase *tcase = tcase_create("service_refusals");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, cures_nothing_with_a_signature_where_there_is_none);
    tcase_add_test(tcase, corrects_its_clock_once_and_keeps_it);
    tcase_add_test(tcase, measures_the_offset_in_the_middle_of_the_round_trip);
    tcase_add_test(tcase, corrects_a_corrected_clock);
    tcase_add_test(tcase, does_not_loop_over_a_wrong_signature);
    tcase_add_loop_test(tcase, leaves_its_clock_alone, 0, ARRAY_LEN(unusable_dates));
    tcase_add_test(tcase, goes_by_the_clock_another_thread_has_set);
    tcase_add_test(tcase, asks_for_other_credentials_once);
    tcase_add_test(tcase, does_not_ask_for_others_twice);
    tcase_add_test(tcase, tells_the_source_what_it_needs);
    tcase_add_test(tcase, reports_the_refusal_when_there_are_no_others);
    tcase_add_loop_test(tcase, sends_nothing_without_credentials, 0, 2);
    tcase_add_test(tcase, counts_neither_clock_nor_credentials_as_tries);
    tcase_add_test(tcase, ends_cleanly_whichever_request_fails);
    tcase_add_test(tcase, goes_on_whichever_request_is_cut);
    tcase_add_test(tcase, ends_cleanly_whenever_credentials_fail);
    suite_add_tcase(suite, tcase);
    return suite;
}
