/* SPDX-License-Identifier: Apache-2.0 */
#include "admission/response.h"

#include "base/encode.h"
#include "check_main.h"
#include "json_text.h"

static void check_response(const struct review *review, const struct verdict *verdict,
                           const char *expected)
{
    CLEANUP(buf_done) struct buf out = {0};
    buf_init(&out, LIMIT_RESPONSE_BYTES);
    response_write(review, verdict, &out);
    char *wanted = str_dup(expected);
    for (char *at = wanted; *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    ck_assert_msg(sv_is(buf_view(&out), wanted), "gave %s wanted %s", out.data, wanted);
    free(wanted);
}

#define HEAD(uid)                                                                                  \
    "{'apiVersion':'admission.k8s.io/v1','kind':'AdmissionReview','response':{'uid':'" uid "',"

START_TEST(echoes_the_uid_and_leaves_out_what_is_not_there)
{
    const struct review review = {.uid = SV("7baace72")};
    const struct verdict verdict = {.allowed = true, .decision = "skip"};
    check_response(&review, &verdict,
                   HEAD("7baace72") "'allowed':true,'auditAnnotations':{'decision':'skip'}}}\n");
}
END_TEST

START_TEST(escapes_a_uid_of_any_content)
{
    const struct review review = {.uid = SV("a\"b\n")};
    const struct verdict verdict = {.allowed = true, .decision = "allow"};
    check_response(&review, &verdict,
                   HEAD("a\\\"b\\n") "'allowed':true,'auditAnnotations':{'decision':'allow'}}}\n");
}
END_TEST

START_TEST(denies_with_403_and_a_reason)
{
    const struct review review = {.uid = SV("u")};
    const struct verdict verdict = {
        .decision = "deny", .code = "KT104", .denial = "KT104 \"x\" is no name"};
    check_response(&review, &verdict,
                   HEAD("u") "'allowed':false,'status':{'code':403,'reason':'Forbidden',"
                             "'message':'KT104 \\\"x\\\" is no name'},'auditAnnotations':"
                             "{'decision':'deny','code':'KT104'}}}\n");
}
END_TEST

START_TEST(carries_patch_and_warnings)
{
    CLEANUP(json_text_done) struct json_text object = json_text_of("{'spec':{}}");
    const struct review review = {.uid = SV("u"), .kind = kind_of(KIND_POD), .object = object.root};
    const struct verdict verdict = {
        .allowed = true,
        .decision = "hold",
        .code = "KT101",
        .add_gate = true,
        .warnings = {{"KT101 one"}, {"KT103 two"}},
        .warning_count = 2,
    };
    CLEANUP(buf_done) struct buf out = {0};
    buf_init(&out, LIMIT_RESPONSE_BYTES);
    response_write(&review, &verdict, &out);
    CLEANUP(json_text_done) struct json_text answer = json_text_of(out.data);
    const struct json *response = json_member(answer.root, "response");
    ck_assert(json_is_true(json_member(response, "allowed")));
    ck_assert(json_string_is(json_member(response, "patchType"), "JSONPatch"));
    ck_assert_ptr_null(json_member(response, "status"));
    CLEANUP(buf_done) struct buf patch = {0};
    buf_init(&patch, LIMIT_PATCH_BYTES);
    struct err err = {0};
    ck_assert(decode_base64(&patch, json_string(json_member(response, "patch")), &err));
    ck_assert_str_eq(patch.data, "[{\"op\":\"add\",\"path\":\"/spec/schedulingGates\",\"value\":[{"
                                 "\"name\":\"keyturn.io/secrets\"}]}]");
    const struct json *warning = json_first(json_member(response, "warnings"));
    ck_assert(json_string_is(warning, "KT101 one"));
    ck_assert(json_string_is(warning->next, "KT103 two"));
    ck_assert_ptr_null(warning->next->next);
    const struct json *audit = json_member(response, "auditAnnotations");
    ck_assert(json_string_is(json_member(audit, "decision"), "hold"));
    ck_assert(json_string_is(json_member(audit, "code"), "KT101"));
}
END_TEST

START_TEST(fits_the_largest_answer)
{
    CLEANUP(json_text_done) struct json_text object = json_text_of("{'spec':{}}");
    char uid[128];
    memset(uid, '\x01', sizeof uid);
    const struct review review = {
        .uid = sv_make(uid, sizeof uid), .kind = kind_of(KIND_POD), .object = object.root};
    struct verdict verdict = {
        .allowed = true,
        .decision = "hold",
        .code = "KT101",
        .add_gate = true,
        .stamp = ANNOTATION_SET,
        .warning_count = LIMIT_WARNINGS,
    };
    memset(verdict.hash, 'h', FINGERPRINT_BYTES - 1);
    for (size_t i = 0; i < LIMIT_WARNINGS; i++) {
        memset(verdict.warnings[i].text, '"', LIMIT_WARNING_BYTES);
    }
    CLEANUP(buf_done) struct buf out = {0};
    buf_init(&out, LIMIT_RESPONSE_BYTES);
    response_write(&review, &verdict, &out);
    struct err err = {0};
    ck_assert(buf_check(&out, "response", &err));
    CLEANUP(json_text_done) struct json_text answer = json_text_of(out.data);
    ck_assert_uint_eq(json_path(answer.root, "response", "warnings", NULL)->len, LIMIT_WARNINGS);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("admission/response");
    TCase *response = tcase_create("response");
    tcase_add_test(response, echoes_the_uid_and_leaves_out_what_is_not_there);
    tcase_add_test(response, escapes_a_uid_of_any_content);
    tcase_add_test(response, denies_with_403_and_a_reason);
    tcase_add_test(response, carries_patch_and_warnings);
    tcase_add_test(response, fits_the_largest_answer);
    suite_add_tcase(suite, response);
    return suite;
}
