/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/materialise.h"

#include "check_main.h"
#include "neighbours.h"
#include "quoted_json.h"
#include "webhook/sources.h"

static const char LIVE[] = "/namespaces/n/secrets/t";
static const char CREATE[] = "/namespaces/n/secrets?";

static struct kube_config *config;
static struct clients_options options;
static struct clients *clients;
static struct world *world;
static struct store_health health;
static struct reconcile_report report;
static struct err err;

/* What the stand-in for webhook/sources.c was asked for, and how it fails. */
static struct {
    enum err_kind failure;
    enum remote_contact contact;
    unsigned reads;
    unsigned finds;
    bool metadata;
    struct remote_request request; /* of the last; its store is gone */
    char path[32];
    bool has_name;
    size_t tag_count;
} asked;

static bool answer(const struct remote_request *request, struct err *ret)
{
    asked.request = *request;
    *request->contact = asked.contact;
    return asked.failure == ERR_NONE || err_set(ret, asked.failure, "as told");
}

static bool read_all(void *context, const struct remote_request *request, struct remote_read *reads,
                     size_t count, struct err *ret)
{
    ck_assert_ptr_eq(context, clients);
    asked.reads++;
    for (size_t i = 0; i < count; i++) {
        asked.metadata |= reads[i].metadata;
        secret_buf_init(&reads[i].value, 64);
        secret_buf_add(&reads[i].value, SV("{\"k\":\"v\"}"));
    }
    return answer(request, ret);
}

static bool find_all(void *context, const struct remote_request *request,
                     const struct remote_find *find, struct data_map *ret, struct err *ret_err)
{
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    ck_assert_ptr_eq(context, clients);
    asked.finds++;
    (void)snprintf(asked.path, sizeof asked.path, "%.*s", SV_ARG(find->path));
    asked.has_name = find->name != NULL;
    asked.tag_count = find->tag_count;
    secret_buf_init(&value, 16);
    secret_buf_add(&value, SV("v"));
    data_map_put(ret, SV("found"), &value);
    return answer(request, ret_err);
}

struct secret_source sources_for(struct clients *of)
{
    return (struct secret_source){.read = read_all, .find = find_all, .context = of};
}

static void setup(void)
{
    api_begin();
    memset(&asked, 0, sizeof asked);
    err = (struct err){0};
    config = api_config();
    options = (struct clients_options){.config = config, .clock = clock_system()};
    clients = clients_start(&options);
    world = world_new();
    world_set_synced(world, WORLD_STORES, true);
    world_set_synced(world, WORLD_CLUSTER_STORES, true);
    world_set_synced(world, WORLD_NAMESPACES, true);
    store_health_init(&health);
    api_set("GET", LIVE, 404, "{}");
    api_set("POST", CREATE, 201,
            "{'metadata':{'namespace':'n','name':'t','uid':'u','resourceVersion':'2'}}");
}

static void teardown(void)
{
    reconcile_report_done(&report);
    store_health_done(&health);
    world_free(world);
    clients_stop(clients);
    kube_config_free(config);
    api_end();
}

/* `members` of spec begin with a comma or are empty. */
static void put_store(bool cluster, const char *members)
{
    struct json_text json = quoted_json(
        "{'metadata':{%s'name':'store','uid':'u','resourceVersion':'1'},'spec':{'provider':{'aws':"
        "{'service':'SecretsManager','region':'eu-north-1'}}%s}}",
        cluster ? "" : "'namespace':'n',", members);
    struct store *store = NULL;
    ck_assert_msg(store_decode(json.root, cluster, &store, &err), "%s", err.message);
    world_put_store(world, store);
    json_text_done(&json);
}

static void put_namespace(const char *labels)
{
    struct json_text json = quoted_json("{'metadata':{'name':'n','labels':{%s}}}", labels);
    struct namespace *namespace = NULL;
    ck_assert_msg(namespace_decode(json.root, &namespace, &err), "%s", err.message);
    (void)world_put_namespace(world, namespace);
    json_text_done(&json);
}

/* Beside the operator, and only while this replica leads; otherwise alone, and anyhow. */
static bool beside_and_led;

/* `members` of spec. */
static enum reconcile_outcome materialise_as(bool cluster, bool waiting, const char *members)
{
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'n','name':'a','uid':'u-a','resourceVersion':'1','generation':1},"
        "'spec':{'secretStoreRef':{'name':'store','kind':'%s'},'target':{'name':'t'%s}}",
        cluster ? "ClusterSecretStore" : "SecretStore", members);
    struct external_secret *external_secret = NULL;
    ck_assert_msg(external_secret_decode(json.root, &external_secret, &err), "%s", err.message);
    json_text_done(&json);
    const struct materialise_input input = {
        .external_secret = external_secret,
        .world = world,
        .clients = clients,
        .stores = &health,
        .yields = beside_and_led,
        .leader = beside_and_led ? &lease_holder : NULL,
        .waiting = waiting,
        .since_ms = 1234,
        .deadline_ms = clock_monotonic_ms(clock_system()) + API_PATIENCE_MS,
    };
    reconcile_report_done(&report);
    err = (struct err){0};
    enum reconcile_outcome outcome = materialise(&input, &report, &err);
    external_secret_release(external_secret);
    return outcome;
}

static enum reconcile_outcome carry_out(const char *members)
{
    return materialise_as(false, false, members);
}

#define DATA "},'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]"
#define TAGS "},'data':[{'secretKey':'k','remoteRef':{'key':'r','metadataPolicy':'Fetch'}}]"
#define FIND "},'dataFrom':[{'find':{'path':'p','name':{'regexp':'x'},'tags':{'a':'b'}}}]"

START_TEST(a_secret_is_made_of_what_the_source_has)
{
    put_store(false, "");
    ck_assert_int_eq(materialise_as(false, true, DATA), RECONCILE_CREATED);
    ck_assert(report.wrote);
    ck_assert_ptr_nonnull(report.secret);
    ck_assert_uint_eq(asked.reads, 1);
    ck_assert(asked.request.waiting);
    ck_assert_int_eq(asked.request.since_ms, 1234);
    ck_assert_ptr_nonnull(strstr(api_find("POST", CREATE)->asked, "\"k\":\"eyJrIjoidiJ9\""));
}
END_TEST

static void lose_the_lease_at_the_look(struct api_route *route)
{
    if (strcmp(route->part, "/externalsecrets/a") == 0) {
        atomic_store(&lease_is_held, false);
    }
}

/* After the look at the ExternalSecret, which may take as long as the run. */
START_TEST(that_it_leads_is_asked_right_before_the_write)
{
    put_store(false, "");
    beside_and_led = true;
    api_set("GET", "/externalsecrets/a", 200,
            "{'metadata':{'namespace':'n','name':'a','uid':'u-a','generation':1}}");
    api_set("GET", "/secrets/t", 404, "{}");
    ck_assert_msg(carry_out(DATA) == RECONCILE_CREATED, "%s", err.message);
    api.asked = lose_the_lease_at_the_look;
    ck_assert_int_eq(carry_out(DATA), RECONCILE_FAILED);
    ck_assert_int_eq(err.kind, ERR_BUSY);
    ck_assert_uint_eq(api_count("POST", CREATE), 1);
}
END_TEST

START_TEST(a_find_reaches_the_source_whole)
{
    put_store(false, "");
    ck_assert_msg(carry_out(FIND) == RECONCILE_CREATED, "%s", err.message);
    ck_assert_uint_eq(asked.finds, 1);
    ck_assert_uint_eq(asked.reads, 0);
    ck_assert_str_eq(asked.path, "p");
    ck_assert(asked.has_name);
    ck_assert_uint_eq(asked.tag_count, 1);
    ck_assert_ptr_nonnull(strstr(api_find("POST", CREATE)->asked, "\"found\":\"dg==\""));
}
END_TEST

START_TEST(a_template_of_a_config_map_is_read_from_the_api_server)
{
    put_store(false, "");
    api_set("GET", "/namespaces/n/configmaps/c", 200, "{'data':{'x':'made {{ .k }}'}}");
    ck_assert_msg(carry_out(",'template':{'templateFrom':[{'configMap':{'name':'c','items':[{'key':"
                            "'x'}]}}]}" DATA) == RECONCILE_CREATED,
                  "%s", err.message);
    ck_assert_uint_eq(api_count("GET", "/namespaces/n/configmaps/c"), 1);
    ck_assert_ptr_nonnull(
        strstr(api_find("POST", CREATE)->asked, "\"x\":\"bWFkZSB7ImsiOiJ2In0=\""));
}
END_TEST

/* ---- which store it is, and whether it may be used ---- */

static const char CONDITIONS[] =
    ",'conditions':[{'namespaceSelector':{'matchLabels':{'admitted':'yes'}}}]";

static const char *const ways[] = {DATA, TAGS, FIND};

START_TEST(a_store_that_does_not_admit_the_namespace_is_not_asked)
{
    put_store(true, CONDITIONS);
    put_namespace("'admitted':'no'");
    ck_assert_int_eq(materialise_as(true, false, ways[_i]), RECONCILE_FAILED);
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert_int_eq(report.end, STATUS_NO_DATA);
    ck_assert_uint_eq(asked.reads + asked.finds, 0);
    ck_assert_uint_eq(api_count("POST", CREATE), 0);
    put_namespace("'admitted':'yes'");
    ck_assert_msg(materialise_as(true, false, ways[_i]) == RECONCILE_CREATED, "%s", err.message);
    ck_assert_uint_eq(asked.reads + asked.finds, 1);
}
END_TEST

START_TEST(a_store_that_is_missing_is_named)
{
    ck_assert_int_eq(carry_out(ways[_i]), RECONCILE_FAILED);
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert_ptr_nonnull(strstr(err.message, "store"));
    ck_assert_uint_eq(asked.reads + asked.finds, 0);
}
END_TEST

START_TEST(a_namespaced_store_is_no_cluster_store)
{
    put_store(false, "");
    ck_assert_int_eq(materialise_as(true, false, ways[_i]), RECONCILE_FAILED);
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert_uint_eq(asked.reads + asked.finds, 0);
}
END_TEST

START_TEST(a_store_of_another_controller_is_left_alone)
{
    put_store(false, ",'controller':'other'");
    ck_assert_int_eq(carry_out(ways[_i]), RECONCILE_UNSUPPORTED);
    ck_assert_int_eq(report.end, STATUS_REFUSED);
    ck_assert_uint_eq(asked.reads + asked.finds, 0);
}
END_TEST

/* ---- silence ---- */

START_TEST(a_store_that_has_timed_out_is_asked_by_nobody)
{
    put_store(false, "");
    asked.failure = ERR_TIMEOUT;
    ck_assert_int_eq(carry_out(ways[_i]), RECONCILE_FAILED);
    ck_assert_int_eq(err.kind, ERR_TIMEOUT);
    ck_assert_uint_eq(asked.reads + asked.finds, 1);
    asked.failure = ERR_NONE;
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        ck_assert_int_eq(carry_out(ways[i]), RECONCILE_FAILED);
        ck_assert_int_eq(err.kind, ERR_BUSY);
        ck_assert_int_eq(report.end, STATUS_NO_DATA);
    }
    ck_assert_uint_eq(asked.reads + asked.finds, 1);
}
END_TEST

/* It has timed out, so long ago that its probe is due. */
static void fall_silent(void)
{
    const struct store_outcome silence = {.contact = REMOTE_ASKED, .in_vain = true};
    const struct store store = {.namespace = SV("n"), .name = SV("store")};
    int64_t probe_ms = clock_monotonic_ms(clock_system());
    store_health_note(&health, &store, probe_ms - STORE_PROBE_MS, &silence);
}

static bool is_silent(void)
{
    const struct store store = {.namespace = SV("n"), .name = SV("store")};
    return store_health_is_silent(&health, &store);
}

START_TEST(a_store_that_answers_its_probe_is_asked_by_everybody)
{
    put_store(false, "");
    fall_silent();
    asked.contact = REMOTE_ANSWERED;
    asked.failure = ERR_DENIED;
    ck_assert_int_eq(carry_out(ways[_i]), RECONCILE_FAILED);
    ck_assert(!is_silent());
}
END_TEST

START_TEST(values_that_only_stand_in_are_no_answer_to_the_probe)
{
    put_store(false, "");
    fall_silent();
    asked.contact = REMOTE_ASKED;
    ck_assert_int_eq(carry_out(ways[_i]), RECONCILE_CREATED);
    ck_assert(is_silent());
    ck_assert_int_eq(carry_out(ways[_i]), RECONCILE_FAILED);
    ck_assert_int_eq(err.kind, ERR_BUSY);
    ck_assert_uint_eq(asked.reads + asked.finds, 1);
}
END_TEST

START_TEST(a_failure_at_once_is_no_answer_to_the_probe)
{
    put_store(false, "");
    fall_silent();
    asked.contact = REMOTE_ASKED;
    asked.failure = ERR_BUSY;
    ck_assert_int_eq(carry_out(ways[_i]), RECONCILE_FAILED);
    ck_assert(is_silent());
}
END_TEST

/* Otherwise those who need nothing of it would keep it from those who do. */
START_TEST(who_has_not_asked_leaves_the_probe_to_the_next)
{
    put_store(false, "");
    fall_silent();
    asked.contact = REMOTE_NOT_ASKED;
    ck_assert_int_eq(carry_out(ways[_i]), RECONCILE_CREATED);
    asked.failure = ERR_DENIED;
    ck_assert_int_eq(carry_out(ways[_i]), RECONCILE_FAILED);
    ck_assert(is_silent());
    asked.failure = ERR_TIMEOUT;
    ck_assert_int_eq(carry_out(ways[_i]), RECONCILE_FAILED);
    ck_assert_uint_eq(asked.reads + asked.finds, 3);
    ck_assert_int_eq(carry_out(ways[_i]), RECONCILE_FAILED);
    ck_assert_int_eq(err.kind, ERR_BUSY);
    ck_assert_uint_eq(asked.reads + asked.finds, 3);
}
END_TEST

START_TEST(another_failure_is_no_silence)
{
    put_store(false, "");
    asked.failure = ERR_DENIED;
    ck_assert_int_eq(carry_out(ways[_i]), RECONCILE_FAILED);
    ck_assert_int_eq(err.kind, ERR_DENIED);
    asked.failure = ERR_NONE;
    ck_assert_msg(carry_out(ways[_i]) == RECONCILE_CREATED, "%s", err.message);
    ck_assert_uint_eq(asked.reads + asked.finds, 2);
}
END_TEST

START_TEST(tags_are_asked_of_the_same_source)
{
    put_store(false, "");
    ck_assert_msg(carry_out(TAGS) == RECONCILE_CREATED, "%s", err.message);
    ck_assert(asked.metadata);
}
END_TEST

START_TEST(nobody_waits_for_a_find)
{
    put_store(false, "");
    ck_assert_int_eq(materialise_as(false, true, FIND), RECONCILE_DEFERRED);
    ck_assert_int_eq(err.kind, ERR_BUSY);
    ck_assert_uint_eq(asked.finds, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/materialise");
    TCase *tcase = tcase_create("materialise");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_secret_is_made_of_what_the_source_has);
    tcase_add_test(tcase, that_it_leads_is_asked_right_before_the_write);
    tcase_add_test(tcase, a_find_reaches_the_source_whole);
    tcase_add_test(tcase, a_template_of_a_config_map_is_read_from_the_api_server);
    tcase_add_loop_test(tcase, a_store_that_does_not_admit_the_namespace_is_not_asked, 0,
                        ARRAY_LEN(ways));
    tcase_add_loop_test(tcase, a_store_that_is_missing_is_named, 0, ARRAY_LEN(ways));
    tcase_add_loop_test(tcase, a_namespaced_store_is_no_cluster_store, 0, ARRAY_LEN(ways));
    tcase_add_loop_test(tcase, a_store_of_another_controller_is_left_alone, 0, ARRAY_LEN(ways));
    tcase_add_loop_test(tcase, a_store_that_has_timed_out_is_asked_by_nobody, 0, ARRAY_LEN(ways));
    tcase_add_loop_test(tcase, a_store_that_answers_its_probe_is_asked_by_everybody, 0,
                        ARRAY_LEN(ways));
    tcase_add_loop_test(tcase, values_that_only_stand_in_are_no_answer_to_the_probe, 0,
                        ARRAY_LEN(ways));
    tcase_add_loop_test(tcase, a_failure_at_once_is_no_answer_to_the_probe, 0, ARRAY_LEN(ways));
    tcase_add_loop_test(tcase, who_has_not_asked_leaves_the_probe_to_the_next, 0, ARRAY_LEN(ways));
    tcase_add_loop_test(tcase, another_failure_is_no_silence, 0, ARRAY_LEN(ways));
    tcase_add_test(tcase, tags_are_asked_of_the_same_source);
    tcase_add_test(tcase, nobody_waits_for_a_find);
    suite_add_tcase(suite, tcase);
    return suite;
}
