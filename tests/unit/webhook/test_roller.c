/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include <fcntl.h>

#include "neighbours.h"
#include "webhook/roller.h"

static const char DEPLOYMENT[] = "/deployments/w";
static const char PODS[] = "/pods?";

/* The system's clock and what tests add to it. */
static atomic_int_least64_t skew_ms;
static struct fingerprint_keys keys;
static struct kube_config *config;
static struct metrics *metrics;
static struct world *world;
static struct policy policy;
static struct roller *roller;
static struct log quiet;
static char old_hash[FINGERPRINT_BYTES];
static char marker[FINGERPRINT_BYTES];

/* Of the template: the keys k of these Secrets, in its environment. */
static const char *template_refs;

#define ENV(secret)                                                                                \
    "{'name':'" secret "','valueFrom':{'secretKeyRef':{'name':'" secret "','key':'k'}}}"
#define POD_SPEC "'spec':{'nodeName':'n1','containers':[{'name':'c','env':[%s]}]}"

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

static void set_deployment(void)
{
    api_set("GET", DEPLOYMENT, 200,
            "{'metadata':{'namespace':'n','name':'w','uid':'u-w','resourceVersion':'5'},"
            "'spec':{'selector':{'matchLabels':{'app':'x'}},'template':{'metadata':{'annotations':"
            "{'keyturn.io/rollout-hash':'%s'}},'spec':{'containers':[{'name':'c','env':[%s]}]}}}}",
            marker, template_refs);
}

static void set_secret(const char *part, const char *name)
{
    api_set("GET", part, 200,
            "{'metadata':{'namespace':'n','name':'%s','uid':'u-%s','resourceVersion':'7'},"
            "'data':{'k':'bmV3'}}",
            name, name);
}

/* As in a list of metadata: Pods of two revisions, both started with what was there before. */
#define LISTED(name, revision, created)                                                            \
    "{'metadata':{'namespace':'n','name':'" name "','uid':'u-" name "','resourceVersion':'6',"     \
    "'creationTimestamp':'" created "','labels':{'pod-template-hash':'" revision "'},"             \
    "'annotations':{'keyturn.io/secrets-hash':'%s'},'ownerReferences':[{'apiVersion':'apps/v1',"   \
    "'kind':'ReplicaSet','name':'w-" revision "','uid':'u-rs-" revision "','controller':true}]}}"

static void set_pod(const char *part, const char *name, const char *refs)
{
    api_set("GET", part, 200,
            "{'metadata':{'namespace':'n','name':'%s','uid':'u-%s','resourceVersion':'6'}," POD_SPEC
            "}",
            name, name, refs);
}

/* A roll: what it asks for stands in the template from now on. */
static void take_roll(struct api_route *route)
{
    if (strcmp(route->method, "PATCH") == 0 && route->part == DEPLOYMENT) {
        const char *at = strstr(route->asked, "v1-");
        ck_assert_ptr_nonnull(at);
        (void)snprintf(marker, sizeof marker, "%.42s", at);
        set_deployment();
    }
}

static void setup(void)
{
    const unsigned char installation_key[INSTALLATION_KEY_BYTES] = {3};
    fingerprint_keys_derive(installation_key, &keys);
    (void)snprintf(old_hash, sizeof old_hash, "v1-%s-%032d", keys.id, 0);
    memcpy(marker, old_hash, sizeof marker);
    template_refs = ENV("s") "," ENV("t");
    api_begin();
    api.asked = take_roll;
    set_deployment();
    api_set("GET", "/deployments/none", 404, "{}");
    api_set("PATCH", DEPLOYMENT, 200, "{}");
    api_set("GET", PODS, 200,
            "{'metadata':{'resourceVersion':'9'},'items':[" LISTED(
                "a", "1", "2026-01-01T00:00:00Z") "," LISTED("b", "2", "2026-01-02T00:00:00Z") "]}",
            old_hash, old_hash);
    set_pod("/pods/a", "a", ENV("s"));
    set_pod("/pods/b", "b", ENV("s") "," ENV("t"));
    set_secret("/secrets/s", "s");
    set_secret("/secrets/t", "t");
    quiet = (struct log){
        .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .level = LOG_ERROR, .clock = &skewed_clock};
    config = api_config();
    metrics = metrics_new();
    world = world_new();
    policy = policy_builtin();
    world_set_keys(world, &keys);
    roller = roller_new(&(struct roller_options){.config = config,
                                                 .clock = &skewed_clock,
                                                 .log = &quiet,
                                                 .world = world,
                                                 .policy = &policy,
                                                 .metrics = metrics});
    roller_start(roller);
}

static void teardown(void)
{
    roller_free(roller);
    world_free(world);
    metrics_free(metrics);
    kube_config_free(config);
    close(quiet.fd);
    api_end();
}

/* Looks at the workload and waits until it is being read. */
static void look_at(const char *name, const char *part)
{
    struct secret_ref ref = {.secret = SV("s")};
    struct workload workload = {.kind = KIND_DEPLOYMENT,
                                .namespace = SV("n"),
                                .name = sv_of(name),
                                .refs = {.items = &ref, .count = 1}};
    unsigned before = api_count("GET", part);
    roller_workload_changed(roller, &workload);
    api_await("GET", part, before + 1);
}

static void look(void)
{
    look_at("w", DEPLOYMENT);
}

/* One look behind another: what came before has ended. */
static void settle(void)
{
    look_at("none", "/deployments/none");
}

/* Ends the roller: the last look has ended, too. */
static unsigned rolls(void)
{
    roller_free(roller);
    roller = NULL;
    return api_count("PATCH", DEPLOYMENT);
}

START_TEST(two_revisions_that_live_side_by_side_are_rolled_once)
{
    for (int i = 0; i < 4; i++) {
        look();
    }
    ck_assert_uint_eq(rolls(), 1);
    /* The Pod created last uses both Secrets, as the template does. */
    ck_assert_str_ne(marker, old_hash);
}
END_TEST

START_TEST(nothing_rolls_while_the_template_asks_for_a_secret_that_is_not_there)
{
    pthread_mutex_lock(&api.mutex);
    template_refs = ENV("s") "," ENV("t") "," ENV("gone");
    set_deployment();
    api_set("GET", "/secrets/gone", 404, "{}");
    pthread_mutex_unlock(&api.mutex);
    look();
    look();
    ck_assert_uint_eq(rolls(), 0);
}
END_TEST

START_TEST(nothing_rolls_while_a_secret_of_the_template_cannot_be_read)
{
    pthread_mutex_lock(&api.mutex);
    template_refs = ENV("s") "," ENV("t") "," ENV("locked");
    set_deployment();
    api_set("GET", "/secrets/locked", 403, "{}");
    pthread_mutex_unlock(&api.mutex);
    look();
    look();
    ck_assert_uint_eq(rolls(), 0);
}
END_TEST

START_TEST(stale_pods_are_told_by_whoever_leads)
{
    pthread_mutex_lock(&api.mutex);
    api.asked = NULL;
    api_set("PATCH", DEPLOYMENT, 403, "{}");
    pthread_mutex_unlock(&api.mutex);
    look();
    settle();
    ck_assert_uint_eq(roller_stale_pods(roller), 2);
    atomic_store(&lease_is_held, false);
    ck_assert_uint_eq(roller_stale_pods(roller), 0);
    atomic_store(&lease_is_held, true);
    ck_assert_uint_eq(roller_stale_pods(roller), 0);
}
END_TEST

START_TEST(stale_pods_of_a_workload_that_was_deleted_are_forgotten)
{
    pthread_mutex_lock(&api.mutex);
    template_refs = ENV("s") "," ENV("t") "," ENV("gone");
    set_deployment();
    api_set("GET", "/secrets/gone", 404, "{}");
    pthread_mutex_unlock(&api.mutex);
    look();
    settle();
    ck_assert_uint_eq(roller_stale_pods(roller), 2);
    /* The full compare; no watch has told of this workload. */
    atomic_fetch_add(&skew_ms, 11 * 60 * 1000);
    settle();
    ck_assert_uint_eq(roller_stale_pods(roller), 0);
}
END_TEST

START_TEST(nothing_rolls_in_an_excluded_namespace)
{
    struct secret_ref ref = {.secret = SV("s")};
    struct workload workload = {.kind = KIND_DEPLOYMENT,
                                .namespace = SV("kube-system"),
                                .name = SV("w"),
                                .refs = {.items = &ref, .count = 1}};
    roller_workload_changed(roller, &workload);
    settle();
    ck_assert_uint_eq(api_count("GET", DEPLOYMENT), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/roller");
    TCase *tcase = tcase_create("roller");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, two_revisions_that_live_side_by_side_are_rolled_once);
    tcase_add_test(tcase, nothing_rolls_while_the_template_asks_for_a_secret_that_is_not_there);
    tcase_add_test(tcase, nothing_rolls_while_a_secret_of_the_template_cannot_be_read);
    tcase_add_test(tcase, stale_pods_are_told_by_whoever_leads);
    tcase_add_test(tcase, stale_pods_of_a_workload_that_was_deleted_are_forgotten);
    tcase_add_test(tcase, nothing_rolls_in_an_excluded_namespace);
    suite_add_tcase(suite, tcase);
    return suite;
}
