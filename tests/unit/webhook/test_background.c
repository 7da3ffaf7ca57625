/* SPDX-License-Identifier: Apache-2.0 */
/* What has changed while it was queued. */
#include "check_main.h"

#include "applier_scene.h"

#define OBJECT "externalsecrets/b"
#define CLEANUP_FINALIZER "'finalizers':['" EXTERNAL_SECRET_FINALIZER "']"

/* "b", whose metadata has these members besides, and its target. */
static void put_b(const char *metadata, const char *target)
{
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'n','name':'b','resourceVersion':'1',%s},'spec':{"
        "'secretStoreRef':{'name':'store'},'refreshInterval':'1h','target':{'name':'%s'},"
        "'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]}}",
        metadata, target);
    put_decoded(&json);
}

static void tell_b(void)
{
    applier_external_secret_changed(applier, SV("n"), SV("b"));
}

static void setup(void)
{
    scene_begin(&(struct scene_options){.max_queued = 64});
    api_hold("POST", "/secrets", true);
    carry_out("a");
    api_await("POST", "/secrets", 1);
    put_b("'uid':'u-1','generation':1", "first");
    tell_b();
    await_looks();
}

/* When "a" and "z", which is queued behind everything, have their statuses, nothing is left. */
static void let_go(unsigned statuses)
{
    carry_out("z");
    await_looks();
    api_hold("POST", "/secrets", false);
    api_await("PATCH", "/status?", statuses);
}

static unsigned posts_of_first;
static unsigned posts_of_second;
static unsigned posts_of_successor;

static void count_posts(struct api_route *route)
{
    if (strcmp(route->method, "POST") == 0) {
        posts_of_first += strstr(route->asked, "\"name\":\"first\"") != NULL;
        posts_of_second += strstr(route->asked, "\"name\":\"second\"") != NULL;
        posts_of_successor += strstr(route->asked, "\"uid\":\"u-2\"") != NULL;
    }
}

static void watch_posts(void)
{
    pthread_mutex_lock(&api.mutex);
    api.asked = count_posts;
    pthread_mutex_unlock(&api.mutex);
}

START_TEST(what_is_gone_when_its_turn_comes_is_not_made)
{
    watch_posts();
    world_erase(world, WORLD_EXTERNAL_SECRETS, SV("n"), SV("b"));
    tell_b();
    let_go(2);
    ck_assert_uint_eq(posts_of_first, 0);
    ck_assert_uint_eq(atomic_load(&seen.reads), 2);
}
END_TEST

START_TEST(what_has_another_spec_when_its_turn_comes_is_made_of_that)
{
    watch_posts();
    put_b("'uid':'u-1','generation':2", "second");
    tell_b();
    let_go(3);
    ck_assert_uint_eq(posts_of_first, 0);
    ck_assert_uint_eq(posts_of_second, 1);
}
END_TEST

/* Deleted and made again between two tellings, or told of both. */
START_TEST(of_what_was_made_anew_the_successor_is_carried_out_once)
{
    watch_posts();
    if (_i == 1) {
        world_erase(world, WORLD_EXTERNAL_SECRETS, SV("n"), SV("b"));
        tell_b();
    }
    put_b("'uid':'u-2','generation':1", "first");
    tell_b();
    let_go(3);
    ck_assert_uint_eq(posts_of_first, 1);
    ck_assert_uint_eq(posts_of_successor, 1);
    ck_assert_uint_eq(atomic_load(&seen.reads), 3);
}
END_TEST

static void put_deleting(const char *finalizers)
{
    CLEANUP(buf_done) struct buf metadata;
    buf_init(&metadata, 1024);
    buf_printf(&metadata,
               "'uid':'u-1','generation':2,'deletionTimestamp':'2026-01-01T00:00:00Z',%s",
               finalizers);
    put_b(metadata.data, "first");
    pthread_mutex_lock(&api.mutex);
    api_set("GET", OBJECT, 200,
            "{'metadata':{'namespace':'n','name':'b',%s},'spec':{'secretStoreRef':{'name':'store'},"
            "'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]}}",
            metadata.data);
    api_set("PATCH", OBJECT "?", 200, "{}");
    pthread_mutex_unlock(&api.mutex);
}

START_TEST(what_is_being_deleted_when_its_turn_comes_departs)
{
    watch_posts();
    put_deleting(CLEANUP_FINALIZER);
    let_go(2);
    ck_assert_uint_eq(posts_of_first, 0);
    ck_assert_uint_eq(api_count("PATCH", OBJECT "?"), 1);
}
END_TEST

START_TEST(what_another_finalizer_keeps_is_left_alone)
{
    watch_posts();
    put_deleting("'finalizers':['a/b']");
    let_go(2);
    ck_assert_uint_eq(posts_of_first, 0);
    ck_assert_uint_eq(api_count("PATCH", OBJECT "?"), 0);
}
END_TEST

START_TEST(what_is_anothers_when_its_turn_comes_is_left_alone)
{
    put_store_of("other");
    api_hold("POST", "/secrets", false);
    api_await("PATCH", "/status?", 1);
    applier_stop(applier);
    workers_free(workers);
    workers = NULL;
    ck_assert_uint_eq(api_count("PATCH", "/status?"), 1);
}
END_TEST

/* As the watch tells of it. */
static void put_secret(const char *name)
{
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'n','name':'%s','uid':'u','resourceVersion':'2'}}", name);
    struct secret *secret = NULL;
    struct err err = {0};
    ck_assert_msg(secret_decode(json.root, &keys.digest, &secret, &err), "%s", err.message);
    (void)world_put_secret(world, secret);
    json_text_done(&json);
    applier_secret_changed(applier, SV("n"), sv_of(name));
}

static void setup_still(void)
{
    scene_begin(&(struct scene_options){.still = true, .max_queued = 64});
}

/* There is one worker: when another has its status, what was begun before has ended. */
static void await_others(unsigned count)
{
    char name[16];
    (void)snprintf(name, sizeof name, "z%u", count);
    carry_out(name);
    api_await("PATCH", "/status?", count);
}

START_TEST(a_departure_that_fails_is_tried_again_later_each_time_and_once_done_no_more)
{
    put_deleting(CLEANUP_FINALIZER);
    pthread_mutex_lock(&api.mutex);
    api_set("PATCH", OBJECT "?", 500, "{}");
    pthread_mutex_unlock(&api.mutex);
    tell_b();
    api_await("PATCH", OBJECT "?", 1);
    await_others(1);
    scene_skip(1000);
    api_await("PATCH", OBJECT "?", 2);
    await_others(2);
    /* Told of once more for no reason it waits all the same. */
    scene_skip(1999);
    tell_b();
    await_others(3);
    ck_assert_uint_eq(api_count("PATCH", OBJECT "?"), 2);
    pthread_mutex_lock(&api.mutex);
    api_set("PATCH", OBJECT "?", 200, "{}");
    pthread_mutex_unlock(&api.mutex);
    scene_skip(1);
    api_await("PATCH", OBJECT "?", 3);
    await_others(4);
    scene_skip(600000);
    tell_b();
    await_others(5);
    ck_assert_uint_eq(api_count("PATCH", OBJECT "?"), 3);
}
END_TEST

static unsigned posts_of_target;

static void count_target(struct api_route *route)
{
    posts_of_target += strcmp(route->method, "POST") == 0 && strstr(route->asked, "\"name\":\"t\"");
}

static void await_target(unsigned count)
{
    int64_t deadline = clock_monotonic_ms(clock_system()) + API_PATIENCE_MS;
    pthread_mutex_lock(&api.mutex);
    while (posts_of_target < count && clock_monotonic_ms(clock_system()) < deadline) {
        cond_wait_until(&api.changed, &api.mutex, deadline);
    }
    ck_assert_uint_eq(posts_of_target, count);
    pthread_mutex_unlock(&api.mutex);
}

/* After its write and before its status: what is told of meanwhile is nobody's turn yet. */
START_TEST(a_target_that_is_deleted_while_it_is_carried_out_comes_back)
{
    pthread_mutex_lock(&api.mutex);
    api.asked = count_target;
    pthread_mutex_unlock(&api.mutex);
    api_hold("PATCH", "/status?", true);
    put_b("'uid':'u-1','generation':1", "t");
    tell_b();
    api_await("PATCH", "/status?", 1);
    put_secret("t");
    world_erase(world, WORLD_SECRETS, SV("n"), SV("t"));
    applier_secret_changed(applier, SV("n"), SV("t"));
    api_hold("PATCH", "/status?", false);
    await_others(2);
    scene_skip(9998);
    await_looks();
    await_others(3);
    pthread_mutex_lock(&api.mutex);
    ck_assert_uint_eq(posts_of_target, 1);
    pthread_mutex_unlock(&api.mutex);
    scene_skip(1);
    await_target(2);
}
END_TEST

/* An admission webhook takes the label off that the operator's have. */
START_TEST(a_target_that_is_not_what_was_written_is_not_written_for_ever)
{
    pthread_mutex_lock(&api.mutex);
    api.asked = count_target;
    pthread_mutex_unlock(&api.mutex);
    put_b("'uid':'u-1','generation':1", "t");
    tell_b();
    api_await("PATCH", "/status?", 1);
    put_secret("t");
    await_others(2);
    put_secret("t");
    await_others(3);
    pthread_mutex_lock(&api.mutex);
    ck_assert_uint_eq(posts_of_target, 1);
    pthread_mutex_unlock(&api.mutex);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("background");
    TCase *tcase = tcase_create("background");
    tcase_add_checked_fixture(tcase, setup, scene_end);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, what_is_gone_when_its_turn_comes_is_not_made);
    tcase_add_test(tcase, what_has_another_spec_when_its_turn_comes_is_made_of_that);
    tcase_add_loop_test(tcase, of_what_was_made_anew_the_successor_is_carried_out_once, 0, 2);
    tcase_add_test(tcase, what_is_being_deleted_when_its_turn_comes_departs);
    tcase_add_test(tcase, what_another_finalizer_keeps_is_left_alone);
    tcase_add_test(tcase, what_is_anothers_when_its_turn_comes_is_left_alone);
    suite_add_tcase(suite, tcase);
    TCase *still = tcase_create("still");
    tcase_add_checked_fixture(still, setup_still, scene_end);
    tcase_set_timeout(still, 60);
    tcase_add_test(still,
                   a_departure_that_fails_is_tried_again_later_each_time_and_once_done_no_more);
    tcase_add_test(still, a_target_that_is_deleted_while_it_is_carried_out_comes_back);
    tcase_add_test(still, a_target_that_is_not_what_was_written_is_not_written_for_ever);
    suite_add_tcase(suite, still);
    return suite;
}
