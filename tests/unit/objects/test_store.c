/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/store.h"

#include "base/limits.h"
#include "check_main.h"
#include "quoted_json.h"

static void release(struct store **store)
{
    store_release(*store);
}

static struct store *decode(struct json_text json, bool cluster)
{
    struct store *store = NULL;
    struct err err = {0};
    ck_assert_msg(store_decode(json.root, cluster, &store, &err), "%s", err.message);
    size_t len = strlen(json.text);
    memset(json.text, 'X', len);
    json_text_done(&json);
    return store;
}

static struct store *decode_spec(const char *spec, bool cluster)
{
    return decode(quoted_json("{'metadata':{'name':'store','namespace':'shop','uid':'u',"
                              "'resourceVersion':'5','generation':2},'spec':%s}",
                              spec),
                  cluster);
}

#define AWS "'provider':{'aws':{'service':'SecretsManager','region':'eu-central-1'"

START_TEST(reads_an_aws_store)
{
    CLEANUP(release) struct store *store = decode_spec("{'controller':'keyturn'," AWS "}}}", false);
    ck_assert(!store->cluster);
    ck_assert(sv_is(store->controller, "keyturn"));
    ck_assert(sv_is(store->namespace, "shop"));
    ck_assert(sv_is(store->name, "store"));
    ck_assert(sv_is(store->uid, "u"));
    ck_assert(sv_is(store->resource_version, "5"));
    ck_assert_int_eq(store->generation, 2);
    ck_assert_int_eq(store->provider, PROVIDER_AWS_SECRETS_MANAGER);
    ck_assert(sv_is(store->aws.region, "eu-central-1"));
    ck_assert_uint_eq(store->fake_count, 0);
    ck_assert(sv_is(store->unsupported, ""));
}
END_TEST

START_TEST(a_cluster_store_has_no_namespace)
{
    CLEANUP(release) struct store *store = decode_spec("{" AWS "}}}", true);
    ck_assert(store->cluster);
    ck_assert_uint_eq(store->namespace.len, 0);
    ck_assert(sv_is(store->name, "store"));
}
END_TEST

static const struct {
    const char *spec;
    const char *unsupported;
    bool cluster;
    enum store_provider provider;
} SPECS[] = {
    /* What changes nothing. */
    {"{'controller':'','conditions':[],'refreshInterval':300," AWS
     ",'role':'','externalID':'','prefix':'','additionalRoles':[],'sessionTags':[],"
     "'transitiveTagKeys':[],'sessionTagsPolicy':'None','auth':null}}}",
     "", true, PROVIDER_AWS_SECRETS_MANAGER},
    {"{'conditions':[{'namespaces':['a']}]," AWS "}}}", "", false, PROVIDER_AWS_SECRETS_MANAGER},
    {"{'refreshInterval':'5m','retrySettings':{'maxRetries':3}," AWS "}}}", "", false,
     PROVIDER_AWS_SECRETS_MANAGER},
    {"{'provider':{'vault':null,'aws':{'service':'SecretsManager','region':'us-east-1'}}}", "",
     false, PROVIDER_AWS_SECRETS_MANAGER},
    /* Whose credentials, and for whom: tests/unit/objects/test_store_aws.c. */
    {"{" AWS ",'auth':{'future':{}}}}}", "spec.provider.aws.auth.future", false,
     PROVIDER_AWS_SECRETS_MANAGER},
    {"{" AWS ",'future':'x'}}}", "spec.provider.aws.future", false, PROVIDER_AWS_SECRETS_MANAGER},
    {"{'conditions':{}," AWS "}}}", "spec.conditions", true, PROVIDER_AWS_SECRETS_MANAGER},
    {"{'controller':'other'," AWS "}}}", "", false, PROVIDER_AWS_SECRETS_MANAGER},
    {"{'controller':7," AWS "}}}", "spec.controller", false, PROVIDER_AWS_SECRETS_MANAGER},
    {"{'future':1," AWS "}}}", "spec.future", false, PROVIDER_AWS_SECRETS_MANAGER},
    /* Which service, and where. */
    {"{'provider':{'aws':{'service':'ParameterStore','region':'us-east-1'}}}", "", false,
     PROVIDER_AWS_PARAMETER_STORE},
    {"{'provider':{'aws':{'service':'CertificateManager','region':'us-east-1'}}}",
     "spec.provider.aws.service", false, PROVIDER_AWS_SECRETS_MANAGER},
    {"{'provider':{'aws':{'region':'us-east-1'}}}", "spec.provider.aws.service", false,
     PROVIDER_AWS_SECRETS_MANAGER},
    {"{'provider':{'aws':{'service':'SecretsManager'}}}", "spec.provider.aws.region", false,
     PROVIDER_AWS_SECRETS_MANAGER},
    {"{'provider':{'aws':{'service':'SecretsManager','region':'x.example.com/'}}}",
     "spec.provider.aws.region", false, PROVIDER_AWS_SECRETS_MANAGER},
    {"{'provider':{'aws':{'service':'SecretsManager','region':'-x'}}}", "spec.provider.aws.region",
     false, PROVIDER_AWS_SECRETS_MANAGER},
    {"{'provider':{'aws':{'service':'SecretsManager','region':'us@east'}}}",
     "spec.provider.aws.region", false, PROVIDER_AWS_SECRETS_MANAGER},
    {"{'provider':{'aws':{'service':'SecretsManager','region':"
     "'us-east-1-us-east-1-us-east-1-us-east-1'}}}",
     "spec.provider.aws.region", false, PROVIDER_AWS_SECRETS_MANAGER},
    {"{'provider':{'aws':'x'}}", "spec.provider.aws", false, PROVIDER_AWS_SECRETS_MANAGER},
    /* Exactly one provider. */
    {"{}", "spec.provider", false, PROVIDER_OTHER},
    {"{'provider':null}", "spec.provider", false, PROVIDER_OTHER},
    {"{'provider':['aws']}", "spec.provider", false, PROVIDER_OTHER},
    {"{'provider':{'vault':{'server':'x'}}}", "spec.provider.vault", false, PROVIDER_OTHER},
    {"{'provider':{'fake':{'data':[]},'aws':{}}}", "spec.provider", false, PROVIDER_OTHER},
    /* The fake provider. */
    {"{'provider':{'fake':{'data':[{'key':'a','valueMap':{'x':'y'}}]}}}",
     "spec.provider.fake.data[0].valueMap", false, PROVIDER_FAKE},
    {"{'provider':{'fake':{'data':[{'key':'a','value':'b'},{'value':'b'}]}}}",
     "spec.provider.fake.data[1].key", false, PROVIDER_FAKE},
    {"{'provider':{'fake':{'data':[{'key':'a','value':7}]}}}", "spec.provider.fake.data[0].value",
     false, PROVIDER_FAKE},
    {"{'provider':{'fake':{'data':'x'}}}", "spec.provider.fake.data", false, PROVIDER_FAKE},
    {"{'provider':{'fake':{'future':1}}}", "spec.provider.fake.future", false, PROVIDER_FAKE},
    {"{'provider':{'fake':{}}}", "", false, PROVIDER_FAKE},
};

START_TEST(names_what_it_does_not_support)
{
    CLEANUP(release) struct store *store = decode_spec(SPECS[_i].spec, SPECS[_i].cluster);
    ck_assert_msg(sv_is(store->unsupported, SPECS[_i].unsupported), "%s: %.*s", SPECS[_i].spec,
                  SV_ARG(store->unsupported));
    ck_assert_int_eq(store->provider, SPECS[_i].provider);
}
END_TEST

START_TEST(keeps_fake_values_in_secret_memory)
{
    CLEANUP(release)
    struct store *store = decode_spec("{'provider':{'fake':{'data':[{'key':'shop/db','value':'v1'},"
                                      "{'key':'shop/db','value':'v2','version':'two'},"
                                      "{'key':'empty'}]}}}",
                                      true);
    ck_assert_int_eq(store->provider, PROVIDER_FAKE);
    ck_assert(sv_is(store->unsupported, ""));
    ck_assert_uint_eq(store->fake_count, 3);
    ck_assert(sv_is(store->fake[0].key, "shop/db"));
    ck_assert_uint_eq(store->fake[0].version.len, 0);
    ck_assert(sv_is(secret_buf_view(&store->fake[0].value), "v1"));
    ck_assert(sv_is(store->fake[1].version, "two"));
    ck_assert(sv_is(secret_buf_view(&store->fake[1].value), "v2"));
    ck_assert_uint_eq(secret_buf_view(&store->fake[2].value).len, 0);
    ck_assert(store->fake[0].value.bytes.wipe);
}
END_TEST

START_TEST(a_fake_value_over_the_limit_is_not_supported)
{
    char *value = mem_alloc(LIMIT_SECRET_DATA_BYTES + 2);
    memset(value, 'a', LIMIT_SECRET_DATA_BYTES + 1);
    CLEANUP(release)
    struct store *store =
        decode(quoted_json("{'metadata':{'name':'store'},'spec':{'provider':{'fake':{'data':["
                           "{'key':'a','value':'%s'}]}}}}",
                           value),
               true);
    free(value);
    ck_assert(sv_is(store->unsupported, "spec.provider.fake.data[0].value"));
}
END_TEST

START_TEST(a_long_provider_name_is_cut)
{
    char name[600];
    memset(name, 'v', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    CLEANUP(release)
    struct store *store = decode(
        quoted_json("{'metadata':{'name':'store'},'spec':{'provider':{'%s':{}}}}", name), true);
    ck_assert_uint_gt(store->unsupported.len, 0);
    ck_assert_uint_le(store->unsupported.len, 255);
    ck_assert(sv_starts_with(store->unsupported, SV("spec.provider.vvv")));
}
END_TEST

static const char *const REFUSED[] = {
    "{'metadata':{'name':'store'},'spec':{}}",
    "{'metadata':{'namespace':'shop'},'spec':{}}",
    "{'metadata':{'name':'store','namespace':'shop'}}",
    "{'metadata':{'name':'store','namespace':'shop'},'spec':'x'}",
};

START_TEST(refuses_what_has_no_name_or_spec)
{
    CLEANUP(json_text_done) struct json_text json = quoted_json("%s", REFUSED[_i]);
    struct store *store = NULL;
    struct err err = {0};
    ck_assert(!store_decode(json.root, false, &store, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_null(store);
}
END_TEST

START_TEST(lives_until_the_last_reference_goes)
{
    struct store *store = decode_spec("{" AWS "}}}", false);
    ck_assert_ptr_eq(store_retain(store), store);
    store_release(store);
    ck_assert(sv_is(store->aws.region, "eu-central-1"));
    store_release(store);
    store_release(NULL);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("store");
    TCase *tcase = tcase_create("store");
    tcase_add_test(tcase, reads_an_aws_store);
    tcase_add_test(tcase, a_cluster_store_has_no_namespace);
    tcase_add_loop_test(tcase, names_what_it_does_not_support, 0, (int)ARRAY_LEN(SPECS));
    tcase_add_test(tcase, keeps_fake_values_in_secret_memory);
    tcase_add_test(tcase, a_fake_value_over_the_limit_is_not_supported);
    tcase_add_test(tcase, a_long_provider_name_is_cut);
    tcase_add_loop_test(tcase, refuses_what_has_no_name_or_spec, 0, (int)ARRAY_LEN(REFUSED));
    tcase_add_test(tcase, lives_until_the_last_reference_goes);
    suite_add_tcase(suite, tcase);
    return suite;
}
