/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/service_operation.h"

#include "aws/answer.h"
#include "base/limits.h"
#include "service_script.h"

static struct service_script script;
static struct service_error error;
static struct err err;

static const struct service_operation operation = {
    .protocol = SERVICE_JSON_1_0,
    .target = "Service.Operation",
    .name = "Operation",
    .max_answer = 4711,
};

/* What the pages said, each as {"Item": "..."}. */
static struct buf seen;
static unsigned restarts;
static struct str_view enough_at;

static bool compose(void *context, struct str_view token, struct buf *ret, struct err *failure)
{
    (void)failure;
    ck_assert_ptr_eq(context, &script);
    buf_add_str(ret, "{\"A\":1");
    answer_add_token(ret, token);
    buf_add_str(ret, "}");
    return true;
}

static bool compose_too_much(void *context, struct str_view token, struct buf *ret,
                             struct err *failure)
{
    (void)context;
    (void)token;
    (void)failure;
    buf_extend(ret, LIMIT_AWS_REQUEST_BYTES + 1);
    return true;
}

static bool take(void *context, struct http_response *page, struct buf *token, bool *enough,
                 struct err *failure)
{
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *root = NULL;
    struct str_view item = {0};
    ck_assert_ptr_eq(context, &script);
    ck_assert_uint_eq(token->len, 0);
    if (!answer_parse(&page->body, 16, &doc, &root, failure) ||
        !answer_string(root, "Item", &item, failure)) {
        return false;
    }
    buf_add(&seen, item);
    *enough = enough_at.len > 0 && sv_equal(item, enough_at);
    return answer_next_token(root, token, failure);
}

static void restart(void *context)
{
    ck_assert_ptr_eq(context, &script);
    restarts++;
    buf_add_str(&seen, "|");
}

static struct service_pages pages;

static void setup(void)
{
    service_script_init(&script, ENDPOINT_SECRETS_MANAGER);
    buf_init(&seen, 4096);
    restarts = 0;
    enough_at = SV("");
    error = (struct service_error){0};
    err = (struct err){0};
    pages = (struct service_pages){
        .operation = &operation,
        .max_pages = 3,
        .token_refused = "InvalidToken",
        .compose = compose,
        .read = take,
        .restart = restart,
        .context = &script,
    };
}

static void teardown(void)
{
    buf_done(&seen);
    service_script_done(&script);
}

#define REFUSED SV("{\"__type\":\"InvalidToken\"}")

START_TEST(says_to_the_client_what_the_operation_is)
{
    CLEANUP(http_response_done) struct http_response answer = {0};
    service_script_add(&script, 200, SV("{}"));
    ck_assert(service_operation_call(&script.target, &operation, SV("{\"B\":2}"), 0, &answer,
                                     &error, &err));
    ck_assert_str_eq(script.operations[0], "Service.Operation");
    ck_assert_str_eq(script.content_types[0], "application/x-amz-json-1.0");
    ck_assert_str_eq(script.bodies[0], "{\"B\":2}");
    ck_assert_uint_eq(script.max_answer, 4711);
    ck_assert_int_eq(error.class, SERVICE_OK);
}
END_TEST

START_TEST(reads_until_there_is_no_token)
{
    service_script_add(&script, 200, SV("{\"Item\":\"a\",\"NextToken\":\"1\"}"));
    service_script_add(&script, 200, SV("{\"NextToken\":\"2\"}")); /* empty, and goes on */
    service_script_add(&script, 200, SV("{\"Item\":\"c\"}"));
    ck_assert(service_pages_read(&script.target, &pages, &error, &err));
    ck_assert_str_eq(seen.data, "ac");
    ck_assert_uint_eq(script.sent, 3);
    ck_assert_str_eq(script.bodies[0], "{\"A\":1}");
    ck_assert_str_eq(script.bodies[1], "{\"A\":1,\"NextToken\":\"1\"}");
    ck_assert_str_eq(script.bodies[2], "{\"A\":1,\"NextToken\":\"2\"}");
}
END_TEST

START_TEST(stops_when_it_is_enough)
{
    enough_at = SV("a");
    service_script_add(&script, 200, SV("{\"Item\":\"a\",\"NextToken\":\"1\"}"));
    ck_assert(service_pages_read(&script.target, &pages, &error, &err));
    ck_assert_uint_eq(script.sent, 1);
}
END_TEST

START_TEST(reads_no_more_pages_than_allowed)
{
    service_script_add(&script, 200, SV("{\"Item\":\"a\",\"NextToken\":\"1\"}"));
    ck_assert(!service_pages_read(&script.target, &pages, &error, &err));
    ck_assert_str_eq(seen.data, "aaa");
    ck_assert_uint_eq(script.sent, 3);
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_str_eq(err.message, "Operation has more than 3 pages");
    ck_assert_int_eq(error.class, SERVICE_REQUEST);
    ck_assert(!error.retryable);
}
END_TEST

START_TEST(begins_anew_once_when_the_token_is_refused)
{
    service_script_add(&script, 200, SV("{\"Item\":\"a\",\"NextToken\":\"1\"}"));
    service_script_add(&script, 400, REFUSED);
    service_script_add(&script, 200, SV("{\"Item\":\"b\"}"));
    ck_assert(service_pages_read(&script.target, &pages, &error, &err));
    ck_assert_str_eq(seen.data, "a|b");
    ck_assert_uint_eq(restarts, 1);
    ck_assert_str_eq(script.bodies[2], "{\"A\":1}");
    ck_assert_int_eq(error.class, SERVICE_OK);
}
END_TEST

START_TEST(a_token_that_is_refused_twice_is_the_end)
{
    service_script_add(&script, 200, SV("{\"NextToken\":\"1\"}"));
    service_script_add(&script, 400, REFUSED);
    service_script_add(&script, 200, SV("{\"NextToken\":\"2\"}"));
    service_script_add(&script, 400, REFUSED);
    ck_assert(!service_pages_read(&script.target, &pages, &error, &err));
    ck_assert_uint_eq(script.sent, 4);
    ck_assert_uint_eq(restarts, 1);
    ck_assert_str_eq(error.code, "InvalidToken");
}
END_TEST

START_TEST(what_had_no_token_cannot_have_it_refused)
{
    service_script_add(&script, 400, REFUSED);
    ck_assert(!service_pages_read(&script.target, &pages, &error, &err));
    ck_assert_uint_eq(script.sent, 1);
    ck_assert_uint_eq(restarts, 0);
}
END_TEST

START_TEST(any_page_can_fail)
{
    service_script_add(&script, 200, SV("{\"Item\":\"a\",\"NextToken\":\"1\"}"));
    service_script_add(&script, 200, SV("{\"Item\":\"b\",\"NextToken\":\"2\"}"));
    service_script_add(&script, 200, SV("{\"Item\":\"c\"}"));
    script.fail_at = (size_t)_i;
    ck_assert(!service_pages_read(&script.target, &pages, &error, &err));
    ck_assert_uint_eq(script.sent, (size_t)_i);
    ck_assert_uint_eq(seen.len, (size_t)_i - 1);
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_int_eq(error.class, SERVICE_TRANSPORT);
}
END_TEST

START_TEST(a_page_that_is_none_fails_it_all)
{
    service_script_add(&script, 200, SV("{\"Item\":\"a\",\"NextToken\":\"1\"}"));
    service_script_add(&script, 200, SV("hunter2"));
    ck_assert(!service_pages_read(&script.target, &pages, &error, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_int_eq(error.class, SERVICE_TRANSIENT);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
}
END_TEST

START_TEST(sends_no_request_that_is_too_large)
{
    pages.compose = compose_too_much;
    service_script_add(&script, 200, SV("{}"));
    ck_assert(!service_pages_read(&script.target, &pages, &error, &err));
    ck_assert_uint_eq(script.sent, 0);
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_int_eq(error.class, SERVICE_REQUEST);
}
END_TEST

START_TEST(says_what_and_where)
{
    static char long_key[200];
    memset(long_key, 'k', sizeof long_key);
    err_set(&err, ERR_MISSING, "cause");
    ck_assert(!service_target_wrap(&script.target, "secret", SV("prod/db"), &err));
    ck_assert_str_eq(err.message, "secret prod/db in eu-central-1: cause");
    err_set(&err, ERR_MISSING, "cause");
    ck_assert(!service_target_wrap(&script.target, "secrets", SV(""), &err));
    ck_assert_str_eq(err.message, "secrets in eu-central-1: cause");
    err_set(&err, ERR_MISSING, "cause");
    ck_assert(!service_target_wrap(&script.target, "secret", sv_make(long_key, 200), &err));
    ck_assert_uint_eq(strlen(err.message), strlen("secret ... in eu-central-1: cause") + 120);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("service_operation");
    TCase *tcase = tcase_create("calls");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, says_to_the_client_what_the_operation_is);
    tcase_add_test(tcase, reads_until_there_is_no_token);
    tcase_add_test(tcase, stops_when_it_is_enough);
    tcase_add_test(tcase, reads_no_more_pages_than_allowed);
    tcase_add_test(tcase, begins_anew_once_when_the_token_is_refused);
    tcase_add_test(tcase, a_token_that_is_refused_twice_is_the_end);
    tcase_add_test(tcase, what_had_no_token_cannot_have_it_refused);
    tcase_add_loop_test(tcase, any_page_can_fail, 1, 4);
    tcase_add_test(tcase, a_page_that_is_none_fails_it_all);
    tcase_add_test(tcase, sends_no_request_that_is_too_large);
    tcase_add_test(tcase, says_what_and_where);
    suite_add_tcase(suite, tcase);
    return suite;
}
