/* SPDX-License-Identifier: Apache-2.0 */
#define NEIGHBOURS_WITHOUT_REPORTER
#include "webhook/conclusion.h"

#include <fcntl.h>

#include "check_main.h"
#include "neighbours.h"
#include "quoted_json.h"

static const char STATUS[] = "/status?";
static const char ORPHANS[] = "labelSelector=";

static struct kube_config *config;
static struct clients_options options;
static struct clients *clients;
static struct metrics *metrics;
static struct log quiet;
static struct outcomes outcomes;
static struct conclusion conclusion;

/* What was posted, "Reason: message" each on a line. */
static struct buf posted;

void reporter_post_in_turn(struct reporter *reporter, const struct kube_event *event)
{
    (void)reporter;
    buf_printf(&posted, "%s%s: %.*s\n", event->warning ? "!" : "", event->reason,
               SV_ARG(event->message));
}

static void setup(void)
{
    api_begin();
    quiet = (struct log){
        .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .level = LOG_ERROR, .clock = clock_system()};
    config = api_config();
    options = (struct clients_options){.config = config, .clock = clock_system()};
    clients = clients_start(&options);
    metrics = metrics_new();
    outcomes_init(&outcomes, &quiet, NULL, metrics);
    buf_init(&posted, 65536);
    buf_add_str(&posted, "");
    api_set("PATCH", STATUS, 200, "{}");
    api_set("GET", ORPHANS, 200, "{'metadata':{'resourceVersion':'1'},'items':[]}");
}

static void teardown(void)
{
    buf_done(&posted);
    metrics_free(metrics);
    clients_stop(clients);
    kube_config_free(config);
    close(quiet.fd);
    api_end();
}

/* Of spec.target, beginning with a comma. */
static const char *of_target = "";

static int generation = 2;

/* `members` begin with a comma or are empty. */
static struct external_secret *decode(const char *members)
{
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'n','name':'a','uid':'u-a','resourceVersion':'1','generation':%d}"
        ","
        "'spec':{'secretStoreRef':{'name':'store'},'target':{'name':'t'%s},'data':[{'secretKey':'k'"
        ","
        "'remoteRef':{'key':'r'}}]}%s}",
        generation, of_target, members);
    struct external_secret *decoded = NULL;
    struct err err = {0};
    ck_assert_msg(external_secret_decode(json.root, &decoded, &err), "%s", err.message);
    json_text_done(&json);
    return decoded;
}

static void conclude_that(const char *members, const struct run_result *run, bool silent)
{
    struct external_secret *external_secret = decode(members);
    const struct conclusion_input input = {
        .client = &clients->kube,
        .outcomes = &outcomes,
        .silent = silent,
        .external_secret = external_secret,
        .run = run,
        .start_ms = 1700000000000,
        .deadline_ms = clock_monotonic_ms(clock_system()) + API_PATIENCE_MS,
    };
    conclude(&input, &conclusion);
    external_secret_release(external_secret);
}

static bool says(const char *text)
{
    return strstr(api_find("PATCH", STATUS)->asked, text) != NULL;
}

/* The rows of external-secrets.md §2.6, and whether another try is of use (§2.7). */
static const struct {
    enum reconcile_outcome outcome;
    enum status_end end;
    enum err_kind kind;
    bool ready;
    bool final;
    const char *reason;
    const char *message;
} rows[] = {
    {RECONCILE_CREATED, STATUS_SYNCED, ERR_NONE, true, false, "SecretSynced", "secret synced"},
    {RECONCILE_UNCHANGED, STATUS_SYNCED, ERR_NONE, true, false, "SecretSynced", "secret synced"},
    {RECONCILE_RETAINED, STATUS_RETAINED, ERR_NONE, true, false, "SecretSynced",
     "secret retained due to DeletionPolicy=Retain"},
    {RECONCILE_DELETED, STATUS_DELETED, ERR_NONE, true, false, "SecretDeleted",
     "secret deleted due to DeletionPolicy=Delete"},
    {RECONCILE_MISSING_TARGET, STATUS_TARGET_MISSING, ERR_NONE, true, false, "SecretMissing",
     "secret will not be created due to CreationPolicy=Merge"},
    {RECONCILE_FAILED, STATUS_NO_DATA, ERR_MISSING, false, false, "SecretSyncedError",
     "could not get secret data from provider"},
    {RECONCILE_FAILED, STATUS_NOT_UPDATED, ERR_INVALID, false, false, "SecretSyncedError",
     "could not update secret"},
    {RECONCILE_FAILED, STATUS_IMMUTABLE, ERR_INVALID, false, true, "SecretSyncedError",
     "could not update secret, target is immutable"},
    {RECONCILE_FOREIGN, STATUS_NOT_OWNED, ERR_DENIED, false, true, "SecretSyncedError",
     "failed to take ownership of target secret"},
    {RECONCILE_FOREIGN, STATUS_OTHER_OWNER, ERR_DENIED, false, true, "SecretSyncedError",
     "target is owned by another ExternalSecret"},
    {RECONCILE_FOREIGN, STATUS_NOT_DELETED, ERR_DENIED, false, true, "SecretSyncedError",
     "could not delete secret"},
    {RECONCILE_FAILED, STATUS_NOT_DELETED, ERR_INVALID, false, true, "SecretSyncedError",
     "could not delete secret"},
    {RECONCILE_FAILED, STATUS_NOT_DELETED, ERR_UNAVAILABLE, false, false, "SecretSyncedError",
     "could not delete secret"},
    {RECONCILE_UNSUPPORTED, STATUS_REFUSED, ERR_INVALID, false, true, "SecretSyncedError",
     "as told"},
};

START_TEST(the_status_says_how_it_ended)
{
    struct run_result run = {.outcome = rows[_i].outcome, .end = rows[_i].end};
    char condition[256];
    if (rows[_i].kind != ERR_NONE) {
        (void)err_set(&run.err, rows[_i].kind, "as told");
    }
    (void)snprintf(condition, sizeof condition,
                   "{\"type\":\"Ready\",\"status\":\"%s\",\"reason\":\"%s\",\"message\":\"%s\","
                   "\"lastTransitionTime\":",
                   rows[_i].ready ? "True" : "False", rows[_i].reason, rows[_i].message);
    conclude_that("", &run, false);
    ck_assert(conclusion.written);
    ck_assert_msg(says(condition), "%s", api_find("PATCH", STATUS)->asked);
    ck_assert_int_eq(conclusion.end, rows[_i].end);
    ck_assert_int_eq(conclusion.failed, !rows[_i].ready);
    ck_assert_int_eq(conclusion.final, rows[_i].final);
    ck_assert_int_eq(says("\"refreshTime\":\"2023-11-14T22:13:20Z\""), rows[_i].ready);
    ck_assert_int_eq(says("\"syncedResourceVersion\":\"2-"), rows[_i].ready);
    /* Who carried it out has told the rest. */
    ck_assert_str_eq(posted.data, "");
}
END_TEST

START_TEST(the_target_is_bound_when_the_engine_says_so)
{
    conclude_that("", &(struct run_result){.end = STATUS_SYNCED, .bound = true}, false);
    ck_assert(says("\"binding\":{\"name\":\"t\"}"));
    conclude_that("", &(struct run_result){.end = STATUS_SYNCED}, false);
    ck_assert(!says("binding"));
}
END_TEST

START_TEST(of_what_another_controls_nothing_is_written)
{
    conclude_that("", &(struct run_result){.end = STATUS_SYNCED}, true);
    ck_assert(conclusion.written);
    ck_assert(!conclusion.failed);
    ck_assert_uint_eq(api_count("PATCH", STATUS), 0);
}
END_TEST

/* Carried out when its generation was 1. */
#define AS_IT_WAS ",'status':{'syncedResourceVersion':'1-x','refreshTime':'2023-11-14T22:13:20Z'}"

/* A status is there already, so it is read before. */
static void put_live(void)
{
    api_set("GET", "/externalsecrets/a", 200,
            "{'metadata':{'namespace':'n','name':'a','uid':'u-a','resourceVersion':'1'}" AS_IT_WAS
            "}");
}

START_TEST(orphans_that_stay_are_a_failure_that_is_told_whole)
{
    put_live();
    api_set("GET", ORPHANS, 403, "{'kind':'Status','reason':'Forbidden','message':'no'}");
    conclude_that(AS_IT_WAS, &(struct run_result){.end = STATUS_SYNCED}, false);
    ck_assert_int_eq(conclusion.end, STATUS_ORPHANS_NOT_DELETED);
    ck_assert(conclusion.failed);
    ck_assert(!conclusion.final);
    ck_assert(conclusion.written);
    ck_assert(says("\"message\":\"could not delete orphaned secrets\""));
    ck_assert(!says("refreshTime"));
    ck_assert_int_ne(conclusion.orphans_err.kind, ERR_NONE);
    ck_assert_msg(strncmp(posted.data, "!UpdateFailed: ", strlen("!UpdateFailed: ")) == 0, "%s",
                  posted.data);
    ck_assert_ptr_nonnull(strstr(posted.data, conclusion.orphans_err.message));
}
END_TEST

static const struct {
    int generation;
    const char *members;
    unsigned searches;
} spans[] = {
    {2, AS_IT_WAS, 1},
    {1, AS_IT_WAS, 0},
    /* A run before this one may have ended without a status. */
    {2, "", 1},
    {1, "", 0},
};

START_TEST(orphans_are_looked_for_when_the_target_may_have_had_another_name)
{
    put_live();
    generation = spans[_i].generation;
    conclude_that(spans[_i].members, &(struct run_result){.end = STATUS_SYNCED}, false);
    generation = 2;
    ck_assert_uint_eq(api_count("GET", ORPHANS), spans[_i].searches);
    ck_assert_int_eq(conclusion.end, STATUS_SYNCED);
}
END_TEST

START_TEST(a_failed_run_deletes_no_orphans)
{
    put_live();
    struct run_result run = {.outcome = RECONCILE_FAILED, .end = STATUS_NO_DATA};
    (void)err_set(&run.err, ERR_BUSY, "as told");
    conclude_that(AS_IT_WAS, &run, false);
    ck_assert_uint_eq(api_count("GET", ORPHANS), 0);
    ck_assert_int_eq(conclusion.end, STATUS_NO_DATA);
}
END_TEST

static const enum status_end unwritten[] = {STATUS_SYNCED, STATUS_IMMUTABLE};

/* What it says is lost with this process: CreatedOnce would be carried out anew. */
START_TEST(a_status_that_is_not_written_says_why_and_is_tried_again)
{
    api_set("PATCH", STATUS, 403, "{'kind':'Status','reason':'Forbidden','message':'no'}");
    conclude_that("", &(struct run_result){.end = unwritten[_i]}, false);
    ck_assert(!conclusion.written);
    ck_assert_int_eq(conclusion.err.kind, ERR_DENIED);
    ck_assert_int_eq(conclusion.end, unwritten[_i]);
    ck_assert(conclusion.failed);
    ck_assert(!conclusion.final);
}
END_TEST

START_TEST(of_what_is_gone_no_status_is_missed)
{
    api_set("PATCH", STATUS, 404, "{'kind':'Status','reason':'NotFound','message':'no'}");
    conclude_that("", &(struct run_result){.end = STATUS_SYNCED}, false);
    ck_assert(!conclusion.written);
    ck_assert_int_eq(conclusion.err.kind, ERR_MISSING);
    ck_assert(!conclusion.failed);
    conclude_that("", &(struct run_result){.end = STATUS_IMMUTABLE}, false);
    ck_assert(conclusion.failed);
    ck_assert(conclusion.final);
}
END_TEST

static const struct {
    const char *from;
    bool final;
} templates[] = {
    {"{'literal':'a: b'}", true},
    {"{'configMap':{'name':'c','items':[{'key':'k'}]}}", false},
    {"{'literal':'a: b'},{'secret':{'name':'s','items':[{'key':'k'}]}}", false},
};

START_TEST(what_is_refused_may_be_taken_when_a_template_elsewhere_has_changed)
{
    char target[256];
    (void)snprintf(target, sizeof target, ",'template':{'templateFrom':[%s]}", templates[_i].from);
    of_target = target;
    conclude_that("", &(struct run_result){.end = STATUS_REFUSED}, false);
    of_target = "";
    ck_assert(conclusion.failed);
    ck_assert_int_eq(conclusion.final, templates[_i].final);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/conclusion");
    TCase *tcase = tcase_create("conclusion");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, the_status_says_how_it_ended, 0, ARRAY_LEN(rows));
    tcase_add_test(tcase, the_target_is_bound_when_the_engine_says_so);
    tcase_add_test(tcase, of_what_another_controls_nothing_is_written);
    tcase_add_test(tcase, orphans_that_stay_are_a_failure_that_is_told_whole);
    tcase_add_loop_test(tcase, orphans_are_looked_for_when_the_target_may_have_had_another_name, 0,
                        ARRAY_LEN(spans));
    tcase_add_test(tcase, a_failed_run_deletes_no_orphans);
    tcase_add_loop_test(tcase, a_status_that_is_not_written_says_why_and_is_tried_again, 0,
                        ARRAY_LEN(unwritten));
    tcase_add_test(tcase, of_what_is_gone_no_status_is_missed);
    tcase_add_loop_test(tcase, what_is_refused_may_be_taken_when_a_template_elsewhere_has_changed,
                        0, ARRAY_LEN(templates));
    suite_add_tcase(suite, tcase);
    return suite;
}
