/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/object_quota.h"

#include "aws_scene.h"
#include "check_main.h"

static bool counted;
static struct err err;

static void setup(void)
{
    aws_scene_begin();
    counted = false;
    err = (struct err){0};
}

static void answer(unsigned status, const char *body)
{
    pthread_mutex_lock(&api.mutex);
    api_set("GET", "/api/v1/namespaces/n/resourcequotas", status, "%s", body);
    pthread_mutex_unlock(&api.mutex);
}

static bool look(const struct kube_resource *resource)
{
    return object_quota_counts(&scene.clients->kube, SV("n"), resource, aws_scene_deadline(),
                               &counted, &err);
}

#define QUOTAS(hard)                                                                               \
    "{'kind':'ResourceQuotaList','metadata':{'resourceVersion':'1'},'items':[{'metadata':{'name':" \
    "'a'},'spec':{'hard':{'pods':'1'}}},{'metadata':{'name':'b'},'spec':{'hard':{" hard "}}}]}"

START_TEST(what_is_counted_is_found)
{
    answer(200, QUOTAS("'count/externalsecrets.external-secrets.io':'100'"));
    ck_assert_msg(look(&kube_external_secrets), "%s", err.message);
    ck_assert(counted);
    ck_assert(look(&kube_secrets));
    ck_assert(!counted);
}
END_TEST

START_TEST(an_object_of_the_core_group_has_no_group_behind_it)
{
    answer(200, QUOTAS("'count/secrets':'0'"));
    ck_assert(look(&kube_secrets));
    ck_assert(counted);
    ck_assert(look(&kube_external_secrets));
    ck_assert(!counted);
}
END_TEST

START_TEST(who_may_not_look_knows_nothing)
{
    answer(403, "{'kind':'Status','code':403,'reason':'Forbidden'}");
    ck_assert(!look(&kube_external_secrets));
    ck_assert_int_eq(err.kind, ERR_DENIED);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/object_quota");
    TCase *tcase = tcase_create("object_quota");
    tcase_add_checked_fixture(tcase, setup, aws_scene_end);
    tcase_add_test(tcase, what_is_counted_is_found);
    tcase_add_test(tcase, an_object_of_the_core_group_has_no_group_behind_it);
    tcase_add_test(tcase, who_may_not_look_knows_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}
