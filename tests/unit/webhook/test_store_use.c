/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include "quoted_json.h"
#include "webhook/store_use.h"

static struct world *world;

static void put_store(const char *name, const char *controller)
{
    struct json_text json =
        quoted_json("{'metadata':{'namespace':'n','name':'%s','uid':'u-%s','resourceVersion':'1'},"
                    "'spec':{'controller':'%s','provider':{'fake':{'data':[]}}}}",
                    name, name, controller);
    struct store *store = NULL;
    struct err err = {0};
    ck_assert_msg(store_decode(json.root, false, &store, &err), "%s", err.message);
    world_put_store(world, store);
    json_text_done(&json);
}

static void setup(void)
{
    world = world_new();
    world_set_synced(world, WORLD_STORES, true);
    put_store("own", "");
    put_store("others", "others");
}

static void teardown(void)
{
    world_free(world);
}

/* `entries` stands behind spec.secretStoreRef and begins with a comma. */
static bool is_others(const char *store, const char *entries)
{
    struct json_text json =
        quoted_json("{'metadata':{'namespace':'n','name':'es','uid':'u','resourceVersion':'1'},"
                    "'spec':{'secretStoreRef':{'name':'%s'}%s}}",
                    store, entries);
    struct external_secret *external_secret = NULL;
    struct err err = {0};
    ck_assert_msg(external_secret_decode(json.root, &external_secret, &err), "%s", err.message);
    json_text_done(&json);
    bool others = store_use_is_others(world, external_secret);
    external_secret_release(external_secret);
    return others;
}

#define DATA(source) ",'data':[{'secretKey':'k','remoteRef':{'key':'r'}" source "}]"
#define DATA_FROM(source) ",'dataFrom':[{'extract':{'key':'r'}" source "}]"
#define SOURCE(store) ",'sourceRef':{'storeRef':{'name':'" store "'}}"

START_TEST(what_reads_from_stores_of_ours_is_ours)
{
    ck_assert(!is_others("own", DATA("")));
    ck_assert(!is_others("own", DATA(SOURCE("own")) DATA_FROM(SOURCE("own"))));
}
END_TEST

START_TEST(any_store_of_another_controller_makes_it_anothers)
{
    ck_assert(is_others("others", DATA("")));
    ck_assert(is_others("own", DATA(SOURCE("others"))));
    ck_assert(is_others("own", DATA("") DATA_FROM(SOURCE("others"))));
    ck_assert(is_others("missing", DATA(SOURCE("own")) DATA_FROM(SOURCE("others"))));
}
END_TEST

START_TEST(a_store_that_is_missing_or_does_not_admit_the_namespace_is_nobody_elses)
{
    ck_assert(!is_others("missing", DATA(SOURCE("own"))));
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'n','name':'closed','uid':'u-closed','resourceVersion':'1'},"
        "'spec':{'conditions':[{'namespaces':['m']}],'provider':{'fake':{'data':[]}}}}");
    struct store *store = NULL;
    struct err err = {0};
    ck_assert_msg(store_decode(json.root, false, &store, &err), "%s", err.message);
    world_put_store(world, store);
    json_text_done(&json);
    ck_assert(!is_others("closed", DATA(SOURCE("closed"))));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/store_use");
    TCase *tcase = tcase_create("store_use");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_reads_from_stores_of_ours_is_ours);
    tcase_add_test(tcase, any_store_of_another_controller_makes_it_anothers);
    tcase_add_test(tcase, a_store_that_is_missing_or_does_not_admit_the_namespace_is_nobody_elses);
    suite_add_tcase(suite, tcase);
    return suite;
}
