/* SPDX-License-Identifier: Apache-2.0 */
/* Threads at one queue, through the reader that it belongs to. */
#include "scripted_calls.h"

enum {
    MANY = 64,
    TEN_MINUTES_MS = 600000,
};

static struct reader_world world;
static struct caller callers[MANY + 2];
static size_t caller_count;

static void setup(void)
{
    reader_world_init(&world, 1000);
    caller_count = 0;
}

static void teardown(void)
{
    for (size_t i = 0; i < caller_count; i++) {
        caller_done(&callers[i]);
    }
    reader_world_done(&world);
}

static struct caller *caller_for(const char *key)
{
    struct caller *caller = &callers[caller_count++];
    caller_init(caller, &world, "role-a");
    if (key) {
        caller_wants(caller, key, "");
    }
    return caller;
}

static struct caller *caller_for_numbers(size_t first, size_t count)
{
    struct caller *caller = caller_for(NULL);
    caller_wants_numbers(caller, first, count);
    return caller;
}

static struct caller *start_slow(void)
{
    struct caller *slow = caller_for("slow");
    caller_start_slow(slow);
    return slow;
}

START_TEST(an_idle_queue_calls_without_waiting)
{
    struct caller *caller = caller_for("a");
    caller_read(caller);
    ck_all_there(caller);
    ck_assert_uint_eq(script.count, 1);
    ck_assert_uint_eq(script.calls[0].count, 1);
    ck_assert_int_eq(script.calls[0].at_ms, SCRIPT_START_MS);
    ck_assert_int_eq(script.calls[0].deadline_ms, SCRIPT_START_MS + 8000);
    ck_assert_int_eq(script.calls[0].urgency, SERVICE_ADMISSION);
}
END_TEST

START_TEST(several_of_one_caller_are_one_call)
{
    struct caller *caller = caller_for_numbers(0, 20);
    caller->request.urgency = SERVICE_BACKGROUND;
    caller_read(caller);
    ck_all_there(caller);
    ck_assert_uint_eq(script.count, 1);
    ck_assert_uint_eq(script.calls[0].count, 20);
    ck_assert_int_eq(script.calls[0].urgency, SERVICE_BACKGROUND);
}
END_TEST

START_TEST(more_than_a_batch_holds_are_several_calls)
{
    struct caller *caller = caller_for_numbers(0, 25);
    caller->request.service = _i == 0 ? ENDPOINT_SECRETS_MANAGER : ENDPOINT_SSM;
    caller_read(caller);
    ck_all_there(caller);
    ck_assert_uint_eq(script.count, _i == 0 ? 2 : 3);
    ck_assert_uint_eq(script.calls[0].count, _i == 0 ? 20 : 10);
    ck_assert_uint_eq(script.calls[script.count - 1].count, 5);
}
END_TEST

START_TEST(callers_of_one_value_share_one_call)
{
    script.patient = true;
    struct caller *slow = start_slow();
    for (size_t i = 0; i < MANY - 1; i++) {
        caller_start(caller_for("slow"));
    }
    script_await(&script.waiting, MANY - 1);
    caller_end_slow(slow);
    for (size_t i = 1; i < MANY; i++) {
        caller_join(&callers[i]);
        ck_all_there(&callers[i]);
    }
    ck_assert_uint_eq(script.count, 1);
    struct reader_numbers numbers = reader_numbers(world.reader);
    ck_assert_uint_eq(numbers.asked, MANY);
    ck_assert_uint_eq(numbers.joined, MANY - 1);
    ck_assert_uint_eq(numbers.singles, 1);
    ck_assert_uint_eq(numbers.batches, 0);
}
END_TEST

/* It was not in the cache when the caller looked, and is no longer on its way when he comes. */
START_TEST(what_is_answered_just_before_a_caller_comes_is_not_asked_for_again)
{
    static const enum service_error_class ends[] = {SERVICE_OK, SERVICE_DENIED};
    script.keys[0] = (struct scripted_key){.key = "slow", .single = ends[_i]};
    script.delays = true;
    struct caller *slow = caller_for("slow");
    caller_start_slow(slow);
    struct caller *late = caller_for("slow");
    caller_wants(late, "other", "");
    late->delayed = true;
    caller_start(late);
    script_await(&script.delayed, 1);
    script_release(0);
    caller_join(slow);
    script_end_delay();
    caller_join(late);
    ck_assert_uint_eq(script.count, 2);
    ck_assert_uint_eq(script_calls_with("other", 1), 1);
    ck_item_there(late, 1, "role-a");
    if (ends[_i] == SERVICE_OK) {
        ck_item_there(late, 0, "role-a");
    } else {
        ck_item_failed(late, 0, SERVICE_DENIED, slow->err.kind);
    }
}
END_TEST

START_TEST(a_storm_behind_a_slow_call_goes_in_full_batches)
{
    script.patient = true;
    struct caller *slow = start_slow();
    for (size_t i = 1; i <= 4; i++) {
        script_hold(i);
    }
    for (size_t i = 0; i < MANY; i++) {
        caller_start(caller_for_numbers(i, 1));
    }
    /* Three make a call each, as soon as there are twenty; the others wait. */
    script_await(&script.count, 4);
    script_await(&script.waiting, MANY - 3);
    ck_assert_uint_eq(script_count(&script.count), 4);
    for (size_t i = 1; i <= 3; i++) {
        script_release(i);
    }
    script_await(&script.returned, 3);
    /* Four are left, and nothing but the end of the slow call lets them go before their 5 ms. */
    ck_assert_uint_eq(script_count(&script.count), 4);
    caller_end_slow(slow);
    script_await(&script.count, 5);
    script_release(4);
    for (size_t i = 1; i <= MANY; i++) {
        caller_join(&callers[i]);
        ck_all_there(&callers[i]);
    }
    ck_assert_uint_eq(script.count, 5);
    for (size_t i = 1; i <= 3; i++) {
        ck_assert_uint_eq(script.calls[i].count, 20);
    }
    ck_assert_uint_eq(script.calls[4].count, 4);
    struct reader_numbers numbers = reader_numbers(world.reader);
    ck_assert_uint_eq(numbers.batches, 4);
    ck_assert_uint_eq(numbers.batched, MANY);
    ck_assert_uint_eq(numbers.singles, 1);
    ck_assert_uint_eq(numbers.joined, 0);
}
END_TEST

START_TEST(a_slow_call_holds_back_other_requests_for_5_ms)
{
    struct caller *slow = start_slow();
    struct caller *other = caller_for("other");
    caller_start(other);
    script_await(&script.waiting, 1);
    ck_assert_int_eq(script.wait_until_ms, SCRIPT_START_MS + 5);
    ck_assert_uint_eq(script_count(&script.count), 1);
    script_advance(5);
    caller_join(other);
    ck_all_there(other);
    ck_assert_uint_eq(script_count(&script.returned), 1);
    ck_assert_str_eq(script.calls[1].keys[0], "other");
    ck_assert_int_eq(script.calls[1].at_ms, SCRIPT_START_MS + 5);
    caller_end_slow(slow);
}
END_TEST

START_TEST(who_waits_leaves_at_his_deadline_and_the_call_goes_on)
{
    struct caller *slow = start_slow();
    struct caller *hasty = caller_for("slow");
    hasty->request.deadline_ms = SCRIPT_START_MS + 100;
    caller_start(hasty);
    script_await(&script.waiting, 1);
    ck_assert_int_eq(script.wait_until_ms, SCRIPT_START_MS + 100);
    script_advance(100);
    caller_join(hasty);
    ck_assert(!hasty->ok);
    ck_assert_int_eq(hasty->err.kind, ERR_TIMEOUT);
    ck_assert(hasty->err.retryable);
    ck_item_failed(hasty, 0, SERVICE_TRANSPORT, ERR_TIMEOUT);
    ck_assert(hasty->items[0].error.retryable);
    ck_assert_str_eq(hasty->err.message, "\"slow\" in eu-central-1 is still being fetched");
    caller_end_slow(slow);
    struct caller *later = caller_for("slow");
    caller_read(later);
    ck_all_there(later);
    ck_assert_uint_eq(script.count, 1);
}
END_TEST

START_TEST(what_nobody_waits_for_any_more_is_not_asked_for)
{
    struct caller *slow = start_slow();
    struct caller *hasty = caller_for("a");
    hasty->request.deadline_ms = SCRIPT_START_MS + 4;
    caller_start(hasty);
    script_await(&script.waiting, 1);
    ck_assert_int_eq(script.wait_until_ms, SCRIPT_START_MS + 4);
    script_advance(4);
    caller_join(hasty);
    ck_item_failed(hasty, 0, SERVICE_TRANSPORT, ERR_TIMEOUT);
    script_advance(100);
    caller_end_slow(slow);
    ck_assert_uint_eq(script.count, 1);
    /* And it is not thought to be on its way. */
    struct caller *later = caller_for("a");
    caller_read(later);
    ck_all_there(later);
    ck_assert_uint_eq(reader_numbers(world.reader).joined, 0);
}
END_TEST

START_TEST(a_deadline_that_has_passed_asks_nobody)
{
    struct caller *late = caller_for("a");
    late->request.deadline_ms = SCRIPT_START_MS;
    caller_read(late);
    ck_item_failed(late, 0, SERVICE_TRANSPORT, ERR_TIMEOUT);
    ck_assert_uint_eq(script.count, 0);
}
END_TEST

START_TEST(a_call_is_given_the_time_of_who_can_wait_longest)
{
    struct caller *slow = start_slow();
    script_hold(1);
    struct caller *patient = caller_for_numbers(0, 19);
    patient->request.urgency = SERVICE_BACKGROUND;
    patient->request.deadline_ms = SCRIPT_START_MS + 60000;
    caller_start(patient);
    script_await(&script.waiting, 1);
    /* With his the batch is full: he makes the call. */
    struct caller *hasty = caller_for("hasty");
    hasty->request.deadline_ms = SCRIPT_START_MS + 100;
    caller_start(hasty);
    script_await(&script.count, 2);
    ck_assert_uint_eq(script.calls[1].count, 20);
    ck_assert_str_eq(script.calls[1].keys[0], "hasty");
    ck_assert_int_eq(script.calls[1].deadline_ms, SCRIPT_START_MS + 60000);
    ck_assert_int_eq(script.calls[1].urgency, SERVICE_ADMISSION);
    script_advance(150);
    script_release(1);
    caller_join(hasty);
    caller_join(patient);
    ck_all_there(hasty);
    ck_all_there(patient);
    caller_end_slow(slow);
    ck_assert_uint_eq(script.count, 2);
}
END_TEST

START_TEST(what_nobody_waits_for_any_more_is_not_asked_for_again)
{
    script.keys[0] = (struct scripted_key){.key = "hasty", .forgotten = true};
    struct caller *slow = start_slow();
    script_hold(1);
    struct caller *hasty = caller_for("hasty");
    hasty->request.deadline_ms = SCRIPT_START_MS + 15;
    caller_start(hasty);
    script_await(&script.waiting, 1);
    struct caller *patient = caller_for_numbers(0, 19);
    caller_start(patient);
    script_await(&script.count, 2);
    script_advance(15);
    caller_join(hasty);
    ck_item_failed(hasty, 0, SERVICE_TRANSPORT, ERR_TIMEOUT);
    script_release(1);
    caller_join(patient);
    ck_all_there(patient);
    caller_end_slow(slow);
    ck_assert_uint_eq(script.count, 2);
    ck_assert_uint_eq(script_calls_with("hasty", 20), 1);
    struct caller *later = caller_for("hasty");
    caller_read(later);
    ck_all_there(later);
    ck_assert_uint_eq(reader_numbers(world.reader).joined, 0);
}
END_TEST

START_TEST(what_a_request_joins_is_as_urgent_as_the_request)
{
    struct caller *slow = start_slow();
    struct caller *background = caller_for("a");
    background->request.urgency = SERVICE_BACKGROUND;
    caller_start(background);
    script_await(&script.waiting, 1);
    struct caller *request = caller_for("a");
    caller_start(request);
    script_await(&script.waiting, 2);
    script_advance(20);
    caller_join(background);
    caller_join(request);
    ck_all_there(background);
    ck_all_there(request);
    caller_end_slow(slow);
    ck_assert_uint_eq(script.count, 2);
    ck_assert_int_eq(script.calls[1].urgency, SERVICE_ADMISSION);
}
END_TEST

START_TEST(who_can_wait_longer_than_the_call_was_given_has_it_made_again)
{
    script_hold(0);
    script.fails = 1;
    script.how = SERVICE_TRANSIENT;
    struct caller *hasty = caller_for("a");
    hasty->request.deadline_ms = SCRIPT_START_MS + 400;
    caller_start(hasty);
    script_await(&script.count, 1);
    struct caller *patient = caller_for("a");
    caller_start(patient);
    script_await(&script.waiting, 1);
    /* No try is begun with less than 300 ms left. */
    script_advance(_i == 0 ? 99 : 100);
    script_release(0);
    caller_join(patient);
    if (_i == 0) {
        ck_item_failed(patient, 0, SERVICE_TRANSIENT, ERR_UNAVAILABLE);
        ck_assert_uint_eq(script_count(&script.count), 1);
        caller_join(hasty);
        ck_item_failed(hasty, 0, SERVICE_TRANSIENT, ERR_UNAVAILABLE);
        return;
    }
    ck_all_there(patient);
    caller_join(hasty);
    ck_all_there(hasty);
    ck_assert_uint_eq(script.count, 2);
    ck_assert_int_eq(script.calls[1].deadline_ms, SCRIPT_START_MS + 8000);
}
END_TEST

START_TEST(where_iam_forbids_batches_values_are_asked_for_singly)
{
    script.batches = script_error(SERVICE_DENIED);
    struct caller *first = caller_for_numbers(0, 3);
    caller_read(first);
    ck_all_there(first);
    ck_assert_uint_eq(script.count, 4);
    ck_assert_uint_eq(script.calls[0].count, 3);
    for (size_t i = 1; i < 4; i++) {
        ck_assert_uint_eq(script.calls[i].count, 1);
    }

    script_advance(TEN_MINUTES_MS - 1);
    struct caller *second = caller_for_numbers(10, 3);
    caller_read(second);
    ck_all_there(second);
    ck_assert_uint_eq(script.count, 7);
    ck_assert_uint_eq(reader_numbers(world.reader).batches, 1);

    script_advance(1);
    script.batches = (struct service_error){0};
    struct caller *third = caller_for_numbers(20, 3);
    caller_read(third);
    ck_all_there(third);
    ck_assert_uint_eq(script.count, 8);
    ck_assert_uint_eq(script.calls[7].count, 3);
}
END_TEST

START_TEST(after_a_forbidden_batch_each_caller_asks_for_his_own)
{
    script.batches = script_error(SERVICE_DENIED);
    struct caller *slow = start_slow();
    script_hold(1);
    for (size_t i = 0; i < 20; i++) {
        caller_start(caller_for_numbers(i, 1));
    }
    script_await(&script.count, 2);
    script_await(&script.waiting, 19);
    /* All of them at the same time: twenty calls are under way before the first is answered. */
    for (size_t i = 2; i < 22; i++) {
        script_hold(i);
    }
    script_release(1);
    script_await(&script.count, 22);
    for (size_t i = 2; i < 22; i++) {
        script_release(i);
    }
    for (size_t i = 1; i <= 20; i++) {
        caller_join(&callers[i]);
        ck_all_there(&callers[i]);
    }
    caller_end_slow(slow);
    ck_assert_uint_eq(script.count, 22);
}
END_TEST

START_TEST(a_throttled_batch_of_secrets_is_asked_for_singly)
{
    script.batches = script_error(SERVICE_THROTTLE);
    struct caller *caller = caller_for_numbers(0, 3);
    caller_read(caller);
    ck_all_there(caller);
    ck_assert_uint_eq(script.count, 4);
    /* Which does not mean that batches are not allowed. */
    script.batches = (struct service_error){0};
    struct caller *next = caller_for_numbers(10, 3);
    caller_read(next);
    ck_all_there(next);
    ck_assert_uint_eq(script.count, 5);
}
END_TEST

START_TEST(a_batch_that_failed_for_everybody_is_the_answer)
{
    static const struct {
        enum endpoint_service service;
        enum service_error_class class;
        enum err_kind kind;
    } cases[] = {
        {ENDPOINT_SSM, SERVICE_THROTTLE, ERR_BUSY},
        {ENDPOINT_SECRETS_MANAGER, SERVICE_TRANSIENT, ERR_UNAVAILABLE},
        {ENDPOINT_SECRETS_MANAGER, SERVICE_CREDENTIAL, ERR_DENIED},
        {ENDPOINT_SSM, SERVICE_CLOCK, ERR_DENIED},
    };
    script.batches = script_error(cases[_i].class);
    struct caller *caller = caller_for_numbers(0, 3);
    caller->request.service = cases[_i].service;
    caller_read(caller);
    ck_assert(!caller->ok);
    for (size_t i = 0; i < 3; i++) {
        ck_item_failed(caller, i, cases[_i].class, cases[_i].kind);
    }
    ck_assert_uint_eq(script.count, 1);
}
END_TEST

START_TEST(a_batch_that_is_too_large_is_asked_for_singly)
{
    script.batches_kind = ERR_TOO_BIG;
    struct caller *caller = caller_for_numbers(0, 3);
    caller_read(caller);
    ck_all_there(caller);
    ck_assert_uint_eq(script.count, 4);
}
END_TEST

START_TEST(what_a_batch_could_not_say_is_asked_for_singly)
{
    script.keys[0] = (struct scripted_key){.key = "k1", .batch = SERVICE_NOT_FOUND};
    script.keys[1] = (struct scripted_key){.key = "k2", .batch = SERVICE_TRANSIENT};
    script.keys[2] = (struct scripted_key){.key = "k3", .forgotten = true};
    script.keys[3] = (struct scripted_key){.key = "k4", .batch = SERVICE_DENIED};
    script.keys[4] =
        (struct scripted_key){.key = "k5", .batch = SERVICE_THROTTLE, .single = SERVICE_THROTTLE};
    struct caller *caller = caller_for_numbers(0, 7);
    caller_read(caller);
    ck_assert(!caller->ok);
    ck_assert_int_eq(caller->err.kind, ERR_MISSING);
    ck_item_there(caller, 0, "role-a");
    ck_item_failed(caller, 1, SERVICE_NOT_FOUND, ERR_MISSING);
    ck_item_there(caller, 2, "role-a");
    ck_item_there(caller, 3, "role-a");
    ck_item_failed(caller, 4, SERVICE_DENIED, ERR_DENIED);
    ck_item_failed(caller, 5, SERVICE_THROTTLE, ERR_BUSY);
    ck_item_there(caller, 6, "role-a");
    ck_assert_uint_eq(script.count, 4);
    ck_assert_uint_eq(script_calls_with("k2", 1), 1);
    ck_assert_uint_eq(script_calls_with("k3", 1), 1);
    ck_assert_uint_eq(script_calls_with("k5", 1), 1);
    /* Nothing is kept of what nobody answered. */
    struct caller *again = caller_for("k5");
    caller_read(again);
    ck_item_failed(again, 0, SERVICE_THROTTLE, ERR_BUSY);
    ck_assert_uint_eq(script.count, 5);
}
END_TEST

START_TEST(one_bad_parameter_does_not_fail_the_others)
{
    script.keys[0] = (struct scripted_key){.key = "k2", .single = SERVICE_DENIED, .spoils = true};
    struct caller *first = caller_for_numbers(0, 5);
    first->request.service = ENDPOINT_SSM;
    caller_read(first);
    for (size_t i = 0; i < 5; i++) {
        if (i == 2) {
            ck_item_failed(first, i, SERVICE_DENIED, ERR_DENIED);
        } else {
            ck_item_there(first, i, "role-a");
        }
    }
    ck_assert_uint_eq(script.count, 6);

    /* Next time the others are a batch without it. */
    script_advance(120000);
    struct caller *second = caller_for_numbers(0, 5);
    second->request.service = ENDPOINT_SSM;
    caller_read(second);
    ck_item_failed(second, 2, SERVICE_DENIED, ERR_DENIED);
    ck_item_there(second, 4, "role-a");
    ck_assert_uint_eq(script.count, 8);
    ck_assert_uint_eq(script.calls[6].count, 4);
    ck_assert_uint_eq(script_calls_with("k2", 1), 2);

    /* It is one of them again once it can be read. */
    script.keys[0] = (struct scripted_key){0};
    script_advance(120000);
    struct caller *third = caller_for_numbers(0, 5);
    third->request.service = ENDPOINT_SSM;
    caller_read(third);
    ck_all_there(third);
    ck_assert_uint_eq(script.count, 10);
    script_advance(120000);
    struct caller *fourth = caller_for_numbers(0, 5);
    fourth->request.service = ENDPOINT_SSM;
    caller_read(fourth);
    ck_all_there(fourth);
    ck_assert_uint_eq(script.count, 11);
    ck_assert_uint_eq(script.calls[10].count, 5);
}
END_TEST

START_TEST(equal_items_are_asked_for_once)
{
    struct caller *caller = caller_for(NULL);
    caller_wants(caller, "a", "");
    caller_wants(caller, "a", "AWSCURRENT");
    caller_wants(caller, "a", "AWSPREVIOUS");
    caller_wants(caller, "b", "uuid/1");
    caller_wants(caller, "a", "");
    caller_read(caller);
    ck_all_there(caller);
    ck_assert_uint_eq(script.count, 3);
    ck_assert_uint_eq(script_calls_with("a", 1), 1);
    ck_assert_uint_eq(script_calls_with("a@AWSPREVIOUS", 1), 1);
    ck_assert_uint_eq(script_calls_with("b@uuid/1", 1), 1);
    ck_assert_uint_eq(reader_numbers(world.reader).joined, 2);
}
END_TEST

START_TEST(versions_of_parameters_go_in_one_batch)
{
    struct caller *caller = caller_for(NULL);
    caller->request.service = ENDPOINT_SSM;
    caller_wants(caller, "a", "1");
    caller_wants(caller, "a", "2");
    caller_wants(caller, "a", "");
    caller_read(caller);
    ck_all_there(caller);
    ck_assert_uint_eq(script.count, 1);
    ck_assert_uint_eq(script_calls_with("a@2", 3), 1);
}
END_TEST

START_TEST(requests_spill_over_the_rate_of_batches_and_background_work_waits)
{
    for (size_t i = 0; i < 10; i++) {
        struct caller *caller = caller_for_numbers(2 * i, 2);
        caller_read(caller);
        ck_all_there(caller);
    }
    ck_assert_uint_eq(reader_numbers(world.reader).batches, 10);
    struct caller *request = caller_for_numbers(30, 2);
    caller_read(request);
    ck_all_there(request);
    ck_assert_uint_eq(reader_numbers(world.reader).batches, 10);
    ck_assert_uint_eq(reader_numbers(world.reader).singles, 2);

    struct caller *background = caller_for_numbers(40, 2);
    background->request.urgency = SERVICE_BACKGROUND;
    caller_start(background);
    script_await(&script.waiting, 1);
    ck_assert_int_eq(script.wait_until_ms, SCRIPT_START_MS + 200);
    ck_assert_uint_eq(script_count(&script.count), 12);
    script_advance(200);
    caller_join(background);
    ck_all_there(background);
    ck_assert_uint_eq(script.count, 13);
    ck_assert_uint_eq(script.calls[12].count, 2);
    ck_assert_int_eq(script.calls[12].at_ms, SCRIPT_START_MS + 200);
}
END_TEST

START_TEST(the_next_batch_of_parameters_is_for_a_request_however_many_are_in_the_background)
{
    enum { SPENT = 10, BACKGROUND = 16, EACH = 40 };
    for (size_t i = 0; i < SPENT; i++) {
        struct caller *caller = caller_for_numbers(2 * i, 2);
        caller->request.service = ENDPOINT_SSM;
        caller_read(caller);
        ck_all_there(caller);
    }
    for (size_t i = 0; i < BACKGROUND; i++) {
        struct caller *background = caller_for_numbers(100 + EACH * i, EACH);
        background->request.service = ENDPOINT_SSM;
        background->request.urgency = SERVICE_BACKGROUND;
        caller_start(background);
    }
    struct caller *request = caller_for_numbers(30, 2);
    request->request.service = ENDPOINT_SSM;
    caller_start(request);
    script_await(&script.waiting, BACKGROUND + 1);
    ck_assert_uint_eq(script_count(&script.count), SPENT);
    script_advance(200);
    script_await(&script.returned, SPENT + 1);
    ck_assert_uint_eq(script.calls[SPENT].count, 10);
    ck_assert_str_eq(script.calls[SPENT].keys[0], "k30");
    ck_assert_str_eq(script.calls[SPENT].keys[1], "k31");
    ck_assert_int_eq(script.calls[SPENT].urgency, SERVICE_ADMISSION);
    caller_join(request);
    ck_all_there(request);
    script_advance(8000);
    for (size_t i = 0; i < BACKGROUND; i++) {
        caller_join(&callers[SPENT + i]);
    }
    ck_assert_uint_eq(script.count, SPENT + 1);
}
END_TEST

START_TEST(a_deadline_holds_between_the_calls_of_one_caller)
{
    struct caller *caller = caller_for(NULL);
    caller_wants(caller, "a", "1");
    caller_wants(caller, "a", "2");
    caller_wants(caller, "a", "3");
    script_hold(1);
    caller_start(caller);
    script_await(&script.count, 2);
    script_advance(8000);
    script_release(1);
    caller_join(caller);
    ck_assert(!caller->ok);
    ck_item_there(caller, 0, "role-a");
    ck_item_there(caller, 1, "role-a");
    ck_item_failed(caller, 2, SERVICE_TRANSPORT, ERR_TIMEOUT);
    ck_assert_uint_eq(script.count, 2);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("aws/read_queue");
    TCase *tcase = tcase_create("queue");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_idle_queue_calls_without_waiting);
    tcase_add_test(tcase, several_of_one_caller_are_one_call);
    tcase_add_loop_test(tcase, more_than_a_batch_holds_are_several_calls, 0, 2);
    tcase_add_test(tcase, callers_of_one_value_share_one_call);
    tcase_add_loop_test(tcase, what_is_answered_just_before_a_caller_comes_is_not_asked_for_again,
                        0, 2);
    tcase_add_test(tcase, a_storm_behind_a_slow_call_goes_in_full_batches);
    tcase_add_test(tcase, a_slow_call_holds_back_other_requests_for_5_ms);
    tcase_add_test(tcase, who_waits_leaves_at_his_deadline_and_the_call_goes_on);
    tcase_add_test(tcase, what_nobody_waits_for_any_more_is_not_asked_for);
    tcase_add_test(tcase, a_deadline_that_has_passed_asks_nobody);
    tcase_add_test(tcase, a_call_is_given_the_time_of_who_can_wait_longest);
    tcase_add_test(tcase, what_nobody_waits_for_any_more_is_not_asked_for_again);
    tcase_add_test(tcase, what_a_request_joins_is_as_urgent_as_the_request);
    tcase_add_loop_test(tcase, who_can_wait_longer_than_the_call_was_given_has_it_made_again, 0, 2);
    tcase_add_test(tcase, where_iam_forbids_batches_values_are_asked_for_singly);
    tcase_add_test(tcase, after_a_forbidden_batch_each_caller_asks_for_his_own);
    tcase_add_test(tcase, a_throttled_batch_of_secrets_is_asked_for_singly);
    tcase_add_loop_test(tcase, a_batch_that_failed_for_everybody_is_the_answer, 0, 4);
    tcase_add_test(tcase, a_batch_that_is_too_large_is_asked_for_singly);
    tcase_add_test(tcase, what_a_batch_could_not_say_is_asked_for_singly);
    tcase_add_test(tcase, one_bad_parameter_does_not_fail_the_others);
    tcase_add_test(tcase, equal_items_are_asked_for_once);
    tcase_add_test(tcase, versions_of_parameters_go_in_one_batch);
    tcase_add_test(tcase, requests_spill_over_the_rate_of_batches_and_background_work_waits);
    tcase_add_test(
        tcase, the_next_batch_of_parameters_is_for_a_request_however_many_are_in_the_background);
    tcase_add_test(tcase, a_deadline_holds_between_the_calls_of_one_caller);
    suite_add_tcase(suite, tcase);
    return suite;
}
