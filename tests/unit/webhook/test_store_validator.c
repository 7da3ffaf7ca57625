/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include <fcntl.h>
#include <sched.h>

#include "neighbours.h"
#include "quoted_json.h"
#include "webhook/store_validator.h"

static struct kube_config *config;
static struct clients_options client_options;
static struct world *world;
static struct workers *workers;
static struct store_validator *validator;
static struct log quiet;
static int64_t started_ms;
static atomic_llong skipped_ms;

/* Far behind the system's: whoever waits until a time of it looks again at once. */
static int64_t own_monotonic(void *context)
{
    (void)context;
    return clock_monotonic_ms(clock_system()) - started_ms + atomic_load(&skipped_ms);
}

static int64_t own_wall(void *context)
{
    (void)context;
    return clock_wall_ms(clock_system());
}

static const struct clock own_clock = {.wall_ms = own_wall, .monotonic_ms = own_monotonic};

static void put_store_as(const char *name, const char *uid)
{
    struct json_text json =
        quoted_json("{'metadata':{'namespace':'n','name':'%s','uid':'%s','resourceVersion':'1',"
                    "'generation':1},'spec':{'provider':{'fake':{'data':[]}}}}",
                    name, uid);
    struct store *store = NULL;
    struct err err = {0};
    ck_assert_msg(store_decode(json.root, false, &store, &err), "%s", err.message);
    world_put_store(world, store);
    json_text_done(&json);
}

static void put_store(const char *name)
{
    CLEANUP(buf_done) struct buf uid;
    buf_init(&uid, 64);
    buf_printf(&uid, "u-%s", name);
    put_store_as(name, uid.data);
}

/* Nobody has said anything in its status. */
static void script_store(const char *name, const char *path, const char *status_path)
{
    put_store(name);
    pthread_mutex_lock(&api.mutex);
    api_set("GET", path, 200,
            "{'metadata':{'namespace':'n','name':'%s','uid':'u-%s','resourceVersion':'1',"
            "'generation':1}}",
            name, name);
    api_set("PATCH", status_path, 200, "{}");
    pthread_mutex_unlock(&api.mutex);
}

#define PATH_OF(name) "/namespaces/n/secretstores/" name
#define STATUS_OF(name) PATH_OF(name) "/status"
#define SCRIPT_STORE(name) script_store(name, PATH_OF(name), STATUS_OF(name))

static void setup_threads(unsigned threads)
{
    api_begin();
    started_ms = clock_monotonic_ms(clock_system());
    quiet = (struct log){
        .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .level = LOG_ERROR, .clock = clock_system()};
    config = api_config();
    client_options = (struct clients_options){.config = config, .clock = &own_clock};
    world = world_new();
    world_set_synced(world, WORLD_STORES, true);
    world_set_synced(world, WORLD_CLUSTER_STORES, true);
    workers = workers_new(&(struct workers_options){.name = "test",
                                                    .max_threads = threads,
                                                    .max_queued = 64,
                                                    .thread_start = clients_start,
                                                    .thread_stop = clients_stop,
                                                    .context = &client_options});
    validator = store_validator_new(&(struct store_validator_options){
        .clock = &own_clock, .log = &quiet, .world = world, .workers = workers, .enabled = true});
    store_validator_start(validator);
}

static void setup(void)
{
    setup_threads(1);
}

static void setup_two(void)
{
    setup_threads(2);
}

static void teardown(void)
{
    store_validator_stop(validator);
    workers_free(workers);
    store_validator_free(validator);
    world_free(world);
    kube_config_free(config);
    close(quiet.fd);
    api_end();
}

static void await_leases(unsigned count)
{
    int64_t deadline = clock_monotonic_ms(clock_system()) + API_PATIENCE_MS;
    while (atomic_load(&lease_asked) < count) {
        ck_assert_int_lt(clock_monotonic_ms(clock_system()), deadline);
        sched_yield();
    }
}

static void lead_again(void)
{
    atomic_store(&lease_is_held, true);
    store_validator_look_at_all(validator);
}

START_TEST(what_was_queued_when_the_lease_lapsed_is_validated_by_the_next_leader)
{
    SCRIPT_STORE("a");
    SCRIPT_STORE("b");
    api_hold("GET", PATH_OF("a"), true);
    store_validator_changed(validator, false, SV("n"), SV("a"));
    api_await("GET", PATH_OF("a"), 1);
    unsigned asked = atomic_load(&lease_asked);
    store_validator_changed(validator, false, SV("n"), SV("b"));
    /* When it is told of and when it is looked at. */
    await_leases(asked + 2);
    atomic_store(&lease_is_held, false);
    api_hold("GET", PATH_OF("a"), false);
    await_leases(asked + 3);
    ck_assert_uint_eq(api_count("GET", PATH_OF("b")), 0);
    lead_again();
    api_await("PATCH", STATUS_OF("b"), 1);
}
END_TEST

START_TEST(what_was_due_while_another_led_is_validated_again)
{
    SCRIPT_STORE("a");
    SCRIPT_STORE("b");
    store_validator_changed(validator, false, SV("n"), SV("a"));
    await_leases(2);
    store_validator_changed(validator, false, SV("n"), SV("b"));
    /* There is one worker: when it is at this, the first has its next turn. */
    api_await("PATCH", STATUS_OF("b"), 1);
    /* The lease is asked about when one is told of, looked at and begun. */
    await_leases(6);
    atomic_store(&lease_is_held, false);
    atomic_fetch_add(&skipped_ms, STORE_VALID_MS);
    await_leases(7);
    lead_again();
    SCRIPT_STORE("c");
    store_validator_changed(validator, false, SV("n"), SV("c"));
    api_await("PATCH", STATUS_OF("c"), 1);
    /* Not all at once, but within the time that a validation is good for. */
    ck_assert_uint_eq(api_count("PATCH", STATUS_OF("a")), 1);
    atomic_fetch_add(&skipped_ms, STORE_VALID_MS);
    api_await("PATCH", STATUS_OF("a"), 2);
}
END_TEST

/* The one of that name has been made anew, and has a status already. */
static void replace_a(void)
{
    put_store_as("a", "u-2");
    pthread_mutex_lock(&api.mutex);
    api_set("GET", PATH_OF("a"), 200,
            "{'metadata':{'namespace':'n','name':'a','uid':'u-2','resourceVersion':'1',"
            "'generation':1},'status':{'conditions':[{'type':'Ready','status':'True'}]}}");
    pthread_mutex_unlock(&api.mutex);
    store_validator_changed(validator, false, SV("n"), SV("a"));
}

/* Nobody looks at two at one time. */
static void validate_next(const char *name)
{
    atomic_fetch_add(&skipped_ms, 1);
    store_validator_changed(validator, false, SV("n"), sv_of(name));
}

START_TEST(a_predecessor_that_is_validated_late_says_nothing_of_its_successor)
{
    SCRIPT_STORE("a");
    SCRIPT_STORE("b");
    SCRIPT_STORE("c");
    SCRIPT_STORE("d");
    SCRIPT_STORE("e");
    api_hold("PATCH", STATUS_OF("a"), true);
    validate_next("a");
    api_await("PATCH", STATUS_OF("a"), 1);
    replace_a();
    api_await("GET", PATH_OF("a"), 3);
    /* The other worker is done with the successor when it is done with this. */
    validate_next("b");
    api_await("PATCH", STATUS_OF("b"), 1);
    api_hold("PATCH", STATUS_OF("a"), false);
    /* Both are at these: the predecessor's validation has ended. */
    api_hold("GET", PATH_OF("c"), true);
    api_hold("GET", PATH_OF("d"), true);
    validate_next("c");
    validate_next("d");
    api_await("GET", PATH_OF("c"), 1);
    api_await("GET", PATH_OF("d"), 1);
    api_hold("GET", PATH_OF("c"), false);
    api_hold("GET", PATH_OF("d"), false);
    validate_next("a");
    validate_next("e");
    api_await("PATCH", STATUS_OF("e"), 1);
    ck_assert_uint_eq(api_count("GET", PATH_OF("a")), 3);
}
END_TEST

START_TEST(a_predecessor_that_is_still_queued_is_not_validated)
{
    SCRIPT_STORE("a");
    SCRIPT_STORE("b");
    api_hold("GET", PATH_OF("b"), true);
    validate_next("b");
    api_await("GET", PATH_OF("b"), 1);
    unsigned asked = atomic_load(&lease_asked);
    validate_next("a");
    await_leases(asked + 2);
    atomic_fetch_add(&skipped_ms, 1);
    replace_a();
    await_leases(asked + 4);
    api_hold("GET", PATH_OF("b"), false);
    SCRIPT_STORE("c");
    validate_next("c");
    api_await("PATCH", STATUS_OF("c"), 1);
    ck_assert_uint_eq(api_count("GET", PATH_OF("a")), 1);
    ck_assert_uint_eq(api_count("PATCH", STATUS_OF("a")), 0);
}
END_TEST

/* Its calls are cancelled by then. */
START_TEST(what_is_under_way_when_the_process_stops_is_told_nobody)
{
    SCRIPT_STORE("a");
    api_hold("GET", PATH_OF("a"), true);
    validate_next("a");
    api_await("GET", PATH_OF("a"), 1);
    store_validator_stop(validator);
    api_hold("GET", PATH_OF("a"), false);
    workers_free(workers);
    workers = NULL;
    ck_assert_uint_eq(api_count("PATCH", STATUS_OF("a")), 0);
    ck_assert_uint_eq(atomic_load(&events_posted), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/store_validator");
    TCase *tcase = tcase_create("store_validator");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, what_was_queued_when_the_lease_lapsed_is_validated_by_the_next_leader);
    tcase_add_test(tcase, what_was_due_while_another_led_is_validated_again);
    tcase_add_test(tcase, a_predecessor_that_is_still_queued_is_not_validated);
    tcase_add_test(tcase, what_is_under_way_when_the_process_stops_is_told_nobody);
    suite_add_tcase(suite, tcase);
    TCase *two = tcase_create("two workers");
    tcase_add_checked_fixture(two, setup_two, teardown);
    tcase_set_timeout(two, 60);
    tcase_add_test(two, a_predecessor_that_is_validated_late_says_nothing_of_its_successor);
    suite_add_tcase(suite, two);
    return suite;
}
