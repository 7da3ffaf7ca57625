/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/aws_find.h"

#include "aws_scene.h"
#include "aws_values.h"
#include "base/limits.h"
#include "check_main.h"
#include "webhook/sources.h"

static struct store *store;
static struct regex *name;
static struct data_map found;
static struct err err;
static enum remote_contact contact;
static struct string_pair tags[2];

static void setup(void)
{
    aws_scene_begin();
    store = NULL;
    name = NULL;
    err = (struct err){0};
}

static void teardown(void)
{
    regex_free(name);
    data_map_done(&found);
    store_release(store);
    aws_scene_end();
}

static void answer(const char *part, unsigned status, const char *body)
{
    pthread_mutex_lock(&api.mutex);
    api_set("POST", part, status, "%s", body);
    pthread_mutex_unlock(&api.mutex);
}

static const char *asked(const char *part)
{
    return api_find("POST", part)->asked;
}

static bool find_as(bool waiting, const char *path, const char *pattern, size_t tag_count)
{
    const struct secret_source source = sources_for(scene.clients);
    const struct remote_request request = {
        .store = store,
        .namespace = SV("n"),
        .waiting = waiting,
        .deadline_ms = aws_scene_deadline(),
        .contact = &contact,
    };
    contact = REMOTE_NOT_ASKED;
    if (pattern) {
        ck_assert_msg(regex_compile(sv_of(pattern), NULL, &name, &err), "%s", err.message);
    }
    const struct remote_find find = {
        .path = sv_of(path), .name = name, .tags = tags, .tag_count = tag_count};
    return source.find(source.context, &request, &find, &found, &err);
}

static bool find(const char *path, const char *pattern, size_t tag_count)
{
    return find_as(false, path, pattern, tag_count);
}

static bool is_found(const char *key, const char *value)
{
    const struct data_entry *entry = data_map_get(&found, sv_of(key));
    return entry && sv_is(secret_buf_view(&entry->value), value);
}

#define LISTED(name, tags)                                                                         \
    "{'Name':'" name "','ARN':'" SECRET_ARN name "-AbCdEf','Tags':[" tags "]}"
#define TAG(key, value) "{'Key':'" key "','Value':'" value "'}"
#define ENTRY(name, value) SECRET_ANSWER(name, "v1", "'SecretString':'" value "'")

START_TEST(secrets_whose_name_matches_are_read_together_without_the_prefix)
{
    store = aws_scene_store(false, "store", "SecretsManager", ",'prefix':'other/'");
    answer("ListSecrets", 200,
           "{'SecretList':[" LISTED("prod/db", "") "," LISTED("prod/mail", "") "," LISTED("test/db",
                                                                                          "") "]}");
    answer("BatchGetSecretValue", 200,
           BATCH_ANSWER(ENTRY("prod/db", "hunter2") "," ENTRY("prod/mail", "hunter3")));
    ck_assert_msg(find("", "^prod/", 0), "%s", err.message);
    ck_assert_uint_eq(found.count, 2);
    ck_assert(is_found("prod/db", "hunter2"));
    ck_assert(is_found("prod/mail", "hunter3"));
    ck_assert_str_eq(asked("ListSecrets"), "{\"MaxResults\":100}");
    ck_assert_ptr_null(strstr(asked("BatchGetSecretValue"), "other/"));
}
END_TEST

/* The service matches prefixes and does not pair keys with values. */
START_TEST(tags_and_path_are_compared_here)
{
    store = aws_scene_store(false, "store", "SecretsManager", "");
    tags[0] = (struct string_pair){SV("env"), SV("prod")};
    answer("ListSecrets", 200,
           "{'SecretList':[" LISTED("a/1", TAG("env", "prod")) "," LISTED(
               "a/2",
               TAG("env", "production")) "," LISTED("a/3",
                                                    TAG("env", "x") "," TAG("other", "prod")) "]}");
    answer("GetSecretValue", 200, ENTRY("a/1", "hunter2"));
    ck_assert_msg(find("a/", NULL, 1), "%s", err.message);
    ck_assert_uint_eq(found.count, 1);
    ck_assert(is_found("a/1", "hunter2"));
    ck_assert_ptr_nonnull(strstr(asked("ListSecrets"), "{\"Key\":\"name\",\"Values\":[\"a/\"]}"));
}
END_TEST

START_TEST(a_binary_value_counts_before_a_text)
{
    store = aws_scene_store(false, "store", "SecretsManager", "");
    answer("ListSecrets", 200, "{'SecretList':[" LISTED("db", "") "]}");
    answer("GetSecretValue", 200,
           SECRET_ANSWER("db", "v1", "'SecretString':'text','SecretBinary':'aHVudGVyMg=='"));
    ck_assert_msg(find("", "db", 0), "%s", err.message);
    ck_assert(is_found("db", "hunter2"));
}
END_TEST

START_TEST(nothing_found_is_an_empty_map)
{
    store = aws_scene_store(false, "store", "SecretsManager", "");
    answer("ListSecrets", 200, "{'SecretList':[" LISTED("db", "") "]}");
    ck_assert_msg(find("", "mail", 0), "%s", err.message);
    ck_assert_uint_eq(found.count, 0);
    ck_assert_int_eq(contact, REMOTE_ANSWERED);
}
END_TEST

START_TEST(one_that_was_deleted_meanwhile_is_left_out)
{
    store = aws_scene_store(false, "store", "SecretsManager", "");
    answer("ListSecrets", 200, "{'SecretList':[" LISTED("db", "") "]}");
    answer("GetSecretValue", 400, AWS_REFUSAL("ResourceNotFoundException"));
    ck_assert_msg(find("", "db", 0), "%s", err.message);
    ck_assert_uint_eq(found.count, 0);
}
END_TEST

START_TEST(one_that_may_not_be_read_fails_the_whole)
{
    store = aws_scene_store(false, "store", "SecretsManager", "");
    answer("ListSecrets", 200, "{'SecretList':[" LISTED("db", "") "]}");
    answer("GetSecretValue", 400, AWS_REFUSAL("AccessDeniedException"));
    ck_assert(!find("", "db", 0));
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_uint_eq(found.count, 0);
}
END_TEST

START_TEST(more_than_a_find_may_bring_is_an_error_and_no_part)
{
    CLEANUP(buf_done) struct buf list = {0};
    buf_init(&list, LIMIT_AWS_LIST_BYTES);
    store = aws_scene_store(false, "store", "SecretsManager", "");
    buf_add_str(&list, "{'SecretList':[");
    for (int i = 0; i <= LIMIT_FIND_SECRETS; i++) {
        buf_printf(&list, "%s{'Name':'db-%d','ARN':'a'}", i ? "," : "", i);
    }
    buf_add_str(&list, "]}");
    answer("ListSecrets", 200, list.data);
    ck_assert(!find("", "db", 0));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_uint_eq(found.count, 0);
}
END_TEST

#define BELOW "{'Parameters':[{'Name':'/p/a','Value':'A'},{'Name':'/p/b/c','Value':'C'}]}"

START_TEST(parameters_come_by_path_and_name_and_tags_do_not_count_then)
{
    store = aws_scene_store(false, "store", "ParameterStore", "");
    tags[0] = (struct string_pair){SV("env"), SV("prod")};
    answer("GetParametersByPath", 200, BELOW);
    ck_assert_msg(find("/p", "c$", 1), "%s", err.message);
    ck_assert_uint_eq(found.count, 1);
    ck_assert(is_found("/p/b/c", "C"));
    ck_assert_ptr_nonnull(strstr(asked("GetParametersByPath"), "\"Path\":\"/p\""));
}
END_TEST

START_TEST(without_a_path_all_parameters_are_looked_at)
{
    store = aws_scene_store(false, "store", "ParameterStore", "");
    answer("GetParametersByPath", 200, BELOW);
    ck_assert_msg(find("", ".", 0), "%s", err.message);
    ck_assert_uint_eq(found.count, 2);
    ck_assert_ptr_nonnull(strstr(asked("GetParametersByPath"), "\"Path\":\"/\""));
}
END_TEST

START_TEST(parameters_by_tags_are_described_and_read_by_name)
{
    store = aws_scene_store(false, "store", "ParameterStore", "");
    tags[0] = (struct string_pair){SV("env"), SV("prod")};
    answer("DescribeParameters", 200, "{'Parameters':[{'Name':'/p/a'}]}");
    answer("AmazonSSM.GetParameter", 200, PARAMETER_ANSWER("/p/a", "1", "hunter2"));
    ck_assert_msg(find("/p", NULL, 1), "%s", err.message);
    ck_assert(is_found("/p/a", "hunter2"));
    ck_assert_str_eq(asked("DescribeParameters"),
                     "{\"MaxResults\":50,\"ParameterFilters\":[{\"Key\":\"tag:env\",\"Option\":"
                     "\"Equals\",\"Values\":[\"prod\"]},{\"Key\":\"Path\",\"Option\":\"Recursive\","
                     "\"Values\":[\"/p\"]}]}");
}
END_TEST

START_TEST(who_may_not_read_by_path_describes)
{
    store = aws_scene_store(false, "store", "ParameterStore", "");
    answer("GetParametersByPath", 400, AWS_REFUSAL("AccessDeniedException"));
    answer("DescribeParameters", 200, "{'Parameters':[{'Name':'/p/a'},{'Name':'/p/b'}]}");
    answer("AmazonSSM.GetParameter", 200, PARAMETER_ANSWER("/p/a", "1", "hunter2"));
    ck_assert_msg(find("/p", "a$", 0), "%s", err.message);
    ck_assert_uint_eq(found.count, 1);
    ck_assert(is_found("/p/a", "hunter2"));
}
END_TEST

START_TEST(that_reading_by_path_is_denied_is_an_answer)
{
    store = aws_scene_store(false, "store", "ParameterStore", "");
    answer("GetParametersByPath", 400, AWS_REFUSAL("AccessDeniedException"));
    answer("DescribeParameters", 0, "");
    ck_assert(!find("/p", "a$", 0));
    ck_assert_int_eq(err.kind, ERR_BUSY);
    ck_assert_int_eq(contact, REMOTE_ANSWERED);
}
END_TEST

START_TEST(neither_a_name_nor_tags_is_a_mistake)
{
    store = aws_scene_store(false, "store", "SecretsManager", "");
    ck_assert(!find("a/", NULL, 0));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_uint_eq(api_total(), 0);
}
END_TEST

static void silent_after_one_page(struct api_route *route)
{
    if (strcmp(route->part, "ListSecrets") == 0 && route->count == 2) {
        route->status = 0;
    }
}

/* Only a store that has said nothing at all keeps others waiting. */
START_TEST(a_list_that_was_not_read_to_its_end_is_no_silence)
{
    store = aws_scene_store(false, "store", "SecretsManager", "");
    answer("ListSecrets", 200, "{'SecretList':[" LISTED("a/1", "") "],'NextToken':'t'}");
    api.asked = silent_after_one_page;
    ck_assert(!find("", "a", 0));
    ck_assert_int_eq(err.kind, ERR_BUSY);
    ck_assert_uint_eq(found.count, 0);
    ck_assert_int_eq(contact, REMOTE_ANSWERED);
}
END_TEST

START_TEST(a_list_of_which_nothing_came_is_silence)
{
    store = aws_scene_store(false, "store", "SecretsManager", "");
    answer("ListSecrets", 0, "");
    ck_assert(!find("", "a", 0));
    ck_assert_int_eq(err.kind, ERR_TIMEOUT);
    ck_assert_int_eq(contact, REMOTE_ASKED);
}
END_TEST

START_TEST(nobody_waits_for_a_find)
{
    store = aws_scene_store(false, "store", "SecretsManager", "");
    ck_assert(!find_as(true, "", "a", 0));
    ck_assert_int_eq(err.kind, ERR_BUSY);
    ck_assert_uint_eq(api_total(), 0);
    ck_assert_int_eq(contact, REMOTE_NOT_ASKED);
}
END_TEST

/* metadataPolicy Fetch. */

static bool read_tags(const char *version, struct remote_read *ret)
{
    const struct secret_source source = sources_for(scene.clients);
    const struct remote_request request = {
        .store = store, .namespace = SV("n"), .deadline_ms = aws_scene_deadline()};
    *ret = (struct remote_read){.key = SV("db"), .version = sv_of(version), .metadata = true};
    return source.read(source.context, &request, ret, 1, &err);
}

START_TEST(tags_of_a_secret_are_a_sorted_object)
{
    struct remote_read read;
    store = aws_scene_store(false, "store", "SecretsManager", ",'prefix':'prod/'");
    answer("DescribeSecret", 200,
           "{'Name':'prod/db','ARN':'a','Tags':[" TAG("z", "<1>") "," TAG("a", "2") "]}");
    ck_assert_msg(read_tags("AWSPREVIOUS", &read), "%s", err.message);
    ck_assert(sv_is(secret_buf_view(&read.value), "{\"a\":\"2\",\"z\":\"\\u003c1\\u003e\"}"));
    ck_assert_str_eq(asked("DescribeSecret"), "{\"SecretId\":\"prod/db\"}");
    secret_buf_done(&read.value);
}
END_TEST

START_TEST(tags_of_a_parameter_go_by_its_name_and_version)
{
    struct remote_read read;
    store = aws_scene_store(false, "store", "ParameterStore", "");
    answer("ListTagsForResource", 200, "{'TagList':[]}");
    ck_assert_msg(read_tags("3", &read), "%s", err.message);
    ck_assert(sv_is(secret_buf_view(&read.value), "{}"));
    ck_assert_ptr_nonnull(strstr(asked("ListTagsForResource"), "\"ResourceId\":\"db:3\""));
    secret_buf_done(&read.value);
}
END_TEST

/* The operator deletes nothing over it. */
START_TEST(tags_of_what_is_not_there_are_a_failure)
{
    struct remote_read read;
    store = aws_scene_store(false, "store", "SecretsManager", "");
    answer("DescribeSecret", 400, AWS_REFUSAL("ResourceNotFoundException"));
    ck_assert(!read_tags("", &read));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    secret_buf_done(&read.value);
}
END_TEST

/* deletionPolicy Delete and Merge. */

static bool read_maybe(const char *version, struct remote_read *ret)
{
    const struct secret_source source = sources_for(scene.clients);
    const struct remote_request request = {
        .store = store, .namespace = SV("n"), .deadline_ms = aws_scene_deadline()};
    *ret = (struct remote_read){.key = SV("db"), .version = sv_of(version), .may_miss = true};
    return source.read(source.context, &request, ret, 1, &err);
}

START_TEST(a_secret_that_is_gone_is_an_answer_where_it_may_be)
{
    struct remote_read read;
    store = aws_scene_store(false, "store", "SecretsManager", "");
    answer("GetSecretValue", 400, AWS_REFUSAL("ResourceNotFoundException"));
    ck_assert_msg(read_maybe("", &read), "%s", err.message);
    ck_assert(read.missing);
    secret_buf_done(&read.value);
}
END_TEST

START_TEST(that_a_version_is_gone_is_no_proof_that_the_parameter_is)
{
    struct remote_read read;
    store = aws_scene_store(false, "store", "ParameterStore", "");
    answer("AmazonSSM.GetParameter", 400, AWS_REFUSAL("ParameterVersionNotFound"));
    ck_assert(!read_maybe("7", &read));
    ck_assert(!read.missing);
    ck_assert_int_eq(err.kind, ERR_MISSING);
    secret_buf_done(&read.value);
}
END_TEST

START_TEST(what_may_not_be_read_is_not_gone)
{
    struct remote_read read;
    store = aws_scene_store(false, "store", "SecretsManager", "");
    answer("GetSecretValue", 400, AWS_REFUSAL("AccessDeniedException"));
    ck_assert(!read_maybe("", &read));
    ck_assert_int_eq(err.kind, ERR_DENIED);
    secret_buf_done(&read.value);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/aws_find");
    TCase *secrets = tcase_create("secrets");
    tcase_add_checked_fixture(secrets, setup, teardown);
    tcase_add_test(secrets, secrets_whose_name_matches_are_read_together_without_the_prefix);
    tcase_add_test(secrets, tags_and_path_are_compared_here);
    tcase_add_test(secrets, a_binary_value_counts_before_a_text);
    tcase_add_test(secrets, nothing_found_is_an_empty_map);
    tcase_add_test(secrets, one_that_was_deleted_meanwhile_is_left_out);
    tcase_add_test(secrets, one_that_may_not_be_read_fails_the_whole);
    tcase_add_test(secrets, more_than_a_find_may_bring_is_an_error_and_no_part);
    tcase_add_test(secrets, neither_a_name_nor_tags_is_a_mistake);
    tcase_add_test(secrets, a_list_that_was_not_read_to_its_end_is_no_silence);
    tcase_add_test(secrets, a_list_of_which_nothing_came_is_silence);
    tcase_add_test(secrets, nobody_waits_for_a_find);
    suite_add_tcase(suite, secrets);
    TCase *parameters = tcase_create("parameters");
    tcase_add_checked_fixture(parameters, setup, teardown);
    tcase_add_test(parameters, parameters_come_by_path_and_name_and_tags_do_not_count_then);
    tcase_add_test(parameters, without_a_path_all_parameters_are_looked_at);
    tcase_add_test(parameters, parameters_by_tags_are_described_and_read_by_name);
    tcase_add_test(parameters, who_may_not_read_by_path_describes);
    tcase_add_test(parameters, that_reading_by_path_is_denied_is_an_answer);
    suite_add_tcase(suite, parameters);
    TCase *metadata = tcase_create("tags and what is gone");
    tcase_add_checked_fixture(metadata, setup, teardown);
    tcase_add_test(metadata, tags_of_a_secret_are_a_sorted_object);
    tcase_add_test(metadata, tags_of_a_parameter_go_by_its_name_and_version);
    tcase_add_test(metadata, tags_of_what_is_not_there_are_a_failure);
    tcase_add_test(metadata, a_secret_that_is_gone_is_an_answer_where_it_may_be);
    tcase_add_test(metadata, that_a_version_is_gone_is_no_proof_that_the_parameter_is);
    tcase_add_test(metadata, what_may_not_be_read_is_not_gone);
    suite_add_tcase(suite, metadata);
    return suite;
}
