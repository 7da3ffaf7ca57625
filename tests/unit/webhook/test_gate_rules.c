/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include "webhook/gate_rules.h"

enum {
    CREATED = 1000000,
};

static struct fingerprint_keys keys;
static struct policy_rules rules;

/* A Pod with one required env reference s/k and, where wanted, one optional env reference o/k. */
struct fixture {
    struct secret_ref refs[2];
    struct pod pod;
    struct facts facts;
};

static void setup(void)
{
    const unsigned char installation_key[INSTALLATION_KEY_BYTES] = {7};
    fingerprint_keys_derive(installation_key, &keys);
    rules = policy_builtin().defaults;
}

static struct secret *secret_with_key(const char *name, const char *key)
{
    static char text[256];
    static struct json_limits limits = {.max_nodes = 100, .max_depth = 10};
    struct json_doc doc = {0};
    const struct json *root = NULL;
    struct secret *secret = NULL;
    struct err err;
    (void)snprintf(text, sizeof text,
                   "{\"metadata\":{\"namespace\":\"n\",\"name\":\"%s\",\"uid\":\"u\","
                   "\"resourceVersion\":\"1\"},\"data\":{\"%s\":\"dg==\"}}",
                   name, key);
    ck_assert_msg(json_parse(&doc, text, strlen(text), &limits, &root, &err), "%s", err.message);
    ck_assert_msg(secret_decode(root, &keys.digest, &secret, &err), "%s", err.message);
    json_doc_done(&doc);
    return secret;
}

static void fixture_init(struct fixture *fixture, bool gated, size_t refs)
{
    *fixture = (struct fixture){0};
    fixture->refs[0] = (struct secret_ref){.place = REF_ENV,
                                           .where = SV("app"),
                                           .secret = SV("s"),
                                           .key = SV("k"),
                                           .required = true,
                                           .rolls = true};
    fixture->refs[1] = (struct secret_ref){.place = REF_ENV,
                                           .where = SV("app"),
                                           .secret = SV("o"),
                                           .key = SV("k"),
                                           .optional = true,
                                           .rolls = true};
    fixture->pod.namespace = SV("n");
    fixture->pod.name = SV("p");
    fixture->pod.gated = gated;
    fixture->pod.created_ms = CREATED;
    fixture->pod.refs = (struct secret_ref_list){.items = fixture->refs, .count = refs};
    facts_init(&fixture->facts, SV("n"));
    facts_add_names(&fixture->facts, &fixture->pod.refs);
}

static void fixture_done(struct fixture *fixture)
{
    facts_done(&fixture->facts);
}

static void set_present(struct fixture *fixture, const char *name, const char *key)
{
    struct secret *secret = secret_with_key(name, key);
    facts_set(&fixture->facts, sv_of(name), PRESENCE_PRESENT, secret);
    secret_release(secret);
}

static void set_absent(struct fixture *fixture, const char *name, enum presence described)
{
    facts_set(&fixture->facts, sv_of(name), PRESENCE_ABSENT, NULL);
    facts_find(&fixture->facts, sv_of(name))->described = described;
}

static struct gate_judgement judge_at(const struct fixture *fixture, bool synced, int64_t now_ms)
{
    struct gate_judgement ret;
    const struct gate_input input = {
        .pod = &fixture->pod,
        .facts = &fixture->facts,
        .keys = &keys,
        .rules = &rules,
        .synced = synced,
        .now_ms = now_ms,
    };
    gate_judge(&input, &ret);
    return ret;
}

START_TEST(releases_and_stamps_when_everything_is_there)
{
    struct fixture fixture;
    fixture_init(&fixture, true, 1);
    set_present(&fixture, "s", "k");
    struct gate_judgement ret = judge_at(&fixture, true, CREATED);
    ck_assert_int_eq(ret.reason, GATE_PRESENT);
    ck_assert(ret.release && ret.write_stamp);
    ck_assert(fingerprint_is_known(&keys, sv_of(ret.stamp)));
    fixture_done(&fixture);
}
END_TEST

START_TEST(holds_while_the_secret_is_absent)
{
    struct fixture fixture;
    fixture_init(&fixture, true, 1);
    set_absent(&fixture, "s", PRESENCE_ABSENT);
    struct gate_judgement ret = judge_at(&fixture, true, CREATED);
    ck_assert_int_eq(ret.reason, GATE_NOTHING);
    ck_assert_ptr_eq(ret.missing, &fixture.refs[0]);
    ck_assert_int_eq(ret.again_ms, CREATED + 60000);
    fixture_done(&fixture);
}
END_TEST

START_TEST(holds_while_the_key_is_absent_from_an_existing_secret)
{
    struct fixture fixture;
    fixture_init(&fixture, true, 1);
    set_present(&fixture, "s", "other");
    ck_assert_int_eq(judge_at(&fixture, true, CREATED).reason, GATE_NOTHING);
    fixture_done(&fixture);
}
END_TEST

START_TEST(holds_five_minutes_for_a_described_secret)
{
    struct fixture fixture;
    fixture_init(&fixture, true, 1);
    set_absent(&fixture, "s", PRESENCE_PRESENT);
    struct gate_judgement ret = judge_at(&fixture, true, CREATED + 299999);
    ck_assert_int_eq(ret.reason, GATE_NOTHING);
    ck_assert(ret.described);
    ck_assert_int_eq(ret.again_ms, CREATED + 300000);
    ret = judge_at(&fixture, true, CREATED + 300000);
    ck_assert_int_eq(ret.reason, GATE_HOLD_ENDED);
    ck_assert(ret.release && !ret.write_stamp);
    fixture_done(&fixture);
}
END_TEST

START_TEST(no_hold_ends_before_the_restart_has_settled)
{
    struct fixture fixture;
    struct gate_judgement ret;
    fixture_init(&fixture, true, 1);
    set_absent(&fixture, "s", PRESENCE_ABSENT);
    struct gate_input input = {
        .pod = &fixture.pod,
        .facts = &fixture.facts,
        .keys = &keys,
        .rules = &rules,
        .synced = true,
        .now_ms = CREATED + 70000,
        .not_before_ms = CREATED + 80000,
    };
    gate_judge(&input, &ret);
    ck_assert_int_eq(ret.reason, GATE_NOTHING);
    ck_assert_int_eq(ret.again_ms, CREATED + 80000);
    fixture_done(&fixture);
}
END_TEST

START_TEST(nothing_is_released_for_presence_before_the_world_is_known)
{
    struct fixture fixture;
    fixture_init(&fixture, true, 1);
    ck_assert_int_eq(judge_at(&fixture, false, CREATED).reason, GATE_NOTHING);
    ck_assert_int_eq(judge_at(&fixture, false, CREATED + 300000).reason, GATE_HOLD_ENDED);
    fixture_done(&fixture);
}
END_TEST

START_TEST(an_unknown_secret_releases_without_a_stamp)
{
    struct fixture fixture;
    fixture_init(&fixture, true, 1);
    struct gate_judgement ret = judge_at(&fixture, true, CREATED);
    ck_assert_int_eq(ret.reason, GATE_PRESENT);
    ck_assert(ret.release && !ret.write_stamp);
    fixture_done(&fixture);
}
END_TEST

START_TEST(an_optional_secret_holds_only_where_it_is_described)
{
    struct fixture fixture;
    fixture_init(&fixture, true, 2);
    set_present(&fixture, "s", "k");
    set_absent(&fixture, "o", PRESENCE_PRESENT);
    struct gate_judgement ret = judge_at(&fixture, true, CREATED);
    ck_assert_int_eq(ret.reason, GATE_NOTHING);
    ck_assert_ptr_eq(ret.missing, &fixture.refs[1]);
    set_absent(&fixture, "o", PRESENCE_ABSENT);
    ck_assert_int_eq(judge_at(&fixture, true, CREATED).reason, GATE_PRESENT);
    fixture_done(&fixture);
}
END_TEST

START_TEST(an_optional_secret_that_may_be_described_holds_until_that_can_be_known)
{
    struct fixture fixture;
    struct gate_judgement ret;
    fixture_init(&fixture, true, 2);
    set_present(&fixture, "s", "k");
    set_absent(&fixture, "o", PRESENCE_UNKNOWN);
    struct gate_input input = {
        .pod = &fixture.pod,
        .facts = &fixture.facts,
        .keys = &keys,
        .rules = &rules,
        .synced = true,
        .now_ms = CREATED + 70000,
        .not_before_ms = CREATED + 80000,
    };
    gate_judge(&input, &ret);
    ck_assert_int_eq(ret.reason, GATE_NOTHING);
    ck_assert_ptr_eq(ret.missing, &fixture.refs[1]);
    ck_assert_int_eq(ret.again_ms, CREATED + 80000);
    input.now_ms = CREATED + 80000;
    gate_judge(&input, &ret);
    ck_assert_int_eq(ret.reason, GATE_PRESENT);
    fixture_done(&fixture);
}
END_TEST

START_TEST(a_secret_of_which_nobody_can_say_who_makes_it_holds_for_the_shorter_time)
{
    struct fixture fixture;
    fixture_init(&fixture, true, 1);
    set_absent(&fixture, "s", PRESENCE_UNKNOWN);
    struct gate_judgement ret = judge_at(&fixture, true, CREATED);
    ck_assert_int_eq(ret.reason, GATE_NOTHING);
    ck_assert_int_eq(ret.again_ms, CREATED + 60000);
    ck_assert_int_eq(judge_at(&fixture, true, CREATED + 60000).reason, GATE_HOLD_ENDED);
    fixture_done(&fixture);
}
END_TEST

START_TEST(a_secret_the_pods_own_volume_syncs_does_not_hold)
{
    struct fixture fixture;
    fixture_init(&fixture, true, 1);
    fixture.refs[0].csi_may_sync = true;
    set_absent(&fixture, "s", PRESENCE_ABSENT);
    ck_assert_int_eq(judge_at(&fixture, true, CREATED).reason, GATE_PRESENT);
    fixture_done(&fixture);
}
END_TEST

START_TEST(a_gate_nothing_calls_for_goes)
{
    struct fixture fixture;
    fixture_init(&fixture, true, 1);
    set_absent(&fixture, "s", PRESENCE_ABSENT);
    fixture.pod.hold_off = true;
    ck_assert_int_eq(judge_at(&fixture, true, CREATED).reason, GATE_NOT_WANTED);
    fixture.pod.hold_off = false;
    fixture.pod.critical = true;
    ck_assert_int_eq(judge_at(&fixture, true, CREATED).reason, GATE_NOT_WANTED);
    fixture.pod.critical = false;
    rules.mode = MODE_OFF;
    ck_assert_int_eq(judge_at(&fixture, true, CREATED).reason, GATE_NOT_WANTED);
    rules.mode = MODE_ENFORCE;
    rules.on_missing = ON_MISSING_WARN;
    ck_assert_int_eq(judge_at(&fixture, true, CREATED).reason, GATE_NOT_WANTED);
    fixture_done(&fixture);
}
END_TEST

START_TEST(the_stamp_of_an_unbound_pod_follows)
{
    struct fixture fixture;
    fixture_init(&fixture, false, 1);
    set_present(&fixture, "s", "k");
    struct gate_judgement ret = judge_at(&fixture, true, CREATED);
    ck_assert_int_eq(ret.reason, GATE_STAMP_FOLLOWS);
    ck_assert(!ret.release && ret.write_stamp);
    fixture.pod.stamp = sv_of(ret.stamp);
    struct gate_judgement second = judge_at(&fixture, true, CREATED);
    ck_assert_int_eq(second.reason, GATE_NOTHING);
    fixture.pod.stamp = (struct str_view){0};
    rules.mode = MODE_OFF;
    ck_assert_int_eq(judge_at(&fixture, true, CREATED).reason, GATE_NOTHING);
    fixture_done(&fixture);
}
END_TEST

START_TEST(a_bound_or_deleted_pod_is_left_alone)
{
    struct fixture fixture;
    fixture_init(&fixture, true, 1);
    set_present(&fixture, "s", "k");
    fixture.pod.node = SV("node-1");
    ck_assert_int_eq(judge_at(&fixture, true, CREATED).reason, GATE_NOTHING);
    fixture.pod.node = (struct str_view){0};
    fixture.pod.deleting = true;
    ck_assert_int_eq(judge_at(&fixture, true, CREATED).reason, GATE_NOTHING);
    fixture_done(&fixture);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/gate_rules");
    TCase *tcase = tcase_create("gate_rules");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, releases_and_stamps_when_everything_is_there);
    tcase_add_test(tcase, holds_while_the_secret_is_absent);
    tcase_add_test(tcase, holds_while_the_key_is_absent_from_an_existing_secret);
    tcase_add_test(tcase, holds_five_minutes_for_a_described_secret);
    tcase_add_test(tcase, no_hold_ends_before_the_restart_has_settled);
    tcase_add_test(tcase, nothing_is_released_for_presence_before_the_world_is_known);
    tcase_add_test(tcase, an_unknown_secret_releases_without_a_stamp);
    tcase_add_test(tcase, an_optional_secret_holds_only_where_it_is_described);
    tcase_add_test(tcase, an_optional_secret_that_may_be_described_holds_until_that_can_be_known);
    tcase_add_test(tcase, a_secret_of_which_nobody_can_say_who_makes_it_holds_for_the_shorter_time);
    tcase_add_test(tcase, a_secret_the_pods_own_volume_syncs_does_not_hold);
    tcase_add_test(tcase, a_gate_nothing_calls_for_goes);
    tcase_add_test(tcase, the_stamp_of_an_unbound_pod_follows);
    tcase_add_test(tcase, a_bound_or_deleted_pod_is_left_alone);
    suite_add_tcase(suite, tcase);
    return suite;
}
