/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_cache.h"

#include "scripted_provider.h"

enum {
    SECOND_MS = 1000,
    MINUTE_MS = 60 * SECOND_MS,
    HOUR_MS = 60 * MINUTE_MS,
    START_MS = 5 * HOUR_MS,
};

static struct scripted_provider scripted;
static struct clock clock_of_script;
static struct credentials_cache *cache;
static struct credentials_lease lease;
static struct credentials_request request;
static struct credentials *got;
static struct err err;

static struct identity_key key_of(size_t number)
{
    struct identity_builder builder;
    identity_begin(&builder);
    identity_add(&builder, sv_make((const char *)&number, sizeof number));
    return identity_end(&builder);
}

static void begin(const struct scripted_step *steps)
{
    scripted_init(&scripted, steps, START_MS);
    clock_of_script = scripted_clock(&scripted);
    cache = credentials_cache_new(&clock_of_script, scripted_random, &scripted);
    lease = (struct credentials_lease){cache, key_of(0), &scripted.provider};
    request = (struct credentials_request){.urgency = SERVICE_ADMISSION,
                                           .deadline_ms = START_MS + 8 * SECOND_MS};
    got = NULL;
    err = (struct err){0};
}

static void teardown(void)
{
    credentials_release(got);
    credentials_cache_free(cache);
    ck_assert_uint_eq(scripted.provider.references, 1);
}

static bool get(void)
{
    struct credentials_source source = credentials_lease_source(&lease);
    credentials_release(got);
    got = NULL;
    request.deadline_ms = scripted.now_ms + 8 * SECOND_MS;
    return source.get(source.context, &request, &got, &err);
}

/* Asks and looks whose keys come, after how many fetches in all. */
static void expect(const char *id, unsigned fetches)
{
    ck_assert_msg(get(), "%s", err.message);
    ck_assert_str_eq(got->access_key_id, id);
    ck_assert_uint_eq(scripted.fetches, fetches);
}

static void expect_failure(enum err_kind kind, const char *message, unsigned fetches)
{
    ck_assert(!get());
    ck_assert_int_eq(err.kind, kind);
    ck_assert_str_eq(err.message, message);
    ck_assert_ptr_null(got);
    ck_assert_uint_eq(scripted.fetches, fetches);
}

static void go_to_left(int64_t left_ms)
{
    scripted.now_ms = got->expires_ms - left_ms;
}

START_TEST(fetches_once_and_keeps)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {{.id = "A", .lifetime_ms = HOUR_MS}};
    begin(steps);
    expect("A", 1);
    struct credentials *first = got;
    ck_assert_int_eq(scripted.last.deadline_ms, request.deadline_ms);
    ck_assert_ptr_null(scripted.last.refused);
    expect("A", 1);
    ck_assert_ptr_eq(got, first);
    struct credentials_cache_numbers numbers = credentials_cache_numbers(cache);
    ck_assert_uint_eq(numbers.identities, 1);
    ck_assert_uint_eq(numbers.fetches, 1);
    ck_assert_uint_eq(numbers.failures, 0);
    ck_assert_int_eq(numbers.next_expiry_ms, START_MS + HOUR_MS);
}
END_TEST

START_TEST(identities_share_nothing)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {
        {.id = "A", .lifetime_ms = HOUR_MS}, {.id = "B", .lifetime_ms = 2 * HOUR_MS}};
    begin(steps);
    expect("A", 1);
    lease.key = key_of(1);
    expect("B", 2);
    lease.key = key_of(0);
    expect("A", 2);
    ck_assert_uint_eq(credentials_cache_numbers(cache).identities, 2);
    ck_assert_int_eq(credentials_cache_numbers(cache).next_expiry_ms, START_MS + HOUR_MS);
}
END_TEST

START_TEST(a_request_does_not_wait_for_a_refresh)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {{.id = "A", .lifetime_ms = HOUR_MS},
                                                               {.id = "B", .lifetime_ms = HOUR_MS}};
    begin(steps);
    expect("A", 1);
    go_to_left(61 * SECOND_MS);
    expect("A", 1);
    go_to_left(60 * SECOND_MS);
    expect("B", 2);
}
END_TEST

START_TEST(the_background_refreshes_ahead)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {{.id = "A", .lifetime_ms = HOUR_MS},
                                                               {.id = "B", .lifetime_ms = HOUR_MS}};
    begin(steps);
    request.urgency = SERVICE_BACKGROUND;
    expect("A", 1);
    go_to_left(16 * MINUTE_MS);
    expect("A", 1);
    go_to_left(14 * MINUTE_MS);
    expect("B", 2);
    ck_assert_int_eq(scripted.last.urgency, SERVICE_BACKGROUND);
    expect("B", 2);
}
END_TEST

START_TEST(a_failed_refresh_leaves_the_old_ones)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {{.id = "A", .lifetime_ms = HOUR_MS},
                                                               {.failure = ERR_UNAVAILABLE},
                                                               {.failure = ERR_DENIED},
                                                               {.id = "B", .lifetime_ms = HOUR_MS}};
    begin(steps);
    expect("A", 1);
    request.urgency = SERVICE_BACKGROUND;
    go_to_left(10 * MINUTE_MS);
    expect("A", 2);
    expect("A", 2); /* half a second is to pass */
    scripted.now_ms += 500;
    expect("A", 3);
    request.urgency = SERVICE_ADMISSION;
    go_to_left(45 * SECOND_MS);
    expect("B", 4);
    ck_assert_uint_eq(credentials_cache_numbers(cache).failures, 2);
    ck_assert_uint_eq(credentials_cache_numbers(cache).fetches, 4);
}
END_TEST

START_TEST(the_old_ones_serve_until_30_s_before_their_end)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {
        {.id = "A", .lifetime_ms = HOUR_MS}, {.failure = ERR_UNAVAILABLE}, {.failure = ERR_DENIED}};
    begin(steps);
    expect("A", 1);
    struct credentials *old = credentials_retain(got);
    go_to_left(31 * SECOND_MS);
    expect("A", 2);
    scripted.now_ms += SECOND_MS;
    expect_failure(ERR_DENIED, "credentials from the script: fetch 2", 3);
    expect_failure(ERR_DENIED, "credentials from the script: fetch 2", 3);
    ck_assert_int_eq(credentials_cache_next_refresh_ms(cache), INT64_MAX);
    credentials_release(old);
}
END_TEST

START_TEST(a_first_failure_is_told_and_not_repeated_at_once)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {
        {.failure = ERR_UNAVAILABLE}, {.failure = ERR_BUSY}, {.id = "A", .lifetime_ms = HOUR_MS}};
    begin(steps);
    scripted.random_bits = UINT32_MAX;
    expect_failure(ERR_UNAVAILABLE, "credentials from the script: fetch 0", 1);
    ck_assert(err.retryable);
    scripted.now_ms += 999;
    expect_failure(ERR_UNAVAILABLE, "credentials from the script: fetch 0", 1);
    scripted.now_ms += 1;
    expect_failure(ERR_BUSY, "credentials from the script: fetch 1", 2);
    scripted.now_ms += 1999;
    expect_failure(ERR_BUSY, "credentials from the script: fetch 1", 2);
    scripted.now_ms += 1;
    expect("A", 3);
}
END_TEST

START_TEST(what_arrives_expired_is_a_failure)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {{.id = "A", .lifetime_ms = -1}};
    begin(steps);
    expect_failure(ERR_UNAVAILABLE, "credentials from the script had expired", 1);
    ck_assert_uint_eq(credentials_cache_numbers(cache).failures, 1);
}
END_TEST

START_TEST(what_lives_for_seconds_serves_who_fetched_it)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {
        {.id = "A", .lifetime_ms = 20 * SECOND_MS}, {.id = "B", .lifetime_ms = HOUR_MS}};
    begin(steps);
    expect("A", 1);
    expect("B", 2);
}
END_TEST

/* The caller had half a second, and the source took it all. */
START_TEST(a_hurried_caller_does_not_count_as_a_failure)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {
        {.failure = ERR_TIMEOUT, .takes_ms = 500}, {.id = "A", .lifetime_ms = HOUR_MS}};
    begin(steps);
    struct credentials_source source = credentials_lease_source(&lease);
    request.deadline_ms = START_MS + 500;
    ck_assert(!source.get(source.context, &request, &got, &err));
    ck_assert_int_eq(err.kind, ERR_TIMEOUT);
    expect("A", 2);
}
END_TEST

START_TEST(a_source_that_had_time_and_gave_no_answer_has_failed)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {
        {.failure = ERR_TIMEOUT, .takes_ms = 1000}, {.failure = ERR_TIMEOUT, .takes_ms = 8000}};
    begin(steps);
    expect_failure(ERR_TIMEOUT, "credentials from the script: fetch 0", 1);
    expect_failure(ERR_TIMEOUT, "credentials from the script: fetch 0", 1);
    scripted.now_ms += SECOND_MS;
    expect_failure(ERR_TIMEOUT, "credentials from the script: fetch 1", 2);
    expect_failure(ERR_TIMEOUT, "credentials from the script: fetch 1", 2);
}
END_TEST

/* The fetch took longer than whoever asked for it had time. */
START_TEST(what_comes_late_is_kept)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {
        {.id = "A", .lifetime_ms = HOUR_MS, .takes_ms = 20 * SECOND_MS}};
    begin(steps);
    expect("A", 1);
    expect("A", 1);
    ck_assert_int_eq(credentials_cache_numbers(cache).next_expiry_ms,
                     START_MS + 20 * SECOND_MS + HOUR_MS);
}
END_TEST

START_TEST(what_was_refused_is_replaced)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {{.id = "A", .lifetime_ms = HOUR_MS},
                                                               {.id = "B", .lifetime_ms = HOUR_MS},
                                                               {.id = "C", .lifetime_ms = HOUR_MS}};
    begin(steps);
    expect("A", 1);
    struct credentials *a = credentials_retain(got);
    request.refused = a;
    expect("B", 2);
    ck_assert_ptr_eq(scripted.last.refused, a);
    expect("B", 2); /* for the next who comes with A */
    struct credentials *b = credentials_retain(got);
    request.refused = b;
    ck_assert(!get());
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert_uint_eq(scripted.fetches, 2);
    request.refused = NULL;
    expect("B", 2);
    request.refused = b;
    scripted.now_ms += MINUTE_MS;
    expect("C", 3);
    credentials_release(a);
    credentials_release(b);
}
END_TEST

START_TEST(a_source_that_has_no_others_is_asked_once_a_minute)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {{.id = "A", .lifetime_ms = HOUR_MS},
                                                               {.id = "A", .lifetime_ms = HOUR_MS}};
    begin(steps);
    expect("A", 1);
    struct credentials *a = credentials_retain(got);
    request.refused = a;
    expect_failure(ERR_DENIED,
                   "AWS does not accept these credentials, and the script has no others", 2);
    ck_assert(!get());
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert_uint_eq(scripted.fetches, 2);
    request.refused = NULL;
    expect("A", 2);
    credentials_release(a);
}
END_TEST

START_TEST(a_failure_to_replace_keeps_them_for_others)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {{.id = "A", .lifetime_ms = HOUR_MS},
                                                               {.failure = ERR_UNAVAILABLE}};
    begin(steps);
    expect("A", 1);
    struct credentials *a = credentials_retain(got);
    request.refused = a;
    expect_failure(ERR_UNAVAILABLE, "credentials from the script: fetch 1", 2);
    request.refused = NULL;
    expect("A", 2);
    credentials_release(a);
}
END_TEST

START_TEST(a_forgotten_identity_is_fetched_anew)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {{.id = "A"}, {.id = "B"}};
    begin(steps);
    expect("A", 1);
    ck_assert_uint_eq(scripted.provider.references, 2);
    credentials_cache_forget(cache, &lease.key);
    ck_assert_uint_eq(scripted.provider.references, 1);
    ck_assert_uint_eq(credentials_cache_numbers(cache).identities, 0);
    ck_assert_uint_eq(got->references, 1);
    expect("B", 2);
    const struct identity_key other = key_of(7);
    credentials_cache_forget(cache, &other);
    expect("B", 2);
}
END_TEST

START_TEST(a_failure_is_forgotten_with_its_identity)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {{.failure = ERR_DENIED},
                                                               {.id = "B"}};
    begin(steps);
    expect_failure(ERR_DENIED, "credentials from the script: fetch 0", 1);
    credentials_cache_forget(cache, &lease.key);
    expect("B", 2);
}
END_TEST

START_TEST(the_background_task_refreshes_what_is_due)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {
        {.id = "A", .lifetime_ms = HOUR_MS},
        {.id = "B", .lifetime_ms = 2 * HOUR_MS},
        {.id = "C"},
        {.id = "A2", .lifetime_ms = 4 * HOUR_MS},
        {.id = "B2", .lifetime_ms = 4 * HOUR_MS}};
    begin(steps);
    const struct service_thread thread = {0};
    ck_assert_int_eq(credentials_cache_next_refresh_ms(cache), INT64_MAX);
    for (size_t i = 0; i < 3; i++) {
        lease.key = key_of(i);
        ck_assert(get());
    }
    int64_t due_ms = START_MS + 45 * MINUTE_MS;
    ck_assert_int_eq(credentials_cache_next_refresh_ms(cache), due_ms);
    scripted.now_ms = due_ms - 1;
    credentials_cache_refresh(cache, &thread, INT64_MAX);
    ck_assert_uint_eq(scripted.fetches, 3);
    scripted.now_ms = due_ms;
    credentials_cache_refresh(cache, &thread, INT64_MAX);
    ck_assert_uint_eq(scripted.fetches, 4);
    ck_assert_int_eq(scripted.last.urgency, SERVICE_BACKGROUND);
    ck_assert_ptr_eq(scripted.last.thread, &thread);
    ck_assert_int_eq(scripted.last.deadline_ms, due_ms + 60 * SECOND_MS);
    due_ms = START_MS + 90 * MINUTE_MS;
    ck_assert_int_eq(credentials_cache_next_refresh_ms(cache), due_ms);
    scripted.now_ms = due_ms;
    credentials_cache_refresh(cache, &thread, due_ms + 5 * SECOND_MS);
    ck_assert_uint_eq(scripted.fetches, 5);
    ck_assert_int_eq(scripted.last.deadline_ms, due_ms + 5 * SECOND_MS);
    lease.key = key_of(0);
    expect("A2", 5);
    lease.key = key_of(1);
    expect("B2", 5);
    lease.key = key_of(2);
    expect("C", 5);
}
END_TEST

START_TEST(the_background_task_goes_through_failures_once)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {
        {.id = "A", .lifetime_ms = HOUR_MS}, {.id = "B", .lifetime_ms = HOUR_MS},
        {.failure = ERR_UNAVAILABLE},        {.failure = ERR_UNAVAILABLE},
        {.failure = ERR_UNAVAILABLE},        {.failure = ERR_UNAVAILABLE}};
    begin(steps);
    const struct service_thread thread = {0};
    scripted.random_bits = 0;
    expect("A", 1);
    lease.key = key_of(1);
    expect("B", 2);
    scripted.now_ms = START_MS + 55 * MINUTE_MS;
    credentials_cache_refresh(cache, &thread, INT64_MAX);
    ck_assert_uint_eq(scripted.fetches, 4);
    ck_assert_int_eq(credentials_cache_next_refresh_ms(cache), scripted.now_ms + 1);
    scripted.now_ms += 1;
    credentials_cache_refresh(cache, &thread, INT64_MAX);
    ck_assert_uint_eq(scripted.fetches, 6);
    expect("B", 6);
}
END_TEST

START_TEST(the_background_task_ends_at_its_deadline)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {
        {.id = "A", .lifetime_ms = HOUR_MS},
        {.id = "B", .lifetime_ms = HOUR_MS},
        {.id = "A2", .lifetime_ms = HOUR_MS, .takes_ms = 4900}};
    begin(steps);
    const struct service_thread thread = {0};
    expect("A", 1);
    lease.key = key_of(1);
    expect("B", 2);
    scripted.now_ms = START_MS + 50 * MINUTE_MS;
    credentials_cache_refresh(cache, &thread, scripted.now_ms + 5000);
    ck_assert_uint_eq(scripted.fetches, 3);
    ck_assert_int_lt(credentials_cache_next_refresh_ms(cache), scripted.now_ms);
}
END_TEST

/* Whose store is gone: nobody asks for it, and nobody would ever stop renewing it. */
START_TEST(the_background_task_drops_what_nobody_uses)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {
        {.id = "A", .lifetime_ms = 3 * HOUR_MS}, {.id = "B"}, {.id = "C"}, {.id = "A2"}};
    begin(steps);
    const struct service_thread thread = {0};
    expect("A", 1);
    lease.key = key_of(1);
    expect("B", 2);
    scripted.now_ms = START_MS + MINUTE_MS;
    lease.key = key_of(2);
    expect("C", 3);
    scripted.now_ms = START_MS + CREDENTIALS_IDLE_MS - 1;
    lease.key = key_of(1);
    expect("B", 3);
    credentials_cache_refresh(cache, &thread, INT64_MAX);
    ck_assert_uint_eq(credentials_cache_numbers(cache).identities, 3);
    /* The first one is due for a refresh long since. */
    scripted.now_ms = START_MS + CREDENTIALS_IDLE_MS + MINUTE_MS;
    credentials_cache_refresh(cache, &thread, INT64_MAX);
    ck_assert_uint_eq(scripted.fetches, 3);
    ck_assert_uint_eq(credentials_cache_numbers(cache).identities, 1);
    ck_assert_uint_eq(scripted.provider.references, 2);
    ck_assert_int_eq(credentials_cache_next_refresh_ms(cache), INT64_MAX);
    lease.key = key_of(1);
    expect("B", 3);
    lease.key = key_of(0);
    expect("A2", 4);
}
END_TEST

/* Of 4096 and one more, the one that was not used longest. */
START_TEST(the_longest_unused_makes_room)
{
    static struct scripted_step one = {.id = "A", .lifetime_ms = HOUR_MS};
    begin(&one);
    for (size_t i = 0; i < CREDENTIALS_IDENTITIES_MAX; i++) {
        scripted.fetches = 0;
        lease.key = key_of(i);
        expect("A", 1);
    }
    ck_assert_uint_eq(credentials_cache_numbers(cache).identities, CREDENTIALS_IDENTITIES_MAX);
    lease.key = key_of(0);
    scripted.fetches = 0;
    expect("A", 0);
    lease.key = key_of(CREDENTIALS_IDENTITIES_MAX);
    expect("A", 1);
    ck_assert_uint_eq(credentials_cache_numbers(cache).identities, CREDENTIALS_IDENTITIES_MAX);
    ck_assert_uint_eq(scripted.provider.references, CREDENTIALS_IDENTITIES_MAX + 1);
    scripted.fetches = 0;
    lease.key = key_of(0);
    expect("A", 0);
    lease.key = key_of(2);
    expect("A", 0);
    lease.key = key_of(1);
    expect("A", 1);
}
END_TEST

START_TEST(nothing_is_a_cache_too)
{
    static const struct scripted_step steps[SCRIPTED_STEPS] = {{0}};
    begin(steps);
    credentials_cache_free(NULL);
    ck_assert_int_eq(credentials_cache_numbers(cache).next_expiry_ms, INT64_MAX);
    ck_assert_uint_eq(credentials_cache_numbers(cache).identities, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("credentials_cache");
    TCase *tcase = tcase_create("credentials_cache");
    tcase_add_checked_fixture(tcase, NULL, teardown);
    tcase_add_test(tcase, fetches_once_and_keeps);
    tcase_add_test(tcase, identities_share_nothing);
    tcase_add_test(tcase, a_request_does_not_wait_for_a_refresh);
    tcase_add_test(tcase, the_background_refreshes_ahead);
    tcase_add_test(tcase, a_failed_refresh_leaves_the_old_ones);
    tcase_add_test(tcase, the_old_ones_serve_until_30_s_before_their_end);
    tcase_add_test(tcase, a_first_failure_is_told_and_not_repeated_at_once);
    tcase_add_test(tcase, what_arrives_expired_is_a_failure);
    tcase_add_test(tcase, what_lives_for_seconds_serves_who_fetched_it);
    tcase_add_test(tcase, a_hurried_caller_does_not_count_as_a_failure);
    tcase_add_test(tcase, a_source_that_had_time_and_gave_no_answer_has_failed);
    tcase_add_test(tcase, what_comes_late_is_kept);
    tcase_add_test(tcase, what_was_refused_is_replaced);
    tcase_add_test(tcase, a_source_that_has_no_others_is_asked_once_a_minute);
    tcase_add_test(tcase, a_failure_to_replace_keeps_them_for_others);
    tcase_add_test(tcase, a_forgotten_identity_is_fetched_anew);
    tcase_add_test(tcase, a_failure_is_forgotten_with_its_identity);
    tcase_add_test(tcase, the_background_task_refreshes_what_is_due);
    tcase_add_test(tcase, the_background_task_goes_through_failures_once);
    tcase_add_test(tcase, the_background_task_ends_at_its_deadline);
    tcase_add_test(tcase, the_background_task_drops_what_nobody_uses);
    tcase_add_test(tcase, the_longest_unused_makes_room);
    tcase_add_test(tcase, nothing_is_a_cache_too);
    suite_add_tcase(suite, tcase);
    return suite;
}
