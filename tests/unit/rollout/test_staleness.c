/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include "rollout/staleness.h"

enum {
    OLD = 'a',
    NOW = 'b',
    WANTED = 'c',
};

static struct fingerprint_keys keys;
static char hashes[256][FINGERPRINT_BYTES];
static char foreign[FINGERPRINT_BYTES];

static void make_hash(char ret[FINGERPRINT_BYTES], const char *id, char digit)
{
    (void)snprintf(ret, FINGERPRINT_BYTES, "v1-%s-", id);
    memset(ret + 10, digit, 32);
    ret[42] = '\0';
}

static void setup(void)
{
    const unsigned char installation_key[INSTALLATION_KEY_BYTES] = {1};
    fingerprint_keys_derive(installation_key, &keys);
    make_hash(hashes[OLD], keys.id, OLD);
    make_hash(hashes[NOW], keys.id, NOW);
    make_hash(hashes[WANTED], keys.id, WANTED);
    make_hash(foreign, strcmp(keys.id, "000000") == 0 ? "000001" : "000000", NOW);
}

static struct str_view hash(int which)
{
    return which ? sv_of(hashes[which]) : (struct str_view){0};
}

static const struct {
    const char *name;
    int marker;
    int stamp;
    int64_t created_ms;
    int64_t written_ms;
    uint64_t first_seen;
    uint64_t secrets;
    enum pod_judgement judgement;
    int write;
} cases[] = {
    {"stamp is now", OLD, NOW, 1, 2, 0, 0, POD_FRESH, 0},
    {"stamp is now, no marker", 0, NOW, 1, 2, 0, 0, POD_FRESH, 0},
    {"old stamp, old marker", OLD, OLD, 1, 2, 0, 0, POD_STALE, 0},
    {"old stamp, no marker", 0, OLD, 1, 2, 0, 0, POD_STALE, 0},
    {"old stamp, new marker", NOW, OLD, 1, 2, 0, 0, POD_SUPERSEDED, 0},
    {"created after the Secret was written", OLD, OLD, 1, 2, 11, 10, POD_RESTAMP, NOW},
    {"created before the Secret was written", OLD, OLD, 1, 2, 9, 10, POD_STALE, 0},
    {"the Secret's version is unknown", OLD, OLD, 1, 2, 11, 0, POD_STALE, 0},
    {"no stamp", 0, 0, 1, 2, 0, 0, POD_ADOPT, NOW},
    {"no stamp, marker is now", NOW, 0, 1, 2, 0, 0, POD_ADOPT, NOW},
    {"no stamp, older than the change, old marker", OLD, 0, 1, 2, 0, 0, POD_ADOPT, OLD},
    {"no stamp, newer than the change, old marker", OLD, 0, 3, 2, 0, 0, POD_ADOPT, NOW},
    {"no stamp, time of the change unknown", OLD, 0, 1, 0, 0, 0, POD_ADOPT, NOW},
};

START_TEST(judges_every_row)
{
    struct staleness_now now = {
        .keys = &keys,
        .marker = hash(cases[_i].marker),
        .hash = hash(NOW),
        .secrets_written_ms = cases[_i].written_ms,
        .secrets_resource_version = cases[_i].secrets,
    };
    struct staleness_pod pod = {
        .stamp = hash(cases[_i].stamp),
        .created_ms = cases[_i].created_ms,
        .first_seen_resource_version = cases[_i].first_seen,
    };
    struct str_view stamp = {0};
    ck_assert_msg(staleness_judge(&now, &pod, &stamp) == cases[_i].judgement, "%s", cases[_i].name);
    ck_assert_msg(sv_equal(stamp, hash(cases[_i].write)), "%s", cases[_i].name);
}
END_TEST

/* Another revision of the same workload, whose Pods have other references. */
START_TEST(a_pod_is_superseded_when_the_template_asks_for_what_a_roll_would_set)
{
    struct staleness_now now = {
        .keys = &keys, .marker = hash(WANTED), .hash = hash(NOW), .wanted = hash(WANTED)};
    struct staleness_pod pod = {.stamp = hash(OLD)};
    struct str_view stamp = {0};
    ck_assert_int_eq(staleness_judge(&now, &pod, &stamp), POD_SUPERSEDED);
    now.marker = hash(OLD);
    ck_assert_int_eq(staleness_judge(&now, &pod, &stamp), POD_STALE);
    /* Nothing can be set now, and the template has no marker. */
    now.marker = (struct str_view){0};
    now.wanted = SV("");
    ck_assert_int_eq(staleness_judge(&now, &pod, &stamp), POD_STALE);
}
END_TEST

START_TEST(a_stamp_under_another_key_is_adopted_never_rolled)
{
    struct staleness_now now = {.keys = &keys, .marker = hash(OLD), .hash = hash(NOW)};
    struct staleness_pod pod = {.stamp = sv_of(foreign), .created_ms = 1};
    struct str_view stamp = {0};
    ck_assert_int_eq(staleness_judge(&now, &pod, &stamp), POD_ADOPT);
    ck_assert(sv_equal(stamp, hash(NOW)));
}
END_TEST

START_TEST(a_marker_under_another_key_is_no_baseline)
{
    struct staleness_now now = {
        .keys = &keys, .marker = sv_of(foreign), .hash = hash(NOW), .secrets_written_ms = 2};
    struct staleness_pod pod = {.created_ms = 1};
    struct str_view stamp = {0};
    ck_assert_int_eq(staleness_judge(&now, &pod, &stamp), POD_ADOPT);
    ck_assert(sv_equal(stamp, hash(NOW)));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("rollout/staleness");
    TCase *tcase = tcase_create("staleness");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_loop_test(tcase, judges_every_row, 0, (int)ARRAY_LEN(cases));
    tcase_add_test(tcase, a_pod_is_superseded_when_the_template_asks_for_what_a_roll_would_set);
    tcase_add_test(tcase, a_stamp_under_another_key_is_adopted_never_rolled);
    tcase_add_test(tcase, a_marker_under_another_key_is_no_baseline);
    suite_add_tcase(suite, tcase);
    return suite;
}
