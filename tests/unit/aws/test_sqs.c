/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/sqs.h"

#include "aws/sqs_messages.h"
#include "base/limits.h"
#include "service_script.h"

#define QUEUE "https://sqs.eu-central-1.amazonaws.com/111122223333/rotations"

/* Writes down the messages it is shown. */
static struct buf seen;

static void saw(void *context, const struct sqs_message *message)
{
    ck_assert_ptr_eq(context, &seen);
    buf_printf(&seen, "%.*s%.*s=", SV_ARG(message->id), SV_ARG(message->receipt_handle));
    buf_add(&seen, message->body);
    buf_add_str(&seen, ";");
}

static void start_seeing(void)
{
    buf_init(&seen, 65536);
    buf_add_str(&seen, "");
}

static void stop_seeing(void)
{
    buf_done(&seen);
}

START_TEST(asks_for_ten_messages)
{
    CLEANUP(buf_done) struct buf body = {0};
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    sqs_receive_compose(SV(QUEUE), 20, &body);
    ck_assert_str_eq(body.data, "{\"QueueUrl\":\"" QUEUE "\",\"MaxNumberOfMessages\":10,"
                                "\"WaitTimeSeconds\":20}");
}
END_TEST

static const struct {
    struct str_view answer;
    struct str_view seen;
} received[] = {
    {BYTES("{\"Messages\":[{\"MessageId\":\"1\",\"ReceiptHandle\":\"h1\",\"MD5OfBody\":\"x\","
           "\"Body\":\"{\\\"a\\\":\\\"\\u0000\\\"}\"},{\"ReceiptHandle\":\"h2\",\"Body\":\"\"},"
           "{\"ReceiptHandle\":\"h3\",\"Body\":null}]}"),
     BYTES("1h1={\"a\":\"\0\"};h2=;h3=;")},
    {BYTES("{}"), BYTES("")},
    {BYTES("{\"Messages\":null}"), BYTES("")},
    {BYTES("{\"Messages\":[]}"), BYTES("")},
};

START_TEST(shows_each_message)
{
    CLEANUP(secret_buf_done) struct secret_buf answer = {0};
    struct err err = {0};
    answer_of(received[_i].answer, &answer);
    ck_assert(sqs_receive_read(&answer, saw, &seen, &err));
    ck_assert(sv_equal(buf_view(&seen), received[_i].seen));
}
END_TEST

#define MESSAGE "{\"ReceiptHandle\":\"h\",\"Body\":\"b\"}"
#define FIVE MESSAGE "," MESSAGE "," MESSAGE "," MESSAGE "," MESSAGE

static const struct str_view not_received[] = {
    BYTES("hunter2"),
    BYTES("{\"Messages\":{}}"),
    BYTES("{\"Messages\":[" MESSAGE ",\"hunter2\"]}"),
    BYTES("{\"Messages\":[" MESSAGE ",{\"Body\":\"hunter2\"}]}"),
    BYTES("{\"Messages\":[{\"ReceiptHandle\":\"\",\"Body\":\"hunter2\"}]}"),
    BYTES("{\"Messages\":[{\"MessageId\":1,\"ReceiptHandle\":\"h\",\"Body\":\"hunter2\"}]}"),
    BYTES("{\"Messages\":[{\"ReceiptHandle\":1,\"Body\":\"hunter2\"}]}"),
    BYTES("{\"Messages\":[{\"ReceiptHandle\":\"h\",\"Body\":[\"hunter2\"]}]}"),
    BYTES("{\"Messages\":[" FIVE "," FIVE "," MESSAGE "]}"),
};

START_TEST(shows_nothing_of_what_is_no_answer)
{
    CLEANUP(secret_buf_done) struct secret_buf answer = {0};
    struct err err = {0};
    answer_of(not_received[_i], &answer);
    ck_assert(!sqs_receive_read(&answer, saw, &seen, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_str_eq(seen.data, "");
}
END_TEST

START_TEST(takes_ten_messages)
{
    CLEANUP(secret_buf_done) struct secret_buf answer = {0};
    struct err err = {0};
    answer_of(SV("{\"Messages\":[" FIVE "," FIVE "]}"), &answer);
    ck_assert(sqs_receive_read(&answer, saw, &seen, &err));
    ck_assert_uint_eq(seen.len, 10 * strlen("h=b;"));
}
END_TEST

static const struct str_view handles[] = {BYTES("h\"1"), BYTES("h2")};

START_TEST(names_the_entries_to_delete)
{
    CLEANUP(buf_done) struct buf body = {0};
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    sqs_delete_compose(SV(QUEUE), handles, 2, &body);
    ck_assert_str_eq(body.data, "{\"QueueUrl\":\"" QUEUE "\",\"Entries\":["
                                "{\"Id\":\"0\",\"ReceiptHandle\":\"h\\\"1\"},"
                                "{\"Id\":\"1\",\"ReceiptHandle\":\"h2\"}]}");
}
END_TEST

static const struct {
    struct str_view answer;
    enum service_error_class class;
    enum err_kind kind;
    const char *code;
} deletions[] = {
    {BYTES("{\"Successful\":[{\"Id\":\"1\"},{\"Id\":\"0\"}]}"), SERVICE_OK, ERR_NONE, ""},
    {BYTES("{\"Successful\":[{\"Id\":\"1\"},{\"Id\":\"0\"}],\"Failed\":[]}"), SERVICE_OK, ERR_NONE,
     ""},
    {BYTES("{\"Successful\":[{\"Id\":\"1\"}],\"Failed\":[{\"Id\":\"0\",\"Code\":"
           "\"ReceiptHandleIsInvalid\",\"SenderFault\":true,\"Message\":\"hunter2\"}]}"),
     SERVICE_REQUEST, ERR_INVALID, "ReceiptHandleIsInvalid"},
    {BYTES("{\"Failed\":[{\"Id\":\"0\",\"Code\":\"InternalError\",\"SenderFault\":false}]}"),
     SERVICE_TRANSIENT, ERR_UNAVAILABLE, "InternalError"},
    {BYTES("{\"Failed\":[{\"Id\":\"0\"}]}"), SERVICE_TRANSIENT, ERR_UNAVAILABLE, ""},
    {BYTES("{\"Failed\":[{\"Id\":\"0\",\"Code\":\"hunter2 x\"}]}"), SERVICE_TRANSIENT,
     ERR_UNAVAILABLE, ""},
    /* One is not spoken of. */
    {BYTES("{\"Successful\":[{\"Id\":\"1\"}]}"), SERVICE_TRANSIENT, ERR_UNAVAILABLE, ""},
    {BYTES("{\"Successful\":[{\"Id\":\"1\"},{\"Id\":\"1\"}]}"), SERVICE_TRANSIENT, ERR_UNAVAILABLE,
     ""},
    {BYTES("{\"Successful\":[{\"Id\":\"1\"},{\"Id\":\"2\"}]}"), SERVICE_TRANSIENT, ERR_UNAVAILABLE,
     ""},
    {BYTES("{\"Successful\":[{\"Id\":\"1\"},{\"Id\":0},\"0\",null]}"), SERVICE_TRANSIENT,
     ERR_UNAVAILABLE, ""},
    {BYTES("{}"), SERVICE_TRANSIENT, ERR_UNAVAILABLE, ""},
    {BYTES("hunter2"), SERVICE_TRANSIENT, ERR_UNAVAILABLE, ""},
    {BYTES("{\"Failed\":{}}"), SERVICE_TRANSIENT, ERR_UNAVAILABLE, ""},
    {BYTES("{\"Failed\":[\"hunter2\"]}"), SERVICE_TRANSIENT, ERR_UNAVAILABLE, ""},
    {BYTES("{\"Failed\":[{\"Code\":1}]}"), SERVICE_TRANSIENT, ERR_UNAVAILABLE, ""},
    {BYTES("{\"Successful\":\"hunter2\"}"), SERVICE_TRANSIENT, ERR_UNAVAILABLE, ""},
};

START_TEST(one_that_is_not_deleted_fails_it)
{
    CLEANUP(http_response_done) struct http_response answer = {.status = 200};
    struct service_error error = {0};
    struct err err = {0};
    buf_init(&answer.headers, 64);
    answer_of(deletions[_i].answer, &answer.body);
    ck_assert(sqs_delete_read(&answer, 2, &error, &err) == (deletions[_i].class == SERVICE_OK));
    ck_assert_str_eq(service_error_class_name(error.class),
                     service_error_class_name(deletions[_i].class));
    ck_assert_str_eq(error.code, deletions[_i].code);
    ck_assert_str_eq(err_kind_name(err.kind), err_kind_name(deletions[_i].kind));
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_uint_eq(error.status, 200);
}
END_TEST

static const struct {
    struct str_view url;
    const char *region; /* NULL: refused */
} urls[] = {
    {BYTES(QUEUE), "eu-central-1"},
    {BYTES("https://sqs.cn-north-1.amazonaws.com.cn/111122223333/a"), "cn-north-1"},
    {BYTES("https://sqs.us-gov-west-1.api.aws/111122223333/A-b_c.fifo"), "us-gov-west-1"},
    {BYTES("http://sqs.eu-central-1.amazonaws.com/111122223333/a"), NULL},
    {BYTES("https://queue.amazonaws.com/111122223333/a"), NULL},
    {BYTES("https://sqs-eu-central-1.amazonaws.com/111122223333/a"), NULL},
    {BYTES("https://sqs.eu-central-1/111122223333/a"), NULL},
    {BYTES("https://sqs..amazonaws.com/111122223333/a"), NULL},
    {BYTES("https://sqs.eu central.amazonaws.com/111122223333/a"), NULL},
    {BYTES("https://sqs.012345678901234567890123456789012.amazonaws.com/111122223333/a"), NULL},
    {BYTES("https://user@sqs.eu-central-1.amazonaws.com/111122223333/a"), NULL},
    {BYTES("https://sqs.eu-central-1.amazonaws.com:443/111122223333/a"), NULL},
    {BYTES("https://sqs.eu-central-1.amazonaws.com/11112222333/a"), NULL},
    {BYTES("https://sqs.eu-central-1.amazonaws.com/11112222333x/a"), NULL},
    {BYTES("https://sqs.eu-central-1.amazonaws.com/111122223333/"), NULL},
    {BYTES("https://sqs.eu-central-1.amazonaws.com/111122223333"), NULL},
    {BYTES("https://sqs.eu-central-1.amazonaws.com/111122223333/a/b"), NULL},
    {BYTES("https://sqs.eu-central-1.amazonaws.com/111122223333/a?b"), NULL},
    {BYTES("https://sqs.eu-central-1.amazonaws.com/111122223333/"
           "0123456789012345678901234567890123456789012345678901234567890123456789"
           "01234567890"),
     NULL},
    {BYTES("https://"), NULL},
    {BYTES(""), NULL},
};

START_TEST(finds_the_region_in_the_url_of_a_queue)
{
    struct str_view region = SV("before");
    struct err err = {0};
    bool found = sqs_queue_region(urls[_i].url, &region, &err);
    ck_assert(found == (urls[_i].region != NULL));
    ck_assert(sv_is(region, found ? urls[_i].region : "before"));
    ck_assert_int_eq(err.kind, found ? ERR_NONE : ERR_INVALID);
}
END_TEST

/* The whole way. */

static struct service_script script;
static struct service_error error;
static struct err err;

static void setup(void)
{
    service_script_init(&script, ENDPOINT_SSM); /* only its region matters here */
    start_seeing();
}

static void teardown(void)
{
    service_script_done(&script);
    stop_seeing();
}

START_TEST(receives_by_long_polling)
{
    service_script_add(&script, 200, SV("{\"Messages\":[" MESSAGE "]}"));
    ck_assert(sqs_receive(&script.target, SV(QUEUE), 99, saw, &seen, &error, &err));
    ck_assert_str_eq(seen.data, "h=b;");
    ck_assert_str_eq(script.operations[0], "AmazonSQS.ReceiveMessage");
    ck_assert_str_eq(script.content_types[0], "application/x-amz-json-1.0");
    ck_assert_ptr_nonnull(strstr(script.bodies[0], "\"WaitTimeSeconds\":20}"));
    ck_assert_uint_eq(script.max_answer, LIMIT_AWS_QUEUE_BYTES);
    /* The service may take its 20 s, and then the time of a usual answer. */
    ck_assert_int_gt(script.deadline_ms, 1000 + 20000);
}
END_TEST

static const struct {
    struct script_step step;
    enum service_error_class class;
} failures[] = {
    {{400, BYTES("{\"__type\":\"AccessDeniedException\"}")}, SERVICE_DENIED},
    {{200, BYTES("[\"hunter2\"]")}, SERVICE_TRANSIENT},
    {{0, BYTES("")}, SERVICE_TRANSPORT},
};

START_TEST(says_which_queue_and_why)
{
    service_script_add(&script, failures[_i].step.status, failures[_i].step.body);
    ck_assert(!sqs_receive(&script.target, SV(QUEUE), 20, saw, &seen, &error, &err));
    ck_assert_int_eq(error.class, failures[_i].class);
    ck_assert_ptr_nonnull(strstr(err.message, "queue " QUEUE " in eu-central-1: "));
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert(!sqs_delete(&script.target, SV(QUEUE), handles, 2, &error, &err));
    ck_assert_int_eq(error.class, failures[_i].class);
    ck_assert_ptr_nonnull(strstr(err.message, "queue " QUEUE " in eu-central-1: "));
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
}
END_TEST

START_TEST(deletes)
{
    service_script_add(&script, 200, SV("{\"Successful\":[{\"Id\":\"0\"},{\"Id\":\"1\"}]}"));
    ck_assert(sqs_delete(&script.target, SV(QUEUE), handles, 2, &error, &err));
    ck_assert_str_eq(script.operations[0], "AmazonSQS.DeleteMessageBatch");
    ck_assert_str_eq(script.content_types[0], "application/x-amz-json-1.0");
    ck_assert_ptr_nonnull(strstr(script.bodies[0], "{\"Id\":\"1\",\"ReceiptHandle\":\"h2\"}"));
    ck_assert_int_eq(error.class, SERVICE_OK);
}
END_TEST

START_TEST(sends_no_request_that_is_too_large)
{
    static char long_handle[LIMIT_AWS_REQUEST_BYTES];
    memset(long_handle, 'h', sizeof long_handle);
    const struct str_view handle = sv_make(long_handle, sizeof long_handle);
    ck_assert(!sqs_delete(&script.target, SV(QUEUE), &handle, 1, &error, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_int_eq(error.class, SERVICE_REQUEST);
    ck_assert(!sqs_receive(&script.target, handle, 20, saw, &seen, &error, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_uint_eq(script.sent, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("sqs");
    TCase *tcase = tcase_create("bodies");
    tcase_add_checked_fixture(tcase, start_seeing, stop_seeing);
    tcase_add_test(tcase, asks_for_ten_messages);
    tcase_add_loop_test(tcase, shows_each_message, 0, ARRAY_LEN(received));
    tcase_add_loop_test(tcase, shows_nothing_of_what_is_no_answer, 0, ARRAY_LEN(not_received));
    tcase_add_test(tcase, takes_ten_messages);
    tcase_add_test(tcase, names_the_entries_to_delete);
    tcase_add_loop_test(tcase, one_that_is_not_deleted_fails_it, 0, ARRAY_LEN(deletions));
    tcase_add_loop_test(tcase, finds_the_region_in_the_url_of_a_queue, 0, ARRAY_LEN(urls));
    suite_add_tcase(suite, tcase);
    TCase *calls = tcase_create("calls");
    tcase_add_checked_fixture(calls, setup, teardown);
    tcase_add_test(calls, receives_by_long_polling);
    tcase_add_loop_test(calls, says_which_queue_and_why, 0, ARRAY_LEN(failures));
    tcase_add_test(calls, deletes);
    tcase_add_test(calls, sends_no_request_that_is_too_large);
    suite_add_tcase(suite, calls);
    return suite;
}
