/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"
#include "records.h"
#include "world/world.h"

static struct world *world;

static void setup(void)
{
    world = world_new();
}

static void teardown(void)
{
    world_free(world);
}

/* Names of the workloads that use a Secret, sorted, with a space behind each. */
static const char *users_of(const char *namespace, const char *secret)
{
    static char names[256];
    CLEANUP(world_list_done) struct world_list list;
    world_workloads_of(world, sv_of(namespace), sv_of(secret), &list);
    const struct workload *sorted[16];
    ck_assert_uint_le(list.count, ARRAY_LEN(sorted));
    for (size_t i = 0; i < list.count; i++) {
        size_t at = i;
        for (; at > 0 &&
               sv_compare(((struct workload *)list.items[i])->name, sorted[at - 1]->name) < 0;
             at--) {
            sorted[at] = sorted[at - 1];
        }
        sorted[at] = list.items[i];
    }
    size_t len = 0;
    names[0] = '\0';
    for (size_t i = 0; i < list.count; i++) {
        len += (size_t)snprintf(names + len, sizeof names - len, "%.*s ", SV_ARG(sorted[i]->name));
    }
    return names;
}

START_TEST(knows_the_users_of_a_secret)
{
    world_put_workload(world, make_user("shop", "a", "db,tls"));
    world_put_workload(world, make_user("shop", "b", "db"));
    world_put_workload(world, make_user("other", "c", "db"));
    world_put_workload(world, make_workload(KIND_DAEMON_SET, "shop", "d", "", "",
                                            "'imagePullSecrets':[{'name':'tls'}]"));
    ck_assert_str_eq(users_of("shop", "db"), "a b ");
    ck_assert_str_eq(users_of("shop", "tls"), "a d ");
    ck_assert_str_eq(users_of("other", "db"), "c ");
    ck_assert_str_eq(users_of("shop", "none"), "");
}
END_TEST

START_TEST(the_index_follows_what_changes)
{
    world_put_workload(world, make_user("shop", "a", "db,tls"));
    world_put_workload(world, make_user("shop", "b", "db"));
    world_put_workload(world, make_user("shop", "a", "tls,new"));
    ck_assert_str_eq(users_of("shop", "db"), "b ");
    ck_assert_str_eq(users_of("shop", "tls"), "a ");
    ck_assert_str_eq(users_of("shop", "new"), "a ");
    /* One name in two kinds is two workloads. */
    ck_assert(!world_erase(world, WORLD_STATEFUL_SETS, SV("shop"), SV("a")));
    ck_assert_str_eq(users_of("shop", "tls"), "a ");
    ck_assert(world_erase(world, WORLD_DEPLOYMENTS, SV("shop"), SV("a")));
    ck_assert_str_eq(users_of("shop", "tls"), "");
    ck_assert_str_eq(users_of("shop", "new"), "");
    ck_assert_str_eq(users_of("shop", "db"), "b ");
}
END_TEST

START_TEST(many_references_to_one_secret_are_one_use)
{
    world_put_workload(
        world, make_workload(KIND_DEPLOYMENT, "shop", "a", "", "",
                             "'containers':[{'name':'x','envFrom':[{'secretRef':{'name':'db'}}],"
                             "'env':[{'name':'A','valueFrom':{'secretKeyRef':{'name':'db',"
                             "'key':'k'}}},{'name':'B','valueFrom':{'secretKeyRef':{'name':'tls',"
                             "'key':'k'}}}]},{'name':'y','envFrom':[{'secretRef':{'name':'db'}}]}],"
                             "'volumes':[{'name':'v','secret':{'secretName':'db'}}]"));
    ck_assert_str_eq(users_of("shop", "db"), "a ");
    ck_assert_str_eq(users_of("shop", "tls"), "a ");
    ck_assert(world_erase(world, WORLD_DEPLOYMENTS, SV("shop"), SV("a")));
    ck_assert_str_eq(users_of("shop", "db"), "");
    ck_assert_str_eq(users_of("shop", "tls"), "");
}
END_TEST

START_TEST(a_relist_forgets_users_too)
{
    world_put_workload(world, make_user("shop", "a", "db"));
    world_put_workload(world, make_user("shop", "b", "db"));
    world_relist_begin(world, WORLD_DEPLOYMENTS);
    world_put_workload(world, make_user("shop", "b", "db"));
    world_relist_end(world, WORLD_DEPLOYMENTS, NULL, NULL);
    ck_assert_str_eq(users_of("shop", "db"), "b ");
}
END_TEST

START_TEST(every_external_secret_of_a_target_that_is_not_being_deleted)
{
    const char *deleting = ",'deletionTimestamp':'2026-01-01T00:00:00Z'";
    world_put_external_secret(world, make_external_secret("shop", "a", "db", "", ""));
    world_put_external_secret(world, make_external_secret("shop", "b", "db", "", ""));
    world_put_external_secret(world, make_external_secret("shop", "c", "db", deleting, ""));
    world_put_external_secret(world, make_external_secret("shop", "d", "tls", "", ""));
    world_put_external_secret(world, make_external_secret("other", "e", "db", "", ""));
    CLEANUP(world_list_done) struct world_list list;
    world_describing_all(world, SV("shop"), SV("db"), &list);
    ck_assert_uint_eq(list.count, 2);
    const struct external_secret *one = list.items[0];
    const struct external_secret *two = list.items[1];
    bool in_order = sv_compare(one->name, two->name) < 0;
    ck_assert(sv_is((in_order ? one : two)->name, "a"));
    ck_assert(sv_is((in_order ? two : one)->name, "b"));
    CLEANUP(world_list_done) struct world_list none;
    world_describing_all(world, SV("shop"), SV("none"), &none);
    ck_assert_uint_eq(none.count, 0);
}
END_TEST

START_TEST(lists_every_record_of_a_kind)
{
    char name[16];
    for (int i = 0; i < 30; i++) {
        (void)snprintf(name, sizeof name, "x%d", i);
        world_put_pod(world, make_pod("shop", name));
        world_put_external_secret(world, make_external_secret("shop", name, "db", "", ""));
        static const enum workload_kind kinds[] = {KIND_DEPLOYMENT, KIND_STATEFUL_SET,
                                                   KIND_DAEMON_SET};
        world_put_workload(world, make_workload(kinds[i % 3], "shop", name, "", "", ""));
    }
    struct world_list lists[3];
    world_pods(world, &lists[0]);
    world_external_secrets(world, &lists[1]);
    world_workloads(world, &lists[2]);
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        ck_assert_uint_eq(lists[i].count, 30);
    }
    /* They outlive the world's own references. */
    world_free(world);
    world = world_new();
    ck_assert(sv_is(((struct pod *)lists[0].items[7])->namespace, "shop"));
    ck_assert(sv_is(((struct external_secret *)lists[1].items[7])->target, "db"));
    ck_assert(sv_is(((struct workload *)lists[2].items[7])->namespace, "shop"));
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        world_list_done(&lists[i]);
        ck_assert_uint_eq(lists[i].count, 0);
    }
}
END_TEST

START_TEST(an_empty_list_has_nothing)
{
    CLEANUP(world_list_done) struct world_list list;
    world_pods(world, &list);
    ck_assert_uint_eq(list.count, 0);
    struct world_list zeroed = {0};
    world_list_done(&zeroed);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("list");
    TCase *tcase = tcase_create("list");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, knows_the_users_of_a_secret);
    tcase_add_test(tcase, the_index_follows_what_changes);
    tcase_add_test(tcase, many_references_to_one_secret_are_one_use);
    tcase_add_test(tcase, a_relist_forgets_users_too);
    tcase_add_test(tcase, every_external_secret_of_a_target_that_is_not_being_deleted);
    tcase_add_test(tcase, lists_every_record_of_a_kind);
    tcase_add_test(tcase, an_empty_list_has_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}
