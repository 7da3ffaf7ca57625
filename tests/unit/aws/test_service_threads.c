/* SPDX-License-Identifier: Apache-2.0 */
/* One endpoint, called from several threads at once. */
#include <pthread.h>
#include <stdatomic.h>

#include "service_call.h"

enum {
    THREADS = 4, /* each has one failure in a row: not enough for the breaker */
    CALLS = 300,
};

/* What one of several threads sees of the service: a clock that is off for as long as nobody has
 * corrected it, then failures, throttling and answers in turn. */
struct worker {
    pthread_t id;
    struct service_thread thread;
    unsigned sent;
    unsigned succeeded;
};

static bool send_in_turn(void *context, const struct http_request *request,
                         struct http_response *ret, struct err *send_err)
{
    struct worker *worker = context;
    static const unsigned statuses[] = {200, 500, 200, 429, 200, 0, 200};
    unsigned status = statuses[worker->sent++ % ARRAY_LEN(statuses)];
    bool skewed = service_endpoint_clock_offset_ms(endpoint) == 0;
    if (!skewed && status == 0) {
        return err_set(send_err, ERR_UNAVAILABLE, "cut");
    }
    *ret = (struct http_response){.status = skewed ? 400 : status};
    buf_init(&ret->headers, 4096);
    secret_buf_init(&ret->body, request->max_answer);
    if (skewed) {
        buf_add_str(&ret->headers, ten_minutes_ahead.headers);
        secret_buf_add(&ret->body, ten_minutes_ahead.body);
    }
    return true;
}

static void do_not_wait(void *context, int64_t ms)
{
    (void)context;
    (void)ms;
}

static uint32_t no_random(void *context)
{
    (void)context;
    return 0;
}

static bool get_first(void *context, const struct credentials_request *request,
                      struct credentials **ret, struct err *get_err)
{
    (void)request;
    (void)get_err;
    *ret = credentials_retain(context);
    return true;
}

static void *work(void *context)
{
    struct worker *worker = context;
    const struct credentials_source shared = {get_first, two.first};
    struct service_request request = request_within(60000);
    request.urgency = worker->sent % 2 ? SERVICE_ADMISSION : SERVICE_BACKGROUND;
    for (unsigned i = 0; i < CALLS; i++) {
        CLEANUP(http_response_done) struct http_response got = {0};
        struct service_error call_error;
        struct err call_err;
        worker->succeeded += service_call(&worker->thread, endpoint, &shared, &request, &got,
                                          &call_error, &call_err);
    }
    return NULL;
}

/* The observer hears of every call and of one change of the clock. */
static atomic_uint calls_told;
static atomic_uint clocks_told;

static void count_call(void *context, const struct service_report *report)
{
    (void)context;
    atomic_fetch_add(&calls_told, report->sent > 0);
}

static void count_clock(void *context, const struct endpoint *address, int64_t offset_ms)
{
    (void)context;
    (void)address;
    atomic_fetch_add(&clocks_told, offset_ms > 0);
}

START_TEST(shares_an_endpoint_with_other_threads)
{
    const struct service_observer observer = {count_call, count_clock, NULL};
    const struct endpoint address = *service_endpoint_address(endpoint);
    struct worker workers[THREADS];
    service_endpoint_free(endpoint);
    endpoint = service_endpoint_new(&address, &observer);
    for (unsigned i = 0; i < THREADS; i++) {
        struct worker *worker = &workers[i];
        *worker = (struct worker){.thread = thread, .sent = i};
        worker->thread.transport = (struct http_transport){send_in_turn, worker};
        worker->thread.random = no_random;
        worker->thread.pause = do_not_wait;
        ck_assert_int_eq(pthread_create(&worker->id, NULL, work, worker), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(workers[i].id, NULL), 0);
        ck_assert_uint_eq(workers[i].succeeded, CALLS);
    }
    ck_assert_uint_eq(calls_told, THREADS * CALLS);
    ck_assert_uint_eq(clocks_told, 1);
    ck_assert_int_eq(service_endpoint_clock_offset_ms(endpoint), 600000);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("service_threads");
    TCase *tcase = tcase_create("service_threads");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, shares_an_endpoint_with_other_threads);
    suite_add_tcase(suite, tcase);
    return suite;
}
