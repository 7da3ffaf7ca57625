/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/due.h"

#include "check_main.h"

enum {
    NOW_MS = 1000000000,
    HOUR_MS = 3600000,
};

static struct external_secret external_secret;
static struct secret target;
static struct due_input input;
static void look(void)
{
    external_secret_version(&external_secret, external_secret.version);
}

static void setup(void)
{
    external_secret = (struct external_secret){.generation = 1, .refresh_interval_ms = HOUR_MS};
    target = (struct secret){.managed = true, .data_hash_valid = true};
    input = (struct due_input){
        .external_secret = &external_secret,
        .target_known = true,
        .target = &target,
        .now_ms = NOW_MS,
    };
    look();
    input.last = (struct due_last){.version = sv_of(external_secret.version),
                                   .refresh_ms = NOW_MS - HOUR_MS / 4};
}

START_TEST(a_version_has_a_generation_and_what_is_none_has_not)
{
    static const char *const texts[] = {"", "-", "x-1", "12", "-1-a", "99999999999999999999-a"};
    ck_assert_int_eq(due_version_generation(SV("12-9cbfdca8130661f35c1a5a63")), 12);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        ck_assert_msg(due_version_generation(sv_of(texts[i])) == -1, "%s", texts[i]);
    }
}
END_TEST

static const struct {
    const char *version; /* NULL: the present one */
    enum refresh_policy policy;
    int64_t interval_ms;
    int64_t age_ms; /* of refreshTime; INT64_MAX: none */
    int64_t expected;
} decisions[] = {
    {"", REFRESH_PERIODIC, HOUR_MS, INT64_MAX, 0},
    {NULL, REFRESH_PERIODIC, HOUR_MS, INT64_MAX, 0},
    {NULL, REFRESH_PERIODIC, HOUR_MS, 1000, HOUR_MS - 1000},
    {NULL, REFRESH_PERIODIC, HOUR_MS, HOUR_MS, 0},
    {NULL, REFRESH_PERIODIC, HOUR_MS, 5 * HOUR_MS, 0},
    {NULL, REFRESH_PERIODIC, HOUR_MS, -1000, 0}, /* refreshTime lies in the future */
    {"1-other", REFRESH_PERIODIC, HOUR_MS, 1000, 0},
    {NULL, REFRESH_PERIODIC, 1, 400, 600}, /* the floor */
    {"", REFRESH_PERIODIC, 0, INT64_MAX, 0},
    {NULL, REFRESH_PERIODIC, 0, 1000, INT64_MAX},
    {"1-other", REFRESH_PERIODIC, 0, 1000, INT64_MAX},
    {"1-other", REFRESH_PERIODIC, -5, 1000, INT64_MAX},
    {"", REFRESH_CREATED_ONCE, HOUR_MS, INT64_MAX, 0},
    {"", REFRESH_CREATED_ONCE, HOUR_MS, 1000, 0},
    {NULL, REFRESH_CREATED_ONCE, HOUR_MS, INT64_MAX, 0},
    {"1-other", REFRESH_CREATED_ONCE, HOUR_MS, 5 * HOUR_MS, INT64_MAX},
    {"", REFRESH_ON_CHANGE, HOUR_MS, INT64_MAX, 0},
    {"1-other", REFRESH_ON_CHANGE, HOUR_MS, 1000, 0},
    {NULL, REFRESH_ON_CHANGE, HOUR_MS, INT64_MAX, 0},
    {NULL, REFRESH_ON_CHANGE, HOUR_MS, 5 * HOUR_MS, INT64_MAX},
};

START_TEST(decides_by_policy_version_and_age)
{
    external_secret.refresh_policy = decisions[_i].policy;
    external_secret.refresh_interval_ms = decisions[_i].interval_ms;
    input.last.version =
        sv_of(decisions[_i].version ? decisions[_i].version : external_secret.version);
    input.last.refresh_ms = decisions[_i].age_ms == INT64_MAX ? 0 : NOW_MS - decisions[_i].age_ms;
    ck_assert_int_eq(due_in_ms(&input), decisions[_i].expected);
}
END_TEST

enum fault {
    FAULT_NONE,
    FAULT_MISSING,
    FAULT_NO_LABEL,
    FAULT_OTHER_DATA,
};

static const struct {
    enum creation_policy policy;
    enum fault fault;
    bool valid;
} targets[] = {
    {CREATION_OWNER, FAULT_NONE, true},
    {CREATION_OWNER, FAULT_MISSING, false},
    {CREATION_OWNER, FAULT_NO_LABEL, false},
    {CREATION_OWNER, FAULT_OTHER_DATA, false},
    {CREATION_CREATE_OR_MERGE, FAULT_MISSING, false},
    {CREATION_MERGE, FAULT_MISSING, true},
    {CREATION_MERGE, FAULT_OTHER_DATA, false},
    {CREATION_ORPHAN, FAULT_MISSING, true},
    {CREATION_ORPHAN, FAULT_NO_LABEL, true},
    {CREATION_NONE, FAULT_MISSING, true},
};

/* Whatever the policy of refreshes says. */
START_TEST(a_target_that_is_not_as_it_was_left_is_due)
{
    external_secret.creation_policy = targets[_i].policy;
    external_secret.refresh_policy = REFRESH_CREATED_ONCE;
    target.managed = targets[_i].fault != FAULT_NO_LABEL;
    target.data_hash_valid = targets[_i].fault != FAULT_OTHER_DATA;
    input.target = targets[_i].fault == FAULT_MISSING ? NULL : &target;
    ck_assert_int_eq(due_target_is_valid(&input), targets[_i].valid);
    ck_assert_int_eq(due_in_ms(&input), targets[_i].valid ? INT64_MAX : 0);
}
END_TEST

START_TEST(a_target_that_is_not_known_is_no_fault)
{
    input.target = NULL;
    input.target_known = false;
    ck_assert_int_eq(due_in_ms(&input), HOUR_MS - HOUR_MS / 4);
}
END_TEST

START_TEST(a_target_that_was_to_be_absent_is_no_fault)
{
    input.target = NULL;
    input.last.left_absent = true;
    ck_assert_int_eq(due_in_ms(&input), HOUR_MS - HOUR_MS / 4);
}
END_TEST

/* Whatever is wrong with it, carrying it out again would keep it again. */
START_TEST(a_target_that_was_kept_is_no_fault)
{
    target.managed = false;
    target.data_hash_valid = false;
    ck_assert_int_eq(due_in_ms(&input), 0);
    input.last.kept = true;
    ck_assert_int_eq(due_in_ms(&input), HOUR_MS - HOUR_MS / 4);
    input.last.version = SV("1-other");
    ck_assert_int_eq(due_in_ms(&input), 0);
}
END_TEST

/* That it is kept says nothing about one that is not there. */
START_TEST(a_target_that_is_missing_was_not_kept)
{
    input.target = NULL;
    input.last.kept = true;
    ck_assert_int_eq(due_in_ms(&input), 0);
}
END_TEST

START_TEST(failures_move_the_tries_apart_up_to_seven_minutes)
{
    ck_assert_int_eq(due_backoff_ms(1), 1000);
    ck_assert_int_eq(due_backoff_ms(2), 2000);
    ck_assert_int_eq(due_backoff_ms(9), 256000);
    ck_assert_int_eq(due_backoff_ms(10), 420000);
    ck_assert_int_eq(due_backoff_ms(4000000000u), 420000);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("due");
    TCase *tcase = tcase_create("due");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, a_version_has_a_generation_and_what_is_none_has_not);
    tcase_add_loop_test(tcase, decides_by_policy_version_and_age, 0, ARRAY_LEN(decisions));
    tcase_add_loop_test(tcase, a_target_that_is_not_as_it_was_left_is_due, 0, ARRAY_LEN(targets));
    tcase_add_test(tcase, a_target_that_is_not_known_is_no_fault);
    tcase_add_test(tcase, a_target_that_was_to_be_absent_is_no_fault);
    tcase_add_test(tcase, a_target_that_was_kept_is_no_fault);
    tcase_add_test(tcase, a_target_that_is_missing_was_not_kept);
    tcase_add_test(tcase, failures_move_the_tries_apart_up_to_seven_minutes);
    suite_add_tcase(suite, tcase);
    return suite;
}
