/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/answer.h"

#include "base/limits.h"
#include "bytes.h"
#include "check_main.h"

static void answer_of(struct str_view text, struct secret_buf *ret)
{
    secret_buf_init(ret, 2 * 1024 * 1024);
    secret_buf_add(ret, text);
}

static const struct str_view no_answers[] = {
    BYTES(""),
    BYTES("hunter2"),
    BYTES("<html>hunter2</html>"),
    BYTES("\"hunter2\""),
    BYTES("[{\"a\":\"hunter2\"}]"),
    BYTES("null"),
    BYTES("{\"a\":\"hunter2\""),
    BYTES("{\"a\":\"hunter2\"} hunter2"),
    BYTES("{\"hunter2\":1,\"hunter2\":2}"),
    BYTES("{\"a\":\"hunter2\\ud800\"}"),
    BYTES("{\"a\":\"hunter2\xff\"}"),
    BYTES("{\"a\":[1,2,3,4,5,6,7,\"hunter2\"]}"), /* over eight values */
};

START_TEST(refuses_what_is_no_object_without_repeating_it)
{
    CLEANUP(secret_buf_done) struct secret_buf answer = {0};
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *root = NULL;
    struct err err = {0};
    answer_of(no_answers[_i], &answer);
    ck_assert(!answer_parse(&answer, 8, &doc, &root, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_str_eq(err.message, "the answer is not what this service sends");
    ck_assert_ptr_null(root);
}
END_TEST

struct parsed {
    struct secret_buf answer;
    struct json_doc doc;
    const struct json *root;
};

static void parse(struct str_view text, struct parsed *ret)
{
    struct err err = {0};
    *ret = (struct parsed){0};
    answer_of(text, &ret->answer);
    ck_assert(answer_parse(&ret->answer, 64, &ret->doc, &ret->root, &err));
}

static void parsed_done(struct parsed *parsed)
{
    json_doc_done(&parsed->doc);
    secret_buf_done(&parsed->answer);
}

START_TEST(null_and_absent_are_one_and_another_type_is_no_answer)
{
    CLEANUP(parsed_done) struct parsed parsed = {0};
    struct err err = {0};
    const struct json *member = NULL;
    struct str_view text = SV("before");
    parse(SV("{\"null\":null,\"text\":\"t\\u0000\",\"number\":1,\"Text\":\"no\"}"), &parsed);
    ck_assert(answer_member(parsed.root, "null", JSON_ARRAY, &member, &err));
    ck_assert_ptr_null(member);
    ck_assert(answer_member(parsed.root, "absent", JSON_OBJECT, &member, &err));
    ck_assert_ptr_null(member);
    ck_assert(answer_member(parsed.root, "number", JSON_NUMBER, &member, &err));
    ck_assert_ptr_eq(member, json_member(parsed.root, "number"));
    ck_assert(answer_string(parsed.root, "text", &text, &err));
    ck_assert(sv_equal(text, SV("t\0")));
    ck_assert(answer_string(parsed.root, "null", &text, &err));
    ck_assert_uint_eq(text.len, 0);
    ck_assert_int_eq(err.kind, ERR_NONE);
    ck_assert(!answer_string(parsed.root, "number", &text, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert(!answer_member(parsed.root, "text", JSON_ARRAY, &member, &err));
}
END_TEST

static bool token_of(struct str_view answer, struct buf *token)
{
    CLEANUP(parsed_done) struct parsed parsed = {0};
    struct err err = {0};
    parse(answer, &parsed);
    bool read = answer_next_token(parsed.root, token, &err);
    ck_assert_int_eq(err.kind, read ? ERR_NONE : ERR_UNAVAILABLE);
    return read;
}

START_TEST(takes_the_token_of_the_next_page)
{
    CLEANUP(buf_done) struct buf token = {0};
    buf_init(&token, ANSWER_TOKEN_BYTES);
    buf_add_str(&token, "old");
    ck_assert(token_of(SV("{\"NextToken\":\"a\\\"b\"}"), &token));
    ck_assert(sv_is(buf_view(&token), "a\"b"));
    ck_assert(token_of(SV("{\"NextToken\":null}"), &token));
    ck_assert_uint_eq(token.len, 0);
    ck_assert(token_of(SV("{}"), &token));
    ck_assert_uint_eq(token.len, 0);
    ck_assert(!token_of(SV("{\"NextToken\":17}"), &token));
}
END_TEST

START_TEST(takes_a_token_of_4096_bytes_and_no_longer_one)
{
    for (size_t over = 0; over < 2; over++) {
        CLEANUP(buf_done) struct buf text = {0};
        CLEANUP(buf_done) struct buf token = {0};
        buf_init(&text, 8192);
        buf_init(&token, ANSWER_TOKEN_BYTES);
        buf_add_str(&text, "{\"NextToken\":\"");
        memset(buf_extend(&text, 4096 + over), 't', 4096 + over);
        buf_add_str(&text, "\"}");
        ck_assert(token_of(buf_view(&text), &token) == (over == 0));
    }
}
END_TEST

START_TEST(sends_a_token_where_there_is_one)
{
    CLEANUP(buf_done) struct buf body = {0};
    buf_init(&body, 64);
    answer_add_token(&body, SV(""));
    ck_assert_uint_eq(body.len, 0);
    answer_add_token(&body, SV("a\"b"));
    ck_assert_str_eq(body.data, ",\"NextToken\":\"a\\\"b\"");
}
END_TEST

static void value_of(size_t len, struct parsed *ret)
{
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, 1024 * 1024);
    buf_add_str(&text, "{\"v\":\"");
    memset(buf_extend(&text, len), 'A', len);
    buf_add_str(&text, "\"}");
    parse(buf_view(&text), ret);
}

START_TEST(takes_a_value_of_65536_bytes_and_no_larger_one)
{
    for (size_t over = 0; over < 2; over++) {
        CLEANUP(parsed_done) struct parsed parsed = {0};
        CLEANUP(secret_buf_done) struct secret_buf value = {0};
        struct err err = {0};
        value_of(LIMIT_AWS_VALUE_BYTES + over, &parsed);
        bool taken = answer_take_value(json_member(parsed.root, "v"), &value, &err);
        ck_assert(taken == (over == 0));
        ck_assert_int_eq(err.kind, taken ? ERR_NONE : ERR_TOO_BIG);
        ck_assert_uint_eq(value.bytes.len, taken ? LIMIT_AWS_VALUE_BYTES : 0);
    }
}
END_TEST

START_TEST(takes_base64_of_65536_bytes_and_no_more)
{
    for (size_t over = 0; over < 2; over++) {
        CLEANUP(parsed_done) struct parsed parsed = {0};
        CLEANUP(secret_buf_done) struct secret_buf value = {0};
        struct err err = {0};
        value_of((LIMIT_AWS_VALUE_BYTES / 3 + over) * 4, &parsed);
        bool taken = answer_take_base64(json_member(parsed.root, "v"), &value, &err);
        ck_assert(taken == (over == 0));
        ck_assert_int_eq(err.kind, taken ? ERR_NONE : ERR_TOO_BIG);
        ck_assert_uint_eq(value.bytes.len, taken ? LIMIT_AWS_VALUE_BYTES - 1 : 0);
    }
}
END_TEST

START_TEST(refuses_broken_base64_without_repeating_it)
{
    CLEANUP(parsed_done) struct parsed parsed = {0};
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    struct err err = {0};
    parse(SV("{\"v\":\"hunter2!\"}"), &parsed);
    ck_assert(!answer_take_base64(json_member(parsed.root, "v"), &value, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_str_eq(err.message, "the binary value is not base64");
}
END_TEST

START_TEST(keeps_names_and_versions_only_as_they_can_be)
{
    char version[REMOTE_VERSION_BYTES] = "before";
    char *name = answer_take_name(SV("rds!db-1/a_b+c=d.e@f"));
    ck_assert_str_eq(name, "rds!db-1/a_b+c=d.e@f");
    free(name);
    ck_assert_ptr_null(answer_take_name(SV("")));
    ck_assert_ptr_null(answer_take_name(SV("a\0b")));
    ck_assert_ptr_null(answer_take_name(SV("a b")));
    ck_assert_ptr_null(answer_take_name(SV("a\x7f")));
    ck_assert_ptr_null(answer_take_name(SV("\xc3\xa9")));
    answer_take_version(SV("01234567-89ab-cdef-0123-456789abcdef-01234567-89ab-cdef-0123-456"),
                        version);
    ck_assert_uint_eq(strlen(version), 64);
    answer_take_version(SV("01234567-89ab-cdef-0123-456789abcdef-01234567-89ab-cdef-0123-4567"),
                        version);
    ck_assert_str_eq(version, "");
    answer_take_version(SV("a\0b"), version);
    ck_assert_str_eq(version, "");
}
END_TEST

static struct service_error entry_error(unsigned status, struct str_view code,
                                        struct str_view message)
{
    CLEANUP(http_response_done) struct http_response answer = {.status = 200};
    buf_init(&answer.headers, 256);
    buf_add_str(&answer.headers, "X-Amzn-RequestId: 1-2-3\r\n");
    return answer_entry_error(&answer, status, code, message);
}

static const struct {
    unsigned status;
    struct str_view code;
    struct str_view message;
    enum service_error_class class;
    const char *shown;
} entries[] = {
    {400, BYTES("ResourceNotFoundException"), BYTES(""), SERVICE_NOT_FOUND,
     "ResourceNotFoundException"},
    {400, BYTES("AccessDeniedException"), BYTES("\"\\\n\xc3\xa9"), SERVICE_DENIED,
     "AccessDeniedException"},
    {400, BYTES("DecryptionFailure"), BYTES(""), SERVICE_DENIED, "DecryptionFailure"},
    {400, BYTES("InvalidRequestException"), BYTES("it was marked for deletion"), SERVICE_NOT_FOUND,
     "InvalidRequestException"},
    {400, BYTES("InvalidRequestException"), BYTES("something else"), SERVICE_REQUEST,
     "InvalidRequestException"},
    {400, BYTES("InternalServiceError"), BYTES(""), SERVICE_TRANSIENT, "InternalServiceError"},
    {400, BYTES("ThrottlingException"), BYTES(""), SERVICE_THROTTLE, "ThrottlingException"},
    {400, BYTES("Unheard"), BYTES(""), SERVICE_REQUEST, "Unheard"},
    {500, BYTES("Unheard"), BYTES(""), SERVICE_TRANSIENT, "Unheard"},
    {400, BYTES(""), BYTES("AccessDeniedException"), SERVICE_TRANSIENT, ""},
    {400, BYTES("hunter2 hunter2"), BYTES(""), SERVICE_TRANSIENT, ""},
};

START_TEST(types_the_error_of_an_entry_as_that_of_a_call)
{
    struct service_error error =
        entry_error(entries[_i].status, entries[_i].code, entries[_i].message);
    ck_assert_str_eq(service_error_class_name(error.class),
                     service_error_class_name(entries[_i].class));
    ck_assert_str_eq(error.code, entries[_i].shown);
    ck_assert_str_eq(error.request_id, "1-2-3");
    ck_assert_uint_eq(error.status, 200);
}
END_TEST

START_TEST(a_message_may_be_long)
{
    CLEANUP(buf_done) struct buf message = {0};
    buf_init(&message, 4 * 1024 * 1024);
    memset(buf_extend(&message, 2 * 1024 * 1024), '"', 2 * 1024 * 1024);
    struct service_error error = entry_error(400, SV("AccessDeniedException"), buf_view(&message));
    ck_assert_int_eq(error.class, SERVICE_DENIED);
}
END_TEST

static const struct {
    enum err_kind kind;
    enum service_error_class class;
    bool retryable;
} useless[] = {
    {ERR_MISSING, SERVICE_NOT_FOUND, false},
    {ERR_TOO_BIG, SERVICE_REQUEST, false},
    {ERR_UNAVAILABLE, SERVICE_TRANSIENT, true},
};

START_TEST(types_what_made_an_answer_useless)
{
    struct err err = {0};
    struct service_error error = {.status = 200, .request_id = "1-2-3"};
    ck_assert(!err_set(&err, useless[_i].kind, "useless"));
    answer_type_error(&err, &error);
    ck_assert_int_eq(error.class, useless[_i].class);
    ck_assert_int_eq(error.retryable, useless[_i].retryable);
    ck_assert_uint_eq(error.status, 200);
    ck_assert_str_eq(error.request_id, "1-2-3");
}
END_TEST

START_TEST(nothing_said_is_to_be_asked_again)
{
    struct err err = {0};
    struct service_error error = {.class = SERVICE_DENIED, .code = "Old"};
    answer_say_nothing(&error, &err);
    ck_assert_int_eq(error.class, SERVICE_TRANSIENT);
    ck_assert_str_eq(error.code, "");
    ck_assert(error.retryable);
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("answer");
    TCase *tcase = tcase_create("reading");
    tcase_add_loop_test(tcase, refuses_what_is_no_object_without_repeating_it, 0,
                        ARRAY_LEN(no_answers));
    tcase_add_test(tcase, null_and_absent_are_one_and_another_type_is_no_answer);
    tcase_add_test(tcase, takes_the_token_of_the_next_page);
    tcase_add_test(tcase, takes_a_token_of_4096_bytes_and_no_longer_one);
    tcase_add_test(tcase, sends_a_token_where_there_is_one);
    tcase_add_test(tcase, takes_a_value_of_65536_bytes_and_no_larger_one);
    tcase_add_test(tcase, takes_base64_of_65536_bytes_and_no_more);
    tcase_add_test(tcase, refuses_broken_base64_without_repeating_it);
    tcase_add_test(tcase, keeps_names_and_versions_only_as_they_can_be);
    suite_add_tcase(suite, tcase);
    TCase *errors = tcase_create("errors");
    tcase_add_loop_test(errors, types_the_error_of_an_entry_as_that_of_a_call, 0,
                        ARRAY_LEN(entries));
    tcase_add_test(errors, a_message_may_be_long);
    tcase_add_loop_test(errors, types_what_made_an_answer_useless, 0, ARRAY_LEN(useless));
    tcase_add_test(errors, nothing_said_is_to_be_asked_again);
    suite_add_tcase(suite, errors);
    return suite;
}
