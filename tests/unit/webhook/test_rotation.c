/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/rotation.h"

#include "aws_scene.h"
#include "aws_values.h"
#include "check_main.h"

#define QUEUE "https://sqs.eu-north-1.amazonaws.com/111122223333/rotations"

/* Keyturn's own keys, and a region for whom the queue's URL names none. */
static const struct variable with_region[] = {{"AWS_ACCESS_KEY_ID", OWN_KEY},
                                              {"AWS_SECRET_ACCESS_KEY", "hunter2"},
                                              {"AWS_REGION", "eu-west-1"},
                                              {NULL, NULL}};

static struct rotation *rotation;
static atomic_uint told; /* applier_remote_changed() */
static struct buf told_names;
static atomic_bool world_is_known;
static atomic_uint lapses; /* so often the Lease is lost for the moment in which it is told */

/* What stands in for webhook/applier.c. */
bool applier_is_ready(const struct applier *applier)
{
    (void)applier;
    return leader_leads(NULL) && atomic_load(&world_is_known);
}

bool applier_remote_changed(struct applier *applier, struct str_view namespace,
                            struct str_view name)
{
    (void)applier;
    if (!atomic_load(&lease_is_held)) {
        return false;
    }
    if (atomic_load(&lapses) > 0) {
        atomic_fetch_sub(&lapses, 1);
        return false;
    }
    pthread_mutex_lock(&api.mutex);
    buf_printf(&told_names, "%.*s/%.*s ", SV_ARG(namespace), SV_ARG(name));
    pthread_mutex_unlock(&api.mutex);
    atomic_fetch_add(&told, 1);
    return true;
}

static void setup(void)
{
    aws_scene_begin();
    rotation = NULL;
    atomic_store(&told, 0);
    atomic_store(&lease_is_held, true);
    atomic_store(&lease_asked, 0);
    atomic_store(&world_is_known, true);
    atomic_store(&lapses, 0);
    buf_init(&told_names, 4096);
    buf_add_str(&told_names, "");
}

static void teardown(void)
{
    rotation_free(rotation);
    buf_done(&told_names);
    aws_scene_end();
}

static void answer(const char *part, unsigned status, const char *body)
{
    pthread_mutex_lock(&api.mutex);
    api_set("POST", part, status, "%s", body);
    pthread_mutex_unlock(&api.mutex);
}

/* What comes at the second request of ReceiveMessage and later. */
static void nothing_more(struct api_route *route)
{
    if (strcmp(route->part, "ReceiveMessage") == 0 && route->count == 2) {
        api_set("POST", "ReceiveMessage", 200, "{}");
    }
}

#define ONE_MESSAGE(handle, event)                                                                 \
    "{'Messages':[{'MessageId':'1','ReceiptHandle':'" handle "','Body':'" event "'}]}"

/* The events are JSON within JSON. */
static void put_message(const char *event)
{
    char body[4096];
    (void)snprintf(body, sizeof body, ONE_MESSAGE("h1", "%s"), event);
    answer("ReceiveMessage", 200, body);
    answer("DeleteMessageBatch", 200, "{'Successful':[{'Id':'0'}],'Failed':[]}");
    if (!api.asked) {
        api.asked = nothing_more;
    }
}

#define Q "\\\""
#define MEMBER(name, value) Q name Q ":" Q value Q
#define LABEL_EVENT(arn, name, version)                                                            \
    "{" MEMBER("source", "aws.secretsmanager") "," MEMBER(                                         \
        "detail-type", "Secret Label Updated") "," Q "resources" Q ":[" Q arn                      \
        Q "]," Q "detail" Q ":{" MEMBER("name", name) "," MEMBER(                                  \
            "labelUpdated", "AWSCURRENT") "," MEMBER("versionId", version) "}}"
#define PARAMETER_EVENT(name)                                                                      \
    "{" MEMBER("source", "aws.ssm") "," MEMBER(                                                    \
        "detail-type",                                                                             \
        "Parameter Store Change") "," Q "detail" Q                                                 \
                                  ":{" MEMBER("name", name) "," MEMBER("operation", "Update") "}}"

static void start(const char *queue)
{
    rotation = rotation_new(&(struct rotation_options){.clock = clock_system(),
                                                       .log = &scene.quiet,
                                                       .metrics = scene.metrics,
                                                       .world = scene.world,
                                                       .clients = &scene.options,
                                                       .queue_url = queue});
    rotation_start(rotation);
}

static bool counted(const char *outcome, unsigned count)
{
    CLEANUP(buf_done) struct buf text = {0};
    char line[128];
    buf_init(&text, 1024 * 1024);
    metrics_write(scene.metrics, &text);
    (void)snprintf(line, sizeof line, "keyturn_rotation_messages_total{outcome=\"%s\"} %u\n",
                   outcome, count);
    return sv_contains(buf_view(&text), sv_of(line));
}

static void await_counted(const char *outcome, unsigned count)
{
    int64_t deadline = aws_scene_deadline();
    while (!counted(outcome, count)) {
        ck_assert_msg(clock_monotonic_ms(clock_system()) < deadline, "never %u %s", count, outcome);
        sched_yield();
    }
}

static void put(const char *namespace, const char *name, const char *store, const char *data)
{
    external_secret_release(aws_scene_external_secret(namespace, name, store, data));
}

#define DATA(key) "{'secretKey':'k','remoteRef':{'key':'" key "'}}"

static void put_store(bool cluster, const char *name, const char *service, const char *members)
{
    world_put_store(scene.world, aws_scene_store(cluster, name, service, members));
}

/* Whether the last deletion was for this message too. */
static bool deleted(const char *handle)
{
    pthread_mutex_lock(&api.mutex);
    bool is = strstr(api_find("POST", "DeleteMessageBatch")->asked, handle) != NULL;
    pthread_mutex_unlock(&api.mutex);
    return is;
}

START_TEST(a_change_is_read_and_refreshed)
{
    put_store(false, "store", "SecretsManager", "");
    put("n", "a", "store", DATA("db"));
    put("n", "b", "store", DATA("other"));
    answer("GetSecretValue", 200, SECRET_ANSWER("db", "v2", "'SecretString':'x'"));
    put_message(LABEL_EVENT(SECRET_ARN "db-AbCdEf", "db", "v2"));
    start(QUEUE);
    await_counted("refreshed", 1);
    ck_assert(counted("taken", 1));
    ck_assert_str_eq(told_names.data, "n/a ");
    ck_assert_uint_eq(api_count("POST", "GetSecretValue"), 1);
    api_await("POST", "DeleteMessageBatch", 1);
    ck_assert(deleted("\"ReceiptHandle\":\"h1\""));
    pthread_mutex_lock(&api.mutex);
    ck_assert_ptr_nonnull(strstr(api_find("POST", "ReceiveMessage")->asked, QUEUE));
    ck_assert_str_eq(api_find("POST", "ReceiveMessage")->url,
                     "https://sqs.eu-north-1.amazonaws.com/");
    pthread_mutex_unlock(&api.mutex);
}
END_TEST

/* ---- who is meant ---- */

#define ARN SECRET_ARN "db-AbCdEf"

/* Elements of spec.dataFrom in place of those of spec.data. */
#define FROM(entry) "],'dataFrom':[" entry
#define EXTRACT(key) FROM("{'extract':{'key':'" key "'}}")
#define FIND(find) FROM("{'find':{" find "}}")

static const struct {
    const char *service;
    const char *members;
    const char *data;
    const char *event;
    bool meant;
} names[] = {
    {"SecretsManager", "", DATA("db"), LABEL_EVENT(ARN, "db", "v2"), true},
    {"SecretsManager", "", DATA(ARN), LABEL_EVENT(ARN, "db", "v2"), true},
    {"SecretsManager", "", DATA(SECRET_ARN "db"), LABEL_EVENT(ARN, "db", "v2"), true},
    {"SecretsManager", ",'prefix':'d'", DATA("b"), LABEL_EVENT(ARN, "db", "v2"), true},
    {"SecretsManager", "", "{'secretKey':'k','remoteRef':{'key':'db','property':'p'}}",
     LABEL_EVENT(ARN, "db", "v2"), true},
    {"ParameterStore", "", DATA("/prod/db"), PARAMETER_EVENT("/prod/db"), true},
    {"SecretsManager", "", EXTRACT("db"), LABEL_EVENT(ARN, "db", "v2"), true},
    {"SecretsManager", ",'prefix':'d'", EXTRACT("b"), LABEL_EVENT(ARN, "db", "v2"), true},
    {"ParameterStore", "", EXTRACT("/prod/db"), PARAMETER_EVENT("/prod/db"), true},
    /* By a pattern: the store's prefix does not count. */
    {"SecretsManager", ",'prefix':'x'", FIND("'name':{'regexp':'^d.$'}"),
     LABEL_EVENT(ARN, "db", "v2"), true},
    {"SecretsManager", "", FIND("'name':{'regexp':'^d.$'}"), LABEL_EVENT(ARN, "", "v2"), true},
    {"SecretsManager", "", FIND("'path':'d','name':{'regexp':'b'}"), LABEL_EVENT(ARN, "db", "v2"),
     true},
    {"SecretsManager", "", FIND("'tags':{'env':'prod'}"), LABEL_EVENT(ARN, "db", "v2"), true},
    {"SecretsManager", "", EXTRACT("other") ",{'find':{'name':{'regexp':'db'}}}",
     LABEL_EVENT(ARN, "db", "v2"), true},
    {"ParameterStore", "", FIND("'path':'/prod','name':{'regexp':'db'}"),
     PARAMETER_EVENT("/prod/db"), true},
    /* Others. */
    {"SecretsManager", "", EXTRACT("dbx"), LABEL_EVENT(ARN, "db", "v2"), false},
    {"SecretsManager", "", FIND("'name':{'regexp':'^b'}"), LABEL_EVENT(ARN, "db", "v2"), false},
    {"SecretsManager", "", FIND("'name':{'regexp':'AbC'}"), LABEL_EVENT(ARN, "", "v2"), false},
    {"SecretsManager", "", FIND("'path':'b','name':{'regexp':'b'}"), LABEL_EVENT(ARN, "db", "v2"),
     false},
    {"SecretsManager", "", FIND("'path':'b','tags':{'env':'prod'}"), LABEL_EVENT(ARN, "db", "v2"),
     false},
    {"SecretsManager", "", FIND("'name':{'regexp':'db'}"), PARAMETER_EVENT("/prod/db"), false},
    {"ParameterStore", "", FIND("'name':{'regexp':'db'}"), LABEL_EVENT(ARN, "db", "v2"), false},
    {"SecretsManager", "", DATA("d"), LABEL_EVENT(ARN, "db", "v2"), false},
    {"SecretsManager", "", DATA("dbx"), LABEL_EVENT(ARN, "db", "v2"), false},
    {"SecretsManager", "", DATA("DB"), LABEL_EVENT(ARN, "db", "v2"), false},
    {"SecretsManager", "", DATA(SECRET_ARN "d"), LABEL_EVENT(ARN, "db", "v2"), false},
    {"SecretsManager", "", DATA(SECRET_ARN "db-GhIjKl"), LABEL_EVENT(ARN, "db", "v2"), false},
    {"SecretsManager", ",'prefix':'p/'", DATA("db"), LABEL_EVENT(ARN, "db", "v2"), false},
    /* A version that is pinned does not change. */
    {"SecretsManager", "", "{'secretKey':'k','remoteRef':{'key':'db','version':'AWSPREVIOUS'}}",
     LABEL_EVENT(ARN, "db", "v2"), false},
    {"ParameterStore", "", DATA("db"), LABEL_EVENT(ARN, "db", "v2"), false},
    {"SecretsManager", "", DATA("/prod/db"), PARAMETER_EVENT("/prod/db"), false},
    {"SecretsManager", ",'future':1", DATA("db"), LABEL_EVENT(ARN, "db", "v2"), false},
    {"SecretsManager", "", "{'secretKey':'k','remoteRef':{'key':'db','metadataPolicy':'Fetch'}}",
     LABEL_EVENT(ARN, "db", "v2"), false},
};

START_TEST(only_who_asks_for_that_secret_is_refreshed)
{
    put_store(false, "store", names[_i].service, names[_i].members);
    put("n", "a", "store", names[_i].data);
    put("n", "no-store", "missing", DATA("db"));
    answer("GetSecretValue", 200, SECRET_ANSWER("db", "v2", "'SecretString':'{\\'p\\':1}'"));
    answer("AmazonSSM.GetParameter", 200, PARAMETER_ANSWER("/prod/db", "2", "x"));
    put_message(names[_i].event);
    start(QUEUE);
    await_counted(names[_i].meant ? "refreshed" : "unused", 1);
    ck_assert_str_eq(told_names.data, names[_i].meant ? "n/a " : "");
    unsigned reads =
        api_count("POST", "GetSecretValue") + api_count("POST", "AmazonSSM.GetParameter");
    ck_assert_uint_eq(reads, names[_i].meant ? 1 : 0);
}
END_TEST

static const struct {
    const char *refresh;
    bool refreshed;
} refreshes[] = {
    {"'refreshPolicy':'Periodic'", true},
    {"'refreshPolicy':'CreatedOnce'", false},
    {"'refreshPolicy':'OnChange'", false},
    {"'refreshInterval':'0s'", false},
};

START_TEST(what_is_carried_out_once_is_not_refreshed)
{
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'n','name':'a','uid':'u-a','resourceVersion':'1',"
        "'generation':1},'spec':{'secretStoreRef':{'name':'store'},%s,'data':[" DATA("db") "]}}",
        refreshes[_i].refresh);
    struct external_secret *decoded = NULL;
    struct err err = {0};
    ck_assert_msg(external_secret_decode(json.root, &decoded, &err), "%s", err.message);
    (void)world_put_external_secret(scene.world, decoded);
    json_text_done(&json);
    put_store(false, "store", "SecretsManager", "");
    answer("GetSecretValue", 200, SECRET_ANSWER("db", "v2", "'SecretString':'x'"));
    put_message(LABEL_EVENT(ARN, "db", "v2"));
    start(QUEUE);
    await_counted(refreshes[_i].refreshed ? "refreshed" : "unused", 1);
    ck_assert_str_eq(told_names.data, refreshes[_i].refreshed ? "n/a " : "");
    ck_assert_uint_eq(api_count("POST", "GetSecretValue"), refreshes[_i].refreshed);
}
END_TEST

START_TEST(nothing_is_read_for_who_may_not_use_the_store)
{
    world_put_store(scene.world, aws_scene_closed_store("store"));
    aws_scene_namespace("m", "'admitted':'no'");
    put("m", "a", "store", DATA("db"));
    put("unknown", "b", "store", DATA("db"));
    answer("GetSecretValue", 200, SECRET_ANSWER("db", "v2", "'SecretString':'x'"));
    put_message(LABEL_EVENT(ARN, "db", "v2"));
    start(QUEUE);
    await_counted("unused", 1);
    ck_assert_str_eq(told_names.data, "");
    ck_assert_uint_eq(api_count("POST", "GetSecretValue"), 0);
}
END_TEST

START_TEST(each_identity_reads_for_itself)
{
    put_store(false, "own", "SecretsManager", "");
    put_store(true, "role", "SecretsManager", ",'role':'arn:aws:iam::1:role/r'");
    put("n", "a", "own", DATA("db"));
    put("m", "b", "role", DATA("db"));
    answer("Action=AssumeRole&", 200, AWS_SCENE_STS("AssumeRole"));
    answer("GetSecretValue", 200, SECRET_ANSWER("db", "v2", "'SecretString':'x'"));
    put_message(LABEL_EVENT(ARN, "db", "v2"));
    start(QUEUE);
    await_counted("refreshed", 1);
    ck_assert_uint_eq(api_count("POST", "GetSecretValue"), 2);
    ck_assert_uint_eq(api_count("POST", "Action=AssumeRole&"), 1);
    ck_assert_uint_eq(atomic_load(&told), 2);
}
END_TEST

START_TEST(one_identity_reads_once_for_all_who_ask)
{
    put_store(true, "store", "SecretsManager", "");
    put("m", "a", "store", DATA("db"));
    put("m", "b", "store", DATA("db"));
    put("o", "c", "store", DATA("db"));
    answer("GetSecretValue", 200, SECRET_ANSWER("db", "v2", "'SecretString':'x'"));
    put_message(LABEL_EVENT(ARN, "db", "v2"));
    start(QUEUE);
    await_counted("refreshed", 1);
    ck_assert_uint_eq(atomic_load(&told), 3);
    ck_assert_uint_eq(api_count("POST", "GetSecretValue"), 1);
}
END_TEST

/* ---- whether it is there yet ---- */

static unsigned deleted_before; /* under the mutex: the second look */

static void seen_at_second_look(struct api_route *route)
{
    nothing_more(route);
    if (strcmp(route->part, "GetSecretValue") == 0 && route->count == 2) {
        deleted_before = api_find("POST", "DeleteMessageBatch")->count;
        api_set("POST", "GetSecretValue", 200, "%s",
                SECRET_ANSWER("db", "v2", "'SecretString':'x'"));
    }
}

START_TEST(an_old_version_is_read_again_until_it_is_the_one_told)
{
    put_store(false, "store", "SecretsManager", "");
    put("n", "a", "store", DATA("db"));
    api.asked = seen_at_second_look;
    answer("GetSecretValue", 200, SECRET_ANSWER("db", "v1", "'SecretString':'x'"));
    put_message(LABEL_EVENT(ARN, "db", "v2"));
    int64_t began = clock_monotonic_ms(clock_system());
    start(QUEUE);
    await_counted("refreshed", 1);
    ck_assert_int_ge(clock_monotonic_ms(clock_system()) - began, 490);
    ck_assert_uint_eq(api_count("POST", "GetSecretValue"), 2);
    ck_assert(!counted("not_seen", 1));
    /* Until then whoever led next would have heard of it. */
    api_await("POST", "DeleteMessageBatch", 1);
    pthread_mutex_lock(&api.mutex);
    ck_assert_uint_eq(deleted_before, 0);
    pthread_mutex_unlock(&api.mutex);
}
END_TEST

/* The second time with another handle, as a queue does whose visibility timeout is short. */
static void again_before_second_look(struct api_route *route)
{
    if (strcmp(route->part, "ReceiveMessage") == 0 && route->count > 1) {
        api_set("POST", "ReceiveMessage", 200, "%s",
                route->count == 2 ? ONE_MESSAGE("h2", LABEL_EVENT(ARN, "db", "v2")) : "{}");
    }
    if (strcmp(route->part, "GetSecretValue") == 0 && route->count == 2) {
        api_set("POST", "GetSecretValue", 200, "%s",
                SECRET_ANSWER("db", "v2", "'SecretString':'x'"));
    }
}

START_TEST(a_message_that_comes_again_does_not_begin_anew)
{
    put_store(false, "store", "SecretsManager", "");
    put("n", "a", "store", DATA("db"));
    api.asked = again_before_second_look;
    answer("GetSecretValue", 200, SECRET_ANSWER("db", "v1", "'SecretString':'x'"));
    put_message(LABEL_EVENT(ARN, "db", "v2"));
    start(QUEUE);
    await_counted("refreshed", 1);
    ck_assert(counted("taken", 1));
    ck_assert(counted("again", 1));
    api_await("POST", "DeleteMessageBatch", 1);
    ck_assert(deleted("\"h2\""));
    ck_assert(!deleted("\"h1\""));
}
END_TEST

/* ---- the queue ---- */

static const char *const nonsense[] = {
    "hunter2",
    "{}",
    "{" MEMBER("source", "aws.ec2") "," MEMBER("detail-type", "Secret Label Updated") "}",
};

START_TEST(what_is_no_event_is_deleted)
{
    put_message(nonsense[_i]);
    start(QUEUE);
    await_counted("not_an_event", 1);
    api_await("POST", "DeleteMessageBatch", 1);
    ck_assert(!counted("taken", 1));
}
END_TEST

/* The first deletion is refused, and the message comes again. */
static void refuses_first(struct api_route *route)
{
    if (strcmp(route->part, "ReceiveMessage") == 0 && route->count == 3) {
        api_set("POST", "ReceiveMessage", 200, "{}");
    }
    if (strcmp(route->part, "DeleteMessageBatch") == 0) {
        api_set("POST", "DeleteMessageBatch", 200, "%s",
                route->count == 1 ? "{'Successful':[],'Failed':[{'Id':'0','Code':'InternalError',"
                                    "'SenderFault':false}]}"
                                  : "{'Successful':[{'Id':'0'}],'Failed':[]}");
    }
}

START_TEST(a_deletion_that_fails_is_a_pause_and_no_more)
{
    api.asked = refuses_first;
    put_message("hunter2");
    int64_t began = clock_monotonic_ms(clock_system());
    start(QUEUE);
    api_await("POST", "DeleteMessageBatch", 2);
    ck_assert_int_ge(clock_monotonic_ms(clock_system()) - began, 490);
    await_counted("not_an_event", 2);
}
END_TEST

static void fails_once(struct api_route *route)
{
    if (strcmp(route->part, "ReceiveMessage") == 0 && route->count == 2) {
        api_set("POST", "ReceiveMessage", 200,
                "{'Messages':[{'ReceiptHandle':'h1','Body':'hunter2'}]}");
        api.asked = NULL;
    }
}

START_TEST(a_queue_that_fails_is_polled_again_after_a_pause)
{
    answer("ReceiveMessage", 400, AWS_REFUSAL("AccessDeniedException"));
    answer("DeleteMessageBatch", 200, "{'Successful':[{'Id':'0'}],'Failed':[]}");
    api.asked = fails_once;
    int64_t began = clock_monotonic_ms(clock_system());
    start(QUEUE);
    api_await("POST", "DeleteMessageBatch", 1);
    ck_assert_int_ge(clock_monotonic_ms(clock_system()) - began, 490);
}
END_TEST

/* It has come to ask again, after a pause. */
static void await_idle(void)
{
    int64_t deadline = aws_scene_deadline();
    unsigned before = atomic_load(&lease_asked);
    while (atomic_load(&lease_asked) < before + 2) {
        ck_assert_int_lt(clock_monotonic_ms(clock_system()), deadline);
        sched_yield();
    }
}

START_TEST(only_the_leader_polls)
{
    answer("ReceiveMessage", 200, "{}");
    atomic_store(&lease_is_held, false);
    start(QUEUE);
    await_idle();
    ck_assert_uint_eq(api_total(), 0);
    atomic_store(&lease_is_held, true);
    api_await("POST", "ReceiveMessage", 1);
}
END_TEST

/* Nobody would seem to ask for what is told of. */
START_TEST(nothing_is_polled_before_the_world_is_known)
{
    answer("ReceiveMessage", 200, "{}");
    atomic_store(&world_is_known, false);
    start(QUEUE);
    await_idle();
    ck_assert_uint_eq(api_total(), 0);
    atomic_store(&world_is_known, true);
    api_await("POST", "ReceiveMessage", 1);
}
END_TEST

/* ---- a lead that is lost ---- */

static void put_change(void)
{
    put_store(false, "store", "SecretsManager", "");
    put("n", "a", "store", DATA("db"));
    answer("GetSecretValue", 200, SECRET_ANSWER("db", "v2", "'SecretString':'x'"));
    put_message(LABEL_EVENT(ARN, "db", "v2"));
}

/* While the poll waits; the message comes once more. */
static void lost_while_polling(struct api_route *route)
{
    if (strcmp(route->part, "ReceiveMessage") == 0 && route->count == 1) {
        atomic_store(&lease_is_held, false);
    } else if (strcmp(route->part, "ReceiveMessage") == 0 && route->count == 3) {
        api_set("POST", "ReceiveMessage", 200, "{}");
    }
}

START_TEST(what_comes_once_another_leads_stays_in_the_queue)
{
    api.asked = lost_while_polling;
    put_change();
    start(QUEUE);
    api_await("POST", "ReceiveMessage", 1);
    await_idle();
    await_idle();
    ck_assert_uint_eq(api_count("POST", "DeleteMessageBatch"), 0);
    ck_assert_uint_eq(api_count("POST", "GetSecretValue"), 0);
    ck_assert(!counted("taken", 1));
    atomic_store(&lease_is_held, true);
    await_counted("refreshed", 1);
    api_await("POST", "DeleteMessageBatch", 1);
    ck_assert_str_eq(told_names.data, "n/a ");
}
END_TEST

/* A list has to be begun anew, say. */
static void unknown_while_looking(struct api_route *route)
{
    nothing_more(route);
    if (strcmp(route->part, "GetSecretValue") == 0 && route->count == 1) {
        atomic_store(&world_is_known, false);
    }
}

START_TEST(what_was_taken_waits_until_the_world_is_known_and_is_deleted_then)
{
    put_store(false, "store", "SecretsManager", "");
    put("n", "a", "store", DATA("db"));
    put("n", "b", "store", DATA("other"));
    api.asked = unknown_while_looking;
    answer("GetSecretValue", 200, SECRET_ANSWER("any", "v2", "'SecretString':'x'"));
    answer("DeleteMessageBatch", 200, "{'Successful':[{'Id':'0'}],'Failed':[]}");
    answer("ReceiveMessage", 200,
           "{'Messages':[{'ReceiptHandle':'h1','Body':'" LABEL_EVENT(
               SECRET_ARN "db-AbCdEf", "db",
               "v2") "'},{'ReceiptHandle':'h2','Body':'" LABEL_EVENT(SECRET_ARN "other-AbCdEf",
                                                                     "other", "v2") "'}]}");
    start(QUEUE);
    await_counted("refreshed", 1);
    api_await("POST", "DeleteMessageBatch", 1);
    await_idle();
    ck_assert_uint_eq(api_count("POST", "GetSecretValue"), 1);
    ck_assert_uint_eq(api_count("POST", "DeleteMessageBatch"), 1);
    bool first = deleted("\"h1\"");
    ck_assert_int_ne(first, deleted("\"h2\""));
    atomic_store(&world_is_known, true);
    await_counted("refreshed", 2);
    ck_assert_uint_eq(api_count("POST", "GetSecretValue"), 2);
    api_await("POST", "DeleteMessageBatch", 2);
    ck_assert_int_ne(first, deleted("\"h1\""));
}
END_TEST

static void lost_while_looking(struct api_route *route)
{
    nothing_more(route);
    if (strcmp(route->part, "GetSecretValue") == 0 && route->count == 1) {
        atomic_store(&lease_is_held, false);
    }
}

START_TEST(what_nobody_acts_on_is_looked_at_by_who_leads_anew)
{
    api.asked = lost_while_looking;
    put_change();
    start(QUEUE);
    api_await("POST", "GetSecretValue", 1);
    await_idle();
    await_idle();
    ck_assert_uint_eq(api_count("POST", "GetSecretValue"), 1);
    ck_assert_uint_eq(api_count("POST", "ReceiveMessage"), 1);
    ck_assert_uint_eq(api_count("POST", "DeleteMessageBatch"), 0);
    ck_assert(!counted("refreshed", 1));
    atomic_store(&lease_is_held, true);
    await_counted("refreshed", 1);
    ck_assert_str_eq(told_names.data, "n/a ");
    api_await("POST", "DeleteMessageBatch", 1);
}
END_TEST

/* As a try it would be due after half a second. */
START_TEST(a_look_in_a_lapse_is_no_try_and_no_busy_loop)
{
    atomic_store(&lapses, 2);
    put_change();
    int64_t began = clock_monotonic_ms(clock_system());
    start(QUEUE);
    await_counted("refreshed", 1);
    ck_assert_int_ge(clock_monotonic_ms(clock_system()) - began, 1990);
    ck_assert_uint_eq(api_count("POST", "GetSecretValue"), 3);
    ck_assert_str_eq(told_names.data, "n/a ");
}
END_TEST

START_TEST(without_a_queue_there_is_no_thread)
{
    start(NULL);
    ck_assert_uint_eq(atomic_load(&lease_asked), 0);
}
END_TEST

static const char NO_REGION[] = "https://vpce-1.example/111122223333/rotations";

START_TEST(a_queue_without_a_region_is_not_polled)
{
    start(NO_REGION);
    ck_assert_uint_eq(atomic_load(&lease_asked), 0);
}
END_TEST

START_TEST(a_queue_without_a_region_lies_in_our_own)
{
    aws_scene_end();
    aws_scene_begin_in(with_region);
    answer("ReceiveMessage", 200, "{}");
    start(NO_REGION);
    api_await("POST", "ReceiveMessage", 1);
    pthread_mutex_lock(&api.mutex);
    ck_assert_str_eq(api_find("POST", "ReceiveMessage")->url,
                     "https://sqs.eu-west-1.amazonaws.com/");
    pthread_mutex_unlock(&api.mutex);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/rotation");
    TCase *tcase = tcase_create("rotation");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_change_is_read_and_refreshed);
    tcase_add_loop_test(tcase, only_who_asks_for_that_secret_is_refreshed, 0, ARRAY_LEN(names));
    tcase_add_loop_test(tcase, what_is_carried_out_once_is_not_refreshed, 0, ARRAY_LEN(refreshes));
    tcase_add_test(tcase, nothing_is_read_for_who_may_not_use_the_store);
    tcase_add_test(tcase, each_identity_reads_for_itself);
    tcase_add_test(tcase, one_identity_reads_once_for_all_who_ask);
    tcase_add_test(tcase, an_old_version_is_read_again_until_it_is_the_one_told);
    tcase_add_test(tcase, a_message_that_comes_again_does_not_begin_anew);
    tcase_add_loop_test(tcase, what_is_no_event_is_deleted, 0, ARRAY_LEN(nonsense));
    tcase_add_test(tcase, a_deletion_that_fails_is_a_pause_and_no_more);
    tcase_add_test(tcase, a_queue_that_fails_is_polled_again_after_a_pause);
    tcase_add_test(tcase, only_the_leader_polls);
    tcase_add_test(tcase, nothing_is_polled_before_the_world_is_known);
    tcase_add_test(tcase, what_comes_once_another_leads_stays_in_the_queue);
    tcase_add_test(tcase, what_was_taken_waits_until_the_world_is_known_and_is_deleted_then);
    tcase_add_test(tcase, what_nobody_acts_on_is_looked_at_by_who_leads_anew);
    tcase_add_test(tcase, a_look_in_a_lapse_is_no_try_and_no_busy_loop);
    tcase_add_test(tcase, without_a_queue_there_is_no_thread);
    tcase_add_test(tcase, a_queue_without_a_region_is_not_polled);
    tcase_add_test(tcase, a_queue_without_a_region_lies_in_our_own);
    suite_add_tcase(suite, tcase);
    return suite;
}
