/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include "neighbours.h"
#include "webhook/departure.h"

#define OBJECT "externalsecrets/db"

static struct kube_config *config;
static struct clients_options client_options;
static struct clients *clients;
static struct external_secret one;
static bool deleted;
static unsigned orphans;
static struct err err;

static void setup(void)
{
    api_begin();
    config = api_config();
    client_options = (struct clients_options){.config = config, .clock = clock_system()};
    clients = clients_start(&client_options);
    one = (struct external_secret){.namespace = SV("n"),
                                   .name = SV("db"),
                                   .uid = SV("es"),
                                   .target = SV("t"),
                                   .deletion_policy = DELETION_DELETE};
    deleted = false;
    err = (struct err){0};
}

static void teardown(void)
{
    clients_stop(clients);
    kube_config_free(config);
    api_end();
}

static int64_t deadline(void)
{
    return clock_monotonic_ms(clock_system()) + 5000;
}

/* As it is by now, whatever `one` says. */
static void script(const char *finalizers, const char *deletion_policy, const char *owner_uid)
{
    CLEANUP(buf_done) struct buf object;
    CLEANUP(buf_done) struct buf list;
    buf_init(&object, 4096);
    buf_init(&list, 4096);
    buf_printf(
        &object,
        "{'metadata':{'namespace':'n','name':'db','uid':'es','resourceVersion':'5','generation':3,"
        "'deletionTimestamp':'2026-01-01T00:00:00Z','finalizers':[%s]},'spec':{'secretStoreRef':{"
        "'name':'store'},'target':{'name':'t','deletionPolicy':'%s'},'data':[{'secretKey':'k',"
        "'remoteRef':{'key':'r'}}]}}",
        finalizers, deletion_policy);
    buf_printf(&list,
               "{'metadata':{'resourceVersion':'9'},'items':[{'metadata':{'namespace':'n','name':"
               "'t','uid':'s','ownerReferences':[{'apiVersion':'external-secrets.io/v1','kind':"
               "'ExternalSecret','name':'db','uid':'%s','controller':true}]}}]}",
               owner_uid);
    api_set("GET", OBJECT, 200, "%s", object.data);
    api_set("GET", "/secrets?", 200, "%s", list.data);
    api_set("DELETE", "/secrets/t", 200, "{}");
    api_set("PATCH", OBJECT, 200, "{}");
}

START_TEST(the_secret_goes_first_and_then_one_finalizer)
{
    script("'a/b','" EXTERNAL_SECRET_FINALIZER "'", "Delete", "es");
    ck_assert_msg(departure_finish(&clients->kube, &one, deadline(), &deleted, &err), "%s",
                  err.message);
    ck_assert(deleted);
    ck_assert_uint_eq(api_count("DELETE", "/secrets/t"), 1);
    ck_assert_uint_eq(api_count("PATCH", OBJECT), 1);
    pthread_mutex_lock(&api.mutex);
    ck_assert_str_eq(api_find("PATCH", OBJECT)->asked,
                     "{\"metadata\":{\"resourceVersion\":\"5\",\"finalizers\":[\"a/b\"]}}");
    pthread_mutex_unlock(&api.mutex);
}
END_TEST

START_TEST(a_secret_of_a_predecessor_stays)
{
    script("'" EXTERNAL_SECRET_FINALIZER "'", "Delete", "another");
    ck_assert(departure_finish(&clients->kube, &one, deadline(), &deleted, &err));
    ck_assert(!deleted);
    ck_assert_uint_eq(api_count("DELETE", "/secrets/t"), 0);
    ck_assert_uint_eq(api_count("PATCH", OBJECT), 1);
}
END_TEST

START_TEST(what_it_says_by_now_decides_whether_the_secret_goes)
{
    script("'" EXTERNAL_SECRET_FINALIZER "'", "Retain", "es");
    ck_assert(departure_finish(&clients->kube, &one, deadline(), &deleted, &err));
    ck_assert(!deleted);
    ck_assert_uint_eq(api_count("GET", "/secrets?"), 0);
    ck_assert_uint_eq(api_count("PATCH", OBJECT), 1);
    one.deletion_policy = DELETION_RETAIN;
    one.target = SV("old");
    script("'" EXTERNAL_SECRET_FINALIZER "'", "Delete", "es");
    ck_assert(departure_finish(&clients->kube, &one, deadline(), &deleted, &err));
    ck_assert(deleted);
    ck_assert_uint_eq(api_count("DELETE", "/secrets/t"), 1);
}
END_TEST

static void change_policy(struct api_route *route)
{
    if (strcmp(route->method, "PATCH") == 0 && route->count == 1) {
        script("'" EXTERNAL_SECRET_FINALIZER "'", "Delete", "es");
        api_set("PATCH", OBJECT, 409, "{'kind':'Status','reason':'Conflict','message':'no'}");
    } else if (strcmp(route->method, "PATCH") == 0) {
        api_set("PATCH", OBJECT, 200, "{}");
    }
}

START_TEST(what_changes_before_the_finalizer_is_off_is_heeded)
{
    script("'" EXTERNAL_SECRET_FINALIZER "'", "Retain", "es");
    one.deletion_policy = DELETION_RETAIN;
    api.asked = change_policy;
    ck_assert_msg(departure_finish(&clients->kube, &one, deadline(), &deleted, &err), "%s",
                  err.message);
    ck_assert(deleted);
    ck_assert_uint_eq(api_count("PATCH", OBJECT), 2);
}
END_TEST

/* Somebody has taken it off: what becomes of the Secret was not left to us. */
START_TEST(where_it_is_off_already_nothing_is_written_or_deleted)
{
    script("'a/b'", "Delete", "es");
    ck_assert(departure_finish(&clients->kube, &one, deadline(), &deleted, &err));
    ck_assert(!deleted);
    ck_assert_uint_eq(api_count("GET", "/secrets?"), 0);
    ck_assert_uint_eq(api_count("PATCH", OBJECT), 0);
}
END_TEST

START_TEST(one_that_is_another_by_now_is_left_alone)
{
    script("'" EXTERNAL_SECRET_FINALIZER "'", "Delete", "es");
    one.uid = SV("predecessor");
    ck_assert(departure_finish(&clients->kube, &one, deadline(), &deleted, &err));
    ck_assert(!deleted);
    ck_assert_uint_eq(api_count("PATCH", OBJECT), 0);
}
END_TEST

START_TEST(what_is_the_target_is_no_orphan)
{
    script("", "Delete", "es");
    ck_assert(departure_delete_orphans(&clients->kube, &one, deadline(), &orphans, &err));
    ck_assert_uint_eq(orphans, 0);
    one.target = SV("new");
    one.generation = 2;
    ck_assert(departure_delete_orphans(&clients->kube, &one, deadline(), &orphans, &err));
    ck_assert_uint_eq(orphans, 0);
    ck_assert_uint_eq(api_count("DELETE", "/secrets/t"), 0);
    one.generation = 3;
    ck_assert(departure_delete_orphans(&clients->kube, &one, deadline(), &orphans, &err));
    ck_assert_uint_eq(orphans, 1);
    ck_assert_uint_eq(api_count("DELETE", "/secrets/t"), 1);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("departure");
    TCase *tcase = tcase_create("departure");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_secret_goes_first_and_then_one_finalizer);
    tcase_add_test(tcase, a_secret_of_a_predecessor_stays);
    tcase_add_test(tcase, what_it_says_by_now_decides_whether_the_secret_goes);
    tcase_add_test(tcase, what_changes_before_the_finalizer_is_off_is_heeded);
    tcase_add_test(tcase, where_it_is_off_already_nothing_is_written_or_deleted);
    tcase_add_test(tcase, one_that_is_another_by_now_is_left_alone);
    tcase_add_test(tcase, what_is_the_target_is_no_orphan);
    suite_add_tcase(suite, tcase);
    return suite;
}
