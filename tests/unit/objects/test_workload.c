/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/workload.h"

#include "base/limits.h"
#include "check_main.h"
#include "quoted_json.h"

static void release(struct workload **workload)
{
    workload_release(*workload);
}

static struct workload *decode(struct json_text json, enum workload_kind kind)
{
    struct workload *workload = NULL;
    struct err err = {0};
    ck_assert_msg(workload_decode(json.root, kind, &workload, &err), "%s", err.message);
    size_t len = strlen(json.text);
    memset(json.text, 'X', len);
    json_text_done(&json);
    return workload;
}

static const enum workload_kind ROLLING[] = {KIND_DEPLOYMENT, KIND_STATEFUL_SET, KIND_DAEMON_SET};

START_TEST(reads_references_and_marker)
{
    CLEANUP(release)
    struct workload *workload = decode(
        quoted_json("{'metadata':{'name':'web','namespace':'shop','uid':'u','resourceVersion':'3'},"
                    "'spec':{'selector':{'matchLabels':{'app':'web'}},'template':{'metadata':{"
                    "'annotations':{'keyturn.io/rollout-hash':'m'}},'spec':{'containers':["
                    "{'name':'app','envFrom':[{'secretRef':{'name':'db'}}]}],"
                    "'volumes':[{'name':'v','secret':{'secretName':'tls','optional':true}}]}}}}"),
        ROLLING[_i]);
    ck_assert_int_eq(workload->kind, ROLLING[_i]);
    ck_assert(sv_is(workload->namespace, "shop"));
    ck_assert(sv_is(workload->name, "web"));
    ck_assert(sv_is(workload->uid, "u"));
    ck_assert(sv_is(workload->resource_version, "3"));
    ck_assert(sv_is(workload->marker, "m"));
    ck_assert(sv_is(workload->selector, "app=web"));
    ck_assert(!workload->owned && !workload->deleting && !workload->rollout_off);
    ck_assert_uint_eq(workload->refs.count, 2);
    ck_assert(sv_is(workload->refs.items[0].secret, "db"));
    ck_assert_ptr_null(workload->refs.items[0].key.data);
    ck_assert(workload->refs.items[0].rolls);
    ck_assert(sv_is(workload->refs.items[1].secret, "tls"));
    ck_assert(workload->refs.items[1].optional);
}
END_TEST

static const struct {
    const char *metadata;
    const char *template_metadata;
    bool owned, deleting, rollout_off, marked;
} FLAGS[] = {
    {"", "", false, false, false, false},
    {",'annotations':{'keyturn.io/rollout':'off'}", "", false, false, true, false},
    {"", "'annotations':{'keyturn.io/rollout':'off'}", false, false, true, false},
    {",'annotations':{'keyturn.io/rollout':'on'}", "", false, false, false, false},
    {",'annotations':{'keyturn.io/rollout-hash':'x'}", "", false, false, false, false},
    {"", "'annotations':{'keyturn.io/rollout-hash':''}", false, false, false, true},
    {",'deletionTimestamp':'2026-01-01T00:00:00Z'", "", false, true, false, false},
    {",'ownerReferences':[{'kind':'Rollout','controller':true}]", "", true, false, false, false},
    {",'ownerReferences':[{'kind':'Rollout'}]", "", false, false, false, false},
};

START_TEST(knows_when_it_must_not_roll)
{
    CLEANUP(release)
    struct workload *workload =
        decode(quoted_json("{'metadata':{'name':'web','namespace':'shop'%s},'spec':{'template':{"
                           "'metadata':{%s}}}}",
                           FLAGS[_i].metadata, FLAGS[_i].template_metadata),
               KIND_DEPLOYMENT);
    ck_assert_int_eq(workload->owned, FLAGS[_i].owned);
    ck_assert_int_eq(workload->deleting, FLAGS[_i].deleting);
    ck_assert_int_eq(workload->rollout_off, FLAGS[_i].rollout_off);
    ck_assert_int_eq(workload->marker.data != NULL, FLAGS[_i].marked);
}
END_TEST

static const struct {
    const char *selector;
    const char *text;
} SELECTORS[] = {
    {"null", ""},
    {"{}", ""},
    {"{'matchLabels':{}}", ""},
    {"{'matchLabels':{'app':'web','app.kubernetes.io/name':'Shop_1.x'}}",
     "app=web,app.kubernetes.io/name=Shop_1.x"},
    {"{'matchLabels':{'empty':''}}", "empty="},
    {"{'matchExpressions':[{'key':'a','operator':'In','values':['x','y']}]}", "a in (x,y)"},
    {"{'matchExpressions':[{'key':'a','operator':'NotIn','values':['x']}]}", "a notin (x)"},
    {"{'matchExpressions':[{'key':'a','operator':'Exists'},{'key':'b','operator':'DoesNotExist',"
     "'values':[]}]}",
     "a,!b"},
    {"{'matchLabels':{'l':'1'},'matchExpressions':[{'key':'a','operator':'In','values':['']},"
     "{'key':'b','operator':'Exists'}]}",
     "l=1,a in (),b"},
    /* What cannot be said is never said in part: that would select more. */
    {"{'matchLabels':{'l':'1'},'matchExpressions':[{'key':'a','operator':'Gt','values':['1']}]}",
     ""},
    {"{'matchLabels':{'l':'1'},'matchExpressions':[{'key':'a','operator':'In','values':[]}]}", ""},
    {"{'matchLabels':{'l':'1'},'matchExpressions':[{'key':'a','operator':'In'}]}", ""},
    {"{'matchLabels':{'l':'1'},'matchExpressions':[{'operator':'Exists'}]}", ""},
    {"{'matchLabels':{'l':'1'},'matchExpressions':['x']}", ""},
    {"{'matchExpressions':[{'key':'a','operator':'Gt','values':['1']},"
     "{'key':'b','operator':'Exists'}]}",
     ""},
    {"{'matchLabels':{'l':1}}", ""},
    {"{'matchLabels':{'l':'1,x in (y'}}", ""},
    {"{'matchLabels':{'l&limit':'1'}}", ""},
    {"{'matchLabels':{'':'1'}}", ""},
    {"{'matchExpressions':[{'key':'a','operator':'In','values':['x)','y']}]}", ""},
};

START_TEST(says_its_selector_as_text)
{
    CLEANUP(release)
    struct workload *workload =
        decode(quoted_json("{'metadata':{'name':'web','namespace':'shop'},'spec':{'selector':%s,"
                           "'template':{}}}",
                           SELECTORS[_i].selector),
               KIND_DEPLOYMENT);
    ck_assert_msg(sv_is(workload->selector, SELECTORS[_i].text), "%s: %.*s", SELECTORS[_i].selector,
                  SV_ARG(workload->selector));
}
END_TEST

START_TEST(a_selector_too_long_for_a_url_is_none)
{
    char *value = mem_alloc(LIMIT_URL_BYTES + 1);
    memset(value, 'v', LIMIT_URL_BYTES);
    CLEANUP(release)
    struct workload *workload =
        decode(quoted_json("{'metadata':{'name':'web','namespace':'shop'},'spec':{'selector':{"
                           "'matchLabels':{'a':'b','l':'%s'}},'template':{}}}",
                           value),
               KIND_DEPLOYMENT);
    free(value);
    ck_assert_uint_eq(workload->selector.len, 0);
}
END_TEST

START_TEST(reads_a_recorded_stateful_set)
{
    size_t len = 0;
    char *text = test_data("objects/stateful-set.json", &len);
    CLEANUP(release) struct workload *workload = decode(json_text_of(text), KIND_STATEFUL_SET);
    free(text);
    ck_assert(sv_is(workload->name, "sts"));
    ck_assert(sv_is(workload->selector, "app=sts"));
    ck_assert_ptr_null(workload->marker.data);
    ck_assert_uint_eq(workload->refs.count, 0);
}
END_TEST

static const char *const REFUSED[] = {
    "{'metadata':{'name':'web'},'spec':{'template':{}}}",
    "{'metadata':{'name':'web','namespace':'shop'}}",
    "{'metadata':{'name':'web','namespace':'shop'},'spec':{'template':null}}",
    "{'metadata':{'name':'web','namespace':'shop'},'spec':{'template':'x'}}",
};

START_TEST(refuses_what_has_no_name_or_template)
{
    CLEANUP(json_text_done) struct json_text json = quoted_json("%s", REFUSED[_i]);
    struct workload *workload = NULL;
    struct err err = {0};
    ck_assert(!workload_decode(json.root, KIND_DEPLOYMENT, &workload, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_null(workload);
}
END_TEST

START_TEST(too_many_references_are_too_big)
{
    struct buf refs;
    buf_init(&refs, 1024 * 1024);
    for (int i = 0; i <= LIMIT_POD_REFS; i++) {
        buf_printf(&refs, "%s{'name':'s%d'}", i ? "," : "", i);
    }
    CLEANUP(json_text_done)
    struct json_text json =
        quoted_json("{'metadata':{'name':'web','namespace':'shop'},'spec':{'template':{'spec':{"
                    "'imagePullSecrets':[%s]}}}}",
                    refs.data);
    buf_done(&refs);
    struct workload *workload = NULL;
    struct err err = {0};
    ck_assert(!workload_decode(json.root, KIND_DEPLOYMENT, &workload, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

START_TEST(lives_until_the_last_reference_goes)
{
    struct workload *workload =
        decode(quoted_json("{'metadata':{'name':'web','namespace':'shop'},'spec':{'template':{}}}"),
               KIND_DAEMON_SET);
    ck_assert_ptr_eq(workload_retain(workload), workload);
    workload_release(workload);
    ck_assert(sv_is(workload->name, "web"));
    workload_release(workload);
    workload_release(NULL);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("workload");
    TCase *tcase = tcase_create("workload");
    tcase_add_loop_test(tcase, reads_references_and_marker, 0, (int)ARRAY_LEN(ROLLING));
    tcase_add_loop_test(tcase, knows_when_it_must_not_roll, 0, (int)ARRAY_LEN(FLAGS));
    tcase_add_loop_test(tcase, says_its_selector_as_text, 0, (int)ARRAY_LEN(SELECTORS));
    tcase_add_test(tcase, a_selector_too_long_for_a_url_is_none);
    tcase_add_test(tcase, reads_a_recorded_stateful_set);
    tcase_add_loop_test(tcase, refuses_what_has_no_name_or_template, 0, (int)ARRAY_LEN(REFUSED));
    tcase_add_test(tcase, too_many_references_are_too_big);
    tcase_add_test(tcase, lives_until_the_last_reference_goes);
    suite_add_tcase(suite, tcase);
    return suite;
}
