/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/ssm.h"

#include "aws/ssm_messages.h"
#include "base/limits.h"
#include "service_script.h"

static const struct {
    struct ssm_ref ref;
    const char *body;
} requests[] = {
    {{.key = BYTES("/prod/db")}, "{\"Name\":\"/prod/db\",\"WithDecryption\":true}"},
    {{.key = BYTES("/prod/db"), .version = BYTES("3")},
     "{\"Name\":\"/prod/db:3\",\"WithDecryption\":true}"},
    {{.key = BYTES("db"), .version = BYTES("blue")},
     "{\"Name\":\"db:blue\",\"WithDecryption\":true}"},
    {{.key = BYTES("a\"b")}, "{\"Name\":\"a\\\"b\",\"WithDecryption\":true}"},
    {{.key = BYTES("arn:aws:ssm:eu-central-1:111122223333:parameter/db"), .version = BYTES("3")},
     "{\"Name\":\"arn:aws:ssm:eu-central-1:111122223333:parameter/db:3\",\"WithDecryption\":"
     "true}"},
};

START_TEST(asks_for_it_decrypted)
{
    CLEANUP(buf_done) struct buf body = {0};
    struct err err = {0};
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    ck_assert(ssm_parameter_compose(&requests[_i].ref, &body, &err));
    ck_assert_str_eq(body.data, requests[_i].body);
}
END_TEST

static char long_text[2050];

START_TEST(refuses_a_reference_nobody_can_mean)
{
    memset(long_text, 'a', sizeof long_text);
    const struct ssm_ref refs[] = {
        {.key = SV("")},
        {.key = SV(""), .version = SV("3")},
        {.key = sv_make(long_text, 2049)},
        {.key = sv_make(long_text, 2047), .version = SV("3")},
        {.key = SV("a"), .version = sv_make(long_text, 129)},
        {.key = SV("a"), .version = SV("3:4")},
        {.key = SV("a"), .version = SV("b c")},
        {.key = SV("a"), .version = SV("\n")},
    };
    for (size_t i = 0; i < ARRAY_LEN(refs); i++) {
        CLEANUP(buf_done) struct buf body = {0};
        struct err err = {0};
        buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
        ck_assert(!ssm_parameter_compose(&refs[i], &body, &err));
        ck_assert_int_eq(err.kind, ERR_INVALID);
    }
}
END_TEST

static const struct {
    struct str_view answer;
    struct str_view value;
    const char *version;
    const char *name;
    const char *arn;
} parameters[] = {
    {BYTES("{\"Parameter\":{\"Name\":\"/prod/db\",\"Type\":\"SecureString\",\"Value\":"
           "\"hunter2\",\"Version\":3,\"Selector\":\":3\",\"LastModifiedDate\":1.5E9,\"ARN\":"
           "\"arn:db\",\"DataType\":\"text\",\"SourceResult\":null}}"),
     BYTES("hunter2"), "3", "/prod/db", "arn:db"},
    {BYTES("{\"Parameter\":{\"Value\":\"a\\u0000b\"}}"), BYTES("a\0b"), "", NULL, NULL},
    {BYTES("{\"Parameter\":{\"Value\":\"\",\"Version\":9223372036854775807}}"), BYTES(""),
     "9223372036854775807", NULL, NULL},
    {BYTES("{\"Parameter\":{\"Value\":\"v\",\"Version\":9007199254740993}}"), BYTES("v"),
     "9007199254740993", NULL, NULL},
    {BYTES("{\"Parameter\":{\"Value\":\"v\",\"Version\":9223372036854775808}}"), BYTES("v"), "",
     NULL, NULL},
    {BYTES("{\"Parameter\":{\"Value\":\"v\",\"Version\":1.5}}"), BYTES("v"), "", NULL, NULL},
    {BYTES("{\"Parameter\":{\"Value\":\"v\",\"Version\":null}}"), BYTES("v"), "", NULL, NULL},
};

static void check_text(const char *text, const char *expected)
{
    ck_assert(!text == !expected);
    if (text) {
        ck_assert_str_eq(text, expected);
    }
}

START_TEST(takes_the_exact_bytes_and_who_it_is)
{
    CLEANUP(secret_buf_done) struct secret_buf answer = {0};
    CLEANUP(remote_value_done) struct remote_value value = {0};
    struct err err = {0};
    answer_of(parameters[_i].answer, &answer);
    ck_assert_msg(ssm_parameter_read(&answer, &value, &err), "%s", err.message);
    ck_assert(value.has_string);
    ck_assert(!value.has_binary);
    ck_assert(sv_equal(secret_buf_view(&value.string), parameters[_i].value));
    ck_assert_str_eq(value.version, parameters[_i].version);
    check_text(value.name, parameters[_i].name);
    check_text(value.arn, parameters[_i].arn);
}
END_TEST

static const struct str_view no_parameters[] = {
    BYTES("hunter2"),
    BYTES("{}"),
    BYTES("{\"Parameter\":null}"),
    BYTES("{\"Parameter\":\"hunter2\"}"),
    BYTES("{\"Parameter\":{}}"),
    BYTES("{\"Parameter\":{\"Value\":null}}"),
    BYTES("{\"Parameter\":{\"Value\":17}}"),
    BYTES("{\"Parameter\":{\"Value\":\"hunter2\",\"Version\":\"3\"}}"),
    BYTES("{\"Parameter\":{\"Value\":\"hunter2\",\"Name\":[]}}"),
    BYTES("{\"Parameter\":{\"Value\":\"hunter2\",\"ARN\":1}}"),
    BYTES("{\"Parameter\":{\"Value\":\"hunter2\",\"Value\":\"hunter2\"}}"),
};

START_TEST(refuses_what_is_no_answer_without_repeating_it)
{
    CLEANUP(secret_buf_done) struct secret_buf answer = {0};
    CLEANUP(remote_value_done) struct remote_value value = {0};
    struct err err = {0};
    answer_of(no_parameters[_i], &answer);
    ck_assert(!ssm_parameter_read(&answer, &value, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_ptr_null(value.string.bytes.data);
}
END_TEST

/* By path. */

/* Writes down what it is shown, and stops at a name. */
struct witness {
    struct buf seen;
    const char *stop_at;
};

static bool saw(void *context, struct str_view name, struct remote_value *value)
{
    struct witness *witness = context;
    CLEANUP(remote_value_done) struct remote_value mine = {0};
    if (witness->seen.len % 2 == 0) {
        remote_value_move(&mine, value); /* may be, and may not be */
    } else {
        remote_value_copy(&mine, value);
    }
    buf_printf(&witness->seen, "%.*s=%.*s;", SV_ARG(name), SV_ARG(secret_buf_view(&mine.string)));
    return !witness->stop_at || !sv_is(name, witness->stop_at);
}

START_TEST(asks_for_a_path)
{
    CLEANUP(buf_done) struct buf body = {0};
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    ssm_path_compose(SV("/a\"b"), SV(""), &body);
    ck_assert_str_eq(body.data, "{\"Path\":\"/a\\\"b\",\"Recursive\":true,\"WithDecryption\":true,"
                                "\"MaxResults\":10}");
    buf_clear(&body);
    ssm_path_compose(SV("/"), SV("t"), &body);
    ck_assert_str_eq(body.data, "{\"Path\":\"/\",\"Recursive\":true,\"WithDecryption\":true,"
                                "\"MaxResults\":10,\"NextToken\":\"t\"}");
}
END_TEST

static const struct str_view no_pages[] = {
    BYTES("hunter2"),
    BYTES("{\"Parameters\":{}}"),
    BYTES("{\"Parameters\":[\"hunter2\"]}"),
    BYTES("{\"Parameters\":[{\"Name\":\"/a\"}]}"),
    BYTES("{\"Parameters\":[{\"Value\":\"hunter2\"}]}"),
    BYTES("{\"Parameters\":[{\"Name\":\"a b\",\"Value\":\"hunter2\"}]}"),
    BYTES("{\"NextToken\":1}"),
};

START_TEST(refuses_what_is_no_page)
{
    CLEANUP(secret_buf_done) struct secret_buf answer = {0};
    CLEANUP(buf_done) struct buf token = {0};
    struct witness witness = {0};
    struct err err = {0};
    bool enough = false;
    buf_init(&witness.seen, 1024);
    buf_init(&token, 4096);
    answer_of(no_pages[_i], &answer);
    ck_assert(!ssm_path_read(&answer, saw, &witness, &token, &enough, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_uint_eq(witness.seen.len, 0);
    buf_done(&witness.seen);
}
END_TEST

/* The whole way. */

static struct service_script script;
static struct witness witness;
static struct remote_value value;
static struct service_error error;
static struct err err;

static void setup(void)
{
    service_script_init(&script, ENDPOINT_SSM);
    buf_init(&witness.seen, 1024);
}

static void teardown(void)
{
    service_script_done(&script);
    buf_done(&witness.seen);
    remote_value_done(&value);
}

static bool get(const char *key)
{
    const struct ssm_ref ref = {.key = sv_of(key), .version = SV("3")};
    return ssm_get_parameter(&script.target, &ref, &value, &error, &err);
}

START_TEST(gets_a_value)
{
    service_script_add(&script, 200, SV("{\"Parameter\":{\"Value\":\"hunter2\",\"Version\":3}}"));
    ck_assert(get("/prod/db"));
    ck_assert(sv_is(secret_buf_view(&value.string), "hunter2"));
    ck_assert_str_eq(script.operations[0], "AmazonSSM.GetParameter");
    ck_assert_str_eq(script.content_types[0], "application/x-amz-json-1.1");
    ck_assert_str_eq(script.bodies[0], "{\"Name\":\"/prod/db:3\",\"WithDecryption\":true}");
    ck_assert_uint_eq(script.max_answer, LIMIT_AWS_ANSWER_BYTES);
    ck_assert_int_eq(error.class, SERVICE_OK);
}
END_TEST

static const struct {
    struct script_step step;
    enum service_error_class class;
    enum err_kind kind;
} failures[] = {
    {{400, BYTES("{\"__type\":\"AccessDeniedException\",\"message\":\"hunter2\"}")},
     SERVICE_DENIED,
     ERR_DENIED},
    {{200, BYTES("{\"Parameter\":\"hunter2\"}")}, SERVICE_TRANSIENT, ERR_UNAVAILABLE},
    {{0, BYTES("")}, SERVICE_TRANSPORT, ERR_UNAVAILABLE},
};

START_TEST(says_which_parameter_and_why)
{
    service_script_add(&script, failures[_i].step.status, failures[_i].step.body);
    value.has_string = true;
    secret_buf_init(&value.string, 16);
    secret_buf_add(&value.string, SV("old"));
    ck_assert(!get("/prod/db"));
    ck_assert_ptr_nonnull(strstr(err.message, "parameter /prod/db in eu-central-1: "));
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_int_eq(error.class, failures[_i].class);
    ck_assert_int_eq(err.kind, failures[_i].kind);
    ck_assert(sv_is(secret_buf_view(&value.string), "old"));
}
END_TEST

START_TEST(sends_nothing_for_a_reference_nobody_can_mean)
{
    ck_assert(!get(""));
    ck_assert_uint_eq(script.sent, 0);
    ck_assert_int_eq(error.class, SERVICE_REQUEST);
    ck_assert_int_eq(err.kind, ERR_INVALID);
}
END_TEST

static bool get_below(const char *path)
{
    return ssm_get_parameters_by_path(&script.target, sv_of(path), 3, saw, &witness, &error, &err);
}

#define PAGE_A "{\"Parameters\":[{\"Name\":\"/p/a\",\"Value\":\"A\"}],\"NextToken\":\"1\"}"
#define EMPTY_PAGE "{\"Parameters\":[],\"NextToken\":\"2\"}"
#define PAGE_B                                                                                     \
    "{\"Parameters\":[{\"Name\":\"/p/b\",\"Value\":\"B\"},{\"Name\":\"/p/c/d\",\"Value\":\"D\"}]}"

START_TEST(gets_all_pages_below_a_path)
{
    service_script_add(&script, 200, SV(PAGE_A));
    service_script_add(&script, 200, SV(EMPTY_PAGE));
    service_script_add(&script, 200, SV(PAGE_B));
    ck_assert(get_below("/p"));
    ck_assert_str_eq(witness.seen.data, "/p/a=A;/p/b=B;/p/c/d=D;");
    ck_assert_str_eq(script.operations[0], "AmazonSSM.GetParametersByPath");
    ck_assert_ptr_null(strstr(script.bodies[0], "NextToken"));
    ck_assert_ptr_nonnull(strstr(script.bodies[2], "\"NextToken\":\"2\""));
}
END_TEST

START_TEST(any_page_can_fail)
{
    service_script_add(&script, 200, SV(PAGE_A));
    service_script_add(&script, 200, SV(EMPTY_PAGE));
    service_script_add(&script, 200, SV(PAGE_B));
    script.fail_at = (size_t)_i;
    ck_assert(!get_below("/p"));
    ck_assert_uint_eq(script.sent, (size_t)_i);
    ck_assert_int_eq(error.class, SERVICE_TRANSPORT);
    ck_assert_ptr_nonnull(strstr(err.message, "parameters below /p in eu-central-1: "));
}
END_TEST

START_TEST(gets_no_more_pages_than_allowed)
{
    service_script_add(&script, 200, SV(PAGE_A));
    ck_assert(!get_below("/p"));
    ck_assert_uint_eq(script.sent, 3);
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

START_TEST(stops_when_told)
{
    witness.stop_at = "/p/b";
    service_script_add(&script, 200, SV(PAGE_B));
    ck_assert(get_below("/p"));
    ck_assert_str_eq(witness.seen.data, "/p/b=B;");
}
END_TEST

START_TEST(begins_anew_when_the_token_is_refused)
{
    service_script_add(&script, 200, SV(PAGE_A));
    service_script_add(&script, 400, SV("{\"__type\":\"InvalidNextToken\"}"));
    service_script_add(&script, 200, SV(PAGE_B));
    ck_assert(get_below("/p"));
    ck_assert_str_eq(witness.seen.data, "/p/a=A;/p/b=B;/p/c/d=D;");
    ck_assert_ptr_null(strstr(script.bodies[2], "NextToken"));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("ssm");
    TCase *tcase = tcase_create("bodies");
    tcase_add_loop_test(tcase, asks_for_it_decrypted, 0, ARRAY_LEN(requests));
    tcase_add_test(tcase, refuses_a_reference_nobody_can_mean);
    tcase_add_loop_test(tcase, takes_the_exact_bytes_and_who_it_is, 0, ARRAY_LEN(parameters));
    tcase_add_loop_test(tcase, refuses_what_is_no_answer_without_repeating_it, 0,
                        ARRAY_LEN(no_parameters));
    tcase_add_test(tcase, asks_for_a_path);
    tcase_add_loop_test(tcase, refuses_what_is_no_page, 0, ARRAY_LEN(no_pages));
    suite_add_tcase(suite, tcase);
    TCase *calls = tcase_create("calls");
    tcase_add_checked_fixture(calls, setup, teardown);
    tcase_add_test(calls, gets_a_value);
    tcase_add_loop_test(calls, says_which_parameter_and_why, 0, ARRAY_LEN(failures));
    tcase_add_test(calls, sends_nothing_for_a_reference_nobody_can_mean);
    tcase_add_test(calls, gets_all_pages_below_a_path);
    tcase_add_loop_test(calls, any_page_can_fail, 1, 4);
    tcase_add_test(calls, gets_no_more_pages_than_allowed);
    tcase_add_test(calls, stops_when_told);
    tcase_add_test(calls, begins_anew_when_the_token_is_refused);
    suite_add_tcase(suite, calls);
    return suite;
}
