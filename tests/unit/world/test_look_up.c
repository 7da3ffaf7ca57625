/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

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

static void look_up(const char *name, struct facts *facts)
{
    struct secret_ref ref = make_ref(name, NULL);
    const struct secret_ref_list refs = {.items = &ref, .count = 1};
    facts_init(facts, SV("shop"));
    world_look_up(world, &refs, facts);
    ck_assert_uint_eq(facts->count, 1);
}

static enum presence presence_of(const char *name)
{
    CLEANUP(facts_done) struct facts facts;
    look_up(name, &facts);
    ck_assert_int_eq(facts.items[0].secret != NULL, facts.items[0].presence == PRESENCE_PRESENT);
    return facts.items[0].presence;
}

static enum presence described(const char *name)
{
    CLEANUP(facts_done) struct facts facts;
    look_up(name, &facts);
    return facts.items[0].described;
}

START_TEST(nothing_is_known_of_a_secret_unless_the_list_is_complete)
{
    ck_assert_int_eq(presence_of("db"), PRESENCE_UNKNOWN);
    world_set_synced(world, WORLD_SECRETS, true);
    ck_assert_int_eq(presence_of("db"), PRESENCE_ABSENT);
    world_put_secret(world, make_secret("shop", "db", "u", "1", ""));
    ck_assert_int_eq(presence_of("db"), PRESENCE_PRESENT);
    world_set_synced(world, WORLD_SECRETS, false);
    ck_assert_int_eq(presence_of("db"), PRESENCE_UNKNOWN);
    ck_assert_int_eq(presence_of("tls"), PRESENCE_UNKNOWN);
    world_set_synced(world, WORLD_SECRETS, true);
    ck_assert_int_eq(presence_of("db"), PRESENCE_PRESENT);
}
END_TEST

START_TEST(another_namespace_is_another_secret)
{
    world_set_synced(world, WORLD_SECRETS, true);
    world_put_secret(world, make_secret("shop2", "db", "u", "1", ""));
    world_put_secret(world, make_secret("sho", "p-db", "u", "1", ""));
    ck_assert_int_eq(presence_of("db"), PRESENCE_ABSENT);
    ck_assert_int_eq(presence_of("p-db"), PRESENCE_ABSENT);
}
END_TEST

START_TEST(an_unreadable_secret_is_unknown)
{
    world_set_synced(world, WORLD_SECRETS, true);
    world_put_secret(world, make_secret("shop", "db", "u", "1", ""));
    world_put_unreadable_secret(world, SV("shop"), SV("db"));
    ck_assert_int_eq(presence_of("db"), PRESENCE_UNKNOWN);
    ck_assert_ptr_null(world_secret(world, SV("shop"), SV("db")));
    struct world_change change = world_put_secret(world, make_secret("shop", "db", "u", "2", ""));
    ck_assert(change.changed && change.added);
    ck_assert_int_eq(presence_of("db"), PRESENCE_PRESENT);
    world_put_unreadable_secret(world, SV("shop"), SV("db"));
    ck_assert(world_erase(world, WORLD_SECRETS, SV("shop"), SV("db")));
    ck_assert_int_eq(presence_of("db"), PRESENCE_ABSENT);
}
END_TEST

START_TEST(one_secret_is_looked_up_with_its_presence)
{
    struct secret *found = NULL;
    struct secret *db = make_secret("shop", "db", "u", "1", "");
    world_put_secret(world, secret_retain(db));
    ck_assert_int_eq(world_look_up_secret(world, SV("shop"), SV("db"), &found), PRESENCE_UNKNOWN);
    ck_assert_ptr_null(found);
    world_set_synced(world, WORLD_SECRETS, true);
    ck_assert_int_eq(world_look_up_secret(world, SV("shop"), SV("db"), &found), PRESENCE_PRESENT);
    ck_assert_ptr_eq(found, db);
    ck_assert_uint_eq(atomic_load(&db->references), 3);
    secret_release(found);
    ck_assert_int_eq(world_look_up_secret(world, SV("shop"), SV("tls"), &found), PRESENCE_ABSENT);
    ck_assert_ptr_null(found);
    world_put_unreadable_secret(world, SV("shop"), SV("db"));
    ck_assert_int_eq(world_look_up_secret(world, SV("shop"), SV("db"), &found), PRESENCE_UNKNOWN);
    ck_assert_ptr_null(found);
    secret_release(db);
}
END_TEST

/* Another thread lists meanwhile: what is not there is then never called absent, but unknown. */
static void *list_secrets(void *argument)
{
    struct secret *db = argument;
    world_put_secret(world, db);
    world_set_synced(world, WORLD_SECRETS, true);
    return NULL;
}

START_TEST(a_secret_that_is_being_listed_is_never_absent)
{
    enum {
        ROUNDS = 300,
    };
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t thread;
        struct secret *found = NULL;
        enum presence presence = PRESENCE_UNKNOWN;
        ck_assert_int_eq(
            pthread_create(&thread, NULL, list_secrets, make_secret("shop", "db", "u", "1", "")),
            0);
        while (presence == PRESENCE_UNKNOWN) {
            presence = world_look_up_secret(world, SV("shop"), SV("db"), &found);
        }
        ck_assert_int_eq(presence, PRESENCE_PRESENT);
        ck_assert_ptr_nonnull(found);
        secret_release(found);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        world_set_synced(world, WORLD_SECRETS, false);
        ck_assert(world_erase(world, WORLD_SECRETS, SV("shop"), SV("db")));
    }
}
END_TEST

START_TEST(looking_up_again_replaces_what_was_known)
{
    struct secret_ref refs[] = {make_ref("db", NULL), make_ref("tls", NULL)};
    const struct secret_ref_list list = {.items = refs, .count = ARRAY_LEN(refs)};
    world_set_synced(world, WORLD_SECRETS, true);
    struct secret *db = make_secret("shop", "db", "u", "1", "");
    world_put_secret(world, secret_retain(db));
    CLEANUP(facts_done) struct facts facts;
    facts_init(&facts, SV("shop"));
    world_look_up(world, &list, &facts);
    ck_assert_ptr_eq(facts_find(&facts, SV("db"))->secret, db);
    ck_assert_int_eq(facts_find(&facts, SV("tls"))->presence, PRESENCE_ABSENT);
    ck_assert_uint_eq(atomic_load(&db->references), 3);
    ck_assert(world_erase(world, WORLD_SECRETS, SV("shop"), SV("db")));
    world_put_secret(world, make_secret("shop", "tls", "u", "1", ""));
    /* A request keeps what it was given. */
    ck_assert(sv_is(facts_find(&facts, SV("db"))->secret->name, "db"));
    world_look_up(world, &list, &facts);
    ck_assert_int_eq(facts_find(&facts, SV("db"))->presence, PRESENCE_ABSENT);
    ck_assert_int_eq(facts_find(&facts, SV("tls"))->presence, PRESENCE_PRESENT);
    ck_assert_uint_eq(atomic_load(&db->references), 1);
    secret_release(db);
}
END_TEST

START_TEST(an_external_secret_describes_its_target)
{
    ck_assert_int_eq(described("db"), PRESENCE_UNKNOWN);
    world_put_external_secret(world, make_external_secret("shop", "es", "db", "", ""));
    ck_assert_int_eq(described("db"), PRESENCE_PRESENT);
    ck_assert_int_eq(described("es"), PRESENCE_UNKNOWN);
    world_set_synced(world, WORLD_EXTERNAL_SECRETS, true);
    ck_assert_int_eq(described("es"), PRESENCE_ABSENT);
    world_put_external_secret(world, make_external_secret("shop", "es", "db2", "", ""));
    ck_assert_int_eq(described("db"), PRESENCE_ABSENT);
    ck_assert_int_eq(described("db2"), PRESENCE_PRESENT);
    ck_assert(world_erase(world, WORLD_EXTERNAL_SECRETS, SV("shop"), SV("es")));
    ck_assert_int_eq(described("db2"), PRESENCE_ABSENT);
}
END_TEST

START_TEST(whether_it_is_described_is_looked_up_again_and_nothing_else)
{
    CLEANUP(facts_done) struct facts facts;
    world_set_synced(world, WORLD_SECRETS, true);
    world_set_synced(world, WORLD_EXTERNAL_SECRETS, true);
    look_up("db", &facts);
    ck_assert_int_eq(facts.items[0].described, PRESENCE_ABSENT);
    /* What a live look has found, and the watch has not told of yet. */
    struct secret *found = make_secret("shop", "db", "u", "1", "");
    facts_set(&facts, SV("db"), PRESENCE_PRESENT, found);
    world_put_external_secret(world, make_external_secret("shop", "es", "db", "", ""));
    world_look_up_described(world, &facts);
    ck_assert_int_eq(facts.items[0].described, PRESENCE_PRESENT);
    ck_assert_int_eq(facts.items[0].presence, PRESENCE_PRESENT);
    ck_assert_ptr_eq(facts.items[0].secret, found);
    ck_assert(world_erase(world, WORLD_EXTERNAL_SECRETS, SV("shop"), SV("es")));
    world_look_up_described(world, &facts);
    ck_assert_int_eq(facts.items[0].described, PRESENCE_ABSENT);
    secret_release(found);
}
END_TEST

START_TEST(one_that_renders_nothing_still_describes)
{
    world_put_external_secret(world,
                              make_external_secret("shop", "es", "db", "", ",'dataFrom':[{}]"));
    ck_assert_int_eq(described("db"), PRESENCE_PRESENT);
}
END_TEST

START_TEST(one_being_deleted_describes_nothing)
{
    const char *deleting = ",'deletionTimestamp':'2026-01-01T00:00:00Z'";
    world_set_synced(world, WORLD_EXTERNAL_SECRETS, true);
    world_put_external_secret(world, make_external_secret("shop", "a", "db", deleting, ""));
    ck_assert_int_eq(described("db"), PRESENCE_ABSENT);
    ck_assert_ptr_null(world_describing(world, SV("shop"), SV("db")));
    world_put_external_secret(world, make_external_secret("shop", "c", "db", "", ""));
    world_put_external_secret(world, make_external_secret("shop", "b", "db", "", ""));
    world_put_external_secret(world, make_external_secret("shop", "d", "db", "", ""));
    world_put_external_secret(world, make_external_secret("shop2", "a", "db", "", ""));
    ck_assert_int_eq(described("db"), PRESENCE_PRESENT);
    struct external_secret *first = world_describing(world, SV("shop"), SV("db"));
    ck_assert(sv_is(first->name, "b"));
    external_secret_release(first);
}
END_TEST

START_TEST(each_table_answers_for_its_kind)
{
    world_put_pod(world, make_pod("shop", "x"));
    world_put_external_secret(world, make_external_secret("shop", "x", "db", "", ""));
    world_put_workload(world, make_workload(KIND_STATEFUL_SET, "shop", "x", "", "", ""));
    struct pod *pod = world_pod(world, SV("shop"), SV("x"));
    ck_assert(sv_is(pod->name, "x"));
    pod_release(pod);
    struct external_secret *record = world_external_secret(world, SV("shop"), SV("x"));
    ck_assert(sv_is(record->target, "db"));
    external_secret_release(record);
    struct workload *workload = world_workload(world, KIND_STATEFUL_SET, SV("shop"), SV("x"));
    ck_assert_int_eq(workload->kind, KIND_STATEFUL_SET);
    workload_release(workload);
    ck_assert_ptr_null(world_workload(world, KIND_DEPLOYMENT, SV("shop"), SV("x")));
    ck_assert_ptr_null(world_workload(world, KIND_JOB, SV("shop"), SV("x")));
    ck_assert_ptr_null(world_secret(world, SV("shop"), SV("x")));
    ck_assert_ptr_null(world_pod(world, SV("shop"), SV("y")));
}
END_TEST

START_TEST(a_name_too_long_for_names_finds_nothing)
{
    char name[600];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ck_assert_ptr_null(world_secret(world, SV("shop"), sv_of(name)));
    ck_assert_ptr_null(world_pod(world, sv_of(name), SV("p")));
    ck_assert(!world_erase(world, WORLD_SECRETS, SV("shop"), sv_of(name)));
    world_put_unreadable_secret(world, SV("shop"), sv_of(name));
    struct secret_ref ref = make_ref(name, NULL);
    const struct secret_ref_list refs = {.items = &ref, .count = 1};
    CLEANUP(facts_done) struct facts facts;
    facts_init(&facts, SV("shop"));
    world_look_up(world, &refs, &facts);
    ck_assert_uint_eq(facts.count, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("look_up");
    TCase *tcase = tcase_create("look_up");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, nothing_is_known_of_a_secret_unless_the_list_is_complete);
    tcase_add_test(tcase, another_namespace_is_another_secret);
    tcase_add_test(tcase, an_unreadable_secret_is_unknown);
    tcase_add_test(tcase, one_secret_is_looked_up_with_its_presence);
    tcase_add_test(tcase, a_secret_that_is_being_listed_is_never_absent);
    tcase_add_test(tcase, looking_up_again_replaces_what_was_known);
    tcase_add_test(tcase, an_external_secret_describes_its_target);
    tcase_add_test(tcase, whether_it_is_described_is_looked_up_again_and_nothing_else);
    tcase_add_test(tcase, one_that_renders_nothing_still_describes);
    tcase_add_test(tcase, one_being_deleted_describes_nothing);
    tcase_add_test(tcase, each_table_answers_for_its_kind);
    tcase_add_test(tcase, a_name_too_long_for_names_finds_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}
