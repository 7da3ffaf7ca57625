/* SPDX-License-Identifier: Apache-2.0 */
#include "refs/kinds.h"

#include "check_main.h"
#include "json_text.h"

struct kind_case {
    const char *group;
    const char *name;
    enum workload_kind kind;
    bool rolls;
    const char *object; /* holds {"found": true} where the template is */
};

static const struct kind_case CASES[] = {
    {"", "Pod", KIND_POD, false, "{'found':true}"},
    {"apps", "Deployment", KIND_DEPLOYMENT, true, "{'spec':{'template':{'found':true}}}"},
    {"apps", "StatefulSet", KIND_STATEFUL_SET, true, "{'spec':{'template':{'found':true}}}"},
    {"apps", "DaemonSet", KIND_DAEMON_SET, true, "{'spec':{'template':{'found':true}}}"},
    {"apps", "ReplicaSet", KIND_REPLICA_SET, false, "{'spec':{'template':{'found':true}}}"},
    {"batch", "Job", KIND_JOB, false, "{'spec':{'template':{'found':true}}}"},
    {"batch", "CronJob", KIND_CRON_JOB, false,
     "{'spec':{'jobTemplate':{'spec':{'template':{'found':true}}}}}"},
};

START_TEST(finds_kind_and_its_template)
{
    const struct kind_case *row = &CASES[_i];
    const struct kind_info *info = kind_find(sv_of(row->group), sv_of(row->name));
    ck_assert_ptr_nonnull(info);
    ck_assert_int_eq(info->kind, row->kind);
    ck_assert_ptr_eq(kind_of(row->kind), info);
    ck_assert_int_eq(info->rolls, row->rolls);
    CLEANUP(json_text_done) struct json_text json = json_text_of(row->object);
    const struct json *template = kind_pod_template(info, json.root);
    ck_assert(json_is_true(json_member(template, "found")));
}
END_TEST

START_TEST(knows_no_other_kind)
{
    static const char *const others[][2] = {
        {"", "Secret"},
        {"apps", "Pod"},
        {"", "Deployment"},
        {"policy", "Eviction"},
        {"", "Binding"},
        {"autoscaling", "Scale"},
        {"apps", "deployment"},
        {"batch", ""},
        {"external-secrets.io", "ExternalSecret"},
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        ck_assert_ptr_null(kind_find(sv_of(others[i][0]), sv_of(others[i][1])));
    }
}
END_TEST

START_TEST(has_no_template_where_it_is_absent_or_no_object)
{
    static const char *const objects[] = {
        "{}",
        "{'spec':null}",
        "{'spec':{'template':null}}",
        "{'spec':{'template':[]}}",
        "{'spec':[{'template':{}}]}",
        "null",
        "'spec'",
    };
    for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
        CLEANUP(json_text_done) struct json_text json = json_text_of(objects[i]);
        ck_assert_ptr_null(kind_pod_template(kind_of(KIND_DEPLOYMENT), json.root));
        ck_assert_ptr_null(kind_pod_template(kind_of(KIND_CRON_JOB), json.root));
    }
    ck_assert_ptr_null(kind_pod_template(kind_of(KIND_POD), NULL));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("refs/kinds");
    TCase *kinds = tcase_create("kinds");
    tcase_add_loop_test(kinds, finds_kind_and_its_template, 0, ARRAY_LEN(CASES));
    tcase_add_test(kinds, knows_no_other_kind);
    tcase_add_test(kinds, has_no_template_where_it_is_absent_or_no_object);
    suite_add_tcase(suite, kinds);
    return suite;
}
