/* SPDX-License-Identifier: Apache-2.0 */
#include "world/world.h"

#include <malloc.h>
#include <pthread.h>

#include "check_main.h"
#include "records.h"

static struct world *world;

static void setup(void)
{
    world = world_new();
}

static void teardown(void)
{
    world_free(world);
}

static struct world_change put(const char *uid, const char *version, const char *data)
{
    return world_put_secret(world, make_secret("shop", "db", uid, version, data));
}

static bool stands(const char *version)
{
    struct secret *secret = world_secret(world, SV("shop"), SV("db"));
    bool equal = secret && sv_is(secret->resource_version, version);
    secret_release(secret);
    return equal;
}

START_TEST(tells_what_a_put_of_a_secret_changed)
{
    struct world_change change = put("u", "1", "'k':'YQ=='");
    ck_assert(change.added && change.changed);
    change = put("u", "2", "'k':'YQ=='");
    ck_assert(!change.added && !change.changed);
    change = put("u", "3", "'k':'Yg=='");
    ck_assert(!change.added && change.changed);
    change = put("u", "4", "'k':'Yg==','l':''");
    ck_assert(!change.added && change.changed);
    /* Re-created with the same content. */
    change = put("u2", "5", "'k':'Yg==','l':''");
    ck_assert(!change.added && !change.changed);
    ck_assert(stands("5"));
}
END_TEST

START_TEST(drops_an_older_version_of_the_same_secret)
{
    put("u", "10", "'k':'YQ=='");
    struct world_change change = put("u", "9", "'k':'Yg=='");
    ck_assert(!change.added && !change.changed);
    ck_assert(stands("10"));
    /* Versions are numbers, not text. */
    change = put("u", "100", "'k':'Yg=='");
    ck_assert(change.changed);
    ck_assert(stands("100"));
    /* Another object of that name may have any version. */
    change = put("u2", "7", "'k':'Yw=='");
    ck_assert(change.changed);
    ck_assert(stands("7"));
    change = put("u2", "opaque", "'k':'YQ=='");
    ck_assert(change.changed);
    ck_assert(stands("opaque"));
}
END_TEST

START_TEST(tells_what_other_puts_changed)
{
    struct world_change change =
        world_put_external_secret(world, make_external_secret("shop", "es", "db", "", ""));
    ck_assert(change.added && change.changed);
    change = world_put_external_secret(
        world, make_external_secret("shop", "es", "db", ",'resourceVersion':'5'", ""));
    ck_assert(!change.added && !change.changed);
    change = world_put_external_secret(world, make_external_secret("shop", "es", "db2", "", ""));
    ck_assert(!change.added && change.changed);
    change = world_put_workload(world, make_user("shop", "web", "db"));
    ck_assert(change.added && change.changed);
    change = world_put_workload(world, make_user("shop", "web", "db"));
    ck_assert(!change.added && !change.changed);
    change = world_put_workload(world, make_user("shop", "web", "tls"));
    ck_assert(!change.added && change.changed);
}
END_TEST

START_TEST(erases_once)
{
    put("u", "1", "");
    ck_assert(world_erase(world, WORLD_SECRETS, SV("shop"), SV("db")));
    ck_assert(!world_erase(world, WORLD_SECRETS, SV("shop"), SV("db")));
    ck_assert(!world_erase(world, WORLD_PODS, SV("shop"), SV("db")));
    world_put_store(world, make_store(true, "", "x"));
    ck_assert(world_erase(world, WORLD_CLUSTER_STORES, SV(""), SV("x")));
    ck_assert(!world_erase(world, WORLD_CLUSTER_STORES, (struct str_view){0}, SV("x")));
    struct world_change change = put("u", "1", "");
    ck_assert(change.added);
}
END_TEST

START_TEST(sync_is_kept_for_each_table)
{
    for (enum world_table table = 0; table < WORLD_TABLES; table++) {
        ck_assert(!world_is_synced(world, table));
        world_set_synced(world, table, true);
        ck_assert(world_is_synced(world, table));
    }
    world_set_synced(world, WORLD_PODS, false);
    ck_assert(!world_is_synced(world, WORLD_PODS));
    ck_assert(world_is_synced(world, WORLD_SECRETS));
}
END_TEST

struct names {
    size_t count;
    char text[256];
};

static void note(void *context, struct str_view namespace, struct str_view name)
{
    struct names *names = context;
    size_t len = strlen(names->text);
    (void)snprintf(names->text + len, sizeof names->text - len, "%.*s:%.*s ", SV_ARG(namespace),
                   SV_ARG(name));
    names->count++;
    /* Outside the lock: the world may be asked. */
    ck_assert_ptr_null(world_secret(world, namespace, name));
}

START_TEST(a_relist_erases_what_it_has_not_met)
{
    world_put_secret(world, make_secret("shop", "met", "u", "1", ""));
    world_put_secret(world, make_secret("shop", "gone", "u", "1", ""));
    world_put_secret(world, make_secret("shop", "erased", "u", "1", ""));
    world_put_secret(world, make_secret("shop", "older", "u", "9", ""));
    world_put_unreadable_secret(world, SV("shop"), SV("dark-met"));
    world_put_unreadable_secret(world, SV("shop"), SV("dark-gone"));
    world_put_pod(world, make_pod("shop", "gone"));
    world_relist_begin(world, WORLD_SECRETS);
    world_put_secret(world, make_secret("shop", "met", "u", "1", ""));
    world_put_secret(world, make_secret("shop", "new", "u", "1", ""));
    /* Seen, though what the list had is older than what a watch brought. */
    world_put_secret(world, make_secret("shop", "older", "u", "8", ""));
    world_put_unreadable_secret(world, SV("shop"), SV("dark-met"));
    ck_assert(world_erase(world, WORLD_SECRETS, SV("shop"), SV("erased")));
    struct names names = {0};
    world_relist_end(world, WORLD_SECRETS, note, &names);
    ck_assert_uint_eq(names.count, 2);
    ck_assert_ptr_nonnull(strstr(names.text, "shop:gone "));
    ck_assert_ptr_nonnull(strstr(names.text, "shop:dark-gone "));
    static const char *const left[] = {"met", "new", "older"};
    for (size_t i = 0; i < ARRAY_LEN(left); i++) {
        struct secret *secret = world_secret(world, SV("shop"), sv_of(left[i]));
        ck_assert_msg(secret != NULL, "%s", left[i]);
        secret_release(secret);
    }
    struct pod *pod = world_pod(world, SV("shop"), SV("gone"));
    ck_assert_ptr_nonnull(pod);
    pod_release(pod);
    /* Nothing is left over for the next one. */
    world_relist_end(world, WORLD_SECRETS, note, &names);
    ck_assert_uint_eq(names.count, 2);
}
END_TEST

START_TEST(a_second_begin_starts_the_relist_again)
{
    world_put_pod(world, make_pod("shop", "a"));
    world_put_pod(world, make_pod("shop", "b"));
    world_relist_begin(world, WORLD_PODS);
    world_put_pod(world, make_pod("shop", "a"));
    world_relist_begin(world, WORLD_PODS);
    world_put_pod(world, make_pod("shop", "b"));
    struct names names = {0};
    world_relist_end(world, WORLD_PODS, note, &names);
    ck_assert_str_eq(names.text, "shop:a ");
}
END_TEST

START_TEST(cluster_scoped_names_come_back_without_a_namespace)
{
    world_put_store(world, make_store(true, "", "gone"));
    world_relist_begin(world, WORLD_CLUSTER_STORES);
    struct names names = {0};
    world_relist_end(world, WORLD_CLUSTER_STORES, note, &names);
    ck_assert_str_eq(names.text, ":gone ");
}
END_TEST

START_TEST(other_keys_empty_the_table_of_secrets)
{
    const unsigned char first[INSTALLATION_KEY_BYTES] = {1};
    const unsigned char second[INSTALLATION_KEY_BYTES] = {2};
    struct fingerprint_keys keys;
    struct fingerprint_keys got;
    ck_assert(!world_keys(world, &got));
    fingerprint_keys_derive(first, &keys);
    world_set_keys(world, &keys);
    ck_assert(world_keys(world, &got));
    ck_assert_mem_eq(&got, &keys, sizeof keys);
    put("u", "1", "");
    world_put_unreadable_secret(world, SV("shop"), SV("dark"));
    world_put_pod(world, make_pod("shop", "p"));
    world_set_synced(world, WORLD_SECRETS, true);
    /* The same again changes nothing. */
    world_set_keys(world, &keys);
    ck_assert(world_is_synced(world, WORLD_SECRETS));
    ck_assert(stands("1"));
    fingerprint_keys_derive(second, &keys);
    world_set_keys(world, &keys);
    ck_assert(!world_is_synced(world, WORLD_SECRETS));
    ck_assert(!stands("1"));
    ck_assert(!world_erase(world, WORLD_SECRETS, SV("shop"), SV("dark")));
    ck_assert(world_erase(world, WORLD_PODS, SV("shop"), SV("p")));
    world_set_synced(world, WORLD_SECRETS, true);
    world_set_keys(world, NULL);
    ck_assert(!world_is_synced(world, WORLD_SECRETS));
    ck_assert(!world_keys(world, &got));
}
END_TEST

enum {
    ROUNDS = 2000,
    NAMES = 16,
};

static void *putting(void *context)
{
    (void)context;
    char name[16];
    char version[16];
    for (int i = 1; i <= ROUNDS; i++) {
        (void)snprintf(name, sizeof name, "s%d", i % NAMES);
        (void)snprintf(version, sizeof version, "%d", i);
        world_put_secret(world, make_secret("shop", name, "u", version, "'k':'YQ=='"));
        world_put_external_secret(world, make_external_secret("shop", name, name, "", ""));
        world_put_workload(world, make_user("shop", name, i % 3 ? "s1,s2,s3" : "s4"));
        if (i % 7 == 0) {
            (void)world_erase(world, WORLD_SECRETS, SV("shop"), sv_of(name));
            (void)world_erase(world, WORLD_EXTERNAL_SECRETS, SV("shop"), sv_of(name));
            (void)world_erase(world, WORLD_DEPLOYMENTS, SV("shop"), sv_of(name));
        }
        if (i % 500 == 250) {
            world_relist_begin(world, WORLD_SECRETS);
            world_relist_end(world, WORLD_SECRETS, NULL, NULL);
        }
    }
    return NULL;
}

static void *looking_up(void *context)
{
    size_t *present = context;
    struct secret_ref refs[] = {make_ref("s1", "k"), make_ref("s2", NULL), make_ref("s3", "x")};
    const struct secret_ref_list list = {.items = refs, .count = ARRAY_LEN(refs)};
    for (int i = 0; i < ROUNDS; i++) {
        CLEANUP(facts_done) struct facts facts;
        facts_init(&facts, SV("shop"));
        world_look_up(world, &list, &facts);
        for (size_t j = 0; j < facts.count; j++) {
            if (facts.items[j].secret) {
                (*present)++;
                ck_assert(sv_is(facts.items[j].secret->keys[0].key, "k"));
            }
        }
        CLEANUP(world_list_done) struct world_list users;
        world_workloads_of(world, SV("shop"), SV("s1"), &users);
        for (size_t j = 0; j < users.count; j++) {
            ck_assert(sv_is(((struct workload *)users.items[j])->namespace, "shop"));
        }
        external_secret_release(world_describing(world, SV("shop"), SV("s2")));
    }
    return NULL;
}

/* Meant for the thread sanitizer; without it, it shows that nothing is lost or freed too early. */
START_TEST(threads_may_put_and_look_up_at_once)
{
    pthread_t threads[3];
    size_t present[2] = {0, 0};
    ck_assert_int_eq(pthread_create(&threads[0], NULL, putting, NULL), 0);
    ck_assert_int_eq(pthread_create(&threads[1], NULL, looking_up, &present[0]), 0);
    ck_assert_int_eq(pthread_create(&threads[2], NULL, looking_up, &present[1]), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    /* The last put of each name decides. */
    struct secret *secret = world_secret(world, SV("shop"), SV("s0"));
    ck_assert_ptr_nonnull(secret);
    ck_assert(sv_is(secret->resource_version, "2000"));
    secret_release(secret);
}
END_TEST

enum {
    MANY_SECRETS = 20000,
    MANY_WORKLOADS = 10000,
    /* Names, uids, versions and digests alone are 7 MiB. */
    MANY_BYTES = 22 * 1024 * 1024,
};

static void fill_cluster(void)
{
    char name[48];
    char secrets[256];
    char namespace[16];
    for (int i = 0; i < MANY_SECRETS; i++) {
        (void)snprintf(name, sizeof name, "database-credentials-%d", i);
        (void)snprintf(namespace, sizeof namespace, "team-%d", i % 100);
        world_put_secret(world, make_secret(namespace, name, "89311811-aabe-45d1-98c9-2bf9af991284",
                                            "123456789",
                                            "'username':'YQ==','password':'YQ==','host':'YQ==',"
                                            "'port':'YQ==','database':'YQ=='"));
    }
    for (int i = 0; i < MANY_WORKLOADS; i++) {
        size_t len = 0;
        for (int j = 0; j < 5; j++) {
            int at = (i * 5 + j * 100) % MANY_SECRETS / 100 * 100 + i % 100;
            len += (size_t)snprintf(secrets + len, sizeof secrets - len,
                                    "%sdatabase-credentials-%d", j ? "," : "", at);
        }
        (void)snprintf(name, sizeof name, "web-frontend-%d", i);
        (void)snprintf(namespace, sizeof namespace, "team-%d", i % 100);
        world_put_workload(world, make_user(namespace, name, secrets));
    }
}

START_TEST(a_large_cluster_stays_small)
{
    struct mallinfo2 before = mallinfo2();
    fill_cluster();
    struct mallinfo2 after = mallinfo2();
    CLEANUP(world_list_done) struct world_list users;
    world_workloads_of(world, SV("team-7"), SV("database-credentials-7"), &users);
    ck_assert_uint_gt(users.count, 0);
    /* Sanitizers have an allocator of their own, which counts nothing here. */
    if (after.uordblks > before.uordblks) {
        size_t bytes = after.uordblks - before.uordblks + (after.hblkhd - before.hblkhd);
        ck_assert_msg(bytes < MANY_BYTES, "%zu bytes", bytes);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("world");
    TCase *tcase = tcase_create("world");
    tcase_set_timeout(tcase, 100);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, tells_what_a_put_of_a_secret_changed);
    tcase_add_test(tcase, drops_an_older_version_of_the_same_secret);
    tcase_add_test(tcase, tells_what_other_puts_changed);
    tcase_add_test(tcase, erases_once);
    tcase_add_test(tcase, sync_is_kept_for_each_table);
    tcase_add_test(tcase, a_relist_erases_what_it_has_not_met);
    tcase_add_test(tcase, a_second_begin_starts_the_relist_again);
    tcase_add_test(tcase, cluster_scoped_names_come_back_without_a_namespace);
    tcase_add_test(tcase, other_keys_empty_the_table_of_secrets);
    tcase_add_test(tcase, threads_may_put_and_look_up_at_once);
    tcase_add_test(tcase, a_large_cluster_stays_small);
    suite_add_tcase(suite, tcase);
    return suite;
}
