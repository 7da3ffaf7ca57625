/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/ssm_messages.h"
#include "base/limits.h"
#include "service_script.h"

static const struct sm_tag tags[] = {{BYTES("team"), BYTES("a\"b")}, {BYTES("env"), BYTES("prod")}};

#define TEAM "{\"Key\":\"tag:team\",\"Option\":\"Equals\",\"Values\":[\"a\\\"b\"]}"
#define ENV "{\"Key\":\"tag:env\",\"Option\":\"Equals\",\"Values\":[\"prod\"]}"
#define PATH "{\"Key\":\"Path\",\"Option\":\"Recursive\",\"Values\":[\"/prod\"]}"

static const struct {
    struct ssm_list list;
    const char *token;
    const char *body;
} requests[] = {
    {{.max_pages = 1}, "", "{\"MaxResults\":50}"},
    {{.path = BYTES("/prod")}, "", "{\"MaxResults\":50,\"ParameterFilters\":[" PATH "]}"},
    {{.tags = tags, .tag_count = 1}, "", "{\"MaxResults\":50,\"ParameterFilters\":[" TEAM "]}"},
    {{.path = BYTES("/prod"), .tags = tags, .tag_count = 2},
     "t",
     "{\"MaxResults\":50,\"ParameterFilters\":[" TEAM "," ENV "," PATH "],\"NextToken\":\"t\"}"},
};

START_TEST(asks_for_exact_tags_and_a_path)
{
    CLEANUP(buf_done) struct buf body = {0};
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    ssm_list_compose(&requests[_i].list, sv_of(requests[_i].token), &body);
    ck_assert_str_eq(body.data, requests[_i].body);
}
END_TEST

/* Writes down what it is shown, and stops at a name. */
struct witness {
    struct buf seen;
    const char *stop_at;
};

static struct service_script script;
static struct witness witness;
static struct service_error error;
static struct err err;

static void setup(void)
{
    service_script_init(&script, ENDPOINT_SSM);
    witness = (struct witness){0};
    buf_init(&witness.seen, 1024);
}

static void teardown(void)
{
    service_script_done(&script);
    buf_done(&witness.seen);
}

static bool saw_name(void *context, struct str_view name)
{
    struct witness *into = context;
    buf_printf(&into->seen, "%.*s;", SV_ARG(name));
    return !into->stop_at || !sv_is(name, into->stop_at);
}

static bool saw_tags(void *context, const struct sm_description *description)
{
    struct witness *into = context;
    for (size_t i = 0; i < description->tag_count; i++) {
        buf_printf(&into->seen, "%.*s=%.*s;", SV_ARG(description->tags[i].key),
                   SV_ARG(description->tags[i].value));
    }
    return true;
}

static const struct str_view no_pages[] = {
    BYTES("hunter2"),
    BYTES("{\"Parameters\":{}}"),
    BYTES("{\"Parameters\":[\"hunter2\"]}"),
    BYTES("{\"Parameters\":[{\"Type\":\"hunter2\"}]}"),
    BYTES("{\"Parameters\":[{\"Name\":\"a b\"}]}"),
    BYTES("{\"NextToken\":1}"),
};

START_TEST(refuses_what_is_no_page)
{
    CLEANUP(secret_buf_done) struct secret_buf answer = {0};
    CLEANUP(buf_done) struct buf token = {0};
    bool enough = false;
    buf_init(&token, 4096);
    answer_of(no_pages[_i], &answer);
    ck_assert(!ssm_list_read(&answer, saw_name, &witness, &token, &enough, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_uint_eq(witness.seen.len, 0);
}
END_TEST

static bool describe(unsigned max_pages)
{
    const struct ssm_list list = {.path = SV("/p"), .max_pages = max_pages};
    return ssm_describe_parameters(&script.target, &list, saw_name, &witness, &error, &err);
}

#define PAGE_A "{\"Parameters\":[{\"Name\":\"/p/a\",\"Type\":\"String\"}],\"NextToken\":\"1\"}"
#define EMPTY_PAGE "{\"Parameters\":[],\"NextToken\":\"2\"}"
#define PAGE_B "{\"Parameters\":[{\"Name\":\"/p/b\"},{\"Name\":\"/p/c/d\"}]}"

static void add_pages(void)
{
    service_script_add(&script, 200, SV(PAGE_A));
    service_script_add(&script, 200, SV(EMPTY_PAGE));
    service_script_add(&script, 200, SV(PAGE_B));
}

START_TEST(tells_of_all_pages)
{
    add_pages();
    ck_assert_msg(describe(3), "%s", err.message);
    ck_assert_str_eq(witness.seen.data, "/p/a;/p/b;/p/c/d;");
    ck_assert_str_eq(script.operations[0], "AmazonSSM.DescribeParameters");
    ck_assert_ptr_null(strstr(script.bodies[0], "NextToken"));
    ck_assert_ptr_nonnull(strstr(script.bodies[2], "\"NextToken\":\"2\""));
}
END_TEST

START_TEST(stops_when_told_to)
{
    add_pages();
    witness.stop_at = "/p/b";
    ck_assert(describe(3));
    ck_assert_str_eq(witness.seen.data, "/p/a;/p/b;");
}
END_TEST

START_TEST(more_pages_than_allowed_are_an_error)
{
    add_pages();
    ck_assert(!describe(2));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

START_TEST(any_page_can_fail)
{
    add_pages();
    script.fail_at = (size_t)_i;
    ck_assert(!describe(3));
    ck_assert_uint_eq(script.sent, (size_t)_i);
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.message, "list of parameters /p in eu-central-1: "));
}
END_TEST

static bool list_tags(const char *key, const char *version)
{
    const struct ssm_ref ref = {.key = sv_of(key), .version = sv_of(version)};
    return ssm_list_tags(&script.target, &ref, saw_tags, &witness, &error, &err);
}

START_TEST(lists_the_tags_of_a_parameter)
{
    service_script_add(&script, 200,
                       SV("{\"TagList\":[{\"Key\":\"a\",\"Value\":\"1\"},{\"Key\":\"b\"}]}"));
    ck_assert_msg(list_tags("/p/a", "3"), "%s", err.message);
    ck_assert_str_eq(witness.seen.data, "a=1;b=;");
    ck_assert_str_eq(script.operations[0], "AmazonSSM.ListTagsForResource");
    ck_assert_str_eq(script.bodies[0],
                     "{\"ResourceType\":\"Parameter\",\"ResourceId\":\"/p/a:3\"}");
}
END_TEST

START_TEST(a_parameter_without_tags_has_none)
{
    service_script_add(&script, 200, SV("{}"));
    ck_assert(list_tags("/p/a", ""));
    ck_assert_uint_eq(witness.seen.len, 0);
}
END_TEST

static const struct script_step no_tags[] = {
    {200, BYTES("{\"TagList\":[\"hunter2\"]}")},
    {200, BYTES("{\"TagList\":[{\"Key\":1}]}")},
    {200, BYTES("hunter2")},
    {400, BYTES("{\"__type\":\"InvalidResourceId\",\"message\":\"hunter2\"}")},
    {0, BYTES("")},
};

START_TEST(says_whose_tags_could_not_be_read)
{
    service_script_add(&script, no_tags[_i].status, no_tags[_i].body);
    ck_assert(!list_tags("/p/a", ""));
    ck_assert_ptr_nonnull(strstr(err.message, "tags of parameter /p/a in eu-central-1: "));
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_uint_eq(witness.seen.len, 0);
}
END_TEST

START_TEST(sends_nothing_for_a_name_nobody_can_mean)
{
    ck_assert(!list_tags("", ""));
    ck_assert_uint_eq(script.sent, 0);
    ck_assert_int_eq(err.kind, ERR_INVALID);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("aws/ssm_list");
    TCase *messages = tcase_create("messages");
    tcase_add_checked_fixture(messages, setup, teardown);
    tcase_add_loop_test(messages, asks_for_exact_tags_and_a_path, 0, ARRAY_LEN(requests));
    tcase_add_loop_test(messages, refuses_what_is_no_page, 0, ARRAY_LEN(no_pages));
    suite_add_tcase(suite, messages);
    TCase *calls = tcase_create("calls");
    tcase_add_checked_fixture(calls, setup, teardown);
    tcase_add_test(calls, tells_of_all_pages);
    tcase_add_test(calls, stops_when_told_to);
    tcase_add_test(calls, more_pages_than_allowed_are_an_error);
    tcase_add_loop_test(calls, any_page_can_fail, 1, 4);
    tcase_add_test(calls, lists_the_tags_of_a_parameter);
    tcase_add_test(calls, a_parameter_without_tags_has_none);
    tcase_add_loop_test(calls, says_whose_tags_could_not_be_read, 0, ARRAY_LEN(no_tags));
    tcase_add_test(calls, sends_nothing_for_a_name_nobody_can_mean);
    suite_add_tcase(suite, calls);
    return suite;
}
