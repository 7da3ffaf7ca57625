/* SPDX-License-Identifier: Apache-2.0 */
/* What a store that does not answer costs others, what requests and refreshes share, what wakes
 * those that share a target, and when what has failed is tried again. */
#include "check_main.h"

#include "applier_scene.h"
#include "base/timestamp.h"

static void setup(void)
{
    scene_begin(&(struct scene_options){.max_queued = 64});
}

/* Half a minute is what the whole of it may take. */
START_TEST(reading_ahead_leaves_time_for_what_it_is_for)
{
    carry_out("a");
    await(&seen.reads, 1);
    ck_assert_uint_eq(atomic_load(&seen.ahead), 1);
    ck_assert_int_gt(atomic_load(&seen.ahead_ms), 1000);
    ck_assert_int_le(atomic_load(&seen.ahead_ms), 10000);
}
END_TEST

START_TEST(a_silent_store_is_not_read_ahead)
{
    atomic_store(&seen.failure, ERR_TIMEOUT);
    carry_out("a");
    await(&seen.reads, 1);
    carry_out("b");
    api_await("PATCH", "/status?", 2);
    carry_out("c");
    api_await("PATCH", "/status?", 3);
    ck_assert_uint_eq(atomic_load(&seen.ahead), 1);
    ck_assert_uint_eq(atomic_load(&seen.reads), 1);
}
END_TEST

/* What is told of while a list is still under way is carried out with all the others. */
START_TEST(nothing_begins_alone_while_the_lists_are_under_way)
{
    world_set_synced(world, WORLD_CLUSTER_STORES, false);
    carry_out("a");
    applier_store_changed(applier, false, SV("n"), SV("store"));
    /* A message from AWS does not wait; there is one worker, and it takes what came first. */
    put_external_secret("b", "b", "Owner");
    ck_assert(applier_remote_changed(applier, SV("n"), SV("b")));
    api_await("PATCH", "/status?", 1);
    ck_assert_uint_eq(atomic_load(&seen.reads), 1);
    world_set_synced(world, WORLD_CLUSTER_STORES, true);
    applier_look_at_all(applier);
    await(&seen.reads, 2);
    ck_assert_uint_eq(atomic_load(&seen.ahead), 1);
}
END_TEST

/* The first look is the flight's own, the second that of its run, which stays. */
static void hold_from_the_second(struct api_route *route)
{
    route->held |= strcmp(route->method, "GET") == 0 && route->count == 2;
}

static void ignore(void *argument)
{
    (void)argument;
}

/* A request that waits for the Secret "a". */
static struct {
    struct facts facts;
    struct flight_waiter waiter;
    struct workers *pilots;
    struct flights *flights;
} request;

static void send_request(void (*resume)(void *argument))
{
    static const struct str_view names[] = {{"a", 1}};
    struct secret_ref refs[] = {{.secret = SV("a")}};
    request.waiter = (struct flight_waiter){.facts = &request.facts, .resume = resume};
    request.pilots = workers_new(&(struct workers_options){.name = "flight",
                                                           .max_threads = 1,
                                                           .max_queued = 4,
                                                           .thread_start = clients_start,
                                                           .thread_stop = clients_stop,
                                                           .context = &client_options});
    request.flights = flights_new(&(struct flights_options){.clock = clock_system(),
                                                            .workers = request.pilots,
                                                            .max_waiters = 1,
                                                            .fly = applier_fly,
                                                            .context = applier});
    facts_init(&request.facts, SV("n"));
    facts_add_names(&request.facts, &(struct secret_ref_list){.items = refs, .count = 1});
    ck_assert(flights_join(request.flights, &request.waiter, names, 1, true,
                           clock_monotonic_ms(clock_system()) + API_PATIENCE_MS));
}

static void end_request(void)
{
    workers_free(request.pilots);
    flights_free(request.flights);
    free(request.waiter.cause);
    facts_done(&request.facts);
}

/* A request hears that there is no Secret to merge into; a refresh has to ask the store, too. */
START_TEST(what_a_request_is_told_at_once_is_no_result_of_a_refresh)
{
    pthread_mutex_lock(&api.mutex);
    api.asked = hold_from_the_second;
    pthread_mutex_unlock(&api.mutex);
    put_external_secret("a", "a", "Merge");
    send_request(ignore);
    api_await("GET", "/secrets/", 2);
    applier_external_secret_changed(applier, SV("n"), SV("a"));
    api_await("GET", "/secrets/", 3);
    api_hold("GET", "/secrets/", false);
    await(&seen.reads, 1);
    end_request();
}
END_TEST

static atomic_uint resumed;

static void count_resumed(void *argument)
{
    (void)argument;
    atomic_fetch_add(&resumed, 1);
}

static void make_it_otherwise(void)
{
    pthread_mutex_lock(&api.mutex);
    api_set("GET", "/secrets/", 200,
            "{'metadata':{'namespace':'n','name':'a','uid':'u','resourceVersion':'7'}}");
    pthread_mutex_unlock(&api.mutex);
}

START_TEST(what_another_has_made_while_making_it_failed_is_there)
{
    atomic_store(&seen.failure, ERR_INVALID);
    atomic_store(&seen.meanwhile, make_it_otherwise);
    put_external_secret("a", "a", "Owner");
    send_request(count_resumed);
    await(&resumed, 1);
    const struct fact *fact = facts_find(&request.facts, SV("a"));
    ck_assert_int_eq(fact->presence, PRESENCE_PRESENT);
    ck_assert(sv_is(fact->secret->resource_version, "7"));
    ck_assert_uint_eq(api_count("GET", "/secrets/"), 2);
    end_request();
}
END_TEST

START_TEST(what_is_queued_when_the_process_stops_is_not_begun)
{
    api_hold("POST", "/secrets", true);
    put_external_secret("a", "a", "Owner");
    put_external_secret("b", "b", "Owner");
    put_external_secret("c", "c", "Owner");
    applier_look_at_all(applier);
    api_await("POST", "/secrets", 1);
    /* All three have been looked at: one is on its way, two are queued. */
    await(&lease_asked, 1 + 3 + 1 + 1);
    applier_stop(applier);
    api_hold("POST", "/secrets", false);
    workers_free(workers);
    workers = NULL;
    /* Nobody gives work to workers that are gone. */
    applier_look_at_all(applier);
    ck_assert_uint_eq(api_count("POST", "/secrets"), 1);
}
END_TEST

/* A cancelled call looks like an API server that is gone. */
START_TEST(what_fails_while_the_process_stops_is_told_nobody)
{
    api_hold("POST", "/secrets", true);
    carry_out("a");
    api_await("POST", "/secrets", 1);
    applier_stop(applier);
    pthread_mutex_lock(&api.mutex);
    api_set("POST", "/secrets", 0, "%s", "");
    pthread_mutex_unlock(&api.mutex);
    api_hold("POST", "/secrets", false);
    workers_free(workers);
    workers = NULL;
    ck_assert_uint_eq(atomic_load(&events_posted), 0);
    ck_assert_uint_eq(api_count("PATCH", "/status?"), 0);
}
END_TEST

static void give_the_store_away(void)
{
    put_store_of("somebody-else");
}

static void count_one(void *argument, void *thread_context)
{
    (void)thread_context;
    atomic_fetch_add((atomic_uint *)argument, 1);
}

/* There is one worker. */
static void await_worker(void)
{
    static atomic_uint count;
    unsigned before = atomic_load(&count);
    ck_assert(workers_submit(workers, count_one, &count));
    await(&count, before + 1);
}

START_TEST(what_fails_once_its_store_is_another_controllers_is_told_nobody)
{
    atomic_store(&seen.failure, ERR_INVALID);
    atomic_store(&seen.meanwhile, give_the_store_away);
    carry_out("a");
    await(&seen.reads, 1);
    await_worker();
    atomic_store(&seen.failure, ERR_NONE);
    atomic_store(&seen.meanwhile, NULL);
    put_store_of("");
    applier_store_changed(applier, false, SV("n"), SV("store"));
    api_await("PATCH", "/status?", 1);
    ck_assert_uint_eq(atomic_load(&seen.reads), 2);
    /* That it was made. */
    ck_assert_uint_eq(atomic_load(&events_posted), 1);
}
END_TEST

/* It was carried out just now, by its status. */
static void put_carried_out(const char *name)
{
    char refreshed[TIMESTAMP_BYTES];
    put_external_secret(name, name, "Owner");
    struct external_secret *bare = world_external_secret(world, SV("n"), sv_of(name));
    timestamp_format(clock_wall_ms(scene_clock), refreshed);
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'n','name':'%s','uid':'u-%s','resourceVersion':'2',"
        "'generation':1},'spec':{'secretStoreRef':{'name':'store'},'refreshInterval':'1h',"
        "'target':{'name':'%s','creationPolicy':'Owner'},"
        "'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]},"
        "'status':{'refreshTime':'%s','syncedResourceVersion':'%s'}}",
        name, name, name, refreshed, bare->version);
    put_decoded(&json);
    external_secret_release(bare);
}

static void lose_the_lease(void)
{
    atomic_store(&lease_is_held, false);
}

START_TEST(what_another_replica_leads_by_now_is_not_written_and_told_nobody)
{
    atomic_store(&seen.meanwhile, lose_the_lease);
    carry_out("a");
    await(&seen.reads, 1);
    await_worker();
    ck_assert_uint_eq(api_count("POST", "/secrets"), 0);
    ck_assert_uint_eq(atomic_load(&events_posted), 0);
    ck_assert_uint_eq(api_count("PATCH", "/status?"), 0);
    atomic_store(&seen.meanwhile, NULL);
    atomic_store(&lease_is_held, true);
    applier_look_at_all(applier);
    api_await("PATCH", "/status?", 1);
    ck_assert_uint_eq(api_count("POST", "/secrets"), 1);
}
END_TEST

/* It is not its turn otherwise: it was carried out just now. */
START_TEST(what_is_hurried_when_the_lease_is_lost_is_carried_out_by_who_leads_anew)
{
    pthread_mutex_lock(&api.mutex);
    api_set("GET", "/externalsecrets/", 404, "{}");
    pthread_mutex_unlock(&api.mutex);
    put_carried_out("a");
    world_put_unreadable_secret(world, SV("n"), SV("a"));
    atomic_store(&seen.meanwhile, lose_the_lease);
    ck_assert(applier_remote_changed(applier, SV("n"), SV("a")));
    await(&seen.reads, 1);
    await_worker();
    atomic_store(&seen.meanwhile, NULL);
    atomic_store(&lease_is_held, true);
    applier_begin_leading(applier);
    applier_look_at_all(applier);
    await(&seen.reads, 2);
}
END_TEST

/* The watch has told that there is none. */
START_TEST(a_new_secret_is_made_without_a_look)
{
    carry_out("a");
    api_await("POST", "/secrets", 1);
    ck_assert_uint_eq(api_count("GET", "/secrets/"), 0);
    /* While it does not keep up, it has told nothing. */
    world_set_synced(world, WORLD_SECRETS, false);
    put_external_secret("b", "b", "Owner");
    ck_assert(applier_remote_changed(applier, SV("n"), SV("b")));
    api_await("POST", "/secrets", 2);
    ck_assert_uint_eq(api_count("GET", "/secrets/"), 1);
}
END_TEST

static atomic_uint b_written;

static void note_b(struct api_route *route)
{
    if (strcmp(route->method, "POST") == 0 && strstr(route->asked, "\"name\":\"b\"")) {
        atomic_fetch_add(&b_written, 1);
    }
}

START_TEST(a_target_of_which_nothing_is_known_is_not_taken_for_missing)
{
    pthread_mutex_lock(&api.mutex);
    api.asked = note_b;
    pthread_mutex_unlock(&api.mutex);
    put_carried_out("a");
    world_put_unreadable_secret(world, SV("n"), SV("a"));
    applier_external_secret_changed(applier, SV("n"), SV("a"));
    /* Looks follow one another, and there is one worker. */
    carry_out("b");
    await(&b_written, 1);
    ck_assert_uint_eq(atomic_load(&seen.reads), 1);
}
END_TEST

/* Another ExternalSecret's, live and as the watch tells of it. */
static void put_foreign_secret(const char *name)
{
    static const char text[] =
        "{'metadata':{'namespace':'n','name':'%s','uid':'u','resourceVersion':'2',"
        "'ownerReferences':[{'apiVersion':'external-secrets.io/v1','kind':'ExternalSecret',"
        "'name':'other','uid':'u-other','controller':true}]}}";
    struct json_text json = quoted_json(text, name);
    struct secret *secret = NULL;
    struct err err = {0};
    ck_assert_msg(secret_decode(json.root, &keys.digest, &secret, &err), "%s", err.message);
    (void)world_put_secret(world, secret);
    json_text_done(&json);
    pthread_mutex_lock(&api.mutex);
    api_set("GET", "/secrets/", 200, text, name);
    pthread_mutex_unlock(&api.mutex);
}

/* What failed for good because of its Secret is tried again when that changes, and not before. */
START_TEST(all_that_share_a_target_hear_of_its_change)
{
    put_foreign_secret("t");
    carry_out_into("a", "t");
    carry_out_into("b", "t");
    api_await("PATCH", "/status?", 2);
    /* There is one worker: when this one is done, it is known of both that they failed. */
    carry_out("c");
    api_await("PATCH", "/status?", 3);
    applier_secret_changed(applier, SV("n"), SV("t"));
    api_await("PATCH", "/status?", 5);
}
END_TEST

/* Between its look at the target and when it is known that it failed for good. */
START_TEST(a_target_that_changes_while_it_is_carried_out_is_looked_at_again)
{
    put_foreign_secret("a");
    api_hold("PATCH", "/status?", true);
    carry_out("a");
    api_await("PATCH", "/status?", 1);
    pthread_mutex_lock(&api.mutex);
    api_set("GET", "/secrets/", 404, "{}");
    pthread_mutex_unlock(&api.mutex);
    applier_secret_changed(applier, SV("n"), SV("a"));
    api_hold("PATCH", "/status?", false);
    api_await("POST", "/secrets", 1);
}
END_TEST

/* Whose it is is found out anew: another may have led when it changed. */
START_TEST(what_failed_for_good_is_tried_again_by_who_leads_anew)
{
    put_foreign_secret("a");
    carry_out("a");
    api_await("PATCH", "/status?", 1);
    pthread_mutex_lock(&api.mutex);
    api_set("GET", "/secrets/", 404, "{}");
    pthread_mutex_unlock(&api.mutex);
    /* There is one worker: when it is at this, what came of the first has been noted. */
    carry_out("b");
    api_await("POST", "/secrets", 1);
    applier_look_at_all(applier);
    carry_out("c");
    api_await("POST", "/secrets", 2);
    api_await("PATCH", "/status?", 3);
    ck_assert_uint_eq(api_count("POST", "/secrets"), 2);
    applier_begin_leading(applier);
    applier_look_at_all(applier);
    api_await("POST", "/secrets", 3);
}
END_TEST

/* ---- at a time that stands still ---- */

static void setup_still(void)
{
    scene_begin(&(struct scene_options){.still = true, .max_queued = 64});
}

static void setup_full(void)
{
    scene_begin(&(struct scene_options){.still = true, .max_queued = 1});
}

static void setup_beside(void)
{
    scene_begin(&(struct scene_options){.still = true, .beside = true, .max_queued = 64});
}

static const char READY[] = "'conditions':[{'type':'Ready','status':'True'}]";

static void put_as(const char *name, const char *interval, const char *status)
{
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'n','name':'%s','uid':'u-%s','resourceVersion':'1',"
        "'generation':1},'spec':{'secretStoreRef':{'name':'store'},'refreshInterval':'%s',"
        "'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]},'status':{%s}}",
        name, name, interval, status);
    put_decoded(&json);
}

/* It may be a second old otherwise. */
START_TEST(what_was_read_ahead_will_do_however_long_it_waits_for_its_turn)
{
    int64_t begun_ms = atomic_load(&scene_ms);
    api_hold("POST", "/secrets", true);
    put_as("a", "10s", "");
    put_as("b", "10s", "");
    applier_look_at_all(applier);
    api_await("POST", "/secrets", 1);
    ck_assert_uint_eq(atomic_load(&seen.ahead_count), 2);
    scene_skip(5000);
    api_hold("POST", "/secrets", false);
    await(&seen.reads, 2);
    ck_assert_int_eq(atomic_load(&seen.since_ms), begun_ms);
}
END_TEST

/* Of many that failed at one store none would ever wait for longer than the first pause. */
START_TEST(what_waits_after_a_failure_is_not_read_ahead_with_others)
{
    atomic_store(&seen.failure, ERR_DENIED);
    put_as("a", "5s", "");
    applier_external_secret_changed(applier, SV("n"), SV("a"));
    await(&seen.reads, 1);
    atomic_store(&seen.failure, ERR_NONE);
    /* There is one worker: when it is at this, what came of the first has been noted. */
    api_await("PATCH", "/status?", 1);
    carry_out("b");
    await(&seen.reads, 2);
    /* What was read of it is too old for a tenth of its interval, and its turn is within that. */
    scene_skip(600);
    carry_out("c");
    await(&seen.reads, 3);
    ck_assert_uint_eq(atomic_load(&seen.ahead), 3);
    ck_assert_uint_eq(atomic_load(&seen.ahead_count), 1);
    api_await("PATCH", "/status?", 3);
    ck_assert_uint_eq(atomic_load(&seen.reads), 3);
    scene_skip(400);
    await(&seen.reads, 4);
}
END_TEST

/* It may never be: who is to list it may be forbidden to. */
START_TEST(what_is_not_listed_in_five_seconds_is_not_waited_for)
{
    world_set_synced(world, WORLD_CLUSTER_STORES, false);
    put_external_secret("a", "a", "Owner");
    put_external_secret("b", "b", "Owner");
    applier_begin_leading(applier);
    applier_look_at_all(applier);
    scene_skip(4900);
    await_looks();
    ck_assert_uint_eq(atomic_load(&seen.reads), 0);
    scene_skip(99);
    await(&seen.reads, 2);
    api_await("PATCH", "/status?", 2);
    /* They are read together, and what is told of from now on does not wait. */
    ck_assert_uint_ge(atomic_load(&seen.ahead), 1);
    carry_out("c");
    await(&seen.reads, 3);
    api_await("PATCH", "/status?", 3);
}
END_TEST

START_TEST(it_is_ready_while_it_leads_and_everything_is_listed)
{
    ck_assert(applier_is_ready(applier));
    atomic_store(&lease_is_held, false);
    ck_assert(!applier_is_ready(applier));
    atomic_store(&lease_is_held, true);
    world_set_synced(world, WORLD_STORES, false);
    ck_assert(!applier_is_ready(applier));
    world_set_synced(world, WORLD_STORES, true);
    ck_assert(applier_is_ready(applier));
    applier_stop(applier);
    ck_assert(!applier_is_ready(applier));
    ck_assert(!applier_remote_changed(applier, SV("n"), SV("a")));
}
END_TEST

START_TEST(without_externalsecrets_nothing_is_looked_at)
{
    world_set_synced(world, WORLD_EXTERNAL_SECRETS, false);
    put_external_secret("a", "a", "Owner");
    applier_look_at_all(applier);
    scene_skip(5000);
    await_looks();
    ck_assert_uint_eq(atomic_load(&seen.reads), 0);
    world_set_synced(world, WORLD_EXTERNAL_SECRETS, true);
    applier_look_at_all(applier);
    await(&seen.reads, 1);
}
END_TEST

START_TEST(a_hurried_refresh_that_finds_the_queue_full_is_not_lost)
{
    carry_out("c");
    api_await("PATCH", "/status?", 1);
    api_hold("POST", "/secrets", true);
    carry_out("a");
    api_await("POST", "/secrets", 2);
    carry_out("b");
    await_looks();
    ck_assert(applier_remote_changed(applier, SV("n"), SV("c")));
    await_looks();
    api_hold("POST", "/secrets", false);
    api_await("POST", "/secrets", 3);
    /* There is room when the other's status is written. */
    api_await("PATCH", "/status?", 3);
    ck_assert_uint_eq(atomic_load(&seen.reads), 3);
    scene_skip(200);
    await(&seen.reads, 4);
}
END_TEST

enum {
    MANY = 50,
};

/* An Orphan's target is not looked after once it was made. */
static void carry_out_once(int number)
{
    char name[16];
    (void)snprintf(name, sizeof name, "o%d", number);
    put_external_secret(name, name, "Orphan");
    applier_external_secret_changed(applier, SV("n"), sv_of(name));
}

START_TEST(of_many_that_find_the_queue_full_each_is_looked_at_in_its_turn)
{
    int64_t deadline = clock_monotonic_ms(clock_system()) + API_PATIENCE_MS;
    api_hold("POST", "/secrets", true);
    carry_out_once(0);
    api_await("POST", "/secrets", 1);
    for (int i = 1; i < MANY; i++) {
        carry_out_once(i);
    }
    await_looks();
    unsigned before = atomic_load(&lease_asked);
    scene_skip(199);
    await_looks();
    /* "gone", who asks for it, and at 200 and 201 ms one each. */
    ck_assert_uint_le(atomic_load(&lease_asked) - before, 4);
    api_hold("POST", "/secrets", false);
    while (api_count("PATCH", "/status?") < MANY) {
        ck_assert_int_lt(clock_monotonic_ms(clock_system()), deadline);
        scene_skip(1);
        sched_yield();
    }
    ck_assert_uint_eq(api_count("POST", "/secrets"), MANY);
}
END_TEST

/* Nobody else asks for it. */
START_TEST(a_hurried_refresh_beside_the_operator_that_fails_is_tried_again)
{
    atomic_store(&seen.failure, ERR_DENIED);
    put_as("a", "1h", READY);
    put_as("b", "1h", READY);
    ck_assert(applier_remote_changed(applier, SV("n"), SV("a")));
    await(&seen.reads, 1);
    /* There is one worker: when it is at this, what came of the first has been noted. */
    ck_assert(applier_remote_changed(applier, SV("n"), SV("b")));
    await(&seen.reads, 2);
    scene_skip(1000);
    await(&seen.reads, 3);
}
END_TEST

/* There, too, it may never be listed. */
START_TEST(beside_the_operator_it_is_ready_after_five_seconds)
{
    world_set_synced(world, WORLD_CLUSTER_STORES, false);
    put_external_secret("a", "a", "Owner");
    applier_begin_leading(applier);
    applier_look_at_all(applier);
    scene_skip(4900);
    await_looks();
    ck_assert(!applier_is_ready(applier));
    scene_skip(99);
    await_looks();
    ck_assert(applier_is_ready(applier));
    /* What nobody waits for is the operator's all the same. */
    ck_assert_uint_eq(atomic_load(&seen.reads), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("applier_patience");
    TCase *tcase = tcase_create("applier_patience");
    tcase_add_checked_fixture(tcase, setup, scene_end);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, reading_ahead_leaves_time_for_what_it_is_for);
    tcase_add_test(tcase, a_silent_store_is_not_read_ahead);
    tcase_add_test(tcase, nothing_begins_alone_while_the_lists_are_under_way);
    tcase_add_test(tcase, what_a_request_is_told_at_once_is_no_result_of_a_refresh);
    tcase_add_test(tcase, a_new_secret_is_made_without_a_look);
    tcase_add_test(tcase, what_another_has_made_while_making_it_failed_is_there);
    tcase_add_test(tcase, a_target_of_which_nothing_is_known_is_not_taken_for_missing);
    tcase_add_test(tcase, what_is_queued_when_the_process_stops_is_not_begun);
    tcase_add_test(tcase, what_fails_while_the_process_stops_is_told_nobody);
    tcase_add_test(tcase, what_fails_once_its_store_is_another_controllers_is_told_nobody);
    tcase_add_test(tcase, what_is_hurried_when_the_lease_is_lost_is_carried_out_by_who_leads_anew);
    tcase_add_test(tcase, what_another_replica_leads_by_now_is_not_written_and_told_nobody);
    tcase_add_test(tcase, all_that_share_a_target_hear_of_its_change);
    tcase_add_test(tcase, a_target_that_changes_while_it_is_carried_out_is_looked_at_again);
    tcase_add_test(tcase, what_failed_for_good_is_tried_again_by_who_leads_anew);
    suite_add_tcase(suite, tcase);
    TCase *still = tcase_create("still");
    tcase_add_checked_fixture(still, setup_still, scene_end);
    tcase_set_timeout(still, 60);
    tcase_add_test(still, what_was_read_ahead_will_do_however_long_it_waits_for_its_turn);
    tcase_add_test(still, what_waits_after_a_failure_is_not_read_ahead_with_others);
    tcase_add_test(still, what_is_not_listed_in_five_seconds_is_not_waited_for);
    tcase_add_test(still, it_is_ready_while_it_leads_and_everything_is_listed);
    tcase_add_test(still, without_externalsecrets_nothing_is_looked_at);
    suite_add_tcase(suite, still);
    TCase *full = tcase_create("full");
    tcase_add_checked_fixture(full, setup_full, scene_end);
    tcase_set_timeout(full, 60);
    tcase_add_test(full, a_hurried_refresh_that_finds_the_queue_full_is_not_lost);
    tcase_add_test(full, of_many_that_find_the_queue_full_each_is_looked_at_in_its_turn);
    suite_add_tcase(suite, full);
    TCase *beside = tcase_create("beside");
    tcase_add_checked_fixture(beside, setup_beside, scene_end);
    tcase_set_timeout(beside, 60);
    tcase_add_test(beside, a_hurried_refresh_beside_the_operator_that_fails_is_tried_again);
    tcase_add_test(beside, beside_the_operator_it_is_ready_after_five_seconds);
    suite_add_tcase(suite, beside);
    return suite;
}
