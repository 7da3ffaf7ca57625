/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/read_ahead.h"

#include "aws_scene.h"
#include "aws_values.h"
#include "check_main.h"

enum {
    MEMBERS_MAX = 8,
};

static const struct external_secret *members[MEMBERS_MAX];
static size_t member_count;

static void setup(void)
{
    aws_scene_begin();
    member_count = 0;
}

static void teardown(void)
{
    for (size_t i = 0; i < member_count; i++) {
        external_secret_release((struct external_secret *)members[i]);
    }
    aws_scene_end();
}

static void put_store(bool cluster, const char *name, const char *service, const char *extra)
{
    world_put_store(scene.world, aws_scene_store(cluster, name, service, extra));
}

#define DATA(key) "{'secretKey':'" key "','remoteRef':{'key':'" key "'}}"

static void add(const char *namespace, const char *name, const char *store, const char *data)
{
    ck_assert_uint_lt(member_count, MEMBERS_MAX);
    members[member_count++] = aws_scene_external_secret(namespace, name, store, data);
}

static void answer(const char *method, const char *part, unsigned status, const char *body)
{
    pthread_mutex_lock(&api.mutex);
    api_set(method, part, status, "%s", body);
    pthread_mutex_unlock(&api.mutex);
}

static void read_members(void)
{
    read_ahead(scene.clients, members, member_count, aws_scene_deadline(), NULL);
}

static size_t cached(void)
{
    return value_cache_numbers(aws_services_values(scene.services)).entries;
}

#define VALUE(name) SECRET_ANSWER(name, "v1", "'SecretString':'" name "'")

START_TEST(what_one_identity_reads_goes_in_one_call)
{
    put_store(false, "one", "SecretsManager", "");
    put_store(false, "two", "SecretsManager", ",'prefix':'p/'");
    put_store(true, "three", "SecretsManager", "");
    add("n", "a", "one", DATA("a"));
    add("n", "b", "two", DATA("b"));
    add("m", "c", "three", DATA("c"));
    answer("POST", "BatchGetSecretValue", 200,
           BATCH_ANSWER(VALUE("a") "," VALUE("p/b") "," VALUE("c")));
    read_members();
    ck_assert_uint_eq(api_total(), 1);
    ck_assert_ptr_nonnull(strstr(api_find("POST", "BatchGetSecretValue")->asked,
                                 "\"SecretIdList\":[\"a\",\"p/b\",\"c\"]"));
    ck_assert_uint_eq(cached(), 3);
}
END_TEST

START_TEST(identities_services_and_regions_stay_apart)
{
    put_store(false, "own", "SecretsManager", "");
    put_store(false, "role", "SecretsManager", ",'role':'arn:aws:iam::1:role/r'");
    put_store(false, "parameters", "ParameterStore", "");
    add("n", "a", "own", DATA("a") "," DATA("b"));
    add("n", "b", "role", DATA("a") "," DATA("b"));
    add("n", "c", "parameters", DATA("a") "," DATA("b"));
    answer("POST", "Action=AssumeRole&", 200, AWS_SCENE_STS("AssumeRole"));
    answer("POST", "BatchGetSecretValue", 200, BATCH_ANSWER(VALUE("a") "," VALUE("b")));
    answer("POST", "AmazonSSM.GetParameters", 200,
           "{'Parameters':[{'Name':'a','Value':'A','Version':1},{'Name':'b','Value':'B',"
           "'Version':1}]}");
    read_members();
    ck_assert_uint_eq(api_count("POST", "BatchGetSecretValue"), 2);
    ck_assert_uint_eq(api_count("POST", "AmazonSSM.GetParameters"), 1);
    ck_assert_uint_eq(cached(), 6);
}
END_TEST

static unsigned said;

static void note_asked(void *context)
{
    (void)context;
    said++;
}

/* Whichever of the two comes first. */
START_TEST(says_once_that_all_is_asked_for_though_a_single_read_is_left)
{
    static const struct reader_notice notice = {.asked = note_asked};
    put_store(false, "own", "SecretsManager", "");
    put_store(false, "parameters", "ParameterStore", "");
    add("n", "a", "own", DATA("a") "," DATA("b"));
    add("n", "b", "parameters", DATA("a"));
    answer("POST", "BatchGetSecretValue", 200, BATCH_ANSWER(VALUE("a") "," VALUE("b")));
    said = 0;
    read_ahead(scene.clients, members, member_count, aws_scene_deadline(), &notice);
    ck_assert_uint_eq(api_total(), 1);
    ck_assert_uint_eq(said, 1);
}
END_TEST

START_TEST(a_single_read_is_left_to_who_needs_it)
{
    put_store(false, "store", "SecretsManager", "");
    put_store(false, "parameters", "ParameterStore", "");
    add("n", "a", "store", DATA("a"));
    add("n", "b", "parameters", DATA("a"));
    read_members();
    ck_assert_uint_eq(api_total(), 0);
}
END_TEST

/* It has been asked for by another, who reads it with more. */
START_TEST(who_goes_along_asks_for_nothing)
{
    put_store(false, "store", "SecretsManager", "");
    add("n", "a", "store", DATA("a"));
    add("n", "b", "store", DATA("b"));
    answer("POST", "BatchGetSecretValue", 200, BATCH_ANSWER(VALUE("a") "," VALUE("b")));
    read_members();
    read_along(scene.clients, members[1], aws_scene_deadline());
    ck_assert_uint_eq(api_total(), 1);
    /* Nobody has asked for that. */
    add("n", "c", "store", DATA("c"));
    read_along(scene.clients, members[2], aws_scene_deadline());
    ck_assert_uint_eq(api_total(), 1);
    ck_assert_uint_eq(cached(), 2);
}
END_TEST

START_TEST(what_cannot_be_rendered_is_passed_over)
{
    put_store(false, "store", "SecretsManager", "");
    put_store(false, "unsupported", "SecretsManager", ",'future':1");
    add("n", "a", "store", DATA("a") "," DATA("b"));
    add("n", "b", "unsupported", DATA("c") "," DATA("d"));
    add("n", "c", "missing", DATA("e") "," DATA("f"));
    add("n", "d", "store", "{'secretKey':'g','remoteRef':{'key':'g','metadataPolicy':'Fetch'}}");
    answer("POST", "BatchGetSecretValue", 200, BATCH_ANSWER(VALUE("a") "," VALUE("b")));
    read_members();
    ck_assert_uint_eq(api_total(), 1);
    ck_assert_ptr_nonnull(
        strstr(api_find("POST", "BatchGetSecretValue")->asked, "\"SecretIdList\":[\"a\",\"b\"]"));
}
END_TEST

START_TEST(who_may_not_use_the_store_is_passed_over)
{
    world_put_store(scene.world, aws_scene_closed_store("store"));
    aws_scene_namespace("m", "'admitted':'yes'");
    aws_scene_namespace("o", "'admitted':'no'");
    add("m", "a", "store", DATA("a") "," DATA("b"));
    add("o", "b", "store", DATA("c") "," DATA("d"));
    add("unknown", "c", "store", DATA("e") "," DATA("f"));
    answer("POST", "BatchGetSecretValue", 200, BATCH_ANSWER(VALUE("a") "," VALUE("b")));
    read_members();
    ck_assert_uint_eq(api_total(), 1);
    ck_assert_ptr_nonnull(
        strstr(api_find("POST", "BatchGetSecretValue")->asked, "\"SecretIdList\":[\"a\",\"b\"]"));
}
END_TEST

START_TEST(an_identity_is_looked_for_once_for_all_of_a_store)
{
    put_store(true, "store", "SecretsManager",
              ",'auth':{'jwt':{'serviceAccountRef':{'name':'sa','namespace':'x'}}}");
    add("m", "a", "store", DATA("a"));
    add("m", "b", "store", DATA("b"));
    add("o", "c", "store", DATA("c"));
    answer("GET", "/namespaces/x/serviceaccounts/sa", 200,
           "{'metadata':{'uid':'u','annotations':{'eks.amazonaws.com/role-arn':"
           "'arn:aws:iam::1:role/r'}}}");
    answer("POST", "/token", 201, "{'status':{'token':'e30.e30.c2ln'}}");
    answer("POST", "Action=AssumeRoleWithWebIdentity", 200,
           AWS_SCENE_STS("AssumeRoleWithWebIdentity"));
    answer("POST", "BatchGetSecretValue", 200,
           BATCH_ANSWER(VALUE("a") "," VALUE("b") "," VALUE("c")));
    read_members();
    /* Once for each namespace, which may make a difference; here it does not. */
    ck_assert_uint_eq(api_count("GET", "/namespaces/x/serviceaccounts/sa"), 2);
    ck_assert_uint_eq(api_count("POST", "BatchGetSecretValue"), 1);
    ck_assert_uint_eq(cached(), 3);
}
END_TEST

START_TEST(an_identity_that_is_not_found_is_looked_for_once_too)
{
    put_store(false, "store", "SecretsManager",
              ",'auth':{'jwt':{'serviceAccountRef':{'name':'sa'}}}");
    put_store(false, "other", "SecretsManager", "");
    add("n", "a", "store", DATA("a"));
    add("n", "b", "store", DATA("b"));
    add("n", "c", "store", DATA("c"));
    add("n", "d", "other", DATA("a") "," DATA("b"));
    answer("GET", "/serviceaccounts/sa", 404, "{}");
    answer("POST", "BatchGetSecretValue", 200, BATCH_ANSWER(VALUE("a") "," VALUE("b")));
    read_members();
    ck_assert_uint_eq(api_count("GET", "/serviceaccounts/sa"), 1);
    /* It holds back nobody else. */
    ck_assert_uint_eq(api_count("POST", "BatchGetSecretValue"), 1);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/read_ahead");
    TCase *tcase = tcase_create("read_ahead");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_one_identity_reads_goes_in_one_call);
    tcase_add_test(tcase, identities_services_and_regions_stay_apart);
    tcase_add_loop_test(tcase, says_once_that_all_is_asked_for_though_a_single_read_is_left, 0, 8);
    tcase_add_test(tcase, a_single_read_is_left_to_who_needs_it);
    tcase_add_test(tcase, who_goes_along_asks_for_nothing);
    tcase_add_test(tcase, what_cannot_be_rendered_is_passed_over);
    tcase_add_test(tcase, who_may_not_use_the_store_is_passed_over);
    tcase_add_test(tcase, an_identity_is_looked_for_once_for_all_of_a_store);
    tcase_add_test(tcase, an_identity_that_is_not_found_is_looked_for_once_too);
    suite_add_tcase(suite, tcase);
    return suite;
}
