/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/service_account.h"

#include "check_main.h"
#include "neighbours.h"

static struct kube_config *config;
static struct kube_client client;
static struct service_account account;
static struct err err;

static void setup(void)
{
    api_begin();
    config = api_config();
    client = (struct kube_client){
        .config = config, .transport = {.send = api_send}, .clock = clock_system()};
    account = (struct service_account){0};
    err = (struct err){0};
}

static void teardown(void)
{
    service_account_done(&account);
    kube_config_free(config);
    api_end();
}

static int64_t deadline(void)
{
    return clock_monotonic_ms(clock_system()) + API_PATIENCE_MS;
}

static void answer(const char *method, const char *part, unsigned status, const char *body)
{
    pthread_mutex_lock(&api.mutex);
    api_set(method, part, status, "%s", body);
    pthread_mutex_unlock(&api.mutex);
}

static bool read_account(void)
{
    return service_account_read(&client, SV("team"), SV("app"), deadline(), &account, &err);
}

#define ROLE "'eks.amazonaws.com/role-arn':'arn:aws:iam::1:role/r'"

START_TEST(reads_role_and_audience)
{
    answer("GET", "/serviceaccounts/", 200,
           "{'metadata':{'uid':'u1','annotations':{" ROLE ",'eks.amazonaws.com/audience':'vault'}},"
           "'secrets':[{'name':'old'}]}");
    ck_assert_msg(read_account(), "%s", err.message);
    ck_assert_str_eq(api_find("GET", "/serviceaccounts/")->url,
                     "https://api.example/api/v1/namespaces/team/serviceaccounts/app");
    ck_assert_str_eq(account.uid, "u1");
    ck_assert_str_eq(account.role_arn, "arn:aws:iam::1:role/r");
    ck_assert_str_eq(account.audience, "vault");
}
END_TEST

static const char *const without_audience[] = {
    "{'metadata':{'uid':'u1','annotations':{" ROLE "}}}",
    "{'metadata':{'uid':'u1','annotations':{" ROLE ",'eks.amazonaws.com/audience':''}}}",
};

START_TEST(the_standard_audience_is_that_of_sts)
{
    answer("GET", "/serviceaccounts/", 200, without_audience[_i]);
    ck_assert_msg(read_account(), "%s", err.message);
    ck_assert_str_eq(account.audience, "sts.amazonaws.com");
}
END_TEST

#define NO_ROLE "ServiceAccount team/app has no annotation eks.amazonaws.com/role-arn"

static const struct {
    unsigned status;
    const char *body;
    enum err_kind kind;
    const char *says;
} unreadable[] = {
    {404, "{}", ERR_MISSING, "app"},
    {403, "{}", ERR_DENIED, "app"},
    {0, "", ERR_TIMEOUT, "no answer"},
    {200, "hunter2", ERR_INVALID, "JSON"},
    {200, "{}", ERR_INVALID, NO_ROLE},
    {200, "[]", ERR_INVALID, NO_ROLE},
    {200, "{'metadata':{'uid':'u1'}}", ERR_INVALID, NO_ROLE},
    {200, "{'metadata':{'annotations':{'eks.amazonaws.com/role-arn':''}}}", ERR_INVALID, NO_ROLE},
    {200, "{'metadata':{'annotations':{'eks.amazonaws.com/role-arn':7}}}", ERR_INVALID, NO_ROLE},
    {200, "{'metadata':{'labels':{" ROLE "}}}", ERR_INVALID, NO_ROLE},
};

START_TEST(one_without_a_role_is_no_identity)
{
    answer("GET", "/serviceaccounts/", unreadable[_i].status, unreadable[_i].body);
    ck_assert(!read_account());
    ck_assert_int_eq(err.kind, unreadable[_i].kind);
    ck_assert_msg(strstr(err.message, unreadable[_i].says), "%s", err.message);
    ck_assert_ptr_null(account.role_arn);
    ck_assert_ptr_null(account.audience);
}
END_TEST

/* ---- tokens ---- */

/* Asks for a token as a provider of credentials does. */
static bool read_token(const struct store_texts *audiences, struct secret_buf *ret)
{
    char audience[] = "vault";
    const struct service_account given = {.audience = audience};
    struct web_identity_token token =
        service_account_token(config, SV("team"), SV("app"), &given, audiences);
    /* What it was given is gone by the time it reads. */
    memset(audience, 'X', sizeof audience - 1);
    const struct service_thread thread = {.transport = client.transport, .clock = clock_system()};
    const struct credentials_request request = {.thread = &thread, .deadline_ms = deadline()};
    bool done = token.read(token.context, &request, ret, &err);
    token.release(token.context);
    return done;
}

START_TEST(a_token_is_for_the_audience_and_those_of_the_store)
{
    struct str_view more[] = {SV("a\"b"), SV("c")};
    const struct store_texts audiences = {more, ARRAY_LEN(more)};
    CLEANUP(secret_buf_done) struct secret_buf token = {0};
    secret_buf_init(&token, 64);
    answer("POST", "/token", 201, "{'status':{'token':'e30.e30.c2ln','expirationTimestamp':'x'}}");
    ck_assert_msg(read_token(&audiences, &token), "%s", err.message);
    ck_assert(sv_is(secret_buf_view(&token), "e30.e30.c2ln"));
    const struct api_route *route = api_find("POST", "/token");
    ck_assert_str_eq(route->url,
                     "https://api.example/api/v1/namespaces/team/serviceaccounts/app/token");
    ck_assert_str_eq(route->asked,
                     "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenRequest\","
                     "\"spec\":{\"audiences\":[\"vault\",\"a\\\"b\",\"c\"],"
                     "\"expirationSeconds\":600}}");
}
END_TEST

START_TEST(each_read_asks_for_a_token_of_its_own)
{
    const struct store_texts none = {0};
    const struct service_account given = {.audience = (char[]){"x"}};
    const struct service_thread thread = {.transport = client.transport, .clock = clock_system()};
    const struct credentials_request request = {.thread = &thread, .deadline_ms = deadline()};
    struct web_identity_token token =
        service_account_token(config, SV("team"), SV("app"), &given, &none);
    answer("POST", "/token", 201, "{'status':{'token':'e30.e30.c2ln'}}");
    for (unsigned i = 1; i <= 2; i++) {
        CLEANUP(secret_buf_done) struct secret_buf text = {0};
        secret_buf_init(&text, 64);
        ck_assert(token.read(token.context, &request, &text, &err));
        ck_assert_uint_eq(api_count("POST", "/token"), i);
    }
    token.release(token.context);
}
END_TEST

static const struct {
    unsigned status;
    const char *body;
    enum err_kind kind;
} no_tokens[] = {
    {403, "{}", ERR_DENIED},
    {404, "{}", ERR_MISSING},
    {0, "", ERR_TIMEOUT},
    {201, "hunter2", ERR_INVALID},
    {201, "{}", ERR_UNAVAILABLE},
    {201, "{'status':{'token':''}}", ERR_UNAVAILABLE},
    {201, "{'status':{'token':['hunter2']}}", ERR_UNAVAILABLE},
    {201, "{'status':{'token':'hunter2.is-longer-than-there-is-room-for'}}", ERR_TOO_BIG},
};

START_TEST(says_whose_token_is_missing)
{
    const struct store_texts none = {0};
    CLEANUP(secret_buf_done) struct secret_buf token = {0};
    secret_buf_init(&token, 16);
    answer("POST", "/token", no_tokens[_i].status, no_tokens[_i].body);
    ck_assert(!read_token(&none, &token));
    ck_assert_int_eq(err.kind, no_tokens[_i].kind);
    ck_assert_ptr_eq(strstr(err.message, "token of ServiceAccount team/app: "), err.message);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/service_account");
    TCase *tcase = tcase_create("service_account");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, reads_role_and_audience);
    tcase_add_loop_test(tcase, the_standard_audience_is_that_of_sts, 0,
                        ARRAY_LEN(without_audience));
    tcase_add_loop_test(tcase, one_without_a_role_is_no_identity, 0, ARRAY_LEN(unreadable));
    tcase_add_test(tcase, a_token_is_for_the_audience_and_those_of_the_store);
    tcase_add_test(tcase, each_read_asks_for_a_token_of_its_own);
    tcase_add_loop_test(tcase, says_whose_token_is_missing, 0, ARRAY_LEN(no_tokens));
    suite_add_tcase(suite, tcase);
    return suite;
}
