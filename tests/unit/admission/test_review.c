/* SPDX-License-Identifier: Apache-2.0 */
#include "admission/review.h"

#include "base/buf.h"
#include "check_main.h"
#include "json_text.h"

#define ENVELOPE(request)                                                                          \
    "{'kind':'AdmissionReview','apiVersion':'admission.k8s.io/v1','request':" request "}"

static bool decode(const struct json_text *json, struct review *ret, struct err *err)
{
    return review_decode(json->root, ret, err);
}

START_TEST(decodes_every_field)
{
    CLEANUP(json_text_done)
    struct json_text json = json_text_of(ENVELOPE(
        "{'uid':'u-1','kind':{'group':'apps','version':'v1','kind':'Deployment'},'name':'web',"
        "'namespace':'shop','operation':'UPDATE','userInfo':{'username':'alice'},'object':"
        "{'metadata':{'name':'other','namespace':'elsewhere','generateName':'g-'}},'oldObject':"
        "{'a':1},'dryRun':true}"));
    struct review review;
    struct err err = {0};
    ck_assert_msg(decode(&json, &review, &err), "%s", err.message);
    ck_assert(sv_is(review.uid, "u-1"));
    ck_assert(sv_is(review.group, "apps"));
    ck_assert(sv_is(review.version, "v1"));
    ck_assert(sv_is(review.kind_name, "Deployment"));
    ck_assert_ptr_eq(review.kind, kind_of(KIND_DEPLOYMENT));
    ck_assert(sv_is(review.namespace, "shop"));
    ck_assert(sv_is(review.name, "web"));
    ck_assert(sv_is(review.generate_name, "g-"));
    ck_assert(sv_is(review.user, "alice"));
    ck_assert_int_eq(review.operation, OPERATION_UPDATE);
    ck_assert(review.dry_run);
    ck_assert_uint_eq(review.sub_resource.len, 0);
    ck_assert_ptr_nonnull(review.object);
    ck_assert_ptr_nonnull(review.old_object);
}
END_TEST

START_TEST(takes_absent_null_and_empty_for_one_thing)
{
    static const char *const names[] = {"", "'name':null,", "'name':'',"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP(buf_done) struct buf text = {0};
        buf_init(&text, 4096);
        buf_printf(&text,
                   ENVELOPE("{'uid':'u','kind':{'kind':'Pod'},%s'namespace':'shop','operation':"
                            "'CREATE','object':{'metadata':{'name':'inner'}},'oldObject':null}"),
                   names[i]);
        CLEANUP(json_text_done) struct json_text json = json_text_of(text.data);
        struct review review;
        struct err err = {0};
        ck_assert(decode(&json, &review, &err));
        ck_assert(sv_is(review.name, "inner"));
        ck_assert_ptr_null(review.old_object);
        ck_assert(!review.dry_run);
        ck_assert_ptr_eq(review.kind, kind_of(KIND_POD));
    }
}
END_TEST

START_TEST(takes_the_name_from_the_old_object_of_a_deletion)
{
    CLEANUP(json_text_done)
    struct json_text json =
        json_text_of(ENVELOPE("{'uid':'u','kind':{'kind':'Pod'},'namespace':'shop','operation':"
                              "'DELETE','object':null,'oldObject':{'metadata':{'name':'gone'}}}"));
    struct review review;
    struct err err = {0};
    ck_assert(decode(&json, &review, &err));
    ck_assert(sv_is(review.name, "gone"));
    ck_assert_int_eq(review.operation, OPERATION_DELETE);
}
END_TEST

static const struct {
    const char *text;
    const char *message;
} REFUSED[] = {
    {"null", "not an AdmissionReview of admission.k8s.io/v1"},
    {"[]", "not an AdmissionReview of admission.k8s.io/v1"},
    {"{}", "not an AdmissionReview of admission.k8s.io/v1"},
    {"{'kind':'AdmissionReview','apiVersion':'admission.k8s.io/v1beta1','request':{}}",
     "not an AdmissionReview of admission.k8s.io/v1"},
    {"{'kind':'Review','apiVersion':'admission.k8s.io/v1','request':{}}",
     "not an AdmissionReview of admission.k8s.io/v1"},
    {"{'kind':'AdmissionReview','apiVersion':'admission.k8s.io/v1'}", "request is missing"},
    {ENVELOPE("null"), "request is missing"},
    {ENVELOPE("[]"), "request is missing"},
    {ENVELOPE("{'uid':'u','operation':'CREATE'}"), "request.kind is missing"},
    {ENVELOPE("{'kind':{},'operation':'CREATE'}"),
     "request.uid is missing or longer than 128 bytes"},
    {ENVELOPE("{'uid':5,'kind':{},'operation':'CREATE'}"),
     "request.uid is missing or longer than 128 bytes"},
    {ENVELOPE("{'uid':'u','kind':{}}"),
     "request.operation is none of CREATE, UPDATE, DELETE, CONNECT"},
    {ENVELOPE("{'uid':'u','kind':{},'operation':'create'}"),
     "request.operation is none of CREATE, UPDATE, DELETE, CONNECT"},
    {ENVELOPE("{'uid':'u','kind':{},'operation':'CREATE','object':[]}"),
     "request.object is no object"},
    {ENVELOPE("{'uid':'u','kind':{},'operation':'CREATE','oldObject':'x'}"),
     "request.oldObject is no object"},
    {ENVELOPE("{'uid':'u','kind':{'kind':'Pod'},'operation':'CREATE'}"),
     "request.namespace is no name of a namespace"},
    {ENVELOPE("{'uid':'u','kind':{'kind':'Pod'},'operation':'CREATE','namespace':'../x'}"),
     "request.namespace is no name of a namespace"},
};

START_TEST(refuses_what_is_no_review)
{
    CLEANUP(json_text_done) struct json_text json = json_text_of(REFUSED[_i].text);
    struct review review = {.uid = SV("untouched")};
    struct err err = {0};
    ck_assert(!decode(&json, &review, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_str_eq(err.message, REFUSED[_i].message);
    ck_assert(sv_is(review.uid, "untouched"));
}
END_TEST

START_TEST(bounds_the_uid_it_sends_back)
{
    char uid[200];
    memset(uid, 'u', sizeof uid);
    for (int len = 128; len <= 129; len++) {
        CLEANUP(buf_done) struct buf text = {0};
        buf_init(&text, 4096);
        buf_printf(&text, ENVELOPE("{'uid':'%.*s','kind':{},'operation':'CREATE'}"), len, uid);
        CLEANUP(json_text_done) struct json_text json = json_text_of(text.data);
        struct review review;
        struct err err = {0};
        ck_assert_int_eq(decode(&json, &review, &err), len == 128);
    }
}
END_TEST

START_TEST(finds_the_pod_template)
{
    CLEANUP(json_text_done)
    struct json_text json = json_text_of(ENVELOPE(
        "{'uid':'u','kind':{'group':'batch','kind':'CronJob'},'namespace':'shop','operation':"
        "'CREATE','object':{'spec':{'jobTemplate':{'spec':{'template':{'spec':{'here':true}}}}}}"
        "}"));
    struct review review;
    struct err err = {0};
    ck_assert(decode(&json, &review, &err));
    ck_assert(json_is_true(json_member(review_pod_spec(&review), "here")));
    review.object = NULL;
    ck_assert_ptr_null(review_pod_template(&review));
    ck_assert_ptr_null(review_pod_spec(&review));
    review.kind = NULL;
    ck_assert_ptr_null(review_pod_template(&review));
}
END_TEST

START_TEST(names_operations_as_the_api_does)
{
    ck_assert_str_eq(operation_name(OPERATION_CREATE), "CREATE");
    ck_assert_str_eq(operation_name(OPERATION_UPDATE), "UPDATE");
    ck_assert_str_eq(operation_name(OPERATION_DELETE), "DELETE");
    ck_assert_str_eq(operation_name(OPERATION_CONNECT), "CONNECT");
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("admission/review");
    TCase *review = tcase_create("review");
    tcase_add_test(review, decodes_every_field);
    tcase_add_test(review, takes_absent_null_and_empty_for_one_thing);
    tcase_add_test(review, takes_the_name_from_the_old_object_of_a_deletion);
    tcase_add_loop_test(review, refuses_what_is_no_review, 0, ARRAY_LEN(REFUSED));
    tcase_add_test(review, bounds_the_uid_it_sends_back);
    tcase_add_test(review, finds_the_pod_template);
    tcase_add_test(review, names_operations_as_the_api_does);
    suite_add_tcase(suite, review);
    return suite;
}
