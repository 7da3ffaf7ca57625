/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/store.h"

#include "check_main.h"
#include "quoted_json.h"

static void release(struct store **store)
{
    store_release(*store);
}

/* What stands behind the region in spec.provider.aws; the JSON is gone before anybody looks. */
static struct store *decode_aws(const char *members, bool cluster)
{
    struct json_text json =
        quoted_json("{'metadata':{'name':'store','namespace':'shop'},'spec':{'provider':{'aws':{"
                    "'service':'SecretsManager','region':'eu-central-1'%s}}}}",
                    members);
    struct store *store = NULL;
    struct err err = {0};
    ck_assert_msg(store_decode(json.root, cluster, &store, &err), "%s", err.message);
    memset(json.text, 'X', strlen(json.text));
    json_text_done(&json);
    return store;
}

static const char *const AMBIENT[] = {"", ",'auth':null", ",'auth':{}",
                                      ",'auth':{'jwt':null,'secretRef':null}"};

START_TEST(without_auth_keyturns_own_credentials_are_used)
{
    CLEANUP(release) struct store *store = decode_aws(AMBIENT[_i], false);
    ck_assert(sv_is(store->unsupported, ""));
    ck_assert_int_eq(store->aws.auth, STORE_AUTH_AMBIENT);
    ck_assert_uint_eq(store->aws.role.len, 0);
}
END_TEST

#define KEYS                                                                                       \
    "'secretRef':{'accessKeyIDSecretRef':{'name':'keys','key':'id','namespace':'other'},"          \
    "'secretAccessKeySecretRef':{'name':'keys','key':'secret','namespace':'other'},"               \
    "'sessionTokenSecretRef':{'name':'tokens','key':'token'}}"

START_TEST(reads_keys_from_secrets)
{
    CLEANUP(release) struct store *store = decode_aws(",'auth':{" KEYS "}", true);
    ck_assert(sv_is(store->unsupported, ""));
    ck_assert_int_eq(store->aws.auth, STORE_AUTH_KEYS);
    ck_assert(sv_is(store->aws.access_key_id.namespace, "other"));
    ck_assert(sv_is(store->aws.access_key_id.name, "keys"));
    ck_assert(sv_is(store->aws.access_key_id.key, "id"));
    ck_assert(sv_is(store->aws.secret_access_key.namespace, "other"));
    ck_assert(sv_is(store->aws.secret_access_key.key, "secret"));
    ck_assert(sv_is(store->aws.session_token.name, "tokens"));
    ck_assert(sv_is(store->aws.session_token.key, "token"));
    ck_assert_uint_eq(store->aws.session_token.namespace.len, 0);
}
END_TEST

START_TEST(a_namespaced_store_cannot_name_another_namespace)
{
    CLEANUP(release) struct store *keys = decode_aws(",'auth':{" KEYS "}", false);
    ck_assert_uint_eq(keys->aws.access_key_id.namespace.len, 0);
    ck_assert_uint_eq(keys->aws.secret_access_key.namespace.len, 0);
    CLEANUP(release)
    struct store *account = decode_aws(
        ",'auth':{'jwt':{'serviceAccountRef':{'name':'reader','namespace':'other'}}}", false);
    ck_assert(sv_is(account->aws.service_account, "reader"));
    ck_assert_uint_eq(account->aws.service_account_namespace.len, 0);
}
END_TEST

START_TEST(a_service_account_wins_over_keys)
{
    CLEANUP(release)
    struct store *store =
        decode_aws(",'auth':{" KEYS ",'jwt':{'serviceAccountRef':{'name':'reader',"
                   "'namespace':'other','audiences':['vault','x']}}}",
                   true);
    ck_assert(sv_is(store->unsupported, ""));
    ck_assert_int_eq(store->aws.auth, STORE_AUTH_SERVICE_ACCOUNT);
    ck_assert(sv_is(store->aws.service_account, "reader"));
    ck_assert(sv_is(store->aws.service_account_namespace, "other"));
    ck_assert_uint_eq(store->aws.audiences.count, 2);
    ck_assert(sv_is(store->aws.audiences.items[0], "vault"));
    ck_assert(sv_is(store->aws.audiences.items[1], "x"));
    ck_assert_uint_eq(store->aws.access_key_id.name.len, 0);
}
END_TEST

START_TEST(reads_roles_and_tags)
{
    CLEANUP(release)
    struct store *store = decode_aws(
        ",'prefix':'prod/','additionalRoles':['arn:aws:iam::1:role/a','arn:aws:iam::2:role/b'],"
        "'role':'arn:aws:iam::3:role/c','externalID':'ext','sessionTags':[{'key':'team','value':"
        "'shop'},{'key':'empty','value':''}],'transitiveTagKeys':['team'],"
        "'sessionTagsPolicy':'Custom','customSessionTags':{'cost':'7','none':'','':'x'}",
        false);
    const struct store_aws *aws = &store->aws;
    ck_assert_msg(sv_is(store->unsupported, ""), "%.*s", SV_ARG(store->unsupported));
    ck_assert(sv_is(aws->prefix, "prod/"));
    ck_assert_uint_eq(aws->additional_roles.count, 2);
    ck_assert(sv_is(aws->additional_roles.items[1], "arn:aws:iam::2:role/b"));
    ck_assert(sv_is(aws->role, "arn:aws:iam::3:role/c"));
    ck_assert(sv_is(aws->external_id, "ext"));
    ck_assert_uint_eq(aws->session_tags.count, 2);
    ck_assert(sv_is(aws->session_tags.items[0].key, "team"));
    ck_assert(sv_is(aws->session_tags.items[0].value, "shop"));
    ck_assert_uint_eq(aws->session_tags.items[1].value.len, 0);
    ck_assert_int_eq(aws->tags_policy, STORE_TAGS_CUSTOM);
    ck_assert_uint_eq(aws->custom_session_tags.count, 1);
    ck_assert(sv_is(aws->custom_session_tags.items[0].key, "cost"));
    ck_assert(sv_is(aws->custom_session_tags.items[0].value, "7"));
    ck_assert_uint_eq(aws->transitive_tag_keys.count, 1);
    ck_assert(sv_is(aws->transitive_tag_keys.items[0], "team"));
}
END_TEST

/* Each role is a call inside of the next one's, on a thread with a small stack. */
START_TEST(a_chain_of_roles_has_an_end)
{
    CLEANUP(buf_done) struct buf members = {0};
    buf_init(&members, 8192);
    buf_add_str(&members, ",'additionalRoles':['arn:aws:iam::1:role/a'");
    for (int i = 1; i < STORE_ADDITIONAL_ROLES_MAX; i++) {
        buf_add_str(&members, ",'arn:aws:iam::1:role/a'");
    }
    size_t longest = members.len;
    buf_add_byte(&members, ']');
    CLEANUP(release) struct store *store = decode_aws(members.data, false);
    ck_assert_msg(sv_is(store->unsupported, ""), "%.*s", SV_ARG(store->unsupported));
    ck_assert_uint_eq(store->aws.additional_roles.count, STORE_ADDITIONAL_ROLES_MAX);
    buf_truncate(&members, longest);
    buf_add_str(&members, ",'arn:aws:iam::1:role/a']");
    CLEANUP(release) struct store *longer = decode_aws(members.data, false);
    ck_assert(sv_is(longer->unsupported, "spec.provider.aws.additionalRoles"));
}
END_TEST

static const struct {
    const char *members;
    const char *unsupported;
} NOTED[] = {
    {",'auth':'x'", "spec.provider.aws.auth"},
    {",'auth':{'future':{}}", "spec.provider.aws.auth.future"},
    {",'auth':{'jwt':{}}", "spec.provider.aws.auth.jwt.serviceAccountRef.name"},
    {",'auth':{'jwt':{'future':1}}", "spec.provider.aws.auth.jwt.future"},
    {",'auth':{'jwt':{'serviceAccountRef':{'name':'a','audiences':[7]}}}",
     "spec.provider.aws.auth.jwt.serviceAccountRef.audiences[0]"},
    {",'auth':{'secretRef':{'accessKeyIDSecretRef':{'name':'a','key':'b'}}}",
     "spec.provider.aws.auth.secretRef.secretAccessKeySecretRef.name"},
    {",'auth':{'secretRef':{'accessKeyIDSecretRef':{'name':'a'},"
     "'secretAccessKeySecretRef':{'name':'a','key':'b'}}}",
     "spec.provider.aws.auth.secretRef.accessKeyIDSecretRef.key"},
    {",'auth':{'secretRef':{'accessKeyIDSecretRef':{'name':'a','key':'b'},"
     "'secretAccessKeySecretRef':{'name':'a','key':'b'},'sessionTokenSecretRef':{'key':'c'}}}",
     "spec.provider.aws.auth.secretRef.sessionTokenSecretRef.name"},
    {",'role':7", "spec.provider.aws.role"},
    {",'prefix':'a\\u0000'", "spec.provider.aws.prefix"},
    {",'additionalRoles':'x'", "spec.provider.aws.additionalRoles"},
    {",'additionalRoles':['x','']", "spec.provider.aws.additionalRoles[1]"},
    {",'sessionTags':[{'value':'x'}]", "spec.provider.aws.sessionTags[0].key"},
    {",'sessionTags':[{'key':'x','future':'x'}]", "spec.provider.aws.sessionTags[0].future"},
    {",'sessionTagsPolicy':'Future'", "spec.provider.aws.sessionTagsPolicy"},
    {",'customSessionTags':['x']", "spec.provider.aws.customSessionTags"},
    {",'customSessionTags':{'x':7}", "spec.provider.aws.customSessionTags"},
    {",'transitiveTagKeys':{}", "spec.provider.aws.transitiveTagKeys"},
};

START_TEST(names_what_it_cannot_use)
{
    CLEANUP(release) struct store *store = decode_aws(NOTED[_i].members, false);
    ck_assert_msg(sv_is(store->unsupported, NOTED[_i].unsupported), "%s: %.*s", NOTED[_i].members,
                  SV_ARG(store->unsupported));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("store_aws");
    TCase *tcase = tcase_create("store_aws");
    tcase_add_loop_test(tcase, without_auth_keyturns_own_credentials_are_used, 0,
                        (int)ARRAY_LEN(AMBIENT));
    tcase_add_test(tcase, reads_keys_from_secrets);
    tcase_add_test(tcase, a_namespaced_store_cannot_name_another_namespace);
    tcase_add_test(tcase, a_service_account_wins_over_keys);
    tcase_add_test(tcase, reads_roles_and_tags);
    tcase_add_test(tcase, a_chain_of_roles_has_an_end);
    tcase_add_loop_test(tcase, names_what_it_cannot_use, 0, (int)ARRAY_LEN(NOTED));
    suite_add_tcase(suite, tcase);
    return suite;
}
