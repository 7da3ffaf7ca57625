/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/store_identity.h"

#include "check_main.h"
#include "store_situation.h"

/* ---- in which namespace ---- */

#define ABROAD ",'namespace':'other'"

static const struct {
    bool cluster;
    const char *members;
    const char *url;
} places[] = {
    {false, SOME_KEYS, "/api/v1/namespaces/n/secrets/keys"},
    {false, KEYS("'keys','key':'id'" ABROAD, "'keys','key':'secret'" ABROAD, ""),
     "/api/v1/namespaces/n/secrets/keys"},
    {true, SOME_KEYS, "/api/v1/namespaces/n/secrets/keys"},
    {true, KEYS("'keys','key':'id'" ABROAD, "'keys','key':'secret'" ABROAD, ""),
     "/api/v1/namespaces/other/secrets/keys"},
    {false, SOME_ACCOUNT, "/api/v1/namespaces/n/serviceaccounts/sa"},
    {false, ACCOUNT("'name':'sa'" ABROAD), "/api/v1/namespaces/n/serviceaccounts/sa"},
    {true, SOME_ACCOUNT, "/api/v1/namespaces/n/serviceaccounts/sa"},
    {true, ACCOUNT("'name':'sa'" ABROAD), "/api/v1/namespaces/other/serviceaccounts/sa"},
};

static const struct api_route *asked_route(void)
{
    return api_count("GET", "/secrets/") ? api_find("GET", "/secrets/")
                                         : api_find("GET", "/serviceaccounts/");
}

static bool fetch(struct store_identity *identity, struct credentials **ret, struct err *err)
{
    struct service_thread thread =
        aws_services_thread(scene.services, scene.clients->kube.transport);
    const struct credentials_request request = {
        .thread = &thread, .urgency = SERVICE_ADMISSION, .deadline_ms = aws_scene_deadline()};
    return identity->provider->fetch(identity->provider, &request, ret, err);
}

START_TEST(only_a_cluster_store_reaches_another_namespace)
{
    CLEANUP(store_identity_done) struct store_identity identity = {0};
    const struct situation situation = {.cluster = places[_i].cluster,
                                        .members = places[_i].members};
    struct credentials *credentials = NULL;
    struct err err = {0};
    situation_script(&situation);
    struct store *store = situation_store(&situation);
    ck_assert_msg(situation_find(&situation, store, &identity, &err), "%s", err.message);
    ck_assert_ptr_nonnull(strstr(asked_route()->url, places[_i].url));
    /* Nor does what fetches the credentials, which goes there itself. */
    pthread_mutex_lock(&api.mutex);
    api_set("POST", "/token", 403, "{}");
    pthread_mutex_unlock(&api.mutex);
    unsigned before = api_total();
    ck_assert(!fetch(&identity, &credentials, &err));
    ck_assert_uint_eq(api_total(), before + 1);
    const char *url = api_count("POST", "/token") ? api_find("POST", "/token")->url
                                                  : api_find("GET", "/secrets/")->url;
    ck_assert_ptr_nonnull(strstr(url, places[_i].url));
    store_release(store);
}
END_TEST

/* ---- nobody becomes Keyturn ---- */

static const struct {
    const char *members;
    unsigned secret_status;
    const char *secret;
    unsigned account_status;
    const char *account;
    enum err_kind kind;
    const char *says;
} failures[] = {
    {SOME_KEYS, 404, "{}", 404, "{}", ERR_MISSING, "Secret n/keys with the AWS keys"},
    {SOME_KEYS, 403, "{}", 404, "{}", ERR_DENIED, "keys"},
    {SOME_KEYS, 500, "{}", 404, "{}", ERR_UNAVAILABLE, "keys"},
    {SOME_KEYS, 0, "", 404, "{}", ERR_TIMEOUT, "no answer"},
    {SOME_KEYS, 200, "[]", 404, "{}", ERR_UNAVAILABLE, ""},
    {SOME_KEYS ROLE(""), 404, "{}", 404, "{}", ERR_MISSING, "Secret n/keys"},
    {SOME_ACCOUNT, 404, "{}", 404, "{}", ERR_MISSING, "sa"},
    {SOME_ACCOUNT, 404, "{}", 403, "{}", ERR_DENIED, "sa"},
    {SOME_ACCOUNT, 404, "{}", 0, "", ERR_TIMEOUT, "no answer"},
    {SOME_ACCOUNT, 404, "{}", 200, "{'metadata':{'uid':'u'}}", ERR_INVALID,
     "ServiceAccount n/sa has no annotation eks.amazonaws.com/role-arn"},
    {SOME_ACCOUNT, 404, "{}", 200, "hunter2", ERR_INVALID, ""},
    {SOME_ACCOUNT ROLE(""), 404, "{}", 404, "{}", ERR_MISSING, "sa"},
};

START_TEST(what_cannot_be_found_has_no_identity)
{
    CLEANUP(store_identity_done) struct store_identity identity = {0};
    const struct situation situation = {.members = failures[_i].members};
    struct err err = {0};
    pthread_mutex_lock(&api.mutex);
    api_set("GET", "/secrets/", failures[_i].secret_status, "%s", failures[_i].secret);
    api_set("GET", "/serviceaccounts/", failures[_i].account_status, "%s", failures[_i].account);
    pthread_mutex_unlock(&api.mutex);
    struct store *store = situation_store(&situation);
    ck_assert(!situation_find(&situation, store, &identity, &err));
    ck_assert_int_eq(err.kind, failures[_i].kind);
    ck_assert_msg(strstr(err.message, failures[_i].says), "%s", err.message);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_ptr_null(identity.provider);
    store_release(store);
}
END_TEST

/* What the decoder could not make anything of looks like no auth at all. */
static const char *const unsupported[] = {
    ",'auth':'x'",
    ",'auth':{'future':{}}",
    ",'auth':{'jwt':{}}",
    ROLE(",'future':1"),
};

START_TEST(a_store_that_is_not_supported_has_no_identity)
{
    CLEANUP(store_identity_done) struct store_identity identity = {0};
    const struct situation situation = {0};
    struct err err = {0};
    situation_script(&situation);
    struct store *store = aws_scene_store(false, "store", "SecretsManager", unsupported[_i]);
    ck_assert(!situation_find(&situation, store, &identity, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_msg(strstr(err.message, "spec.provider.aws."), "%s", err.message);
    ck_assert_ptr_null(identity.provider);
    ck_assert_uint_eq(api_total(), 0);
    store_release(store);
}
END_TEST

/* The world does not answer credentials: every fetch fails, and nothing was signed by Keyturn. */
static const struct {
    const char *members;
    unsigned token_status, exchange_status;
    const char *secret;
} refusals[] = {
    {SOME_KEYS, 201, 200, "{'data':{}}"},
    {SOME_KEYS, 201, 200, "{'data':{'id':'QUtJRA==','secret':''}}"},
    {SOME_KEYS, 201, 200, "{'data':{'id':'?','secret':'?'}}"},
    {SOME_KEYS ROLE(""), 201, 200, "{'data':{}}"},
    {SOME_ACCOUNT, 403, 200, "{}"},
    {SOME_ACCOUNT, 0, 200, "{}"},
    {SOME_ACCOUNT, 201, 403, "{}"},
    {SOME_ACCOUNT ROLE(""), 403, 200, "{}"},
    {SOME_ACCOUNT ROLE(""), 201, 403, "{}"},
    {SOME_ACCOUNT ROLE(",'additionalRoles':['" ROLE_ARN "a']"), 201, 403, "{}"},
};

START_TEST(what_cannot_be_fetched_is_not_replaced)
{
    CLEANUP(store_identity_done) struct store_identity identity = {0};
    const struct situation situation = {.members = refusals[_i].members};
    struct credentials *credentials = NULL;
    struct err err = {0};
    aws_scene_secret("n", "keys", "u", "1");
    situation_script(&situation);
    pthread_mutex_lock(&api.mutex);
    api_set("GET", "/secrets/", 200, "%s", refusals[_i].secret);
    api_set("POST", "/token", refusals[_i].token_status, "{'status':{'token':'e30.e30.c2ln'}}");
    api_set("POST", "Action=AssumeRoleWithWebIdentity", refusals[_i].exchange_status, "%s",
            STS_ERROR("AccessDenied"));
    api_set("POST", "Action=AssumeRole&", 200, "%s", AWS_SCENE_STS("AssumeRole"));
    pthread_mutex_unlock(&api.mutex);
    struct store *store = situation_store(&situation);
    ck_assert_msg(situation_find(&situation, store, &identity, &err), "%s", err.message);
    ck_assert(!fetch(&identity, &credentials, &err));
    ck_assert_int_ne(err.kind, ERR_NONE);
    ck_assert_ptr_null(credentials);
    ck_assert_uint_eq(api_count("POST", "Action=AssumeRole&"), 0);
    store_release(store);
}
END_TEST

/* ---- the calls ---- */

static const char *form_of(const char *part)
{
    const struct api_route *route = api_find("POST", part);
    ck_assert_msg(route->count == 1, "%s came %u times", part, route->count);
    return route->asked;
}

static const char *signer_of(const char *part)
{
    return api_find("POST", part)->signer;
}

static void script_sts(void)
{
    pthread_mutex_lock(&api.mutex);
    api_set("POST", "/token", 201, "{'status':{'token':'e30.e30.c2ln'}}");
    api_set("POST", "Action=AssumeRoleWithWebIdentity", 200, "%s",
            AWS_SCENE_STS("AssumeRoleWithWebIdentity"));
    api_set("POST", "role%2Fa&", 200, "%s", AWS_SCENE_STS("AssumeRole"));
    api_set("POST", "role%2Fb&", 200, "%s", AWS_SCENE_STS("AssumeRole"));
    api_set("POST", "role%2Fr&", 200, "%s", AWS_SCENE_STS("AssumeRole"));
    pthread_mutex_unlock(&api.mutex);
}

/* Fetches as that store does; the credentials are to be released. */
static struct credentials *credentials_of(const struct situation *situation)
{
    CLEANUP(store_identity_done) struct store_identity identity = {0};
    struct credentials *credentials = NULL;
    struct err err = {0};
    situation_script(situation);
    script_sts();
    struct store *store = situation_store(situation);
    ck_assert_msg(situation_find(situation, store, &identity, &err), "%s", err.message);
    store_release(store);
    ck_assert_msg(fetch(&identity, &credentials, &err), "%s", err.message);
    return credentials;
}

#define FORM(session, role)                                                                        \
    "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%"       \
    "2F" role "&RoleSessionName=" session

START_TEST(roles_are_assumed_one_after_the_other_with_what_belongs_to_the_last)
{
    const struct situation situation = {
        .members = SOME_ACCOUNT ROLE(
            ",'additionalRoles':['" ROLE_ARN "a','" ROLE_ARN "b'],'externalID':'e1',"
            "'sessionTags':[{'key':'team','value':'x'}],'transitiveTagKeys':['team']")};
    credentials_release(credentials_of(&situation));
    ck_assert_str_eq(form_of("/token"),
                     "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenRequest\","
                     "\"spec\":{\"audiences\":[\"sts.amazonaws.com\"],\"expirationSeconds\":600}}");
    ck_assert_str_eq(form_of("Action=AssumeRoleWithWebIdentity"),
                     "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
                     "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Firsa"
                     "&RoleSessionName=keyturn-n-sa&WebIdentityToken=e30.e30.c2ln");
    ck_assert_str_eq(form_of("role%2Fa&"), FORM("keyturn-n-store", "a"));
    ck_assert_str_eq(form_of("role%2Fb&"), FORM("keyturn-n-store", "b"));
    ck_assert_str_eq(form_of("role%2Fr&"),
                     FORM("keyturn-n-store", "r") "&ExternalId=e1&Tags.member.1.Key=team"
                                                  "&Tags.member.1.Value=x"
                                                  "&TransitiveTagKeys.member.1=team");
    ck_assert_str_eq(signer_of("Action=AssumeRoleWithWebIdentity"), "");
    ck_assert_ptr_nonnull(strstr(signer_of("role%2Fa&"), "Credential=ASIAEXAMPLE/"));
    ck_assert_ptr_nonnull(strstr(signer_of("role%2Fr&"), "/eu-north-1/sts/aws4_request"));
}
END_TEST

START_TEST(keyturns_own_keys_assume_a_role_where_the_store_has_no_auth)
{
    const struct situation situation = {.members = ROLE(""), .region = "eu-west-1"};
    credentials_release(credentials_of(&situation));
    ck_assert_ptr_nonnull(strstr(signer_of("role%2Fr&"), "Credential=" OWN_KEY "/"));
    ck_assert_str_eq(api_find("POST", "role%2Fr&")->url, "https://sts.eu-west-1.amazonaws.com/");
}
END_TEST

static const struct {
    struct situation situation;
    const char *session;
} sessions[] = {
    {{.members = ROLE("")}, "keyturn-n-store"},
    {{.members = ROLE(""), .store = "a.b"}, "keyturn-n-a.b"},
    {{.cluster = true, .members = ROLE("")}, "keyturn-cluster-store"},
    {{.cluster = true, .members = ROLE(""), .namespace = "m"}, "keyturn-cluster-store"},
};

START_TEST(sessions_are_called_after_the_store)
{
    CLEANUP(buf_done) struct buf expected = {0};
    credentials_release(credentials_of(&sessions[_i].situation));
    buf_init(&expected, 1024);
    buf_printf(&expected, "RoleSessionName=%s", sessions[_i].session);
    const char *form = form_of("role%2Fr&");
    ck_assert_str_eq(strstr(form, "RoleSessionName="), expected.data);
}
END_TEST

static const struct {
    struct situation situation;
    const char *tags;
} tagged[] = {
    {{.members = ROLE(",'sessionTagsPolicy':'Simple','sessionTags':[{'key':'a','value':'b'}]")},
     "&Tags.member.1.Key=esoNamespace&Tags.member.1.Value=n"
     "&Tags.member.2.Key=esoStoreName&Tags.member.2.Value=store"
     "&Tags.member.3.Key=esoStoreKind&Tags.member.3.Value=SecretStore"},
    {{.cluster = true,
      .namespace = "m",
      .members = ROLE(",'sessionTagsPolicy':'Custom','customSessionTags':{'a':'b'},"
                      "'sessionTags':[{'key':'c','value':'d'}]")},
     "&Tags.member.1.Key=esoNamespace&Tags.member.1.Value=m"
     "&Tags.member.2.Key=esoStoreName&Tags.member.2.Value=store"
     "&Tags.member.3.Key=esoStoreKind&Tags.member.3.Value=ClusterSecretStore"
     "&Tags.member.4.Key=a&Tags.member.4.Value=b"},
    {{.members = ROLE(",'sessionTags':[{'key':'c','value':'d'}],'customSessionTags':{'a':'b'}")},
     "&Tags.member.1.Key=c&Tags.member.1.Value=d"},
};

START_TEST(tags_are_those_of_the_policy)
{
    credentials_release(credentials_of(&tagged[_i].situation));
    ck_assert_str_eq(strstr(form_of("role%2Fr&"), "&Tags"), tagged[_i].tags);
}
END_TEST

START_TEST(keyturn_without_credentials_says_so)
{
    static const struct variable none[] = {{NULL, NULL}};
    CLEANUP(store_identity_done) struct store_identity identity = {0};
    const struct situation situation = {0};
    struct err err = {0};
    aws_scene_end();
    aws_scene_begin_in(none);
    struct store *store = situation_store(&situation);
    ck_assert(!situation_find(&situation, store, &identity, &err));
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert_ptr_nonnull(strstr(err.message, "no AWS credentials"));
    store_release(store);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/store_identity");
    TCase *tcase = tcase_create("store_identity");
    tcase_add_checked_fixture(tcase, aws_scene_begin, aws_scene_end);
    tcase_add_loop_test(tcase, only_a_cluster_store_reaches_another_namespace, 0,
                        ARRAY_LEN(places));
    tcase_add_loop_test(tcase, what_cannot_be_found_has_no_identity, 0, ARRAY_LEN(failures));
    tcase_add_loop_test(tcase, a_store_that_is_not_supported_has_no_identity, 0,
                        ARRAY_LEN(unsupported));
    tcase_add_loop_test(tcase, what_cannot_be_fetched_is_not_replaced, 0, ARRAY_LEN(refusals));
    tcase_add_test(tcase, roles_are_assumed_one_after_the_other_with_what_belongs_to_the_last);
    tcase_add_test(tcase, keyturns_own_keys_assume_a_role_where_the_store_has_no_auth);
    tcase_add_loop_test(tcase, sessions_are_called_after_the_store, 0, ARRAY_LEN(sessions));
    tcase_add_loop_test(tcase, tags_are_those_of_the_policy, 0, ARRAY_LEN(tagged));
    tcase_add_test(tcase, keyturn_without_credentials_says_so);
    suite_add_tcase(suite, tcase);
    return suite;
}
