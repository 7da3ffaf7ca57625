/* SPDX-License-Identifier: Apache-2.0 */
#define NEIGHBOURS_WITHOUT_LEADER
#include "check_main.h"

#include <fcntl.h>

#include "kube/lease.h"
#include "neighbours.h"

static const char LEASE[] = "/leases/keyturn";

/* The system's clock and what tests add to it. */
static atomic_int_least64_t skew_ms;
static struct kube_config *config;
static struct leader *leader;
static struct log quiet;

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool leads[8];
    size_t count;
} told;

static int64_t skewed_monotonic(void *context)
{
    (void)context;
    return clock_monotonic_ms(clock_system()) + atomic_load(&skew_ms);
}

static int64_t system_wall(void *context)
{
    (void)context;
    return clock_wall_ms(clock_system());
}

static const struct clock skewed_clock = {.wall_ms = system_wall, .monotonic_ms = skewed_monotonic};

static void on_changed(void *context, bool leads)
{
    (void)context;
    pthread_mutex_lock(&told.mutex);
    ck_assert_uint_lt(told.count, ARRAY_LEN(told.leads));
    told.leads[told.count++] = leads;
    pthread_cond_broadcast(&told.changed);
    pthread_mutex_unlock(&told.mutex);
}

static void await_told(size_t count)
{
    int64_t deadline = clock_monotonic_ms(clock_system()) + API_PATIENCE_MS;
    pthread_mutex_lock(&told.mutex);
    while (told.count < count && clock_monotonic_ms(clock_system()) < deadline) {
        cond_wait_until(&told.changed, &told.mutex, deadline);
    }
    ck_assert_uint_eq(told.count, count);
    pthread_mutex_unlock(&told.mutex);
}

#define OURS                                                                                       \
    "{'metadata':{'name':'keyturn','resourceVersion':'2'},'spec':{'holderIdentity':'me',"          \
    "'leaseDurationSeconds':15,'renewTime':'2026-01-01T00:00:00.000000Z'}}"

static unsigned given_up;

/* What was written stands there from then on: whoever finds nobody's Lease has lost his own. */
static void stand(struct api_route *route)
{
    if (strcmp(route->method, "GET") != 0) {
        api_set("GET", LEASE, 200, OURS);
        given_up += strstr(route->asked, "\"holderIdentity\":null") != NULL;
    }
}

/* Only what is made anew: a renewal may be on its way still. */
static void stand_again(struct api_route *route)
{
    if (strcmp(route->method, "POST") == 0) {
        api_set("GET", LEASE, 200, OURS);
    }
}

static void setup(void)
{
    api_begin();
    mutex_init(&told.mutex);
    cond_init(&told.changed);
    api_set("GET", LEASE, 200,
            "{'metadata':{'name':'keyturn','resourceVersion':'1'},'spec':{'holderIdentity':''}}");
    api_set("PATCH", LEASE, 200, OURS);
    given_up = 0;
    api.asked = stand;
    quiet = (struct log){
        .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .level = LOG_ERROR, .clock = &skewed_clock};
    config = api_config();
    leader = leader_new(&(struct leader_options){.config = config,
                                                 .clock = &skewed_clock,
                                                 .log = &quiet,
                                                 .namespace = "keyturn-system",
                                                 .lease = "keyturn",
                                                 .identity = "me",
                                                 .changed = on_changed});
    leader_start(leader);
    await_told(1);
    ck_assert(told.leads[0]);
}

static void teardown(void)
{
    leader_free(leader);
    kube_config_free(config);
    close(quiet.fd);
    api_end();
    pthread_mutex_destroy(&told.mutex);
    pthread_cond_destroy(&told.changed);
}

static void await_lost_and_taken_again(void)
{
    await_told(3);
    ck_assert(!told.leads[1]);
    ck_assert(told.leads[2]);
    ck_assert(leader_leads(leader));
}

/* The answer takes until the Lease is over. */
static void take_too_long(struct api_route *route)
{
    (void)route;
    atomic_fetch_add(&skew_ms, KUBE_LEASE_RENEW_MS);
    api.asked = NULL;
}

START_TEST(a_lease_that_was_renewed_too_late_counts_as_lost_and_taken_again)
{
    pthread_mutex_lock(&api.mutex);
    api.asked = take_too_long;
    pthread_mutex_unlock(&api.mutex);
    await_lost_and_taken_again();
}
END_TEST

START_TEST(a_lease_that_somebody_deleted_counts_as_lost_and_taken_again)
{
    pthread_mutex_lock(&api.mutex);
    api_set("GET", LEASE, 404, "{'kind':'Status','code':404}");
    api_set("POST", "/leases", 201, OURS);
    api.asked = stand_again;
    pthread_mutex_unlock(&api.mutex);
    await_lost_and_taken_again();
}
END_TEST

START_TEST(a_lease_that_is_renewed_in_time_is_told_once)
{
    api_await("PATCH", LEASE, 3);
    ck_assert_uint_eq(told.count, 1);
}
END_TEST

START_TEST(a_silent_leader_keeps_the_lease_and_tells_nobody)
{
    leader_silence(leader);
    ck_assert(leader_leads(leader));
    leader_free(leader);
    leader = NULL;
    ck_assert_uint_eq(told.count, 1);
    /* Given up all the same. */
    ck_assert_uint_eq(given_up, 1);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/leader");
    TCase *tcase = tcase_create("leader");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, a_lease_that_was_renewed_too_late_counts_as_lost_and_taken_again);
    tcase_add_test(tcase, a_lease_that_somebody_deleted_counts_as_lost_and_taken_again);
    tcase_add_test(tcase, a_lease_that_is_renewed_in_time_is_told_once);
    tcase_add_test(tcase, a_silent_leader_keeps_the_lease_and_tells_nobody);
    suite_add_tcase(suite, tcase);
    return suite;
}
