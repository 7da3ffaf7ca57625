/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/secretsmanager.h"

#include "aws/secretsmanager_messages.h"
#include "base/limits.h"
#include "service_script.h"

static const struct {
    struct sm_ref ref;
    const char *body;
} requests[] = {
    {{.key = BYTES("prod/db")}, "{\"SecretId\":\"prod/db\",\"VersionStage\":\"AWSCURRENT\"}"},
    {{.key = BYTES("a"), .version = BYTES("AWSPREVIOUS")},
     "{\"SecretId\":\"a\",\"VersionStage\":\"AWSPREVIOUS\"}"},
    {{.key = BYTES("a"), .version = BYTES("uuid/01234567-89ab-cdef-0123-456789abcdef")},
     "{\"SecretId\":\"a\",\"VersionId\":\"01234567-89ab-cdef-0123-456789abcdef\"}"},
    {{.key = BYTES("a"), .version = BYTES("UUID/x")},
     "{\"SecretId\":\"a\",\"VersionStage\":\"UUID/x\"}"},
    {{.key = BYTES("a\"b\\\n\xc3\xa9")},
     "{\"SecretId\":\"a\\\"b\\\\\\n\xc3\xa9\",\"VersionStage\":\"AWSCURRENT\"}"},
    {{.key = BYTES("arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf")},
     "{\"SecretId\":\"arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf\","
     "\"VersionStage\":\"AWSCURRENT\"}"},
};

START_TEST(asks_for_one_version)
{
    CLEANUP(buf_done) struct buf body = {0};
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    struct err err = {0};
    ck_assert(sm_value_compose(&requests[_i].ref, &body, &err));
    ck_assert_str_eq(body.data, requests[_i].body);
}
END_TEST

static char long_text[2050];

START_TEST(refuses_a_reference_nobody_can_mean)
{
    memset(long_text, 'a', sizeof long_text);
    const struct sm_ref refs[] = {
        {.key = SV("")},
        {.key = sv_make(long_text, 2049)},
        {.key = SV("a"), .version = SV("uuid/")},
        {.key = SV("a"),
         .version = SV("uuid/01234567-89ab-cdef-0123-456789abcdef-01234567-89ab-"
                       "cdef-0123-4567")},
        {.key = SV("a"), .version = sv_make(long_text, 257)},
    };
    for (size_t i = 0; i < ARRAY_LEN(refs); i++) {
        CLEANUP(buf_done) struct buf body = {0};
        buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
        struct err err = {0};
        ck_assert(!sm_value_compose(&refs[i], &body, &err));
        ck_assert_int_eq(err.kind, ERR_INVALID);
    }
}
END_TEST

#define NONE BYTES("(none)")

static const struct {
    struct str_view answer;
    struct str_view string;
    struct str_view binary;
} values[] = {
    {BYTES("{\"ARN\":\"arn:x\",\"CreatedDate\":1523477145.713,\"Name\":\"n\",\"SecretString\":"
           "\"hunter2\",\"VersionId\":\"v\",\"VersionStages\":[\"AWSCURRENT\"]}"),
     BYTES("hunter2"), NONE},
    {BYTES("{\"CreatedDate\":\"1523477145\",\"SecretBinary\":null,\"SecretString\":\"x\"}"),
     BYTES("x"), NONE},
    {BYTES("{\"SecretString\":\"\"}"), BYTES(""), NONE},
    {BYTES("{\"SecretString\":\"a\\u0000b\\u0000\"}"), BYTES("a\0b\0"), NONE},
    {BYTES("{\"SecretString\":\"\\\"\\\\\\u00e9\\ud83d\\udd11\\n\"}"),
     BYTES("\"\\\xc3\xa9\xf0\x9f\x94\x91\n"), NONE},
    {BYTES("{\"SecretBinary\":\"AAEC/w==\"}"), NONE, BYTES("\x00\x01\x02\xff")},
    {BYTES("{\"SecretBinary\":\"\"}"), NONE, BYTES("")},
    {BYTES("{\"SecretBinary\":\"Yg==\",\"SecretString\":\"s\"}"), BYTES("s"), BYTES("b")},
    {BYTES("{\"secretstring\":\"no\",\"SecretString\":\"yes\",\"New\":{\"a\":[1,2]}}"),
     BYTES("yes"), NONE},
};

static void check_bytes(bool has, const struct secret_buf *bytes, struct str_view expected)
{
    ck_assert(has != sv_is(expected, "(none)"));
    ck_assert(sv_equal(secret_buf_view(bytes), has ? expected : SV("")));
}

START_TEST(takes_the_exact_bytes_of_both)
{
    CLEANUP(secret_buf_done) struct secret_buf answer = {0};
    CLEANUP(remote_value_done) struct remote_value value = {0};
    answer_of(values[_i].answer, &answer);
    struct err err = {0};
    ck_assert_msg(sm_value_read(&answer, &value, &err), "%s", err.message);
    check_bytes(value.has_string, &value.string, values[_i].string);
    check_bytes(value.has_binary, &value.binary, values[_i].binary);
}
END_TEST

START_TEST(takes_who_it_is)
{
    CLEANUP(secret_buf_done) struct secret_buf answer = {0};
    CLEANUP(remote_value_done) struct remote_value value = {0};
    struct err err = {0};
    answer_of(SV("{\"ARN\":\"arn:aws:x-AbCdEf\",\"Name\":\"prod/db\",\"SecretString\":\"s\","
                 "\"VersionId\":\"01234567-89ab-cdef-0123-456789abcdef\"}"),
              &answer);
    ck_assert(sm_value_read(&answer, &value, &err));
    ck_assert_str_eq(value.arn, "arn:aws:x-AbCdEf");
    ck_assert_str_eq(value.name, "prod/db");
    ck_assert_str_eq(value.version, "01234567-89ab-cdef-0123-456789abcdef");
}
END_TEST

START_TEST(does_without_who_it_is)
{
    CLEANUP(secret_buf_done) struct secret_buf answer = {0};
    CLEANUP(remote_value_done) struct remote_value value = {0};
    struct err err = {0};
    answer_of(SV("{\"SecretString\":\"s\",\"Name\":\"a\\u0000b\",\"ARN\":null}"), &answer);
    ck_assert(sm_value_read(&answer, &value, &err));
    ck_assert_ptr_null(value.arn);
    ck_assert_ptr_null(value.name);
    ck_assert_str_eq(value.version, "");
}
END_TEST

static const struct {
    struct str_view answer;
    enum err_kind kind;
} no_values[] = {
    {BYTES(""), ERR_UNAVAILABLE},
    {BYTES("<html>hunter2</html>"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretString\":\"hunter2"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretString\":\"hunter2\"} hunter2"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretString\":\"hunter2\",\"SecretString\":\"hunter2\"}"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretString\":\"hunter2\\ud800\"}"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretString\":\"hunter2\xff\"}"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretString\":17}"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretString\":{\"a\":\"hunter2\"}}"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretBinary\":[1]}"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretBinary\":\"hunter2!\"}"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretBinary\":\"AAE\"}"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretString\":\"hunter2\",\"SecretBinary\":\"AAE\"}"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretString\":\"hunter2\",\"Name\":1}"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretString\":\"hunter2\",\"ARN\":[]}"), ERR_UNAVAILABLE},
    {BYTES("{\"SecretString\":\"hunter2\",\"VersionId\":{}}"), ERR_UNAVAILABLE},
    {BYTES("[\"hunter2\"]"), ERR_UNAVAILABLE},
    {BYTES("\"hunter2\""), ERR_UNAVAILABLE},
    {BYTES("null"), ERR_UNAVAILABLE},
    {BYTES("{}"), ERR_MISSING},
    {BYTES("{\"SecretString\":null,\"SecretBinary\":null,\"Name\":\"hunter2\"}"), ERR_MISSING},
};

START_TEST(refuses_what_is_no_answer_without_repeating_it)
{
    CLEANUP(secret_buf_done) struct secret_buf answer = {0};
    CLEANUP(remote_value_done) struct remote_value value = {0};
    answer_of(no_values[_i].answer, &answer);
    struct err err = {0};
    ck_assert(!sm_value_read(&answer, &value, &err));
    ck_assert_str_eq(err_kind_name(err.kind), err_kind_name(no_values[_i].kind));
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert(!value.has_string);
    ck_assert(!value.has_binary);
    ck_assert_ptr_null(value.string.bytes.data);
}
END_TEST

/* The largest value there is, each byte escaped, fits into the ceiling of an answer. */
START_TEST(takes_the_largest_value_and_no_larger)
{
    for (size_t over = 0; over < 2; over++) {
        CLEANUP(secret_buf_done) struct secret_buf answer = {0};
        CLEANUP(remote_value_done) struct remote_value value = {0};
        answer_of(SV("{\"SecretString\":\""), &answer);
        for (size_t i = 0; i < LIMIT_AWS_VALUE_BYTES + over; i++) {
            secret_buf_add(&answer, SV("\\u0001"));
        }
        secret_buf_add(&answer, SV("\"}"));
        ck_assert_uint_lt(answer.bytes.len, LIMIT_AWS_ANSWER_BYTES);
        struct err err = {0};
        ck_assert(sm_value_read(&answer, &value, &err) == (over == 0));
        ck_assert_uint_eq(value.string.bytes.len, over == 0 ? LIMIT_AWS_VALUE_BYTES : 0);
        ck_assert_int_eq(err.kind, over == 0 ? ERR_NONE : ERR_TOO_BIG);
    }
}
END_TEST

/* The whole way. */

static struct service_script script;
static struct remote_value value;
static struct service_error error;
static struct err err;

static void setup(void)
{
    service_script_init(&script, ENDPOINT_SECRETS_MANAGER);
}

static void teardown(void)
{
    service_script_done(&script);
    remote_value_done(&value);
}

static bool get(const char *key)
{
    const struct sm_ref ref = {.key = sv_of(key)};
    return sm_get_secret_value(&script.target, &ref, &value, &error, &err);
}

START_TEST(gets_a_value)
{
    service_script_add(&script, 200, SV("{\"SecretString\":\"hun\\u0000ter2\"}"));
    ck_assert(get("prod/db"));
    ck_assert(sv_equal(secret_buf_view(&value.string), SV("hun\0ter2")));
    ck_assert_int_eq(error.class, SERVICE_OK);
    ck_assert_str_eq(script.operations[0], "secretsmanager.GetSecretValue");
    ck_assert_str_eq(script.content_types[0], "application/x-amz-json-1.1");
    ck_assert_str_eq(script.bodies[0],
                     "{\"SecretId\":\"prod/db\",\"VersionStage\":\"AWSCURRENT\"}");
    ck_assert_uint_eq(script.max_answer, LIMIT_AWS_ANSWER_BYTES);
}
END_TEST

START_TEST(says_which_secret_and_why)
{
    service_script_add(&script, 400,
                       SV("{\"__type\":\"ResourceNotFoundException\",\"Message\":\"hunter2\"}"));
    ck_assert(!get("prod/typo"));
    ck_assert_str_eq(err.message, "secret prod/typo in eu-central-1: ResourceNotFoundException "
                                  "(request id 1-2-3)");
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert_int_eq(error.class, SERVICE_NOT_FOUND);
    ck_assert(!value.has_string);
}
END_TEST

START_TEST(says_why_even_behind_a_long_key)
{
    memset(long_text, 'k', 2048);
    long_text[2048] = '\0';
    service_script_add(&script, 400, SV("{\"__type\":\"AccessDeniedException\"}"));
    ck_assert(!get(long_text));
    ck_assert_ptr_nonnull(strstr(err.message, "AccessDeniedException"));
    ck_assert_int_eq(err.kind, ERR_DENIED);
}
END_TEST

START_TEST(types_a_version_without_a_value)
{
    service_script_add(&script, 200, SV("{\"Name\":\"a\",\"VersionStages\":[\"AWSPENDING\"]}"));
    ck_assert(!get("a"));
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert_int_eq(error.class, SERVICE_NOT_FOUND);
    ck_assert_str_eq(err.message, "secret a in eu-central-1: this version has no value");
}
END_TEST

START_TEST(leaves_the_old_value_when_it_fails)
{
    value.has_string = true;
    secret_buf_init(&value.string, 16);
    secret_buf_add(&value.string, SV("old"));
    service_script_add(&script, 200, SV("{\"SecretString\":\"new"));
    ck_assert(!get("a"));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_int_eq(error.class, SERVICE_TRANSIENT);
    ck_assert(error.retryable);
    ck_assert(sv_is(secret_buf_view(&value.string), "old"));
}
END_TEST

START_TEST(puts_the_new_value_in_place_of_the_old_one)
{
    value.has_binary = true;
    secret_buf_init(&value.binary, 16);
    secret_buf_add(&value.binary, SV("old"));
    service_script_add(&script, 200, SV("{\"SecretString\":\"new\"}"));
    ck_assert(get("a"));
    ck_assert(sv_is(secret_buf_view(&value.string), "new"));
    ck_assert(!value.has_binary);
    ck_assert_uint_eq(value.binary.bytes.len, 0);
}
END_TEST

START_TEST(says_when_there_is_no_answer)
{
    service_script_add(&script, 0, SV(""));
    ck_assert(!get("a"));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_int_eq(error.class, SERVICE_TRANSPORT);
    ck_assert_ptr_nonnull(strstr(err.message, "secret a in eu-central-1: "));
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

Suite *suite(void)
{
    Suite *suite = suite_create("secretsmanager");
    TCase *tcase = tcase_create("bodies");
    tcase_add_loop_test(tcase, asks_for_one_version, 0, ARRAY_LEN(requests));
    tcase_add_test(tcase, refuses_a_reference_nobody_can_mean);
    tcase_add_loop_test(tcase, takes_the_exact_bytes_of_both, 0, ARRAY_LEN(values));
    tcase_add_test(tcase, takes_who_it_is);
    tcase_add_test(tcase, does_without_who_it_is);
    tcase_add_loop_test(tcase, refuses_what_is_no_answer_without_repeating_it, 0,
                        ARRAY_LEN(no_values));
    tcase_add_test(tcase, takes_the_largest_value_and_no_larger);
    suite_add_tcase(suite, tcase);
    TCase *calls = tcase_create("calls");
    tcase_add_checked_fixture(calls, setup, teardown);
    tcase_add_test(calls, gets_a_value);
    tcase_add_test(calls, says_which_secret_and_why);
    tcase_add_test(calls, says_why_even_behind_a_long_key);
    tcase_add_test(calls, types_a_version_without_a_value);
    tcase_add_test(calls, leaves_the_old_value_when_it_fails);
    tcase_add_test(calls, puts_the_new_value_in_place_of_the_old_one);
    tcase_add_test(calls, says_when_there_is_no_answer);
    tcase_add_test(calls, sends_nothing_for_a_reference_nobody_can_mean);
    suite_add_tcase(suite, calls);
    return suite;
}
