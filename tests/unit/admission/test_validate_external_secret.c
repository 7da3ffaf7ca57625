/* SPDX-License-Identifier: Apache-2.0 */
#include "admission/validate_external_secret.h"

#include "admission/response.h"
#include "check_main.h"
#include "quoted_json.h"

static struct world *world;

static void setup(void)
{
    world = world_new();
    world_set_synced(world, WORLD_STORES, true);
    world_set_synced(world, WORLD_CLUSTER_STORES, true);
}

static void teardown(void)
{
    world_free(world);
}

static void put_store(bool cluster, const char *name, const char *spec)
{
    struct json_text json = quoted_json("{'metadata':{'name':'%s','namespace':'shop'},'spec':{%s"
                                        "'provider':{'fake':{'data':[]}}}}",
                                        name, spec);
    struct store *store = NULL;
    struct err err = {0};
    ck_assert_msg(store_decode(json.root, cluster, &store, &err), "%s", err.message);
    world_put_store(world, store);
    json_text_done(&json);
}

#define DATA "'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]"
#define SPEC(rest) "{'secretStoreRef':{'name':'store'}," DATA rest "}"
#define OBJECT(spec) "{'metadata':{'name':'es','namespace':'shop'},'spec':" spec "}"
#define REQUEST_OF(group, version, kind, rest)                                                     \
    "{'apiVersion':'admission.k8s.io/v1','kind':'AdmissionReview','request':{'uid':'1','kind':{"   \
    "'group':'" group "','version':'" version "','kind':'" kind "'},'namespace':'shop'," rest "}}"
#define REQUEST(rest) REQUEST_OF("external-secrets.io", "v1", "ExternalSecret", rest)
#define CREATE(spec) REQUEST("'operation':'CREATE','object':" OBJECT(spec))
#define UPDATE(before, after)                                                                      \
    REQUEST("'operation':'UPDATE','oldObject':" OBJECT(before) ",'object':" OBJECT(after))

static void put_external_secret(const char *name, const char *target)
{
    struct json_text json = quoted_json(
        "{'metadata':{'name':'%s','namespace':'shop'},'spec':{'secretStoreRef':{'name':'store'},"
        "'target':{%s}," DATA "}}",
        name, target);
    struct external_secret *decoded = NULL;
    struct err err = {0};
    ck_assert(external_secret_decode(json.root, &decoded, &err));
    (void)world_put_external_secret(world, decoded);
    json_text_done(&json);
}

static void put_secret(const char *owner)
{
    struct json_text json =
        quoted_json("{'metadata':{'name':'es','namespace':'shop','ownerReferences':[%s]}}", owner);
    struct secret *secret = NULL;
    struct err err = {0};
    ck_assert(secret_decode(json.root, NULL, &secret, &err));
    (void)world_put_secret(world, secret);
    json_text_done(&json);
}

static void decide(const char *request, bool alone, struct verdict *ret)
{
    CLEANUP(json_text_done) struct json_text json = quoted_json("%s", request);
    CLEANUP(buf_done) struct buf response;
    const struct policy_rules policy = policy_builtin().defaults;
    struct review review;
    struct err err = {0};
    ck_assert_msg(review_decode(json.root, &review, &err), "%s", err.message);
    CLEANUP(validation_done) struct validation validation;
    validation_begin(&review, world, &validation);
    const struct validate_rules rules = validate_rules(&review, &policy, alone);
    validation_end(&validation, &rules, ret);
    buf_init(&response, LIMIT_RESPONSE_BYTES);
    response_write(&review, ret, &response);
    ck_assert(!sv_contains(buf_view(&response), SV("patch")));
}

#define BROKEN SPEC(",'target':{'template':{'data':{'a':'{{'}}}")

static const struct {
    const char *request;
    const char *decision;
} UNTOUCHED[] = {
    {UPDATE(BROKEN, BROKEN), "skip"},
    {REQUEST("'operation':'UPDATE','oldObject':{'metadata':{'name':'es','namespace':'shop'},'spec':"
             "{'a':1,'b':2}},'object':{'metadata':{'name':'es','namespace':'shop','labels':{'l':'x'"
             "}},'spec':{'b':2,'a':1}}"),
     "skip"},
    {REQUEST("'operation':'DELETE','object':null,'oldObject':" OBJECT(BROKEN)), "skip"},
    {REQUEST("'operation':'UPDATE','subResource':'status','object':" OBJECT(BROKEN)), "skip"},
    {REQUEST("'operation':'CREATE','object':{'metadata':{'name':'es','namespace':'shop',"
             "'deletionTimestamp':'2026-01-01T00:00:00Z'},'spec':{}}"),
     "skip"},
    {REQUEST_OF("external-secrets.io", "v1alpha1", "ExternalSecret",
                "'operation':'CREATE','object':" OBJECT(BROKEN)),
     "skip"},
    {REQUEST_OF("example.com", "v1", "ExternalSecret",
                "'operation':'CREATE','object':" OBJECT(BROKEN)),
     "skip"},
    {REQUEST_OF("external-secrets.io", "v1", "PushSecret",
                "'operation':'CREATE','object':" OBJECT(BROKEN)),
     "skip"},
    {CREATE(SPEC("")), "allow"},
    {UPDATE(BROKEN, SPEC("")), "allow"},
};

START_TEST(what_is_nobodys_business_passes)
{
    struct verdict verdict;
    put_store(false, "store", "");
    decide(UNTOUCHED[_i].request, true, &verdict);
    ck_assert(verdict.allowed);
    ck_assert_str_eq(verdict.decision, UNTOUCHED[_i].decision);
    ck_assert_uint_eq(verdict.warning_count, 0);
    ck_assert_str_eq(verdict.code, "");
}
END_TEST

static const char *const MISTAKES[] = {
    CREATE(BROKEN),
    UPDATE(SPEC(""), BROKEN),
    REQUEST_OF("external-secrets.io", "v1beta1", "ExternalSecret",
               "'operation':'CREATE','object':" OBJECT(BROKEN)),
};

START_TEST(a_mistake_is_denied_whoever_carries_it_out)
{
    struct verdict verdict;
    put_store(false, "store", "");
    for (int alone = 0; alone < 2; alone++) {
        decide(MISTAKES[_i], alone, &verdict);
        ck_assert(!verdict.allowed);
        ck_assert_str_eq(verdict.decision, "deny");
        ck_assert_str_eq(verdict.code, "KT209");
        ck_assert(sv_starts_with(sv_of(verdict.denial),
                                 SV("KT209 spec.target.template.data[a]: line 1, column ")));
    }
}
END_TEST

START_TEST(what_is_not_an_external_secret_is_denied)
{
    struct verdict verdict;
    decide(CREATE("'x'"), false, &verdict);
    ck_assert(!verdict.allowed);
    ck_assert_str_eq(verdict.denial, "KT211 spec is missing");
}
END_TEST

START_TEST(what_only_the_operator_renders_is_left_to_it_or_denied)
{
    struct verdict verdict;
    put_store(false, "store", "");
    decide(CREATE(SPEC(",'syncWindows':{'kind':'allow'}")), false, &verdict);
    ck_assert(verdict.allowed);
    ck_assert_uint_eq(verdict.warning_count, 1);
    ck_assert_str_eq(verdict.code, "KT210");
    ck_assert_str_eq(verdict.warnings[0].text,
                     "KT210 spec.syncWindows is not supported by this version of Keyturn; left to "
                     "the operator");
    decide(CREATE(SPEC(",'syncWindows':{'kind':'allow'}")), true, &verdict);
    ck_assert(!verdict.allowed);
    ck_assert_str_eq(verdict.denial,
                     "KT210 spec.syncWindows is not supported by this version of Keyturn");
}
END_TEST

static void expect_warning(const char *text)
{
    struct verdict verdict;
    decide(CREATE(SPEC("")), true, &verdict);
    ck_assert(verdict.allowed);
    ck_assert_str_eq(verdict.decision, "allow");
    ck_assert_uint_eq(verdict.warning_count, text ? 1 : 0);
    if (text) {
        ck_assert_msg(sv_starts_with(sv_of(verdict.warnings[0].text), sv_of(text)), "%s",
                      verdict.warnings[0].text);
    }
}

START_TEST(a_store_that_is_not_there_yet_is_a_warning)
{
    expect_warning("KT220 SecretStore store does not exist");
    world_set_synced(world, WORLD_STORES, false);
    expect_warning(NULL);
    put_store(false, "store", "'controller':'other',");
    expect_warning("KT221 SecretStore store: its spec.controller");
    put_store(false, "store", "");
    expect_warning(NULL);
}
END_TEST

START_TEST(a_target_that_somebody_else_has_is_a_warning)
{
    put_store(false, "store", "");
    put_external_secret("es", "");
    expect_warning(NULL);
    put_external_secret("other", "'name':'es','creationPolicy':'Merge'");
    expect_warning(NULL);
    put_external_secret("another", "'name':'es'");
    expect_warning("KT222 Secret es is the target of ExternalSecret another too");
    world_erase(world, WORLD_EXTERNAL_SECRETS, SV("shop"), SV("another"));
    put_secret("{'apiVersion':'external-secrets.io/v1','kind':'ExternalSecret','name':'es',"
               "'uid':'u','controller':true}");
    expect_warning(NULL);
    put_secret("{'apiVersion':'cert-manager.io/v1','kind':'Certificate','name':'web','uid':'u',"
               "'controller':true}");
    expect_warning("KT223 Secret es is controlled by Certificate web");
}
END_TEST

START_TEST(a_long_problem_is_cut_to_a_warning)
{
    struct problem_list list = {0};
    struct verdict verdict;
    char name[200];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    problem_add(&list, PROBLEM_UNSUPPORTED, PROBLEM_FOREIGN, "%s", name);
    validate_decide(&list, &(struct validate_rules){0}, &verdict);
    ck_assert_uint_eq(strlen(verdict.warnings[0].text), LIMIT_WARNING_BYTES);
    ck_assert(sv_ends_with(sv_of(verdict.warnings[0].text), SV("nn...; left to the operator")));
}
END_TEST

static const struct {
    const char *request;
    enum policy_mode mode;
    enum on_missing on_missing;
    bool allowed;
} MISSING[] = {
    {CREATE(SPEC("")), MODE_ENFORCE, ON_MISSING_HOLD, true},
    {CREATE(SPEC("")), MODE_ENFORCE, ON_MISSING_WARN, true},
    {CREATE(SPEC("")), MODE_ENFORCE, ON_MISSING_DENY, false},
    {CREATE(SPEC("")), MODE_OFF, ON_MISSING_DENY, true},
    {REQUEST("'dryRun':true,'operation':'CREATE','object':" OBJECT(SPEC(""))), MODE_ENFORCE,
     ON_MISSING_DENY, true},
};

START_TEST(what_is_missing_is_denied_where_policy_says_so_but_in_no_dry_run)
{
    CLEANUP(json_text_done) struct json_text json = quoted_json("%s", MISSING[_i].request);
    struct policy_rules policy = policy_builtin().defaults;
    struct problem_list list = {0};
    struct verdict verdict;
    struct review review;
    struct err err = {0};
    ck_assert(review_decode(json.root, &review, &err));
    policy.mode = MISSING[_i].mode;
    policy.on_missing = MISSING[_i].on_missing;
    problem_add(&list, PROBLEM_REMOTE_MISSING, PROBLEM_MISSING, "first");
    problem_add(&list, PROBLEM_PROPERTY_MISSING, PROBLEM_MISSING, "second");
    const struct validate_rules rules = validate_rules(&review, &policy, false);
    validate_decide(&list, &rules, &verdict);
    ck_assert(verdict.allowed == MISSING[_i].allowed);
    ck_assert_str_eq(verdict.code, "KT224");
    ck_assert_str_eq(verdict.denial, MISSING[_i].allowed ? "" : "KT224 first");
    ck_assert_uint_eq(verdict.warning_count, MISSING[_i].allowed ? 2 : 1);
    ck_assert_str_eq(verdict.warnings[verdict.warning_count - 1].text, "KT225 second");
}
END_TEST

static bool may_ask(const char *request, enum policy_mode mode)
{
    CLEANUP(json_text_done) struct json_text json = quoted_json("%s", request);
    CLEANUP(validation_done) struct validation validation;
    struct policy_rules policy = policy_builtin().defaults;
    struct review review;
    struct err err = {0};
    policy.mode = mode;
    ck_assert_msg(review_decode(json.root, &review, &err), "%s", err.message);
    validation_begin(&review, world, &validation);
    return validation_may_ask(&validation, &review, &policy);
}

START_TEST(stores_are_asked_only_for_what_is_right_so_far)
{
    put_store(false, "store", "");
    ck_assert(may_ask(CREATE(SPEC("")), MODE_ENFORCE));
    ck_assert(may_ask(UPDATE(BROKEN, SPEC("")), MODE_ENFORCE));
    ck_assert(!may_ask(CREATE(SPEC("")), MODE_OFF));
    ck_assert(!may_ask(CREATE(BROKEN), MODE_ENFORCE));
    ck_assert(!may_ask(CREATE("'x'"), MODE_ENFORCE));
    ck_assert(!may_ask(UPDATE(SPEC(""), SPEC("")), MODE_ENFORCE));
    ck_assert(!may_ask(REQUEST("'operation':'CREATE','object':{'metadata':{'name':'es','namespace':"
                               "'other'},'spec':" SPEC("") "}"),
                       MODE_ENFORCE));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("validate_external_secret");
    TCase *tcase = tcase_create("validate_external_secret");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, what_is_nobodys_business_passes, 0, (int)ARRAY_LEN(UNTOUCHED));
    tcase_add_loop_test(tcase, a_mistake_is_denied_whoever_carries_it_out, 0,
                        (int)ARRAY_LEN(MISTAKES));
    tcase_add_test(tcase, what_is_not_an_external_secret_is_denied);
    tcase_add_test(tcase, what_only_the_operator_renders_is_left_to_it_or_denied);
    tcase_add_test(tcase, a_store_that_is_not_there_yet_is_a_warning);
    tcase_add_test(tcase, a_target_that_somebody_else_has_is_a_warning);
    tcase_add_test(tcase, a_long_problem_is_cut_to_a_warning);
    tcase_add_loop_test(tcase, what_is_missing_is_denied_where_policy_says_so_but_in_no_dry_run, 0,
                        (int)ARRAY_LEN(MISSING));
    tcase_add_test(tcase, stores_are_asked_only_for_what_is_right_so_far);
    suite_add_tcase(suite, tcase);
    return suite;
}
