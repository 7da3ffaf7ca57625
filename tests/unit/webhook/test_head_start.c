/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include "counting_sink.h"
#include "neighbours.h"
#include "webhook/head_start.h"

enum {
    LENGTH_MS = 1000,
    NOW_MS = 50000,
};

static struct head_start head_start;
static struct external_secret one;

static void setup(void)
{
    head_start_init(&head_start, LENGTH_MS);
    one = (struct external_secret){.namespace = SV("n"), .name = SV("one"), .uid = SV("u1")};
}

static void teardown(void)
{
    head_start_done(&head_start);
}

START_TEST(it_begins_when_the_object_is_first_seen)
{
    head_start_note(&head_start, &one, NOW_MS);
    head_start_note(&head_start, &one, NOW_MS + 400);
    ck_assert_int_eq(head_start_left_ms(&head_start, &one, NOW_MS + 400), 600);
    ck_assert_int_eq(head_start_left_ms(&head_start, &one, NOW_MS + LENGTH_MS), 0);
}
END_TEST

START_TEST(a_successor_of_the_same_name_has_its_own)
{
    head_start_note(&head_start, &one, NOW_MS);
    one.uid = SV("u2");
    ck_assert_int_eq(head_start_left_ms(&head_start, &one, NOW_MS + LENGTH_MS), LENGTH_MS);
    head_start_forget(&head_start, SV("n"), SV("one"));
    ck_assert_int_eq(head_start_left_ms(&head_start, &one, NOW_MS + 5000), LENGTH_MS);
}
END_TEST

START_TEST(what_the_operator_has_come_to_is_its_own)
{
    head_start_note(&head_start, &one, NOW_MS);
    one.has_status = true;
    ck_assert_int_eq(head_start_left_ms(&head_start, &one, NOW_MS + LENGTH_MS), INT64_MAX);
}
END_TEST

START_TEST(what_is_written_was_read_after_it)
{
    head_start_note(&head_start, &one, NOW_MS);
    ck_assert_int_eq(head_start_max_age_ms(&head_start, &one, NOW_MS + LENGTH_MS - 1, 500), 0);
    ck_assert_int_eq(head_start_max_age_ms(&head_start, &one, NOW_MS + LENGTH_MS, 500), 0);
    ck_assert_int_eq(head_start_max_age_ms(&head_start, &one, NOW_MS + LENGTH_MS + 70, 500), 70);
    ck_assert_int_eq(head_start_max_age_ms(&head_start, &one, NOW_MS + LENGTH_MS + 700, 500), 500);
    /* A refresh of what the operator has made. */
    one.has_status = true;
    ck_assert_int_eq(head_start_max_age_ms(&head_start, &one, NOW_MS + LENGTH_MS, 500), 500);
}
END_TEST

START_TEST(nobody_acts_for_what_no_pod_waits_for)
{
    head_start_note(&head_start, &one, NOW_MS);
    ck_assert_int_eq(head_start_wait_ms(&head_start, &one, false, NOW_MS + LENGTH_MS), INT64_MAX);
    head_start_want(&head_start, &one, NOW_MS + 100);
    ck_assert_int_eq(head_start_wait_ms(&head_start, &one, false, NOW_MS + 400), 600);
    ck_assert_int_eq(head_start_wait_ms(&head_start, &one, false, NOW_MS + LENGTH_MS), 0);
    /* The Pod may be gone by then: while it waits it is said again. */
    ck_assert_int_eq(
        head_start_wait_ms(&head_start, &one, false, NOW_MS + 100 + HEAD_START_WANTED_MS),
        INT64_MAX);
}
END_TEST

START_TEST(what_changed_in_aws_is_refreshed_where_the_operator_is_done)
{
    one.has_status = true;
    ck_assert_int_eq(head_start_wait_ms(&head_start, &one, true, NOW_MS), INT64_MAX);
    one.status.ready = true;
    ck_assert_int_eq(head_start_wait_ms(&head_start, &one, true, NOW_MS), 0);
}
END_TEST

/* ---- the sink ---- */

static struct kube_config *config;
static struct clients_options options;
static struct clients *clients;

static void setup_sink(void)
{
    api_begin();
    config = api_config();
    options = (struct clients_options){.config = config, .clock = clock_system()};
    clients = clients_start(&options);
    one = (struct external_secret){
        .namespace = SV("n"), .name = SV("one"), .uid = SV("u1"), .generation = 3};
    memset(&came, 0, sizeof came);
}

static void teardown_sink(void)
{
    clients_stop(clients);
    kube_config_free(config);
    api_end();
}

static const char CURRENT[] = "'uid':'u1','generation':3";
static const char BEGUN[] = "{'conditions':[{'type':'Ready','status':'True'}]}";

enum writing {
    WRITING_CREATE,
    WRITING_REPLACE,
};

/* The ExternalSecret has this metadata and this status by now. */
static bool may(enum writing writing, const char *metadata, const char *status)
{
    struct yielding_sink yielding = {
        .client = &clients->kube,
        .external_secret = &one,
        .sink = COUNTING_SINK,
    };
    const struct secret_sink sink = yielding_sink(&yielding);
    const struct secret_buf manifest = {0};
    int64_t deadline_ms = clock_monotonic_ms(clock_system()) + API_PATIENCE_MS;
    struct secret *record = NULL;
    struct err err = {0};
    unsigned before = came.creates + came.replaces;
    api_set("GET", "externalsecrets/one", 200,
            "{'metadata':{'namespace':'n','name':'one',%s},"
            "'status':%s}",
            metadata, status);
    bool done = writing == WRITING_CREATE ? sink.create(sink.context, SV("n"), SV("m"), &manifest,
                                                        deadline_ms, &record, &err)
                                          : sink.replace(sink.context, SV("n"), SV("t"), SV("m"),
                                                         &manifest, deadline_ms, &record, &err);
    ck_assert_uint_eq(came.creates + came.replaces, before + done);
    ck_assert(done || err.kind == ERR_BUSY);
    return done;
}

START_TEST(what_it_was_rendered_from_is_looked_at_before_it_is_written)
{
    static const enum writing ways[] = {WRITING_CREATE, WRITING_REPLACE};
    ck_assert(may(ways[_i], CURRENT, "{}"));
    ck_assert(!may(ways[_i], "'uid':'u1','generation':4", "{}"));
    ck_assert(!may(ways[_i], "'uid':'u2','generation':3", "{}"));
    ck_assert(!may(ways[_i], "'uid':'u1','generation':3,'deletionTimestamp':'2026-01-01T00:00:00Z'",
                   "{}"));
    ck_assert(!may(ways[_i], CURRENT, BEGUN));
}
END_TEST

START_TEST(a_refresh_of_what_the_operator_has_made_is_written_as_long_as_it_is_current)
{
    one.has_status = true;
    ck_assert(may(WRITING_REPLACE, CURRENT, BEGUN));
    ck_assert(!may(WRITING_REPLACE, "'uid':'u1','generation':4", BEGUN));
    ck_assert(!may(WRITING_REPLACE, "'uid':'u2','generation':3", BEGUN));
    ck_assert(!may(WRITING_REPLACE,
                   "'uid':'u1','generation':3,'deletionTimestamp':'2026-01-01T00:00:00Z'", BEGUN));
    /* A Secret that somebody has deleted is the operator's to make again. */
    ck_assert(!may(WRITING_CREATE, CURRENT, BEGUN));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("head_start");
    TCase *tcase = tcase_create("head_start");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, it_begins_when_the_object_is_first_seen);
    tcase_add_test(tcase, a_successor_of_the_same_name_has_its_own);
    tcase_add_test(tcase, what_the_operator_has_come_to_is_its_own);
    tcase_add_test(tcase, what_is_written_was_read_after_it);
    tcase_add_test(tcase, nobody_acts_for_what_no_pod_waits_for);
    tcase_add_test(tcase, what_changed_in_aws_is_refreshed_where_the_operator_is_done);
    suite_add_tcase(suite, tcase);
    TCase *sink = tcase_create("sink");
    tcase_add_checked_fixture(sink, setup_sink, teardown_sink);
    tcase_add_loop_test(sink, what_it_was_rendered_from_is_looked_at_before_it_is_written, 0, 2);
    tcase_add_test(sink,
                   a_refresh_of_what_the_operator_has_made_is_written_as_long_as_it_is_current);
    suite_add_tcase(suite, sink);
    return suite;
}
