/* SPDX-License-Identifier: Apache-2.0 */
#include "admission/pod_template.h"

#include "check_main.h"
#include "json_text.h"

static const struct {
    const char *a;
    const char *b;
    bool same;
} CORES[] = {
    {"{}", "{}", true},
    {"{'spec':{'a':1}}", "{'spec':{'a':1}}", true},
    {"{'spec':{'a':1}}", "{'spec':{'a':2}}", false},
    {"{'spec':{'a':1}}", "{}", false},
    {"{'spec':{'a':1,'b':2}}", "{'spec':{'b':2,'a':1}}", true},
    {"{'metadata':{'labels':{'a':'b'}},'spec':{}}", "{'spec':{},'metadata':{'labels':{'a':'b'}}}",
     true},
    {"{'metadata':{'labels':{'a':'b'}}}", "{'metadata':{'labels':{'a':'c'}}}", false},
    {"{'metadata':{'labels':{'a':'b'}}}", "{'metadata':{}}", false},
    {"{'metadata':{'name':'x'}}", "{}", false},
    /* The marker does not count, everything else beside it does. */
    {"{'metadata':{'annotations':{'keyturn.io/rollout-hash':'x'}}}",
     "{'metadata':{'annotations':{'keyturn.io/rollout-hash':'y'}}}", true},
    {"{'metadata':{'annotations':{'keyturn.io/rollout-hash':'x'}}}",
     "{'metadata':{'annotations':{}}}", true},
    {"{'metadata':{'annotations':{'keyturn.io/rollout-hash':'x'}}}",
     "{'metadata':{'annotations':null}}", true},
    {"{'metadata':{'annotations':{'keyturn.io/rollout-hash':'x'}}}", "{'metadata':{}}", true},
    {"{'metadata':{'annotations':{'keyturn.io/rollout-hash':'x'}}}", "{'metadata':null}", true},
    {"{'metadata':{'annotations':{'keyturn.io/rollout-hash':'x'}}}", "{}", true},
    {"{'metadata':{'annotations':{'keyturn.io/rollout-hash':'x','a':'b'}}}",
     "{'metadata':{'annotations':{'a':'b'}}}", true},
    {"{'metadata':{'annotations':{'keyturn.io/rollout-hash':'x','a':'b'}}}",
     "{'metadata':{'annotations':{'a':'c'}}}", false},
    {"{'metadata':{'annotations':{'a':'b'}}}", "{'metadata':{'annotations':{}}}", false},
    {"{'metadata':{'annotations':{'a':'b'}}}", "{}", false},
    {"{'metadata':{'annotations':{'a':'b','c':'d'}}}",
     "{'metadata':{'annotations':{'c':'d','a':"
     "'b'}}}",
     true},
    {"{'metadata':{'annotations':{'a':'b'}}}", "{'metadata':{'annotations':{'c':'b'}}}", false},
    {"{'metadata':{'annotations':{'keyturn.io/secrets-hash':'x'}}}", "{'metadata':{}}", false},
    {"{'spec':{'annotations':{'keyturn.io/rollout-hash':'x'}}}", "{'spec':{'annotations':{}}}",
     false},
    /* As 1.31 and as 1.36 send it. */
    {"{'metadata':{'creationTimestamp':null,'labels':{'a':'b'}}}",
     "{'metadata':{'labels':{'a':'b'}}}", true},
    {"{'metadata':{'creationTimestamp':null}}", "{}", true},
    {"{'metadata':{'creationTimestamp':'2026-01-01T00:00:00Z'}}", "{}", false},
    {"{'metadata':{'annotations':{}}}", "{'metadata':{'annotations':null}}", true},
    {"{'metadata':{'annotations':{}}}", "{}", true},
};

START_TEST(compares_all_but_the_marker)
{
    CLEANUP(json_text_done) struct json_text a = json_text_of(CORES[_i].a);
    CLEANUP(json_text_done) struct json_text b = json_text_of(CORES[_i].b);
    ck_assert_msg(pod_template_same_core(a.root, b.root) == CORES[_i].same, "%s %s", CORES[_i].a,
                  CORES[_i].b);
    ck_assert_msg(pod_template_same_core(b.root, a.root) == CORES[_i].same, "%s %s", CORES[_i].b,
                  CORES[_i].a);
}
END_TEST

START_TEST(compares_with_nothing)
{
    CLEANUP(json_text_done) struct json_text some = json_text_of("{}");
    ck_assert(!pod_template_same_core(some.root, NULL));
    ck_assert(!pod_template_same_core(NULL, some.root));
    ck_assert(pod_template_same_core(NULL, NULL));
}
END_TEST

static const struct {
    const char *pod;
    bool may_be_held;
} HOLDS[] = {
    {"{}", true},
    {"{'metadata':null,'spec':null}", true},
    {"{'spec':{'nodeName':''}}", true},
    {"{'spec':{'nodeName':'n1'}}", false},
    {"{'spec':{'priorityClassName':'high'}}", true},
    {"{'spec':{'priorityClassName':'system-node-critical'}}", false},
    {"{'spec':{'priorityClassName':'system-cluster-critical'}}", false},
    {"{'metadata':{'annotations':{'keyturn.io/hold':'off'}}}", false},
    {"{'metadata':{'annotations':{'keyturn.io/hold':'on'}}}", true},
    {"{'metadata':{'annotations':{'keyturn.io/hold':null}}}", true},
    {"{'metadata':{'annotations':{'kubernetes.io/config.mirror':'x'}}}", false},
};

START_TEST(tells_which_pods_may_wait)
{
    CLEANUP(json_text_done) struct json_text pod = json_text_of(HOLDS[_i].pod);
    ck_assert_msg(pod_template_may_be_held(pod.root) == HOLDS[_i].may_be_held, "%s", HOLDS[_i].pod);
}
END_TEST

static const struct {
    const char *pod;
    bool gated;
} GATES[] = {
    {"{}", false},
    {"{'spec':{'schedulingGates':null}}", false},
    {"{'spec':{'schedulingGates':[]}}", false},
    {"{'spec':{'schedulingGates':[{'name':'a'},{'name':'keyturn.io/secrets'}]}}", true},
    {"{'spec':{'schedulingGates':[{'name':'keyturn.io/secrets2'}]}}", false},
    {"{'spec':{'schedulingGates':['keyturn.io/secrets']}}", false},
    {"{'spec':{'schedulingGates':{'a':{'name':'keyturn.io/secrets'}}}}", false},
};

START_TEST(sees_our_gate_among_others)
{
    CLEANUP(json_text_done) struct json_text pod = json_text_of(GATES[_i].pod);
    ck_assert_msg(pod_template_has_our_gate(pod.root) == GATES[_i].gated, "%s", GATES[_i].pod);
}
END_TEST

static const struct {
    const char *pod;
    bool well_formed;
} SHAPES[] = {
    {"{}", true},
    {"{'metadata':null,'spec':null}", true},
    {"{'metadata':{'annotations':null},'spec':{'schedulingGates':null}}", true},
    {"{'metadata':{'annotations':{}},'spec':{'schedulingGates':[]}}", true},
    {"{'metadata':[]}", false},
    {"{'metadata':'x'}", false},
    {"{'spec':[]}", false},
    {"{'metadata':{'annotations':[]}}", false},
    {"{'metadata':{'annotations':''}}", false},
    {"{'spec':{'schedulingGates':{}}}", false},
};

START_TEST(knows_shapes_no_api_server_sends)
{
    CLEANUP(json_text_done) struct json_text pod = json_text_of(SHAPES[_i].pod);
    ck_assert_msg(pod_template_is_well_formed(pod.root) == SHAPES[_i].well_formed, "%s",
                  SHAPES[_i].pod);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("admission/pod_template");
    TCase *template = tcase_create("pod_template");
    tcase_add_loop_test(template, compares_all_but_the_marker, 0, ARRAY_LEN(CORES));
    tcase_add_test(template, compares_with_nothing);
    tcase_add_loop_test(template, tells_which_pods_may_wait, 0, ARRAY_LEN(HOLDS));
    tcase_add_loop_test(template, sees_our_gate_among_others, 0, ARRAY_LEN(GATES));
    tcase_add_loop_test(template, knows_shapes_no_api_server_sends, 0, ARRAY_LEN(SHAPES));
    suite_add_tcase(suite, template);
    return suite;
}
