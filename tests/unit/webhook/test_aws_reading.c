/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/aws_reading.h"

#include "aws_scene.h"
#include "aws_values.h"
#include "check_main.h"

static struct err err;

static void answer(const char *part, unsigned status, const char *body)
{
    pthread_mutex_lock(&api.mutex);
    api_set("POST", part, status, "%s", body);
    pthread_mutex_unlock(&api.mutex);
}

static void setup(void)
{
    aws_scene_begin();
    err = (struct err){0};
}

START_TEST(only_stores_of_aws_are_served)
{
    static const struct {
        enum store_provider provider;
        bool served;
    } cases[] = {
        {PROVIDER_AWS_SECRETS_MANAGER, true},
        {PROVIDER_AWS_PARAMETER_STORE, true},
        {PROVIDER_FAKE, false},
        {PROVIDER_OTHER, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct store store = {.provider = cases[i].provider};
        ck_assert_int_eq(aws_reading_serves(&store), cases[i].served);
    }
}
END_TEST

START_TEST(a_key_stands_behind_the_prefix)
{
    static const struct {
        const char *prefix, *key, *whole;
    } cases[] = {{"", "db", "db"}, {"prod/", "db", "prod/db"}, {"prod", "db", "proddb"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct store store = {.aws = {.prefix = sv_of(cases[i].prefix)}};
        CLEANUP(mem_free_ptr) char *key = aws_reading_key(&store, sv_of(cases[i].key));
        ck_assert_str_eq(key, cases[i].whole);
    }
}
END_TEST

/* Reads "db" past the cache. */
static bool read_through(struct store *store, struct reader_item *item)
{
    CLEANUP(store_identity_done) struct store_identity identity = {0};
    const struct remote_request request = {
        .store = store, .namespace = SV("n"), .deadline_ms = aws_scene_deadline()};
    *item = (struct reader_item){.key = SV("db")};
    return aws_reading_identity(scene.clients, store, SV("n"), request.deadline_ms, &identity,
                                &err) &&
           aws_reading_read(scene.clients, &request, &identity, item, 1, NULL, &err);
}

START_TEST(credentials_are_fetched_once_for_all_reads)
{
    struct store *store =
        aws_scene_store(false, "store", "SecretsManager", ",'role':'arn:aws:iam::1:role/r'");
    answer("Action=AssumeRole&", 200, AWS_SCENE_STS("AssumeRole"));
    answer("GetSecretValue", 200, SECRET_ANSWER("db", "v1", "'SecretString':'hunter2'"));
    for (int i = 0; i < 3; i++) {
        struct reader_item item;
        ck_assert_msg(read_through(store, &item), "%s", err.message);
        ck_assert_str_eq(item.value.version, "v1");
        remote_value_done(&item.value);
    }
    ck_assert_uint_eq(api_count("POST", "Action=AssumeRole&"), 1);
    ck_assert_uint_eq(api_count("POST", "GetSecretValue"), 3);
    const char *signer = api_find("POST", "GetSecretValue")->signer;
    ck_assert_ptr_nonnull(signer);
    ck_assert_ptr_nonnull(strstr(signer, "Credential=ASIAEXAMPLE/"));
    store_release(store);
}
END_TEST

START_TEST(a_refusal_names_the_secret)
{
    struct reader_item item;
    struct store *store = aws_scene_store(false, "store", "SecretsManager", "");
    answer("GetSecretValue", 400, AWS_REFUSAL("AccessDeniedException"));
    ck_assert(!read_through(store, &item));
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert_int_eq(item.error.class, SERVICE_DENIED);
    ck_assert_msg(strstr(err.message, "db"), "%s", err.message);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    remote_value_done(&item.value);
    store_release(store);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/aws_reading");
    TCase *tcase = tcase_create("aws_reading");
    tcase_add_checked_fixture(tcase, setup, aws_scene_end);
    tcase_add_test(tcase, only_stores_of_aws_are_served);
    tcase_add_test(tcase, a_key_stands_behind_the_prefix);
    tcase_add_test(tcase, credentials_are_fetched_once_for_all_reads);
    tcase_add_test(tcase, a_refusal_names_the_secret);
    suite_add_tcase(suite, tcase);
    return suite;
}
