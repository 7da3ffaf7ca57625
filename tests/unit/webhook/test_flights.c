/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "check_main.h"

#include "base/limits.h"
#include "webhook/flights.h"
#include "webhook/thread.h"

/* A controlled sky: a flight reports what `answer` says once `open` is true. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool open;
    enum presence answer;
    bool failing; /* the Secret cannot be made */
    unsigned flown;
    unsigned resumed;
    unsigned released;
} sky;

static struct workers *workers;
static struct flights *flights;

static void fly(void *context, struct flight *flight, void *thread_context)
{
    (void)context;
    (void)thread_context;
    pthread_mutex_lock(&sky.mutex);
    sky.flown++;
    pthread_cond_broadcast(&sky.changed);
    while (!sky.open) {
        pthread_cond_wait(&sky.changed, &sky.mutex);
    }
    enum presence answer = sky.answer;
    bool failing = sky.failing;
    pthread_mutex_unlock(&sky.mutex);
    flight_found(flight, answer, NULL);
    if (failing) {
        struct err err;
        err_set(&err, ERR_DENIED, "AccessDenied for %.*s", SV_ARG(flight_name(flight)));
        flight_failed(flight, &err);
    }
}

static void resume(void *argument)
{
    pthread_mutex_lock(&sky.mutex);
    sky.resumed++;
    *(unsigned *)argument += 1;
    pthread_cond_broadcast(&sky.changed);
    pthread_mutex_unlock(&sky.mutex);
}

static void open_sky(void)
{
    pthread_mutex_lock(&sky.mutex);
    sky.open = true;
    pthread_cond_broadcast(&sky.changed);
    pthread_mutex_unlock(&sky.mutex);
}

static void await(const unsigned *count, unsigned wanted)
{
    pthread_mutex_lock(&sky.mutex);
    while (*count < wanted) {
        pthread_cond_wait(&sky.changed, &sky.mutex);
    }
    pthread_mutex_unlock(&sky.mutex);
}

static void setup(void)
{
    memset(&sky, 0, sizeof sky);
    sky.answer = PRESENCE_ABSENT;
    mutex_init(&sky.mutex);
    cond_init(&sky.changed);
    workers =
        workers_new(&(struct workers_options){.name = "test", .max_threads = 4, .max_queued = 64});
    flights = flights_new(&(struct flights_options){.clock = clock_system(),
                                                    .workers = workers,
                                                    .max_waiters = 3,
                                                    .max_questions = LIMIT_ASKING_OF_NAMESPACE + 1,
                                                    .fly = fly});
}

static void teardown(void)
{
    open_sky();
    workers_free(workers);
    flights_free(flights);
}

struct request {
    struct facts facts;
    struct flight_waiter waiter;
    unsigned resumed;
};

static void request_init(struct request *request)
{
    *request = (struct request){0};
    struct secret_ref refs[] = {{.secret = SV("a")}, {.secret = SV("b")}};
    facts_init(&request->facts, SV("n"));
    facts_add_names(&request->facts, &(struct secret_ref_list){.items = refs, .count = 2});
    request->waiter = (struct flight_waiter){
        .facts = &request->facts, .resume = resume, .argument = &request->resumed};
}

static int64_t in_ms(int64_t ms)
{
    return clock_monotonic_ms(clock_system()) + ms;
}

static const struct str_view both[] = {{"a", 1}, {"b", 1}};

START_TEST(resumes_once_when_the_last_flight_has_landed)
{
    struct request request;
    request_init(&request);
    ck_assert(flights_join(flights, &request.waiter, both, 2, true, in_ms(60000)));
    ck_assert_uint_eq(flights_waiting(flights), 1);
    open_sky();
    await(&sky.resumed, 1);
    ck_assert_uint_eq(request.resumed, 1);
    ck_assert_uint_eq(flights_waiting(flights), 0);
    ck_assert_int_eq(facts_find(&request.facts, SV("a"))->presence, PRESENCE_ABSENT);
    ck_assert_int_eq(facts_find(&request.facts, SV("b"))->presence, PRESENCE_ABSENT);
    facts_done(&request.facts);
}
END_TEST

START_TEST(two_requests_share_one_flight)
{
    struct request first;
    struct request second;
    request_init(&first);
    request_init(&second);
    ck_assert(flights_join(flights, &first.waiter, both, 1, true, in_ms(60000)));
    await(&sky.flown, 1);
    ck_assert(flights_join(flights, &second.waiter, both, 1, true, in_ms(60000)));
    open_sky();
    await(&sky.resumed, 2);
    ck_assert_uint_eq(sky.flown, 1);
    facts_done(&first.facts);
    facts_done(&second.facts);
}
END_TEST

START_TEST(who_waits_is_told_why_it_failed)
{
    struct request first;
    struct request second;
    request_init(&first);
    request_init(&second);
    sky.failing = true;
    ck_assert(flights_join(flights, &first.waiter, both, 1, true, in_ms(60000)));
    ck_assert(flights_join(flights, &second.waiter, both, 1, true, in_ms(60000)));
    open_sky();
    await(&sky.resumed, 2);
    ck_assert_str_eq(first.waiter.cause, "AccessDenied for a");
    ck_assert_str_eq(second.waiter.cause, "AccessDenied for a");
    free(first.waiter.cause);
    free(second.waiter.cause);
    facts_done(&first.facts);
    facts_done(&second.facts);
}
END_TEST

START_TEST(looking_and_making_are_different_flights)
{
    struct request first;
    struct request second;
    request_init(&first);
    request_init(&second);
    ck_assert(flights_join(flights, &first.waiter, both, 1, true, in_ms(60000)));
    ck_assert(flights_join(flights, &second.waiter, both, 1, false, in_ms(60000)));
    await(&sky.flown, 2);
    open_sky();
    await(&sky.resumed, 2);
    facts_done(&first.facts);
    facts_done(&second.facts);
}
END_TEST

START_TEST(the_deadline_resumes_and_a_late_result_reaches_nobody)
{
    struct request request;
    request_init(&request);
    ck_assert(flights_join(flights, &request.waiter, both, 2, true, in_ms(20)));
    await(&sky.resumed, 1);
    ck_assert_uint_eq(request.resumed, 1);
    ck_assert_int_eq(facts_find(&request.facts, SV("a"))->presence, PRESENCE_UNKNOWN);
    facts_done(&request.facts);
    open_sky();
    workers_free(workers);
    workers = NULL;
    ck_assert_uint_eq(sky.resumed, 1);
}
END_TEST

START_TEST(too_many_waiters_are_not_taken)
{
    struct request requests[4];
    for (size_t i = 0; i < 4; i++) {
        request_init(&requests[i]);
        ck_assert(flights_join(flights, &requests[i].waiter, both, 1, true, in_ms(60000)) ==
                  (i < 3));
    }
    open_sky();
    await(&sky.resumed, 3);
    ck_assert_uint_eq(requests[3].resumed, 0);
    for (size_t i = 0; i < 4; i++) {
        facts_done(&requests[i].facts);
    }
}
END_TEST

START_TEST(closing_resumes_everybody_and_takes_nobody)
{
    struct request first;
    struct request second;
    request_init(&first);
    request_init(&second);
    ck_assert(flights_join(flights, &first.waiter, both, 2, true, in_ms(60000)));
    flights_close(flights);
    ck_assert_uint_eq(first.resumed, 1);
    ck_assert(!flights_join(flights, &second.waiter, both, 2, true, in_ms(60000)));
    ck_assert_uint_eq(second.resumed, 0);
    facts_done(&first.facts);
    facts_done(&second.facts);
}
END_TEST

START_TEST(closing_leaves_what_is_queued_on_the_ground)
{
    struct request requests[3];
    for (size_t i = 0; i < 3; i++) {
        request_init(&requests[i]);
    }
    free(requests[2].facts.namespace);
    requests[2].facts.namespace = str_dup("m");
    ck_assert(flights_join(flights, &requests[0].waiter, both, 2, true, in_ms(60000)));
    ck_assert(flights_join(flights, &requests[1].waiter, both, 2, false, in_ms(60000)));
    await(&sky.flown, 4);
    /* All four threads are busy. */
    ck_assert(flights_join(flights, &requests[2].waiter, both, 2, true, in_ms(60000)));
    flights_close(flights);
    open_sky();
    workers_free(workers);
    workers = NULL;
    ck_assert_uint_eq(sky.flown, 4);
    ck_assert_uint_eq(sky.resumed, 3);
    for (size_t i = 0; i < 3; i++) {
        facts_done(&requests[i].facts);
    }
}
END_TEST

/* A question that is answered once the sky is open. */
static void ask(void *context, void *thread_context)
{
    (void)thread_context;
    pthread_mutex_lock(&sky.mutex);
    sky.flown++;
    pthread_cond_broadcast(&sky.changed);
    while (!sky.open) {
        pthread_cond_wait(&sky.changed, &sky.mutex);
    }
    *(int *)context = 42;
    pthread_mutex_unlock(&sky.mutex);
}

static void release(void *context)
{
    (void)context;
    pthread_mutex_lock(&sky.mutex);
    sky.released++;
    pthread_cond_broadcast(&sky.changed);
    pthread_mutex_unlock(&sky.mutex);
}

static bool ask_of(const char *namespace, struct flight_waiter *waiter, unsigned *resumed,
                   int *answer, int64_t deadline_ms)
{
    const struct flight_question question = {
        .namespace = sv_of(namespace), .ask = ask, .release = release, .context = answer};
    *waiter = (struct flight_waiter){.resume = resume, .argument = resumed};
    return flights_ask(flights, waiter, &question, deadline_ms);
}

static bool ask_for(struct flight_waiter *waiter, unsigned *resumed, int *answer,
                    int64_t deadline_ms)
{
    return ask_of("n", waiter, resumed, answer, deadline_ms);
}

START_TEST(a_question_is_answered_and_released)
{
    struct flight_waiter waiter;
    unsigned resumed = 0;
    int answer = 0;
    ck_assert(ask_for(&waiter, &resumed, &answer, in_ms(60000)));
    ck_assert_uint_eq(flights_waiting(flights), 1);
    open_sky();
    await(&sky.resumed, 1);
    ck_assert(waiter.answered);
    ck_assert_int_eq(answer, 42);
    await(&sky.released, 1);
    ck_assert_uint_eq(flights_waiting(flights), 0);
}
END_TEST

START_TEST(who_asks_leaves_at_his_deadline_and_the_question_is_released_later)
{
    struct flight_waiter waiter;
    unsigned resumed = 0;
    int answer = 0;
    ck_assert(ask_for(&waiter, &resumed, &answer, in_ms(20)));
    await(&sky.flown, 1);
    await(&sky.resumed, 1);
    ck_assert(!waiter.answered);
    ck_assert_uint_eq(sky.released, 0);
    open_sky();
    await(&sky.released, 1);
    ck_assert_uint_eq(sky.resumed, 1);
    ck_assert(!waiter.answered);
}
END_TEST

/* Who asks and leaves at once, so that only his question is left. */
static void ask_and_leave(const char *namespace, struct flight_waiter *waiter, int *answer)
{
    unsigned resumed = 0;
    unsigned before = sky.resumed;
    ck_assert(ask_of(namespace, waiter, &resumed, answer, in_ms(1)));
    await(&sky.resumed, before + 1);
    ck_assert(!waiter->answered);
}

START_TEST(too_many_questions_are_not_taken_and_leave_room_for_secrets)
{
    enum { MAX = LIMIT_ASKING_OF_NAMESPACE + 1 };
    static const char *const namespaces[MAX + 1] = {"a", "b", "c", "d", "e", "f"};
    struct flight_waiter waiters[MAX + 1];
    struct request request;
    unsigned resumed = 0;
    int answers[MAX + 1];
    request_init(&request);
    for (size_t i = 0; i < MAX; i++) {
        ask_and_leave(namespaces[i], &waiters[i], &answers[i]);
    }
    ck_assert(!ask_of("f", &waiters[MAX], &resumed, &answers[MAX], in_ms(60000)));
    ck_assert(flights_join(flights, &request.waiter, both, 1, true, in_ms(60000)));
    open_sky();
    await(&sky.released, MAX);
    await(&sky.resumed, MAX + 1);
    ck_assert(ask_of("f", &waiters[MAX], &resumed, &answers[MAX], in_ms(60000)));
    await(&sky.resumed, MAX + 2);
    ck_assert(waiters[MAX].answered);
    facts_done(&request.facts);
}
END_TEST

START_TEST(too_many_questions_of_one_namespace_leave_room_for_others)
{
    enum { MAX = LIMIT_ASKING_OF_NAMESPACE };
    struct flight_waiter waiters[MAX + 2];
    unsigned resumed = 0;
    int answers[MAX + 2];
    for (size_t i = 0; i < MAX; i++) {
        ask_and_leave("n", &waiters[i], &answers[i]);
    }
    ck_assert(!ask_of("n", &waiters[MAX], &resumed, &answers[MAX], in_ms(60000)));
    ck_assert(ask_of("other", &waiters[MAX + 1], &resumed, &answers[MAX + 1], in_ms(60000)));
    open_sky();
    await(&sky.released, MAX + 1);
    ck_assert(waiters[MAX + 1].answered);
    ck_assert(ask_of("n", &waiters[MAX], &resumed, &answers[MAX], in_ms(60000)));
    await(&sky.released, MAX + 2);
    ck_assert(waiters[MAX].answered);
    ck_assert_uint_eq(resumed, 2);
}
END_TEST

/* A request that goes on only when it is let go. */
static struct {
    bool begun;
    bool may_end;
    bool ended;
    bool ended_before_close;
} held;

static void resume_when_let_go(void *argument)
{
    pthread_mutex_lock(&sky.mutex);
    held.begun = true;
    pthread_cond_broadcast(&sky.changed);
    while (!held.may_end) {
        pthread_cond_wait(&sky.changed, &sky.mutex);
    }
    held.ended = true;
    pthread_mutex_unlock(&sky.mutex);
    resume(argument);
}

static void *close_all(void *ignored)
{
    flights_close(flights);
    pthread_mutex_lock(&sky.mutex);
    held.ended_before_close = held.ended;
    pthread_mutex_unlock(&sky.mutex);
    return ignored;
}

static void await_resuming(void)
{
    pthread_mutex_lock(&sky.mutex);
    while (!held.begun) {
        pthread_cond_wait(&sky.changed, &sky.mutex);
    }
    pthread_mutex_unlock(&sky.mutex);
}

/* Whoever still joins is resumed by it. */
static void await_closed(void)
{
    struct request late;
    request_init(&late);
    while (flights_join(flights, &late.waiter, both, 1, true, in_ms(60000))) {
        await(&late.resumed, 1);
        facts_done(&late.facts);
        request_init(&late);
    }
    facts_done(&late.facts);
}

/* Nothing of a request is touched any more when closing has returned. By the deadline, or by the
 * last flight. */
START_TEST(closing_waits_for_those_who_are_being_resumed)
{
    bool by_deadline = _i == 0;
    struct request request;
    pthread_t closer;
    memset(&held, 0, sizeof held);
    request_init(&request);
    request.waiter.resume = resume_when_let_go;
    ck_assert(
        flights_join(flights, &request.waiter, both, 1, true, in_ms(by_deadline ? 1 : 60000)));
    if (!by_deadline) {
        open_sky();
    }
    await_resuming();
    ck_assert_int_eq(pthread_create(&closer, NULL, close_all, NULL), 0);
    await_closed();
    pthread_mutex_lock(&sky.mutex);
    held.may_end = true;
    pthread_cond_broadcast(&sky.changed);
    pthread_mutex_unlock(&sky.mutex);
    ck_assert_int_eq(pthread_join(closer, NULL), 0);
    ck_assert(held.ended_before_close);
    ck_assert_uint_eq(request.resumed, 1);
    facts_done(&request.facts);
}
END_TEST

START_TEST(closing_asks_nothing_that_is_queued)
{
    struct flight_waiter waiter;
    struct request requests[2];
    unsigned resumed = 0;
    int answer = 0;
    for (size_t i = 0; i < 2; i++) {
        request_init(&requests[i]);
        ck_assert(flights_join(flights, &requests[i].waiter, both, 2, i == 0, in_ms(60000)));
    }
    await(&sky.flown, 4);
    ck_assert(ask_for(&waiter, &resumed, &answer, in_ms(60000)));
    flights_close(flights);
    ck_assert_uint_eq(resumed, 1);
    open_sky();
    workers_free(workers);
    workers = NULL;
    ck_assert(!waiter.answered);
    ck_assert_uint_eq(sky.flown, 4);
    ck_assert_uint_eq(sky.released, 1);
    for (size_t i = 0; i < 2; i++) {
        facts_done(&requests[i].facts);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/flights");
    TCase *tcase = tcase_create("flights");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, resumes_once_when_the_last_flight_has_landed);
    tcase_add_test(tcase, two_requests_share_one_flight);
    tcase_add_test(tcase, who_waits_is_told_why_it_failed);
    tcase_add_test(tcase, looking_and_making_are_different_flights);
    tcase_add_test(tcase, the_deadline_resumes_and_a_late_result_reaches_nobody);
    tcase_add_test(tcase, too_many_waiters_are_not_taken);
    tcase_add_test(tcase, closing_resumes_everybody_and_takes_nobody);
    tcase_add_test(tcase, closing_leaves_what_is_queued_on_the_ground);
    tcase_add_test(tcase, a_question_is_answered_and_released);
    tcase_add_test(tcase, who_asks_leaves_at_his_deadline_and_the_question_is_released_later);
    tcase_add_test(tcase, too_many_questions_are_not_taken_and_leave_room_for_secrets);
    tcase_add_test(tcase, too_many_questions_of_one_namespace_leave_room_for_others);
    tcase_add_loop_test(tcase, closing_waits_for_those_who_are_being_resumed, 0, 2);
    tcase_add_test(tcase, closing_asks_nothing_that_is_queued);
    suite_add_tcase(suite, tcase);
    return suite;
}
