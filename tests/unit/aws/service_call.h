/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of service_call() share: an endpoint whose answers are scripted, a source of two
 * sets of credentials, and an observer that keeps what it hears. */
#ifndef SERVICE_CALL_H
#define SERVICE_CALL_H

#include "aws/service_client.h"
#include "bytes.h"
#include "fake_transport.h"

/* What the service says of its own is never repeated. */
#define JSON_ERROR(code) BYTES("{\"__type\":\"" code "\",\"message\":\"hunter2\"}")

enum {
    START_MS = 1000000,
    QUOTA = 500,
};

static const int64_t wall_ms = INT64_C(1795437360000); /* 2026-11-23T12:36:00Z */

/* Hands out `first`, and `second` (if any) in its place once that has been refused. */
struct two_credentials {
    struct credentials *first;
    struct credentials *second;
    enum err_kind failure;
    unsigned asked;
    struct credentials_request request; /* the last one */
};

static inline bool get_credentials(void *context, const struct credentials_request *request,
                                   struct credentials **ret, struct err *err)
{
    struct two_credentials *two = context;
    two->asked++;
    two->request = *request;
    if (two->failure != ERR_NONE) {
        return err_set(err, two->failure, "no credentials");
    }
    struct credentials *credentials = request->refused == two->first ? two->second : two->first;
    if (!credentials) {
        return err_set(err, ERR_DENIED, "no others");
    }
    *ret = credentials_retain(credentials);
    return true;
}

struct told {
    unsigned calls;
    struct service_report report;
    struct service_error error; /* of the report */
    unsigned clocks;
    int64_t offset_ms;
};

static inline void on_call(void *context, const struct service_report *report)
{
    struct told *told = context;
    told->calls++;
    told->report = *report;
    told->error = *report->error;
}

static inline void on_clock(void *context, const struct endpoint *address, int64_t offset_ms)
{
    struct told *told = context;
    (void)address;
    told->clocks++;
    told->offset_ms = offset_ms;
}

static struct fake_transport fake;
static struct service_thread thread;
static struct two_credentials two;
static const struct credentials_source source = {get_credentials, &two};
static struct service_endpoint *endpoint;
static struct told told;
static struct http_response response;
static struct service_error error;
static struct err err;

static inline void setup(void)
{
    fake = (struct fake_transport){.wall_ms = wall_ms, .monotonic_ms = START_MS};
    thread = fake_thread(&fake);
    thread.ca_file = "ca.pem";
    two = (struct two_credentials){0};
    ck_assert(credentials_new(SV("AKIDEXAMPLE"), SV("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                              SV(""), &two.first, &err));
    const struct endpoint_config config = {0};
    struct endpoint address;
    ck_assert(endpoint_resolve(&config, ENDPOINT_SECRETS_MANAGER, SV("us-east-1"), &address, &err));
    told = (struct told){0};
    const struct service_observer observer = {on_call, on_clock, &told};
    endpoint = service_endpoint_new(&address, &observer);
    err = (struct err){0};
    error = (struct service_error){0};
}

static inline void teardown(void)
{
    fake_transport_done(&fake);
    http_response_done(&response);
    service_endpoint_free(endpoint);
    credentials_release(two.first);
    credentials_release(two.second);
}

/* The same script once more. */
static inline void start_again(void)
{
    teardown();
    setup();
}

static inline struct service_request request_within(int64_t ms)
{
    return (struct service_request){
        .protocol = SERVICE_JSON_1_1,
        .target = "secretsmanager.GetSecretValue",
        .operation = "GetSecretValue",
        .body = SV("{\"SecretId\":\"prod/db\"}"),
        .urgency = SERVICE_ADMISSION,
        .deadline_ms = fake.monotonic_ms + ms,
        .max_answer = 4096,
    };
}

/* Whatever happens, the end is told once, as the caller hears it. */
static inline bool call(const struct credentials_source *with,
                        const struct service_request *request)
{
    unsigned calls = told.calls;
    size_t sent = fake.count;
    int64_t begun_ms = fake.monotonic_ms;
    http_response_done(&response);
    bool succeeded = service_call(&thread, endpoint, with, request, &response, &error, &err);
    ck_assert_uint_eq(told.calls, calls + 1);
    ck_assert_int_eq(told.error.class, error.class);
    ck_assert_str_eq(told.error.code, error.code);
    ck_assert(told.error.retryable == error.retryable);
    ck_assert_uint_eq(told.report.sent, fake.count - sent);
    ck_assert_int_eq(told.report.took_ms, fake.monotonic_ms - begun_ms);
    ck_assert_str_eq(told.report.operation, "GetSecretValue");
    ck_assert_int_eq(told.report.urgency, request->urgency);
    ck_assert_ptr_eq(told.report.endpoint, service_endpoint_address(endpoint));
    ck_assert(succeeded == (error.class == SERVICE_OK));
    if (!succeeded) {
        ck_assert_ptr_null(response.body.bytes.data);
        ck_assert_ptr_null(response.headers.data);
        ck_assert_ptr_null(strstr(err.message, "hunter2"));
        ck_assert(err.retryable == error.retryable);
    }
    return succeeded;
}

static inline bool call_within(int64_t ms)
{
    const struct service_request request = request_within(ms);
    return call(&source, &request);
}

/* What is left of the quota, in retries after throttling of 5. */
static inline unsigned quota_left(enum service_urgency urgency)
{
    unsigned taken = 0;
    while (service_endpoint_take_retry(endpoint, urgency, true)) {
        taken++;
    }
    return taken * 5;
}

static const struct fake_step answer = {.status = 200, .body = BYTES("{}")};
static const struct fake_step broken = {.status = 500, .body = JSON_ERROR("InternalServiceError")};
static const struct fake_step throttled = {.status = 400,
                                           .body = JSON_ERROR("ThrottlingException")};
static const struct fake_step unreachable = {.failure = ERR_UNAVAILABLE};
static const struct fake_step expired = {.status = 400,
                                         .body = JSON_ERROR("ExpiredTokenException")};
#define SKEWED(date)                                                                               \
    {                                                                                              \
        .status = 400, .headers = "Date: " date "\r\n",                                            \
        .body = JSON_ERROR("InvalidSignatureException")                                            \
    }
static const struct fake_step ten_minutes_ahead = SKEWED("Mon, 23 Nov 2026 12:46:00 GMT");

#endif
