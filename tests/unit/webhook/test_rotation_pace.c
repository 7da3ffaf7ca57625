/* SPDX-License-Identifier: Apache-2.0 */
/* How often the queue is asked while a look at a secret is due soon: each request is paid for. And
 * what becomes of more messages than can be kept until then. */
#include "webhook/rotation.h"

#include "aws/sqs.h"
#include "aws_scene.h"
#include "aws_values.h"
#include "check_main.h"
#include "webhook/pending_hints.h"

#define QUEUE "https://sqs.eu-north-1.amazonaws.com/111122223333/rotations"

static struct rotation *rotation;
enum {
    LOOKS = 3, /* that the test is about */
};

/* Under the mutex. */
static unsigned looks;
static unsigned hurried; /* requests that did not wait for a message */

/* What stands in for webhook/applier.c. */
bool applier_is_ready(const struct applier *applier)
{
    (void)applier;
    return true;
}

bool applier_remote_changed(struct applier *applier, struct str_view namespace,
                            struct str_view name)
{
    (void)applier;
    (void)namespace;
    (void)name;
    return true;
}

static void asked(struct api_route *route)
{
    looks += strcmp(route->part, "GetSecretValue") == 0;
    if (strcmp(route->part, "ReceiveMessage") == 0 && looks < LOOKS) {
        hurried += strstr(route->asked, "\"WaitTimeSeconds\":0") != NULL;
        if (route->count == 2) {
            api_set("POST", "ReceiveMessage", 200, "{}");
        }
    }
}

static void setup(void)
{
    aws_scene_begin();
    rotation = NULL;
    hurried = 0;
    looks = 0;
    atomic_store(&lease_is_held, true);
    world_put_store(scene.world, aws_scene_store(false, "store", "SecretsManager", ""));
    external_secret_release(
        aws_scene_external_secret("n", "a", "store", "{'secretKey':'k','remoteRef':{'key':'db'}}"));
}

static void teardown(void)
{
    rotation_free(rotation);
    aws_scene_end();
}

static void start(void)
{
    rotation = rotation_new(&(struct rotation_options){.clock = clock_system(),
                                                       .log = &scene.quiet,
                                                       .metrics = scene.metrics,
                                                       .world = scene.world,
                                                       .clients = &scene.options,
                                                       .queue_url = QUEUE});
    rotation_start(rotation);
}

#define EVENT_OF(name)                                                                             \
    "{\\\"source\\\":\\\"aws.secretsmanager\\\",\\\"detail-type\\\":\\\"Secret Label Updated\\\"," \
    "\\\"detail\\\":{\\\"name\\\":\\\"" name                                                       \
    "\\\",\\\"labelUpdated\\\":\\\"AWSCURRENT\\\",\\\"versionId\\\":\\\"v2\\\"}}"
#define EVENT EVENT_OF("db")

/* The old version comes at each of them. */
START_TEST(between_two_looks_the_queue_is_asked_but_once)
{
    pthread_mutex_lock(&api.mutex);
    api.asked = asked;
    api_set("POST", "ReceiveMessage", 200, "%s",
            "{'Messages':[{'ReceiptHandle':'h','Body':'" EVENT "'}]}");
    api_set("POST", "DeleteMessageBatch", 200, "{'Successful':[{'Id':'0'}]}");
    api_set("POST", "GetSecretValue", 200, SECRET_ANSWER("db", "v1", "'SecretString':'x'"));
    pthread_mutex_unlock(&api.mutex);
    start();
    api_await("POST", "GetSecretValue", LOOKS);
    pthread_mutex_lock(&api.mutex);
    ck_assert_uint_le(hurried, 2);
    pthread_mutex_unlock(&api.mutex);
}
END_TEST

#define MESSAGE "{'ReceiptHandle':'h','Body':'" EVENT "'}"
#define TEN_MESSAGES                                                                               \
    MESSAGE "," MESSAGE "," MESSAGE "," MESSAGE "," MESSAGE "," MESSAGE "," MESSAGE "," MESSAGE    \
            "," MESSAGE "," MESSAGE

#define TEN_DELETED                                                                                \
    "{'Id':'0'},{'Id':'1'},{'Id':'2'},{'Id':'3'},{'Id':'4'},{'Id':'5'},{'Id':'6'},{'Id':'7'},"     \
    "{'Id':'8'},{'Id':'9'}"

enum {
    KEPT_POLLS = 20, /* that there is room for the messages of */
};

/* Under the mutex: after how many polls the first ones were deleted, and the next. */
static unsigned polls[2];
static unsigned deletions;

static void note_polls(struct api_route *route)
{
    if (strcmp(route->part, "DeleteMessageBatch") == 0 && deletions++ < ARRAY_LEN(polls)) {
        polls[deletions - 1] = api_find("POST", "ReceiveMessage")->count;
    }
    if (deletions == ARRAY_LEN(polls)) {
        api_set("POST", "ReceiveMessage", 200, "{}");
    }
}

/* They tell of one secret again, which has to wait for its second look. */
START_TEST(what_no_message_more_can_be_kept_for_is_deleted_before_its_look)
{
    pthread_mutex_lock(&api.mutex);
    deletions = 0;
    api.asked = note_polls;
    api_set("POST", "ReceiveMessage", 200, "%s", "{'Messages':[" TEN_MESSAGES "]}");
    api_set("POST", "DeleteMessageBatch", 200, "{'Successful':[" TEN_DELETED "]}");
    api_set("POST", "GetSecretValue", 200, SECRET_ANSWER("db", "v2", "'SecretString':'x'"));
    pthread_mutex_unlock(&api.mutex);
    start();
    api_await("POST", "DeleteMessageBatch", ARRAY_LEN(polls));
    pthread_mutex_lock(&api.mutex);
    ck_assert_uint_eq(polls[0], 1);
    ck_assert_uint_eq(polls[1], 1 + KEPT_POLLS + 1);
    pthread_mutex_unlock(&api.mutex);
}
END_TEST

enum {
    FULL_POLLS = HINTS_PENDING_MAX / SQS_MESSAGES_MAX, /* of which all is remembered */
};

/* Under the mutex: of the poll for which there is not enough room. */
static bool first_deleted;
static bool last_deleted;

static void note_deleted(const struct api_route *route)
{
    char first[16];
    char last[16];
    (void)snprintf(first, sizeof first, "\"h%d-0\"", FULL_POLLS + 1);
    (void)snprintf(last, sizeof last, "\"h%d-9\"", FULL_POLLS + 1);
    first_deleted |= strstr(route->asked, first) != NULL;
    last_deleted |= strstr(route->asked, last) != NULL;
}

/* Each poll tells of ten other secrets, which nobody asks for. */
static void tell_of_others(struct api_route *route)
{
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, (size_t)16 * 1024);
    buf_add_str(&text, "{'Messages':[");
    for (unsigned i = 0; i < SQS_MESSAGES_MAX; i++) {
        buf_printf(&text, "%s{'ReceiptHandle':'h%u-%u','Body':'" EVENT_OF("s%u-%u") "'}",
                   i == 0 ? "" : ",", route->count, i, route->count, i);
    }
    buf_add_str(&text, "]}");
    api_set("POST", "ReceiveMessage", 200, "%s", route->count <= FULL_POLLS + 1 ? text.data : "{}");
}

static void tell_and_note(struct api_route *route)
{
    if (strcmp(route->part, "ReceiveMessage") == 0) {
        tell_of_others(route);
    } else if (strcmp(route->part, "DeleteMessageBatch") == 0) {
        note_deleted(route);
    }
}

START_TEST(what_there_is_no_room_for_stays_in_the_queue)
{
    pthread_mutex_lock(&api.mutex);
    first_deleted = false;
    last_deleted = false;
    api.asked = tell_and_note;
    api_set("POST", "ReceiveMessage", 200, "{}");
    api_set("POST", "DeleteMessageBatch", 200, "{'Successful':[" TEN_DELETED "]}");
    pthread_mutex_unlock(&api.mutex);
    start();
    api_await("POST", "DeleteMessageBatch", FULL_POLLS + 1);
    pthread_mutex_lock(&api.mutex);
    ck_assert(first_deleted);
    ck_assert(!last_deleted);
    pthread_mutex_unlock(&api.mutex);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("rotation_pace");
    TCase *tcase = tcase_create("rotation_pace");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, between_two_looks_the_queue_is_asked_but_once);
    tcase_add_test(tcase, what_no_message_more_can_be_kept_for_is_deleted_before_its_look);
    tcase_add_test(tcase, what_there_is_no_room_for_stays_in_the_queue);
    suite_add_tcase(suite, tcase);
    return suite;
}
