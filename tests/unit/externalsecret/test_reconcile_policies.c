/* SPDX-License-Identifier: Apache-2.0 */
/* creationPolicy, deletionPolicy, finds and templates: what is written, and what never is. */
#include "base/encode.h"
#include "check_main.h"
#include "external_secret_text.h"
#include "externalsecret/reconcile.h"
#include "scripted_world.h"

static struct external_secret *external_secret;
static struct store *store;
static const struct store_resolver stores = {.find = find_store, .context = &store};
static const struct secret_source source = {.read = source_read, .find = source_find};
static const struct template_source templates = {.read = templates_read};
static const struct secret_sink sink = {
    .read = sink_read, .create = sink_create, .replace = sink_replace, .remove = sink_remove};
static struct reconcile_report report;
static bool absent; /* of the input */
static struct err err;

#define DATA "'data':[{'secretKey':'a','remoteRef':{'key':'k'}}]"

static void use(const char *target, const char *rest)
{
    char spec[1500];
    (void)snprintf(spec, sizeof spec, ",'target':{%s},%s", target, rest);
    external_secret_release(external_secret);
    external_secret = external_secret_of("", spec);
    ck_assert_msg(external_secret->unsupported.len == 0, "%.*s",
                  SV_ARG(external_secret->unsupported));
}

static void setup(void)
{
    memset(&world, 0, sizeof world);
    world.secret_string = "hunter2";
    external_secret = NULL;
    store = store_of("'provider':{'aws':{'service':'SecretsManager','region':'eu-west-1'}}");
    report = (struct reconcile_report){0};
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
    return reconcile(&input, &report, &err);
}

#define ck_assert_outcome(wanted, wanted_end)                                                      \
    do {                                                                                           \
        enum reconcile_outcome outcome = run();                                                    \
        ck_assert_msg(outcome == (wanted), "%s instead of %s: %s",                                 \
                      reconcile_outcome_name(outcome), reconcile_outcome_name(wanted),             \
                      err.message);                                                                \
        ck_assert_int_eq(report.end, wanted_end);                                                  \
    } while (0)

static unsigned writes(void)
{
    return world.creates + world.replaces + world.removals;
}

/* A user's own, with two keys; the second was merged in by this ExternalSecret before. */
static const char users_own[] =
    "{'apiVersion':'v1','kind':'Secret','metadata':{'uid':'u','resourceVersion':'rv1','name':'db',"
    "'namespace':'prod','labels':{'team':'x'},'managedFields':[{'manager':"
    "'externalsecrets.external-secrets.io/db','operation':'Update','fieldsV1':{'f:data':{'f:old':"
    "{}}}}]},'data':{'mine':'bWluZQ==','old':'b2xk'},'type':'Opaque'}";

static void store_users_own(void)
{
    world.version = 1;
    store_text(users_own);
}

static bool has(const char *text)
{
    return strstr(world.stored, text) != NULL;
}

/* creationPolicy */

START_TEST(orphan_makes_a_secret_that_nobody_owns)
{
    use("'creationPolicy':'Orphan'", DATA);
    ck_assert_outcome(RECONCILE_CREATED, STATUS_SYNCED);
    ck_assert(report.bound && report.wrote);
    ck_assert(has("reconcile.external-secrets.io/managed\":\"true\""));
    ck_assert(has("reconcile.external-secrets.io/data-hash"));
    ck_assert(!has("ownerReferences") && !has("created-by"));
}
END_TEST

START_TEST(orphan_does_not_overwrite_a_users_secret)
{
    store_users_own();
    use("'creationPolicy':'Orphan'", DATA);
    ck_assert_outcome(RECONCILE_FOREIGN, STATUS_NOT_OWNED);
    ck_assert_uint_eq(writes() + world.fetches, 0);
}
END_TEST

START_TEST(leaving_owner_takes_the_reference_away)
{
    use("'creationPolicy':'Owner'", DATA);
    ck_assert_outcome(RECONCILE_CREATED, STATUS_SYNCED);
    ck_assert(has("ownerReferences") && has("created-by"));
    use("'creationPolicy':'Orphan'", DATA);
    ck_assert_outcome(RECONCILE_UPDATED, STATUS_SYNCED);
    ck_assert(!has("ownerReferences") && !has("created-by"));
    ck_assert(has("aHVudGVyMg=="));
}
END_TEST

START_TEST(merge_adds_keys_and_takes_back_only_its_own)
{
    store_users_own();
    use("'creationPolicy':'Merge'", DATA);
    ck_assert_outcome(RECONCILE_UPDATED, STATUS_SYNCED);
    ck_assert(has("\"data\":{\"a\":\"aHVudGVyMg==\",\"mine\":\"bWluZQ==\"}"));
    ck_assert(has("\"team\":\"x\"") && has("external-secrets.io/managed"));
    ck_assert(!has("ownerReferences") && !has("created-by"));
    ck_assert(sv_is(report.secret->resource_version, "rv2"));
    ck_assert_uint_eq(report.secret->key_count, 2);
    ck_assert(report.secret->data_hash_valid);
}
END_TEST

/* The label first, then the value: the report has the second, and the first is released. */
START_TEST(merge_into_a_users_value_writes_twice)
{
    use("'creationPolicy':'Merge'", "'data':[{'secretKey':'mine','remoteRef':{'key':'k'}}]");
    store_users_own();
    ck_assert_outcome(RECONCILE_UPDATED, STATUS_SYNCED);
    ck_assert_uint_eq(world.replaces, 2);
    ck_assert(has("\"mine\":\"aHVudGVyMg==\""));
    ck_assert(sv_is(report.secret->resource_version, "rv3"));
}
END_TEST

START_TEST(merge_waits_for_a_secret_to_merge_into)
{
    use("'creationPolicy':'Merge'", DATA);
    ck_assert_outcome(RECONCILE_MISSING_TARGET, STATUS_TARGET_MISSING);
    ck_assert_uint_eq(writes(), 0);
    ck_assert(!report.bound && !report.wrote);
    /* The operator fetches first, and says what is wrong with that. */
    ck_assert_uint_eq(world.fetches, 1);
    world.waiting = true;
    ck_assert_outcome(RECONCILE_MISSING_TARGET, STATUS_TARGET_MISSING);
    ck_assert_uint_eq(world.fetches, 1);
}
END_TEST

START_TEST(create_or_merge_does_either)
{
    use("'creationPolicy':'CreateOrMerge'", DATA);
    ck_assert_outcome(RECONCILE_CREATED, STATUS_SYNCED);
    ck_assert(!has("ownerReferences"));
    store_users_own();
    ck_assert_outcome(RECONCILE_UPDATED, STATUS_SYNCED);
    ck_assert(has("\"mine\":\"bWluZQ==\""));
}
END_TEST

START_TEST(none_makes_nothing)
{
    store_users_own();
    use("'creationPolicy':'None'", DATA);
    ck_assert_outcome(RECONCILE_SKIPPED, STATUS_SYNCED);
    ck_assert_uint_eq(world.fetches, 1);
    world.secret_string = NULL;
    ck_assert_outcome(RECONCILE_FAILED, STATUS_NO_DATA);
    ck_assert_uint_eq(writes() + world.reads, 0);
    ck_assert_ptr_null(report.secret);
}
END_TEST

static const char others[] =
    "{'metadata':{'uid':'u','resourceVersion':'rv1','name':'db','namespace':'prod',"
    "'ownerReferences':[{'apiVersion':'external-secrets.io/v1','kind':'ExternalSecret','name':"
    "'other','uid':'o','controller':true}]},'data':{'mine':'bWluZQ=='},'type':'Opaque'}";

START_TEST(leaves_the_target_of_another_external_secret)
{
    static const char *const policies[] = {"Owner", "Orphan", "Merge", "CreateOrMerge"};
    for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
        char target[64];
        (void)snprintf(target, sizeof target, "'creationPolicy':'%s'", policies[i]);
        store_text(others);
        use(target, DATA);
        ck_assert_outcome(RECONCILE_FOREIGN, STATUS_OTHER_OWNER);
        ck_assert_uint_eq(writes() + world.fetches, 0);
    }
}
END_TEST

/* deletionPolicy */

START_TEST(keeps_the_secret_when_there_is_no_data)
{
    use("'deletionPolicy':'Retain'", "'dataFrom':[{'find':{'name':{'regexp':'x'}}}]");
    ck_assert_outcome(RECONCILE_CREATED, STATUS_SYNCED);
    world.secret_string = NULL;
    ck_assert_outcome(RECONCILE_RETAINED, STATUS_RETAINED);
    ck_assert_uint_eq(writes(), 1);
    ck_assert(!report.wrote);
}
END_TEST

START_TEST(deletes_its_secret_when_there_is_no_data)
{
    use("'deletionPolicy':'Delete'", DATA);
    ck_assert_outcome(RECONCILE_CREATED, STATUS_SYNCED);
    world.secret_string = NULL;
    ck_assert_outcome(RECONCILE_DELETED, STATUS_DELETED);
    ck_assert(report.wrote);
    ck_assert_uint_eq(report.missing_count, 1);
    ck_assert(sv_is(report.missing[0].remote_key, "k"));
    ck_assert_ptr_null(world.stored);
    /* Once. */
    ck_assert_outcome(RECONCILE_DELETED, STATUS_DELETED);
    ck_assert(!report.wrote);
    ck_assert_uint_eq(world.removals, 1);
}
END_TEST

START_TEST(looks_for_what_is_to_be_deleted_whatever_is_known)
{
    use("'deletionPolicy':'Delete'", DATA);
    ck_assert_outcome(RECONCILE_CREATED, STATUS_SYNCED);
    world.secret_string = NULL;
    absent = true;
    ck_assert_outcome(RECONCILE_DELETED, STATUS_DELETED);
    ck_assert_uint_eq(world.removals, 1);
    ck_assert_ptr_null(world.stored);
}
END_TEST

START_TEST(merges_into_nothing_that_was_not_looked_for)
{
    use("'creationPolicy':'Merge'", DATA);
    store_users_own();
    absent = true;
    ck_assert_outcome(RECONCILE_UPDATED, STATUS_SYNCED);
    ck_assert_uint_eq(world.creates, 0);
}
END_TEST

START_TEST(deletes_only_what_it_controls)
{
    use("'deletionPolicy':'Delete','creationPolicy':'Orphan'", DATA);
    ck_assert_outcome(RECONCILE_CREATED, STATUS_SYNCED);
    CLEANUP(mem_free_ptr)
    char *text = replace_once(world.stored, "\"metadata\":{",
                              "\"metadata\":{\"managedFields\":[{\"manager\":"
                              "\"externalsecrets.external-secrets.io/db\",\"fieldsV1\":"
                              "{\"f:type\":{}}}],");
    store_text(text);
    use("'deletionPolicy':'Delete'", DATA);
    world.secret_string = NULL;
    ck_assert_outcome(RECONCILE_FOREIGN, STATUS_NOT_DELETED);
    ck_assert_uint_eq(world.removals, 0);
}
END_TEST

START_TEST(does_not_delete_without_owner)
{
    use("'deletionPolicy':'Delete','creationPolicy':'Merge'", DATA);
    store_users_own();
    world.secret_string = NULL;
    ck_assert_outcome(RECONCILE_FAILED, STATUS_NOT_DELETED);
    ck_assert(!err.retryable);
    ck_assert_uint_eq(writes(), 0);
}
END_TEST

START_TEST(looks_again_before_it_deletes_another_version)
{
    use("'deletionPolicy':'Delete'", DATA);
    ck_assert_outcome(RECONCILE_CREATED, STATUS_SYNCED);
    CLEANUP(mem_free_ptr) char *newer = replace_once(world.stored, "\"rv1\"", "\"rv2\"");
    world.secret_string = NULL;
    world.rival = newer;
    ck_assert_outcome(RECONCILE_DELETED, STATUS_DELETED);
    ck_assert_uint_eq(world.removals, 2);
    ck_assert_uint_eq(world.fetches, 2);
}
END_TEST

START_TEST(empties_the_secret_when_there_is_no_data)
{
    use("'deletionPolicy':'Merge'", DATA);
    ck_assert_outcome(RECONCILE_CREATED, STATUS_SYNCED);
    world.secret_string = NULL;
    ck_assert_outcome(RECONCILE_UPDATED, STATUS_SYNCED);
    ck_assert_uint_eq(report.secret->key_count, 0);
    ck_assert_uint_eq(report.missing_count, 1);
}
END_TEST

/* Finds */

START_TEST(leaves_a_find_to_the_background)
{
    use("", DATA ",'dataFrom':[{'find':{'name':{'regexp':'x'}}}]");
    world.waiting = true;
    ck_assert_outcome(RECONCILE_DEFERRED, STATUS_NO_DATA);
    ck_assert_int_eq(err.kind, ERR_BUSY);
    ck_assert_uint_eq(world.calls, 0);
    world.waiting = false;
    ck_assert_outcome(RECONCILE_CREATED, STATUS_SYNCED);
    ck_assert_uint_eq(world.finds, 1);
    ck_assert(has("\"by-name\":\"Zm91bmQ=\"") && has("\"a\":\"aHVudGVyMg==\""));
}
END_TEST

/* Templates */

static const char from_map[] =
    "'template':{'type':'kubernetes.io/basic-auth','templateFrom':[{'configMap':{'name':'m',"
    "'items':[{'key':'key'}]}}],'metadata':{'labels':{'l':'x'},'finalizers':['f/g']}}";

START_TEST(renders_what_stands_in_a_config_map)
{
    use(from_map, DATA);
    world.config_map = "<{{ .a }}>";
    ck_assert_outcome(RECONCILE_CREATED, STATUS_SYNCED);
    ck_assert(has("\"data\":{\"key\":\"PGh1bnRlcjI+\"}"));
    ck_assert(has("\"type\":\"kubernetes.io/basic-auth\""));
    ck_assert(has("\"finalizers\":[\"f/g\"]") && has("\"l\":\"x\""));
    ck_assert_outcome(RECONCILE_UNCHANGED, STATUS_SYNCED);
}
END_TEST

START_TEST(writes_nothing_of_a_template_that_fails)
{
    use(from_map, DATA);
    world.config_map = "<{{ .a }}>";
    ck_assert_outcome(RECONCILE_CREATED, STATUS_SYNCED);
    static const struct {
        const char *text;
        enum reconcile_outcome outcome;
        enum status_end end;
    } texts[] = {
        {NULL, RECONCILE_FAILED, STATUS_NOT_UPDATED},
        {"{{ .missing }}", RECONCILE_FAILED, STATUS_NOT_UPDATED},
        {"{{ if .a }}", RECONCILE_FAILED, STATUS_NOT_UPDATED},
        {"{{ uuidv4 }}", RECONCILE_UNSUPPORTED, STATUS_REFUSED},
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        world.config_map = texts[i].text;
        ck_assert_outcome(texts[i].outcome, texts[i].end);
        ck_assert_uint_eq(writes(), 1);
        ck_assert(has("\"data\":{\"key\":\"PGh1bnRlcjI+\"}"));
    }
}
END_TEST

START_TEST(does_not_send_a_change_of_type)
{
    use("", DATA);
    ck_assert_outcome(RECONCILE_CREATED, STATUS_SYNCED);
    CLEANUP(mem_free_ptr)
    char *text = replace_once(world.stored, "\"data\":", "\"type\":\"Opaque\",\"data\":");
    store_text(text);
    use("'template':{'type':'kubernetes.io/tls'}", DATA);
    ck_assert_outcome(RECONCILE_FAILED, STATUS_NOT_UPDATED);
    ck_assert_ptr_nonnull(strstr(err.message, "spec.target.template.type"));
    ck_assert_uint_eq(world.replaces, 0);
}
END_TEST

START_TEST(does_not_send_what_is_no_key)
{
    use("'template':{'data':{'a/b':'x'}}", DATA);
    ck_assert_outcome(RECONCILE_FAILED, STATUS_NOT_UPDATED);
    ck_assert_uint_eq(writes(), 0);
    use("'template':{'templateFrom':[{'literal':'{\\u0022no key!\\u0022: \\u0022x\\u0022}'}]}",
        DATA);
    ck_assert_outcome(RECONCILE_FAILED, STATUS_NOT_UPDATED);
    ck_assert_uint_eq(writes(), 0);
}
END_TEST

START_TEST(says_what_the_api_server_does_not_take)
{
    use("", DATA);
    world.fail_at = 3;
    world.failure = ERR_INVALID;
    ck_assert_outcome(RECONCILE_FAILED, STATUS_NOT_UPDATED);
    ck_assert_ptr_nonnull(strstr(err.message, "does not take Secret db"));
    ck_assert(!err.retryable);
}
END_TEST

/* Every call fails in its turn, with every kind: typed, nothing written, and the next run succeeds.
 */
static const enum err_kind kinds[] = {ERR_DENIED,      ERR_BUSY,    ERR_TIMEOUT,
                                      ERR_UNAVAILABLE, ERR_INVALID, ERR_INTERNAL};

START_TEST(fails_cleanly_at_every_step)
{
    use(from_map, DATA ",'dataFrom':[{'find':{'name':{'regexp':'x'}}}]");
    world.config_map = "<{{ .a }}>";
    unsigned failures = 0;
    for (unsigned n = 1;; n++) {
        world.calls = 0;
        world.fail_at = n;
        world.failure = kinds[_i];
        if (run() == RECONCILE_CREATED) {
            break;
        }
        failures++;
        ck_assert_int_eq(err.kind, kinds[_i]);
        ck_assert(err.retryable == err_kind_retryable(kinds[_i]));
        ck_assert_ptr_null(report.secret);
        ck_assert(!report.wrote);
        ck_assert_ptr_null(world.stored);
    }
    /* Live Secret, values, find, ConfigMap, creation. */
    ck_assert_uint_eq(failures, 5);
    ck_assert(has("\"data\":{\"key\":\"PGh1bnRlcjI+\"}"));
}
END_TEST

START_TEST(fails_cleanly_at_every_step_of_a_deletion)
{
    use("'deletionPolicy':'Delete'", DATA);
    ck_assert_outcome(RECONCILE_CREATED, STATUS_SYNCED);
    world.secret_string = NULL;
    unsigned failures = 0;
    for (unsigned n = 1;; n++) {
        world.calls = 0;
        world.fail_at = n;
        world.failure = kinds[_i];
        if (run() == RECONCILE_DELETED) {
            break;
        }
        failures++;
        ck_assert_int_eq(err.kind, kinds[_i]);
        ck_assert(has("aHVudGVyMg=="));
        ck_assert(!report.wrote);
    }
    ck_assert_uint_eq(failures, 3);
    ck_assert_ptr_null(world.stored);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("reconcile_policies");
    TCase *tcase = tcase_create("reconcile_policies");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, orphan_makes_a_secret_that_nobody_owns);
    tcase_add_test(tcase, orphan_does_not_overwrite_a_users_secret);
    tcase_add_test(tcase, leaving_owner_takes_the_reference_away);
    tcase_add_test(tcase, merge_adds_keys_and_takes_back_only_its_own);
    tcase_add_test(tcase, merge_into_a_users_value_writes_twice);
    tcase_add_test(tcase, merge_waits_for_a_secret_to_merge_into);
    tcase_add_test(tcase, create_or_merge_does_either);
    tcase_add_test(tcase, none_makes_nothing);
    tcase_add_test(tcase, leaves_the_target_of_another_external_secret);
    tcase_add_test(tcase, keeps_the_secret_when_there_is_no_data);
    tcase_add_test(tcase, deletes_its_secret_when_there_is_no_data);
    tcase_add_test(tcase, looks_for_what_is_to_be_deleted_whatever_is_known);
    tcase_add_test(tcase, merges_into_nothing_that_was_not_looked_for);
    tcase_add_test(tcase, deletes_only_what_it_controls);
    tcase_add_test(tcase, does_not_delete_without_owner);
    tcase_add_test(tcase, looks_again_before_it_deletes_another_version);
    tcase_add_test(tcase, empties_the_secret_when_there_is_no_data);
    tcase_add_test(tcase, leaves_a_find_to_the_background);
    tcase_add_test(tcase, renders_what_stands_in_a_config_map);
    tcase_add_test(tcase, writes_nothing_of_a_template_that_fails);
    tcase_add_test(tcase, does_not_send_a_change_of_type);
    tcase_add_test(tcase, does_not_send_what_is_no_key);
    tcase_add_test(tcase, says_what_the_api_server_does_not_take);
    tcase_add_loop_test(tcase, fails_cleanly_at_every_step, 0, ARRAY_LEN(kinds));
    tcase_add_loop_test(tcase, fails_cleanly_at_every_step_of_a_deletion, 0, ARRAY_LEN(kinds));
    suite_add_tcase(suite, tcase);
    return suite;
}
