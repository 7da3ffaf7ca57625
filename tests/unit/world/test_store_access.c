/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"
#include "records.h"
#include "world/world.h"

static struct world *world;
static struct external_secret *external_secret;

static void set_up(void)
{
    world = world_new();
    external_secret = make_external_secret("shop", "es", "db", "", "");
    world_set_synced(world, WORLD_STORES, true);
    world_set_synced(world, WORLD_CLUSTER_STORES, true);
    world_set_synced(world, WORLD_NAMESPACES, true);
}

static void tear_down(void)
{
    external_secret_release(external_secret);
    world_free(world);
}

static void put_store(bool cluster, const char *namespace, const char *name, const char *spec)
{
    struct json_text json =
        quoted_json("{'metadata':{'name':'%s','namespace':'%s'},'spec':{%s'provider':{'fake':{"
                    "'data':[]}}}}",
                    name, namespace, spec);
    struct store *store = NULL;
    struct err err = {0};
    ck_assert_msg(store_decode(json.root, cluster, &store, &err), "%s", err.message);
    world_put_store(world, store);
    json_text_done(&json);
}

static struct world_change put_namespace(const char *name, const char *labels)
{
    struct json_text json = quoted_json("{'metadata':{'name':'%s','labels':{%s}}}", name, labels);
    struct namespace *namespace = NULL;
    struct err err = {0};
    ck_assert_msg(namespace_decode(json.root, &namespace, &err), "%s", err.message);
    struct world_change change = world_put_namespace(world, namespace);
    json_text_done(&json);
    return change;
}

static enum store_access access_to(const char *name, bool cluster, struct err *err)
{
    const struct store_ref ref = {.name = sv_of(name), .cluster = cluster};
    struct store *store = NULL;
    *err = (struct err){0};
    enum store_access access = world_store_for(world, external_secret, &ref, &store, err);
    ck_assert_int_eq(store != NULL, access == STORE_GRANTED);
    ck_assert_int_eq(err->kind != ERR_NONE, access != STORE_GRANTED);
    store_release(store);
    return access;
}

START_TEST(a_store_of_the_same_namespace_is_granted)
{
    struct err err;
    struct store *store = NULL;
    put_store(false, "shop", "store", "");
    put_store(false, "other", "theirs", "");
    put_store(true, "", "everybodys", "");
    ck_assert_int_eq(world_store_for(world, external_secret, NULL, &store, &err), STORE_GRANTED);
    ck_assert(sv_is(store->name, "store"));
    store_release(store);
    ck_assert_int_eq(access_to("", true, &err), STORE_GRANTED);
    ck_assert_int_eq(access_to("everybodys", true, &err), STORE_GRANTED);
    ck_assert_int_eq(access_to("everybodys", false, &err), STORE_MISSING);
    ck_assert_int_eq(access_to("store", true, &err), STORE_MISSING);
    ck_assert_int_eq(access_to("theirs", false, &err), STORE_MISSING);
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert_str_eq(err.message, "SecretStore theirs does not exist");
}
END_TEST

START_TEST(a_store_may_yet_be_listed)
{
    struct err err;
    world_set_synced(world, WORLD_STORES, false);
    ck_assert_int_eq(access_to("store", false, &err), STORE_UNKNOWN);
    ck_assert_str_eq(err.message, "SecretStore store is not known yet");
    ck_assert_int_eq(access_to("store", true, &err), STORE_MISSING);
    world_set_synced(world, WORLD_CLUSTER_STORES, false);
    ck_assert_int_eq(access_to("store", true, &err), STORE_UNKNOWN);
}
END_TEST

START_TEST(a_store_is_that_of_one_controller)
{
    static const struct {
        const char *controller;
        enum store_access alone;
        enum store_access beside;
    } classes[] = {
        {"", STORE_GRANTED, STORE_GRANTED},        {"keyturn", STORE_GRANTED, STORE_GRANTED},
        {"default", STORE_REFUSED, STORE_GRANTED}, {"other", STORE_REFUSED, STORE_REFUSED},
        {"Keyturn", STORE_REFUSED, STORE_REFUSED}, {"keyturn ", STORE_REFUSED, STORE_REFUSED},
    };
    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        char spec[64];
        struct err err;
        (void)snprintf(spec, sizeof spec, "'controller':'%s',", classes[i].controller);
        put_store(false, "shop", "store", spec);
        put_store(true, "", "cluster", spec);
        world_set_operator_class(world, NULL);
        ck_assert_int_eq(access_to("store", false, &err), classes[i].alone);
        ck_assert_int_eq(access_to("cluster", true, &err), classes[i].alone);
        ck_assert_int_eq(err.kind, classes[i].alone == STORE_REFUSED ? ERR_INVALID : ERR_NONE);
        world_set_operator_class(world, "default");
        ck_assert_int_eq(access_to("store", false, &err), classes[i].beside);
        ck_assert_int_eq(access_to("cluster", true, &err), classes[i].beside);
    }
}
END_TEST

#define GOLD "'conditions':[{'namespaceSelector':{'matchLabels':{'tier':'gold'}}}],"

START_TEST(the_conditions_are_asked_about_the_namespace_as_it_is)
{
    struct err err;
    put_store(true, "", "gold", GOLD);
    put_namespace("shop", "'tier':'gold'");
    ck_assert_int_eq(access_to("gold", true, &err), STORE_GRANTED);
    put_namespace("shop", "'tier':'silver'");
    ck_assert_int_eq(access_to("gold", true, &err), STORE_REFUSED);
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(err.message, "gold"));
    ck_assert_ptr_nonnull(strstr(err.message, "namespace shop"));
    put_store(true, "", "gold", "");
    ck_assert_int_eq(access_to("gold", true, &err), STORE_GRANTED);
}
END_TEST

START_TEST(of_a_namespace_that_is_not_known_nothing_is_granted_yet)
{
    struct err err;
    put_store(true, "", "gold", GOLD);
    put_store(true, "", "not-gold",
              "'conditions':[{'namespaceSelector':{'matchExpressions':[{'key':'tier','operator':"
              "'DoesNotExist'}]}}],");
    put_store(true, "", "everybodys", "'conditions':[{'namespaceSelector':{}}],");
    put_namespace("other", "'tier':'gold'");
    ck_assert_int_eq(access_to("gold", true, &err), STORE_UNKNOWN);
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(err.message, "does not know its labels"));
    ck_assert_int_eq(access_to("not-gold", true, &err), STORE_UNKNOWN);
    ck_assert_int_eq(access_to("everybodys", true, &err), STORE_GRANTED);
    put_namespace("shop", "'tier':'gold'");
    ck_assert_int_eq(access_to("gold", true, &err), STORE_GRANTED);
    ck_assert(world_erase(world, WORLD_NAMESPACES, SV(""), SV("shop")));
    ck_assert_int_eq(access_to("gold", true, &err), STORE_UNKNOWN);
}
END_TEST

START_TEST(a_namespace_changes_with_its_labels)
{
    ck_assert(put_namespace("shop", "'a':'1'").added);
    ck_assert(!put_namespace("shop", "'a':'1'").changed);
    ck_assert(put_namespace("shop", "'a':'2'").changed);
    ck_assert(put_namespace("shop", "'a':'2','b':''").changed);
    ck_assert(!put_namespace("shop", "'a':'2','b':''").changed);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("store_access");
    TCase *tcase = tcase_create("store_access");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_store_of_the_same_namespace_is_granted);
    tcase_add_test(tcase, a_store_may_yet_be_listed);
    tcase_add_test(tcase, a_store_is_that_of_one_controller);
    tcase_add_test(tcase, the_conditions_are_asked_about_the_namespace_as_it_is);
    tcase_add_test(tcase, of_a_namespace_that_is_not_known_nothing_is_granted_yet);
    tcase_add_test(tcase, a_namespace_changes_with_its_labels);
    suite_add_tcase(suite, tcase);
    return suite;
}
