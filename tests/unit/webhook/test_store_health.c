/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include "webhook/store_health.h"

static struct store_health health;
static const struct store first = {.namespace = {"n", 1}, .name = {"s", 1}};
static const struct store second = {.namespace = {"n", 1}, .name = {"t", 1}};
static const struct store cluster = {.cluster = true, .name = {"s", 1}};

static void setup(void)
{
    store_health_init(&health);
}

static void teardown(void)
{
    store_health_done(&health);
}

static void answers_at(const struct store *store, int64_t now_ms)
{
    const struct store_outcome outcome = {.allowed_ms = now_ms, .contact = REMOTE_ANSWERED};
    store_health_note(&health, store, now_ms, &outcome);
}

static void is_waited_for_in_vain_at(const struct store *store, int64_t now_ms)
{
    const struct store_outcome outcome = {
        .allowed_ms = now_ms, .contact = REMOTE_ASKED, .in_vain = true};
    store_health_note(&health, store, now_ms, &outcome);
}

static void is_not_asked_at(const struct store *store, int64_t now_ms)
{
    const struct store_outcome outcome = {.allowed_ms = now_ms};
    store_health_note(&health, store, now_ms, &outcome);
}

static bool may_ask(const struct store *store, int64_t now_ms)
{
    struct err err = {0};
    bool may = store_health_may_ask(&health, store, now_ms, &err);
    ck_assert_int_eq(err.kind, may ? ERR_NONE : ERR_BUSY);
    return may;
}

START_TEST(a_store_that_answers_is_always_asked)
{
    ck_assert(may_ask(&first, 0));
    answers_at(&first, 0);
    ck_assert(may_ask(&first, 1));
}
END_TEST

START_TEST(a_silent_store_is_probed_once_every_ten_seconds)
{
    is_waited_for_in_vain_at(&first, 0);
    ck_assert(!may_ask(&first, STORE_PROBE_MS - 1));
    ck_assert(may_ask(&first, STORE_PROBE_MS));
    ck_assert(!may_ask(&first, STORE_PROBE_MS + 1));
    ck_assert(may_ask(&first, 2 * STORE_PROBE_MS));
}
END_TEST

START_TEST(one_answer_opens_it_again)
{
    is_waited_for_in_vain_at(&first, 0);
    ck_assert(may_ask(&first, STORE_PROBE_MS));
    answers_at(&first, STORE_PROBE_MS);
    ck_assert(may_ask(&first, STORE_PROBE_MS + 1));
    ck_assert(may_ask(&first, STORE_PROBE_MS + 2));
}
END_TEST

START_TEST(a_probe_that_nobody_was_asked_with_is_for_the_next)
{
    is_not_asked_at(&first, 0);
    ck_assert(!store_health_is_silent(&health, &first));
    is_waited_for_in_vain_at(&first, 0);
    ck_assert(may_ask(&first, STORE_PROBE_MS));
    is_not_asked_at(&first, STORE_PROBE_MS);
    ck_assert(store_health_is_silent(&health, &first));
    ck_assert(may_ask(&first, STORE_PROBE_MS + 1));
    ck_assert(!may_ask(&first, STORE_PROBE_MS + 2));
}
END_TEST

START_TEST(who_was_allowed_before_it_timed_out_has_no_probe_to_give_back)
{
    ck_assert(may_ask(&first, 0));
    is_waited_for_in_vain_at(&first, 1);
    is_not_asked_at(&first, 0);
    ck_assert(!may_ask(&first, 2));
    ck_assert(!may_ask(&first, STORE_PROBE_MS));
}
END_TEST

START_TEST(to_look_whether_it_is_silent_takes_no_probe)
{
    ck_assert(!store_health_is_silent(&health, &first));
    is_waited_for_in_vain_at(&first, 0);
    ck_assert(store_health_is_silent(&health, &first));
    ck_assert(!store_health_is_silent(&health, &second));
    ck_assert(may_ask(&first, STORE_PROBE_MS));
    ck_assert(store_health_is_silent(&health, &first));
    answers_at(&first, STORE_PROBE_MS);
    ck_assert(!store_health_is_silent(&health, &first));
}
END_TEST

START_TEST(what_fails_at_once_begins_no_silence_and_ends_none)
{
    const struct store_outcome outcome = {.contact = REMOTE_ASKED};
    store_health_note(&health, &first, 0, &outcome);
    ck_assert(!store_health_is_silent(&health, &first));
    is_waited_for_in_vain_at(&first, 1);
    store_health_note(&health, &first, 2, &outcome);
    ck_assert(store_health_is_silent(&health, &first));
}
END_TEST

/* Of several values some may have come. */
START_TEST(who_was_answered_has_not_waited_in_vain)
{
    const struct store_outcome outcome = {.contact = REMOTE_ANSWERED, .in_vain = true};
    store_health_note(&health, &first, 0, &outcome);
    ck_assert(!store_health_is_silent(&health, &first));
}
END_TEST

START_TEST(stores_do_not_share_their_fate)
{
    is_waited_for_in_vain_at(&first, 0);
    ck_assert(!may_ask(&first, 1));
    ck_assert(may_ask(&second, 1));
    ck_assert(may_ask(&cluster, 1));
}
END_TEST

START_TEST(stores_that_are_gone_are_forgotten)
{
    char name[16];
    struct store store = {.namespace = {"n", 1}};
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(name, sizeof name, "s%d", i);
        store.name = sv_of(name);
        is_waited_for_in_vain_at(&store, (int64_t)i * STORE_PROBE_MS / 100);
    }
    ck_assert_uint_le(health.probes.count, 1000);
    ck_assert(!may_ask(&store, (int64_t)4999 * STORE_PROBE_MS / 100));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/store_health");
    TCase *tcase = tcase_create("store_health");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_store_that_answers_is_always_asked);
    tcase_add_test(tcase, a_silent_store_is_probed_once_every_ten_seconds);
    tcase_add_test(tcase, one_answer_opens_it_again);
    tcase_add_test(tcase, a_probe_that_nobody_was_asked_with_is_for_the_next);
    tcase_add_test(tcase, who_was_allowed_before_it_timed_out_has_no_probe_to_give_back);
    tcase_add_test(tcase, to_look_whether_it_is_silent_takes_no_probe);
    tcase_add_test(tcase, what_fails_at_once_begins_no_silence_and_ends_none);
    tcase_add_test(tcase, who_was_answered_has_not_waited_in_vain);
    tcase_add_test(tcase, stores_do_not_share_their_fate);
    tcase_add_test(tcase, stores_that_are_gone_are_forgotten);
    suite_add_tcase(suite, tcase);
    return suite;
}
