/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/status.h"

#include "check_main.h"
#include "quoted_json.h"

enum {
    START_MS = 1000,
    NOW_MS = 61000,
};

static struct json_text live;
static struct buf patch;

static void setup(void)
{
    live = (struct json_text){0};
    patch = (struct buf){0};
}

static void teardown(void)
{
    json_text_done(&live);
    buf_done(&patch);
}

static struct status_change change_to(enum status_end end)
{
    return (struct status_change){
        .end = end,
        .now_ms = NOW_MS,
        .start_ms = START_MS,
        .version = SV("2-abc"),
        .target = status_is_ready(end) ? SV("db") : SV(""),
        .why = SV("spec.target.manifest is \"not\" supported"),
    };
}

/* `expected` with ' for ". */
static void expect(const char *expected)
{
    char *text = str_dup(expected);
    for (char *at = text; *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    ck_assert_str_eq(patch.data, text);
    free(text);
}

static bool make_patch(enum status_end end)
{
    struct status_change change = change_to(end);
    return status_patch(&change, live.root, SV(""), &patch);
}

START_TEST(the_first_status_is_whole)
{
    struct status_change change = change_to(STATUS_SYNCED);
    ck_assert(status_patch(&change, NULL, SV("17"), &patch));
    expect("{'metadata':{'resourceVersion':'17'},'status':{'conditions':[{'type':'Ready','status':"
           "'True','reason':'SecretSynced','message':'secret synced','lastTransitionTime':"
           "'1970-01-01T00:01:01Z'}],'binding':{'name':'db'},'refreshTime':'1970-01-01T00:00:01Z',"
           "'syncedResourceVersion':'2-abc'}}");
}
END_TEST

START_TEST(a_refresh_says_when_it_was_and_nothing_else)
{
    live = quoted_json("{'status':{'binding':{'name':'db'},'conditions':[{'type':'Ready','status':"
                       "'True','reason':'SecretSynced','message':'secret synced',"
                       "'lastTransitionTime':'1970-01-01T00:00:00Z'}]}}");
    ck_assert(make_patch(STATUS_SYNCED));
    expect("{'status':{'refreshTime':'1970-01-01T00:00:01Z','syncedResourceVersion':'2-abc'}}");
}
END_TEST

START_TEST(a_failure_leaves_what_went_well_before)
{
    live = quoted_json("{'status':{'binding':{'name':'db'},'conditions':[{'type':'Ready','status':"
                       "'True','reason':'SecretSynced','message':'secret synced',"
                       "'lastTransitionTime':'1970-01-01T00:00:00Z'}]}}");
    ck_assert(make_patch(STATUS_NO_DATA));
    expect("{'status':{'conditions':[{'type':'Ready','status':'False','reason':'SecretSyncedError',"
           "'message':'could not get secret data from provider','lastTransitionTime':"
           "'1970-01-01T00:01:01Z'}]}}");
}
END_TEST

START_TEST(the_same_failure_again_is_nothing_to_write)
{
    live = quoted_json("{'status':{'conditions':[{'type':'Ready','status':'False','reason':"
                       "'SecretSyncedError','message':'could not get secret data from provider',"
                       "'lastTransitionTime':'1970-01-01T00:00:00Z'}]}}");
    ck_assert(!make_patch(STATUS_NO_DATA));
    ck_assert_ptr_null(patch.data);
}
END_TEST

START_TEST(another_reason_moves_to_the_end_and_keeps_its_time)
{
    live = quoted_json("{'status':{'conditions':[{'type':'Ready','status':'False','reason':"
                       "'SecretSyncedError','message':'could not update secret',"
                       "'lastTransitionTime':'1970-01-01T00:00:00Z'},{'type':'Deleted','status':"
                       "'False','observedGeneration':3}]}}");
    ck_assert(make_patch(STATUS_OTHER_OWNER));
    expect("{'status':{'conditions':[{'type':'Deleted','status':'False','observedGeneration':3},"
           "{'type':'Ready','status':'False','reason':'SecretSyncedError','message':"
           "'target is owned by another ExternalSecret','lastTransitionTime':"
           "'1970-01-01T00:00:00Z'}]}}");
}
END_TEST

START_TEST(what_is_refused_says_why)
{
    ck_assert(make_patch(STATUS_REFUSED));
    ck_assert_ptr_nonnull(
        strstr(patch.data, "\"message\":\"spec.target.manifest is \\\"not\\\" supported\""));
}
END_TEST

static const struct {
    enum status_end end;
    bool ready;
    bool absent;
    const char *reason;
    const char *message;
} rows[] = {
    {STATUS_SYNCED, true, false, "SecretSynced", "secret synced"},
    {STATUS_RETAINED, true, true, "SecretSynced", "secret retained due to DeletionPolicy=Retain"},
    {STATUS_DELETED, true, true, "SecretDeleted", "secret deleted due to DeletionPolicy=Delete"},
    {STATUS_TARGET_MISSING, true, true, "SecretMissing",
     "secret will not be created due to CreationPolicy=Merge"},
    {STATUS_NO_DATA, false, false, "SecretSyncedError", "could not get secret data from provider"},
    {STATUS_NOT_UPDATED, false, false, "SecretSyncedError", "could not update secret"},
    {STATUS_IMMUTABLE, false, false, "SecretSyncedError",
     "could not update secret, target is immutable"},
    {STATUS_NOT_OWNED, false, false, "SecretSyncedError",
     "failed to take ownership of target secret"},
    {STATUS_OTHER_OWNER, false, false, "SecretSyncedError",
     "target is owned by another ExternalSecret"},
    {STATUS_NOT_DELETED, false, false, "SecretSyncedError", "could not delete secret"},
    {STATUS_ORPHANS_NOT_DELETED, false, false, "SecretSyncedError",
     "could not delete orphaned secrets"},
};

START_TEST(every_end_has_its_words)
{
    CLEANUP(buf_done) struct buf message;
    buf_init(&message, 256);
    ck_assert(make_patch(rows[_i].end));
    ck_assert_int_eq(status_is_ready(rows[_i].end), rows[_i].ready);
    ck_assert_int_eq(status_leaves_absent(rows[_i].end), rows[_i].absent);
    ck_assert_str_eq(status_reason(rows[_i].end), rows[_i].reason);
    buf_printf(&message, "\"status\":\"%s\",\"reason\":\"%s\",\"message\":\"%s\"",
               rows[_i].ready ? "True" : "False", rows[_i].reason, rows[_i].message);
    ck_assert_ptr_nonnull(strstr(patch.data, message.data));
    ck_assert_int_eq(strstr(patch.data, "refreshTime") != NULL, rows[_i].ready);
}
END_TEST

START_TEST(a_store_that_is_valid_can_be_read)
{
    const struct status_store_change change = {.now_ms = NOW_MS};
    ck_assert(status_store_patch(&change, NULL, SV("4"), &patch));
    expect("{'metadata':{'resourceVersion':'4'},'status':{'conditions':[{'type':'Ready','status':"
           "'True','reason':'Valid','message':'store validated','lastTransitionTime':"
           "'1970-01-01T00:01:01Z'}],'capabilities':'ReadWrite'}}");
}
END_TEST

START_TEST(a_store_without_credentials_is_not)
{
    const struct status_store_change change = {.now_ms = NOW_MS, .fault = "no role"};
    live = quoted_json("{'status':{'capabilities':'ReadWrite','conditions':[{'type':'Ready',"
                       "'status':'True','reason':'Valid','message':'store validated',"
                       "'lastTransitionTime':'1970-01-01T00:00:00Z'}]}}");
    ck_assert(status_store_patch(&change, live.root, SV(""), &patch));
    expect("{'status':{'conditions':[{'type':'Ready','status':'False','reason':"
           "'InvalidProviderConfig','message':'no role','lastTransitionTime':"
           "'1970-01-01T00:01:01Z'}]}}");
}
END_TEST

START_TEST(a_store_that_stays_valid_is_nothing_to_write)
{
    const struct status_store_change change = {.now_ms = NOW_MS};
    live = quoted_json("{'status':{'capabilities':'ReadWrite','conditions':[{'type':'Ready',"
                       "'status':'True','reason':'Valid','message':'store validated',"
                       "'lastTransitionTime':'1970-01-01T00:00:00Z'}]}}");
    ck_assert(!status_store_patch(&change, live.root, SV(""), &patch));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("status");
    TCase *tcase = tcase_create("status");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_first_status_is_whole);
    tcase_add_test(tcase, a_refresh_says_when_it_was_and_nothing_else);
    tcase_add_test(tcase, a_failure_leaves_what_went_well_before);
    tcase_add_test(tcase, the_same_failure_again_is_nothing_to_write);
    tcase_add_test(tcase, another_reason_moves_to_the_end_and_keeps_its_time);
    tcase_add_test(tcase, what_is_refused_says_why);
    tcase_add_loop_test(tcase, every_end_has_its_words, 0, ARRAY_LEN(rows));
    tcase_add_test(tcase, a_store_that_is_valid_can_be_read);
    tcase_add_test(tcase, a_store_without_credentials_is_not);
    tcase_add_test(tcase, a_store_that_stays_valid_is_nothing_to_write);
    suite_add_tcase(suite, tcase);
    return suite;
}
