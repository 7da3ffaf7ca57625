/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include <fcntl.h>

#include "neighbours.h"
#include "quoted_json.h"
#include "webhook/applier.h"
#include "webhook/read_ahead.h"
#include "webhook/sources.h"
#include "webhook/sweep.h"

static struct fingerprint_keys keys;
static struct kube_config *config;
static struct clients_options client_options;
static struct metrics *metrics;
static struct world *world;
static struct workers *workers;
static struct applier *applier;
static struct log quiet;

static const char SECRETS[] = "/namespaces/n/secrets";

enum {
    REQUESTS_KEPT = 8,
    BACKGROUND_MS = 30000, /* as webhook/background.c gives */
    LEEWAY_MS = 10000,
};

/* What webhook/sources.c and webhook/read_ahead.c were asked for, which stand-ins of them keep. */
static struct {
    atomic_bool denied; /* every read */
    atomic_uint requests;
    int64_t since_ms[REQUESTS_KEPT];
    int64_t deadline_ms[REQUESTS_KEPT];
    atomic_uint ahead_calls;
    size_t ahead_count[REQUESTS_KEPT];
    int64_t ahead_deadline_ms[REQUESTS_KEPT];
} asked;

/* Stands in for webhook/sources.c: every key has the value "v", a store called "silent" has none.
 */
static bool read_all(void *context, const struct remote_request *request, struct remote_read *reads,
                     size_t count, struct err *err)
{
    (void)context;
    unsigned requests = atomic_load(&asked.requests);
    asked.since_ms[requests % REQUESTS_KEPT] = request->since_ms;
    asked.deadline_ms[requests % REQUESTS_KEPT] = request->deadline_ms;
    bool denied = atomic_load(&asked.denied); /* before anybody can have seen this one */
    atomic_store(&asked.requests, requests + 1);
    if (denied) {
        return err_set(err, ERR_DENIED, "not allowed");
    }
    if (sv_is(request->store->name, "silent")) {
        return err_set(err, ERR_TIMEOUT, "no answer");
    }
    for (size_t i = 0; i < count; i++) {
        secret_buf_init(&reads[i].value, 16);
        secret_buf_add(&reads[i].value, SV("v"));
    }
    return true;
}

struct secret_source sources_for(struct clients *clients)
{
    (void)clients;
    return (struct secret_source){.read = read_all};
}

/* Stands in for webhook/read_ahead.c. */
void read_along(struct clients *clients, const struct external_secret *one, int64_t deadline_ms)
{
    (void)clients;
    (void)one;
    (void)deadline_ms;
}

void read_ahead(struct clients *clients, const struct external_secret *const *all, size_t count,
                int64_t deadline_ms, const struct reader_notice *notice)
{
    (void)clients;
    (void)all;
    (void)notice;
    unsigned calls = atomic_load(&asked.ahead_calls);
    asked.ahead_count[calls % REQUESTS_KEPT] = count;
    asked.ahead_deadline_ms[calls % REQUESTS_KEPT] = deadline_ms;
    atomic_store(&asked.ahead_calls, calls + 1);
}

static void put_store(const char *name, const char *generation)
{
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'n','name':'%s','uid':'u-%s','resourceVersion':'1',"
        "'generation':%s},'spec':{'provider':{'aws':{'service':'SecretsManager','region':"
        "'eu-central-1'}}}}",
        name, name, generation);
    struct store *store = NULL;
    struct err err = {0};
    ck_assert_msg(store_decode(json.root, false, &store, &err), "%s", err.message);
    world_put_store(world, store);
    json_text_done(&json);
}

static void put_external_secret_of(const char *name, const char *store)
{
    struct json_text json =
        quoted_json("{'metadata':{'namespace':'n','name':'%s','uid':'u-%s','resourceVersion':'1',"
                    "'generation':1},'spec':{'secretStoreRef':{'name':'%s'},'refreshInterval':'1h',"
                    "'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]}}",
                    name, name, store);
    struct external_secret *decoded = NULL;
    struct err err = {0};
    ck_assert_msg(external_secret_decode(json.root, &decoded, &err), "%s", err.message);
    (void)world_put_external_secret(world, decoded);
    json_text_done(&json);
}

static void put_external_secret(const char *name)
{
    put_external_secret_of(name, "store");
}

static void setup_threads(unsigned threads)
{
    const unsigned char installation_key[INSTALLATION_KEY_BYTES] = {5};
    memset(&asked, 0, sizeof asked);
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
    world_set_synced(world, WORLD_STORES, true);
    world_set_synced(world, WORLD_CLUSTER_STORES, true);
    put_store("store", "1");
    workers = workers_new(&(struct workers_options){.name = "test",
                                                    .max_threads = threads,
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

static void setup(void)
{
    setup_threads(1);
}

static void setup_two(void)
{
    setup_threads(2);
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

/* As the watch would tell of it. */
static void put_secret(const char *name)
{
    struct json_text json =
        quoted_json("{'metadata':{'namespace':'n','name':'%s','uid':'u','resourceVersion':'2',"
                    "'labels':{'reconcile.external-secrets.io/managed':'true'},'annotations':"
                    "{'reconcile.external-secrets.io/data-hash':"
                    "'74a974446e359fb3e6baff9bd0058950e6edd0f040888d9989b0a11b'}}}",
                    name);
    struct secret *secret = NULL;
    struct err err = {0};
    ck_assert_msg(secret_decode(json.root, &keys.digest, &secret, &err), "%s", err.message);
    (void)world_put_secret(world, secret);
    json_text_done(&json);
}

#define POST_OF(name) "externalsecrets.external-secrets.io%2F" name

static void script_api(unsigned post_status)
{
    static const char *const posts[] = {POST_OF("a"), POST_OF("b"), POST_OF("c")};
    pthread_mutex_lock(&api.mutex);
    api_set("GET", SECRETS, 404, "{}");
    api_set("PATCH", "/status?", 200, "{}");
    for (size_t i = 0; i < ARRAY_LEN(posts); i++) {
        api_set("POST", posts[i], post_status,
                "{'metadata':{'namespace':'n','name':'x','uid':'u','resourceVersion':'2'}}");
    }
    pthread_mutex_unlock(&api.mutex);
}

/* Makes its Secret, which the watch then tells of. There is one worker, and what was planned
 * earlier has been done when this returns. */
static void carry_out(const char *name, const char *post)
{
    put_external_secret(name);
    applier_external_secret_changed(applier, SV("n"), sv_of(name));
    api_await("POST", post, 1);
    put_secret(name);
}

/* The same for what AWS has something new of, which does not wait for the lists. */
static void carry_out_at_once(const char *name, const char *post)
{
    put_external_secret(name);
    ck_assert(applier_remote_changed(applier, SV("n"), sv_of(name)));
    api_await("POST", post, 1);
    put_secret(name);
}

START_TEST(an_api_server_that_fails_says_nothing_about_the_store)
{
    script_api(500);
    carry_out("a", POST_OF("a"));
    carry_out("b", POST_OF("b"));
}
END_TEST

START_TEST(looking_at_everything_asks_for_nothing_that_is_not_due)
{
    script_api(201);
    carry_out("a", POST_OF("a"));
    carry_out("b", POST_OF("b"));
    world_erase(world, WORLD_EXTERNAL_SECRETS, SV("n"), SV("b"));
    applier_look_at_all(applier);
    carry_out("c", POST_OF("c"));
    ck_assert_uint_eq(api_count("POST", POST_OF("a")), 1);
}
END_TEST

START_TEST(nothing_is_looked_at_before_its_stores_are_known)
{
    script_api(201);
    put_external_secret("a");
    world_set_synced(world, WORLD_STORES, false);
    applier_look_at_all(applier);
    /* What goes with "b" would have had its turn before "c". */
    carry_out_at_once("b", POST_OF("b"));
    carry_out_at_once("c", POST_OF("c"));
    ck_assert_uint_eq(atomic_load(&asked.ahead_calls), 0);
    ck_assert_uint_eq(api_count("POST", POST_OF("a")), 0);
    world_set_synced(world, WORLD_STORES, true);
    applier_look_at_all(applier);
    api_await("POST", POST_OF("a"), 1);
}
END_TEST

/* Of what was carried out. */
static bool is_counted(const char *outcome)
{
    char sample[128];
    struct buf text;
    buf_init(&text, 65536);
    metrics_write(metrics, &text);
    (void)snprintf(sample, sizeof sample, "keyturn_externalsecrets_total{outcome=\"%s\"} ",
                   outcome);
    bool found = sv_contains(buf_view(&text), sv_of(sample));
    buf_done(&text);
    return found;
}

START_TEST(a_store_that_may_yet_be_told_of_is_not_missing)
{
    script_api(201);
    world_set_synced(world, WORLD_STORES, false);
    put_external_secret_of("a", "late");
    ck_assert(applier_remote_changed(applier, SV("n"), SV("a")));
    /* There is one worker: its turn was before these. */
    carry_out_at_once("b", POST_OF("b"));
    carry_out_at_once("c", POST_OF("c"));
    ck_assert(is_counted("created") && !is_counted("failed"));
    put_store("late", "1");
    world_set_synced(world, WORLD_STORES, true);
    applier_store_changed(applier, false, SV("n"), SV("late"));
    api_await("POST", POST_OF("a"), 1);
}
END_TEST

static void put_gold_store(const char *version)
{
    struct json_text json = quoted_json(
        "{'metadata':{'name':'gold','uid':'u-gold','resourceVersion':'%s'},'spec':{'conditions':[{"
        "'namespaceSelector':{'matchLabels':{'tier':'gold'}}}],'provider':{'aws':{'service':"
        "'SecretsManager','region':'eu-central-1'}}}}",
        version);
    struct store *store = NULL;
    struct err err = {0};
    ck_assert_msg(store_decode(json.root, true, &store, &err), "%s", err.message);
    world_put_store(world, store);
    json_text_done(&json);
}

static void put_namespace(const char *tier)
{
    struct json_text json = quoted_json("{'metadata':{'name':'n','labels':{'tier':'%s'}}}", tier);
    struct namespace *namespace = NULL;
    struct err err = {0};
    ck_assert_msg(namespace_decode(json.root, &namespace, &err), "%s", err.message);
    (void)world_put_namespace(world, namespace);
    applier_namespace_changed(applier, SV("n"));
    json_text_done(&json);
}

/* Of the ClusterSecretStore "gold". */
static void put_golden(const char *name)
{
    struct json_text json =
        quoted_json("{'metadata':{'namespace':'n','name':'%s','uid':'u-%s','resourceVersion':'1',"
                    "'generation':1},'spec':{'secretStoreRef':{'name':'gold','kind':"
                    "'ClusterSecretStore'},'refreshInterval':'1h',"
                    "'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]}}",
                    name, name);
    struct external_secret *decoded = NULL;
    struct err err = {0};
    ck_assert_msg(external_secret_decode(json.root, &decoded, &err), "%s", err.message);
    (void)world_put_external_secret(world, decoded);
    json_text_done(&json);
    applier_external_secret_changed(applier, SV("n"), sv_of(name));
}

static void await_counted(const char *outcome)
{
    while (!is_counted(outcome)) {
        sched_yield();
    }
}

START_TEST(a_namespace_that_is_not_admitted_gets_nothing_until_its_labels_change)
{
    script_api(201);
    world_set_synced(world, WORLD_NAMESPACES, true);
    put_gold_store("1");
    put_namespace("silver");
    put_golden("a");
    await_counted("failed");
    carry_out("b", POST_OF("b"));
    ck_assert_uint_eq(api_count("POST", POST_OF("a")), 0);
    ck_assert_uint_eq(atomic_load(&asked.requests), 1);
    put_namespace("gold");
    api_await("POST", POST_OF("a"), 1);
}
END_TEST

START_TEST(what_the_labels_of_a_namespace_are_is_waited_for)
{
    script_api(201);
    put_gold_store("1");
    put_golden("a");
    carry_out("b", POST_OF("b"));
    carry_out("c", POST_OF("c"));
    ck_assert(!is_counted("failed"));
    ck_assert_uint_eq(api_count("POST", POST_OF("a")), 0);
    world_set_synced(world, WORLD_NAMESPACES, true);
    put_namespace("gold");
    api_await("POST", POST_OF("a"), 1);
}
END_TEST

START_TEST(a_namespace_that_was_admitted_gets_nothing_more)
{
    script_api(201);
    world_set_synced(world, WORLD_NAMESPACES, true);
    put_gold_store("1");
    put_namespace("gold");
    put_golden("a");
    api_await("POST", POST_OF("a"), 1);
    await_counted("created");
    unsigned requests = atomic_load(&asked.requests);
    put_namespace("silver");
    await_counted("failed");
    ck_assert(applier_remote_changed(applier, SV("n"), SV("a")));
    carry_out("b", POST_OF("b"));
    ck_assert_uint_eq(atomic_load(&asked.requests), requests + 1);
    ck_assert_uint_eq(api_count("POST", POST_OF("a")), 1);
}
END_TEST

START_TEST(what_is_listed_has_its_turn_with_all_the_others)
{
    static const char *const names[] = {"a", "b", "c"};
    script_api(201);
    world_set_synced(world, WORLD_EXTERNAL_SECRETS, false);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        put_external_secret(names[i]);
        applier_external_secret_changed(applier, SV("n"), sv_of(names[i]));
    }
    applier_store_changed(applier, false, SV("n"), SV("other"));
    world_set_synced(world, WORLD_EXTERNAL_SECRETS, true);
    applier_look_at_all(applier);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP(buf_done) struct buf post;
        buf_init(&post, 128);
        buf_printf(&post, "externalsecrets.external-secrets.io%%2F%s", names[i]);
        api_await("POST", post.data, 1);
    }
    ck_assert_uint_eq(atomic_load(&asked.ahead_calls), 1);
    ck_assert_uint_eq(asked.ahead_count[0], ARRAY_LEN(names));
}
END_TEST

START_TEST(a_store_that_is_listed_again_is_asked_when_it_has_changed)
{
    script_api(201);
    carry_out("a", POST_OF("a"));
    carry_out("b", POST_OF("b"));
    put_store("store", "1");
    applier_store_changed(applier, false, SV("n"), SV("store"));
    carry_out("c", POST_OF("c"));
    ck_assert_uint_eq(api_count("POST", POST_OF("a")), 1);
    put_store("store", "2");
    applier_store_changed(applier, false, SV("n"), SV("store"));
    api_await("POST", POST_OF("a"), 2);
}
END_TEST

START_TEST(what_changed_while_another_led_is_carried_out)
{
    script_api(201);
    carry_out("a", POST_OF("a"));
    carry_out("b", POST_OF("b"));
    world_erase(world, WORLD_EXTERNAL_SECRETS, SV("n"), SV("b"));
    atomic_store(&lease_is_held, false);
    put_store("store", "2");
    applier_store_changed(applier, false, SV("n"), SV("store"));
    atomic_store(&lease_is_held, true);
    applier_look_at_all(applier);
    api_await("POST", POST_OF("a"), 2);
}
END_TEST

static void await_requests(unsigned count)
{
    int64_t deadline = clock_monotonic_ms(clock_system()) + API_PATIENCE_MS;
    while (atomic_load(&asked.requests) < count) {
        ck_assert_int_lt(clock_monotonic_ms(clock_system()), deadline);
        sched_yield();
    }
}

START_TEST(what_was_read_ahead_with_another_has_its_turn)
{
    script_api(201);
    put_external_secret("a");
    put_external_secret("b");
    applier_external_secret_changed(applier, SV("n"), SV("a"));
    api_await("POST", POST_OF("a"), 1);
    api_await("POST", POST_OF("b"), 1);
    ck_assert_uint_eq(atomic_load(&asked.ahead_calls), 1);
    ck_assert_uint_eq(asked.ahead_count[0], 2);
}
END_TEST

static unsigned statuses_before_the_last_secret;
static unsigned secrets_written;

static void count_in_order(struct api_route *route)
{
    static unsigned statuses;
    if (strcmp(route->method, "PATCH") == 0) {
        statuses++;
    } else if (strcmp(route->method, "POST") == 0) {
        secrets_written++;
        statuses_before_the_last_secret = statuses;
    }
}

static void await_leases(unsigned count)
{
    while (atomic_load(&lease_asked) < count) {
        sched_yield();
    }
}

/* The lease is asked about when something is told and again when it is looked at. Looks follow one
 * another: when what is gone has been looked at, everything before is in the workers' queue. */
static void queue(const char *const *names, size_t count)
{
    unsigned asked_before = atomic_load(&lease_asked);
    for (size_t i = 0; i < count; i++) {
        put_external_secret(names[i]);
        applier_external_secret_changed(applier, SV("n"), sv_of(names[i]));
    }
    await_leases(asked_before + 2 * (unsigned)count);
    ck_assert(applier_remote_changed(applier, SV("n"), SV("gone")));
    await_leases(asked_before + 2 * (unsigned)count + 2);
}

/* The only worker is at work on "a". */
static void hold_worker(void)
{
    script_api(201);
    pthread_mutex_lock(&api.mutex);
    api.asked = count_in_order;
    pthread_mutex_unlock(&api.mutex);
    api_hold("POST", POST_OF("a"), true);
    put_external_secret("a");
    applier_external_secret_changed(applier, SV("n"), SV("a"));
    api_await("POST", POST_OF("a"), 1);
}

START_TEST(of_those_due_at_once_all_secrets_are_written_before_their_statuses)
{
    static const char *const names[] = {"d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8", "d9"};
    pthread_mutex_lock(&api.mutex);
    api_set("POST", "external-secrets.io%2Fd", 201,
            "{'metadata':{'namespace':'n','name':'x','uid':'u','resourceVersion':'2'}}");
    pthread_mutex_unlock(&api.mutex);
    hold_worker();
    queue(names, ARRAY_LEN(names));
    api_hold("POST", POST_OF("a"), false);
    api_await("PATCH", "/status?", 1 + ARRAY_LEN(names));
    ck_assert_uint_eq(secrets_written, 1 + ARRAY_LEN(names));
    ck_assert_uint_eq(statuses_before_the_last_secret, 0);
}
END_TEST

START_TEST(a_status_waits_for_what_is_queued_and_for_nothing_later)
{
    static const char *const earlier[] = {"b"};
    static const char *const later[] = {"c"};
    hold_worker();
    api_hold("POST", POST_OF("b"), true);
    queue(earlier, 1);
    api_hold("POST", POST_OF("a"), false);
    api_await("POST", POST_OF("b"), 1);
    ck_assert_uint_eq(statuses_before_the_last_secret, 0);
    queue(later, 1);
    api_hold("POST", POST_OF("b"), false);
    api_await("POST", POST_OF("c"), 1);
    ck_assert_uint_eq(statuses_before_the_last_secret, 1);
}
END_TEST

START_TEST(a_status_that_waits_is_written_when_the_process_stops)
{
    script_api(201);
    api_hold("POST", POST_OF("a"), true);
    put_external_secret("a");
    applier_external_secret_changed(applier, SV("n"), SV("a"));
    api_await("POST", POST_OF("a"), 1);
    applier_stop(applier);
    api_hold("POST", POST_OF("a"), false);
    workers_free(workers);
    workers = NULL;
    ck_assert_uint_eq(api_count("PATCH", "/status?"), 1);
    /* By then all other calls are cancelled. */
    ck_assert(api_find("PATCH", "/status?")->to_the_end);
    ck_assert(!api_find("POST", POST_OF("a"))->to_the_end);
}
END_TEST

/* Another's store may take all the time there is for that, and is no fault of its own. */
START_TEST(reading_ahead_leaves_time_for_its_own_store)
{
    script_api(201);
    carry_out("a", POST_OF("a"));
    ck_assert_uint_eq(atomic_load(&asked.ahead_calls), 1);
    ck_assert_int_ge(asked.deadline_ms[0] - asked.ahead_deadline_ms[0], 15000);
}
END_TEST

START_TEST(what_a_silent_store_has_is_read_ahead_once)
{
    script_api(201);
    put_store("silent", "1");
    put_external_secret_of("s", "silent");
    applier_external_secret_changed(applier, SV("n"), SV("s"));
    await_requests(1);
    carry_out("a", POST_OF("a"));
    ck_assert_uint_eq(atomic_load(&asked.ahead_calls), 2);
    ck_assert_uint_eq(asked.ahead_count[1], 1);
    /* Nor when its own turn comes, which is in a second. */
    ck_assert(applier_remote_changed(applier, SV("n"), SV("s")));
    carry_out("b", POST_OF("b"));
    ck_assert_uint_eq(atomic_load(&asked.requests), 3);
    ck_assert_uint_eq(atomic_load(&asked.ahead_calls), 3);
    ck_assert_uint_eq(asked.ahead_count[2], 1);
}
END_TEST

/* As old a value would have done for the request of this number, give or take what the clock went
 * on from the one question to the other. */
static void ck_takes(size_t request, int64_t age_ms)
{
    int64_t begun_ms = asked.deadline_ms[request] - BACKGROUND_MS;
    ck_assert_int_le(asked.since_ms[request], begun_ms - age_ms);
    ck_assert_int_gt(asked.since_ms[request], begun_ms - age_ms - LEEWAY_MS);
}

/* A refusal that the cache still knows would otherwise answer every try of its half minute. */
START_TEST(what_failed_is_tried_again_with_almost_no_age)
{
    script_api(201);
    atomic_store(&asked.denied, true);
    put_external_secret("a");
    applier_external_secret_changed(applier, SV("n"), SV("a"));
    await_requests(1);
    atomic_store(&asked.denied, false);
    api_await("POST", POST_OF("a"), 1);
    ck_assert_uint_eq(atomic_load(&asked.requests), 2);
    ck_takes(0, SWEEP_FRESH_MS);
    ck_takes(1, 500);
    ck_assert(applier_remote_changed(applier, SV("n"), SV("a")));
    await_requests(3);
    ck_takes(2, SWEEP_FRESH_MS);
}
END_TEST

START_TEST(what_changed_in_aws_is_looked_at_by_the_leader_only)
{
    script_api(201);
    carry_out("a", POST_OF("a"));
    carry_out("b", POST_OF("b"));
    atomic_store(&lease_is_held, false);
    ck_assert(!applier_remote_changed(applier, SV("n"), SV("a")));
    atomic_store(&lease_is_held, true);
    carry_out("c", POST_OF("c"));
    ck_assert_uint_eq(atomic_load(&asked.requests), 3);
    ck_assert(applier_remote_changed(applier, SV("n"), SV("a")));
    await_requests(4);
}
END_TEST

START_TEST(what_changed_in_aws_while_it_is_carried_out_is_read_again)
{
    script_api(201);
    api_hold("POST", POST_OF("a"), true);
    put_external_secret("a");
    applier_external_secret_changed(applier, SV("n"), SV("a"));
    api_await("POST", POST_OF("a"), 1);
    ck_assert_uint_eq(atomic_load(&asked.requests), 1);
    unsigned before = atomic_load(&lease_asked);
    ck_assert(applier_remote_changed(applier, SV("n"), SV("a")));
    /* It has been looked at: its turn is when the one that holds the old value is done. */
    while (atomic_load(&lease_asked) < before + 2) {
        sched_yield();
    }
    api_hold("POST", POST_OF("a"), false);
    await_requests(2);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/applier");
    TCase *tcase = tcase_create("applier");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_api_server_that_fails_says_nothing_about_the_store);
    tcase_add_test(tcase, looking_at_everything_asks_for_nothing_that_is_not_due);
    tcase_add_test(tcase, nothing_is_looked_at_before_its_stores_are_known);
    tcase_add_test(tcase, a_store_that_may_yet_be_told_of_is_not_missing);
    tcase_add_test(tcase, a_namespace_that_is_not_admitted_gets_nothing_until_its_labels_change);
    tcase_add_test(tcase, what_the_labels_of_a_namespace_are_is_waited_for);
    tcase_add_test(tcase, a_namespace_that_was_admitted_gets_nothing_more);
    tcase_add_test(tcase, what_is_listed_has_its_turn_with_all_the_others);
    tcase_add_test(tcase, a_store_that_is_listed_again_is_asked_when_it_has_changed);
    tcase_add_test(tcase, what_changed_while_another_led_is_carried_out);
    tcase_add_test(tcase, what_was_read_ahead_with_another_has_its_turn);
    tcase_add_test(tcase, of_those_due_at_once_all_secrets_are_written_before_their_statuses);
    tcase_add_test(tcase, a_status_waits_for_what_is_queued_and_for_nothing_later);
    tcase_add_test(tcase, a_status_that_waits_is_written_when_the_process_stops);
    tcase_add_test(tcase, reading_ahead_leaves_time_for_its_own_store);
    tcase_add_test(tcase, what_a_silent_store_has_is_read_ahead_once);
    tcase_add_test(tcase, what_failed_is_tried_again_with_almost_no_age);
    tcase_add_test(tcase, what_changed_in_aws_is_looked_at_by_the_leader_only);
    suite_add_tcase(suite, tcase);
    TCase *two = tcase_create("two workers");
    tcase_add_checked_fixture(two, setup_two, teardown);
    tcase_add_test(two, what_changed_in_aws_while_it_is_carried_out_is_read_again);
    suite_add_tcase(suite, two);
    return suite;
}
