/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/ssm.h"
#include "aws/ssm_messages.h"
#include "base/limits.h"
#include "service_script.h"

#define ARN "arn:aws:ssm:eu-central-1:111122223333:parameter/"
#define OTHER_ARN "arn:aws:ssm:eu-central-1:444455556666:parameter/"

static struct ssm_batch_item items[SSM_BATCH_MAX];
static struct ssm_batch batch;

static void ask(const struct ssm_ref *refs, size_t count)
{
    batch = (struct ssm_batch){.items = items, .count = count};
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct ssm_batch_item){.ref = refs[i]};
    }
    ssm_batch_reset(&batch);
}

static void items_done(void)
{
    for (size_t i = 0; i < SSM_BATCH_MAX; i++) {
        remote_value_done(&items[i].value);
    }
}

/* Reads an answer and shows each item: its value, its class, or "-" for no answer. */
static char *outcome(const struct ssm_ref *refs, size_t count, struct str_view text)
{
    CLEANUP(secret_buf_done) struct secret_buf answer = {0};
    struct buf shown = {0};
    struct err err = {0};
    buf_init(&shown, 4096);
    answer_of(text, &answer);
    ask(refs, count);
    ck_assert_msg(ssm_batch_read(&batch, &answer, &err), "%s", err.message);
    for (size_t i = 0; i < count; i++) {
        buf_add_str(&shown, i == 0 ? "" : " ");
        if (items[i].error.class == SERVICE_OK) {
            buf_add(&shown, secret_buf_view(&items[i].value.string));
        } else if (items[i].error.class == SERVICE_TRANSIENT && !items[i].error.code[0]) {
            ck_assert_int_eq(items[i].err.kind, ERR_UNAVAILABLE);
            buf_add_str(&shown, "-");
        } else {
            buf_add_str(&shown, service_error_class_name(items[i].error.class));
        }
    }
    return buf_take(&shown);
}

#define REF(key, version)                                                                          \
    {                                                                                              \
        BYTES(key), BYTES(version)                                                                 \
    }
#define PLAIN(name, value, version)                                                                \
    "{\"Name\":\"" name "\",\"ARN\":\"" ARN name "\",\"Value\":\"" value "\",\"Version\":" version \
    "}"
#define SELECTED(name, value, version, selector)                                                   \
    "{\"Name\":\"" name "\",\"ARN\":\"" ARN name "\",\"Value\":\"" value "\",\"Version\":" version \
    ",\"Selector\":\":" selector "\"}"

static const struct {
    struct ssm_ref refs[4];
    size_t count;
    struct str_view answer;
    const char *outcome;
} matches[] = {
    /* By name, in another order. */
    {{REF("a", ""), REF("b", "")},
     2,
     BYTES("{\"Parameters\":[" PLAIN("b", "B", "1") "," PLAIN("a", "A", "1") "]}"),
     "A B"},
    /* By ARN. */
    {{REF(ARN "a", ""), REF(ARN "b", "2")},
     2,
     BYTES("{\"Parameters\":[" PLAIN("a", "A", "1") "," SELECTED("b", "B", "2", "2") "]}"),
     "A B"},
    /* Several versions of one. */
    {{REF("a", ""), REF("a", "1"), REF("a", "blue"), REF("a", "2")},
     4,
     BYTES("{\"Parameters\":[" SELECTED("a", "2", "2", "2") "," SELECTED(
         "a", "1", "1", "1") "," PLAIN("a", "3", "3") "," SELECTED("a", "blue", "1", "blue") "]}"),
     "3 1 blue 2"},
    /* The selector as a part of the key. */
    {{REF("a:1", ""), REF(ARN "b:blue", ""), REF("a", "")},
     3,
     BYTES("{\"Parameters\":[" PLAIN("a", "2", "2") "," SELECTED("a", "1", "1", "1") "," SELECTED(
         "b", "B", "4", "blue") "]}"),
     "1 B 2"},
    /* Another selector than asked for is another value. */
    {{REF("a", "1"), REF("b", "")},
     2,
     BYTES("{\"Parameters\":[" SELECTED("a", "x", "2", "2") "," SELECTED("b", "x", "3", "3") "]}"),
     "- -"},
    /* Without selectors: by the number, and by the name where nothing else can be meant. */
    {{REF("a", "1"), REF("b", "blue"), REF("c", "")},
     3,
     BYTES("{\"Parameters\":[" PLAIN("a", "1", "1") "," PLAIN("b", "B", "2") "," PLAIN("c", "C",
                                                                                       "3") "]}"),
     "1 B C"},
    {{REF("a", "1")}, 1, BYTES("{\"Parameters\":[" PLAIN("a", "x", "2") "]}"), "-"},
    {{REF("a", "1")}, 1, BYTES("{\"Parameters\":[{\"Name\":\"a\",\"Value\":\"x\"}]}"), "-"},
    {{REF("a", ""), REF("a", "1"), REF("a", "blue")},
     3,
     BYTES("{\"Parameters\":[" PLAIN("a", "1", "1") "," PLAIN("a", "2", "2") "]}"),
     "- 1 -"},
    /* What nobody asked for. */
    {{REF("a", "")},
     1,
     BYTES("{\"Parameters\":[" PLAIN("/a", "x", "1") "," PLAIN(
         "A", "x", "1") ",{\"Value\":\"x\"},{\"Name\":\"\",\"ARN\":\"\",\"Value\":\"x\"}]}"),
     "-"},
    /* Another account's parameter of the same name: the name means ours. */
    {{REF("a", ""), REF(OTHER_ARN "a", "")},
     2,
     BYTES("{\"Parameters\":[{\"Name\":\"a\",\"ARN\":\"" OTHER_ARN
           "a\",\"Value\":\"O\"}," PLAIN("a", "A", "1") "]}"),
     "A O"},
    {{REF("a", ""), REF(OTHER_ARN "a", "")},
     2,
     BYTES("{\"Parameters\":[{\"Name\":\"a\",\"ARN\":\"" OTHER_ARN "a\",\"Value\":\"O\"}]}"),
     "- O"},
    /* A shared parameter may be named by its ARN. */
    {{REF(OTHER_ARN "a", "")},
     1,
     BYTES("{\"Parameters\":[{\"Name\":\"" OTHER_ARN "a\",\"ARN\":\"" OTHER_ARN
           "a\",\"Value\":\"O\"}]}"),
     "O"},
    /* Not found. */
    {{REF("a", ""), REF("a", "9"), REF("b:blue", ""), REF("c", "")},
     4,
     BYTES("{\"Parameters\":[" PLAIN("c", "C", "1") "],\"InvalidParameters\":[\"a\",\"a:9\","
                                                    "\"b:blue\",\"b\",\"d\",\"\"]}"),
     "NOT_FOUND NOT_FOUND NOT_FOUND C"},
    {{REF("a", "9"), REF("a", "")},
     2,
     BYTES("{\"Parameters\":[" PLAIN("a", "A", "1") "],\"InvalidParameters\":[\"a:9\"]}"),
     "NOT_FOUND -"},
    {{REF("a", "9")}, 1, BYTES("{\"InvalidParameters\":[\"a\",\"a:99\",\"a9\",\"a:\"]}"), "-"},
    /* The same twice. */
    {{REF("a", "")},
     1,
     BYTES("{\"Parameters\":[" PLAIN("a", "1", "1") "," PLAIN("a", "2", "2") "]}"),
     "1"},
    /* An entry without a usable value fails alone. */
    {{REF("a", ""), REF("b", "")},
     2,
     BYTES("{\"Parameters\":[{\"Name\":\"a\",\"Value\":17}," PLAIN("b", "B", "1") "]}"),
     "- B"},
    {{REF("a", ""), REF("b", "")}, 2, BYTES("{}"), "- -"},
    {{REF("a", ""), REF("b", "")},
     2,
     BYTES("{\"Parameters\":null,\"InvalidParameters\":null}"),
     "- -"},
    /* An ARN that is none. */
    {{REF("arn:a", ""), REF("arn:", "")},
     2,
     BYTES("{\"Parameters\":[{\"Name\":\"arn:a\",\"Value\":\"A\"}]}"),
     "A -"},
};

START_TEST(matches_answers_with_what_was_asked_for)
{
    char *shown = outcome(matches[_i].refs, matches[_i].count, matches[_i].answer);
    ck_assert_str_eq(shown, matches[_i].outcome);
    free(shown);
    items_done();
}
END_TEST

START_TEST(takes_all_of_a_value)
{
    const struct ssm_ref refs[] = {{SV("a"), SV("2")}};
    char *shown =
        outcome(refs, 1, SV("{\"Parameters\":[" SELECTED("a", "x\\u0000y", "2", "2") "]}"));
    free(shown);
    ck_assert(sv_equal(secret_buf_view(&items[0].value.string), SV("x\0y")));
    ck_assert_str_eq(items[0].value.version, "2");
    ck_assert_str_eq(items[0].value.name, "a");
    ck_assert_str_eq(items[0].value.arn, ARN "a");
    ck_assert_int_eq(items[0].err.kind, ERR_NONE);
    items_done();
}
END_TEST

static const struct str_view no_answers[] = {
    BYTES("hunter2"),
    BYTES("{\"Parameters\":{}}"),
    BYTES("{\"Parameters\":[\"hunter2\"]}"),
    BYTES("{\"Parameters\":[{\"Name\":1}]}"),
    BYTES("{\"Parameters\":[{\"ARN\":1}]}"),
    BYTES("{\"Parameters\":[{\"Name\":\"a\",\"Selector\":1}]}"),
    BYTES("{\"InvalidParameters\":\"hunter2\"}"),
    BYTES("{\"InvalidParameters\":[{\"Name\":\"hunter2\"}]}"),
};

START_TEST(refuses_what_is_no_answer_without_repeating_it)
{
    CLEANUP(secret_buf_done) struct secret_buf answer = {0};
    const struct ssm_ref refs[] = {{SV("a"), SV("")}};
    struct err err = {0};
    answer_of(no_answers[_i], &answer);
    ask(refs, 1);
    ck_assert(!ssm_batch_read(&batch, &answer, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    items_done();
}
END_TEST

START_TEST(leaves_out_what_would_fail_the_others)
{
    CLEANUP(buf_done) struct buf body = {0};
    const struct ssm_ref refs[] = {
        {SV(""), SV("")},         {SV("a b"), SV("")},  {SV("a"), SV("3")},
        {SV("\xc3\xa9"), SV("")}, {SV("b"), SV("x y")}, {SV(ARN "b"), SV("")},
    };
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    ask(refs, ARRAY_LEN(refs));
    ssm_batch_compose(&batch, &body);
    ck_assert_str_eq(body.data, "{\"Names\":[\"a:3\",\"" ARN "b\"],\"WithDecryption\":true}");
    items_done();
}
END_TEST

/* The whole way. */

static struct service_script script;
static struct service_error error;
static struct err err;

static void setup(void)
{
    service_script_init(&script, ENDPOINT_SSM);
    items[0] = (struct ssm_batch_item){.ref = {SV("a"), SV("1")}};
    items[1] = (struct ssm_batch_item){.ref = {SV("b"), SV("")}};
}

static void teardown(void)
{
    service_script_done(&script);
    items_done();
}

static bool get(void)
{
    return ssm_get_parameters(&script.target, items, 2, &error, &err);
}

START_TEST(gets_them)
{
    service_script_add(&script, 200,
                       SV("{\"Parameters\":[" PLAIN("b", "B", "1") "],\"InvalidParameters\":["
                                                                   "\"a:1\"]}"));
    ck_assert(get());
    ck_assert_str_eq(script.operations[0], "AmazonSSM.GetParameters");
    ck_assert_str_eq(script.content_types[0], "application/x-amz-json-1.1");
    ck_assert_str_eq(script.bodies[0], "{\"Names\":[\"a:1\",\"b\"],\"WithDecryption\":true}");
    ck_assert_uint_eq(script.max_answer, LIMIT_AWS_ANSWER_BYTES);
    ck_assert_int_eq(error.class, SERVICE_OK);
    ck_assert(sv_is(secret_buf_view(&items[1].value.string), "B"));
    ck_assert_int_eq(items[0].error.class, SERVICE_NOT_FOUND);
    ck_assert_int_eq(items[0].err.kind, ERR_MISSING);
    ck_assert_ptr_nonnull(strstr(items[0].err.message, "parameter a in eu-central-1: "));
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
    /* Half of it could be read. */
    {{200, BYTES("{\"Parameters\":[" PLAIN("b", "hunter2", "1") ",\"hunter2\"]}")},
     SERVICE_TRANSIENT,
     ERR_UNAVAILABLE},
    {{0, BYTES("")}, SERVICE_TRANSPORT, ERR_UNAVAILABLE},
};

START_TEST(a_call_that_fails_leaves_no_item_answered)
{
    service_script_add(&script, failures[_i].step.status, failures[_i].step.body);
    ck_assert(!get());
    ck_assert_ptr_nonnull(strstr(err.message, "2 parameters in eu-central-1: "));
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_int_eq(error.class, failures[_i].class);
    ck_assert_int_eq(err.kind, failures[_i].kind);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(items[i].error.class, SERVICE_TRANSIENT);
        ck_assert_ptr_null(items[i].value.string.bytes.data);
    }
}
END_TEST

START_TEST(makes_no_call_for_nothing)
{
    items[0].ref.key = SV("");
    items[1].ref.key = SV("a b");
    ck_assert(get());
    ck_assert_uint_eq(script.sent, 0);
    ck_assert_int_eq(items[0].error.class, SERVICE_TRANSIENT);
    ck_assert_str_eq(items[0].error.code, "");
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("ssm_batch");
    TCase *tcase = tcase_create("bodies");
    tcase_add_loop_test(tcase, matches_answers_with_what_was_asked_for, 0, ARRAY_LEN(matches));
    tcase_add_test(tcase, takes_all_of_a_value);
    tcase_add_loop_test(tcase, refuses_what_is_no_answer_without_repeating_it, 0,
                        ARRAY_LEN(no_answers));
    tcase_add_test(tcase, leaves_out_what_would_fail_the_others);
    suite_add_tcase(suite, tcase);
    TCase *calls = tcase_create("calls");
    tcase_add_checked_fixture(calls, setup, teardown);
    tcase_add_test(calls, gets_them);
    tcase_add_loop_test(calls, a_call_that_fails_leaves_no_item_answered, 0, ARRAY_LEN(failures));
    tcase_add_test(calls, makes_no_call_for_nothing);
    suite_add_tcase(suite, calls);
    return suite;
}
