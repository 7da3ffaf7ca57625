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

static int64_t note(const struct external_secret *external_secret, enum reconcile_outcome outcome,
                    int64_t now_ms)
{
    return progress_note(&progress, external_secret, "basis", false, outcome, now_ms);
}

START_TEST(what_was_never_carried_out_is_new)
{
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    int64_t due_ms = 7;
    ck_assert(progress_is_new(&progress, one, "basis", &due_ms));
    ck_assert_int_eq(due_ms, 0);
    ck_assert(!progress_has_failed(&progress, one));
}
END_TEST

START_TEST(another_basis_is_new_again)
{
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    CLEANUP(release) struct external_secret *other = make("other", "1h", "");
    int64_t due_ms = 0;
    ck_assert_int_eq(note(one, RECONCILE_CREATED, 5000), 3600000);
    ck_assert(!progress_is_new(&progress, one, "basis", &due_ms));
    ck_assert_int_eq(due_ms, 3605000);
    ck_assert(progress_is_new(&progress, one, "another", &due_ms));
    ck_assert(progress_is_new(&progress, other, "basis", &due_ms));
    progress_forget(&progress, SV("n"), SV("one"));
    ck_assert(progress_is_new(&progress, one, "basis", &due_ms));
}
END_TEST

static const struct {
    const char *interval;
    enum reconcile_outcome outcome;
    int64_t delay_ms;
} TURNS[] = {
    {"1h", RECONCILE_UPDATED, 3600000},       {"1h", RECONCILE_UNCHANGED, 3600000},
    {"1h", RECONCILE_RETAINED, 3600000},      {"10ms", RECONCILE_UNCHANGED, 1000}, /* the floor */
    {"0s", RECONCILE_CREATED, INT64_MAX},                                          /* once */
    {"1h", RECONCILE_UNSUPPORTED, INT64_MAX}, {"1h", RECONCILE_FAILED, 1000},
    {"1h", RECONCILE_FOREIGN, 1000},
};

START_TEST(the_next_turn_depends_on_how_it_ended)
{
    CLEANUP(release) struct external_secret *one = make("one", TURNS[_i].interval, "");
    ck_assert_int_eq(note(one, TURNS[_i].outcome, 5000), TURNS[_i].delay_ms);
}
END_TEST

START_TEST(failures_move_the_turns_apart_until_one_succeeds)
{
    static const int64_t delays[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    CLEANUP(release) struct external_secret *one = make("one", "1h", "");
    for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
        ck_assert_int_eq(note(one, RECONCILE_FAILED, 5000), delays[i]);
        ck_assert(progress_has_failed(&progress, one));
    }
    ck_assert_int_eq(note(one, RECONCILE_UNCHANGED, 5000), 3600000);
    ck_assert(!progress_has_failed(&progress, one));
    ck_assert_int_eq(note(one, RECONCILE_FAILED, 5000), 1000);
}
END_TEST

START_TEST(a_new_value_of_the_annotation_forces_once_in_ten_seconds)
{
    CLEANUP(release) struct external_secret *first = make("one", "1h", "");
    CLEANUP(release) struct external_secret *second = make("one", "1h", "'force-sync':'1'");
    CLEANUP(release) struct external_secret *third = make("one", "1h", "'force-sync':'2'");
    int64_t wait_ms = 7;
    /* What is new is asked for anyway. */
    ck_assert(!progress_is_forced(&progress, second, 5000, &wait_ms));
    ck_assert_int_eq(wait_ms, 0);
    (void)note(first, RECONCILE_CREATED, 5000);
    ck_assert(!progress_is_forced(&progress, first, 5000, &wait_ms));
    ck_assert(progress_is_forced(&progress, second, 5000, &wait_ms));
    ck_assert_int_le(wait_ms, 0);
    (void)progress_note(&progress, second, "basis", true, RECONCILE_UPDATED, 6000);
    ck_assert(!progress_is_forced(&progress, second, 6000, &wait_ms));
    ck_assert(progress_is_forced(&progress, third, 7000, &wait_ms));
    ck_assert_int_eq(wait_ms, 9000);
    ck_assert(progress_is_forced(&progress, third, 16000, &wait_ms));
    ck_assert_int_eq(wait_ms, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("progress");
    TCase *tcase = tcase_create("progress");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_was_never_carried_out_is_new);
    tcase_add_test(tcase, another_basis_is_new_again);
    tcase_add_loop_test(tcase, the_next_turn_depends_on_how_it_ended, 0, (int)ARRAY_LEN(TURNS));
    tcase_add_test(tcase, failures_move_the_turns_apart_until_one_succeeds);
    tcase_add_test(tcase, a_new_value_of_the_annotation_forces_once_in_ten_seconds);
    suite_add_tcase(suite, tcase);
    return suite;
}
