/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/workers.h"

#include <pthread.h>
#include <sys/resource.h>

#include "check_main.h"

static int seen;

static void look_at_priority(void *argument, void *thread_context)
{
    (void)argument;
    (void)thread_context;
    seen = getpriority(PRIO_PROCESS, 0);
}

static int priority_of_a_thread(bool gives_way)
{
    struct workers *workers = workers_new(&(struct workers_options){
        .name = "test", .max_threads = 1, .max_queued = 1, .gives_way = gives_way});
    seen = -100;
    ck_assert(workers_submit(workers, look_at_priority, NULL));
    workers_free(workers);
    return seen;
}

START_TEST(threads_that_give_way_stand_behind_the_others_of_the_process)
{
    int own = getpriority(PRIO_PROCESS, 0);
    ck_assert_int_eq(priority_of_a_thread(false), own);
    ck_assert_int_gt(priority_of_a_thread(true), own);
    ck_assert_int_eq(getpriority(PRIO_PROCESS, 0), own);
}
END_TEST

static unsigned ran;

static void count(void *argument, void *thread_context)
{
    (void)argument;
    (void)thread_context;
    __atomic_fetch_add(&ran, 1, __ATOMIC_RELAXED);
}

START_TEST(what_is_queued_runs_before_the_threads_end)
{
    struct workers *workers =
        workers_new(&(struct workers_options){.name = "test", .max_threads = 2, .max_queued = 100});
    for (int i = 0; i < 50; i++) {
        ck_assert(workers_submit(workers, count, NULL));
    }
    workers_free(workers);
    ck_assert_uint_eq(ran, 50);
}
END_TEST

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void wait_at_gate(void *argument, void *thread_context)
{
    (void)argument;
    (void)thread_context;
    (void)pthread_mutex_lock(&gate);
    (void)pthread_mutex_unlock(&gate);
}

START_TEST(a_full_queue_is_said_at_once)
{
    struct workers *workers =
        workers_new(&(struct workers_options){.name = "test", .max_threads = 1, .max_queued = 2});
    unsigned taken = 0;
    (void)pthread_mutex_lock(&gate);
    while (workers_submit(workers, wait_at_gate, NULL)) {
        taken++;
        ck_assert_uint_le(taken, 3); /* one that runs, two that wait */
    }
    ck_assert_uint_ge(taken, 2);
    (void)pthread_mutex_unlock(&gate);
    workers_free(workers);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("workers");
    TCase *tcase = tcase_create("workers");
    tcase_add_test(tcase, threads_that_give_way_stand_behind_the_others_of_the_process);
    tcase_add_test(tcase, what_is_queued_runs_before_the_threads_end);
    tcase_add_test(tcase, a_full_queue_is_said_at_once);
    suite_add_tcase(suite, tcase);
    return suite;
}
