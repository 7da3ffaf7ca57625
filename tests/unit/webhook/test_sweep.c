/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include "base/lock.h"
#include "quoted_json.h"
#include "webhook/read_ahead.h"
#include "webhook/sweep.h"
#include "webhook/thread.h"

static struct world *world;
static struct sweep *sweep;
static int64_t clock_ms;

/* What webhook/read_ahead.c was asked to read; it stands in for that. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t calls;
    size_t last_count;
    size_t along;
    bool asks; /* all is on its way before a read is held */
    bool hold; /* a read does not end */
} reads;

/* Somebody whose turn comes while another finds out who goes with him. */
static struct {
    bool comes;
    pthread_t thread;
    size_t members;
} second;

static void *wait_in_thread(void *argument);

/* He has the time to read by himself, if nothing holds him back. */
static void let_second_come(void)
{
    const struct timespec soon = {.tv_nsec = 100 * 1000 * 1000};
    second.comes = false;
    ck_assert(thread_start(&second.thread, "second", wait_in_thread, &second.members));
    (void)nanosleep(&soon, NULL);
}

static int64_t read_clock(void *context)
{
    (void)context;
    return clock_ms;
}

static const struct clock stopped = {.wall_ms = read_clock, .monotonic_ms = read_clock};

void read_ahead(struct clients *clients, const struct external_secret *const *all, size_t count,
                int64_t deadline_ms, const struct reader_notice *notice)
{
    (void)clients;
    (void)all;
    (void)deadline_ms;
    if (reads.asks) {
        notice->asked(notice->context);
    }
    pthread_mutex_lock(&reads.mutex);
    reads.calls++;
    reads.last_count = count;
    pthread_cond_broadcast(&reads.changed);
    while (reads.hold) {
        pthread_cond_wait(&reads.changed, &reads.mutex);
    }
    pthread_mutex_unlock(&reads.mutex);
}

void read_along(struct clients *clients, const struct external_secret *one, int64_t deadline_ms)
{
    (void)clients;
    (void)one;
    (void)deadline_ms;
    pthread_mutex_lock(&reads.mutex);
    reads.along++;
    pthread_mutex_unlock(&reads.mutex);
}

static size_t turns_asked;

/* "due-7000" is due then, "never" does not come by itself. */
static int64_t turn_ms(void *context, const struct external_secret *external_secret)
{
    uint64_t due = 0;
    (void)context;
    turns_asked++;
    if (second.comes) {
        let_second_come();
    }
    struct str_view name = external_secret->name;
    if (!sv_to_u64(sv_from(name, strlen("due-")), &due)) {
        return INT64_MAX;
    }
    return (int64_t)due > clock_ms ? (int64_t)due - clock_ms : 0;
}

/* `asks` is a member of spec. */
static struct external_secret *put_of(const char *store, const char *name, const char *interval,
                                      const char *asks)
{
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'n','name':'%s','uid':'u','resourceVersion':'1','generation':1},"
        "'spec':{'secretStoreRef':{'name':'%s'},'refreshInterval':'%s',%s}}",
        name, store, interval, asks);
    struct external_secret *decoded = NULL;
    struct err err = {0};
    ck_assert_msg(external_secret_decode(json.root, &decoded, &err), "%s", err.message);
    (void)world_put_external_secret(world, decoded);
    json_text_done(&json);
    return world_external_secret(world, SV("n"), sv_of(name));
}

static struct external_secret *put_that(const char *name, const char *interval, const char *asks)
{
    return put_of("store", name, interval, asks);
}

static const char BY_NAME[] = "'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]";

static struct external_secret *put(const char *name, const char *interval)
{
    return put_that(name, interval, BY_NAME);
}

static void put_and_forget(const char *name, const char *interval)
{
    external_secret_release(put(name, interval));
}

static void setup(void)
{
    clock_ms = 100000;
    memset(&reads, 0, sizeof reads);
    mutex_init(&reads.mutex);
    cond_init(&reads.changed);
    world = world_new();
    sweep =
        sweep_new(&(struct sweep_options){.clock = &stopped, .world = world, .turn_ms = turn_ms});
}

static void teardown(void)
{
    sweep_free(sweep);
    world_free(world);
}

static size_t read_first(const char *name, const char *interval)
{
    struct external_secret *first = put(name, interval);
    struct world_list members = {0};
    sweep_read_ahead(sweep, first, NULL, clock_ms + 1000, &members);
    size_t count = members.count;
    if (members.items) {
        world_list_done(&members);
    }
    external_secret_release(first);
    return count;
}

START_TEST(what_is_due_within_a_tenth_of_its_interval_goes_with_it)
{
    put_and_forget("due-100000", "1m");
    put_and_forget("due-106000", "1m");
    put_and_forget("due-106001", "1m");
    put_and_forget("due-460000", "1h");
    put_and_forget("due-460001", "1h");
    put_and_forget("never", "1h");
    ck_assert_uint_eq(read_first("due-99999", "1m"), 3);
    ck_assert_uint_eq(reads.calls, 1);
    ck_assert_uint_eq(reads.last_count, 4);
}
END_TEST

static const struct {
    const char *asks;
    size_t members;
} kinds_of_asking[] = {
    {"'dataFrom':[{'extract':{'key':'r'}}]", 1},
    {"'dataFrom':[{'find':{'name':{'regexp':'r'}}}]", 0},
    {"'dataFrom':[{'find':{'name':{'regexp':'r'}}},{'extract':{'key':'r'}}]", 1},
};

/* What a find brings is not known before it is asked. */
START_TEST(who_asks_by_patterns_only_goes_with_nobody)
{
    external_secret_release(put_that("due-100001", "1m", kinds_of_asking[_i].asks));
    ck_assert_uint_eq(read_first("due-100000", "1m"), kinds_of_asking[_i].members);
    ck_assert_uint_eq(reads.last_count, 1 + kinds_of_asking[_i].members);
}
END_TEST

START_TEST(nobody_goes_with_who_asks_by_patterns_only)
{
    struct world_list members = {0};
    struct external_secret *first = put_that("due-100000", "1m", kinds_of_asking[_i].asks);
    put_and_forget("due-100001", "1m");
    sweep_read_ahead(sweep, first, NULL, clock_ms + 1000, &members);
    ck_assert_uint_eq(members.count, kinds_of_asking[_i].members);
    ck_assert_uint_eq(reads.calls, kinds_of_asking[_i].members);
    world_list_done(&members);
    external_secret_release(first);
}
END_TEST

START_TEST(what_was_read_ahead_is_not_read_again_while_it_is_fresh)
{
    put_and_forget("due-100001", "1m");
    ck_assert_uint_eq(read_first("due-100000", "1m"), 1);
    clock_ms += 5999;
    ck_assert_uint_eq(read_first("due-100001", "1m"), 0);
    ck_assert_uint_eq(reads.calls, 1);
    clock_ms += 1;
    ck_assert_uint_eq(read_first("due-100001", "1m"), 1);
    ck_assert_uint_eq(reads.calls, 2);
}
END_TEST

/* How old what was read for it is; -1: nothing was. */
static int64_t age_of(struct external_secret *first)
{
    struct world_list members = {0};
    int64_t since_ms = sweep_read_ahead(sweep, first, NULL, clock_ms + 1000, &members);
    if (members.items) {
        world_list_done(&members);
    }
    return since_ms ? clock_ms - since_ms : -1;
}

/* There may be thousands before it in the workers' queue. */
START_TEST(what_was_read_for_one_waits_for_its_turn_and_is_used_once)
{
    struct external_secret *other = put("due-99999", "0");
    struct external_secret *first = put("due-100000", "0");
    ck_assert_int_eq(age_of(first), -1);
    ck_assert_uint_eq(reads.last_count, 2);
    clock_ms += 30000;
    ck_assert_int_eq(age_of(other), 30000);
    ck_assert_uint_eq(reads.calls, 1);
    clock_ms += 1000;
    ck_assert_int_eq(age_of(other), -1);
    ck_assert_uint_eq(reads.calls, 2);
    external_secret_release(first);
    external_secret_release(other);
}
END_TEST

/* It is dear, and there may be thousands. */
START_TEST(whose_turn_it_is_is_asked_only_of_those_that_could_go)
{
    external_secret_release(
        put_that("due-1", "1m", "'dataFrom':[{'find':{'name':{'regexp':'r'}}}]"));
    external_secret_release(put_of("another", "due-2", "1m", BY_NAME));
    put_and_forget("due-100001", "1m");
    ck_assert_uint_eq(read_first("due-100000", "1m"), 1);
    ck_assert_uint_eq(turns_asked, 1);
    /* All but the newcomer are still fresh. */
    ck_assert_uint_eq(read_first("due-100002", "1m"), 0);
    ck_assert_uint_eq(turns_asked, 1);
}
END_TEST

START_TEST(no_more_go_at_once_than_one_burst)
{
    char name[32];
    for (int i = 0; i < 300; i++) {
        (void)snprintf(name, sizeof name, "due-%d", 99000 + i);
        put_and_forget(name, "1m");
    }
    turns_asked = 0;
    ck_assert_uint_eq(read_first("due-1", "1m"), SWEEP_MEMBERS_MAX - 1);
    ck_assert_uint_eq(reads.last_count, SWEEP_MEMBERS_MAX);
    /* The others are not even asked. */
    ck_assert_uint_eq(turns_asked, SWEEP_MEMBERS_MAX - 1);
    ck_assert_uint_eq(read_first("due-2", "1m"), 300 - (SWEEP_MEMBERS_MAX - 1));
    ck_assert_uint_eq(reads.calls, 2);
}
END_TEST

START_TEST(who_is_not_due_yet_only_fills_batches_the_earliest_first)
{
    char name[32];
    for (int i = 30; i > 0; i--) {
        (void)snprintf(name, sizeof name, "due-%d", 100000 + 100 * i);
        put_and_forget(name, "1m");
    }
    ck_assert_uint_eq(read_first("due-100000", "1m"), 19);
    ck_assert_uint_eq(reads.last_count, 20);
    ck_assert_uint_eq(read_first("due-101900", "1m"), 0);
    ck_assert_uint_eq(reads.calls, 1);
    /* Those that are left are too few for a batch, and go all the same when one of them is due. */
    ck_assert_uint_eq(read_first("due-102000", "1m"), 10);
    ck_assert_uint_eq(reads.last_count, 11);
}
END_TEST

START_TEST(who_is_due_goes_though_the_last_batch_is_not_full)
{
    char name[32];
    for (int i = 0; i < 24; i++) {
        (void)snprintf(name, sizeof name, "due-%d", 99000 + i);
        put_and_forget(name, "1m");
    }
    put_and_forget("due-100001", "1m");
    ck_assert_uint_eq(read_first("due-98999", "1m"), 25);
    ck_assert_uint_eq(reads.last_count, 26);
}
END_TEST

/* Twenty more are two batches, not one. */
START_TEST(the_first_is_one_of_those_that_are_due)
{
    char name[32];
    for (int i = 0; i < 20; i++) {
        (void)snprintf(name, sizeof name, "due-%d", 99000 + i);
        put_and_forget(name, "1m");
    }
    ck_assert_uint_eq(read_first("due-98999", "1m"), 20);
    ck_assert_uint_eq(reads.last_count, 21);
}
END_TEST

static void *read_in_thread(void *argument)
{
    (void)argument;
    ck_assert_uint_eq(read_first("due-100000", "1m"), 1);
    return NULL;
}

static void *wait_in_thread(void *argument)
{
    size_t *ret = argument;
    *ret = read_first("due-100001", "1m");
    return NULL;
}

START_TEST(who_is_being_read_ahead_waits_for_that)
{
    pthread_t reading;
    pthread_t waiting;
    size_t members = 7;
    put_and_forget("due-100001", "1m");
    reads.hold = true;
    ck_assert(thread_start(&reading, "reading", read_in_thread, NULL));
    pthread_mutex_lock(&reads.mutex);
    while (reads.calls == 0) {
        pthread_cond_wait(&reads.changed, &reads.mutex);
    }
    pthread_mutex_unlock(&reads.mutex);
    ck_assert(thread_start(&waiting, "waiting", wait_in_thread, &members));
    pthread_mutex_lock(&reads.mutex);
    reads.hold = false;
    pthread_cond_broadcast(&reads.changed);
    pthread_mutex_unlock(&reads.mutex);
    pthread_join(reading, NULL);
    pthread_join(waiting, NULL);
    ck_assert_uint_eq(members, 0);
    ck_assert_uint_eq(reads.calls, 1);
}
END_TEST

/* It has what it wants before the others have theirs, uses it once, and is not told to be carried
 * out again when they have. */
START_TEST(who_is_being_read_ahead_goes_along_once_all_is_asked_for)
{
    pthread_t reading;
    struct external_secret *waiting = put("due-99999", "0");
    reads.asks = true;
    reads.hold = true;
    put_and_forget("due-99998", "1m");
    ck_assert(thread_start(&reading, "reading", read_in_thread, NULL));
    pthread_mutex_lock(&reads.mutex);
    while (reads.calls == 0) {
        pthread_cond_wait(&reads.changed, &reads.mutex);
    }
    pthread_mutex_unlock(&reads.mutex);
    ck_assert_uint_eq(reads.last_count, 3);
    clock_ms += 30;
    ck_assert_int_eq(age_of(waiting), 30);
    ck_assert_uint_eq(reads.along, 1);
    pthread_mutex_lock(&reads.mutex);
    reads.hold = false;
    pthread_cond_broadcast(&reads.changed);
    pthread_mutex_unlock(&reads.mutex);
    pthread_join(reading, NULL);
    ck_assert_int_eq(age_of(waiting), -1);
    ck_assert_uint_eq(reads.calls, 1);
    external_secret_release(waiting);
}
END_TEST

START_TEST(who_comes_while_another_gathers_goes_with_him)
{
    put_and_forget("due-100001", "1m");
    put_and_forget("due-100002", "1m");
    second.comes = true;
    ck_assert_uint_eq(read_first("due-100000", "1m"), 2);
    pthread_join(second.thread, NULL);
    ck_assert_uint_eq(second.members, 0);
    ck_assert_uint_eq(reads.calls, 1);
    ck_assert_uint_eq(reads.last_count, 3);
}
END_TEST

START_TEST(the_age_that_will_do_is_a_tenth_of_the_interval_and_at_most_a_minute)
{
    static const struct {
        const char *interval;
        int64_t age_ms;
    } cases[] = {{"1s", 100}, {"1m", 6000}, {"10m", 60000}, {"24h", 60000}, {"0s", 1000}};
    struct external_secret *one = put("due-1", cases[_i].interval);
    ck_assert_int_eq(sweep_max_age_ms(one), cases[_i].age_ms);
    external_secret_release(one);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("sweep");
    TCase *tcase = tcase_create("sweep");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_is_due_within_a_tenth_of_its_interval_goes_with_it);
    tcase_add_loop_test(tcase, who_asks_by_patterns_only_goes_with_nobody, 0,
                        ARRAY_LEN(kinds_of_asking));
    tcase_add_loop_test(tcase, nobody_goes_with_who_asks_by_patterns_only, 0,
                        ARRAY_LEN(kinds_of_asking));
    tcase_add_test(tcase, what_was_read_ahead_is_not_read_again_while_it_is_fresh);
    tcase_add_test(tcase, what_was_read_for_one_waits_for_its_turn_and_is_used_once);
    tcase_add_test(tcase, whose_turn_it_is_is_asked_only_of_those_that_could_go);
    tcase_add_test(tcase, no_more_go_at_once_than_one_burst);
    tcase_add_test(tcase, who_is_not_due_yet_only_fills_batches_the_earliest_first);
    tcase_add_test(tcase, who_is_due_goes_though_the_last_batch_is_not_full);
    tcase_add_test(tcase, the_first_is_one_of_those_that_are_due);
    tcase_add_test(tcase, who_is_being_read_ahead_waits_for_that);
    tcase_add_test(tcase, who_is_being_read_ahead_goes_along_once_all_is_asked_for);
    tcase_add_test(tcase, who_comes_while_another_gathers_goes_with_him);
    tcase_add_loop_test(tcase, the_age_that_will_do_is_a_tenth_of_the_interval_and_at_most_a_minute,
                        0, 5);
    suite_add_tcase(suite, tcase);
    return suite;
}
