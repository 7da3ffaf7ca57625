/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/reconcile.h"

#include "base/encode.h"
#include "check_main.h"
#include "external_secret_text.h"
#include "scripted_world.h"

enum {
    STEPS = 4, /* calls of a creation: read, fetch, create; one more never comes */
};

/* Fixture */

static struct external_secret *external_secret;
static struct store *store;
static const struct store_resolver stores = {.find = find_store, .context = &store};
static const struct secret_source source = {.read = source_read, .find = source_find};
static const struct template_source templates = {.read = templates_read};
static const struct secret_sink sink = {
    .read = sink_read, .create = sink_create, .replace = sink_replace, .remove = sink_remove};
static struct reconcile_report report;
static bool absent;                 /* of the input */
static const struct secret *record; /* of the report */
static struct err err;

static const char spec[] = ",'data':[{'secretKey':'a','remoteRef':{'key':'k','property':'a'}},"
                           "{'secretKey':'b','remoteRef':{'key':'k','property':'b'}}]";

static void use(const char *metadata, const char *es_spec)
{
    external_secret_release(external_secret);
    external_secret = external_secret_of(metadata, es_spec);
}

static void setup(void)
{
    memset(&world, 0, sizeof world);
    world.secret_string = "{\"a\":\"hunter2\",\"b\":\"p\\u0000q\"}";
    external_secret = NULL;
    use(",'labels':{'app':'web'}", spec);
    store = store_of("'provider':{'aws':{'service':'SecretsManager','region':'eu-west-1'}}");
    report = (struct reconcile_report){0};
    world.waiting = true;
    absent = false;
    err = (struct err){0};
}

static void teardown(void)
{
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    external_secret_release(external_secret);
    store_release(store);
    reconcile_report_done(&report);
    free(world.stored);
}

static enum reconcile_outcome run(void)
{
    const struct reconcile_input input = {
        .external_secret = external_secret,
        .stores = &stores,
        .source = &source,
        .templates = &templates,
        .sink = &sink,
        .absent = absent,
        .waiting = world.waiting,
        .since_ms = SINCE_MS,
        .deadline_ms = DEADLINE_MS,
    };
    reconcile_report_done(&report);
    err = (struct err){0};
    enum reconcile_outcome outcome = reconcile(&input, &report, &err);
    record = report.secret;
    return outcome;
}

#define ck_assert_outcome(wanted)                                                                  \
    do {                                                                                           \
        enum reconcile_outcome outcome = run();                                                    \
        ck_assert_msg(outcome == (wanted), "%s instead of %s: %s",                                 \
                      reconcile_outcome_name(outcome), reconcile_outcome_name(wanted),             \
                      err.message);                                                                \
    } while (0)

static void check_stored(const char *key, struct str_view value)
{
    CLEANUP(live_secret_done) struct live_secret live = {0};
    answer(&live);
    CLEANUP(buf_done) struct buf bytes = {0};
    buf_init(&bytes, 4096);
    const struct json *node = json_path(live.object, "data", key, NULL);
    ck_assert_ptr_nonnull(node);
    ck_assert(decode_base64(&bytes, json_string(node), &err));
    ck_assert(sv_equal(buf_view(&bytes), value));
}

/* What happens */

START_TEST(creates_what_is_missing)
{
    ck_assert_outcome(RECONCILE_CREATED);
    check_stored("a", SV("hunter2"));
    check_stored("b", SV("p\0q"));
    ck_assert_ptr_nonnull(record);
    ck_assert(record->managed);
    ck_assert_uint_eq(record->key_count, 2);
    ck_assert(sv_is(record->controller.uid, "es-uid"));
    unsigned char wanted[SHA256_BYTES];
    hmac_sha256(sv_make((const char *)digest_key.bytes, sizeof digest_key.bytes), SV("hunter2"),
                wanted);
    ck_assert_mem_eq(secret_find_key(record, SV("a"))->digest, wanted, sizeof wanted);
    ck_assert_str_eq(world.manager, "externalsecrets.external-secrets.io/db");
    ck_assert_uint_eq(world.fetches, 1);
    ck_assert_uint_eq(world.last_fetch_count, 1);
    ck_assert_uint_eq(world.reads, 1);
    ck_assert_int_eq(err.kind, ERR_NONE);
}
END_TEST

START_TEST(creates_at_once_where_none_is_known)
{
    absent = true;
    ck_assert_outcome(RECONCILE_CREATED);
    check_stored("a", SV("hunter2"));
    ck_assert_uint_eq(world.creates, 1);
    ck_assert_uint_eq(world.reads, 0);
}
END_TEST

/* The same data are enough only where somebody wrote between a look and a write. */
START_TEST(puts_right_what_was_not_known_to_be_there)
{
    ck_assert_outcome(RECONCILE_CREATED);
    use(",'labels':{'app':'shop'}", spec);
    absent = true;
    world.waiting = false;
    ck_assert_outcome(RECONCILE_UPDATED);
    ck_assert_ptr_nonnull(strstr(world.stored, "\"app\":\"shop\""));
}
END_TEST

static bool over_quota(void *context, struct str_view namespace, struct str_view field_manager,
                       const struct secret_buf *manifest, int64_t deadline_ms, struct secret **ret,
                       struct err *failure)
{
    (void)context;
    (void)namespace;
    (void)field_manager;
    (void)manifest;
    (void)deadline_ms;
    (void)ret;
    world.creates++;
    return err_set(failure, ERR_DENIED, "exceeded quota");
}

/* Quota counts before the API server says AlreadyExists. */
START_TEST(looks_where_what_was_not_known_may_not_be_created)
{
    ck_assert_outcome(RECONCILE_CREATED);
    struct secret_sink full = sink;
    full.create = over_quota;
    const struct reconcile_input input = {
        .external_secret = external_secret,
        .stores = &stores,
        .source = &source,
        .templates = &templates,
        .sink = &full,
        .absent = true,
        .since_ms = SINCE_MS,
        .deadline_ms = DEADLINE_MS,
    };
    reconcile_report_done(&report);
    world.waiting = false;
    ck_assert_int_eq(reconcile(&input, &report, &err), RECONCILE_UNCHANGED);
    ck_assert_uint_eq(world.creates, 2);
}
END_TEST

START_TEST(looks_where_none_was_known_but_there_is_one)
{
    ck_assert_outcome(RECONCILE_CREATED);
    world.waiting = false;
    world.secret_string = "{\"a\":\"hunter3\",\"b\":\"\"}";
    absent = true;
    ck_assert_outcome(RECONCILE_UPDATED);
    check_stored("a", SV("hunter3"));
    ck_assert_uint_eq(world.creates, 2);
    ck_assert_uint_eq(world.replaces, 1);
    ck_assert_uint_eq(world.fetches, 2);
    ck_assert_uint_eq(world.reads, 2);
}
END_TEST

START_TEST(writes_nothing_twice)
{
    ck_assert_outcome(RECONCILE_CREATED);
    ck_assert_outcome(RECONCILE_UNCHANGED);
    ck_assert_uint_eq(world.creates, 1);
    ck_assert_uint_eq(world.replaces, 0);
    ck_assert_ptr_nonnull(record);
    ck_assert(sv_is(record->resource_version, "rv1"));
    ck_assert_uint_eq(record->key_count, 2);
}
END_TEST

START_TEST(updates_what_has_changed)
{
    ck_assert_outcome(RECONCILE_CREATED);
    world.secret_string = "{\"a\":\"hunter3\",\"b\":\"\"}";
    ck_assert_outcome(RECONCILE_UPDATED);
    check_stored("a", SV("hunter3"));
    check_stored("b", SV(""));
    ck_assert(sv_is(record->resource_version, "rv2"));
    ck_assert_outcome(RECONCILE_UNCHANGED);
}
END_TEST

START_TEST(repairs_data_changed_by_hand)
{
    ck_assert_outcome(RECONCILE_CREATED);
    CLEANUP(mem_free_ptr) char *text = replace_once(world.stored, "aHVudGVyMg==", "eA==");
    store_text(text);
    ck_assert_outcome(RECONCILE_UPDATED);
    check_stored("a", SV("hunter2"));
}
END_TEST

START_TEST(corrects_the_uid_of_a_predecessor)
{
    ck_assert_outcome(RECONCILE_CREATED);
    CLEANUP(mem_free_ptr)
    char *text = replace_once(world.stored, "\"uid\":\"es-uid\"", "\"uid\":\"old\"");
    store_text(text);
    ck_assert_outcome(RECONCILE_UPDATED);
    ck_assert(sv_is(record->controller.uid, "es-uid"));
    ck_assert_uint_eq(world.replaces, 1);
}
END_TEST

START_TEST(takes_values_from_a_fake_store)
{
    store_release(store);
    store = store_of("'provider':{'fake':{'data':[{'key':'k','value':'{\\u0022a\\u0022:1,"
                     "\\u0022b\\u0022:true}'}]}}");
    ck_assert_outcome(RECONCILE_CREATED);
    check_stored("a", SV("1"));
    check_stored("b", SV("true"));
    ck_assert_uint_eq(world.fetches, 0);
}
END_TEST

/* Others */

static const char users_own[] = "{'apiVersion':'v1','kind':'Secret','metadata':{'name':'db',"
                                "'namespace':'prod','uid':'u','resourceVersion':'rv9'},"
                                "'data':{'a':'bWluZQ=='},'type':'Opaque'}";

START_TEST(never_overwrites_a_users_secret)
{
    store_text(users_own);
    ck_assert_outcome(RECONCILE_FOREIGN);
    check_stored("a", SV("mine"));
    ck_assert_uint_eq(world.fetches + world.creates + world.replaces, 0);
    ck_assert_ptr_null(record);
    ck_assert_ptr_nonnull(strstr(err.message, "prod/db"));
}
END_TEST

START_TEST(never_overwrites_a_secret_that_came_in_between)
{
    world.rival = users_own;
    ck_assert_outcome(RECONCILE_FOREIGN);
    check_stored("a", SV("mine"));
    ck_assert_uint_eq(world.creates, 1);
    ck_assert_uint_eq(world.fetches, 1);
}
END_TEST

/* Another replica: what is stored after our own creation. */
START_TEST(absorbs_the_same_secret_written_by_another_replica)
{
    ck_assert_outcome(RECONCILE_CREATED);
    CLEANUP(mem_free_ptr) char *theirs = str_dup(world.stored);
    store_text(NULL);
    world.rival = theirs;
    ck_assert_outcome(RECONCILE_UNCHANGED);
    ck_assert_ptr_nonnull(record);
    ck_assert_uint_eq(world.creates, 2);
    ck_assert_uint_eq(world.replaces, 0);
    /* Fetched once, although looked at twice. */
    ck_assert_uint_eq(world.fetches, 2);
}
END_TEST

START_TEST(is_content_with_the_same_data_hash_after_a_conflict)
{
    ck_assert_outcome(RECONCILE_CREATED);
    CLEANUP(mem_free_ptr)
    char *theirs = replace_once(world.stored, "\"app\":\"web\"", "\"app\":\"theirs\"");
    store_text(NULL);
    world.rival = theirs;
    ck_assert_outcome(RECONCILE_UNCHANGED);
    ck_assert_uint_eq(world.replaces, 0);
    /* Without a conflict the label is put right. */
    ck_assert_outcome(RECONCILE_UPDATED);
}
END_TEST

START_TEST(replaces_older_data_after_a_conflict)
{
    ck_assert_outcome(RECONCILE_CREATED);
    CLEANUP(mem_free_ptr) char *theirs = str_dup(world.stored);
    store_text(NULL);
    world.rival = theirs;
    world.secret_string = "{\"a\":\"hunter3\",\"b\":\"\"}";
    world.waiting = false;
    ck_assert_outcome(RECONCILE_UPDATED);
    check_stored("a", SV("hunter3"));
}
END_TEST

/* What he has read may come out of a cache, what stands there is the leader's. */
START_TEST(leaves_what_another_has_just_made_for_who_waits)
{
    ck_assert_outcome(RECONCILE_CREATED);
    CLEANUP(mem_free_ptr) char *theirs = str_dup(world.stored);
    store_text(NULL);
    world.rival = theirs;
    world.secret_string = "{\"a\":\"hunter1\",\"b\":\"\"}";
    ck_assert_outcome(RECONCILE_UNCHANGED);
    check_stored("a", SV("hunter2"));
    ck_assert_uint_eq(world.replaces, 0);
}
END_TEST

START_TEST(creates_anew_what_was_deleted_in_between)
{
    ck_assert_outcome(RECONCILE_CREATED);
    world.rival = "";
    world.secret_string = "{\"a\":\"hunter3\",\"b\":\"\"}";
    ck_assert_outcome(RECONCILE_CREATED);
    ck_assert_uint_eq(world.replaces, 1);
    check_stored("a", SV("hunter3"));
}
END_TEST

static bool always_first(void *context, struct str_view namespace, struct str_view field_manager,
                         const struct secret_buf *manifest, int64_t deadline_ms,
                         struct secret **ret, struct err *failure)
{
    (void)context;
    (void)namespace;
    (void)field_manager;
    (void)manifest;
    (void)deadline_ms;
    (void)ret;
    world.creates++;
    return err_set(failure, ERR_CONFLICT, "AlreadyExists");
}

START_TEST(gives_up_when_others_are_always_first)
{
    const struct secret_sink busy = {.read = sink_read, .create = always_first};
    const struct reconcile_input input = {
        .external_secret = external_secret,
        .stores = &stores,
        .source = &source,
        .templates = &templates,
        .sink = &busy,
        .waiting = true,
        .since_ms = SINCE_MS,
        .deadline_ms = DEADLINE_MS,
    };
    ck_assert_int_eq(reconcile(&input, &report, &err), RECONCILE_FAILED);
    ck_assert_int_eq(err.kind, ERR_CONFLICT);
    ck_assert(err.retryable);
    ck_assert_uint_eq(world.creates, 3);
    ck_assert_uint_eq(world.fetches, 1);
}
END_TEST

/* Immutability */

START_TEST(does_not_try_to_change_an_immutable_secret)
{
    ck_assert_outcome(RECONCILE_CREATED);
    CLEANUP(mem_free_ptr)
    char *text = replace_once(world.stored, "\"data\":", "\"immutable\":true,\"data\":");
    store_text(text);
    ck_assert_outcome(RECONCILE_UNCHANGED);
    world.secret_string = "{\"a\":\"hunter3\",\"b\":\"\"}";
    ck_assert_outcome(RECONCILE_FAILED);
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert(!err.retryable);
    ck_assert_ptr_nonnull(strstr(err.message, "immutable"));
    ck_assert_int_eq(report.end, STATUS_IMMUTABLE);
    /* As the operator: the data-hash is that of what it should be, once. */
    ck_assert_uint_eq(world.replaces, 1);
    check_stored("a", SV("hunter2"));
    ck_assert_outcome(RECONCILE_FAILED);
    ck_assert_uint_eq(world.replaces, 1);
}
END_TEST

START_TEST(changes_the_metadata_of_an_immutable_secret)
{
    ck_assert_outcome(RECONCILE_CREATED);
    CLEANUP(mem_free_ptr)
    char *text = replace_once(world.stored, "\"data\":", "\"immutable\":true,\"data\":");
    store_text(text);
    use(",'labels':{'app':'new'}", spec);
    ck_assert_outcome(RECONCILE_UPDATED);
    ck_assert_ptr_nonnull(strstr(world.stored, "\"app\":\"new\""));
}
END_TEST

START_TEST(fetches_an_immutable_target_once)
{
    use("", ",'target':{'immutable':true},'data':[{'secretKey':'a','remoteRef':{'key':'k'}}]");
    ck_assert_outcome(RECONCILE_CREATED);
    ck_assert(record->immutable);
    world.secret_string = "hunter3";
    ck_assert_outcome(RECONCILE_UNCHANGED);
    ck_assert_uint_eq(world.fetches, 1);
    check_stored("a", SV("{\"a\":\"hunter2\",\"b\":\"p\\u0000q\"}"));
}
END_TEST

START_TEST(waits_for_a_secret_that_is_being_deleted)
{
    ck_assert_outcome(RECONCILE_CREATED);
    CLEANUP(mem_free_ptr)
    char *text = replace_once(world.stored, "\"metadata\":{",
                              "\"metadata\":{\"deletionTimestamp\":\"2026-11-23T12:36:00Z\",");
    store_text(text);
    world.secret_string = "{\"a\":\"hunter3\",\"b\":\"\"}";
    ck_assert_outcome(RECONCILE_FAILED);
    ck_assert_int_eq(err.kind, ERR_CONFLICT);
    ck_assert_uint_eq(world.replaces, 0);
}
END_TEST

/* Not done */

START_TEST(writes_nothing_when_a_remote_secret_is_missing)
{
    ck_assert_outcome(RECONCILE_CREATED);
    world.secret_string = NULL;
    ck_assert_outcome(RECONCILE_FAILED);
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert_ptr_nonnull(strstr(err.message, "ExternalSecret prod/db: secret k"));
    ck_assert_uint_eq(world.replaces, 0);
    check_stored("a", SV("hunter2"));
}
END_TEST

START_TEST(writes_nothing_when_a_property_is_missing)
{
    world.secret_string = "{\"a\":\"hunter2\"}";
    ck_assert_outcome(RECONCILE_FAILED);
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert_ptr_nonnull(strstr(err.message, "property b of remote secret k"));
    ck_assert_uint_eq(world.creates, 0);
}
END_TEST

static const struct {
    const char *metadata;
    const char *spec;
    const char *store;
    enum reconcile_outcome outcome;
    const char *named;
} left_alone[] = {
    {"", ",'future':1,'data':[{'secretKey':'a','remoteRef':{'key':'k'}}]", NULL,
     RECONCILE_UNSUPPORTED, "spec.future"},
    {"",
     ",'target':{'template':{'data':{'x':'{{ if .a }}'}}},"
     "'data':[{'secretKey':'a','remoteRef':{'key':'k'}}]",
     NULL, RECONCILE_FAILED, "spec.target.template.data[x]: line 1"},
    {"", ",'data':[{'secretKey':'a','remoteRef':{'key':'k','property':'a|@pretty'}}]", NULL,
     RECONCILE_UNSUPPORTED, "spec.data[0].remoteRef.property"},
    {"", spec, "'provider':{'vault':{}}", RECONCILE_UNSUPPORTED, "spec.provider.vault"},
    {"", spec, "'provider':{'aws':{'service':'SecretsManager','region':'eu-west-1','future':'x'}}",
     RECONCILE_UNSUPPORTED, "spec.provider.aws.future"},
    {"", spec, "", RECONCILE_FAILED, "SecretStore store does not exist"},
    {",'deletionTimestamp':'2026-11-23T12:36:00Z'", spec, NULL, RECONCILE_FAILED, "being deleted"},
};

START_TEST(touches_nothing_it_does_not_understand)
{
    use(left_alone[_i].metadata, left_alone[_i].spec);
    if (left_alone[_i].store) {
        store_release(store);
        store = left_alone[_i].store[0] ? store_of(left_alone[_i].store) : NULL;
    }
    ck_assert_outcome(left_alone[_i].outcome);
    ck_assert_msg(strstr(err.message, left_alone[_i].named), "%s", err.message);
    ck_assert_uint_eq(world.calls, 0);
}
END_TEST

START_TEST(does_nothing_for_what_is_not_persisted)
{
    external_secret->uid = SV("");
    ck_assert_outcome(RECONCILE_FAILED);
    ck_assert_ptr_nonnull(strstr(err.message, "not persisted"));
    ck_assert_uint_eq(world.calls, 0);
}
END_TEST

START_TEST(never_uses_another_store)
{
    store->name = SV("other");
    ck_assert_outcome(RECONCILE_FAILED);
    store->name = SV("store");
    store->namespace = SV("elsewhere");
    ck_assert_outcome(RECONCILE_FAILED);
    store->namespace = SV("prod");
    store->cluster = true;
    ck_assert_outcome(RECONCILE_FAILED);
    ck_assert_int_eq(err.kind, ERR_INTERNAL);
    ck_assert_uint_eq(world.calls, 0);
}
END_TEST

START_TEST(retains_when_nothing_is_asked_for)
{
    external_secret->data_count = 0;
    ck_assert_outcome(RECONCILE_RETAINED);
    ck_assert_ptr_null(record);
    ck_assert_uint_eq(world.fetches + world.creates + world.replaces, 0);
}
END_TEST

/* Every call fails in its turn, with every kind: typed, nothing written, nothing leaked, and the
 * next run succeeds. */
static const enum err_kind kinds[] = {ERR_DENIED, ERR_BUSY, ERR_TIMEOUT, ERR_UNAVAILABLE,
                                      ERR_INVALID};

START_TEST(fails_cleanly_at_every_step_of_a_creation)
{
    unsigned failures = 0;
    for (unsigned n = 1; n <= STEPS; n++) {
        world.calls = 0;
        world.fail_at = n;
        world.failure = kinds[_i];
        enum reconcile_outcome outcome = run();
        if (outcome == RECONCILE_CREATED) {
            break;
        }
        failures++;
        ck_assert_int_eq(outcome, RECONCILE_FAILED);
        ck_assert_int_eq(err.kind, kinds[_i]);
        ck_assert(err.retryable == err_kind_retryable(kinds[_i]));
        ck_assert_ptr_null(record);
        ck_assert_ptr_null(world.stored);
    }
    ck_assert_uint_eq(failures, 3);
    ck_assert_ptr_nonnull(record);
}
END_TEST

START_TEST(fails_cleanly_at_every_step_of_an_update)
{
    ck_assert_outcome(RECONCILE_CREATED);
    world.secret_string = "{\"a\":\"hunter3\",\"b\":\"\"}";
    unsigned failures = 0;
    for (unsigned n = 1; n <= STEPS; n++) {
        world.calls = 0;
        world.fail_at = n;
        world.failure = kinds[_i];
        enum reconcile_outcome outcome = run();
        if (outcome == RECONCILE_UPDATED) {
            break;
        }
        failures++;
        ck_assert_int_eq(outcome, RECONCILE_FAILED);
        ck_assert_int_eq(err.kind, kinds[_i]);
        ck_assert_ptr_null(record);
        check_stored("a", SV("hunter2"));
        check_stored("b", SV("p\0q"));
    }
    ck_assert_uint_eq(failures, 3);
    check_stored("a", SV("hunter3"));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("reconcile");
    TCase *tcase = tcase_create("reconcile");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, creates_what_is_missing);
    tcase_add_test(tcase, creates_at_once_where_none_is_known);
    tcase_add_test(tcase, puts_right_what_was_not_known_to_be_there);
    tcase_add_test(tcase, looks_where_what_was_not_known_may_not_be_created);
    tcase_add_test(tcase, leaves_what_another_has_just_made_for_who_waits);
    tcase_add_test(tcase, looks_where_none_was_known_but_there_is_one);
    tcase_add_test(tcase, writes_nothing_twice);
    tcase_add_test(tcase, updates_what_has_changed);
    tcase_add_test(tcase, repairs_data_changed_by_hand);
    tcase_add_test(tcase, corrects_the_uid_of_a_predecessor);
    tcase_add_test(tcase, takes_values_from_a_fake_store);
    tcase_add_test(tcase, never_overwrites_a_users_secret);
    tcase_add_test(tcase, never_overwrites_a_secret_that_came_in_between);
    tcase_add_test(tcase, absorbs_the_same_secret_written_by_another_replica);
    tcase_add_test(tcase, is_content_with_the_same_data_hash_after_a_conflict);
    tcase_add_test(tcase, replaces_older_data_after_a_conflict);
    tcase_add_test(tcase, creates_anew_what_was_deleted_in_between);
    tcase_add_test(tcase, gives_up_when_others_are_always_first);
    tcase_add_test(tcase, does_not_try_to_change_an_immutable_secret);
    tcase_add_test(tcase, changes_the_metadata_of_an_immutable_secret);
    tcase_add_test(tcase, fetches_an_immutable_target_once);
    tcase_add_test(tcase, waits_for_a_secret_that_is_being_deleted);
    tcase_add_test(tcase, writes_nothing_when_a_remote_secret_is_missing);
    tcase_add_test(tcase, writes_nothing_when_a_property_is_missing);
    tcase_add_loop_test(tcase, touches_nothing_it_does_not_understand, 0, ARRAY_LEN(left_alone));
    tcase_add_test(tcase, does_nothing_for_what_is_not_persisted);
    tcase_add_test(tcase, never_uses_another_store);
    tcase_add_test(tcase, retains_when_nothing_is_asked_for);
    tcase_add_loop_test(tcase, fails_cleanly_at_every_step_of_a_creation, 0, ARRAY_LEN(kinds));
    tcase_add_loop_test(tcase, fails_cleanly_at_every_step_of_an_update, 0, ARRAY_LEN(kinds));
    suite_add_tcase(suite, tcase);
    return suite;
}
