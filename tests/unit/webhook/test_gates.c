/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include <fcntl.h>

#include "neighbours.h"
#include "quoted_json.h"
#include "webhook/gates.h"

static const char POD[] = "/pods/p";

/* Both clocks of this process and what tests add to them. */
static atomic_int_least64_t skew_ms;
static struct fingerprint_keys keys;
static struct kube_config *config;
static struct metrics *metrics;
static struct world *world;
static struct policy policy;
static struct gates *gates;
static struct log quiet;

static int64_t skewed_monotonic(void *context)
{
    (void)context;
    return clock_monotonic_ms(clock_system()) + atomic_load(&skew_ms);
}

static int64_t skewed_wall(void *context)
{
    (void)context;
    return clock_wall_ms(clock_system()) + atomic_load(&skew_ms);
}

static const struct clock skewed_clock = {.wall_ms = skewed_wall, .monotonic_ms = skewed_monotonic};

/* A held Pod that waits for the key k. The API server's clock is years behind ours. */
static struct pod *put_pod_for(const char *name, const char *secret)
{
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'n','name':'%s','uid':'u-%s','resourceVersion':'1',"
        "'creationTimestamp':'2023-12-31T23:59:50Z'},'spec':{'schedulingGates':[{'name':"
        "'keyturn.io/secrets'}],'containers':[{'name':'c','env':[{'name':'E','valueFrom':"
        "{'secretKeyRef':{'name':'%s','key':'k'}}}]}]}}",
        name, name, secret);
    struct pod *pod = NULL;
    struct err err = {0};
    ck_assert_msg(pod_decode(json.root, &pod, &err), "%s", err.message);
    world_put_pod(world, pod_retain(pod));
    json_text_done(&json);
    return pod;
}

static void put_pod(void)
{
    pod_release(put_pod_for("p", "s"));
}

static void put_secret(void)
{
    struct json_text json = quoted_json("{'metadata':{'namespace':'n','name':'s','uid':'us',"
                                        "'resourceVersion':'7'},'data':{'k':'dg=='}}");
    struct secret *secret = NULL;
    struct err err = {0};
    ck_assert_msg(secret_decode(json.root, &keys.digest, &secret, &err), "%s", err.message);
    (void)world_put_secret(world, secret);
    json_text_done(&json);
}

static void setup(void)
{
    const unsigned char installation_key[INSTALLATION_KEY_BYTES] = {9};
    fingerprint_keys_derive(installation_key, &keys);
    api_begin();
    api.headers = "Date: Mon, 01 Jan 2024 00:00:00 GMT";
    api_set("GET", POD, 200, "{}");
    api_set("PATCH", POD, 200, "{}");
    quiet = (struct log){
        .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .level = LOG_ERROR, .clock = &skewed_clock};
    config = api_config();
    metrics = metrics_new();
    world = world_new();
    policy = policy_builtin();
    world_set_keys(world, &keys);
    gates = gates_new(&(struct gates_options){.config = config,
                                              .clock = &skewed_clock,
                                              .log = &quiet,
                                              .world = world,
                                              .policy = &policy,
                                              .metrics = metrics});
    gates_start(gates);
}

static void teardown(void)
{
    gates_free(gates);
    world_free(world);
    metrics_free(metrics);
    kube_config_free(config);
    close(quiet.fd);
    api_end();
}

static void tables_are_known(bool known)
{
    world_set_synced(world, WORLD_SECRETS, known);
    world_set_synced(world, WORLD_EXTERNAL_SECRETS, known);
}

/* Time goes by, and the Pod is looked at once more; ends when it has been. */
static void look_after(int64_t ms)
{
    unsigned told = atomic_load(&lease_asked);
    atomic_fetch_add(&skew_ms, ms);
    gates_all_changed(gates);
    /* Once by whoever plans; once by the look, to know who tells of the hold. */
    int64_t deadline = clock_monotonic_ms(clock_system()) + API_PATIENCE_MS;
    while (atomic_load(&lease_asked) < told + 2 && api_count("PATCH", POD) == 0) {
        ck_assert_int_lt(clock_monotonic_ms(clock_system()), deadline);
        sched_yield();
    }
}

/* Time goes by, and another Pod is held, which is told after all that is due by then is done. */
static void hold_another(const char *name, int64_t ms)
{
    struct pod *pod = put_pod_for(name, "missing");
    unsigned told = atomic_load(&events_posted);
    int64_t deadline = clock_monotonic_ms(clock_system()) + API_PATIENCE_MS;
    atomic_fetch_add(&skew_ms, ms);
    gates_pod_changed(gates, pod);
    pod_release(pod);
    while (atomic_load(&events_posted) == told) {
        ck_assert_int_lt(clock_monotonic_ms(clock_system()), deadline);
        sched_yield();
    }
}

START_TEST(a_hold_ends_by_the_api_servers_clock)
{
    tables_are_known(true);
    put_pod();
    look_after(0);
    ck_assert_uint_eq(api_count("GET", POD), 1);
    look_after(30 * 1000);
    ck_assert_uint_eq(api_count("PATCH", POD), 0);
    look_after(30 * 1000);
    api_await("PATCH", POD, 1);
    ck_assert_uint_eq(api_count("GET", POD), 1);
}
END_TEST

START_TEST(no_hold_ends_before_the_world_is_known_or_has_had_its_time)
{
    /* Its hold was over before we started: another replica may know why it is still held. */
    api.headers = "Date: Mon, 01 Jan 2024 01:00:00 GMT";
    tables_are_known(false);
    put_pod();
    look_after(0);
    look_after(50 * 1000);
    ck_assert_uint_eq(api_count("PATCH", POD), 0);
    /* Nothing is going to be known. */
    look_after(10 * 1000);
    api_await("PATCH", POD, 1);
}
END_TEST

START_TEST(a_secret_that_comes_releases_where_external_secrets_are_not_known)
{
    world_set_synced(world, WORLD_SECRETS, true);
    put_pod();
    look_after(0);
    ck_assert_uint_eq(api_count("PATCH", POD), 0);
    put_secret();
    look_after(0);
    api_await("PATCH", POD, 1);
    ck_assert_ptr_nonnull(strstr(api_find("PATCH", POD)->asked, "secrets-hash"));
}
END_TEST

START_TEST(a_list_of_secrets_does_not_look_through_all_pods_for_each)
{
    unsigned before = atomic_load(&lease_asked);
    put_pod();
    gates_namespace_changed(gates, SV("n"));
    ck_assert_uint_eq(atomic_load(&lease_asked), before);
    tables_are_known(true);
    gates_namespace_changed(gates, SV("n"));
    ck_assert_uint_gt(atomic_load(&lease_asked), before);
}
END_TEST

START_TEST(a_patch_that_is_refused_is_not_tried_every_second)
{
    tables_are_known(true);
    put_secret();
    put_pod();
    pthread_mutex_lock(&api.mutex);
    api_set("PATCH", POD, 403, "{}");
    pthread_mutex_unlock(&api.mutex);
    gates_all_changed(gates);
    api_await("PATCH", POD, 1);
    hold_another("other", 5 * 1000);
    ck_assert_uint_eq(api_count("PATCH", POD), 1);
    hold_another("third", 31 * 1000);
    ck_assert_uint_eq(api_count("PATCH", POD), 2);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/gates");
    TCase *tcase = tcase_create("gates");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, a_hold_ends_by_the_api_servers_clock);
    tcase_add_test(tcase, no_hold_ends_before_the_world_is_known_or_has_had_its_time);
    tcase_add_test(tcase, a_secret_that_comes_releases_where_external_secrets_are_not_known);
    tcase_add_test(tcase, a_list_of_secrets_does_not_look_through_all_pods_for_each);
    tcase_add_test(tcase, a_patch_that_is_refused_is_not_tried_every_second);
    suite_add_tcase(suite, tcase);
    return suite;
}
