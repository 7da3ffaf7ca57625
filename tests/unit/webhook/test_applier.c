/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include <fcntl.h>

#include "neighbours.h"
#include "quoted_json.h"
#include "webhook/applier.h"

static struct fingerprint_keys keys;
static struct kube_config *config;
static struct clients_options client_options;
static struct metrics *metrics;
static struct world *world;
static struct workers *workers;
static struct applier *applier;
static struct log quiet;

static const char SECRETS[] = "/namespaces/n/secrets";

/* A store of the fake provider with the value "remote". */
static void put_store(const char *name, const char *version)
{
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'n','name':'%s','uid':'u-%s','resourceVersion':'%s'},'spec':"
        "{'provider':{'fake':{'data':[{'key':'r','value':'remote'}]}}}}",
        name, name, version);
    struct store *store = NULL;
    struct err err = {0};
    ck_assert_msg(store_decode(json.root, false, &store, &err), "%s", err.message);
    world_put_store(world, store);
    json_text_done(&json);
}

static void put_external_secret(const char *name)
{
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'n','name':'%s','uid':'u-%s','resourceVersion':'1',"
        "'generation':1},'spec':{'secretStoreRef':{'name':'store'},'refreshInterval':'1h',"
        "'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]}}",
        name, name);
    struct external_secret *decoded = NULL;
    struct err err = {0};
    ck_assert_msg(external_secret_decode(json.root, &decoded, &err), "%s", err.message);
    (void)world_put_external_secret(world, decoded);
    json_text_done(&json);
}

static void setup(void)
{
    const unsigned char installation_key[INSTALLATION_KEY_BYTES] = {5};
    fingerprint_keys_derive(installation_key, &keys);
    api_begin();
    quiet = (struct log){
        .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .level = LOG_ERROR, .clock = clock_system()};
    config = api_config();
    client_options = (struct clients_options){.config = config, .clock = clock_system()};
    metrics = metrics_new();
    world = world_new();
    world_set_keys(world, &keys);
    world_set_synced(world, WORLD_SECRETS, true);
    world_set_synced(world, WORLD_EXTERNAL_SECRETS, true);
    put_store("store", "1");
    workers = workers_new(&(struct workers_options){.name = "test",
                                                    .max_threads = 1,
                                                    .max_queued = 64,
                                                    .thread_start = clients_start,
                                                    .thread_stop = clients_stop,
                                                    .context = &client_options});
    applier = applier_new(&(struct applier_options){.clock = clock_system(),
                                                    .log = &quiet,
                                                    .world = world,
                                                    .metrics = metrics,
                                                    .workers = workers,
                                                    .enabled = true});
    applier_start(applier);
}

static void stop(void)
{
    applier_stop(applier);
    workers_free(workers);
    workers = NULL;
}

static void teardown(void)
{
    if (workers) {
        stop();
    }
    applier_free(applier);
    world_free(world);
    metrics_free(metrics);
    kube_config_free(config);
    close(quiet.fd);
    api_end();
}

START_TEST(what_is_queued_when_the_process_stops_is_not_begun)
{
    api_set("GET", SECRETS, 404, "{}");
    api_set("POST", SECRETS, 201,
            "{'metadata':{'namespace':'n','name':'x','uid':'u','resourceVersion':'2'}}");
    api_hold("GET", SECRETS, true);
    put_external_secret("a");
    put_external_secret("b");
    put_external_secret("c");
    applier_look_at_all(applier);
    api_await("GET", SECRETS, 1);
    /* All three have been looked at: one is on its way, two are queued. */
    while (atomic_load(&lease_asked) < 1 + 3 + 1) {
        sched_yield();
    }
    applier_stop(applier);
    api_hold("GET", SECRETS, false);
    workers_free(workers);
    workers = NULL;
    /* Nobody gives work to workers that are gone. */
    applier_look_at_all(applier);
    ck_assert_uint_eq(api_count("GET", SECRETS), 1);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/applier");
    TCase *tcase = tcase_create("applier");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_is_queued_when_the_process_stops_is_not_begun);
    suite_add_tcase(suite, tcase);
    return suite;
}
