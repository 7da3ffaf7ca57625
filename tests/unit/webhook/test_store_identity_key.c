/* SPDX-License-Identifier: Apache-2.0 */
/* What makes another identity, and what does not. */
#include "webhook/store_identity.h"

#include "check_main.h"
#include "store_situation.h"

static struct identity_key key_of(const struct situation *situation)
{
    CLEANUP(store_identity_done) struct store_identity identity = {0};
    struct err err = {0};
    situation_script(situation);
    struct store *store = situation_store(situation);
    ck_assert_msg(situation_find(situation, store, &identity, &err), "%s", err.message);
    ck_assert_ptr_nonnull(identity.provider);
    store_release(store);
    return identity.key;
}

static const struct {
    const char *what;
    struct situation one;
    struct situation other;
    bool same;
} pairs[] = {
    /* Keyturn's own. */
    {"nothing", {0}, {0}, true},
    {"another store", {0}, {.store = "other"}, true},
    {"another namespace", {.cluster = true}, {.cluster = true, .namespace = "m"}, true},
    {"a prefix", {0}, {.members = ",'prefix':'p/'"}, true},
    {"the region of its STS", {0}, {.region = "eu-west-1"}, false},
    {"tags without a role", {0}, {.members = ",'sessionTags':[{'key':'a','value':'b'}]"}, true},
    /* Keys. */
    {"keys and no keys", {0}, {.members = SOME_KEYS}, false},
    {"the same keys", {.members = SOME_KEYS}, {.members = SOME_KEYS}, true},
    {"the same keys by another store",
     {.members = SOME_KEYS},
     {.members = SOME_KEYS, .store = "other"},
     true},
    {"uid of the Secret", {.members = SOME_KEYS}, {.members = SOME_KEYS, .uid = "v"}, false},
    {"version of the Secret",
     {.members = SOME_KEYS},
     {.members = SOME_KEYS, .version = "2"},
     false},
    {"name of the Secret",
     {.members = SOME_KEYS},
     {.members = KEYS("'keys','key':'id'", "'other','key':'secret'", "")},
     false},
    {"key of the access key id",
     {.members = SOME_KEYS},
     {.members = KEYS("'keys','key':'other'", "'keys','key':'secret'", "")},
     false},
    {"key of the secret access key",
     {.members = SOME_KEYS},
     {.members = KEYS("'keys','key':'id'", "'keys','key':'other'", "")},
     false},
    {"a session token",
     {.members = SOME_KEYS},
     {.members = KEYS("'keys','key':'id'", "'keys','key':'secret'", TOKEN("'keys','key':'t'"))},
     false},
    {"which keys are which",
     {.members = SOME_KEYS},
     {.members = KEYS("'keys','key':'secret'", "'keys','key':'id'", "")},
     false},
    {"namespace of the ExternalSecret, which the reference does not name",
     {.cluster = true, .members = SOME_KEYS},
     {.cluster = true, .members = SOME_KEYS, .namespace = "m"},
     false},
    {"namespace of the ExternalSecret, which the references name",
     {.cluster = true,
      .members = KEYS("'keys','key':'id','namespace':'x'", "'keys','key':'s','namespace':'x'", "")},
     {.cluster = true,
      .members = KEYS("'keys','key':'id','namespace':'x'", "'keys','key':'s','namespace':'x'", ""),
      .namespace = "m"},
     true},
    {"namespace of one reference",
     {.cluster = true, .members = SOME_KEYS},
     {.cluster = true,
      .members = KEYS("'keys','key':'id'", "'keys','key':'secret','namespace':'x'", "")},
     false},
    /* A ServiceAccount. */
    {"a ServiceAccount and Keyturn's own", {0}, {.members = SOME_ACCOUNT}, false},
    {"the same ServiceAccount", {.members = SOME_ACCOUNT}, {.members = SOME_ACCOUNT}, true},
    {"the same ServiceAccount by another store",
     {.members = SOME_ACCOUNT},
     {.members = SOME_ACCOUNT, .store = "other"},
     true},
    {"name of the ServiceAccount",
     {.members = SOME_ACCOUNT},
     {.members = ACCOUNT("'name':'other'")},
     false},
    {"uid of the ServiceAccount",
     {.members = SOME_ACCOUNT},
     {.members = SOME_ACCOUNT, .uid = "v"},
     false},
    {"role of the ServiceAccount",
     {.members = SOME_ACCOUNT},
     {.members = SOME_ACCOUNT, .role = ROLE_ARN "other"},
     false},
    {"audience of the ServiceAccount",
     {.members = SOME_ACCOUNT},
     {.members = SOME_ACCOUNT, .audience = "other"},
     false},
    {"the audience that is the standard one",
     {.members = SOME_ACCOUNT},
     {.members = SOME_ACCOUNT, .audience = "sts.amazonaws.com"},
     true},
    {"further audiences",
     {.members = SOME_ACCOUNT},
     {.members = ACCOUNT("'name':'sa','audiences':['a']")},
     false},
    {"each further audience",
     {.members = ACCOUNT("'name':'sa','audiences':['a','b']")},
     {.members = ACCOUNT("'name':'sa','audiences':['a','c']")},
     false},
    {"where one audience ends",
     {.members = ACCOUNT("'name':'sa','audiences':['ab','c']")},
     {.members = ACCOUNT("'name':'sa','audiences':['a','bc']")},
     false},
    {"an audience called like the region",
     {.members = SOME_ACCOUNT},
     {.members = ACCOUNT("'name':'sa','audiences':['eu-north-1']")},
     false},
    {"region of a ServiceAccount's STS",
     {.members = SOME_ACCOUNT},
     {.members = SOME_ACCOUNT, .region = "eu-west-1"},
     false},
    {"namespace of the ExternalSecret, and of the ServiceAccount with it",
     {.cluster = true, .members = SOME_ACCOUNT},
     {.cluster = true, .members = SOME_ACCOUNT, .namespace = "m"},
     false},
    {"namespace of the ExternalSecret, while the ServiceAccount's is named",
     {.cluster = true, .members = ACCOUNT("'name':'sa','namespace':'x'")},
     {.cluster = true, .members = ACCOUNT("'name':'sa','namespace':'x'"), .namespace = "m"},
     true},
    /* Roles. */
    {"a role", {0}, {.members = ROLE("")}, false},
    {"the same role", {.members = ROLE("")}, {.members = ROLE("")}, true},
    {"another role", {.members = ROLE("")}, {.members = ",'role':'" ROLE_ARN "q'"}, false},
    {"who assumes the role", {.members = ROLE("")}, {.members = SOME_KEYS ROLE("")}, false},
    {"which keys assume the role",
     {.members = SOME_KEYS ROLE("")},
     {.members = SOME_KEYS ROLE(""), .version = "2"},
     false},
    {"an external id", {.members = ROLE("")}, {.members = ROLE(",'externalID':'e1'")}, false},
    {"another external id",
     {.members = ROLE(",'externalID':'e1'")},
     {.members = ROLE(",'externalID':'e2'")},
     false},
    {"one more role before it",
     {.members = ROLE("")},
     {.members = ROLE(",'additionalRoles':['" ROLE_ARN "a']")},
     false},
    {"another role before it",
     {.members = ROLE(",'additionalRoles':['" ROLE_ARN "a']")},
     {.members = ROLE(",'additionalRoles':['" ROLE_ARN "b']")},
     false},
    {"the order of roles",
     {.members = ROLE(",'additionalRoles':['" ROLE_ARN "a','" ROLE_ARN "b']")},
     {.members = ROLE(",'additionalRoles':['" ROLE_ARN "b','" ROLE_ARN "a']")},
     false},
    {"the same calls in other fields",
     {.members = ",'additionalRoles':['" ROLE_ARN "r']"},
     {.members = ROLE("")},
     true},
    {"region of a role's STS",
     {.members = SOME_KEYS ROLE("")},
     {.members = SOME_KEYS ROLE(""), .region = "eu-west-1"},
     false},
    {"a tag",
     {.members = ROLE("")},
     {.members = ROLE(",'sessionTags':[{'key':'a','value':'b'}]")},
     false},
    {"key of a tag",
     {.members = ROLE(",'sessionTags':[{'key':'a','value':'b'}]")},
     {.members = ROLE(",'sessionTags':[{'key':'c','value':'b'}]")},
     false},
    {"value of a tag",
     {.members = ROLE(",'sessionTags':[{'key':'a','value':'b'}]")},
     {.members = ROLE(",'sessionTags':[{'key':'a','value':'c'}]")},
     false},
    {"the last of the tags",
     {.members = ROLE(",'sessionTags':[{'key':'a','value':'b'},{'key':'c','value':'d'}]")},
     {.members = ROLE(",'sessionTags':[{'key':'a','value':'b'},{'key':'c','value':'e'}]")},
     false},
    {"a transitive key",
     {.members = ROLE("")},
     {.members = ROLE(",'transitiveTagKeys':['a']")},
     false},
    {"another transitive key",
     {.members = ROLE(",'transitiveTagKeys':['a','b']")},
     {.members = ROLE(",'transitiveTagKeys':['a','c']")},
     false},
    {"a tag called like what marks a transitive key",
     {.members = ROLE(",'transitiveTagKeys':['a']")},
     {.members = ROLE(",'sessionTags':[{'key':'transitive','value':'a'}]")},
     false},
    {"kinds whose parts are the same",
     {.members = SOME_KEYS, .region = "1"},
     {.members = ACCOUNT("'name':'keys','audiences':['n','keys','secret','u']"),
      .uid = "id",
      .role = "u",
      .audience = "1",
      .region = "1"},
     false},
    {"a tag and a transitive key",
     {.members = ROLE(",'sessionTags':[{'key':'transitive','value':'a'}]")},
     {.members = ROLE(",'transitiveTagKeys':['tag','transitive','a']")},
     false},
    {"listed tags, which the policy replaces",
     {.members = ROLE(",'sessionTagsPolicy':'Simple'")},
     {.members = ROLE(",'sessionTagsPolicy':'Simple','sessionTags':[{'key':'a','value':'b'}]")},
     true},
    {"the policy of tags",
     {.members = ROLE("")},
     {.members = ROLE(",'sessionTagsPolicy':'Simple'")},
     false},
    {"custom tags, without their policy",
     {.members = ROLE(",'sessionTagsPolicy':'Simple'")},
     {.members = ROLE(",'sessionTagsPolicy':'Simple','customSessionTags':{'a':'b'}")},
     true},
    {"custom tags",
     {.members = ROLE(",'sessionTagsPolicy':'Custom','customSessionTags':{'a':'b'}")},
     {.members = ROLE(",'sessionTagsPolicy':'Custom','customSessionTags':{'a':'c'}")},
     false},
    {"namespace of the ExternalSecret, which the tags name",
     {.cluster = true, .members = ROLE(",'sessionTagsPolicy':'Simple'")},
     {.cluster = true, .members = ROLE(",'sessionTagsPolicy':'Simple'"), .namespace = "m"},
     false},
    {"namespace of the ExternalSecret, which no tag names",
     {.cluster = true, .members = ROLE("")},
     {.cluster = true, .members = ROLE(""), .namespace = "m"},
     true},
    {"name of the store, which sessions are called after",
     {.cluster = true, .members = ROLE("")},
     {.cluster = true, .members = ROLE(""), .store = "other"},
     false},
    {"kind of the store, which the tags name",
     {.cluster = true, .namespace = "cluster", .members = ROLE(",'sessionTagsPolicy':'Simple'")},
     {.namespace = "cluster", .members = ROLE(",'sessionTagsPolicy':'Simple'")},
     false},
};

START_TEST(the_key_is_as_different_as_the_identity)
{
    struct identity_key one = key_of(&pairs[_i].one);
    struct identity_key other = key_of(&pairs[_i].other);
    ck_assert_msg(identity_equal(&one, &other) == pairs[_i].same, "%s", pairs[_i].what);
}
END_TEST

START_TEST(no_two_of_all_identities_meet)
{
    struct identity_key keys[ARRAY_LEN(pairs)];
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        if (!pairs[i].same) {
            keys[count++] = key_of(&pairs[i].other);
        }
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            bool meet = identity_equal(&keys[i], &keys[j]);
            ck_assert_msg(!meet, "%zu and %zu", i, j);
        }
    }
}
END_TEST

START_TEST(a_secret_makes_the_same_key_watched_or_looked_at)
{
    const struct situation situation = {.members = SOME_KEYS, .uid = "u", .version = "7"};
    struct identity_key looked_at = key_of(&situation);
    ck_assert_uint_eq(api_count("GET", "/secrets/"), 2);
    aws_scene_secret("n", "keys", "u", "7");
    struct identity_key watched = key_of(&situation);
    ck_assert_uint_eq(api_count("GET", "/secrets/"), 2);
    ck_assert(identity_equal(&looked_at, &watched));
    aws_scene_secret("n", "keys", "u", "8");
    struct identity_key changed = key_of(&situation);
    ck_assert(!identity_equal(&changed, &watched));
}
END_TEST

/* Its STS is there, whatever region the store has. */
START_TEST(keyturns_own_identity_is_one_where_it_has_a_region)
{
    static const struct variable variables[] = {{"AWS_ACCESS_KEY_ID", OWN_KEY},
                                                {"AWS_SECRET_ACCESS_KEY", "hunter2"},
                                                {"AWS_REGION", "eu-central-1"},
                                                {NULL, NULL}};
    const struct situation here = {.region = "eu-central-1"};
    const struct situation there = {.region = "us-east-1"};
    aws_scene_end();
    aws_scene_begin_in(variables);
    struct identity_key one = key_of(&here);
    struct identity_key other = key_of(&there);
    ck_assert(identity_equal(&one, &other));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/store_identity_key");
    TCase *tcase = tcase_create("store_identity_key");
    tcase_add_checked_fixture(tcase, aws_scene_begin, aws_scene_end);
    tcase_add_loop_test(tcase, the_key_is_as_different_as_the_identity, 0, ARRAY_LEN(pairs));
    tcase_add_test(tcase, no_two_of_all_identities_meet);
    tcase_add_test(tcase, a_secret_makes_the_same_key_watched_or_looked_at);
    tcase_add_test(tcase, keyturns_own_identity_is_one_where_it_has_a_region);
    suite_add_tcase(suite, tcase);
    return suite;
}
