/* SPDX-License-Identifier: Apache-2.0 */
#include "scripted_calls.h"

enum {
    CALLERS = 8,
    MAX_CALLERS = 4,
};

static struct reader_world world;
static struct caller callers[CALLERS];
static size_t caller_count;

static void setup(void)
{
    reader_world_init(&world, MAX_CALLERS);
    caller_count = 0;
}

static void teardown(void)
{
    for (size_t i = 0; i < caller_count; i++) {
        caller_done(&callers[i]);
    }
    reader_world_done(&world);
}

static struct caller *caller_as(const char *identity, const char *key)
{
    struct caller *caller = &callers[caller_count++];
    caller_init(caller, &world, identity);
    if (key) {
        caller_wants(caller, key, "");
    }
    return caller;
}

static struct caller *read_as(const char *identity, const char *key)
{
    struct caller *caller = caller_as(identity, key);
    caller_read(caller);
    return caller;
}

START_TEST(frees_nothing)
{
    reader_free(NULL);
}
END_TEST

START_TEST(asks_for_nothing_when_nothing_is_wanted)
{
    struct err err;
    struct caller *caller = caller_as("role-a", NULL);
    ck_assert(reader_read(world.reader, &caller->request, caller->items, 0, &err));
    ck_assert_uint_eq(script.count, 0);
    ck_assert_uint_eq(reader_queues(world.reader), 0);
}
END_TEST

START_TEST(answers_from_the_cache_while_it_is_young_enough)
{
    ck_all_there(read_as("role-a", "a"));
    ck_assert_int_eq(callers[0].items[0].age_ms, 0);
    script_advance(59999);
    struct caller *again = read_as("role-a", "a");
    ck_all_there(again);
    ck_assert_int_eq(again->items[0].age_ms, 59999);
    ck_assert_uint_eq(script.count, 1);

    script_advance(2);
    struct caller *late = read_as("role-a", "a");
    ck_all_there(late);
    ck_assert_int_eq(late->items[0].age_ms, 0);
    ck_assert_uint_eq(script.count, 2);
    ck_assert_uint_eq(reader_numbers(world.reader).asked, 3);
}
END_TEST

/* What AWS has changed since the call began is not in its answer. */
START_TEST(an_answer_is_as_old_as_its_call)
{
    struct caller *slow = caller_as("role-a", "slow");
    caller_start_slow(slow);
    script_advance(500);
    caller_end_slow(slow);
    struct caller *next = caller_as("role-a", "slow");
    caller_takes(next, 500);
    caller_read(next);
    ck_all_there(next);
    ck_assert_uint_eq(script.count, 1);
    ck_assert_int_eq(next->items[0].age_ms, 500);
    next = caller_as("role-a", "slow");
    caller_takes(next, 499);
    caller_read(next);
    ck_all_there(next);
    ck_assert_uint_eq(script.count, 2);
}
END_TEST

START_TEST(a_call_that_is_young_enough_is_waited_for)
{
    script.patient = true;
    struct caller *slow = caller_as("role-a", "slow");
    caller_start_slow(slow);
    script_advance(500);
    struct caller *late = caller_as("role-a", "slow");
    caller_takes(late, 500);
    caller_start(late);
    script_await(&script.waiting, 1);
    caller_end_slow(slow);
    caller_join(late);
    ck_all_there(late);
    ck_assert_uint_eq(script.count, 1);
}
END_TEST

/* Neither waits for the other; and what came later of the older one is not kept. */
START_TEST(beside_a_call_that_is_too_old_there_is_another)
{
    struct caller *slow = caller_as("role-a", "slow");
    caller_start_slow(slow);
    script_advance(500);
    struct caller *late = caller_as("role-a", "slow");
    caller_takes(late, 499);
    caller_start(late);
    script_await(&script.waiting, 1);
    /* For others that might go along. */
    script_advance(5);
    caller_join(late);
    ck_all_there(late);
    ck_assert_uint_eq(script.count, 2);
    script_advance(1);
    caller_end_slow(slow);
    struct caller *next = read_as("role-a", "slow");
    ck_all_there(next);
    ck_assert_int_eq(next->items[0].age_ms, 1);
    ck_assert_uint_eq(script.count, 2);
    script_advance(60000);
    ck_all_there(read_as("role-a", "slow"));
    ck_assert_uint_eq(script.count, 3);
}
END_TEST

START_TEST(asks_for_what_the_cache_does_not_have)
{
    ck_all_there(read_as("role-a", "a"));
    struct caller *caller = caller_as("role-a", "b");
    caller_wants(caller, "a", "");
    caller_wants(caller, "c", "");
    caller_read(caller);
    ck_all_there(caller);
    ck_assert_uint_eq(script.count, 2);
    ck_assert_uint_eq(script.calls[1].count, 2);
    ck_assert_uint_eq(script_calls_with("a", 2), 0);
}
END_TEST

START_TEST(asks_whatever_there_is_when_told_to)
{
    ck_all_there(read_as("role-a", "a"));
    struct caller *caller = caller_as("role-a", "a");
    caller_takes(caller, 0);
    caller_read(caller);
    ck_all_there(caller);
    ck_assert_uint_eq(script.count, 2);
}
END_TEST

/* How many calls had been made when it was said that all is asked for. */
static size_t said;
static size_t calls_when_said;

static void note_asked(void *context)
{
    (void)context;
    said++;
    calls_when_said = script.count;
}

static const struct reader_notice notice = {.asked = note_asked};

START_TEST(says_once_that_all_is_asked_for_before_the_first_call)
{
    struct caller *caller = caller_as("role-a", "a");
    caller_wants(caller, "b", "");
    caller->request.notice = &notice;
    said = 0;
    caller_read(caller);
    ck_all_there(caller);
    ck_assert_uint_eq(said, 1);
    ck_assert_uint_eq(calls_when_said, 0);
    ck_assert_uint_eq(script.count, 1);
    struct caller *again = caller_as("role-a", "b");
    again->request.notice = &notice;
    caller_read(again);
    ck_all_there(again);
    ck_assert_uint_eq(said, 2);
    ck_assert_uint_eq(script.count, 1);
}
END_TEST

/* The two batches of one caller go out side by side. */
START_TEST(who_joins_makes_the_calls_that_are_due_and_asks_for_nothing)
{
    script_hold(0);
    struct caller *caller = caller_as("role-a", NULL);
    caller_wants_numbers(caller, 0, 2 * (size_t)SM_BATCH_MAX);
    caller_start(caller);
    script_await(&script.count, 1);
    struct caller *joins = caller_as("role-a", "k30");
    caller_wants(joins, "nobody-asks-for-it", "");
    reader_join(world.reader, &joins->request, joins->items, joins->count);
    ck_assert_uint_eq(script.count, 2);
    ck_assert_uint_eq(script.calls[1].count, SM_BATCH_MAX);
    ck_assert(!joins->items[0].value.has_string);
    script_release(0);
    caller_join(caller);
    ck_all_there(caller);
    ck_assert_uint_eq(script.count, 2);
}
END_TEST

START_TEST(remembers_a_refusal_for_a_moment)
{
    static const enum service_error_class classes[] = {SERVICE_NOT_FOUND, SERVICE_DENIED,
                                                       SERVICE_REQUEST};
    static const enum err_kind kinds[] = {ERR_MISSING, ERR_DENIED, ERR_INVALID};
    script.keys[0] = (struct scripted_key){.key = "a", .single = classes[_i]};
    for (int i = 0; i < 2; i++) {
        struct caller *caller = read_as("role-a", "a");
        ck_assert(!caller->ok);
        ck_assert_int_eq(caller->err.kind, kinds[_i]);
        ck_item_failed(caller, 0, classes[_i], kinds[_i]);
    }
    ck_assert_uint_eq(script.count, 1);
    script.keys[0] = (struct scripted_key){0};
    struct caller *now = caller_as("role-a", "a");
    caller_takes(now, 0);
    caller_read(now);
    ck_all_there(now);
}
END_TEST

START_TEST(does_not_remember_what_passes_or_is_about_us)
{
    static const enum service_error_class classes[] = {
        SERVICE_THROTTLE, SERVICE_TRANSIENT, SERVICE_TRANSPORT, SERVICE_CREDENTIAL, SERVICE_CLOCK};
    script.keys[0] = (struct scripted_key){.key = "a", .single = classes[_i]};
    ck_assert(!read_as("role-a", "a")->ok);
    script.keys[0] = (struct scripted_key){0};
    ck_all_there(read_as("role-a", "a"));
    ck_assert_uint_eq(script.count, 2);
}
END_TEST

static void ck_contact(const struct caller *caller, bool asked, bool answered)
{
    ck_assert_int_eq(caller->items[0].asked, asked);
    ck_assert_int_eq(caller->items[0].answered, answered);
}

START_TEST(an_old_value_stands_in_when_the_service_fails_for_a_while)
{
    static const enum service_error_class classes[] = {SERVICE_THROTTLE, SERVICE_TRANSIENT,
                                                       SERVICE_TRANSPORT};
    ck_all_there(read_as("role-a", "a"));
    script_advance(3600000);
    script.keys[0] = (struct scripted_key){.key = "a", .single = classes[_i]};
    struct caller *caller = caller_as("role-a", "a");
    caller->request.accept_stale = true;
    caller_read(caller);
    ck_all_there(caller);
    ck_assert_int_eq(caller->items[0].age_ms, 3600000);
    ck_assert_uint_eq(script.count, 2);
    /* It is none, but that the service is throttled or has failed is an answer. */
    ck_contact(caller, true, classes[_i] != SERVICE_TRANSPORT);
    /* Only for those who accept it. */
    struct caller *strict = read_as("role-a", "a");
    ck_assert(!strict->ok);
    ck_assert_int_eq(strict->items[0].error.class, classes[_i]);
}
END_TEST

START_TEST(an_old_value_does_not_stand_in_for_a_refusal)
{
    static const enum service_error_class classes[] = {
        SERVICE_NOT_FOUND, SERVICE_DENIED, SERVICE_CREDENTIAL, SERVICE_CLOCK, SERVICE_REQUEST};
    ck_all_there(read_as("role-a", "a"));
    script_advance(3600000);
    script.keys[0] = (struct scripted_key){.key = "a", .single = classes[_i]};
    struct caller *caller = caller_as("role-a", "a");
    caller->request.accept_stale = true;
    caller_read(caller);
    ck_assert(!caller->ok);
    ck_assert_int_eq(caller->items[0].error.class, classes[_i]);
    ck_assert(!caller->items[0].value.has_string);
}
END_TEST

START_TEST(who_lost_his_credentials_has_no_old_values_either)
{
    ck_all_there(read_as("role-a", "a"));
    ck_all_there(read_as("role-b", "a"));
    script_advance(3600000);
    script.keys[0] = (struct scripted_key){.key = "a", .single = SERVICE_CREDENTIAL};
    ck_assert(!read_as("role-a", "a")->ok);
    /* The service fails for a while: only who was not refused has something to stand in. */
    script.keys[0].single = SERVICE_TRANSIENT;
    struct caller *refused = caller_as("role-a", "a");
    refused->request.accept_stale = true;
    caller_read(refused);
    ck_assert(!refused->ok);
    struct caller *other = caller_as("role-b", "a");
    other->request.accept_stale = true;
    caller_read(other);
    ck_all_there(other);
}
END_TEST

START_TEST(says_whether_the_service_itself_has_just_answered)
{
    ck_contact(read_as("role-a", "a"), true, true);
    script_advance(1);
    ck_contact(read_as("role-a", "a"), false, false);
    script.keys[0] = (struct scripted_key){.key = "b", .single = SERVICE_DENIED};
    ck_contact(read_as("role-a", "b"), true, true);
    ck_contact(read_as("role-a", "b"), false, false);
    script.keys[0] = (struct scripted_key){.key = "c", .single = SERVICE_TRANSPORT};
    ck_contact(read_as("role-a", "c"), true, false);
}
END_TEST

START_TEST(an_old_value_stands_in_at_the_deadline)
{
    ck_all_there(read_as("role-a", "a"));
    script_advance(3600000);
    script_hold(1);
    struct caller *slow = caller_as("role-a", "a");
    slow->request.deadline_ms += 60000;
    caller_start(slow);
    script_await(&script.count, 2);
    struct caller *caller = caller_as("role-a", "a");
    caller->request.accept_stale = true;
    caller_start(caller);
    script_await(&script.waiting, 1);
    script_advance(8000);
    caller_join(caller);
    ck_all_there(caller);
    ck_assert_int_eq(caller->items[0].age_ms, 3608000);
    ck_contact(caller, true, false);
    script_release(1);
    caller_join(slow);
    ck_all_there(slow);
}
END_TEST

START_TEST(identities_share_nothing)
{
    script_hold(0);
    struct caller *first = caller_as("role-a", "a");
    caller_start(first);
    script_await(&script.count, 1);
    /* Not the call under way, */
    struct caller *second = read_as("role-b", "a");
    ck_all_there(second);
    ck_assert_uint_eq(script_count(&script.count), 2);
    script_release(0);
    caller_join(first);
    ck_all_there(first);
    /* not the cache, not refusals. */
    script.keys[0] = (struct scripted_key){.key = "a", .single = SERVICE_DENIED};
    ck_assert(!read_as("role-c", "a")->ok);
    ck_all_there(read_as("role-a", "a"));
    ck_all_there(read_as("role-b", "a"));
    ck_assert_uint_eq(script.count, 3);
    ck_assert_uint_eq(reader_numbers(world.reader).joined, 0);
    ck_assert_uint_eq(reader_queues(world.reader), 3);
}
END_TEST

START_TEST(services_and_regions_share_nothing)
{
    ck_all_there(read_as("role-a", "a"));
    struct caller *parameter = caller_as("role-a", "a");
    parameter->request.service = ENDPOINT_SSM;
    caller_read(parameter);
    ck_all_there(parameter);
    struct caller *elsewhere = caller_as("role-a", "a");
    elsewhere->request.endpoint = world.regions[1];
    caller_read(elsewhere);
    ck_all_there(elsewhere);
    ck_assert_uint_eq(script.count, 3);
    ck_assert_str_eq(script.calls[0].region, "eu-central-1");
    ck_assert_str_eq(script.calls[2].region, "us-east-1");
    ck_assert_uint_eq(reader_queues(world.reader), 3);
    /* Another address in a region is another queue, but what it answers is the same. */
    struct caller *address = caller_as("role-a", "a");
    caller_wants(address, "b", "");
    address->request.endpoint = world.regions[2];
    caller_read(address);
    ck_all_there(address);
    ck_assert_uint_eq(script.count, 4);
    ck_assert_str_eq(script.calls[3].keys[0], "b");
    ck_assert_uint_eq(reader_queues(world.reader), 4);
}
END_TEST

START_TEST(an_endpoint_that_hangs_delays_nobody_elsewhere)
{
    script.held_region = "us-east-1";
    for (int i = 0; i < MAX_CALLERS; i++) {
        char key[] = {'h', (char)('0' + i), '\0'};
        struct caller *hanging = caller_as("role-a", key);
        hanging->request.endpoint = world.regions[1];
        caller_start(hanging);
    }
    script_await(&script.count, 1);
    script_await(&script.waiting, MAX_CALLERS - 1);
    /* Neither the rest of the region's queue, nor another region. */
    script_advance(20);
    script_await(&script.count, 2);
    ck_all_there(read_as("role-a", "a"));
    ck_all_there(read_as("role-b", "a"));
    ck_assert_uint_eq(script_count(&script.returned), 2);
    pthread_mutex_lock(&script.mutex);
    script.held_region = NULL;
    pthread_cond_broadcast(&script.changed);
    pthread_mutex_unlock(&script.mutex);
    for (int i = 0; i < MAX_CALLERS; i++) {
        caller_join(&callers[i]);
        ck_all_there(&callers[i]);
    }
}
END_TEST

START_TEST(a_full_queue_refuses_at_once)
{
    script_hold(0);
    for (int i = 0; i < MAX_CALLERS; i++) {
        caller_start(caller_as("role-a", "a"));
    }
    script_await(&script.count, 1);
    script_await(&script.waiting, MAX_CALLERS - 1);
    struct caller *refused = caller_as("role-a", "a");
    caller_wants(refused, "b", "");
    caller_read(refused);
    ck_assert(!refused->ok);
    ck_assert_int_eq(refused->err.kind, ERR_BUSY);
    ck_assert(refused->err.retryable);
    ck_item_failed(refused, 0, SERVICE_THROTTLE, ERR_BUSY);
    ck_item_failed(refused, 1, SERVICE_THROTTLE, ERR_BUSY);
    ck_assert(refused->items[1].error.retryable);
    ck_contact(refused, false, false);
    ck_assert_uint_eq(reader_numbers(world.reader).refused, 2);
    /* Others have a queue of their own. */
    ck_all_there(read_as("role-b", "a"));
    script_release(0);
    for (int i = 0; i < MAX_CALLERS; i++) {
        caller_join(&callers[i]);
        ck_all_there(&callers[i]);
    }
    ck_assert_uint_eq(value_cache_numbers(world.cache).misses, MAX_CALLERS + 3);
    /* And there is room again. */
    ck_all_there(read_as("role-a", "b"));
}
END_TEST

static void ck_counted(uint64_t hits, uint64_t misses)
{
    struct value_cache_numbers numbers = value_cache_numbers(world.cache);
    ck_assert_uint_eq(numbers.hits, hits);
    ck_assert_uint_eq(numbers.misses, misses);
    ck_assert_uint_eq(reader_numbers(world.reader).asked, hits + misses);
}

/* However often it was looked for in the cache: of those who come late one value has come since. */
START_TEST(every_value_counts_once_as_a_hit_or_a_miss)
{
    script.delays = true;
    struct caller *slow = caller_as("role-a", "slow");
    caller_start_slow(slow);
    struct caller *late = caller_as("role-a", "slow");
    caller_wants(late, "other", "");
    late->delayed = true;
    caller_start(late);
    script_await(&script.delayed, 1);
    caller_end_slow(slow);
    script_end_delay();
    caller_join(late);
    ck_all_there(late);
    ck_counted(1, 2);
    ck_all_there(read_as("role-a", "other"));
    ck_counted(2, 2);
    struct caller *anew = caller_as("role-a", "other");
    caller_takes(anew, 0);
    caller_read(anew);
    ck_counted(2, 3);
}
END_TEST

START_TEST(an_old_value_stands_in_when_the_queue_is_full)
{
    ck_all_there(read_as("role-a", "a"));
    script_advance(3600000);
    script_hold(1);
    for (int i = 0; i < MAX_CALLERS; i++) {
        caller_start(caller_as("role-a", "a"));
    }
    script_await(&script.count, 2);
    script_await(&script.waiting, MAX_CALLERS - 1);
    struct caller *refused = caller_as("role-a", "a");
    refused->request.accept_stale = true;
    caller_read(refused);
    ck_all_there(refused);
    ck_assert_int_eq(refused->items[0].age_ms, 3600000);
    script_release(1);
    for (int i = 1; i <= MAX_CALLERS; i++) {
        caller_join(&callers[i]);
    }
}
END_TEST

/* Reads `count` values as one of many identities, and forgets them. */
static void read_as_number(unsigned number, size_t count)
{
    static struct caller caller;
    char identity[16];
    (void)snprintf(identity, sizeof identity, "role-%u", number);
    caller_init(&caller, &world, identity);
    caller_takes(&caller, 0);
    caller_wants_numbers(&caller, 0, count);
    script.count = 0;
    caller_read(&caller);
    ck_all_there(&caller);
    caller_done(&caller);
}

START_TEST(queues_that_nobody_needs_go)
{
    for (unsigned i = 0; i < 1000; i++) {
        read_as_number(i, 1);
        ck_assert_uint_le(reader_queues(world.reader), 65);
    }
    ck_assert_uint_ge(reader_queues(world.reader), 1);
}
END_TEST

START_TEST(queues_that_remember_something_stay)
{
    script.batches = script_error(SERVICE_DENIED);
    read_as_number(0, 2);
    ck_assert_uint_eq(script.count, 3);
    for (unsigned i = 1; i < 500; i++) {
        read_as_number(i, 1);
    }
    ck_assert_uint_le(reader_queues(world.reader), 66);
    read_as_number(0, 2);
    ck_assert_uint_eq(script.count, 2);
    ck_assert_uint_eq(reader_numbers(world.reader).batches, 1);
}
END_TEST

/* One caller and all kinds of call: a batch, singles for versions, singles after the batch. The
 * `failing` call fails. False: there were not so many. */
static bool read_with_failure(enum endpoint_service service, size_t failing,
                              enum service_error_class how)
{
    static struct caller caller;
    script.fails = failing;
    script.how = how;
    script.keys[0] = (struct scripted_key){.key = "k2", .forgotten = true};
    script.keys[1] = (struct scripted_key){.key = "k3", .batch = SERVICE_TRANSIENT};
    caller_init(&caller, &world, "role-a");
    caller.request.service = service;
    caller_wants_numbers(&caller, 0, 5);
    caller_wants(&caller, "k0", "AWSPREVIOUS");
    caller_wants(&caller, "k1", "uuid/1");
    caller_wants(&caller, "k0", "");
    caller_read(&caller);
    size_t failed = 0;
    for (size_t i = 0; i < caller.count; i++) {
        if (caller.items[i].error.class == SERVICE_OK) {
            ck_item_there(&caller, i, "role-a");
        } else {
            ck_item_failed(&caller, i, how, caller.items[i].err.kind);
            ck_assert_int_ne(caller.items[i].err.kind, ERR_NONE);
            ck_assert(failed > 0 || strcmp(caller.err.message, caller.items[i].err.message) == 0);
            failed++;
        }
    }
    ck_assert(caller.ok == (failed == 0));
    caller_done(&caller);
    return script.count >= failing;
}

START_TEST(whichever_call_fails_every_item_has_a_value_or_an_error)
{
    static const enum endpoint_service services[] = {ENDPOINT_SECRETS_MANAGER, ENDPOINT_SSM};
    for (size_t s = 0; s < ARRAY_LEN(services); s++) {
        for (int how = SERVICE_NOT_FOUND; how <= SERVICE_TRANSPORT; how++) {
            size_t failing = 1;
            while (read_with_failure(services[s], failing, (enum service_error_class)how)) {
                teardown();
                setup();
                failing++;
            }
            ck_assert_uint_gt(failing, 3);
            teardown();
            setup();
        }
    }
}
END_TEST

START_TEST(whichever_call_fails_threads_get_what_they_wait_for)
{
    for (size_t failing = 1; failing <= 12; failing++) {
        teardown();
        reader_world_init(&world, CALLERS);
        caller_count = 0;
        script.fails = failing;
        script.how = failing % 2 ? SERVICE_TRANSIENT : SERVICE_DENIED;
        script.keys[0] = (struct scripted_key){.key = "k3", .forgotten = true};
        for (size_t i = 0; i < CALLERS; i++) {
            struct caller *caller = caller_as(i % 2 ? "role-a" : "role-b", NULL);
            caller_takes(caller, 0);
            caller->request.urgency = i % 3 ? SERVICE_ADMISSION : SERVICE_BACKGROUND;
            caller_wants_numbers(caller, i / 2, 6);
            caller_start(caller);
        }
        for (size_t i = 0; i < CALLERS; i++) {
            caller_join(&callers[i]);
            size_t failed = 0;
            for (size_t j = 0; j < callers[i].count; j++) {
                if (callers[i].items[j].error.class == SERVICE_OK) {
                    ck_item_there(&callers[i], j, callers[i].identity);
                } else {
                    ck_item_failed(&callers[i], j, script.how, callers[i].items[j].err.kind);
                    failed++;
                }
            }
            ck_assert(callers[i].ok == (failed == 0));
        }
    }
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("aws/reader");
    TCase *tcase = tcase_create("reader");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, frees_nothing);
    tcase_add_test(tcase, asks_for_nothing_when_nothing_is_wanted);
    tcase_add_test(tcase, answers_from_the_cache_while_it_is_young_enough);
    tcase_add_test(tcase, an_answer_is_as_old_as_its_call);
    tcase_add_test(tcase, a_call_that_is_young_enough_is_waited_for);
    tcase_add_test(tcase, beside_a_call_that_is_too_old_there_is_another);
    tcase_add_test(tcase, asks_for_what_the_cache_does_not_have);
    tcase_add_test(tcase, asks_whatever_there_is_when_told_to);
    tcase_add_test(tcase, who_joins_makes_the_calls_that_are_due_and_asks_for_nothing);
    tcase_add_test(tcase, says_once_that_all_is_asked_for_before_the_first_call);
    tcase_add_loop_test(tcase, remembers_a_refusal_for_a_moment, 0, 3);
    tcase_add_loop_test(tcase, does_not_remember_what_passes_or_is_about_us, 0, 5);
    tcase_add_loop_test(tcase, an_old_value_stands_in_when_the_service_fails_for_a_while, 0, 3);
    tcase_add_loop_test(tcase, an_old_value_does_not_stand_in_for_a_refusal, 0, 5);
    tcase_add_test(tcase, who_lost_his_credentials_has_no_old_values_either);
    tcase_add_test(tcase, says_whether_the_service_itself_has_just_answered);
    tcase_add_test(tcase, an_old_value_stands_in_at_the_deadline);
    tcase_add_test(tcase, identities_share_nothing);
    tcase_add_test(tcase, services_and_regions_share_nothing);
    tcase_add_test(tcase, an_endpoint_that_hangs_delays_nobody_elsewhere);
    tcase_add_test(tcase, a_full_queue_refuses_at_once);
    tcase_add_test(tcase, every_value_counts_once_as_a_hit_or_a_miss);
    tcase_add_test(tcase, an_old_value_stands_in_when_the_queue_is_full);
    tcase_add_test(tcase, queues_that_nobody_needs_go);
    tcase_add_test(tcase, queues_that_remember_something_stay);
    tcase_add_test(tcase, whichever_call_fails_every_item_has_a_value_or_an_error);
    tcase_add_test(tcase, whichever_call_fails_threads_get_what_they_wait_for);
    suite_add_tcase(suite, tcase);
    return suite;
}
