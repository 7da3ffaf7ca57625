/* SPDX-License-Identifier: Apache-2.0 */
#define NEIGHBOURS_WITHOUT_REPORTER
#include "webhook/outcomes.h"

#include <fcntl.h>

#include "check_main.h"
#include "neighbours.h"
#include "quoted_json.h"

static struct metrics *metrics;
static struct log quiet;
static struct outcomes outcomes;
static struct external_secret *external_secret;

/* What was posted, "Reason: message" each on a line, "!" before warnings. */
static struct buf posted;

void reporter_post_in_turn(struct reporter *reporter, const struct kube_event *event)
{
    (void)reporter;
    ck_assert_str_eq(event->kind, "ExternalSecret");
    ck_assert(sv_is(event->name, "a") && sv_is(event->namespace, "n") && sv_is(event->uid, "u"));
    buf_printf(&posted, "%s%s: %.*s\n", event->warning ? "!" : "", event->reason,
               SV_ARG(event->message));
}

static void setup(void)
{
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'n','name':'a','uid':'u','resourceVersion':'1','generation':1},"
        "'spec':{'secretStoreRef':{'name':'store'},'target':{'name':'t'},'data':[{'secretKey':'k',"
        "'remoteRef':{'key':'r'}}]}}");
    struct err err = {0};
    ck_assert_msg(external_secret_decode(json.root, &external_secret, &err), "%s", err.message);
    json_text_done(&json);
    quiet = (struct log){
        .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .level = LOG_ERROR, .clock = clock_system()};
    metrics = metrics_new();
    outcomes_init(&outcomes, &quiet, NULL, metrics);
    buf_init(&posted, 65536);
    buf_add_str(&posted, "");
}

static void teardown(void)
{
    buf_done(&posted);
    metrics_free(metrics);
    close(quiet.fd);
    external_secret_release(external_secret);
}

/* Of external-secrets.md §2.7. */
static const struct {
    enum reconcile_outcome outcome;
    bool wrote;
    const char *posted;
} rows[] = {
    {RECONCILE_CREATED, true, "Created: Secret t created\n"},
    {RECONCILE_UPDATED, true, "Updated: Secret t updated\n"},
    {RECONCILE_DELETED, true, "Deleted: Secret t deleted\n"},
    {RECONCILE_DELETED, false, ""},
    {RECONCILE_UNCHANGED, false, ""},
    {RECONCILE_RETAINED, false, ""},
    {RECONCILE_MISSING_TARGET, false, ""},
    {RECONCILE_SKIPPED, false, ""},
    {RECONCILE_DEFERRED, false, ""},
    {RECONCILE_UNSUPPORTED, false, "!UpdateFailed: spec.x: the whole of it\n"},
    {RECONCILE_FOREIGN, false, "!UpdateFailed: spec.x: the whole of it\n"},
    {RECONCILE_FAILED, false, "!UpdateFailed: spec.x: the whole of it\n"},
};

START_TEST(what_was_done_or_failed_is_an_event)
{
    const struct reconcile_report report = {.wrote = rows[_i].wrote};
    struct err err = {0};
    (void)err_set(&err, ERR_INVALID, "spec.x: the whole of it");
    outcomes_tell(&outcomes, external_secret, rows[_i].outcome, &report, &err);
    ck_assert_str_eq(posted.data, rows[_i].posted);
}
END_TEST

START_TEST(each_outcome_is_counted)
{
    CLEANUP(buf_done) struct buf text = {0};
    const struct reconcile_report report = {0};
    struct err none = {0};
    outcomes_tell(&outcomes, external_secret, RECONCILE_UNCHANGED, &report, &none);
    outcomes_tell(&outcomes, external_secret, RECONCILE_UNCHANGED, &report, &none);
    buf_init(&text, 65536);
    metrics_write(metrics, &text);
    ck_assert(sv_contains(buf_view(&text),
                          SV("keyturn_externalsecrets_total{outcome=\"unchanged\"} 2\n")));
}
END_TEST

/* The operator's texts, which name dataFrom for both. */
START_TEST(remote_secrets_that_are_missing_are_told_one_by_one)
{
    struct plan_missing missing[] = {{.data_from = true, .entry = 1, .remote_key = SV("x")},
                                     {.entry = 0, .remote_key = SV("r")}};
    const struct reconcile_report report = {.missing = missing, .missing_count = 2};
    struct err none = {0};
    outcomes_tell(&outcomes, external_secret, RECONCILE_UNCHANGED, &report, &none);
    ck_assert_str_eq(posted.data, "MissingProviderSecret: secret does not exist at provider using "
                                  "spec.dataFrom[1]\n"
                                  "MissingProviderSecret: secret does not exist at provider using "
                                  "spec.dataFrom[0] (key=r)\n");
}
END_TEST

START_TEST(no_more_than_some_missing_ones_are_told)
{
    struct plan_missing missing[OUTCOMES_MISSING_MAX + 1];
    memset(missing, 0, sizeof missing);
    const struct reconcile_report report = {.missing = missing,
                                            .missing_count = ARRAY_LEN(missing)};
    struct err none = {0};
    unsigned lines = 0;
    outcomes_tell(&outcomes, external_secret, RECONCILE_RETAINED, &report, &none);
    for (const char *at = posted.data; *at; at++) {
        lines += *at == '\n';
    }
    ck_assert_uint_eq(lines, OUTCOMES_MISSING_MAX);
}
END_TEST

START_TEST(what_failed_afterwards_is_a_warning)
{
    struct err err = {0};
    (void)err_set(&err, ERR_DENIED, "the whole of it");
    outcomes_failed(&outcomes, "orphans not deleted", external_secret, &err);
    ck_assert_str_eq(posted.data, "!UpdateFailed: the whole of it\n");
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/outcomes");
    TCase *tcase = tcase_create("outcomes");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, what_was_done_or_failed_is_an_event, 0, ARRAY_LEN(rows));
    tcase_add_test(tcase, each_outcome_is_counted);
    tcase_add_test(tcase, remote_secrets_that_are_missing_are_told_one_by_one);
    tcase_add_test(tcase, no_more_than_some_missing_ones_are_told);
    tcase_add_test(tcase, what_failed_afterwards_is_a_warning);
    suite_add_tcase(suite, tcase);
    return suite;
}
