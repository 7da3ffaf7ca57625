/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include "quoted_json.h"
#include "webhook/progress.h"

static struct progress progress;

static void setup(void)
{
    progress_init(&progress);
}

static void teardown(void)
{
    progress_done(&progress);
}

static void release(struct external_secret **external_secret)
{
    external_secret_release(*external_secret);
}

static struct external_secret *make(const char *name, const char *interval, const char *annotations)
{
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'n','name':'%s','uid':'u','resourceVersion':'1','generation':1,"
        "'annotations':{%s}},'spec':{'secretStoreRef':{'name':'store'},'refreshInterval':'%s',"
        "'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]}}",
        name, annotations, interval);
    struct external_secret *decoded = NULL;
    struct err err = {0};
    ck_assert_msg(external_secret_decode(json.root, &decoded, &err), "%s", err.message);
    json_text_done(&json);
    return decoded;
}

enum {
    HOUR_MS = 3600000,
    WALL_MS = 1000000000,
    NOW_MS = 50000,
};

/* As the watch tells of them. */
static struct secret target = {
    .managed = true, .data_hash_valid = true, .uid = {"s-1", 3}, .resource_version = {"7", 1}};

static struct progress_question question_at(const struct external_secret *external_secret,
                                            int64_t after_ms)
{
    return (struct progress_question){
        .external_secret = external_secret,
        .basis = "u/basis",
        .target_known = true,
        .target = &target,
        .now_ms = NOW_MS + after_ms,
        .wall_ms = WALL_MS + after_ms,
    };
}

static int64_t turn(const struct external_secret *external_secret, int64_t after_ms)
{
    struct progress_question question = question_at(external_secret, after_ms);
    return progress_turn_ms(&progress, &question);
}

static struct progress_result success(void)
{
    return (struct progress_result){.basis = "u/basis",
                                    .start_ms = WALL_MS,
                                    .start_now_ms = NOW_MS,
                                    .now_ms = NOW_MS,
                                    .target = &target};
}

static void note_success(const struct external_secret *external_secret)
{
    const struct progress_result result = success();
    progress_note(&progress, external_secret, &result);
}

static void note_failure(const struct external_secret *external_secret, bool final)
{
    const struct progress_result result = {
        .basis = "u/basis", .failed = true, .final = final, .now_ms = NOW_MS};
    progress_note(&progress, external_secret, &result);
}

START_TEST(what_was_never_carried_out_is_due)
{
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    ck_assert_int_eq(turn(one, 0), 0);
    ck_assert(!progress_has_failed(&progress, one));
}
END_TEST

/* Before the watch has told of the status that was written. */
START_TEST(what_was_done_is_remembered)
{
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    CLEANUP(release) struct external_secret *other = make("other", "1h", "");
    note_success(one);
    ck_assert_int_eq(turn(one, 1000), HOUR_MS - 1000);
    ck_assert_int_eq(turn(other, 1000), 0);
    progress_forget(&progress, SV("n"), SV("one"));
    ck_assert_int_eq(turn(one, 1000), 0);
}
END_TEST

/* Another process has written it. */
START_TEST(a_status_that_is_newer_counts)
{
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    one->status.synced_version = sv_of(one->version);
    one->status.refresh_ms = WALL_MS - HOUR_MS / 2;
    ck_assert_int_eq(turn(one, 0), HOUR_MS / 2);
    note_success(one);
    ck_assert_int_eq(turn(one, 0), HOUR_MS);
    one->status.refresh_ms = WALL_MS + 5000;
    ck_assert_int_eq(turn(one, 5000), HOUR_MS);
}
END_TEST

static int64_t turn_at(const struct external_secret *external_secret, int64_t now_ms,
                       int64_t wall_ms)
{
    struct progress_question question = question_at(external_secret, 0);
    question.now_ms = now_ms;
    question.wall_ms = wall_ms;
    return progress_turn_ms(&progress, &question);
}

/* The status is told of later than that it was carried out. */
START_TEST(a_wall_clock_that_was_set_back_costs_one_refresh)
{
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    struct progress_result again = success();
    one->status.synced_version = sv_of(one->version);
    one->status.refresh_ms = WALL_MS;
    if (_i == 0) {
        note_success(one);
    }
    ck_assert_int_eq(turn_at(one, NOW_MS + 1000, WALL_MS + 1000 - HOUR_MS), 0);
    again.start_ms = WALL_MS + 1000 - HOUR_MS;
    again.start_now_ms = NOW_MS + 1000;
    progress_note(&progress, one, &again);
    ck_assert_int_eq(turn_at(one, NOW_MS + 2000, WALL_MS + 2000 - HOUR_MS), HOUR_MS - 1000);
    one->status.refresh_ms = again.start_ms;
    ck_assert_int_eq(turn_at(one, NOW_MS + 3000, WALL_MS + 3000 - HOUR_MS), HOUR_MS - 2000);
    ck_assert_int_eq(turn_at(one, NOW_MS + 1000 + HOUR_MS, WALL_MS + 1000), 0);
}
END_TEST

/* By what this process has done, or by what a status said when it was first seen. */
START_TEST(nothing_waits_for_longer_than_its_interval_whatever_the_wall_clock_says)
{
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    if (_i == 0) {
        note_success(one);
    } else {
        one->status.synced_version = sv_of(one->version);
        one->status.refresh_ms = WALL_MS;
    }
    ck_assert_int_eq(turn_at(one, NOW_MS + 1000, WALL_MS + 1000), HOUR_MS - 1000);
    ck_assert_int_eq(turn_at(one, NOW_MS + HOUR_MS, WALL_MS + 1000), 0);
    ck_assert_int_eq(turn_at(one, NOW_MS + HOUR_MS / 2, WALL_MS + 1000), HOUR_MS / 2);
    ck_assert_int_eq(turn_at(one, NOW_MS + 1000, WALL_MS + HOUR_MS / 2), HOUR_MS / 2);
    ck_assert_int_eq(turn_at(one, NOW_MS + 1000, WALL_MS + HOUR_MS), 0);
}
END_TEST

START_TEST(a_store_that_changed_makes_it_due)
{
    static const char *const intervals[] = {"1h", "0s"};
    CLEANUP(release) struct external_secret *one = make("one", intervals[_i], "");
    struct progress_question question = question_at(one, 1000);
    note_success(one);
    question.basis = "u/another";
    ck_assert_int_eq(progress_turn_ms(&progress, &question), _i == 0 ? 0 : INT64_MAX);
}
END_TEST

START_TEST(failures_move_the_turns_apart_until_one_succeeds)
{
    static const int64_t delays[] = {1000,  2000,   4000,   8000,   16000, 32000,
                                     64000, 128000, 256000, 420000, 420000};
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
        note_failure(one, false);
        ck_assert_int_eq(turn(one, 0), delays[i]);
        ck_assert_int_eq(turn(one, delays[i]), 0);
        ck_assert(progress_has_failed(&progress, one));
    }
    note_success(one);
    ck_assert_int_eq(turn(one, 0), HOUR_MS);
    ck_assert(!progress_has_failed(&progress, one));
    note_failure(one, false);
    ck_assert_int_eq(turn(one, 0), 1000);
}
END_TEST

START_TEST(a_departure_is_tried_until_it_is_done)
{
    static const int64_t delays[] = {1000, 2000, 4000, 8000};
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    const struct progress_result done = {.basis = "u/basis", .now_ms = NOW_MS};
    struct progress_question question = question_at(one, 0);
    note_failure(one, true);
    one->deleting = true;
    ck_assert_int_eq(turn(one, 0), 0);
    for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
        note_failure(one, false);
        ck_assert_int_eq(turn(one, 0), delays[i]);
        ck_assert_int_eq(turn(one, delays[i]), 0);
    }
    question.basis = "u/another";
    ck_assert_int_eq(progress_turn_ms(&progress, &question), 0);
    /* The watch still tells of it as it was. */
    progress_note(&progress, one, &done);
    progress_hurry(&progress, SV("n"), SV("one"));
    ck_assert_int_eq(turn(one, HOUR_MS), INT64_MAX);
    ck_assert(progress_begin(&progress, SV("n"), SV("one")));
    ck_assert(!progress_begin(&progress, SV("n"), SV("one")));
    ck_assert_int_eq(turn(one, HOUR_MS), INT64_MAX);
    one->uid = SV("u-2");
    progress_end(&progress, SV("n"), SV("one"));
    ck_assert_int_eq(turn(one, 0), 0);
}
END_TEST

START_TEST(what_changed_after_a_failure_is_tried_at_once)
{
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    struct progress_question question = question_at(one, 0);
    note_failure(one, true);
    ck_assert_int_eq(turn(one, HOUR_MS), INT64_MAX);
    question.basis = "u/another";
    ck_assert_int_eq(progress_turn_ms(&progress, &question), 0);
    progress_target_changed(&progress, SV("n"), SV("one"));
    ck_assert_int_eq(turn(one, 0), 0);
}
END_TEST

START_TEST(what_failed_for_good_while_its_target_changed_is_tried_once_more)
{
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    progress_begin(&progress, SV("n"), SV("one"));
    progress_target_changed(&progress, SV("n"), SV("one"));
    note_failure(one, true);
    progress_end(&progress, SV("n"), SV("one"));
    ck_assert_int_eq(turn(one, 0), 1000);
    ck_assert_int_eq(turn(one, 1000), 0);
    progress_begin(&progress, SV("n"), SV("one"));
    note_failure(one, true);
    progress_end(&progress, SV("n"), SV("one"));
    ck_assert_int_eq(turn(one, HOUR_MS), INT64_MAX);
}
END_TEST

START_TEST(a_target_that_changes_before_it_ends_is_heard_of)
{
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    progress_begin(&progress, SV("n"), SV("one"));
    note_failure(one, true);
    progress_target_changed(&progress, SV("n"), SV("one"));
    progress_end(&progress, SV("n"), SV("one"));
    ck_assert_int_eq(turn(one, 0), 0);
}
END_TEST

START_TEST(nobody_begins_what_is_begun)
{
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    progress_begin(&progress, SV("n"), SV("one"));
    ck_assert_int_eq(turn(one, 0), INT64_MAX);
    progress_end(&progress, SV("n"), SV("one"));
    ck_assert_int_eq(turn(one, 0), 0);
}
END_TEST

START_TEST(what_is_gone_while_it_is_begun_leaves_the_next_of_its_name_nothing_but_to_wait)
{
    CLEANUP(release) struct external_secret *one = make("one", "0s", "");
    note_success(one);
    progress_begin(&progress, SV("n"), SV("one"));
    progress_hurry(&progress, SV("n"), SV("one"));
    progress_forget(&progress, SV("n"), SV("one"));
    ck_assert_int_eq(turn(one, 0), INT64_MAX);
    ck_assert(!progress_is_hurried(&progress, one));
    progress_end(&progress, SV("n"), SV("one"));
    ck_assert_uint_eq(progress.records.count, 0);
    ck_assert_int_eq(turn(one, 0), 0);
}
END_TEST

START_TEST(what_is_told_of_the_next_is_not_forgotten_with_what_is_gone)
{
    CLEANUP(release) struct external_secret *one = make("one", "0s", "");
    progress_begin(&progress, SV("n"), SV("one"));
    progress_forget(&progress, SV("n"), SV("one"));
    progress_hurry(&progress, SV("n"), SV("one"));
    note_success(one);
    progress_end(&progress, SV("n"), SV("one"));
    ck_assert(progress_is_hurried(&progress, one));
    ck_assert_int_eq(turn(one, 0), 0);
}
END_TEST

START_TEST(what_is_hurried_meanwhile_has_another_turn)
{
    CLEANUP(release) struct external_secret *one = make("one", "0s", "");
    progress_hurry(&progress, SV("n"), SV("one"));
    progress_begin(&progress, SV("n"), SV("one"));
    note_success(one);
    progress_hurry(&progress, SV("n"), SV("one"));
    progress_end(&progress, SV("n"), SV("one"));
    ck_assert_int_eq(turn(one, 0), 0);
    progress_begin(&progress, SV("n"), SV("one"));
    note_success(one);
    progress_end(&progress, SV("n"), SV("one"));
    ck_assert_int_eq(turn(one, 0), INT64_MAX);
}
END_TEST

START_TEST(what_is_begun_is_not_brought_forward)
{
    CLEANUP(release) struct external_secret *one = make("one", "0s", "");
    note_success(one);
    progress_bring_forward(&progress, SV("n"), SV("one"));
    ck_assert_int_eq(turn(one, 0), 0);
    progress_begin(&progress, SV("n"), SV("one"));
    progress_bring_forward(&progress, SV("n"), SV("one"));
    progress_end(&progress, SV("n"), SV("one"));
    ck_assert_int_eq(turn(one, 0), INT64_MAX);
}
END_TEST

/* Watches lag behind each other. */
START_TEST(a_watch_that_lags_says_nothing_about_the_target)
{
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    struct progress_question question = question_at(one, 1000);
    note_success(one);
    question.target = NULL;
    ck_assert_int_eq(progress_turn_ms(&progress, &question), 10000 - 1000);
    /* That look is none that others could go along with. */
    question.to_go_along = true;
    ck_assert_int_eq(progress_turn_ms(&progress, &question), HOUR_MS - 1000);
    question.to_go_along = false;
    question.now_ms = NOW_MS + 10000;
    ck_assert_int_eq(progress_turn_ms(&progress, &question), 0);
    /* It has been told of once: from now on it counts. */
    question.now_ms = NOW_MS + 1000;
    question.target = &target;
    ck_assert_int_eq(progress_turn_ms(&progress, &question), HOUR_MS - 1000);
    question.target = NULL;
    ck_assert_int_eq(progress_turn_ms(&progress, &question), 0);
}
END_TEST

/* As helm's are, whose type is left out of the watch. */
START_TEST(a_target_that_no_watch_tells_of_rests_once_it_was_found_there)
{
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    struct progress_question question = question_at(one, 10000);
    struct progress_result again = success();
    question.target = NULL;
    note_success(one);
    ck_assert_int_eq(progress_turn_ms(&progress, &question), 0);
    again.now_ms = NOW_MS + 10000;
    progress_note(&progress, one, &again);
    ck_assert_int_eq(progress_turn_ms(&progress, &question), HOUR_MS - 10000);
    question.now_ms = NOW_MS + 20000;
    ck_assert_int_eq(progress_turn_ms(&progress, &question), HOUR_MS - 20000);
    /* Told of at last, it counts. */
    question.target = &target;
    ck_assert_int_eq(progress_turn_ms(&progress, &question), HOUR_MS - 20000);
    question.target = NULL;
    ck_assert_int_eq(progress_turn_ms(&progress, &question), 0);
}
END_TEST

START_TEST(a_target_that_had_to_be_made_anew_is_looked_at_again)
{
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    struct secret anew = {
        .managed = true, .data_hash_valid = true, .uid = SV("s-2"), .resource_version = SV("8")};
    struct progress_question question = question_at(one, 10000);
    struct progress_result again = success();
    question.target = NULL;
    note_success(one);
    ck_assert_int_eq(progress_turn_ms(&progress, &question), 0);
    again.now_ms = NOW_MS + 10000;
    again.target = &anew;
    progress_note(&progress, one, &again);
    ck_assert_int_eq(progress_turn_ms(&progress, &question), 10000);
    question.now_ms = NOW_MS + 20000;
    ck_assert_int_eq(progress_turn_ms(&progress, &question), 0);
}
END_TEST

/* Told of while nobody knew yet what to wait for. */
START_TEST(a_target_that_was_told_of_while_it_was_begun_is_not_hidden)
{
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    struct progress_result again = success();
    struct progress_question question = question_at(one, 10000);
    note_success(one);
    progress_begin(&progress, SV("n"), SV("one"));
    ck_assert_int_eq(turn(one, 1000), INT64_MAX);
    again.now_ms = NOW_MS + 10000;
    progress_note(&progress, one, &again);
    progress_end(&progress, SV("n"), SV("one"));
    question.target = NULL;
    ck_assert_int_eq(progress_turn_ms(&progress, &question), 10000);
}
END_TEST

START_TEST(a_target_that_was_kept_has_its_turn_at_the_interval)
{
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    struct secret edited = {.managed = true, .resource_version = SV("8")};
    struct progress_question question = question_at(one, 1000);
    struct progress_result result = success();
    question.target = &edited;
    progress_note(&progress, one, &result);
    ck_assert_int_eq(progress_turn_ms(&progress, &question), 0);
    result.kept = true;
    progress_note(&progress, one, &result);
    ck_assert_int_eq(progress_turn_ms(&progress, &question), HOUR_MS - 1000);
    result.kept = false;
    progress_note(&progress, one, &result);
    ck_assert_int_eq(progress_turn_ms(&progress, &question), 0);
}
END_TEST

/* An admission webhook has made something else of it. */
START_TEST(a_target_that_is_as_it_was_left_is_no_fault)
{
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    struct secret left = {.resource_version = SV("7")};
    struct progress_question question = question_at(one, 1000);
    question.target = &left;
    ck_assert_int_eq(progress_turn_ms(&progress, &question), 0);
    note_success(one);
    ck_assert_int_eq(progress_turn_ms(&progress, &question), HOUR_MS - 1000);
    left.resource_version = SV("8");
    ck_assert_int_eq(progress_turn_ms(&progress, &question), 0);
}
END_TEST

/* Changed after each write, or kept by a finalizer after each deletion. */
static const struct secret changed = {.resource_version = {"9", 1}};

static void repair(const struct external_secret *external_secret, int64_t after_ms, bool absent)
{
    struct progress_result result = success();
    result.start_ms += after_ms;
    result.start_now_ms += after_ms;
    result.now_ms += after_ms;
    result.left_absent = absent;
    result.target = absent ? NULL : &target;
    progress_note(&progress, external_secret, &result);
}

static int64_t turn_of_changed(const struct external_secret *external_secret, int64_t after_ms)
{
    struct progress_question question = question_at(external_secret, after_ms);
    question.target = &changed;
    return progress_turn_ms(&progress, &question);
}

START_TEST(repairs_of_what_is_undone_move_apart_until_there_is_peace)
{
    static const int64_t delays[] = {0,     1000,  2000,   4000,   8000,   16000,
                                     32000, 64000, 128000, 256000, 420000, 420000};
    CLEANUP(release) struct external_secret *one = make("one", "24h", "");
    int64_t now = 0;
    ck_assert_int_eq(turn_of_changed(one, now), 0);
    repair(one, now, _i == 1);
    for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
        ck_assert_int_eq(turn_of_changed(one, now), delays[i]);
        now += delays[i];
        ck_assert_int_eq(turn_of_changed(one, now), 0);
        repair(one, now, _i == 1);
    }
    now += 420000 + 30000;
    ck_assert_int_eq(turn_of_changed(one, now), 0);
    repair(one, now, _i == 1);
    ck_assert_int_eq(turn_of_changed(one, now), 1000);
}
END_TEST

START_TEST(what_is_undone_is_refreshed_at_the_interval_all_the_same)
{
    CLEANUP(release) struct external_secret *one = make("one", "3s", "");
    int64_t now = 0;
    repair(one, now, false);
    for (int i = 0; i < 3; i++) {
        now += turn_of_changed(one, now);
        repair(one, now, false);
    }
    ck_assert_int_eq(turn_of_changed(one, now), 3000);
    ck_assert_int_eq(turn_of_changed(one, now + 3000), 0);
}
END_TEST

START_TEST(what_waits_for_its_repair_goes_along_with_nobody)
{
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    struct progress_question question = question_at(one, 0);
    repair(one, 0, false);
    ck_assert_int_eq(turn_of_changed(one, 0), 0);
    repair(one, 0, false);
    question.target = &changed;
    ck_assert_int_eq(progress_turn_ms(&progress, &question), 1000);
    question.to_go_along = true;
    ck_assert_int_eq(progress_turn_ms(&progress, &question), HOUR_MS);
    question.now_ms += 1000;
    ck_assert_int_eq(progress_turn_ms(&progress, &question), 0);
}
END_TEST

START_TEST(repairs_of_a_predecessor_are_not_counted)
{
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    CLEANUP(release) struct external_secret *successor = make("one", "1h", "");
    successor->uid = SV("u-2");
    repair(one, 0, false);
    ck_assert_int_eq(turn_of_changed(one, 0), 0);
    repair(one, 0, false);
    ck_assert_int_eq(turn_of_changed(one, 0), 1000);
    ck_assert_int_eq(turn_of_changed(successor, 0), 0);
}
END_TEST

START_TEST(a_changed_annotation_forces_once_in_ten_seconds)
{
    CLEANUP(release) struct external_secret *first = make("one", "1h", "");
    CLEANUP(release) struct external_secret *second = make("one", "1h", "'force-sync':'1'");
    CLEANUP(release) struct external_secret *third = make("one", "1h", "'any':'2'");
    struct progress_result result = success();
    int64_t wait_ms = 7;
    /* What is new is asked for anyway. */
    ck_assert(!progress_is_forced(&progress, second, NOW_MS, &wait_ms));
    ck_assert_int_eq(wait_ms, 0);
    note_success(first);
    ck_assert(!progress_is_forced(&progress, first, NOW_MS, &wait_ms));
    ck_assert(progress_is_forced(&progress, second, NOW_MS, &wait_ms));
    ck_assert_int_le(wait_ms, 0);
    result.forced = true;
    result.now_ms = NOW_MS + 1000;
    progress_note(&progress, second, &result);
    ck_assert(!progress_is_forced(&progress, second, NOW_MS + 1000, &wait_ms));
    ck_assert(progress_is_forced(&progress, third, NOW_MS + 2000, &wait_ms));
    ck_assert_int_eq(wait_ms, 9000);
    ck_assert(progress_is_forced(&progress, third, NOW_MS + 11000, &wait_ms));
    ck_assert_int_eq(wait_ms, 0);
    /* Another spec is no wish for fresh values. */
    third->generation = 2;
    ck_assert(!progress_is_forced(&progress, third, NOW_MS + 11000, &wait_ms));
}
END_TEST

/* By the status, which says what was carried out before this process was there. */
START_TEST(an_annotation_that_changed_before_a_restart_forces_as_well)
{
    CLEANUP(release) struct external_secret *first = make("one", "1h", "");
    CLEANUP(release) struct external_secret *second = make("one", "1h", "'force-sync':'1'");
    int64_t wait_ms = 7;
    first->status.synced_version = sv_of(first->version);
    second->status.synced_version = sv_of(first->version);
    if (_i == 1) {
        note_success(first);
        progress_restart(&progress);
    }
    ck_assert(!progress_is_forced(&progress, first, NOW_MS, &wait_ms));
    ck_assert(progress_is_forced(&progress, second, NOW_MS, &wait_ms));
    ck_assert_int_le(wait_ms, 0);
    second->generation = 2;
    ck_assert(!progress_is_forced(&progress, second, NOW_MS, &wait_ms));
    second->generation = 1;
    /* A version of a release of the operator that made another digest says nothing. */
    second->status.synced_version = SV("1-0123456789abcdef0123456789abcdef");
    ck_assert(!progress_is_forced(&progress, second, NOW_MS, &wait_ms));
    second->status.synced_version = sv_of(first->version);
    note_success(second);
    ck_assert(!progress_is_forced(&progress, second, NOW_MS, &wait_ms));
}
END_TEST

/* Another has led meanwhile. */
START_TEST(after_a_restart_only_the_objects_count)
{
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    CLEANUP(release) struct external_secret *begun = make("begun", "1h", "");
    CLEANUP(release) struct external_secret *hurried = make("hurried", "0s", "");
    struct secret before = {.managed = true, .data_hash_valid = true, .resource_version = SV("6")};
    struct progress_question question = question_at(one, 0);
    one->status.synced_version = sv_of(one->version);
    one->status.refresh_ms = WALL_MS - HOUR_MS / 2;
    note_success(one);
    note_failure(one, true);
    note_success(hurried);
    progress_begin(&progress, SV("n"), SV("begun"));
    progress_hurry(&progress, SV("n"), SV("hurried"));
    ck_assert_int_eq(turn(one, HOUR_MS), INT64_MAX);
    progress_restart(&progress);
    ck_assert(!progress_has_failed(&progress, one));
    ck_assert_int_eq(turn(one, 0), HOUR_MS / 2);
    question.basis = "u/another";
    ck_assert_int_eq(progress_turn_ms(&progress, &question), HOUR_MS / 2);
    ck_assert_int_eq(turn(begun, 0), INT64_MAX);
    ck_assert_int_eq(turn(hurried, 0), 0);
    /* Nor is a Secret waited for that was written before. */
    note_success(one);
    progress_restart(&progress);
    before.data_hash_valid = false;
    question.target = &before;
    ck_assert_int_eq(progress_turn_ms(&progress, &question), 0);
}
END_TEST

START_TEST(a_successor_of_the_same_name_is_another)
{
    CLEANUP(release) struct external_secret *one = make("one", "0s", "");
    CLEANUP(release) struct external_secret *successor = make("one", "0s", "");
    CLEANUP(release) struct external_secret *annotated = make("one", "0s", "'any':'1'");
    struct progress_question question = question_at(successor, 0);
    struct progress_result failure = {.basis = "u-2/basis", .failed = true, .now_ms = NOW_MS};
    int64_t wait_ms = 0;
    successor->uid = SV("u-2");
    annotated->uid = SV("u-2");
    question.basis = "u-2/basis";
    note_success(one);
    ck_assert_int_eq(turn(one, 0), INT64_MAX);
    ck_assert_int_eq(progress_turn_ms(&progress, &question), 0);
    ck_assert(!progress_is_forced(&progress, annotated, NOW_MS, &wait_ms));
    note_failure(one, false);
    note_failure(one, true);
    ck_assert(progress_has_failed(&progress, one));
    ck_assert(!progress_has_failed(&progress, successor));
    ck_assert_int_eq(progress_turn_ms(&progress, &question), 0);
    /* Its own failures are counted from the first. */
    progress_note(&progress, successor, &failure);
    ck_assert(progress_has_failed(&progress, successor));
    ck_assert_int_eq(progress_turn_ms(&progress, &question), 1000);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("progress");
    TCase *tcase = tcase_create("progress");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_was_never_carried_out_is_due);
    tcase_add_test(tcase, what_was_done_is_remembered);
    tcase_add_test(tcase, a_status_that_is_newer_counts);
    tcase_add_loop_test(tcase, a_wall_clock_that_was_set_back_costs_one_refresh, 0, 2);
    tcase_add_loop_test(
        tcase, nothing_waits_for_longer_than_its_interval_whatever_the_wall_clock_says, 0, 2);
    tcase_add_loop_test(tcase, a_store_that_changed_makes_it_due, 0, 2);
    tcase_add_test(tcase, failures_move_the_turns_apart_until_one_succeeds);
    tcase_add_test(tcase, a_departure_is_tried_until_it_is_done);
    tcase_add_test(tcase, what_changed_after_a_failure_is_tried_at_once);
    tcase_add_test(tcase, what_failed_for_good_while_its_target_changed_is_tried_once_more);
    tcase_add_test(tcase, a_target_that_changes_before_it_ends_is_heard_of);
    tcase_add_test(tcase, nobody_begins_what_is_begun);
    tcase_add_test(tcase,
                   what_is_gone_while_it_is_begun_leaves_the_next_of_its_name_nothing_but_to_wait);
    tcase_add_test(tcase, what_is_told_of_the_next_is_not_forgotten_with_what_is_gone);
    tcase_add_test(tcase, what_is_hurried_meanwhile_has_another_turn);
    tcase_add_test(tcase, what_is_begun_is_not_brought_forward);
    tcase_add_test(tcase, a_watch_that_lags_says_nothing_about_the_target);
    tcase_add_test(tcase, a_target_that_no_watch_tells_of_rests_once_it_was_found_there);
    tcase_add_test(tcase, a_target_that_had_to_be_made_anew_is_looked_at_again);
    tcase_add_test(tcase, a_target_that_was_told_of_while_it_was_begun_is_not_hidden);
    tcase_add_test(tcase, a_target_that_was_kept_has_its_turn_at_the_interval);
    tcase_add_test(tcase, a_target_that_is_as_it_was_left_is_no_fault);
    tcase_add_loop_test(tcase, repairs_of_what_is_undone_move_apart_until_there_is_peace, 0, 2);
    tcase_add_test(tcase, what_is_undone_is_refreshed_at_the_interval_all_the_same);
    tcase_add_test(tcase, what_waits_for_its_repair_goes_along_with_nobody);
    tcase_add_test(tcase, repairs_of_a_predecessor_are_not_counted);
    tcase_add_test(tcase, a_changed_annotation_forces_once_in_ten_seconds);
    tcase_add_loop_test(tcase, an_annotation_that_changed_before_a_restart_forces_as_well, 0, 2);
    tcase_add_test(tcase, after_a_restart_only_the_objects_count);
    tcase_add_test(tcase, a_successor_of_the_same_name_is_another);
    suite_add_tcase(suite, tcase);
    return suite;
}
