/* SPDX-License-Identifier: Apache-2.0 */
/* Which ExternalSecrets are read ahead together: a slow answer to one delays all of them. */
#include "check_main.h"

#include "quoted_json.h"
#include "webhook/read_ahead.h"
#include "webhook/sweep.h"

static struct world *world;
static struct sweep *sweep;
static char members[256]; /* "namespace/name " of each that was read, the first in front */

static int64_t read_clock(void *context)
{
    (void)context;
    return 100000;
}

static const struct clock stopped = {.wall_ms = read_clock, .monotonic_ms = read_clock};

/* Stands in for webhook/read_ahead.c. */
void read_along(struct clients *clients, const struct external_secret *one, int64_t deadline_ms)
{
    (void)clients;
    (void)one;
    (void)deadline_ms;
}

void read_ahead(struct clients *clients, const struct external_secret *const *all, size_t count,
                int64_t deadline_ms, const struct reader_notice *notice)
{
    (void)notice;
    CLEANUP(buf_done) struct buf text = {0};
    (void)clients;
    (void)deadline_ms;
    buf_init(&text, sizeof members - 1);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&text, "%.*s/%.*s ", SV_ARG(all[i]->namespace), SV_ARG(all[i]->name));
    }
    (void)snprintf(members, sizeof members, "%.*s", SV_ARG(buf_view(&text)));
}

static int64_t turn_ms(void *context, const struct external_secret *external_secret)
{
    (void)context;
    (void)external_secret;
    return 0;
}

static void put_store(const char *namespace, const char *name, const char *aws)
{
    struct json_text json =
        quoted_json("{'metadata':{'namespace':'%s','name':'%s','uid':'u','resourceVersion':'1'},"
                    "'spec':{'provider':{'aws':{%s}}}}",
                    namespace, name, aws);
    struct store *store = NULL;
    struct err err = {0};
    ck_assert_msg(store_decode(json.root, namespace[0] == '\0', &store, &err), "%s", err.message);
    ck_assert_uint_eq(store->unsupported.len, 0);
    world_put_store(world, store);
    json_text_done(&json);
}

static void put(const char *namespace, const char *name, const char *store, bool cluster)
{
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'%s','name':'%s','uid':'u','resourceVersion':'1','generation':1},"
        "'spec':{'secretStoreRef':{'name':'%s','kind':'%s'},'refreshInterval':'1h','data':[{"
        "'secretKey':'k','remoteRef':{'key':'r'}}]}}",
        namespace, name, store, cluster ? "ClusterSecretStore" : "SecretStore");
    struct external_secret *decoded = NULL;
    struct err err = {0};
    ck_assert_msg(external_secret_decode(json.root, &decoded, &err), "%s", err.message);
    (void)world_put_external_secret(world, decoded);
    json_text_done(&json);
}

static void read_first(const char *namespace, const char *name)
{
    struct world_list with_it = {0};
    struct external_secret *first = world_external_secret(world, sv_of(namespace), sv_of(name));
    sweep_read_ahead(sweep, first, NULL, 101000, &with_it);
    world_list_done(&with_it);
    external_secret_release(first);
}

static void setup(void)
{
    members[0] = '\0';
    world = world_new();
    sweep =
        sweep_new(&(struct sweep_options){.clock = &stopped, .world = world, .turn_ms = turn_ms});
}

static void teardown(void)
{
    sweep_free(sweep);
    world_free(world);
}

#define HERE "'service':'SecretsManager','region':'eu-central-1'"

START_TEST(what_one_store_leads_to_goes_together)
{
    put_store("a", "store", HERE ",'role':'arn:aws:iam::1:role/a'");
    put("a", "one", "store", false);
    put("a", "two", "store", false);
    read_first("a", "one");
    ck_assert_str_eq(members, "a/one a/two ");
}
END_TEST

START_TEST(a_store_of_the_cluster_is_one_store)
{
    put_store("", "store", HERE ",'role':'arn:aws:iam::1:role/a'");
    put("a", "one", "store", true);
    put("b", "two", "store", true);
    read_first("a", "one");
    ck_assert_str_eq(members, "a/one b/two ");
}
END_TEST

START_TEST(stores_that_read_as_keyturn_itself_are_one_identity)
{
    put_store("a", "store", HERE);
    put_store("b", "other", HERE);
    put("a", "one", "store", false);
    put("b", "two", "other", false);
    read_first("a", "one");
    ck_assert_str_eq(members, "a/one b/two ");
}
END_TEST

/* Of the second store; the first is HERE. */
static const char *const OTHERS[] = {
    HERE ",'role':'arn:aws:iam::1:role/a'",
    HERE ",'additionalRoles':['arn:aws:iam::1:role/a']",
    HERE ",'auth':{'jwt':{'serviceAccountRef':{'name':'reader'}}}",
    "'service':'SecretsManager','region':'eu-west-1'",
    "'service':'ParameterStore','region':'eu-central-1'",
};

START_TEST(what_shares_no_batch_is_not_waited_for)
{
    put_store("a", "store", HERE);
    put_store("b", "store", OTHERS[_i]);
    put("a", "one", "store", false);
    put("b", "two", "store", false);
    put("b", "three", "store", true);
    put("b", "four", "gone", false);
    read_first("a", "one");
    ck_assert_str_eq(members, "a/one ");
    read_first("b", "two");
    ck_assert_str_eq(members, "b/two ");
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("sweep_stores");
    TCase *tcase = tcase_create("sweep_stores");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_one_store_leads_to_goes_together);
    tcase_add_test(tcase, a_store_of_the_cluster_is_one_store);
    tcase_add_test(tcase, stores_that_read_as_keyturn_itself_are_one_identity);
    tcase_add_loop_test(tcase, what_shares_no_batch_is_not_waited_for, 0, (int)ARRAY_LEN(OTHERS));
    suite_add_tcase(suite, tcase);
    return suite;
}
