/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/service_endpoint.h"

#include <pthread.h>
#include <stdatomic.h>

#include "check_main.h"

enum {
    NOW_MS = 1000000,
    THREADS = 8,
    ROUNDS = 2000,
    /* Random bits that choose the shortest and the longest opening. */
    SHORTEST_MS = 1000,
    LONGEST_MS = 5000,
};

static struct told {
    unsigned calls;
    atomic_uint clocks;
    int64_t offset_ms;
    const char *host;
    struct service_report report;
} told;

static struct service_endpoint *endpoint;
static struct err err;

static void on_call(void *context, const struct service_report *report)
{
    struct told *to = context;
    to->calls++;
    to->report = *report;
}

static void on_clock(void *context, const struct endpoint *address, int64_t offset_ms)
{
    struct told *to = context;
    atomic_fetch_add(&to->clocks, 1);
    to->offset_ms = offset_ms;
    to->host = address->host;
}

static struct endpoint address_of(const char *region)
{
    const struct endpoint_config config = {0};
    struct endpoint address;
    ck_assert(endpoint_resolve(&config, ENDPOINT_SECRETS_MANAGER, sv_of(region), &address, &err));
    return address;
}

static void setup(void)
{
    told = (struct told){0};
    err = (struct err){0};
    struct service_observer observer = {on_call, on_clock, &told};
    struct endpoint address = address_of("us-east-1");
    endpoint = service_endpoint_new(&address, &observer);
    /* Both were copied. */
    memset(&address, 'x', sizeof address);
    memset(&observer, 0, sizeof observer);
}

static void teardown(void)
{
    service_endpoint_free(endpoint);
}

static bool may_ask(int64_t now_ms)
{
    err = (struct err){0};
    bool may = service_endpoint_may_ask(endpoint, now_ms, &err);
    ck_assert_int_eq(err.kind, may ? ERR_NONE : ERR_BUSY);
    return may;
}

static void no_answer(int64_t now_ms, uint32_t random)
{
    service_endpoint_note_transport(endpoint, false, now_ms, random);
}

static void answer(int64_t now_ms)
{
    service_endpoint_note_transport(endpoint, true, now_ms, 0);
}

static void open_breaker(uint32_t random)
{
    for (int i = 0; i < 5; i++) {
        ck_assert(may_ask(NOW_MS));
        no_answer(NOW_MS, random);
    }
}

START_TEST(says_where_it_is)
{
    const struct endpoint *address = service_endpoint_address(endpoint);
    ck_assert_str_eq(address->host, "secretsmanager.us-east-1.amazonaws.com");
    ck_assert_str_eq(address->region, "us-east-1");
}
END_TEST

START_TEST(opens_with_the_fifth_failure_in_a_row)
{
    for (int i = 0; i < 4; i++) {
        no_answer(NOW_MS + i * 2500, 0);
        ck_assert(may_ask(NOW_MS + i * 2500));
    }
    no_answer(NOW_MS + 10000, 0);
    ck_assert(!may_ask(NOW_MS + 10000));
    ck_assert(err.retryable);
    ck_assert_str_eq(err.message, "secretsmanager.us-east-1.amazonaws.com has not answered lately "
                                  "and is not asked for 1000 ms");
}
END_TEST

START_TEST(stays_closed_when_the_failures_are_far_apart)
{
    for (int i = 0; i < 4; i++) {
        no_answer(NOW_MS + i * 2500, 0);
    }
    no_answer(NOW_MS + 10001, 0);
    ck_assert(may_ask(NOW_MS + 10001));
    /* The first has left the window, four and a new one are in it. */
    no_answer(NOW_MS + 12500, 0);
    ck_assert(!may_ask(NOW_MS + 12500));
}
END_TEST

START_TEST(stays_closed_when_an_answer_comes_between)
{
    for (int i = 0; i < 4; i++) {
        no_answer(NOW_MS, 0);
    }
    answer(NOW_MS);
    for (int i = 0; i < 4; i++) {
        no_answer(NOW_MS, 0);
        ck_assert(may_ask(NOW_MS));
    }
    no_answer(NOW_MS, 0);
    ck_assert(!may_ask(NOW_MS));
}
END_TEST

static const struct {
    uint32_t random;
    int64_t open_ms;
} openings[] = {
    {0, SHORTEST_MS},
    {UINT32_MAX, LONGEST_MS},
    {UINT32_C(0x80000000), (SHORTEST_MS + LONGEST_MS) / 2},
};

START_TEST(opens_for_a_random_time_and_then_lets_one_probe)
{
    open_breaker(openings[_i].random);
    ck_assert(!may_ask(NOW_MS + openings[_i].open_ms - 1));
    ck_assert(may_ask(NOW_MS + openings[_i].open_ms));
    ck_assert(!may_ask(NOW_MS + openings[_i].open_ms));
    ck_assert(!may_ask(NOW_MS + 60000));
}
END_TEST

START_TEST(closes_when_the_probe_is_answered)
{
    open_breaker(0);
    ck_assert(may_ask(NOW_MS + SHORTEST_MS));
    answer(NOW_MS + SHORTEST_MS);
    ck_assert(may_ask(NOW_MS + SHORTEST_MS));
    ck_assert(may_ask(NOW_MS + SHORTEST_MS));
    /* And counts from the beginning. */
    for (int i = 0; i < 4; i++) {
        no_answer(NOW_MS + SHORTEST_MS, 0);
    }
    ck_assert(may_ask(NOW_MS + SHORTEST_MS));
}
END_TEST

START_TEST(opens_again_when_the_probe_fails)
{
    open_breaker(0);
    ck_assert(may_ask(NOW_MS + SHORTEST_MS));
    no_answer(NOW_MS + 3000, UINT32_MAX);
    ck_assert(!may_ask(NOW_MS + 3000 + LONGEST_MS - 1));
    ck_assert(may_ask(NOW_MS + 3000 + LONGEST_MS));
    ck_assert(!may_ask(NOW_MS + 3000 + LONGEST_MS));
}
END_TEST

START_TEST(is_not_kept_open_by_calls_from_before)
{
    open_breaker(0);
    no_answer(NOW_MS + 900, UINT32_MAX);
    ck_assert(!may_ask(NOW_MS + SHORTEST_MS - 1));
    ck_assert(may_ask(NOW_MS + SHORTEST_MS));
}
END_TEST

START_TEST(closes_when_a_call_from_before_is_answered)
{
    open_breaker(UINT32_MAX);
    answer(NOW_MS + 100);
    ck_assert(may_ask(NOW_MS + 100));
}
END_TEST

static unsigned take_all(enum service_urgency urgency, bool throttled)
{
    unsigned taken = 0;
    while (service_endpoint_take_retry(endpoint, urgency, throttled)) {
        ck_assert_uint_lt(++taken, 1000);
    }
    return taken;
}

START_TEST(takes_fourteen_for_a_retry)
{
    ck_assert_uint_eq(take_all(SERVICE_ADMISSION, false), 35);
    /* 10 are left: enough for two after throttling. */
    ck_assert_uint_eq(take_all(SERVICE_ADMISSION, true), 2);
}
END_TEST

START_TEST(takes_five_for_a_retry_after_throttling)
{
    ck_assert_uint_eq(take_all(SERVICE_BACKGROUND, true), 100);
}
END_TEST

START_TEST(keeps_a_quota_for_each_urgency)
{
    ck_assert_uint_eq(take_all(SERVICE_BACKGROUND, true), 100);
    ck_assert_uint_eq(take_all(SERVICE_ADMISSION, true), 100);
    service_endpoint_give_back(endpoint, SERVICE_BACKGROUND, 1, true);
    ck_assert_uint_eq(take_all(SERVICE_ADMISSION, true), 0);
    ck_assert_uint_eq(take_all(SERVICE_BACKGROUND, true), 1);
}
END_TEST

static const struct {
    unsigned retries;
    bool throttled;
    unsigned tokens;
} refunds[] = {
    {0, false, 1}, {1, false, 14}, {2, false, 14}, {1, true, 5}, {2, true, 5},
};

START_TEST(gets_back_what_the_last_retry_cost_or_one)
{
    ck_assert_uint_eq(take_all(SERVICE_ADMISSION, true), 100);
    /* Twenty times, so that what comes back can be counted in fives. */
    for (int i = 0; i < 20; i++) {
        service_endpoint_give_back(endpoint, SERVICE_ADMISSION, refunds[_i].retries,
                                   refunds[_i].throttled);
    }
    ck_assert_uint_eq(take_all(SERVICE_ADMISSION, true), 20 * refunds[_i].tokens / 5);
}
END_TEST

START_TEST(has_no_more_than_the_whole_quota)
{
    for (int i = 0; i < 100; i++) {
        service_endpoint_give_back(endpoint, SERVICE_ADMISSION, 1, false);
    }
    ck_assert_uint_eq(take_all(SERVICE_ADMISSION, true), 100);
}
END_TEST

static const struct {
    int64_t from_ms;
    int64_t offset_ms;
    bool adopted;
} clocks[] = {
    {0, 239999, false},      {0, 240000, true}, {0, -239999, false},     {0, -240000, true},
    {0, 600000, true},       {600000, 0, true}, {600000, 360001, false}, {600000, 360000, true},
    {600000, 839999, false}, {0, 0, false},
};

START_TEST(adopts_an_offset_that_explains_a_refusal)
{
    if (clocks[_i].from_ms) {
        ck_assert(service_endpoint_set_clock(endpoint, clocks[_i].from_ms));
    }
    unsigned before = told.clocks;
    ck_assert(service_endpoint_set_clock(endpoint, clocks[_i].offset_ms) == clocks[_i].adopted);
    ck_assert_int_eq(service_endpoint_clock_offset_ms(endpoint),
                     clocks[_i].adopted ? clocks[_i].offset_ms : clocks[_i].from_ms);
    ck_assert_uint_eq(told.clocks - before, clocks[_i].adopted);
    if (clocks[_i].adopted) {
        ck_assert_int_eq(told.offset_ms, clocks[_i].offset_ms);
        ck_assert_str_eq(told.host, "secretsmanager.us-east-1.amazonaws.com");
    }
}
END_TEST

START_TEST(passes_reports_on)
{
    const struct service_error error = {.class = SERVICE_THROTTLE};
    const struct service_report report = {
        .endpoint = service_endpoint_address(endpoint),
        .operation = "GetSecretValue",
        .error = &error,
        .sent = 3,
    };
    service_endpoint_report(endpoint, &report);
    ck_assert_uint_eq(told.calls, 1);
    ck_assert_ptr_eq(told.report.error, &error);
    ck_assert_uint_eq(told.report.sent, 3);
}
END_TEST

START_TEST(needs_nobody_who_listens)
{
    const struct endpoint address = address_of("eu-west-1");
    const struct service_error error = {0};
    const struct service_report report = {.error = &error};
    const struct service_observer deaf = {0};
    const struct service_observer *observers[] = {NULL, &deaf};
    for (size_t i = 0; i < ARRAY_LEN(observers); i++) {
        struct service_endpoint *silent = service_endpoint_new(&address, observers[i]);
        service_endpoint_report(silent, &report);
        ck_assert(service_endpoint_set_clock(silent, 600000));
        ck_assert_int_eq(service_endpoint_clock_offset_ms(silent), 600000);
        service_endpoint_free(silent);
    }
    service_endpoint_free(NULL);
}
END_TEST

static atomic_uint probes;
static atomic_uint retries_taken;
static atomic_uint adopted;

/* Everything that several workers do with one endpoint at the same time. */
static void *work(void *context)
{
    struct err ignored;
    (void)context;
    if (service_endpoint_may_ask(endpoint, NOW_MS + SHORTEST_MS, &ignored)) {
        atomic_fetch_add(&probes, 1);
    }
    while (service_endpoint_take_retry(endpoint, SERVICE_ADMISSION, false)) {
        atomic_fetch_add(&retries_taken, 1);
    }
    if (service_endpoint_set_clock(endpoint, 600000)) {
        atomic_fetch_add(&adopted, 1);
    }
    for (int i = 0; i < ROUNDS; i++) {
        service_endpoint_give_back(endpoint, SERVICE_BACKGROUND, 0, false);
        if (service_endpoint_clock_offset_ms(endpoint) != 600000) {
            return NULL;
        }
    }
    return &probes;
}

START_TEST(is_one_for_all_threads)
{
    pthread_t threads[THREADS];
    open_breaker(0);
    ck_assert_uint_eq(take_all(SERVICE_BACKGROUND, true), 100);
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, NULL), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *done = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &done), 0);
        ck_assert_ptr_nonnull(done);
    }
    ck_assert_uint_eq(probes, 1);
    ck_assert_uint_eq(retries_taken, 35);
    ck_assert_uint_eq(adopted, 1);
    ck_assert_uint_eq(told.clocks, 1);
    ck_assert_uint_eq(take_all(SERVICE_BACKGROUND, true), 100);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("service_endpoint");
    TCase *tcase = tcase_create("service_endpoint");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, says_where_it_is);
    tcase_add_test(tcase, opens_with_the_fifth_failure_in_a_row);
    tcase_add_test(tcase, stays_closed_when_the_failures_are_far_apart);
    tcase_add_test(tcase, stays_closed_when_an_answer_comes_between);
    tcase_add_loop_test(tcase, opens_for_a_random_time_and_then_lets_one_probe, 0,
                        ARRAY_LEN(openings));
    tcase_add_test(tcase, closes_when_the_probe_is_answered);
    tcase_add_test(tcase, opens_again_when_the_probe_fails);
    tcase_add_test(tcase, is_not_kept_open_by_calls_from_before);
    tcase_add_test(tcase, closes_when_a_call_from_before_is_answered);
    tcase_add_test(tcase, takes_fourteen_for_a_retry);
    tcase_add_test(tcase, takes_five_for_a_retry_after_throttling);
    tcase_add_test(tcase, keeps_a_quota_for_each_urgency);
    tcase_add_loop_test(tcase, gets_back_what_the_last_retry_cost_or_one, 0, ARRAY_LEN(refunds));
    tcase_add_test(tcase, has_no_more_than_the_whole_quota);
    tcase_add_loop_test(tcase, adopts_an_offset_that_explains_a_refusal, 0, ARRAY_LEN(clocks));
    tcase_add_test(tcase, passes_reports_on);
    tcase_add_test(tcase, needs_nobody_who_listens);
    tcase_add_test(tcase, is_one_for_all_threads);
    suite_add_tcase(suite, tcase);
    return suite;
}
