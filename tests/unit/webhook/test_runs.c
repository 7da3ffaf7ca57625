/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/runs.h"

#include <stdatomic.h>

#include "check_main.h"
#include "quoted_json.h"
#include "webhook/thread.h"

enum {
    PATIENCE_MS = 20000,
};

static struct runs runs;
static atomic_uint times_asked;

static int64_t count_and_tell(void *context)
{
    (void)context;
    atomic_fetch_add(&times_asked, 1);
    return clock_monotonic_ms(clock_system());
}

static const struct clock counting = {.wall_ms = count_and_tell, .monotonic_ms = count_and_tell};

/* The work: it waits while the test holds it. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned begun;
    bool held;
} work;

static void perform(void *context, struct run_result *ret)
{
    pthread_mutex_lock(&work.mutex);
    work.begun++;
    pthread_cond_broadcast(&work.changed);
    while (work.held) {
        pthread_cond_wait(&work.changed, &work.mutex);
    }
    pthread_mutex_unlock(&work.mutex);
    *ret = *(const struct run_result *)context;
}

static void hold(bool held)
{
    pthread_mutex_lock(&work.mutex);
    work.held = held;
    pthread_cond_broadcast(&work.changed);
    pthread_mutex_unlock(&work.mutex);
}

static void await_begun(unsigned count)
{
    pthread_mutex_lock(&work.mutex);
    while (work.begun < count) {
        pthread_cond_wait(&work.changed, &work.mutex);
    }
    pthread_mutex_unlock(&work.mutex);
}

/* One who joins, on a thread of its own. */
struct guest {
    const char *basis;
    bool waiting;
    int64_t patience_ms;
    struct run_result own; /* what comes of it when it does the work itself */
    struct run_result got;
    pthread_t thread;
};

static void join(struct guest *guest)
{
    const struct run_order order = {
        .key = SV("n/a"),
        .basis = guest->basis,
        .waiting = guest->waiting,
        .deadline_ms = clock_monotonic_ms(clock_system()) + guest->patience_ms,
        .perform = perform,
        .context = &guest->own,
    };
    runs_join(&runs, &order, &guest->got);
}

static void *join_in_thread(void *argument)
{
    join(argument);
    return NULL;
}

static void start(struct guest *guest)
{
    ck_assert(thread_start(&guest->thread, "guest", join_in_thread, guest));
}

static void end(struct guest *guest)
{
    pthread_join(guest->thread, NULL);
}

/* Whoever waits for a run asks the time before. */
static void await_waiting(unsigned count)
{
    while (atomic_load(&times_asked) < count) {
        sched_yield();
    }
}

static void setup(void)
{
    runs_init(&runs, &counting);
    memset(&work, 0, sizeof work);
    mutex_init(&work.mutex);
    cond_init(&work.changed);
    atomic_store(&times_asked, 0);
}

static void teardown(void)
{
    runs_done(&runs);
}

static struct guest guest_of(const char *basis, enum status_end end)
{
    return (struct guest){.basis = basis,
                          .patience_ms = PATIENCE_MS,
                          .own = {.outcome = RECONCILE_FAILED, .end = end, .bound = true}};
}

START_TEST(who_comes_alone_does_the_work)
{
    struct guest one = guest_of("1", STATUS_IMMUTABLE);
    join(&one);
    join(&one);
    ck_assert_uint_eq(work.begun, 2);
    ck_assert_int_eq(one.got.end, STATUS_IMMUTABLE);
}
END_TEST

/* All that the status is made of comes with it. */
START_TEST(who_comes_meanwhile_shares_the_whole_result)
{
    struct guest first = guest_of("1", STATUS_IMMUTABLE);
    struct guest second = guest_of("1", STATUS_SYNCED);
    (void)err_set(&first.own.err, ERR_INVALID, "as told");
    hold(true);
    start(&first);
    await_begun(1);
    start(&second);
    await_waiting(1);
    hold(false);
    end(&first);
    end(&second);
    ck_assert_uint_eq(work.begun, 1);
    ck_assert_int_eq(second.got.outcome, RECONCILE_FAILED);
    ck_assert_int_eq(second.got.end, STATUS_IMMUTABLE);
    ck_assert(second.got.bound);
    ck_assert_int_eq(second.got.err.kind, ERR_INVALID);
    ck_assert_str_eq(second.got.err.message, "as told");
}
END_TEST

START_TEST(each_gets_a_reference_of_its_own)
{
    struct json_text json =
        quoted_json("{'metadata':{'namespace':'n','name':'t','uid':'u','resourceVersion':'7'}}");
    struct guest first = guest_of("1", STATUS_SYNCED);
    struct guest second = guest_of("1", STATUS_SYNCED);
    struct err err = {0};
    ck_assert_msg(secret_decode(json.root, NULL, &first.own.secret, &err), "%s", err.message);
    hold(true);
    start(&first);
    await_begun(1);
    start(&second);
    await_waiting(1);
    hold(false);
    end(&first);
    end(&second);
    run_result_done(&first.got);
    ck_assert(sv_is(second.got.secret->resource_version, "7"));
    run_result_done(&second.got);
    json_text_done(&json);
}
END_TEST

static void check_that_it_runs_again(struct guest first, struct guest second, bool outdate)
{
    hold(true);
    start(&first);
    await_begun(1);
    if (outdate) {
        runs_outdate(&runs, SV("n/a"));
    }
    start(&second);
    await_waiting(1);
    ck_assert_uint_eq(work.begun, 1);
    hold(false);
    end(&first);
    end(&second);
    ck_assert_uint_eq(work.begun, 2);
    ck_assert_int_eq(first.got.end, STATUS_IMMUTABLE);
    ck_assert_int_eq(second.got.end, STATUS_SYNCED);
}

START_TEST(who_works_from_something_newer_begins_when_the_other_has_ended)
{
    check_that_it_runs_again(guest_of("1", STATUS_IMMUTABLE), guest_of("2", STATUS_SYNCED), false);
}
END_TEST

START_TEST(what_was_read_before_a_change_is_shared_with_nobody)
{
    check_that_it_runs_again(guest_of("1", STATUS_IMMUTABLE), guest_of("1", STATUS_SYNCED), true);
}
END_TEST

START_TEST(a_refresh_begins_when_what_a_request_waits_for_has_ended)
{
    struct guest request = guest_of("1", STATUS_IMMUTABLE);
    request.waiting = true;
    check_that_it_runs_again(request, guest_of("1", STATUS_SYNCED), false);
}
END_TEST

START_TEST(a_request_shares_what_a_refresh_does)
{
    struct guest refresh = guest_of("1", STATUS_IMMUTABLE);
    struct guest request = guest_of("1", STATUS_SYNCED);
    request.waiting = true;
    hold(true);
    start(&refresh);
    await_begun(1);
    start(&request);
    await_waiting(1);
    hold(false);
    end(&refresh);
    end(&request);
    ck_assert_uint_eq(work.begun, 1);
    ck_assert_int_eq(request.got.end, STATUS_IMMUTABLE);
}
END_TEST

START_TEST(who_has_no_more_time_is_told_so)
{
    struct guest first = guest_of("1", STATUS_SYNCED);
    struct guest second = guest_of(_i == 0 ? "1" : "2", STATUS_SYNCED);
    second.patience_ms = 0;
    hold(true);
    start(&first);
    await_begun(1);
    join(&second);
    ck_assert_int_eq(second.got.outcome, RECONCILE_FAILED);
    ck_assert_int_eq(second.got.end, STATUS_NO_DATA);
    ck_assert(!second.got.bound);
    ck_assert_int_eq(second.got.err.kind, ERR_TIMEOUT);
    hold(false);
    end(&first);
    ck_assert_uint_eq(work.begun, 1);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/runs");
    TCase *tcase = tcase_create("runs");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, who_comes_alone_does_the_work);
    tcase_add_test(tcase, who_comes_meanwhile_shares_the_whole_result);
    tcase_add_test(tcase, each_gets_a_reference_of_its_own);
    tcase_add_test(tcase, who_works_from_something_newer_begins_when_the_other_has_ended);
    tcase_add_test(tcase, what_was_read_before_a_change_is_shared_with_nobody);
    tcase_add_test(tcase, a_refresh_begins_when_what_a_request_waits_for_has_ended);
    tcase_add_test(tcase, a_request_shares_what_a_refresh_does);
    tcase_add_loop_test(tcase, who_has_no_more_time_is_told_so, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}
