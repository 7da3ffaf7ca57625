/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_refresh.h"

#include "check_main.h"

enum {
    SECOND_MS = 1000,
    MINUTE_MS = 60 * SECOND_MS,
    HOUR_MS = 60 * MINUTE_MS,
    START_MS = 5 * HOUR_MS,
};

#define MIDDLE UINT32_C(0x80000000)

static struct credentials_state state;
static struct credentials_request request;
static struct err err;

static struct credentials *made(const char *id, int64_t lifetime_ms, int64_t now_ms)
{
    struct credentials *credentials = NULL;
    ck_assert(credentials_new(sv_of(id), SV("secret"), SV("token"), &credentials, &err));
    if (lifetime_ms) {
        credentials_set_expiry(credentials, lifetime_ms, 0, now_ms);
    }
    return credentials;
}

/* `current` of START_MS. */
static void fetched(int64_t lifetime_ms, uint32_t random)
{
    ck_assert_ptr_null(credentials_state_succeed(&state, made("AKID", lifetime_ms, START_MS), false,
                                                 START_MS, random));
}

static void setup(void)
{
    state = (struct credentials_state){0};
    request = (struct credentials_request){.urgency = SERVICE_ADMISSION};
    err = (struct err){0};
}

static void teardown(void)
{
    credentials_release(state.current);
}

static enum credentials_step step_at(int64_t now_ms)
{
    return credentials_state_step(&state, &request, now_ms, &err);
}

static const struct {
    int64_t lifetime_ms;
    uint32_t random;
    int64_t ahead_ms; /* of the end */
} dues[] = {
    /* a quarter of the lifetime */
    {HOUR_MS, MIDDLE, 15 * MINUTE_MS},
    {HOUR_MS, 0, 15 * MINUTE_MS * 9 / 10},
    {HOUR_MS, UINT32_MAX, 15 * MINUTE_MS * 11 / 10},
    {12 * HOUR_MS, MIDDLE, 3 * HOUR_MS},
    /* ten minutes */
    {30 * MINUTE_MS, MIDDLE, 10 * MINUTE_MS},
    {15 * MINUTE_MS, MIDDLE, 10 * MINUTE_MS},
    {15 * MINUTE_MS, UINT32_MAX, 11 * MINUTE_MS},
    /* half of the lifetime */
    {15 * MINUTE_MS - 2, MINUTE_MS, (15 * MINUTE_MS - 2) / 2 * 9 / 10},
    {10 * MINUTE_MS, MIDDLE, 5 * MINUTE_MS},
    {MINUTE_MS, UINT32_MAX, 33 * SECOND_MS},
};

START_TEST(is_due_by_the_lifetime)
{
    fetched(dues[_i].lifetime_ms, dues[_i].random);
    int64_t ahead_ms = START_MS + dues[_i].lifetime_ms - state.refresh_ms;
    ck_assert_int_ge(ahead_ms, dues[_i].ahead_ms - 1);
    ck_assert_int_le(ahead_ms, dues[_i].ahead_ms + 1);
}
END_TEST

START_TEST(what_expires_at_once_is_not_due_at_once)
{
    fetched(1, MIDDLE);
    ck_assert_int_eq(state.refresh_ms, START_MS + SECOND_MS);
}
END_TEST

START_TEST(what_never_expires_is_never_due)
{
    fetched(0, MIDDLE);
    ck_assert_int_eq(state.refresh_ms, INT64_MAX);
    ck_assert_int_eq(credentials_state_due_ms(&state, INT64_MAX - 1), INT64_MAX);
    ck_assert_int_eq(step_at(INT64_MAX - 1), CREDENTIALS_SERVE);
    request.urgency = SERVICE_BACKGROUND;
    ck_assert_int_eq(step_at(INT64_MAX - 1), CREDENTIALS_SERVE);
}
END_TEST

START_TEST(nothing_is_fetched_by_whoever_asks)
{
    ck_assert_int_eq(step_at(START_MS), CREDENTIALS_FETCH);
    ck_assert_int_eq(credentials_state_due_ms(&state, START_MS), INT64_MAX);
    ck_assert(!credentials_state_serves(&state, &request, START_MS));
}
END_TEST

/* After 60 minutes of life, due with 15 left. */
static const struct {
    int64_t left_ms;
    enum credentials_step admission, background;
    bool serves, ample;
} lives[] = {
    {HOUR_MS, CREDENTIALS_SERVE, CREDENTIALS_SERVE, true, true},
    {15 * MINUTE_MS + 1, CREDENTIALS_SERVE, CREDENTIALS_SERVE, true, true},
    {15 * MINUTE_MS - 1, CREDENTIALS_SERVE, CREDENTIALS_FETCH, true, true},
    {60 * SECOND_MS + 1, CREDENTIALS_SERVE, CREDENTIALS_FETCH, true, true},
    {60 * SECOND_MS, CREDENTIALS_FETCH, CREDENTIALS_FETCH, true, false},
    {30 * SECOND_MS + 1, CREDENTIALS_FETCH, CREDENTIALS_FETCH, true, false},
    {30 * SECOND_MS, CREDENTIALS_FETCH, CREDENTIALS_FETCH, false, false},
    {-1, CREDENTIALS_FETCH, CREDENTIALS_FETCH, false, false},
};

START_TEST(who_fetches_depends_on_what_is_left)
{
    fetched(HOUR_MS, MIDDLE);
    int64_t now_ms = state.current->expires_ms - lives[_i].left_ms;
    ck_assert_int_eq(step_at(now_ms), lives[_i].admission);
    ck_assert_int_eq(credentials_state_serves(&state, &request, now_ms), lives[_i].serves);
    ck_assert_int_eq(credentials_state_is_ample(&state, &request, now_ms), lives[_i].ample);
    request.urgency = SERVICE_BACKGROUND;
    ck_assert_int_eq(step_at(now_ms), lives[_i].background);
    ck_assert_int_eq(err.kind, ERR_NONE);
}
END_TEST

static void failed_at(int64_t now_ms, uint32_t random)
{
    struct err failure = {0};
    (void)err_set(&failure, ERR_UNAVAILABLE, "STS is away");
    credentials_state_fail(&state, &failure, now_ms, random);
}

static const int64_t ceilings_s[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};

START_TEST(failures_are_spaced_further_and_further)
{
    for (size_t i = 0; i < ARRAY_LEN(ceilings_s); i++) {
        failed_at(START_MS, UINT32_MAX);
        ck_assert_int_eq(state.retry_ms, START_MS + ceilings_s[i] * SECOND_MS);
    }
    failed_at(START_MS, MIDDLE);
    ck_assert_int_eq(state.retry_ms, START_MS + 30 * SECOND_MS);
    failed_at(START_MS, 0);
    ck_assert_int_eq(state.retry_ms, START_MS + 1);
    fetched(HOUR_MS, MIDDLE);
    ck_assert_int_eq(state.retry_ms, 0);
    failed_at(START_MS, UINT32_MAX);
    ck_assert_int_eq(state.retry_ms, START_MS + SECOND_MS);
}
END_TEST

START_TEST(between_failures_the_old_ones_serve)
{
    fetched(HOUR_MS, MIDDLE);
    int64_t now_ms = state.current->expires_ms - 45 * SECOND_MS;
    failed_at(now_ms, UINT32_MAX);
    ck_assert_int_eq(step_at(now_ms + 999), CREDENTIALS_SERVE);
    ck_assert_int_eq(step_at(now_ms + 1000), CREDENTIALS_FETCH);
    request.urgency = SERVICE_BACKGROUND;
    ck_assert_int_eq(step_at(now_ms + 999), CREDENTIALS_SERVE);
    ck_assert_int_eq(err.kind, ERR_NONE);
}
END_TEST

START_TEST(between_failures_nobody_asks_where_nothing_serves)
{
    failed_at(START_MS, UINT32_MAX);
    ck_assert_int_eq(step_at(START_MS + 999), CREDENTIALS_REFUSE);
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert(err.retryable);
    ck_assert_str_eq(err.message, "STS is away");
    ck_assert_int_eq(step_at(START_MS + 1000), CREDENTIALS_FETCH);
}
END_TEST

START_TEST(with_30_seconds_left_the_failure_is_the_answer)
{
    fetched(HOUR_MS, MIDDLE);
    int64_t now_ms = state.current->expires_ms - 30 * SECOND_MS;
    failed_at(now_ms - 1, UINT32_MAX);
    ck_assert_int_eq(step_at(now_ms), CREDENTIALS_REFUSE);
    ck_assert_str_eq(err.message, "STS is away");
}
END_TEST

START_TEST(a_refresh_in_the_background_is_due_until_it_is_too_late)
{
    fetched(HOUR_MS, MIDDLE);
    int64_t end_ms = state.current->expires_ms;
    ck_assert_int_eq(credentials_state_due_ms(&state, START_MS), end_ms - 15 * MINUTE_MS);
    failed_at(end_ms - 15 * MINUTE_MS, UINT32_MAX);
    ck_assert_int_eq(credentials_state_due_ms(&state, START_MS),
                     end_ms - 15 * MINUTE_MS + SECOND_MS);
    ck_assert_int_eq(credentials_state_due_ms(&state, end_ms - 31 * SECOND_MS),
                     end_ms - 15 * MINUTE_MS + SECOND_MS);
    ck_assert_int_eq(credentials_state_due_ms(&state, end_ms - 30 * SECOND_MS), INT64_MAX);
    failed_at(end_ms - 31 * SECOND_MS, UINT32_MAX);
    ck_assert_int_eq(credentials_state_due_ms(&state, end_ms - 31 * SECOND_MS), INT64_MAX);
}
END_TEST

START_TEST(what_was_refused_is_fetched_anew)
{
    fetched(HOUR_MS, MIDDLE);
    struct credentials *refused = credentials_retain(state.current);
    request.refused = refused;
    ck_assert(!credentials_state_serves(&state, &request, START_MS));
    ck_assert_int_eq(step_at(START_MS), CREDENTIALS_FETCH);
    struct credentials *replaced =
        credentials_state_succeed(&state, made("AKID2", HOUR_MS, START_MS), true, START_MS, MIDDLE);
    ck_assert_ptr_eq(replaced, refused);
    credentials_release(replaced);
    /* The new ones serve him, and whoever else comes with the old ones. */
    ck_assert_int_eq(step_at(START_MS), CREDENTIALS_SERVE);
    credentials_release(refused);
}
END_TEST

START_TEST(what_was_refused_is_fetched_anew_once_a_minute)
{
    fetched(HOUR_MS, MIDDLE);
    credentials_release(credentials_state_succeed(&state, made("AKID2", HOUR_MS, START_MS), true,
                                                  START_MS, MIDDLE));
    request.refused = state.current;
    ck_assert_int_eq(step_at(START_MS + MINUTE_MS - 1), CREDENTIALS_REFUSE);
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(err.message, "less than 60 s ago"));
    ck_assert_int_eq(step_at(START_MS + MINUTE_MS), CREDENTIALS_FETCH);
    request.refused = NULL;
    ck_assert_int_eq(step_at(START_MS), CREDENTIALS_SERVE);
}
END_TEST

START_TEST(the_same_keys_in_another_record_are_refused_too)
{
    fetched(HOUR_MS, MIDDLE);
    struct credentials *same = made("AKID", 2 * HOUR_MS, START_MS);
    request.refused = same;
    ck_assert(!credentials_state_serves(&state, &request, START_MS));
    ck_assert_int_eq(step_at(START_MS), CREDENTIALS_FETCH);
    credentials_release(same);
}
END_TEST

START_TEST(a_failed_fetch_of_what_was_refused_waits_like_others)
{
    fetched(HOUR_MS, MIDDLE);
    request.refused = state.current;
    failed_at(START_MS, UINT32_MAX);
    ck_assert_int_eq(step_at(START_MS + 999), CREDENTIALS_REFUSE);
    ck_assert_str_eq(err.message, "STS is away");
    ck_assert_int_eq(step_at(START_MS + 1000), CREDENTIALS_FETCH);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("credentials_refresh");
    TCase *tcase = tcase_create("credentials_refresh");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, is_due_by_the_lifetime, 0, ARRAY_LEN(dues));
    tcase_add_test(tcase, what_expires_at_once_is_not_due_at_once);
    tcase_add_test(tcase, what_never_expires_is_never_due);
    tcase_add_test(tcase, nothing_is_fetched_by_whoever_asks);
    tcase_add_loop_test(tcase, who_fetches_depends_on_what_is_left, 0, ARRAY_LEN(lives));
    tcase_add_test(tcase, failures_are_spaced_further_and_further);
    tcase_add_test(tcase, between_failures_the_old_ones_serve);
    tcase_add_test(tcase, between_failures_nobody_asks_where_nothing_serves);
    tcase_add_test(tcase, with_30_seconds_left_the_failure_is_the_answer);
    tcase_add_test(tcase, a_refresh_in_the_background_is_due_until_it_is_too_late);
    tcase_add_test(tcase, what_was_refused_is_fetched_anew);
    tcase_add_test(tcase, what_was_refused_is_fetched_anew_once_a_minute);
    tcase_add_test(tcase, the_same_keys_in_another_record_are_refused_too);
    tcase_add_test(tcase, a_failed_fetch_of_what_was_refused_waits_like_others);
    suite_add_tcase(suite, tcase);
    return suite;
}
