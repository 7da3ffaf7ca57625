/* SPDX-License-Identifier: Apache-2.0 */
#include "admission/patch.h"

#include "check_main.h"
#include "json_text.h"

struct patch_case {
    enum workload_kind kind;
    const char *object;
    bool add_gate;
    enum annotation_action stamp;
    enum annotation_action marker;
    const char *old_marker; /* NULL: the hash */
    const char *patch;
};

#define STAMP "/metadata/annotations/keyturn.io~1secrets-hash"
#define MARKER "/metadata/annotations/keyturn.io~1rollout-hash"

static const struct patch_case CASES[] = {
    {KIND_POD, "{}", false, ANNOTATION_KEEP, ANNOTATION_KEEP, NULL, ""},
    /* The gate: an array is appended to, anything else is replaced. */
    {KIND_POD, "{'spec':{}}", true, ANNOTATION_KEEP, ANNOTATION_KEEP, NULL,
     "[{'op':'add','path':'/spec/schedulingGates','value':[{'name':'keyturn.io/secrets'}]}]"},
    {KIND_POD, "{'spec':{'schedulingGates':null}}", true, ANNOTATION_KEEP, ANNOTATION_KEEP, NULL,
     "[{'op':'add','path':'/spec/schedulingGates','value':[{'name':'keyturn.io/secrets'}]}]"},
    {KIND_POD, "{'spec':{'schedulingGates':[]}}", true, ANNOTATION_KEEP, ANNOTATION_KEEP, NULL,
     "[{'op':'add','path':'/spec/schedulingGates/-','value':{'name':'keyturn.io/secrets'}}]"},
    {KIND_POD, "{'spec':{'schedulingGates':[{'name':'a'}]}}", true, ANNOTATION_KEEP,
     ANNOTATION_KEEP, NULL,
     "[{'op':'add','path':'/spec/schedulingGates/-','value':{'name':'keyturn.io/secrets'}}]"},
    /* Parents of the stamp. */
    {KIND_POD, "{'spec':{}}", false, ANNOTATION_SET, ANNOTATION_KEEP, NULL,
     "[{'op':'add','path':'/metadata','value':{'annotations':{'keyturn.io/secrets-hash':'H'}}}]"},
    {KIND_POD, "{'metadata':null}", false, ANNOTATION_SET, ANNOTATION_KEEP, NULL,
     "[{'op':'add','path':'/metadata','value':{'annotations':{'keyturn.io/secrets-hash':'H'}}}]"},
    {KIND_POD, "{'metadata':{}}", false, ANNOTATION_SET, ANNOTATION_KEEP, NULL,
     "[{'op':'add','path':'/metadata/annotations','value':{'keyturn.io/secrets-hash':'H'}}]"},
    {KIND_POD, "{'metadata':{'annotations':null}}", false, ANNOTATION_SET, ANNOTATION_KEEP, NULL,
     "[{'op':'add','path':'/metadata/annotations','value':{'keyturn.io/secrets-hash':'H'}}]"},
    {KIND_POD, "{'metadata':{'annotations':{}}}", false, ANNOTATION_SET, ANNOTATION_KEEP, NULL,
     "[{'op':'add','path':'" STAMP "','value':'H'}]"},
    {KIND_POD, "{'metadata':{'annotations':{'keyturn.io/secrets-hash':'x'}}}", false,
     ANNOTATION_SET, ANNOTATION_KEEP, NULL, "[{'op':'add','path':'" STAMP "','value':'H'}]"},
    /* Only what is there is removed. */
    {KIND_POD, "{'metadata':{'annotations':{'keyturn.io/secrets-hash':'x'}}}", false,
     ANNOTATION_REMOVE, ANNOTATION_KEEP, NULL, "[{'op':'remove','path':'" STAMP "'}]"},
    {KIND_POD, "{'metadata':{'annotations':{}}}", false, ANNOTATION_REMOVE, ANNOTATION_KEEP, NULL,
     ""},
    {KIND_POD, "{}", false, ANNOTATION_REMOVE, ANNOTATION_KEEP, NULL, ""},
    {KIND_POD, "{'metadata':{'annotations':{'keyturn.io/secrets-hash':'x'}},'spec':{}}", true,
     ANNOTATION_REMOVE, ANNOTATION_KEEP, NULL,
     "[{'op':'add','path':'/spec/schedulingGates','value':[{'name':'keyturn.io/secrets'}]},"
     "{'op':'remove','path':'" STAMP "'}]"},
    /* Templates, under the path of their kind. */
    {KIND_DEPLOYMENT, "{'spec':{'template':{}}}", false, ANNOTATION_KEEP, ANNOTATION_SET, NULL,
     "[{'op':'add','path':'/spec/template/metadata','value':{'annotations':"
     "{'keyturn.io/rollout-hash':'H'}}}]"},
    {KIND_DEPLOYMENT, "{'spec':{'template':{'metadata':{'annotations':{'a':'b'}}}}}", false,
     ANNOTATION_KEEP, ANNOTATION_SET, NULL,
     "[{'op':'add','path':'/spec/template" MARKER "','value':'H'}]"},
    {KIND_STATEFUL_SET, "{'spec':{'template':{'metadata':{'annotations':null}}}}", false,
     ANNOTATION_KEEP, ANNOTATION_SET, "old",
     "[{'op':'add','path':'/spec/template/metadata/annotations','value':"
     "{'keyturn.io/rollout-hash':'old'}}]"},
    {KIND_DAEMON_SET,
     "{'spec':{'template':{'metadata':{'annotations':{'keyturn.io/rollout-hash':'x'}}}}}", false,
     ANNOTATION_KEEP, ANNOTATION_REMOVE, NULL,
     "[{'op':'remove','path':'/spec/template" MARKER "'}]"},
    {KIND_DEPLOYMENT, "{'spec':{'template':{'metadata':{'annotations':{}}}}}", false,
     ANNOTATION_KEEP, ANNOTATION_SET, "",
     "[{'op':'add','path':'/spec/template" MARKER "','value':''}]"},
    /* A value of somebody else's is quoted like any other. */
    {KIND_DEPLOYMENT, "{'spec':{'template':{'metadata':{'annotations':{}}}}}", false,
     ANNOTATION_KEEP, ANNOTATION_SET, "\n\x01",
     "[{'op':'add','path':'/spec/template" MARKER "','value':'\\n\\u0001'}]"},
    {KIND_DEPLOYMENT, "{}", false, ANNOTATION_KEEP, ANNOTATION_SET, NULL, ""},
    {KIND_DEPLOYMENT, "{'spec':{'template':null}}", false, ANNOTATION_KEEP, ANNOTATION_SET, NULL,
     ""},
};

START_TEST(writes_only_what_applies)
{
    const struct patch_case *row = &CASES[_i];
    CLEANUP(json_text_done) struct json_text object = json_text_of(row->object);
    const struct review review = {.kind = kind_of(row->kind), .object = object.root};
    const struct verdict verdict = {
        .add_gate = row->add_gate,
        .stamp = row->stamp,
        .marker = row->marker,
        .hash = "H",
        .old_marker = sv_of(row->old_marker),
    };
    CLEANUP(buf_done) struct buf patch = {0};
    buf_init(&patch, LIMIT_PATCH_BYTES);
    buf_add_str(&patch, "");
    patch_write(&review, &verdict, &patch);

    char *expected = str_dup(row->patch);
    for (char *at = expected; *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    ck_assert_msg(sv_is(buf_view(&patch), expected), "gave %.*s wanted %s",
                  SV_ARG(buf_view(&patch)), expected);
    free(expected);
}
END_TEST

START_TEST(writes_nothing_rather_than_half)
{
    CLEANUP(json_text_done)
    struct json_text object = json_text_of("{'spec':{'template':{}}}");
    const struct review review = {.kind = kind_of(KIND_DEPLOYMENT), .object = object.root};
    static char huge[LIMIT_PATCH_BYTES + 1];
    memset(huge, 'x', sizeof huge);
    const struct verdict verdict = {.marker = ANNOTATION_SET, .old_marker = {huge, sizeof huge}};
    CLEANUP(buf_done) struct buf patch = {0};
    buf_init(&patch, 4 * LIMIT_PATCH_BYTES);
    patch_write(&review, &verdict, &patch);
    ck_assert_uint_eq(patch.len, 0);
}
END_TEST

START_TEST(has_nothing_to_patch_in_foreign_kinds)
{
    const struct review review = {0};
    const struct verdict verdict = {.add_gate = true, .stamp = ANNOTATION_SET, .hash = "H"};
    CLEANUP(buf_done) struct buf patch = {0};
    buf_init(&patch, LIMIT_PATCH_BYTES);
    patch_write(&review, &verdict, &patch);
    ck_assert_uint_eq(patch.len, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("admission/patch");
    TCase *patch = tcase_create("patch");
    tcase_add_loop_test(patch, writes_only_what_applies, 0, ARRAY_LEN(CASES));
    tcase_add_test(patch, writes_nothing_rather_than_half);
    tcase_add_test(patch, has_nothing_to_patch_in_foreign_kinds);
    suite_add_tcase(suite, patch);
    return suite;
}
