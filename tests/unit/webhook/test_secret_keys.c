/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/secret_keys.h"

#include "check_main.h"
#include "neighbours.h"

static struct kube_config *config;
static struct credentials *credentials;
static struct err err;

static void setup(void)
{
    api_begin();
    config = api_config();
    credentials = NULL;
    err = (struct err){0};
}

static void teardown(void)
{
    credentials_release(credentials);
    kube_config_free(config);
    api_end();
}

static void answer(const char *part, unsigned status, const char *body)
{
    pthread_mutex_lock(&api.mutex);
    api_set("GET", part, status, "%s", body);
    pthread_mutex_unlock(&api.mutex);
}

static bool fetch(const struct store_aws *store)
{
    struct credentials_provider *provider = secret_keys_provider(config, SV("team"), store);
    const struct service_thread thread = {.transport = {.send = api_send}, .clock = clock_system()};
    const struct credentials_request request = {
        .thread = &thread, .deadline_ms = clock_monotonic_ms(clock_system()) + API_PATIENCE_MS};
    bool fetched = provider->fetch(provider, &request, &credentials, &err);
    credentials_provider_release(provider);
    return fetched;
}

static struct store_aws two_keys(void)
{
    return (struct store_aws){
        .access_key_id = {.name = SV("keys"), .key = SV("id")},
        .secret_access_key = {.name = SV("keys"), .key = SV("secret")},
    };
}

/* "AKIDEXAMPLE", "hunter2/key" and "hunter2/token" */
#define ID "QUtJREVYQU1QTEU="
#define SECRET "aHVudGVyMi9rZXk="
#define SESSION "aHVudGVyMi90b2tlbg=="

START_TEST(two_keys_of_a_secret_are_credentials)
{
    const struct store_aws store = two_keys();
    answer("/secrets/", 200, "{'data':{'id':'" ID "','secret':'" SECRET "','other':'eA=='}}");
    ck_assert_msg(fetch(&store), "%s", err.message);
    ck_assert_str_eq(credentials->access_key_id, "AKIDEXAMPLE");
    ck_assert(secret_equal(secret_buf_view(&credentials->secret_access_key), SV("hunter2/key")));
    ck_assert_uint_eq(credentials->session_token.bytes.len, 0);
    ck_assert_int_eq(credentials->expires_ms, INT64_MAX);
    const char *url = api_find("GET", "/secrets/")->url;
    ck_assert_ptr_nonnull(url);
    ck_assert_ptr_nonnull(strstr(url, "/namespaces/team/secrets/keys"));
}
END_TEST

START_TEST(each_key_may_lie_in_another_secret_and_namespace)
{
    struct store_aws store = two_keys();
    store.secret_access_key =
        (struct store_secret_key){.namespace = SV("vault"), .name = SV("s"), .key = SV("k")};
    store.session_token = (struct store_secret_key){.name = SV("tokens"), .key = SV("t")};
    answer("/team/secrets/keys", 200, "{'data':{'id':'" ID "'}}");
    answer("/vault/secrets/s", 200, "{'data':{'k':'" SECRET "'}}");
    answer("/team/secrets/tokens", 200, "{'data':{'t':'" SESSION "'}}");
    ck_assert_msg(fetch(&store), "%s", err.message);
    ck_assert_str_eq(credentials->access_key_id, "AKIDEXAMPLE");
    ck_assert(secret_equal(secret_buf_view(&credentials->secret_access_key), SV("hunter2/key")));
    ck_assert(secret_equal(secret_buf_view(&credentials->session_token), SV("hunter2/token")));
}
END_TEST

static const struct {
    unsigned status;
    const char *body;
    enum err_kind kind;
    const char *says;
} failures[] = {
    {404, "{}", ERR_MISSING, "GET"},
    {403, "{}", ERR_DENIED, "GET"},
    {500, "{}", ERR_UNAVAILABLE, "GET"},
    {0, "", ERR_TIMEOUT, "no answer"},
    {200, "hunter2", ERR_INVALID, "JSON"},
    {200, "{}", ERR_MISSING, "it has no key id"},
    {200, "{'data':{'id':'" ID "'}}", ERR_MISSING, "it has no key secret"},
    {200, "{'data':{'id':'" ID "','secret':null}}", ERR_MISSING, "it has no key secret"},
    {200, "{'data':{'id':'" ID "','secret':'hunter2!'}}", ERR_INVALID, "base64"},
    {200, "{'data':{'id':'" ID "','secret':''}}", ERR_INVALID, "secret access key"},
    {200, "{'data':{'id':'','secret':'" SECRET "'}}", ERR_INVALID, "access key id"},
    /* With a line break, which no header can hold. */
    {200, "{'data':{'id':'QUtJREVYQU1QTEUK','secret':'" SECRET "'}}", ERR_INVALID, "access key id"},
    {200, "{'stringData':{'id':'" ID "','secret':'" SECRET "'}}", ERR_MISSING, "it has no key id"},
};

START_TEST(says_in_which_secret_what_is_wrong_and_not_what)
{
    const struct store_aws store = two_keys();
    answer("/secrets/", failures[_i].status, failures[_i].body);
    ck_assert(!fetch(&store));
    ck_assert_int_eq(err.kind, failures[_i].kind);
    ck_assert_ptr_eq(strstr(err.message, "AWS keys in Secret team/keys: "), err.message);
    ck_assert_msg(strstr(err.message, failures[_i].says), "%s", err.message);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_ptr_null(strstr(err.message, "AKID"));
    ck_assert_ptr_null(credentials);
}
END_TEST

/* The n-th read fails: nothing is made of the others. */
START_TEST(every_one_of_the_keys_is_needed)
{
    static const char *const parts[] = {"/secrets/a", "/secrets/b", "/secrets/c"};
    const struct store_aws store = {
        .access_key_id = {.name = SV("a"), .key = SV("k")},
        .secret_access_key = {.name = SV("b"), .key = SV("k")},
        .session_token = {.name = SV("c"), .key = SV("k")},
    };
    for (int i = 0; i < (int)ARRAY_LEN(parts); i++) {
        answer(parts[i], i == _i ? 404 : 200, "{'data':{'k':'" SECRET "'}}");
    }
    ck_assert(!fetch(&store));
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert_msg(strstr(err.message, parts[_i] + 9), "%s", err.message);
    ck_assert_ptr_null(credentials);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/secret_keys");
    TCase *tcase = tcase_create("secret_keys");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, two_keys_of_a_secret_are_credentials);
    tcase_add_test(tcase, each_key_may_lie_in_another_secret_and_namespace);
    tcase_add_loop_test(tcase, says_in_which_secret_what_is_wrong_and_not_what, 0,
                        ARRAY_LEN(failures));
    tcase_add_loop_test(tcase, every_one_of_the_keys_is_needed, 0, 3);
    suite_add_tcase(suite, tcase);
    return suite;
}
