/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/secretsmanager.h"
#include "aws/secretsmanager_messages.h"
#include "base/limits.h"
#include "service_script.h"

#define ARN "arn:aws:secretsmanager:eu-central-1:111122223333:secret:"
#define OTHER_ARN "arn:aws:secretsmanager:eu-central-1:444455556666:secret:"

static struct sm_batch_item items[SM_BATCH_MAX];
static struct sm_batch batch;

static void ask(const char *const *keys, size_t count)
{
    batch = (struct sm_batch){.items = items, .count = count};
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct sm_batch_item){.key = sv_of(keys[i])};
    }
    sm_batch_reset(&batch);
}

static void items_done(void)
{
    for (size_t i = 0; i < SM_BATCH_MAX; i++) {
        remote_value_done(&items[i].value);
    }
}

static bool read_page(struct str_view text, struct buf *token, struct err *err)
{
    CLEANUP(http_response_done) struct http_response page = {.status = 200};
    buf_init(&page.headers, 256);
    buf_add_str(&page.headers, "x-amzn-RequestId: 1-2-3\r\n");
    answer_of(text, &page.body);
    return sm_batch_read(&batch, &page, token, err);
}

/* Reads one page and shows each item: its value, its class and code, or "-" for no answer. */
static char *outcome(const char *const *keys, size_t count, struct str_view text)
{
    CLEANUP(buf_done) struct buf token = {0};
    struct buf shown = {0};
    struct err err = {0};
    buf_init(&token, 4096);
    buf_init(&shown, 4096);
    ask(keys, count);
    ck_assert_msg(read_page(text, &token, &err), "%s", err.message);
    for (size_t i = 0; i < count; i++) {
        buf_add_str(&shown, i == 0 ? "" : " ");
        if (items[i].error.class == SERVICE_OK) {
            buf_add(&shown, secret_buf_view(&items[i].value.string));
        } else if (items[i].error.class == SERVICE_TRANSIENT && !items[i].error.code[0]) {
            ck_assert_int_eq(items[i].err.kind, ERR_UNAVAILABLE);
            ck_assert(items[i].error.retryable);
            buf_add_str(&shown, "-");
        } else {
            buf_printf(&shown, "%s/%s", service_error_class_name(items[i].error.class),
                       items[i].error.code);
        }
    }
    return buf_take(&shown);
}

#define KEYS(...) .keys = {__VA_ARGS__}
#define VALUE(name, arn, value)                                                                    \
    "{\"Name\":\"" name "\",\"ARN\":\"" arn "\",\"SecretString\":\"" value "\"}"

static const struct {
    const char *keys[4];
    struct str_view answer;
    const char *outcome;
} matches[] = {
    /* By name, in another order. */
    {KEYS("a", "b"),
     BYTES("{\"SecretValues\":[" VALUE("b", ARN "b-AbCdEf", "B") "," VALUE("a", ARN "a-AbCdEf",
                                                                           "A") "]}"),
     "A B"},
    /* By ARN, with and without its suffix. */
    {KEYS(ARN "a-AbCdEf", ARN "b"),
     BYTES("{\"SecretValues\":[" VALUE("a", ARN "a-AbCdEf", "A") "," VALUE("b", ARN "b-AbCdEf",
                                                                           "B") "]}"),
     "A B"},
    /* One secret by two forms of its ARN. */
    {KEYS(ARN "a-AbCdEf", ARN "a"),
     BYTES("{\"SecretValues\":[" VALUE("a", ARN "a-AbCdEf", "A") "]}"), "A A"},
    /* The same twice: the first one holds. */
    {KEYS("a"),
     BYTES("{\"SecretValues\":[" VALUE("a", ARN "a-AbCdEf", "A") "," VALUE("a", ARN "a-AbCdEf",
                                                                           "x") "]}"),
     "A"},
    /* What nobody asked for, by nearly the same name. */
    {KEYS("a"),
     BYTES("{\"SecretValues\":[" VALUE("A", ARN "A-AbCdEf", "x") "," VALUE("aa", ARN "aa-AbCdEf",
                                                                           "x") "]}"),
     "-"},
    {KEYS("a"), BYTES("{\"SecretValues\":[{\"SecretString\":\"x\"}]}"), "-"},
    {KEYS("a"), BYTES("{\"SecretValues\":[{\"Name\":\"\",\"ARN\":\"\",\"SecretString\":\"x\"}]}"),
     "-"},
    /* Another account's secret of the same name: the name means ours. */
    {KEYS("a", OTHER_ARN "a-AbCdEf"),
     BYTES("{\"SecretValues\":[" VALUE("a", OTHER_ARN "a-AbCdEf",
                                       "O") "," VALUE("a", ARN "a-GhIjKl", "A") "]}"),
     "A O"},
    {KEYS("a", OTHER_ARN "a-AbCdEf"),
     BYTES("{\"SecretValues\":[" VALUE("a", OTHER_ARN "a-AbCdEf", "O") "]}"), "- O"},
    /* A whole ARN that is the beginning of another one. */
    {KEYS(ARN "a-AbCdEf"),
     BYTES("{\"SecretValues\":[" VALUE("a-AbCdEf", ARN "a-AbCdEf-GhIjKl", "x") "]}"), "-"},
    /* What is no suffix. */
    {KEYS(ARN "a"), BYTES("{\"SecretValues\":[" VALUE("a_AbCdEf", ARN "a_AbCdEf", "x") "]}"), "-"},
    {KEYS(ARN "a"), BYTES("{\"SecretValues\":[" VALUE("a-AbCd.f", ARN "a-AbCd.f", "x") "]}"), "-"},
    /* Errors. */
    {KEYS("a", "b", "c", "d"),
     BYTES("{\"SecretValues\":[" VALUE(
         "b", ARN "b-AbCdEf",
         "B") "],\"Errors\":["
              "{\"SecretId\":\"a\",\"ErrorCode\":\"ResourceNotFoundException\",\"Message\":\"x\"},"
              "{\"SecretId\":\"c\",\"ErrorCode\":\"AccessDeniedException\"},"
              "{\"SecretId\":\"d\",\"ErrorCode\":\"InvalidRequestException\",\"Message\":"
              "\"it was marked for deletion.\"}]}"),
     "NOT_FOUND/ResourceNotFoundException B DENIED/AccessDeniedException "
     "NOT_FOUND/InvalidRequestException"},
    {KEYS(ARN "a", ARN "b-AbCdEf", "c"),
     BYTES("{\"Errors\":[{\"SecretId\":\"" ARN "a-AbCdEf\",\"ErrorCode\":\"DecryptionFailure\"},"
           "{\"SecretId\":\"" ARN "b-AbCdEf\",\"ErrorCode\":\"InternalServiceError\"},"
           "{\"SecretId\":\"" ARN "c-AbCdEf\",\"ErrorCode\":\"AccessDeniedException\"},"
           "{\"ErrorCode\":\"AccessDeniedException\"}]}"),
     "DENIED/DecryptionFailure TRANSIENT/InternalServiceError -"},
    /* An error without a code that can be shown says as much as nothing. */
    {KEYS("a", "b"),
     BYTES("{\"Errors\":[{\"SecretId\":\"a\"},{\"SecretId\":\"b\",\"ErrorCode\":\"hunter2 x\"}]}"),
     "- -"},
    /* What came first holds. */
    {KEYS("a"),
     BYTES("{\"SecretValues\":[" VALUE(
         "a", ARN "a-AbCdEf",
         "A") "],\"Errors\":["
              "{\"SecretId\":\"a\",\"ErrorCode\":\"AccessDeniedException\"}]}"),
     "A"},
    /* Entries without a usable value fail alone. */
    {KEYS("a", "b"),
     BYTES("{\"SecretValues\":[{\"Name\":\"a\",\"ARN\":\"" ARN
           "a-AbCdEf\",\"SecretString\":17}," VALUE("b", ARN "b-AbCdEf", "B") "]}"),
     "- B"},
    {KEYS("a", "b"),
     BYTES("{\"SecretValues\":[{\"Name\":\"a\",\"ARN\":\"" ARN
           "a-AbCdEf\"}," VALUE("b", ARN "b-AbCdEf", "B") "]}"),
     "NOT_FOUND/ B"},
    /* Nothing at all. */
    {KEYS("a", "b"), BYTES("{}"), "- -"},
    {KEYS("a"), BYTES("{\"SecretValues\":null,\"Errors\":null,\"NextToken\":null}"), "-"},
};

START_TEST(matches_answers_with_what_was_asked_for)
{
    size_t count = 0;
    while (count < 4 && matches[_i].keys[count]) {
        count++;
    }
    char *shown = outcome(matches[_i].keys, count, matches[_i].answer);
    ck_assert_str_eq(shown, matches[_i].outcome);
    free(shown);
    items_done();
}
END_TEST

START_TEST(takes_all_of_a_value)
{
    const char *const keys[] = {"a"};
    char *shown = outcome(keys, 1,
                          SV("{\"SecretValues\":[{\"Name\":\"a\",\"ARN\":\"" ARN "a-AbCdEf\","
                             "\"VersionId\":\"v-1\",\"SecretString\":\"x\\u0000y\","
                             "\"SecretBinary\":\"AAE=\",\"VersionStages\":[\"AWSCURRENT\"],"
                             "\"CreatedDate\":1.5}]}"));
    free(shown);
    const struct remote_value *value = &items[0].value;
    ck_assert(sv_equal(secret_buf_view(&value->string), SV("x\0y")));
    ck_assert(sv_equal(secret_buf_view(&value->binary), SV("\0\1")));
    ck_assert_str_eq(value->version, "v-1");
    ck_assert_str_eq(value->name, "a");
    ck_assert_str_eq(value->arn, ARN "a-AbCdEf");
    ck_assert_int_eq(items[0].err.kind, ERR_NONE);
    ck_assert_uint_eq(items[0].error.status, 200);
    items_done();
}
END_TEST

static const struct str_view no_answers[] = {
    BYTES("hunter2"),
    BYTES("[]"),
    BYTES("{\"SecretValues\":{}}"),
    BYTES("{\"SecretValues\":[\"hunter2\"]}"),
    BYTES("{\"SecretValues\":[null]}"),
    BYTES("{\"SecretValues\":[{\"Name\":17}]}"),
    BYTES("{\"SecretValues\":[{\"ARN\":[\"hunter2\"]}]}"),
    BYTES("{\"Errors\":\"hunter2\"}"),
    BYTES("{\"Errors\":[[]]}"),
    BYTES("{\"Errors\":[{\"SecretId\":1}]}"),
    BYTES("{\"Errors\":[{\"ErrorCode\":1}]}"),
    BYTES("{\"Errors\":[{\"Message\":{\"hunter2\":1}}]}"),
    BYTES("{\"NextToken\":17}"),
};

START_TEST(refuses_what_is_no_answer_without_repeating_it)
{
    CLEANUP(buf_done) struct buf token = {0};
    const char *const keys[] = {"a"};
    struct err err = {0};
    buf_init(&token, 4096);
    ask(keys, 1);
    ck_assert(!read_page(no_answers[_i], &token, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    items_done();
}
END_TEST

static char long_key[2049];

START_TEST(leaves_out_what_would_fail_the_others)
{
    CLEANUP(buf_done) struct buf body = {0};
    memset(long_key, 'k', sizeof long_key);
    const char *const keys[] = {"", "a b", "a", "\xc3\xa9", "b\n", ARN "b"};
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    ask(keys, 6);
    sm_batch_compose(&batch, SV("t\""), &body);
    ck_assert_str_eq(body.data, "{\"SecretIdList\":[\"a\",\"" ARN "b\"],\"NextToken\":\"t\\\"\"}");
    ck_assert(sm_batch_can_ask(sv_make(long_key, 2048)));
    ck_assert(!sm_batch_can_ask(sv_make(long_key, 2049)));
    items_done();
}
END_TEST

START_TEST(the_longest_request_fits)
{
    CLEANUP(buf_done) struct buf body = {0};
    struct err err = {0};
    memset(long_key, 'k', sizeof long_key);
    long_key[2048] = '\0';
    const char *keys[SM_BATCH_MAX];
    for (size_t i = 0; i < SM_BATCH_MAX; i++) {
        keys[i] = long_key;
    }
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    ask(keys, SM_BATCH_MAX);
    sm_batch_compose(&batch, sv_make(long_key, 2048), &body);
    ck_assert(buf_check(&body, "request", &err));
    items_done();
}
END_TEST

/* Twenty of the largest values, every byte escaped. */
START_TEST(the_largest_answer_fits)
{
    CLEANUP(buf_done) struct buf token = {0};
    CLEANUP(http_response_done) struct http_response page = {.status = 200};
    static char names[SM_BATCH_MAX][8];
    const char *keys[SM_BATCH_MAX];
    struct err err = {0};
    buf_init(&token, 4096);
    buf_init(&page.headers, 16);
    secret_buf_init(&page.body, LIMIT_AWS_BATCH_BYTES);
    for (size_t i = 0; i < SM_BATCH_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "n%zu", i);
        keys[i] = names[i];
        buf_printf(&page.body.bytes, "%s{\"Name\":\"n%zu\",\"SecretString\":\"",
                   i == 0 ? "{\"SecretValues\":[" : ",", i);
        for (size_t j = 0; j < LIMIT_AWS_VALUE_BYTES; j++) {
            secret_buf_add(&page.body, SV("\\u0001"));
        }
        secret_buf_add(&page.body, SV("\"}"));
    }
    secret_buf_add(&page.body, SV("]}"));
    ck_assert(secret_buf_check(&page.body, "answer", &err));
    ask(keys, SM_BATCH_MAX);
    ck_assert(sm_batch_read(&batch, &page, &token, &err));
    for (size_t i = 0; i < SM_BATCH_MAX; i++) {
        ck_assert_int_eq(items[i].error.class, SERVICE_OK);
        ck_assert_uint_eq(items[i].value.string.bytes.len, LIMIT_AWS_VALUE_BYTES);
    }
    items_done();
}
END_TEST

/* The whole way. */

static struct service_script script;
static struct service_error error;
static struct err err;

static void setup(void)
{
    service_script_init(&script, ENDPOINT_SECRETS_MANAGER);
}

static void teardown(void)
{
    service_script_done(&script);
    items_done();
}

static bool get(const char *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct sm_batch_item){.key = sv_of(keys[i])};
    }
    return sm_batch_get_secret_value(&script.target, items, count, &error, &err);
}

static const char *const AB[] = {"a", "b"};

#define PAGE_A "{\"SecretValues\":[" VALUE("a", ARN "a-AbCdEf", "A") "],\"NextToken\":\"1\"}"
#define EMPTY_PAGE "{\"SecretValues\":[],\"Errors\":[],\"NextToken\":\"2\"}"
#define PAGE_B "{\"SecretValues\":[" VALUE("b", ARN "b-AbCdEf", "B") "]}"

START_TEST(gets_all_pages)
{
    service_script_add(&script, 200, SV(PAGE_A));
    service_script_add(&script, 200, SV(EMPTY_PAGE));
    service_script_add(&script, 200, SV(PAGE_B));
    ck_assert(get(AB, 2));
    ck_assert_str_eq(script.operations[0], "secretsmanager.BatchGetSecretValue");
    ck_assert_str_eq(script.content_types[0], "application/x-amz-json-1.1");
    ck_assert_uint_eq(script.max_answer, LIMIT_AWS_BATCH_BYTES);
    ck_assert_str_eq(script.bodies[0], "{\"SecretIdList\":[\"a\",\"b\"]}");
    ck_assert_str_eq(script.bodies[2], "{\"SecretIdList\":[\"a\",\"b\"],\"NextToken\":\"2\"}");
    ck_assert_int_eq(error.class, SERVICE_OK);
    ck_assert(sv_is(secret_buf_view(&items[0].value.string), "A"));
    ck_assert(sv_is(secret_buf_view(&items[1].value.string), "B"));
}
END_TEST

START_TEST(any_page_that_fails_leaves_no_item_answered)
{
    service_script_add(&script, 200, SV(PAGE_A));
    service_script_add(&script, 200, SV(EMPTY_PAGE));
    service_script_add(&script, 200, SV(PAGE_B));
    script.fail_at = (size_t)_i;
    ck_assert(!get(AB, 2));
    ck_assert_uint_eq(script.sent, (size_t)_i);
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_int_eq(error.class, SERVICE_TRANSPORT);
    ck_assert_ptr_nonnull(strstr(err.message, "2 secrets in eu-central-1: "));
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(items[i].error.class, SERVICE_TRANSIENT);
        ck_assert_ptr_null(items[i].value.string.bytes.data);
    }
}
END_TEST

START_TEST(types_the_failure_of_the_whole_call)
{
    service_script_add(&script, 400, SV("{\"__type\":\"AccessDeniedException\"}"));
    ck_assert(!get(AB, 2));
    ck_assert_int_eq(error.class, SERVICE_DENIED);
    ck_assert_str_eq(err.message,
                     "2 secrets in eu-central-1: AccessDeniedException (request id 1-2-3)");
}
END_TEST

START_TEST(says_of_each_what_is_wrong)
{
    service_script_add(&script, 200,
                       SV("{\"Errors\":[{\"SecretId\":\"a\",\"ErrorCode\":"
                          "\"AccessDeniedException\",\"Message\":\"hunter2\"}]}"));
    ck_assert(get(AB, 2));
    ck_assert_str_eq(items[0].err.message, "secret a in eu-central-1: AccessDeniedException "
                                           "(request id 1-2-3)");
    ck_assert_int_eq(items[0].err.kind, ERR_DENIED);
    ck_assert_str_eq(items[1].err.message,
                     "secret b in eu-central-1: the service answered neither a value nor an error");
}
END_TEST

START_TEST(begins_anew_when_the_token_is_refused)
{
    service_script_add(&script, 200, SV(PAGE_A));
    service_script_add(&script, 400, SV("{\"__type\":\"InvalidNextTokenException\"}"));
    service_script_add(&script, 200, SV(PAGE_B)); /* "a" is not there any more */
    ck_assert(get(AB, 2));
    ck_assert_uint_eq(script.sent, 3);
    ck_assert_str_eq(script.bodies[2], "{\"SecretIdList\":[\"a\",\"b\"]}");
    ck_assert_int_eq(items[0].error.class, SERVICE_TRANSIENT);
    ck_assert_ptr_null(items[0].value.string.bytes.data);
    ck_assert(sv_is(secret_buf_view(&items[1].value.string), "B"));
}
END_TEST

START_TEST(reads_a_hundred_pages_and_no_more)
{
    service_script_add(&script, 200, SV(PAGE_A));
    ck_assert(!get(AB, 2));
    ck_assert_uint_eq(script.sent, 100);
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

START_TEST(makes_no_call_for_nothing)
{
    const char *const keys[] = {"", "a b"};
    ck_assert(get(keys, 2));
    ck_assert_uint_eq(script.sent, 0);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(items[i].error.class, SERVICE_TRANSIENT);
        ck_assert_str_eq(items[i].error.code, "");
    }
}
END_TEST

START_TEST(releases_the_values_of_an_earlier_answer)
{
    service_script_add(&script, 200, SV(PAGE_B));
    ck_assert(get(AB, 2));
    service_script_add(&script, 200, SV("{}"));
    ck_assert(sm_batch_get_secret_value(&script.target, items, 2, &error, &err));
    ck_assert_int_eq(items[1].error.class, SERVICE_TRANSIENT);
    ck_assert_ptr_null(items[1].value.string.bytes.data);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("secretsmanager_batch");
    TCase *tcase = tcase_create("bodies");
    tcase_add_loop_test(tcase, matches_answers_with_what_was_asked_for, 0, ARRAY_LEN(matches));
    tcase_add_test(tcase, takes_all_of_a_value);
    tcase_add_loop_test(tcase, refuses_what_is_no_answer_without_repeating_it, 0,
                        ARRAY_LEN(no_answers));
    tcase_add_test(tcase, leaves_out_what_would_fail_the_others);
    tcase_add_test(tcase, the_longest_request_fits);
    tcase_add_test(tcase, the_largest_answer_fits);
    suite_add_tcase(suite, tcase);
    TCase *calls = tcase_create("calls");
    tcase_add_checked_fixture(calls, setup, teardown);
    tcase_add_test(calls, gets_all_pages);
    tcase_add_loop_test(calls, any_page_that_fails_leaves_no_item_answered, 1, 4);
    tcase_add_test(calls, types_the_failure_of_the_whole_call);
    tcase_add_test(calls, says_of_each_what_is_wrong);
    tcase_add_test(calls, begins_anew_when_the_token_is_refused);
    tcase_add_test(calls, reads_a_hundred_pages_and_no_more);
    tcase_add_test(calls, makes_no_call_for_nothing);
    tcase_add_test(calls, releases_the_values_of_an_earlier_answer);
    suite_add_tcase(suite, calls);
    return suite;
}
