/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/secretsmanager.h"
#include "aws/secretsmanager_messages.h"
#include "base/limits.h"
#include "service_script.h"

/* Writes down what it is shown, and stops at a name. */
struct witness {
    struct buf seen;
    const char *stop_at;
};

static void witness_init(struct witness *witness)
{
    *witness = (struct witness){0};
    buf_init(&witness->seen, 65536);
    buf_add_str(&witness->seen, "");
}

static void witness_done(struct witness *witness)
{
    buf_done(&witness->seen);
}

static bool saw(void *context, const struct sm_description *description)
{
    struct witness *witness = context;
    struct buf *seen = &witness->seen;
    buf_printf(seen, "%.*s %.*s%s", SV_ARG(description->name), SV_ARG(description->arn),
               description->deleted ? " deleted" : "");
    for (size_t i = 0; i < description->tag_count; i++) {
        buf_printf(seen, " %.*s=%.*s", SV_ARG(description->tags[i].key),
                   SV_ARG(description->tags[i].value));
    }
    for (size_t i = 0; i < description->version_count; i++) {
        const struct sm_version *version = &description->versions[i];
        buf_printf(seen, " %.*s:", SV_ARG(version->id));
        for (size_t j = 0; j < version->stage_count; j++) {
            buf_printf(seen, "[%.*s]", SV_ARG(version->stages[j]));
        }
    }
    buf_add_str(seen, "\n");
    return !witness->stop_at || !sv_is(description->name, witness->stop_at);
}

/* DescribeSecret. */

static const struct {
    struct str_view answer;
    const char *seen;
} descriptions[] = {
    {BYTES("{\"ARN\":\"arn:a\",\"Name\":\"a\",\"KmsKeyId\":\"k\",\"RotationEnabled\":true,"
           "\"LastChangedDate\":1523477145.713,\"DeletedDate\":null,"
           "\"Tags\":[{\"Key\":\"k\",\"Value\":\"v\"},{\"Key\":\"empty\",\"Value\":\"\"},"
           "{\"Key\":\"none\"}],"
           "\"VersionIdsToStages\":{\"v1\":[\"AWSCURRENT\",\"blue\"],\"v2\":[\"AWSPREVIOUS\"],"
           "\"v3\":[],\"v4\":null}}"),
     "a arn:a k=v empty= none= v1:[AWSCURRENT][blue] v2:[AWSPREVIOUS] v3: v4:\n"},
    {BYTES("{\"ARN\":\"arn:a\",\"Name\":\"a\"}"), "a arn:a\n"},
    {BYTES("{\"Name\":\"a\",\"Tags\":null,\"VersionIdsToStages\":null}"), "a \n"},
    {BYTES("{\"Name\":\"a\",\"DeletedDate\":1523477145.713}"), "a  deleted\n"},
    {BYTES("{\"Name\":\"a\",\"DeletedDate\":1523477145}"), "a  deleted\n"},
    {BYTES("{\"Name\":\"a\",\"DeletedDate\":\"1523477145.713\"}"), "a  deleted\n"},
    {BYTES("{\"Name\":\"a\",\"DeletedDate\":\"1523477145\"}"), "a  deleted\n"},
    {BYTES("{\"Name\":\"a\",\"SecretVersionsToStages\":{\"v1\":[\"AWSCURRENT\"]}}"), "a \n"},
};

START_TEST(reads_a_description)
{
    CLEANUP(secret_buf_done) struct secret_buf answer = {0};
    CLEANUP(witness_done) struct witness witness;
    struct err err = {0};
    witness_init(&witness);
    answer_of(descriptions[_i].answer, &answer);
    ck_assert(sm_describe_read(&answer, saw, &witness, &err));
    ck_assert_str_eq(witness.seen.data, descriptions[_i].seen);
}
END_TEST

static const struct str_view no_descriptions[] = {
    BYTES("hunter2"),
    BYTES("{\"Name\":17}"),
    BYTES("{\"ARN\":{}}"),
    BYTES("{\"DeletedDate\":\"hunter2\"}"),
    BYTES("{\"DeletedDate\":\"\"}"),
    BYTES("{\"DeletedDate\":true}"),
    BYTES("{\"Tags\":{}}"),
    BYTES("{\"Tags\":[\"hunter2\"]}"),
    BYTES("{\"Tags\":[{\"Key\":1}]}"),
    BYTES("{\"Tags\":[{\"Key\":\"k\",\"Value\":[]}]}"),
    BYTES("{\"VersionIdsToStages\":[]}"),
    BYTES("{\"VersionIdsToStages\":{\"v\":\"hunter2\"}}"),
    BYTES("{\"VersionIdsToStages\":{\"v\":[1]}}"),
};

START_TEST(refuses_what_is_no_description)
{
    CLEANUP(secret_buf_done) struct secret_buf answer = {0};
    CLEANUP(witness_done) struct witness witness;
    struct err err = {0};
    witness_init(&witness);
    answer_of(no_descriptions[_i], &answer);
    ck_assert(!sm_describe_read(&answer, saw, &witness, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_str_eq(witness.seen.data, "");
}
END_TEST

START_TEST(asks_for_a_description)
{
    CLEANUP(buf_done) struct buf body = {0};
    static char long_key[2049];
    struct err err = {0};
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    ck_assert(sm_describe_compose(SV("a\"b"), &body, &err));
    ck_assert_str_eq(body.data, "{\"SecretId\":\"a\\\"b\"}");
    ck_assert(!sm_describe_compose(SV(""), &body, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    memset(long_key, 'k', sizeof long_key);
    ck_assert(!sm_describe_compose(sv_make(long_key, 2049), &body, &err));
}
END_TEST

/* ListSecrets. */

static char long_value[513];

START_TEST(filters_by_what_the_service_can_filter)
{
    CLEANUP(buf_done) struct buf body = {0};
    memset(long_value, 'v', sizeof long_value);
    const struct sm_tag tags[] = {
        {SV("env"), SV("prod/a_b:c@d+e=f.g-h!i")},
        {SV("!not"), SV("")},
        {SV("caf\xc3\xa9"), SV("a*b")},
        {SV("long"), sv_make(long_value, 513)},
    };
    const struct sm_list list = {.name_prefix = SV("app/"), .tags = tags, .tag_count = 4};
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    sm_list_compose(&list, SV("t"), &body);
    ck_assert_str_eq(body.data,
                     "{\"MaxResults\":100,\"Filters\":["
                     "{\"Key\":\"name\",\"Values\":[\"app/\"]},"
                     "{\"Key\":\"tag-key\",\"Values\":[\"env\"]},"
                     "{\"Key\":\"tag-value\",\"Values\":[\"prod/a_b:c@d+e=f.g-h!i\"]},"
                     "{\"Key\":\"tag-key\",\"Values\":[\"long\"]}],\"NextToken\":\"t\"}");
}
END_TEST

START_TEST(filters_by_nothing_when_all_are_wanted)
{
    CLEANUP(buf_done) struct buf body = {0};
    const struct sm_list list = {0};
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    sm_list_compose(&list, SV(""), &body);
    ck_assert_str_eq(body.data, "{\"MaxResults\":100}");
}
END_TEST

START_TEST(sends_ten_filters_at_most)
{
    CLEANUP(buf_done) struct buf body = {0};
    struct sm_tag tags[8];
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        tags[i] = (struct sm_tag){SV("k"), SV("v")};
    }
    const struct sm_list list = {.name_prefix = SV("n"), .tags = tags, .tag_count = 8};
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    sm_list_compose(&list, SV(""), &body);
    size_t count = 0;
    for (const char *at = body.data; (at = strstr(at, "\"Key\"")); at++) {
        count++;
    }
    ck_assert_uint_eq(count, 10);
}
END_TEST

#define SECRETS                                                                                    \
    "{\"SecretList\":["                                                                            \
    "{\"Name\":\"app/a\",\"ARN\":\"arn:a\",\"Tags\":[{\"Key\":\"lti\",\"Value\":\"delivery\"},"    \
    "{\"Key\":\"env\",\"Value\":\"prod\"}],"                                                       \
    "\"SecretVersionsToStages\":{\"v1\":[\"AWSCURRENT\"]}},"                                       \
    "{\"Name\":\"app/b\",\"Tags\":[{\"Key\":\"lti\",\"Value\":\"delivery_int\"},"                  \
    "{\"Key\":\"env\",\"Value\":\"prod\"}]},"                                                      \
    "{\"Name\":\"app/c\",\"Tags\":[{\"Key\":\"lti\",\"Value\":\"prod\"},"                          \
    "{\"Key\":\"env\",\"Value\":\"delivery\"}]},"                                                  \
    "{\"Name\":\"app/d\",\"DeletedDate\":1,\"Tags\":[{\"Key\":\"lti\",\"Value\":\"delivery\"},"    \
    "{\"Key\":\"env\",\"Value\":\"prod\"}]},"                                                      \
    "{\"Name\":\"b\"}],\"NextToken\":\"t\"}"

static const struct {
    struct str_view prefix;
    struct sm_tag tags[2];
    size_t tag_count;
    const char *stop_at;
    const char *seen;
} lists[] = {
    {BYTES("app/"),
     {{BYTES("env"), BYTES("prod")}, {BYTES("lti"), BYTES("delivery")}},
     2,
     NULL,
     "app/a arn:a lti=delivery env=prod v1:[AWSCURRENT]\n"},
    {BYTES(""),
     {{BYTES("env"), BYTES("prod")}, {BYTES(""), BYTES("")}},
     1,
     NULL,
     "app/a arn:a lti=delivery env=prod v1:[AWSCURRENT]\napp/b  lti=delivery_int env=prod\n"},
    {BYTES("b"), {{BYTES(""), BYTES("")}, {BYTES(""), BYTES("")}}, 0, NULL, "b \n"},
    {BYTES("App"), {{BYTES(""), BYTES("")}, {BYTES(""), BYTES("")}}, 0, NULL, ""},
    {BYTES("app/"),
     {{BYTES(""), BYTES("")}, {BYTES(""), BYTES("")}},
     0,
     "app/b",
     "app/a arn:a lti=delivery env=prod v1:[AWSCURRENT]\napp/b  lti=delivery_int env=prod\n"},
};

START_TEST(shows_what_matches_exactly)
{
    CLEANUP(secret_buf_done) struct secret_buf answer = {0};
    CLEANUP(witness_done) struct witness witness;
    CLEANUP(buf_done) struct buf token = {0};
    const struct sm_list list = {
        .name_prefix = lists[_i].prefix, .tags = lists[_i].tags, .tag_count = lists[_i].tag_count};
    bool enough = false;
    struct err err = {0};
    witness_init(&witness);
    witness.stop_at = lists[_i].stop_at;
    buf_init(&token, 4096);
    answer_of(SV(SECRETS), &answer);
    ck_assert(sm_list_read(&answer, &list, saw, &witness, &token, &enough, &err));
    ck_assert_str_eq(witness.seen.data, lists[_i].seen);
    ck_assert(sv_is(buf_view(&token), "t"));
    ck_assert(enough == (lists[_i].stop_at != NULL));
}
END_TEST

static const struct str_view no_lists[] = {
    BYTES("hunter2"),
    BYTES("{\"SecretList\":{}}"),
    BYTES("{\"SecretList\":[\"hunter2\"]}"),
    BYTES("{\"SecretList\":[{\"Name\":1}]}"),
    BYTES("{\"SecretList\":[{\"SecretVersionsToStages\":{\"v\":1}}]}"),
    BYTES("{\"NextToken\":[]}"),
};

START_TEST(refuses_what_is_no_list)
{
    CLEANUP(secret_buf_done) struct secret_buf answer = {0};
    CLEANUP(witness_done) struct witness witness;
    CLEANUP(buf_done) struct buf token = {0};
    const struct sm_list list = {0};
    bool enough = false;
    struct err err = {0};
    witness_init(&witness);
    buf_init(&token, 4096);
    answer_of(no_lists[_i], &answer);
    ck_assert(!sm_list_read(&answer, &list, saw, &witness, &token, &enough, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
}
END_TEST

/* The whole way. */

static struct service_script script;
static struct witness witness;
static struct service_error error;
static struct err err;

static void setup(void)
{
    service_script_init(&script, ENDPOINT_SECRETS_MANAGER);
    witness_init(&witness);
}

static void teardown(void)
{
    service_script_done(&script);
    witness_done(&witness);
}

START_TEST(describes)
{
    service_script_add(&script, 200, SV("{\"Name\":\"a\",\"ARN\":\"arn:a\",\"DeletedDate\":1}"));
    ck_assert(sm_describe_secret(&script.target, SV("a"), saw, &witness, &error, &err));
    ck_assert_str_eq(witness.seen.data, "a arn:a deleted\n");
    ck_assert_str_eq(script.operations[0], "secretsmanager.DescribeSecret");
    ck_assert_str_eq(script.bodies[0], "{\"SecretId\":\"a\"}");
    ck_assert_uint_eq(script.max_answer, LIMIT_AWS_LIST_BYTES);
}
END_TEST

static const struct {
    struct script_step step;
    enum service_error_class class;
    enum err_kind kind;
} failures[] = {
    {{400, BYTES("{\"__type\":\"ResourceNotFoundException\"}")}, SERVICE_NOT_FOUND, ERR_MISSING},
    {{200, BYTES("[]")}, SERVICE_TRANSIENT, ERR_UNAVAILABLE},
    {{0, BYTES("")}, SERVICE_TRANSPORT, ERR_UNAVAILABLE},
};

START_TEST(says_why_it_cannot_describe)
{
    service_script_add(&script, failures[_i].step.status, failures[_i].step.body);
    ck_assert(!sm_describe_secret(&script.target, SV("a"), saw, &witness, &error, &err));
    ck_assert_int_eq(error.class, failures[_i].class);
    ck_assert_int_eq(err.kind, failures[_i].kind);
    ck_assert_ptr_nonnull(strstr(err.message, "description of secret a in eu-central-1: "));
    ck_assert_str_eq(witness.seen.data, "");
}
END_TEST

START_TEST(describes_nothing_without_a_key)
{
    ck_assert(!sm_describe_secret(&script.target, SV(""), saw, &witness, &error, &err));
    ck_assert_uint_eq(script.sent, 0);
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_int_eq(error.class, SERVICE_REQUEST);
}
END_TEST

static const struct sm_list ALL = {.max_pages = 3};

START_TEST(lists_all_pages)
{
    service_script_add(&script, 200, SV("{\"SecretList\":[{\"Name\":\"a\"}],\"NextToken\":\"1\"}"));
    service_script_add(&script, 200, SV("{\"SecretList\":[],\"NextToken\":\"2\"}"));
    service_script_add(&script, 200, SV("{\"SecretList\":[{\"Name\":\"c\"}]}"));
    ck_assert(sm_list_secrets(&script.target, &ALL, saw, &witness, &error, &err));
    ck_assert_str_eq(witness.seen.data, "a \nc \n");
    ck_assert_str_eq(script.operations[0], "secretsmanager.ListSecrets");
    ck_assert_str_eq(script.bodies[2], "{\"MaxResults\":100,\"NextToken\":\"2\"}");
    ck_assert_uint_eq(script.max_answer, LIMIT_AWS_LIST_BYTES);
}
END_TEST

START_TEST(any_page_can_fail)
{
    service_script_add(&script, 200, SV("{\"SecretList\":[{\"Name\":\"a\"}],\"NextToken\":\"1\"}"));
    service_script_add(&script, 200, SV("{\"SecretList\":[],\"NextToken\":\"2\"}"));
    service_script_add(&script, 200, SV("{\"SecretList\":[{\"Name\":\"c\"}]}"));
    script.fail_at = (size_t)_i;
    ck_assert(!sm_list_secrets(&script.target, &ALL, saw, &witness, &error, &err));
    ck_assert_uint_eq(script.sent, (size_t)_i);
    ck_assert_int_eq(error.class, SERVICE_TRANSPORT);
    ck_assert_ptr_nonnull(strstr(err.message, "list of secrets in eu-central-1: "));
}
END_TEST

START_TEST(lists_no_more_pages_than_allowed)
{
    service_script_add(&script, 200, SV("{\"SecretList\":[{\"Name\":\"a\"}],\"NextToken\":\"1\"}"));
    ck_assert(!sm_list_secrets(&script.target, &ALL, saw, &witness, &error, &err));
    ck_assert_uint_eq(script.sent, 3);
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

START_TEST(stops_listing_when_told)
{
    witness.stop_at = "a";
    service_script_add(&script, 200, SV("{\"SecretList\":[{\"Name\":\"a\"}],\"NextToken\":\"1\"}"));
    ck_assert(sm_list_secrets(&script.target, &ALL, saw, &witness, &error, &err));
    ck_assert_uint_eq(script.sent, 1);
}
END_TEST

START_TEST(lists_anew_when_the_token_is_refused)
{
    service_script_add(&script, 200, SV("{\"SecretList\":[{\"Name\":\"a\"}],\"NextToken\":\"1\"}"));
    service_script_add(&script, 400, SV("{\"__type\":\"InvalidNextTokenException\"}"));
    service_script_add(&script, 200, SV("{\"SecretList\":[{\"Name\":\"a\"},{\"Name\":\"b\"}]}"));
    ck_assert(sm_list_secrets(&script.target, &ALL, saw, &witness, &error, &err));
    ck_assert_str_eq(witness.seen.data, "a \na \nb \n");
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("secretsmanager_list");
    TCase *tcase = tcase_create("bodies");
    tcase_add_loop_test(tcase, reads_a_description, 0, ARRAY_LEN(descriptions));
    tcase_add_loop_test(tcase, refuses_what_is_no_description, 0, ARRAY_LEN(no_descriptions));
    tcase_add_test(tcase, asks_for_a_description);
    tcase_add_test(tcase, filters_by_what_the_service_can_filter);
    tcase_add_test(tcase, filters_by_nothing_when_all_are_wanted);
    tcase_add_test(tcase, sends_ten_filters_at_most);
    tcase_add_loop_test(tcase, shows_what_matches_exactly, 0, ARRAY_LEN(lists));
    tcase_add_loop_test(tcase, refuses_what_is_no_list, 0, ARRAY_LEN(no_lists));
    suite_add_tcase(suite, tcase);
    TCase *calls = tcase_create("calls");
    tcase_add_checked_fixture(calls, setup, teardown);
    tcase_add_test(calls, describes);
    tcase_add_loop_test(calls, says_why_it_cannot_describe, 0, ARRAY_LEN(failures));
    tcase_add_test(calls, describes_nothing_without_a_key);
    tcase_add_test(calls, lists_all_pages);
    tcase_add_loop_test(calls, any_page_can_fail, 1, 4);
    tcase_add_test(calls, lists_no_more_pages_than_allowed);
    tcase_add_test(calls, stops_listing_when_told);
    tcase_add_test(calls, lists_anew_when_the_token_is_refused);
    suite_add_tcase(suite, calls);
    return suite;
}
