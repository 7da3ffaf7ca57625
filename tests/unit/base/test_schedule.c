/* SPDX-License-Identifier: Apache-2.0 */
#include "base/schedule.h"

#include "check_main.h"

static struct schedule schedule;

static void setup(void)
{
    schedule_init(&schedule);
}

static void teardown(void)
{
    schedule_done(&schedule);
}

/* The key due at `now_ms`, "" when there is none. */
static const char *take(int64_t now_ms)
{
    static char key[64];
    char *taken = NULL;
    key[0] = '\0';
    if (schedule_take_due(&schedule, now_ms, &taken)) {
        (void)snprintf(key, sizeof key, "%s", taken);
        free(taken);
    }
    return key;
}

START_TEST(gives_what_is_due_earliest_first)
{
    ck_assert_int_eq(schedule_earliest_ms(&schedule), INT64_MAX);
    schedule_set(&schedule, SV("b"), 20);
    schedule_set(&schedule, SV("a"), 10);
    schedule_set(&schedule, SV("c"), 30);
    ck_assert_int_eq(schedule_earliest_ms(&schedule), 10);
    ck_assert_str_eq(take(9), "");
    ck_assert_str_eq(take(25), "a");
    ck_assert_str_eq(take(25), "b");
    ck_assert_str_eq(take(25), "");
    ck_assert_int_eq(schedule_earliest_ms(&schedule), 30);
    ck_assert_str_eq(take(30), "c");
    ck_assert_str_eq(take(INT64_MAX), "");
}
END_TEST

START_TEST(setting_moves_either_way_and_advancing_only_forward)
{
    int64_t due = 0;
    schedule_set(&schedule, SV("a"), 10);
    schedule_set(&schedule, SV("a"), 50);
    ck_assert(schedule_get(&schedule, SV("a"), &due));
    ck_assert_int_eq(due, 50);
    schedule_advance(&schedule, SV("a"), 60);
    ck_assert(schedule_get(&schedule, SV("a"), &due));
    ck_assert_int_eq(due, 50);
    schedule_advance(&schedule, SV("a"), 40);
    schedule_advance(&schedule, SV("b"), 45);
    ck_assert_uint_eq(schedule.count, 2);
    ck_assert_str_eq(take(100), "a");
    ck_assert_str_eq(take(100), "b");
}
END_TEST

START_TEST(removes_from_anywhere)
{
    int64_t due = -1;
    schedule_set(&schedule, SV("a"), 10);
    schedule_set(&schedule, SV("b"), 20);
    schedule_set(&schedule, SV("c"), 30);
    ck_assert(schedule_remove(&schedule, SV("b")));
    ck_assert(!schedule_remove(&schedule, SV("b")));
    ck_assert(!schedule_get(&schedule, SV("b"), &due));
    ck_assert_int_eq(due, -1);
    ck_assert(schedule_remove(&schedule, SV("a")));
    ck_assert_str_eq(take(100), "c");
    ck_assert(!schedule_remove(&schedule, SV("c")));
}
END_TEST

enum {
    KEYS = 200,
    STEPS = 20000,
};

START_TEST(agrees_with_a_plain_array_over_random_steps)
{
    int64_t model[KEYS];
    for (size_t i = 0; i < KEYS; i++) {
        model[i] = INT64_MAX;
    }
    uint64_t random = 88172645463325252u;
    for (int step = 0; step < STEPS; step++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        size_t at = (size_t)(random >> 40) % KEYS;
        int64_t due = (int64_t)((random >> 20) % 1000);
        char name[16];
        (void)snprintf(name, sizeof name, "%zu", at);
        switch (random % 4) {
        case 0:
            schedule_set(&schedule, sv_of(name), due);
            model[at] = due;
            break;
        case 1:
            schedule_advance(&schedule, sv_of(name), due);
            model[at] = due < model[at] ? due : model[at];
            break;
        case 2:
            ck_assert_int_eq(schedule_remove(&schedule, sv_of(name)), model[at] != INT64_MAX);
            model[at] = INT64_MAX;
            break;
        default:
            break;
        }
        int64_t earliest = INT64_MAX;
        for (size_t i = 0; i < KEYS; i++) {
            earliest = model[i] < earliest ? model[i] : earliest;
        }
        ck_assert_int_eq(schedule_earliest_ms(&schedule), earliest);
        if (random % 4 == 3 && earliest != INT64_MAX) {
            const char *key = take(earliest);
            uint64_t index = 0;
            ck_assert(sv_to_u64(sv_of(key), &index));
            ck_assert_int_eq(model[index], earliest);
            model[index] = INT64_MAX;
        }
    }
}
END_TEST

START_TEST(keeps_a_copy_of_its_keys)
{
    char key[] = "shop/db";
    schedule_set(&schedule, sv_of(key), 1);
    memset(key, 'x', sizeof key - 1);
    ck_assert_str_eq(take(1), "shop/db");
}
END_TEST

START_TEST(is_released_with_keys_left)
{
    schedule_set(&schedule, SV("a"), 1);
    schedule_set(&schedule, SV("b"), 2);
    schedule_done(&schedule);
    ck_assert_uint_eq(schedule.count, 0);
    schedule_init(&schedule);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("schedule");
    TCase *tcase = tcase_create("schedule");
    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, gives_what_is_due_earliest_first);
    tcase_add_test(tcase, setting_moves_either_way_and_advancing_only_forward);
    tcase_add_test(tcase, removes_from_anywhere);
    tcase_add_test(tcase, agrees_with_a_plain_array_over_random_steps);
    tcase_add_test(tcase, keeps_a_copy_of_its_keys);
    tcase_add_test(tcase, is_released_with_keys_left);
    suite_add_tcase(suite, tcase);
    return suite;
}
