/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/pod.h"

#include "check_main.h"
#include "quoted_json.h"

static void release(struct pod **pod)
{
    pod_release(*pod);
}

static struct pod *decode(struct json_text json)
{
    struct pod *pod = NULL;
    struct err err = {0};
    ck_assert_msg(pod_decode(json.root, &pod, &err), "%s", err.message);
    size_t len = strlen(json.text);
    memset(json.text, 'X', len);
    json_text_done(&json);
    return pod;
}

static struct pod *decode_parts(const char *metadata, const char *spec)
{
    return decode(
        quoted_json("{'metadata':{'name':'p','namespace':'shop'%s},'spec':{%s}}", metadata, spec));
}

START_TEST(reads_what_gates_and_stamps_need)
{
    CLEANUP(release)
    struct pod *pod = decode(quoted_json(
        "{'metadata':{'name':'p','namespace':'shop','uid':'u','resourceVersion':'8',"
        "'creationTimestamp':'1970-01-01T00:01:00Z','annotations':{'keyturn.io/secrets-hash':'s'},"
        "'ownerReferences':[{'apiVersion':'apps/v1','kind':'ReplicaSet','name':'rs','uid':'o',"
        "'controller':true}]},"
        "'spec':{'nodeName':'n1','containers':[{'name':'app','env':[{'name':'E','valueFrom':"
        "{'secretKeyRef':{'name':'db','key':'user'}}}]}]},'status':{'phase':'Running'}}"));
    ck_assert(sv_is(pod->namespace, "shop"));
    ck_assert(sv_is(pod->name, "p"));
    ck_assert(sv_is(pod->uid, "u"));
    ck_assert(sv_is(pod->resource_version, "8"));
    ck_assert(sv_is(pod->stamp, "s"));
    ck_assert(sv_is(pod->node, "n1"));
    ck_assert(sv_is(pod->phase, "Running"));
    ck_assert_int_eq(pod->created_ms, 60000);
    ck_assert(sv_is(pod->controller.group, "apps"));
    ck_assert(sv_is(pod->controller.kind, "ReplicaSet"));
    ck_assert(sv_is(pod->controller.name, "rs"));
    ck_assert(sv_is(pod->controller.uid, "o"));
    ck_assert_uint_eq(pod->refs.count, 1);
    ck_assert(sv_is(pod->refs.items[0].secret, "db"));
    ck_assert(sv_is(pod->refs.items[0].key, "user"));
    ck_assert(sv_is(pod->refs.items[0].where, "app"));
    ck_assert(!pod->gated && !pod->other_gates && !pod->deleting && !pod->hold_off &&
              !pod->mirror && !pod->critical);
}
END_TEST

START_TEST(a_bare_pod_has_nothing_of_it)
{
    CLEANUP(release) struct pod *pod = decode_parts("", "");
    ck_assert_ptr_null(pod->stamp.data);
    ck_assert_uint_eq(pod->node.len, 0);
    ck_assert_uint_eq(pod->phase.len, 0);
    ck_assert_uint_eq(pod->controller.kind.len, 0);
    ck_assert_int_eq(pod->created_ms, 0);
    ck_assert_uint_eq(pod->refs.count, 0);
}
END_TEST

static const struct {
    const char *metadata;
    const char *spec;
    bool gated, other_gates, deleting, hold_off, mirror, critical;
} FLAGS[] = {
    {"", "'schedulingGates':[{'name':'keyturn.io/secrets'}]", true, false, 0, 0, 0, 0},
    {"", "'schedulingGates':[{'name':'example.com/gate'}]", false, true, 0, 0, 0, 0},
    {"", "'schedulingGates':[{'name':'a'},{'name':'keyturn.io/secrets'}]", true, true, 0, 0, 0, 0},
    {"", "'schedulingGates':[]", false, false, 0, 0, 0, 0},
    {"", "'schedulingGates':{'name':'keyturn.io/secrets'}", false, false, 0, 0, 0, 0},
    {"", "'schedulingGates':[{'name':'keyturn.io/secrets2'}]", false, true, 0, 0, 0, 0},
    {",'deletionTimestamp':'2026-01-01T00:00:00Z'", "", 0, 0, true, 0, 0, 0},
    {",'annotations':{'keyturn.io/hold':'off'}", "", 0, 0, 0, true, 0, 0},
    {",'annotations':{'keyturn.io/hold':'Off'}", "", 0, 0, 0, false, 0, 0},
    {",'annotations':{'keyturn.io/hold':''}", "", 0, 0, 0, false, 0, 0},
    {",'annotations':{'kubernetes.io/config.mirror':'abc'}", "", 0, 0, 0, 0, true, 0},
    {",'annotations':{'kubernetes.io/config.mirror':''}", "", 0, 0, 0, 0, true, 0},
    {"", "'priorityClassName':'system-node-critical'", 0, 0, 0, 0, 0, true},
    {"", "'priorityClassName':'system-cluster-critical'", 0, 0, 0, 0, 0, true},
    {"", "'priorityClassName':'system-node-critical-not'", 0, 0, 0, 0, 0, false},
    {"", "'priorityClassName':'high'", 0, 0, 0, 0, 0, false},
};

START_TEST(knows_when_it_must_be_left_alone)
{
    CLEANUP(release) struct pod *pod = decode_parts(FLAGS[_i].metadata, FLAGS[_i].spec);
    ck_assert_int_eq(pod->gated, FLAGS[_i].gated);
    ck_assert_int_eq(pod->other_gates, FLAGS[_i].other_gates);
    ck_assert_int_eq(pod->deleting, FLAGS[_i].deleting);
    ck_assert_int_eq(pod->hold_off, FLAGS[_i].hold_off);
    ck_assert_int_eq(pod->mirror, FLAGS[_i].mirror);
    ck_assert_int_eq(pod->critical, FLAGS[_i].critical);
}
END_TEST

START_TEST(an_empty_stamp_is_not_an_absent_one)
{
    CLEANUP(release)
    struct pod *pod = decode_parts(",'annotations':{'keyturn.io/secrets-hash':''}", "");
    ck_assert_ptr_nonnull(pod->stamp.data);
    ck_assert_uint_eq(pod->stamp.len, 0);
}
END_TEST

START_TEST(reads_recorded_pods)
{
    size_t len = 0;
    char *text = test_data("objects/pod-by-stateful-set.json", &len);
    CLEANUP(release) struct pod *owned = decode(json_text_of(text));
    free(text);
    ck_assert(sv_is(owned->name, "sts-0"));
    ck_assert(sv_is(owned->controller.kind, "StatefulSet"));
    ck_assert(sv_is(owned->controller.name, "sts"));
    ck_assert_uint_eq(owned->refs.count, 0);
    text = test_data("objects/pod-direct.json", &len);
    CLEANUP(release) struct pod *direct = decode(json_text_of(text));
    free(text);
    ck_assert(sv_is(direct->name, "web-direct"));
    ck_assert_uint_eq(direct->controller.kind.len, 0);
    ck_assert_int_eq(direct->created_ms, INT64_C(1795571055000));
}
END_TEST

START_TEST(refuses_a_pod_without_a_name)
{
    CLEANUP(json_text_done)
    struct json_text json =
        quoted_json("{'metadata':{'generateName':'p-','namespace':'shop'},'spec':{}}");
    struct pod *pod = NULL;
    struct err err = {0};
    ck_assert(!pod_decode(json.root, &pod, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_null(pod);
}
END_TEST

START_TEST(lives_until_the_last_reference_goes)
{
    struct pod *pod = decode_parts("", "");
    ck_assert_ptr_eq(pod_retain(pod), pod);
    pod_release(pod);
    ck_assert(sv_is(pod->name, "p"));
    pod_release(pod);
    pod_release(NULL);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("pod");
    TCase *tcase = tcase_create("pod");
    tcase_add_test(tcase, reads_what_gates_and_stamps_need);
    tcase_add_test(tcase, a_bare_pod_has_nothing_of_it);
    tcase_add_loop_test(tcase, knows_when_it_must_be_left_alone, 0, (int)ARRAY_LEN(FLAGS));
    tcase_add_test(tcase, an_empty_stamp_is_not_an_absent_one);
    tcase_add_test(tcase, reads_recorded_pods);
    tcase_add_test(tcase, refuses_a_pod_without_a_name);
    tcase_add_test(tcase, lives_until_the_last_reference_goes);
    suite_add_tcase(suite, tcase);
    return suite;
}
