/* SPDX-License-Identifier: Apache-2.0 */
/* How often the queue is asked while a look at a secret is due soon: each request is paid for. And
 * what becomes of more messages than can be kept until then. */
#include "webhook/rotation.h"

#include "aws_scene.h"
#include "aws_values.h"
#include "check_main.h"

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

#define EVENT                                                                                      \
    "{\\\"source\\\":\\\"aws.secretsmanager\\\",\\\"detail-type\\\":\\\"Secret Label Updated\\\"," \
    "\\\"detail\\\":{\\\"name\\\":\\\"db\\\",\\\"labelUpdated\\\":\\\"AWSCURRENT\\\","             \
    "\\\"versionId\\\":\\\"v2\\\"}}"

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

Suite *suite(void)
{
    Suite *suite = suite_create("rotation_pace");
    TCase *tcase = tcase_create("rotation_pace");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, between_two_looks_the_queue_is_asked_but_once);
    tcase_add_test(tcase, what_no_message_more_can_be_kept_for_is_deleted_before_its_look);
    suite_add_tcase(suite, tcase);
    return suite;
}
