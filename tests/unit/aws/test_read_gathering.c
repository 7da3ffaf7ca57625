/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include "aws/read_gathering.h"

enum {
    FETCHES = 64,
    NOW_MS = 100000,
    LATER_MS = NOW_MS + 8000,
};

static struct read_gathering gathering;
static struct read_fetch *fetches[FETCHES];
static size_t count;
static struct read_call call;
static int64_t wake_ms;

static void setup(void)
{
    count = 0;
    read_gathering_init(&gathering, ENDPOINT_SECRETS_MANAGER);
}

static void teardown(void)
{
    read_gathering_done(&gathering);
    for (size_t i = 0; i < count; i++) {
        read_fetch_free(fetches[i]);
    }
}

static void use(enum endpoint_service service)
{
    read_gathering_done(&gathering);
    read_gathering_init(&gathering, service);
}

static struct read_fetch *came_as(const char *key, const char *version, int64_t at_ms,
                                  enum service_urgency urgency)
{
    struct read_fetch *fetch = read_fetch_new(sv_of(key), sv_of(version), SV("shop"));
    fetch->urgency = urgency;
    fetch->deadline_ms = LATER_MS;
    fetch->gathered_ms = at_ms;
    read_gathering_add(&gathering, fetch);
    ck_assert_int_eq(fetch->state, READ_FETCH_GATHERED);
    fetches[count++] = fetch;
    return fetch;
}

static struct read_fetch *came(int64_t at_ms)
{
    char key[16];
    (void)snprintf(key, sizeof key, "k%zu", count);
    return came_as(key, "", at_ms, SERVICE_ADMISSION);
}

static bool next(struct read_fetch **own, size_t own_count, int64_t now_ms)
{
    const struct read_party party = {own, own_count, LATER_MS};
    return read_gathering_next(&gathering, &party, now_ms, &call, &wake_ms);
}

static bool next_for(struct read_fetch *own, int64_t now_ms)
{
    return next(&own, 1, now_ms);
}

/* It is under way: only its caller touches it. */
static void ck_call(size_t first, size_t wanted)
{
    ck_assert_uint_eq(call.count, wanted);
    for (size_t i = 0; i < wanted; i++) {
        ck_assert_ptr_eq(call.fetches[i], fetches[first + i]);
        ck_assert_int_eq(call.fetches[i]->state, READ_FETCH_CALLED);
    }
}

static void end(enum read_call_end how)
{
    read_gathering_end(&gathering, &call, how, NOW_MS);
    for (size_t i = 0; i < call.count; i++) {
        call.fetches[i]->state = READ_FETCH_ANSWERED;
    }
}

static void spend_rate(void)
{
    while (batch_rate_take(&gathering.rate, NOW_MS)) {
    }
}

START_TEST(an_idle_queue_asks_at_once)
{
    ck_assert(next_for(came(NOW_MS), NOW_MS));
    ck_call(0, 1);
    ck_assert_uint_eq(gathering.calls, 1);
    ck_assert_uint_eq(gathering.count, 0);
    end(READ_CALL_ENDED);
    ck_assert_uint_eq(gathering.calls, 0);
    for (int i = 0; i < 3; i++) {
        came(NOW_MS);
    }
    ck_assert(next(&fetches[1], 3, NOW_MS));
    ck_call(1, 3);
    ck_assert_uint_eq(gathering.count, 0);
}
END_TEST

START_TEST(a_call_under_way_holds_back_for_20_ms)
{
    ck_assert(next_for(came(NOW_MS), NOW_MS));
    struct read_fetch *second = came(NOW_MS + 5);
    second->urgency = SERVICE_BACKGROUND;
    came(NOW_MS + 12)->urgency = SERVICE_BACKGROUND;
    ck_assert(!next_for(second, NOW_MS + 12));
    ck_assert_int_eq(wake_ms, NOW_MS + 25);
    ck_assert(!next_for(second, NOW_MS + 24));
    ck_assert_uint_eq(gathering.count, 2);
    ck_assert(next_for(second, NOW_MS + 25));
    ck_call(1, 2);
    ck_assert_uint_eq(gathering.calls, 2);
}
END_TEST

START_TEST(a_call_under_way_holds_back_a_request_for_5_ms)
{
    ck_assert(next_for(came(NOW_MS), NOW_MS));
    came(NOW_MS + 5)->urgency = SERVICE_BACKGROUND;
    struct read_fetch *request = came(NOW_MS + 7);
    ck_assert(!next_for(request, NOW_MS + 7));
    ck_assert_int_eq(wake_ms, NOW_MS + 10);
    ck_assert(!next_for(fetches[1], NOW_MS + 10));
    ck_assert_int_eq(wake_ms, NOW_MS + 25);
    ck_assert(next_for(request, NOW_MS + 10));
    ck_assert_uint_eq(call.count, 2);
    ck_assert_ptr_eq(call.fetches[0], request);
}
END_TEST

START_TEST(the_window_begins_anew_for_what_is_left)
{
    ck_assert(next_for(came(NOW_MS), NOW_MS));
    struct read_fetch *second = came(NOW_MS + 5);
    ck_assert(next_for(second, NOW_MS + 10));
    struct read_fetch *third = came(NOW_MS + 11);
    ck_assert(!next_for(third, NOW_MS + 11));
    ck_assert_int_eq(wake_ms, NOW_MS + 16);
}
END_TEST

START_TEST(a_call_that_returns_lets_the_gathered_go)
{
    ck_assert(next_for(came(NOW_MS), NOW_MS));
    struct read_fetch *second = came(NOW_MS + 1);
    came(NOW_MS + 1);
    ck_assert(!next_for(second, NOW_MS + 2));
    call = (struct read_call){.fetches = {fetches[0]}, .count = 1};
    end(READ_CALL_ENDED);
    ck_assert(next_for(second, NOW_MS + 2));
    ck_call(1, 2);
}
END_TEST

START_TEST(a_full_batch_goes_at_once)
{
    static const struct {
        enum endpoint_service service;
        size_t full;
    } cases[] = {{ENDPOINT_SECRETS_MANAGER, 20}, {ENDPOINT_SSM, 10}};
    use(cases[_i].service);
    ck_assert(next_for(came(NOW_MS), NOW_MS));
    for (size_t i = 1; i < cases[_i].full; i++) {
        ck_assert(!next_for(came(NOW_MS), NOW_MS));
    }
    ck_assert(next_for(came(NOW_MS), NOW_MS));
    ck_assert_uint_eq(call.count, cases[_i].full);
    /* His own comes first. */
    ck_assert_ptr_eq(call.fetches[0], fetches[cases[_i].full]);
    ck_assert_ptr_eq(call.fetches[1], fetches[1]);
    ck_assert_uint_eq(gathering.count, 0);
}
END_TEST

START_TEST(takes_what_requests_wait_for_then_its_own_then_the_rest)
{
    for (int i = 0; i < 25; i++) {
        came(NOW_MS)->urgency = i % 2 ? SERVICE_ADMISSION : SERVICE_BACKGROUND;
    }
    struct read_fetch *own[] = {fetches[24], fetches[5], fetches[22], fetches[24]};
    ck_assert(next(own, 4, NOW_MS));
    ck_assert_uint_eq(call.count, 20);
    ck_assert_ptr_eq(call.fetches[0], fetches[5]);
    static const size_t others[] = {1, 3, 7, 9, 11, 13, 15, 17, 19, 21, 23};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        ck_assert_ptr_eq(call.fetches[1 + i], fetches[others[i]]);
    }
    ck_assert_ptr_eq(call.fetches[12], fetches[24]);
    ck_assert_ptr_eq(call.fetches[13], fetches[22]);
    for (size_t i = 0; i < 6; i++) {
        ck_assert_ptr_eq(call.fetches[14 + i], fetches[2 * i]);
    }
    ck_assert_uint_eq(gathering.count, 5);
    ck_assert_ptr_eq(gathering.fetches[0], fetches[12]);
    ck_assert_ptr_eq(gathering.fetches[4], fetches[20]);
    ck_assert_int_eq(call.urgency, SERVICE_ADMISSION);
}
END_TEST

START_TEST(the_next_batch_of_the_rate_has_what_a_request_waits_for_whoever_makes_it)
{
    use(ENDPOINT_SSM);
    spend_rate();
    for (int i = 0; i < 40; i++) {
        came(NOW_MS)->urgency = SERVICE_BACKGROUND;
    }
    came(NOW_MS + 1);
    ck_assert(!next(fetches, 40, NOW_MS + 199));
    ck_assert_int_eq(wake_ms, NOW_MS + 200);
    ck_assert(next(fetches, 40, NOW_MS + 200));
    ck_assert_uint_eq(call.count, 10);
    ck_assert_ptr_eq(call.fetches[0], fetches[40]);
    ck_assert_ptr_eq(call.fetches[1], fetches[0]);
    ck_assert_int_eq(call.urgency, SERVICE_ADMISSION);
    ck_assert_uint_eq(gathering.count, 31);
}
END_TEST

START_TEST(background_work_carries_requests_even_where_they_leave_it_no_place)
{
    use(ENDPOINT_SSM);
    came(NOW_MS)->urgency = SERVICE_BACKGROUND;
    for (int i = 0; i < 11; i++) {
        came(NOW_MS);
    }
    ck_assert(next_for(fetches[0], NOW_MS));
    ck_call(1, 10);
    ck_assert_uint_eq(gathering.count, 2);
    ck_assert_int_eq(fetches[0]->state, READ_FETCH_GATHERED);
}
END_TEST

START_TEST(nobody_asks_for_others_only)
{
    ck_assert(next_for(came(NOW_MS), NOW_MS));
    came(NOW_MS);
    ck_assert(!next_for(fetches[0], NOW_MS + 1000));
    ck_assert_int_eq(wake_ms, INT64_MAX);
    ck_assert_uint_eq(gathering.count, 1);
}
END_TEST

START_TEST(a_version_of_a_secret_goes_alone_and_at_once)
{
    ck_assert(next_for(came(NOW_MS), NOW_MS));
    struct read_fetch *old = came_as("k", "AWSPREVIOUS", NOW_MS, SERVICE_ADMISSION);
    came(NOW_MS);
    ck_assert(old->alone);
    ck_assert(next_for(old, NOW_MS));
    ck_call(1, 1);
    ck_assert_uint_eq(gathering.count, 1);
}
END_TEST

START_TEST(a_version_of_a_parameter_goes_with_the_others)
{
    use(ENDPOINT_SSM);
    came_as("k", "3", NOW_MS, SERVICE_ADMISSION);
    struct read_fetch *other = came_as("k", "", NOW_MS, SERVICE_ADMISSION);
    ck_assert(next_for(other, NOW_MS));
    ck_assert_uint_eq(call.count, 2);
}
END_TEST

START_TEST(while_it_waits_for_the_window_what_goes_alone_is_asked_for)
{
    ck_assert(next_for(came(NOW_MS), NOW_MS));
    came(NOW_MS);
    came_as("k", "uuid/1", NOW_MS, SERVICE_ADMISSION);
    ck_assert(next(&fetches[1], 2, NOW_MS));
    ck_call(2, 1);
    ck_assert(!next(&fetches[1], 2, NOW_MS));
    ck_assert_int_eq(wake_ms, NOW_MS + 5);
}
END_TEST

START_TEST(beyond_the_rate_a_request_asks_singly)
{
    spend_rate();
    came(NOW_MS);
    came(NOW_MS);
    ck_assert(next(fetches, 2, NOW_MS));
    ck_call(0, 1);
    ck_assert_uint_eq(gathering.count, 1);
}
END_TEST

START_TEST(beyond_the_rate_no_request_is_held_back_for_a_batch_that_cannot_come)
{
    spend_rate();
    ck_assert(next_for(came(NOW_MS), NOW_MS));
    struct read_fetch *request = came(NOW_MS + 194);
    came(NOW_MS + 194)->urgency = SERVICE_BACKGROUND;
    ck_assert(!next_for(fetches[2], NOW_MS + 194));
    ck_assert_int_eq(wake_ms, NOW_MS + 214);
    ck_assert(next_for(request, NOW_MS + 194));
    ck_call(1, 1);
}
END_TEST

START_TEST(a_request_is_held_back_for_a_batch_that_the_rate_has_in_time)
{
    spend_rate();
    ck_assert(next_for(came(NOW_MS), NOW_MS));
    came(NOW_MS + 195);
    came(NOW_MS + 195);
    ck_assert(!next_for(fetches[1], NOW_MS + 195));
    ck_assert_int_eq(wake_ms, NOW_MS + 200);
    ck_assert(next_for(fetches[1], NOW_MS + 200));
    ck_call(1, 2);
}
END_TEST

START_TEST(beyond_the_rate_parameters_are_held_back_all_the_same)
{
    use(ENDPOINT_SSM);
    spend_rate();
    ck_assert(next_for(came(NOW_MS), NOW_MS));
    came(NOW_MS + 1);
    ck_assert(!next_for(fetches[1], NOW_MS + 1));
    ck_assert_int_eq(wake_ms, NOW_MS + 6);
}
END_TEST

START_TEST(beyond_the_rate_background_work_waits)
{
    spend_rate();
    came(NOW_MS)->urgency = SERVICE_BACKGROUND;
    came(NOW_MS)->urgency = SERVICE_BACKGROUND;
    ck_assert(!next(fetches, 2, NOW_MS));
    ck_assert_int_eq(wake_ms, NOW_MS + 200);
    ck_assert(!next(fetches, 2, NOW_MS + 199));
    ck_assert(next(fetches, 2, NOW_MS + 200));
    ck_call(0, 2);
}
END_TEST

START_TEST(beyond_the_rate_everybody_waits_for_parameters)
{
    use(ENDPOINT_SSM);
    spend_rate();
    came(NOW_MS);
    came(NOW_MS);
    ck_assert(!next(fetches, 2, NOW_MS));
    ck_assert_int_eq(wake_ms, NOW_MS + 200);
    ck_assert(next(fetches, 2, NOW_MS + 200));
    ck_call(0, 2);
}
END_TEST

START_TEST(who_has_no_time_to_wait_for_the_rate_asks_singly)
{
    spend_rate();
    came(NOW_MS)->urgency = SERVICE_BACKGROUND;
    came(NOW_MS)->urgency = SERVICE_BACKGROUND;
    const struct read_party party = {fetches, 2, NOW_MS + 200};
    ck_assert(read_gathering_next(&gathering, &party, NOW_MS, &call, &wake_ms));
    ck_call(0, 1);
}
END_TEST

START_TEST(one_alone_needs_no_rate)
{
    spend_rate();
    came(NOW_MS)->urgency = SERVICE_BACKGROUND;
    ck_assert(next_for(fetches[0], NOW_MS));
    ck_call(0, 1);
    end(READ_CALL_ENDED);
    struct read_fetch *lone = came(NOW_MS);
    ck_assert_int_eq(batch_rate_ready_ms(&gathering.rate), NOW_MS + 200);
    ck_assert(next_for(lone, NOW_MS + 200));
    ck_assert(batch_rate_take(&gathering.rate, NOW_MS + 200));
}
END_TEST

START_TEST(after_a_forbidden_batch_everybody_asks_singly_for_ten_minutes)
{
    came(NOW_MS);
    came(NOW_MS);
    ck_assert(next(fetches, 2, NOW_MS));
    ck_assert_uint_eq(call.count, 2);
    end(READ_CALL_FORBIDDEN);
    ck_assert(!fetches[0]->suspect);
    ck_assert(!read_gathering_fresh(&gathering, NOW_MS + 599999));
    came(NOW_MS);
    came(NOW_MS);
    ck_assert(next(&fetches[2], 2, NOW_MS + 599999));
    ck_call(2, 1);
    /* Neither a window nor others hold it back. */
    ck_assert(next(&fetches[2], 2, NOW_MS + 599999));
    ck_call(3, 1);
    ck_assert(read_gathering_fresh(&gathering, NOW_MS + 600000));
    came(NOW_MS + 600000);
    came(NOW_MS + 600000);
    ck_assert(next(&fetches[4], 2, NOW_MS + 600020));
    ck_call(4, 2);
}
END_TEST

/* A batch of two is refused, then asked for again; the second ends with `class`. */
static void spoil(enum service_error_class class)
{
    use(ENDPOINT_SSM);
    came(NOW_MS);
    came(NOW_MS);
    ck_assert(next(fetches, 2, NOW_MS));
    fetches[0]->again = true;
    fetches[1]->again = true;
    end(READ_CALL_SPOILT);
    for (size_t i = 0; i < 2; i++) {
        ck_assert(fetches[i]->suspect && fetches[i]->alone);
        read_gathering_add(&gathering, fetches[i]);
        ck_assert(next(&fetches[i], 1, NOW_MS));
        ck_call(i, 1);
        ck_assert(batch_refusals_forbids(&gathering.refusals, NOW_MS));
        fetches[i]->again = false;
        fetches[i]->error.class = i == 0 ? SERVICE_OK : class;
        end(READ_CALL_ENDED);
    }
}

START_TEST(who_spoilt_a_batch_goes_alone_for_ten_minutes)
{
    spoil(_i == 0 ? SERVICE_DENIED : SERVICE_REQUEST);
    ck_assert(!batch_refusals_forbids(&gathering.refusals, NOW_MS));
    ck_assert(!came_as("k0", "", NOW_MS, SERVICE_ADMISSION)->alone);
    ck_assert(came_as("k1", "", NOW_MS + 599999, SERVICE_ADMISSION)->alone);
    ck_assert(!came_as("k1", "", NOW_MS + 600000, SERVICE_ADMISSION)->alone);
}
END_TEST

START_TEST(who_can_be_read_again_is_no_longer_alone)
{
    spoil(SERVICE_DENIED);
    struct read_fetch *blamed = came_as("k1", "", NOW_MS, SERVICE_ADMISSION);
    ck_assert(next_for(blamed, NOW_MS));
    end(READ_CALL_ENDED);
    ck_assert(!came_as("k1", "", NOW_MS, SERVICE_ADMISSION)->alone);
}
END_TEST

START_TEST(when_nobody_spoilt_it_batches_are_not_allowed)
{
    static const enum service_error_class classes[] = {SERVICE_OK, SERVICE_NOT_FOUND,
                                                       SERVICE_TRANSIENT};
    spoil(classes[_i]);
    ck_assert(batch_refusals_forbids(&gathering.refusals, NOW_MS + 599999));
    ck_assert(!came_as("k1", "", NOW_MS, SERVICE_ADMISSION)->alone);
}
END_TEST

START_TEST(what_is_removed_is_not_asked_for)
{
    came(NOW_MS);
    came(NOW_MS);
    came(NOW_MS);
    read_gathering_remove(&gathering, fetches[1]);
    ck_assert_uint_eq(gathering.count, 2);
    ck_assert(next_for(fetches[2], NOW_MS));
    ck_assert_uint_eq(call.count, 2);
    ck_assert_ptr_eq(call.fetches[0], fetches[2]);
    ck_assert_ptr_eq(call.fetches[1], fetches[0]);
}
END_TEST

START_TEST(a_queue_is_fresh_when_the_rate_is_whole)
{
    ck_assert(read_gathering_fresh(&gathering, 0));
    came(NOW_MS);
    came(NOW_MS);
    ck_assert(next(fetches, 2, NOW_MS));
    end(READ_CALL_ENDED);
    ck_assert(!read_gathering_fresh(&gathering, NOW_MS + 199));
    ck_assert(read_gathering_fresh(&gathering, NOW_MS + 200));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("aws/read_gathering");
    TCase *tcase = tcase_create("gathering");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_idle_queue_asks_at_once);
    tcase_add_test(tcase, a_call_under_way_holds_back_for_20_ms);
    tcase_add_test(tcase, a_call_under_way_holds_back_a_request_for_5_ms);
    tcase_add_test(tcase, the_window_begins_anew_for_what_is_left);
    tcase_add_test(tcase, a_call_that_returns_lets_the_gathered_go);
    tcase_add_loop_test(tcase, a_full_batch_goes_at_once, 0, 2);
    tcase_add_test(tcase, takes_what_requests_wait_for_then_its_own_then_the_rest);
    tcase_add_test(tcase, the_next_batch_of_the_rate_has_what_a_request_waits_for_whoever_makes_it);
    tcase_add_test(tcase, background_work_carries_requests_even_where_they_leave_it_no_place);
    tcase_add_test(tcase, nobody_asks_for_others_only);
    tcase_add_test(tcase, a_version_of_a_secret_goes_alone_and_at_once);
    tcase_add_test(tcase, a_version_of_a_parameter_goes_with_the_others);
    tcase_add_test(tcase, while_it_waits_for_the_window_what_goes_alone_is_asked_for);
    tcase_add_test(tcase, beyond_the_rate_a_request_asks_singly);
    tcase_add_test(tcase, beyond_the_rate_no_request_is_held_back_for_a_batch_that_cannot_come);
    tcase_add_test(tcase, a_request_is_held_back_for_a_batch_that_the_rate_has_in_time);
    tcase_add_test(tcase, beyond_the_rate_parameters_are_held_back_all_the_same);
    tcase_add_test(tcase, beyond_the_rate_background_work_waits);
    tcase_add_test(tcase, beyond_the_rate_everybody_waits_for_parameters);
    tcase_add_test(tcase, who_has_no_time_to_wait_for_the_rate_asks_singly);
    tcase_add_test(tcase, one_alone_needs_no_rate);
    tcase_add_test(tcase, after_a_forbidden_batch_everybody_asks_singly_for_ten_minutes);
    tcase_add_loop_test(tcase, who_spoilt_a_batch_goes_alone_for_ten_minutes, 0, 2);
    tcase_add_test(tcase, who_can_be_read_again_is_no_longer_alone);
    tcase_add_loop_test(tcase, when_nobody_spoilt_it_batches_are_not_allowed, 0, 3);
    tcase_add_test(tcase, what_is_removed_is_not_asked_for);
    tcase_add_test(tcase, a_queue_is_fresh_when_the_rate_is_whole);
    suite_add_tcase(suite, tcase);
    return suite;
}
