/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include "counting_sink.h"
#include "neighbours.h"
#include "webhook/leading_sink.h"

static struct leading_sink leading = {
    .leader = &lease_holder,
    .sink = COUNTING_SINK,
};

static void setup(void)
{
    memset(&came, 0, sizeof came);
    atomic_store(&lease_is_held, true);
}

static bool write_with(size_t way, struct err *err)
{
    const struct secret_sink sink = leading_sink(&leading);
    struct secret_buf manifest = {0};
    struct secret *record = NULL;
    switch (way) {
    case 0:
        return sink.create(sink.context, SV("n"), SV("m"), &manifest, 1, &record, err);
    case 1:
        return sink.replace(sink.context, SV("n"), SV("a"), SV("m"), &manifest, 1, &record, err);
    default:
        return sink.remove(sink.context, SV("n"), SV("a"), SV("u"), SV("1"), 1, err);
    }
}

START_TEST(who_leads_writes)
{
    struct err err = {0};
    for (size_t way = 0; way < 3; way++) {
        ck_assert(write_with(way, &err));
    }
    ck_assert_uint_eq(came.creates, 1);
    ck_assert_uint_eq(came.replaces, 1);
    ck_assert_uint_eq(came.removes, 1);
}
END_TEST

START_TEST(who_leads_no_more_writes_nothing)
{
    struct err err = {0};
    atomic_store(&lease_is_held, false);
    ck_assert(!write_with((size_t)_i, &err));
    ck_assert_int_eq(err.kind, ERR_BUSY);
    ck_assert_uint_eq(came.creates + came.replaces + came.removes, 0);
}
END_TEST

START_TEST(reading_asks_for_no_lease)
{
    const struct secret_sink sink = leading_sink(&leading);
    struct live_secret live = {0};
    struct err err = {0};
    atomic_store(&lease_is_held, false);
    ck_assert(sink.read(sink.context, SV("n"), SV("a"), 1, &live, &err));
    ck_assert_uint_eq(came.reads, 1);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/leading_sink");
    TCase *tcase = tcase_create("sink");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, who_leads_writes);
    tcase_add_loop_test(tcase, who_leads_no_more_writes_nothing, 0, 3);
    tcase_add_test(tcase, reading_asks_for_no_lease);
    suite_add_tcase(suite, tcase);
    return suite;
}
