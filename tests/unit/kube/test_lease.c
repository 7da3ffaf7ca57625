/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/lease.h"

#include "check_main.h"
#include "fake_transport.h"

static struct fake_transport fake;
static struct kube_client client;
static struct kube_lease lease;
static struct err err;

static void begin(const struct fake_answer *script, size_t count)
{
    fake_now_ms = 100000;
    client = fake_client(&fake, script, count);
    kube_lease_init(&lease, SV("keyturn-system"), SV("keyturn"), SV("pod-a"));
    err = (struct err){0};
}

static void done(void)
{
    ck_assert_uint_eq(fake.count, fake.script_len);
    kube_lease_done(&lease);
    kube_config_free(client.config);
}

#define SCRIPT(...)                                                                                \
    static const struct fake_answer script[] = {__VA_ARGS__};                                      \
    begin(script, ARRAY_LEN(script))

#define LEASE(version, holder, renewed)                                                            \
    "{\"kind\":\"Lease\",\"metadata\":{\"name\":\"keyturn\",\"resourceVersion\":\"" version        \
    "\"},\"spec\":{\"holderIdentity\":\"" holder "\",\"leaseDurationSeconds\":15,"                 \
    "\"renewTime\":\"" renewed "\",\"leaseTransitions\":4}}"
#define CONFLICT                                                                                   \
    {                                                                                              \
        409, "", "{\"kind\":\"Status\",\"reason\":\"Conflict\",\"message\":\"x\"}"                 \
    }

static void step(void)
{
    ck_assert_msg(kube_lease_step(&lease, &client, 5000, &err), "%s", err.message);
    ck_assert_int_eq(err.kind, ERR_NONE);
    ck_assert_int_eq(kube_lease_next_ms(&lease), fake_now_ms + KUBE_LEASE_RETRY_MS);
}

static bool held(void)
{
    return kube_lease_held(&lease, fake_now_ms);
}

static const struct {
    const char *holder;
    int64_t duration_ms;
    int64_t seen_ms;
    int64_t now_ms;
    enum kube_lease_action action;
} decisions[] = {
    {"", 15000, 0, 1, KUBE_LEASE_TAKE},
    {"me", 15000, 0, 1000000, KUBE_LEASE_RENEW},
    {"other", 15000, 1000, 15999, KUBE_LEASE_WAIT},
    {"other", 15000, 1000, 16000, KUBE_LEASE_TAKE},
    {"other", 60000, 1000, 60999, KUBE_LEASE_WAIT},
    {"other", 1000, 1000, 2000, KUBE_LEASE_TAKE},
    {"other", 0, 1000, 15999, KUBE_LEASE_WAIT},
    {"other", 0, 1000, 16000, KUBE_LEASE_TAKE},
    {"me2", 15000, 1000, 1001, KUBE_LEASE_WAIT},
};

START_TEST(decides_by_own_clock)
{
    struct kube_lease_record record = {.duration_ms = decisions[_i].duration_ms};
    buf_init(&record.holder, 64);
    buf_add_str(&record.holder, decisions[_i].holder);
    ck_assert_int_eq(
        kube_lease_decide(&record, SV("me"), decisions[_i].seen_ms, decisions[_i].now_ms),
        decisions[_i].action);
    buf_done(&record.holder);
}
END_TEST

START_TEST(creates_the_lease_where_there_is_none)
{
    SCRIPT({404, "", "{\"kind\":\"Status\",\"reason\":\"NotFound\"}"},
           {201, "", LEASE("1", "pod-a", "t1")});
    ck_assert(!held());
    step();
    ck_assert(held());
    ck_assert_str_eq(fake.calls[1].method, "POST");
    ck_assert_str_eq(fake.calls[1].url,
                     "https://api.example/apis/coordination.k8s.io/v1/namespaces/keyturn-system/"
                     "leases?fieldManager=keyturn");
    ck_assert_str_eq(fake.calls[1].body,
                     "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\","
                     "\"metadata\":{\"name\":\"keyturn\"},\"spec\":{\"holderIdentity\":\"pod-a\","
                     "\"leaseDurationSeconds\":15,\"renewTime\":\"2026-11-23T12:36:00.000000Z\","
                     "\"acquireTime\":\"2026-11-23T12:36:00.000000Z\",\"leaseTransitions\":0}}");
    ck_assert_int_eq(fake.calls[1].deadline_ms, 105000);
    done();
}
END_TEST

START_TEST(waits_while_another_renews_and_takes_over_when_it_stops)
{
    SCRIPT({200, "", LEASE("1", "pod-b", "t1")}, {200, "", LEASE("2", "pod-b", "t2")},
           {200, "", LEASE("2", "pod-b", "t2")}, {200, "", LEASE("2", "pod-b", "t2")},
           {200, "", LEASE("3", "pod-a", "t3")});
    step();
    ck_assert(sv_is(kube_lease_holder(&lease), "pod-b"));
    fake_now_ms += 14000;
    step(); /* it has renewed: the time begins again */
    fake_now_ms += 14999;
    step();
    ck_assert(!held());
    ck_assert_uint_eq(fake.count, 3);
    fake_now_ms += 1;
    step();
    ck_assert(held());
    ck_assert(sv_is(kube_lease_holder(&lease), "pod-a"));
    ck_assert_str_eq(fake.calls[4].method, "PATCH");
    ck_assert_str_eq(fake.calls[4].body,
                     "{\"metadata\":{\"resourceVersion\":\"2\"},\"spec\":{"
                     "\"holderIdentity\":\"pod-a\",\"leaseDurationSeconds\":15,"
                     "\"renewTime\":\"2026-11-23T12:36:00.000000Z\","
                     "\"acquireTime\":\"2026-11-23T12:36:00.000000Z\",\"leaseTransitions\":5}}");
    done();
}
END_TEST

START_TEST(takes_a_lease_nobody_holds_at_once)
{
    SCRIPT({200, "", "{\"metadata\":{\"resourceVersion\":\"8\"},\"spec\":{}}"},
           {200, "", LEASE("9", "pod-a", "t1")});
    step();
    ck_assert(held());
    done();
}
END_TEST

START_TEST(renews_without_a_transition)
{
    SCRIPT({200, "", LEASE("1", "pod-a", "t1")}, {200, "", LEASE("2", "pod-a", "t2")},
           {200, "", LEASE("2", "pod-a", "t2")}, {200, "", LEASE("3", "pod-a", "t3")});
    step();
    ck_assert(held());
    fake_now_ms += 9999;
    ck_assert(held());
    step();
    ck_assert_ptr_null(strstr(fake.calls[3].body, "leaseTransitions"));
    ck_assert_ptr_null(strstr(fake.calls[3].body, "acquireTime"));
    ck_assert_ptr_nonnull(strstr(fake.calls[3].body, "\"resourceVersion\":\"2\""));
    fake_now_ms += 9999;
    ck_assert(held());
    fake_now_ms += 1;
    ck_assert(!held());
    done();
}
END_TEST

START_TEST(holds_for_ten_seconds_without_an_api_server_and_no_longer)
{
    SCRIPT({200, "", LEASE("1", "pod-a", "t1")}, {200, "", LEASE("2", "pod-a", "t2")},
           {0, NULL, NULL, ERR_UNAVAILABLE}, {200, "", LEASE("2", "pod-a", "t2")},
           {0, NULL, NULL, ERR_TIMEOUT});
    step();
    fake_now_ms += 5000;
    ck_assert(!kube_lease_step(&lease, &client, 5000, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert(held());
    ck_assert(!kube_lease_step(&lease, &client, 5000, &err));
    ck_assert_int_eq(err.kind, ERR_TIMEOUT);
    fake_now_ms += 4999;
    ck_assert(held());
    fake_now_ms += 1;
    ck_assert(!held());
    done();
}
END_TEST

/* Time passes while the renewal is on its way. */
static void slow_renewal(struct fake_transport *transport)
{
    fake_now_ms += transport->count == 1 ? 3000 : 0;
}

START_TEST(counts_the_time_a_renewal_takes)
{
    SCRIPT({200, "", LEASE("1", "pod-a", "t1")}, {200, "", LEASE("2", "pod-a", "t2")});
    fake.before = slow_renewal;
    ck_assert(kube_lease_step(&lease, &client, 5000, &err));
    ck_assert_int_eq(fake_now_ms, 103000);
    ck_assert(kube_lease_held(&lease, 109999));
    ck_assert(!kube_lease_held(&lease, 110000));
    done();
}
END_TEST

START_TEST(lost_to_another_is_known_at_once)
{
    SCRIPT({200, "", LEASE("1", "pod-a", "t1")}, {200, "", LEASE("2", "pod-a", "t2")},
           {200, "", LEASE("3", "pod-b", "t3")});
    step();
    ck_assert(held());
    fake_now_ms += 2000;
    step();
    ck_assert(!held());
    done();
}
END_TEST

START_TEST(second_taker_is_refused_and_waits)
{
    SCRIPT({200, "", LEASE("1", "", "t1")}, CONFLICT, {200, "", LEASE("2", "pod-b", "t2")});
    step();
    ck_assert(!held());
    fake_now_ms += 2000;
    step();
    ck_assert(!held());
    ck_assert(sv_is(kube_lease_holder(&lease), "pod-b"));
    done();
}
END_TEST

START_TEST(second_creator_is_refused_and_waits)
{
    SCRIPT({404, "", ""},
           {409, "", "{\"kind\":\"Status\",\"reason\":\"AlreadyExists\",\"message\":\"x\"}"},
           {200, "", LEASE("2", "pod-b", "t2")});
    step();
    ck_assert(!held());
    step();
    ck_assert(!held());
    done();
}
END_TEST

START_TEST(creates_again_when_somebody_deleted_it)
{
    SCRIPT({200, "", LEASE("1", "pod-a", "t1")}, {200, "", LEASE("2", "pod-a", "t2")},
           {404, "", ""}, {201, "", LEASE("5", "pod-a", "t3")});
    step();
    fake_now_ms += 2000;
    step();
    ck_assert(held());
    ck_assert_str_eq(fake.calls[3].method, "POST");
    done();
}
END_TEST

START_TEST(gives_it_up)
{
    SCRIPT({200, "", LEASE("1", "pod-a", "t1")}, {200, "", LEASE("2", "pod-a", "t2")},
           {200, "", LEASE("3", "", "t3")});
    step();
    ck_assert(kube_lease_release(&lease, &client, 1000, &err));
    ck_assert(!held());
    ck_assert_uint_eq(kube_lease_holder(&lease).len, 0);
    ck_assert_str_eq(fake.calls[2].method, "PATCH");
    ck_assert_str_eq(fake.calls[2].body, "{\"metadata\":{\"resourceVersion\":\"2\"},\"spec\":{"
                                         "\"holderIdentity\":null,\"leaseDurationSeconds\":1,"
                                         "\"renewTime\":\"2026-11-23T12:36:00.000000Z\"}}");
    ck_assert_int_eq(fake.calls[2].deadline_ms, 101000);
    done();
}
END_TEST

START_TEST(does_not_give_up_what_another_holds)
{
    SCRIPT({200, "", LEASE("1", "pod-b", "t1")});
    ck_assert(kube_lease_release(&lease, &client, 1000, &err));
    step();
    ck_assert(kube_lease_release(&lease, &client, 1000, &err));
    done();
}
END_TEST

START_TEST(stops_holding_even_when_giving_up_fails)
{
    SCRIPT({200, "", LEASE("1", "pod-a", "t1")}, {200, "", LEASE("2", "pod-a", "t2")},
           {0, NULL, NULL, ERR_UNAVAILABLE});
    step();
    ck_assert(held());
    ck_assert(!kube_lease_release(&lease, &client, 1000, &err));
    ck_assert(!held());
    done();
}
END_TEST

START_TEST(refuses_answer_that_is_no_lease)
{
    SCRIPT({200, "", "<html>"});
    ck_assert(!kube_lease_step(&lease, &client, 5000, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert(!held());
    done();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("kube/lease");
    TCase *t = tcase_create("lease");
    tcase_add_loop_test(t, decides_by_own_clock, 0, ARRAY_LEN(decisions));
    tcase_add_test(t, creates_the_lease_where_there_is_none);
    tcase_add_test(t, waits_while_another_renews_and_takes_over_when_it_stops);
    tcase_add_test(t, takes_a_lease_nobody_holds_at_once);
    tcase_add_test(t, renews_without_a_transition);
    tcase_add_test(t, holds_for_ten_seconds_without_an_api_server_and_no_longer);
    tcase_add_test(t, counts_the_time_a_renewal_takes);
    tcase_add_test(t, lost_to_another_is_known_at_once);
    tcase_add_test(t, second_taker_is_refused_and_waits);
    tcase_add_test(t, second_creator_is_refused_and_waits);
    tcase_add_test(t, creates_again_when_somebody_deleted_it);
    tcase_add_test(t, gives_it_up);
    tcase_add_test(t, does_not_give_up_what_another_holds);
    tcase_add_test(t, stops_holding_even_when_giving_up_fails);
    tcase_add_test(t, refuses_answer_that_is_no_lease);
    suite_add_tcase(s, t);
    return s;
}
