/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include "neighbours.h"
#include "webhook/commands.h"
#include "webhook/kube_access.h"
#include "webhook/release.h"

static const char SECOND_PAGE[] = "continue=more";
static const char LIST[] = "/api/v1/pods?";
static const char CONFIGURATION[] = "/mutatingwebhookconfigurations/keyturn";

static char configuration_name[] = "keyturn";
static const struct config everything = {.all = true, .webhook_configuration = configuration_name};

static unsigned patched;
static unsigned failures;

#define HELD(name)                                                                                 \
    "{'metadata':{'namespace':'n','name':'" name                                                   \
    "','uid':'u','resourceVersion':'1'},'spec':{'schedulingGates':[{'name':"                       \
    "'keyturn.io/secrets'}]}}"

bool kube_access_load(const char *kubeconfig, const struct clock *clock, struct kube_config **ret,
                      struct err *err)
{
    (void)kubeconfig;
    (void)clock;
    (void)err;
    *ret = api_config();
    return true;
}

static void setup(void)
{
    patched = 0;
    api_begin();
    api_set("GET", SECOND_PAGE, 200,
            "{'metadata':{'resourceVersion':'9'},'items':[" HELD("b") "]}");
    api_set("GET", LIST, 200,
            "{'metadata':{'resourceVersion':'9','continue':'more'},'items':[" HELD("a") "]}");
    api_set("PATCH", "/pods/", 200, "{}");
    api_set("DELETE", CONFIGURATION, 200, "{}");
}

static void teardown(void)
{
    api_end();
}

static void nothing_is_held(void)
{
    api_set("GET", LIST, 200, "%s", "{'metadata':{'resourceVersion':'9'},'items':[]}");
}

static void count_patches(struct api_route *route)
{
    if (route->part == SECOND_PAGE) {
        /* The list ends before what it lists is worked through. */
        ck_assert_uint_eq(patched, 0);
    } else if (strcmp(route->method, "PATCH") == 0 && ++patched == 2) {
        nothing_is_held();
    }
}

START_TEST(all_pages_are_listed_before_the_first_patch)
{
    api.asked = count_patches;
    ck_assert_int_eq(release_run(&everything), EXIT_DONE);
    ck_assert_uint_eq(patched, 2);
    ck_assert_uint_eq(api_count("DELETE", CONFIGURATION), 1);
}
END_TEST

static void fail_then_recover(struct api_route *route)
{
    if (route->part == LIST && ++failures == 3) {
        nothing_is_held();
    }
}

START_TEST(a_list_that_fails_is_tried_again)
{
    failures = 0;
    api.asked = fail_then_recover;
    api_set("GET", LIST, 500, "{}");
    ck_assert_int_eq(release_run(&everything), EXIT_DONE);
    ck_assert_uint_gt(failures, 3);
}
END_TEST

START_TEST(a_list_that_is_refused_is_not)
{
    api_set("GET", LIST, 403, "{}");
    ck_assert_int_eq(release_run(&everything), EXIT_FAILED);
    ck_assert_uint_eq(api_count("GET", LIST), 1);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/release");
    TCase *tcase = tcase_create("release");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, all_pages_are_listed_before_the_first_patch);
    tcase_add_test(tcase, a_list_that_fails_is_tried_again);
    tcase_add_test(tcase, a_list_that_is_refused_is_not);
    suite_add_tcase(suite, tcase);
    return suite;
}
