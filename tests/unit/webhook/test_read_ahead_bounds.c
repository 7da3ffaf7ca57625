/* SPDX-License-Identifier: Apache-2.0 */
/* How much is read for others with one ExternalSecret, and how old it may be. */
#include "check_main.h"

#include "quoted_json.h"
#include "webhook/aws_reading.h"
#include "webhook/read_ahead.h"

enum {
    OBJECTS_MAX = 16,
    NOW_MS = 100000,
};

static struct world *world;
static struct clients_options options;
static struct clients clients;
static const struct external_secret *all[OBJECTS_MAX];
static size_t count;
static size_t asked;     /* values, in all */
static int64_t since_ms; /* as they were asked for last */

static int64_t standing_still(void *context)
{
    (void)context;
    return NOW_MS;
}

static const struct clock still = {.wall_ms = standing_still, .monotonic_ms = standing_still};

static void destroy(struct credentials_provider *provider)
{
    free(provider);
}

/* These stand in for webhook/aws_reading.c: one identity for everybody. */
bool aws_reading_identity(struct clients *with, const struct store *store,
                          struct str_view namespace, int64_t deadline_ms,
                          struct store_identity *ret, struct err *err)
{
    (void)with;
    (void)store;
    (void)namespace;
    (void)deadline_ms;
    (void)err;
    ret->provider = mem_alloc(sizeof *ret->provider);
    *ret->provider = (struct credentials_provider){.name = "none", .destroy = destroy};
    atomic_init(&ret->provider->references, 1);
    return true;
}

char *aws_reading_key(const struct store *store, struct str_view key)
{
    (void)store;
    return sv_dup(key);
}

bool aws_reading_read(struct clients *with, const struct remote_request *request,
                      const struct store_identity *identity, struct reader_item *items,
                      size_t item_count, const struct reader_notice *notice, struct err *err)
{
    (void)with;
    since_ms = request->since_ms;
    (void)identity;
    (void)notice;
    (void)items;
    (void)err;
    asked += item_count;
    return true;
}

void aws_reading_join(struct clients *with, const struct remote_request *request,
                      const struct store_identity *identity, const struct reader_item *items,
                      size_t item_count)
{
    (void)with;
    (void)request;
    (void)identity;
    (void)items;
    (void)item_count;
}

static void put_every(const char *interval, size_t keys)
{
    CLEANUP(buf_done) struct buf data = {0};
    char name[16];
    struct external_secret *decoded = NULL;
    struct err err = {0};
    (void)snprintf(name, sizeof name, "es-%zu", count);
    buf_init(&data, 1024 * 1024);
    for (size_t i = 0; i < keys; i++) {
        buf_printf(&data, "%s{'secretKey':'k%zu','remoteRef':{'key':'%s-%zu'}}", i ? "," : "", i,
                   name, i);
    }
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'n','name':'%s','uid':'u','resourceVersion':'1','generation':1},"
        "'spec':{'secretStoreRef':{'name':'store'},'refreshInterval':'%s','data':[%s]}}",
        name, interval, data.data);
    ck_assert_msg(external_secret_decode(json.root, &decoded, &err), "%s", err.message);
    json_text_done(&json);
    all[count++] = decoded;
}

static void put(size_t keys)
{
    put_every("1h", keys);
}

static void setup(void)
{
    struct store *store = NULL;
    struct err err = {0};
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'n','name':'store','uid':'u','resourceVersion':'1'},'spec':"
        "{'provider':{'aws':{'service':'ParameterStore','region':'eu-central-1'}}}}");
    ck_assert_msg(store_decode(json.root, false, &store, &err), "%s", err.message);
    json_text_done(&json);
    world = world_new();
    world_put_store(world, store);
    options = (struct clients_options){.world = world, .clock = &still};
    clients = (struct clients){.options = &options};
    count = 0;
    asked = 0;
}

static void teardown(void)
{
    for (size_t i = 0; i < count; i++) {
        external_secret_release((struct external_secret *)all[i]);
    }
    world_free(world);
}

START_TEST(what_goes_along_is_no_more_than_one_burst)
{
    put(3);
    put(150);
    put(100);
    put(40);
    read_ahead(&clients, all, count, 1000, NULL);
    ck_assert_uint_eq(asked, 3 + 150 + 40);
}
END_TEST

START_TEST(who_fills_batches_alone_is_left_to_himself)
{
    put(500);
    put(3);
    put(4);
    read_ahead(&clients, all, count, 1000, NULL);
    ck_assert_uint_eq(asked, 3 + 4);
}
END_TEST

START_TEST(what_is_read_for_all_is_as_young_as_the_shortest_interval_takes)
{
    put(1);
    put(1);
    read_ahead(&clients, all, count, 1000, NULL);
    ck_assert_int_eq(since_ms, NOW_MS - 60000);
    put_every("10s", 1);
    read_ahead(&clients, all, count, 1000, NULL);
    ck_assert_int_eq(since_ms, NOW_MS - 1000);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("read_ahead_bounds");
    TCase *tcase = tcase_create("read_ahead_bounds");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_goes_along_is_no_more_than_one_burst);
    tcase_add_test(tcase, who_fills_batches_alone_is_left_to_himself);
    tcase_add_test(tcase, what_is_read_for_all_is_as_young_as_the_shortest_interval_takes);
    suite_add_tcase(suite, tcase);
    return suite;
}
