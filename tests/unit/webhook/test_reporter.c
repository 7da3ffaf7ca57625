/* SPDX-License-Identifier: Apache-2.0 */
#define NEIGHBOURS_WITHOUT_REPORTER
#include "check_main.h"

#include <fcntl.h>

#include "neighbours.h"

static const char EVENTS[] = "/events";

/* Behind the system's, which counts from the start of the machine: who waits until a time of it
 * looks again at once. */
static atomic_int_least64_t now_ms = 1000;
static struct kube_config *config;
static struct reporter *reporter;
static struct log quiet;

static atomic_uint times_asked;

static int64_t told_time(void *context)
{
    (void)context;
    atomic_fetch_add(&times_asked, 1);
    return atomic_load(&now_ms);
}

static const struct clock told_clock = {.wall_ms = told_time, .monotonic_ms = told_time};

/* Each call takes what a call may take. */
static void take_time(struct api_route *route)
{
    (void)route;
    atomic_fetch_add(&now_ms, 5000);
}

static void setup(void)
{
    api_begin();
    api_set("POST", EVENTS, 201, "{}");
    quiet = (struct log){
        .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .level = LOG_ERROR, .clock = &told_clock};
    config = api_config();
    reporter = reporter_new(config, "test", &told_clock, &quiet);
}

static void teardown(void)
{
    reporter_free(reporter);
    kube_config_free(config);
    close(quiet.fd);
    api_end();
}

static void post_by(void (*post)(struct reporter *, const struct kube_event *), unsigned number)
{
    char name[16];
    (void)snprintf(name, sizeof name, "pod-%u", number);
    const struct kube_event event = {.api_version = "v1",
                                     .kind = "Pod",
                                     .namespace = SV("n"),
                                     .name = sv_of(name),
                                     .reason = "Tested",
                                     .message = SV("said")};
    post(reporter, &event);
}

static void post(unsigned number)
{
    post_by(reporter_post, number);
}

static void end_reporter(void)
{
    reporter_free(reporter);
    reporter = NULL;
}

START_TEST(what_is_queued_is_posted_before_the_end)
{
    for (unsigned i = 0; i < 20; i++) {
        post(i);
    }
    end_reporter();
    ck_assert_uint_eq(api_count("POST", EVENTS), 20);
}
END_TEST

enum {
    LOOKS = 20, /* more than for one Event that is posted */
};

/* Whoever waits looks at the time again and again; not so who has posted everything. */
static void await_looks(void)
{
    unsigned before = atomic_load(&times_asked);
    while (atomic_load(&times_asked) < before + LOOKS) {
        sched_yield();
    }
}

START_TEST(what_comes_in_thousands_is_spread)
{
    for (unsigned i = 0; i < 40; i++) {
        post_by(reporter_post_in_turn, i);
    }
    atomic_fetch_add(&now_ms, 500);
    api_await("POST", EVENTS, 20);
    await_looks();
    ck_assert_uint_eq(api_count("POST", EVENTS), 20);
    atomic_fetch_add(&now_ms, 500);
    api_await("POST", EVENTS, 30);
    ck_assert_uint_eq(api_count("POST", EVENTS), 30);
    /* What people wait for is not behind them. */
    post(200);
    api_await("POST", EVENTS, 31);
    end_reporter();
    ck_assert_uint_eq(api_count("POST", EVENTS), 41);
}
END_TEST

START_TEST(what_comes_in_thousands_waits_while_more_is_coming)
{
    post_by(reporter_post_in_turn, 0);
    atomic_fetch_add(&now_ms, 400);
    post_by(reporter_post_in_turn, 1);
    atomic_fetch_add(&now_ms, 499);
    await_looks();
    ck_assert_uint_eq(api_count("POST", EVENTS), 0);
    atomic_fetch_add(&now_ms, 1);
    api_await("POST", EVENTS, 2);
    end_reporter();
    ck_assert_uint_eq(api_count("POST", EVENTS), 2);
}
END_TEST

START_TEST(what_comes_in_thousands_waits_for_five_seconds_at_most)
{
    for (unsigned i = 0; i < 12; i++) {
        post_by(reporter_post_in_turn, i);
        atomic_fetch_add(&now_ms, 416);
    }
    await_looks();
    ck_assert_uint_eq(api_count("POST", EVENTS), 0);
    post_by(reporter_post_in_turn, 12);
    atomic_fetch_add(&now_ms, 8);
    api_await("POST", EVENTS, 1);
    await_looks();
    ck_assert_uint_eq(api_count("POST", EVENTS), 1);
    end_reporter();
    ck_assert_uint_eq(api_count("POST", EVENTS), 13);
}
END_TEST

static void *free_reporter(void *argument)
{
    reporter_free(argument);
    return NULL;
}

START_TEST(an_api_server_that_does_not_answer_does_not_hold_up_the_end)
{
    pthread_mutex_lock(&api.mutex);
    api.asked = take_time;
    api_set("POST", EVENTS, 0, "%s", "");
    pthread_mutex_unlock(&api.mutex);
    api_hold("POST", EVENTS, true);
    for (unsigned i = 0; i < 20; i++) {
        post(i);
    }
    api_await("POST", EVENTS, 1);
    /* The one thread that posts waits for its answer; who asks for the time is the end. */
    unsigned before = atomic_load(&times_asked);
    pthread_t ending;
    ck_assert(thread_start(&ending, "ending", free_reporter, reporter));
    reporter = NULL;
    while (atomic_load(&times_asked) == before) {
        sched_yield();
    }
    api_hold("POST", EVENTS, false);
    pthread_join(ending, NULL);
    /* What was on its way, and what began before the time was up. */
    ck_assert_uint_le(api_count("POST", EVENTS), 3);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/reporter");
    TCase *tcase = tcase_create("reporter");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_is_queued_is_posted_before_the_end);
    tcase_add_test(tcase, what_comes_in_thousands_is_spread);
    tcase_add_test(tcase, what_comes_in_thousands_waits_while_more_is_coming);
    tcase_add_test(tcase, what_comes_in_thousands_waits_for_five_seconds_at_most);
    tcase_add_test(tcase, an_api_server_that_does_not_answer_does_not_hold_up_the_end);
    suite_add_tcase(suite, tcase);
    return suite;
}
