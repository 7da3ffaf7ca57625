/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"
#include "fake_environment.h"

#include "aws/credentials.h"

START_TEST(hands_out_the_keys_of_the_environment)
{
    const struct environment environment = fake_environment((const struct variable[]){
        {"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"},
        {"AWS_SECRET_ACCESS_KEY", "secret"},
        {"AWS_SESSION_TOKEN", "token"},
        {NULL, NULL},
    });
    CLEANUP(credentials_environment_done) struct credentials_environment source;
    struct err err = {0};
    ck_assert(credentials_environment_init(&source, &environment, &err));
    const struct credentials_source interface = credentials_environment_interface(&source);
    struct credentials *credentials = NULL;
    ck_assert(interface.get(interface.context, NULL, 0, &credentials, &err));
    ck_assert_str_eq(credentials->access_key_id, "AKIDEXAMPLE");
    ck_assert_str_eq(credentials->secret_access_key.bytes.data, "secret");
    ck_assert_str_eq(credentials->session_token.bytes.data, "token");

    struct credentials *others = NULL;
    ck_assert(!interface.get(interface.context, credentials, 0, &others, &err));
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert_ptr_null(others);
    credentials_release(credentials);
}
END_TEST

START_TEST(outlives_its_source_where_a_reference_is_held)
{
    const struct environment environment = fake_environment((const struct variable[]){
        {"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", "secret"}, {NULL, NULL}});
    struct credentials_environment source;
    struct err err = {0};
    ck_assert(credentials_environment_init(&source, &environment, &err));
    const struct credentials_source interface = credentials_environment_interface(&source);
    struct credentials *credentials = NULL;
    ck_assert(interface.get(interface.context, NULL, 0, &credentials, &err));
    credentials_environment_done(&source);
    ck_assert_str_eq(credentials->secret_access_key.bytes.data, "secret");
    credentials_release(credentials);
}
END_TEST

START_TEST(says_that_there_are_none)
{
    const struct environment environment = fake_environment((const struct variable[]){
        {"AWS_ACCESS_KEY_ID", ""}, {"AWS_SESSION_TOKEN", "t"}, {NULL, NULL}});
    CLEANUP(credentials_environment_done) struct credentials_environment source;
    struct err err = {0};
    ck_assert(credentials_environment_init(&source, &environment, &err));
    const struct credentials_source interface = credentials_environment_interface(&source);
    struct credentials *credentials = NULL;
    ck_assert(!interface.get(interface.context, NULL, 0, &credentials, &err));
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert(!err.retryable);
}
END_TEST

static const struct {
    struct variable variables[4];
    const char *named;
} wrong[] = {
    {{{"AWS_ACCESS_KEY_ID", "AKID"}}, "AWS_SECRET_ACCESS_KEY is not"},
    {{{"AWS_SECRET_ACCESS_KEY", "hunter2"}}, "AWS_ACCESS_KEY_ID is not"},
    {{{"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", "hunter2 "}}, "secret access key"},
};

START_TEST(stops_at_half_a_set)
{
    const struct environment environment = fake_environment(wrong[_i].variables);
    CLEANUP(credentials_environment_done) struct credentials_environment source;
    struct err err = {0};
    ck_assert(!credentials_environment_init(&source, &environment, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, wrong[_i].named));
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("credentials_environment");
    TCase *tcase = tcase_create("credentials_environment");
    tcase_add_test(tcase, hands_out_the_keys_of_the_environment);
    tcase_add_test(tcase, outlives_its_source_where_a_reference_is_held);
    tcase_add_test(tcase, says_that_there_are_none);
    tcase_add_loop_test(tcase, stops_at_half_a_set, 0, ARRAY_LEN(wrong));
    suite_add_tcase(suite, tcase);
    return suite;
}
