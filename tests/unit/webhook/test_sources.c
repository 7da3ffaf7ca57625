/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/sources.h"

#include "aws_scene.h"
#include "aws_values.h"
#include "check_main.h"

enum {
    READS_MAX = 3,
};

static struct remote_read reads[READS_MAX];
static struct store *store;
static struct err err;
static enum remote_contact contact;

static void setup(void)
{
    aws_scene_begin();
    memset(reads, 0, sizeof reads);
    store = NULL;
    err = (struct err){0};
}

static void teardown(void)
{
    for (size_t i = 0; i < READS_MAX; i++) {
        secret_buf_done(&reads[i].value);
    }
    store_release(store);
    aws_scene_end();
}

static void answer(const char *part, unsigned status, const char *body)
{
    pthread_mutex_lock(&api.mutex);
    api_set("POST", part, status, "%s", body);
    pthread_mutex_unlock(&api.mutex);
}

static bool read_for(bool waiting, int64_t max_age_ms, size_t count)
{
    const struct secret_source source = sources_for(scene.clients);
    const struct remote_request request = {
        .store = store,
        .namespace = SV("n"),
        .waiting = waiting,
        .since_ms = clock_since_ms(clock_monotonic_ms(clock_system()), max_age_ms),
        .deadline_ms = aws_scene_deadline(),
        .contact = &contact,
    };
    contact = REMOTE_NOT_ASKED;
    return source.read(source.context, &request, reads, count, &err);
}

static bool value_is(size_t index, const char *expected)
{
    return sv_is(secret_buf_view(&reads[index].value), expected);
}

START_TEST(a_secret_is_read_under_the_prefix_of_its_store)
{
    store = aws_scene_store(false, "store", "SecretsManager", ",'prefix':'prod/'");
    answer("GetSecretValue", 200, SECRET_ANSWER("prod/db", "v1", "'SecretString':'hunter2'"));
    reads[0] = (struct remote_read){.key = SV("db"), .version = SV("AWSPREVIOUS")};
    ck_assert_msg(read_for(false, 0, 1), "%s", err.message);
    ck_assert(value_is(0, "hunter2"));
    const struct api_route *route = api_find("POST", "GetSecretValue");
    ck_assert_str_eq(route->asked, "{\"SecretId\":\"prod/db\",\"VersionStage\":\"AWSPREVIOUS\"}");
    ck_assert_str_eq(route->url, "https://secretsmanager.eu-north-1.amazonaws.com/");
    ck_assert_ptr_nonnull(strstr(route->signer, "Credential=" OWN_KEY "/"));
}
END_TEST

START_TEST(a_parameter_is_read_from_parameter_store)
{
    store = aws_scene_store(false, "store", "ParameterStore", "");
    answer("AmazonSSM.GetParameter", 200, PARAMETER_ANSWER("/prod/db", "3", "hunter2"));
    reads[0] = (struct remote_read){.key = SV("/prod/db")};
    ck_assert_msg(read_for(false, 0, 1), "%s", err.message);
    ck_assert(value_is(0, "hunter2"));
    ck_assert_str_eq(api_find("POST", "AmazonSSM.GetParameter")->url,
                     "https://ssm.eu-north-1.amazonaws.com/");
}
END_TEST

START_TEST(several_are_read_by_one_call_and_each_gets_its_own)
{
    store = aws_scene_store(false, "store", "SecretsManager", "");
    answer("BatchGetSecretValue", 200,
           BATCH_ANSWER(SECRET_ANSWER("b", "v1", "'SecretString':'B'") "," SECRET_ANSWER(
               "a", "v1", "'SecretString':'A'")));
    reads[0] = (struct remote_read){.key = SV("a")};
    reads[1] = (struct remote_read){.key = SV("b")};
    reads[2] = (struct remote_read){.key = SV("a")};
    ck_assert_msg(read_for(false, 0, 3), "%s", err.message);
    ck_assert(value_is(0, "A"));
    ck_assert(value_is(1, "B"));
    ck_assert(value_is(2, "A"));
    ck_assert_uint_eq(api_total(), 1);
}
END_TEST

static const struct {
    const char *members;
    bool prefer_binary;
    const char *value;
} kinds[] = {
    {"'SecretString':'text'", false, "text"},
    {"'SecretString':'text'", true, "text"},
    {"'SecretBinary':'Ynl0ZXM='", false, "bytes"},
    {"'SecretBinary':'Ynl0ZXM='", true, "bytes"},
    {"'SecretString':'text','SecretBinary':'Ynl0ZXM='", false, "text"},
    {"'SecretString':'text','SecretBinary':'Ynl0ZXM='", true, "bytes"},
    {"'SecretString':''", true, ""},
};

START_TEST(a_value_is_the_text_or_the_bytes_whichever_is_wanted)
{
    char body[512];
    store = aws_scene_store(false, "store", "SecretsManager", "");
    (void)snprintf(body, sizeof body, SECRET_ANSWER("a", "v1", "%s"), kinds[_i].members);
    answer("GetSecretValue", 200, body);
    reads[0] = (struct remote_read){.key = SV("a"), .prefer_binary = kinds[_i].prefer_binary};
    ck_assert_msg(read_for(false, 0, 1), "%s", err.message);
    ck_assert(value_is(0, kinds[_i].value));
}
END_TEST

START_TEST(a_value_may_be_as_old_as_is_said)
{
    store = aws_scene_store(false, "store", "SecretsManager", "");
    answer("GetSecretValue", 200, SECRET_ANSWER("a", "v1", "'SecretString':'old'"));
    reads[0] = (struct remote_read){.key = SV("a")};
    ck_assert(read_for(false, 60000, 1));
    ck_assert_int_eq(contact, REMOTE_ANSWERED);
    answer("GetSecretValue", 200, SECRET_ANSWER("a", "v2", "'SecretString':'new'"));
    secret_buf_done(&reads[0].value);
    ck_assert(read_for(false, 60000, 1));
    ck_assert_int_eq(contact, REMOTE_NOT_ASKED);
    ck_assert(value_is(0, "old"));
    secret_buf_done(&reads[0].value);
    ck_assert(read_for(false, 0, 1));
    ck_assert_int_eq(contact, REMOTE_ANSWERED);
    ck_assert(value_is(0, "new"));
    ck_assert_uint_eq(api_total(), 2);
}
END_TEST

/* Whom a Pod waits for takes what there is while AWS is away; a refresh leaves the Secret as it is
 * either way. */
START_TEST(only_who_is_waited_for_takes_an_old_value_from_a_failing_service)
{
    store = aws_scene_store(false, "store", "SecretsManager", "");
    answer("GetSecretValue", 200, SECRET_ANSWER("a", "v1", "'SecretString':'old'"));
    reads[0] = (struct remote_read){.key = SV("a")};
    ck_assert(read_for(false, 0, 1));
    secret_buf_done(&reads[0].value);
    answer("GetSecretValue", 400, AWS_REFUSAL("InternalServiceError"));
    ck_assert(!read_for(false, 0, 1));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_msg(read_for(true, 0, 1), "%s", err.message);
    ck_assert(value_is(0, "old"));
    ck_assert_int_eq(contact, REMOTE_ANSWERED);
    secret_buf_done(&reads[0].value);
    answer("GetSecretValue", 0, "");
    ck_assert_msg(read_for(true, 0, 1), "%s", err.message);
    ck_assert(value_is(0, "old"));
    ck_assert_int_eq(contact, REMOTE_ASKED);
}
END_TEST

/* D1 of aws.md: what another identity has read lies in the cache, and is not for this one. */
START_TEST(a_value_that_another_identity_has_read_is_asked_for_again)
{
    store = aws_scene_store(false, "store", "SecretsManager", "");
    answer("GetSecretValue", 200, SECRET_ANSWER("a", "v1", "'SecretString':'hunter2'"));
    reads[0] = (struct remote_read){.key = SV("a")};
    ck_assert(read_for(true, 60000, 1));
    secret_buf_done(&reads[0].value);
    store_release(store);
    store = aws_scene_store(false, "other", "SecretsManager", ",'role':'arn:aws:iam::1:role/r'");
    answer("Action=AssumeRole&", 200, AWS_SCENE_STS("AssumeRole"));
    answer("GetSecretValue", 400, AWS_REFUSAL("AccessDeniedException"));
    ck_assert(!read_for(true, 60000, 1));
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert_uint_eq(reads[0].value.bytes.len, 0);
    ck_assert_uint_eq(api_count("POST", "GetSecretValue"), 2);
}
END_TEST

/* Otherwise a store that was silent before would be said to be so for as long as nobody may ask. */
START_TEST(credentials_that_are_refused_are_an_answer)
{
    store = aws_scene_store(false, "store", "SecretsManager", ",'role':'arn:aws:iam::1:role/r'");
    answer("Action=AssumeRole&", 403,
           "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error>"
           "</ErrorResponse>");
    reads[0] = (struct remote_read){.key = SV("a")};
    ck_assert(!read_for(true, 0, 1));
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert_int_eq(contact, REMOTE_ANSWERED);
}
END_TEST

START_TEST(one_value_that_is_missing_fails_all_and_says_which)
{
    store = aws_scene_store(false, "store", "SecretsManager", "");
    answer("BatchGetSecretValue", 200,
           "{'SecretValues':[" SECRET_ANSWER(
               "a", "v1",
               "'SecretString':'hunter2'") "],'Errors':[{"
                                           "'SecretId':'b','ErrorCode':'ResourceNotFoundException',"
                                           "'Message':'hunter2'}]}");
    answer("GetSecretValue", 400, AWS_REFUSAL("ResourceNotFoundException"));
    reads[0] = (struct remote_read){.key = SV("a")};
    reads[1] = (struct remote_read){.key = SV("b")};
    ck_assert(!read_for(false, 0, 2));
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert_msg(strstr(err.message, "b"), "%s", err.message);
    ck_assert_ptr_nonnull(strstr(err.message, "ResourceNotFoundException"));
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_uint_eq(reads[0].value.bytes.len, 0);
}
END_TEST

/* There are more regions than Keyturn has endpoints for: nothing was asked, nothing is empty. */
START_TEST(what_could_not_be_asked_is_no_empty_value)
{
    struct aws_services *services = scene.options.aws;
    struct service_endpoint *endpoint = NULL;
    char region[32] = "";
    unsigned made = 0;
    ck_assert(aws_services_endpoint(services, ENDPOINT_STS, SV("eu-there-1"), &endpoint, &err));
    do {
        (void)snprintf(region, sizeof region, "eu-nowhere-%u", made++);
    } while (aws_services_endpoint(services, ENDPOINT_SQS, sv_of(region), &endpoint, &err));
    ck_assert_int_eq(err.kind, ERR_BUSY);
    store = aws_scene_store(false, "store", "SecretsManager", "");
    store->aws.region = SV("eu-there-1");
    reads[0] = (struct remote_read){.key = SV("db")};
    err = (struct err){0};
    ck_assert(!read_for(false, 0, 1));
    ck_assert_int_eq(err.kind, ERR_BUSY);
}
END_TEST

START_TEST(what_may_be_missing_is_an_answer)
{
    store = aws_scene_store(false, "store", "SecretsManager", "");
    answer("GetSecretValue", 400, AWS_REFUSAL("ResourceNotFoundException"));
    reads[0] = (struct remote_read){.key = SV("a"), .may_miss = true};
    ck_assert_msg(read_for(false, 0, 1), "%s", err.message);
    ck_assert(reads[0].missing);
    ck_assert_uint_eq(reads[0].value.bytes.len, 0);
    answer("GetSecretValue", 400, AWS_REFUSAL("AccessDeniedException"));
    reads[0] = (struct remote_read){.key = SV("b"), .may_miss = true};
    ck_assert(!read_for(false, 0, 1));
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert(!reads[0].missing);
}
END_TEST

START_TEST(what_may_fail_is_no_failure_of_the_others)
{
    store = aws_scene_store(false, "store", "SecretsManager", "");
    answer("BatchGetSecretValue", 200,
           "{'SecretValues':[" SECRET_ANSWER(
               "a", "v1", "'SecretString':'A'") "],'Errors':[{'SecretId':'b','ErrorCode':"
                                                "'AccessDeniedException','Message':'hunter2'},{"
                                                "'SecretId':'c','ErrorCode':"
                                                "'ResourceNotFoundException','Message':'hunter2'}]"
                                                "}");
    answer("GetSecretValue", 400, AWS_REFUSAL("AccessDeniedException"));
    for (size_t i = 0; i < READS_MAX; i++) {
        static const struct str_view keys[READS_MAX] = {{"a", 1}, {"b", 1}, {"c", 1}};
        reads[i] = (struct remote_read){.key = keys[i], .may_miss = true, .may_fail = true};
    }
    ck_assert_msg(read_for(true, 0, READS_MAX), "%s", err.message);
    ck_assert(value_is(0, "A") && !reads[0].failed && !reads[0].missing);
    ck_assert(reads[1].failed && !reads[1].missing);
    ck_assert(reads[2].missing && !reads[2].failed);
}
END_TEST

/* A version that a parameter does not have is a mistake, whatever may be missing. */
START_TEST(a_missing_version_is_no_missing_parameter)
{
    store = aws_scene_store(false, "store", "ParameterStore", "");
    answer("GetParameter", 400, AWS_REFUSAL("ParameterVersionNotFound"));
    reads[0] = (struct remote_read){.key = SV("a"), .version = SV("9"), .may_miss = true};
    ck_assert(!read_for(false, 0, 1));
    ck_assert_int_eq(err.kind, ERR_MISSING);
}
END_TEST

START_TEST(tags_are_asked_for_by_a_description_and_never_by_a_value)
{
    store = aws_scene_store(false, "store", "SecretsManager", ",'prefix':'prod/'");
    answer("DescribeSecret", 200,
           "{'ARN':'" SECRET_ARN "prod/db-AbCdEf','Name':'prod/db','Tags':[{'Key':'team','Value':"
           "'b'},{'Key':'env','Value':'<x>'}]}");
    reads[0] = (struct remote_read){.key = SV("db"), .metadata = true};
    ck_assert_msg(read_for(false, 0, 1), "%s", err.message);
    ck_assert(value_is(0, "{\"env\":\"\\u003cx\\u003e\",\"team\":\"b\"}"));
    ck_assert_int_eq(contact, REMOTE_ANSWERED);
    ck_assert_str_eq(api_find("POST", "DescribeSecret")->asked, "{\"SecretId\":\"prod/db\"}");
    ck_assert_uint_eq(api_count("POST", "GetSecretValue"), 0);
    ck_assert_uint_eq(api_total(), 1);
}
END_TEST

START_TEST(who_has_no_identity_reads_nothing_and_the_store_is_named)
{
    store = aws_scene_store(false, "mine", "SecretsManager",
                            ",'auth':{'jwt':{'serviceAccountRef':{'name':'sa'}}}");
    pthread_mutex_lock(&api.mutex);
    api_set("GET", "/serviceaccounts/sa", 404, "{}");
    pthread_mutex_unlock(&api.mutex);
    reads[0] = (struct remote_read){.key = SV("a")};
    ck_assert(!read_for(true, 0, 1));
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert_int_eq(contact, REMOTE_NOT_ASKED);
    ck_assert_ptr_eq(strstr(err.message, "store mine: "), err.message);
    ck_assert_uint_eq(api_total(), 1);
}
END_TEST

static struct store *decode_store(const char *provider)
{
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'n','name':'store'},'spec':{'provider':{%s}}}", provider);
    struct store *decoded = NULL;
    ck_assert_msg(store_decode(json.root, false, &decoded, &err), "%s", err.message);
    json_text_done(&json);
    return decoded;
}

START_TEST(the_fake_provider_answers_with_its_own_values)
{
    store = decode_store("'fake':{'data':[{'key':'a','value':'hunter2'}]}");
    reads[0] = (struct remote_read){.key = SV("a")};
    ck_assert_msg(read_for(false, 0, 1), "%s", err.message);
    ck_assert(value_is(0, "hunter2"));
    ck_assert_uint_eq(api_total(), 0);
}
END_TEST

START_TEST(another_provider_is_not_asked)
{
    store = decode_store("'vault':{}");
    reads[0] = (struct remote_read){.key = SV("a")};
    ck_assert(!read_for(false, 0, 1));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_str_eq(err.message, "store store: its provider is not supported");
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/sources");
    TCase *tcase = tcase_create("sources");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, a_secret_is_read_under_the_prefix_of_its_store);
    tcase_add_test(tcase, a_parameter_is_read_from_parameter_store);
    tcase_add_test(tcase, several_are_read_by_one_call_and_each_gets_its_own);
    tcase_add_loop_test(tcase, a_value_is_the_text_or_the_bytes_whichever_is_wanted, 0,
                        ARRAY_LEN(kinds));
    tcase_add_test(tcase, a_value_may_be_as_old_as_is_said);
    tcase_add_test(tcase, only_who_is_waited_for_takes_an_old_value_from_a_failing_service);
    tcase_add_test(tcase, a_value_that_another_identity_has_read_is_asked_for_again);
    tcase_add_test(tcase, credentials_that_are_refused_are_an_answer);
    tcase_add_test(tcase, one_value_that_is_missing_fails_all_and_says_which);
    tcase_add_test(tcase, what_could_not_be_asked_is_no_empty_value);
    tcase_add_test(tcase, what_may_be_missing_is_an_answer);
    tcase_add_test(tcase, what_may_fail_is_no_failure_of_the_others);
    tcase_add_test(tcase, a_missing_version_is_no_missing_parameter);
    tcase_add_test(tcase, tags_are_asked_for_by_a_description_and_never_by_a_value);
    tcase_add_test(tcase, who_has_no_identity_reads_nothing_and_the_store_is_named);
    tcase_add_test(tcase, the_fake_provider_answers_with_its_own_values);
    tcase_add_test(tcase, another_provider_is_not_asked);
    suite_add_tcase(suite, tcase);
    return suite;
}
