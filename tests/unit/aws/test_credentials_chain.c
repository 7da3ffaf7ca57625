/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"
#include "fake_endpoint.h"
#include "fake_environment.h"

#include "aws/credentials_providers.h"

enum {
    VARIABLES = 9,
};

static struct service_endpoint *sts;

static void setup(void)
{
    const struct endpoint_config config = {0};
    const struct service_observer nobody = {0};
    struct endpoint endpoint;
    struct err err = {0};
    ck_assert(endpoint_resolve(&config, ENDPOINT_STS, SV("eu-west-1"), &endpoint, &err));
    sts = service_endpoint_new(&endpoint, &nobody);
}

static void teardown(void)
{
    service_endpoint_free(sts);
}

#define KEYS                                                                                       \
    {"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"},                                                          \
    {                                                                                              \
        "AWS_SECRET_ACCESS_KEY", "hunter2"                                                         \
    }
#define IRSA                                                                                       \
    {"AWS_ROLE_ARN", "arn:aws:iam::1:role/x"},                                                     \
    {                                                                                              \
        "AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token"                                            \
    }
#define EKS                                                                                        \
    {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/hunter2"},                    \
    {                                                                                              \
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/var/run/eks"                                   \
    }
#define ECS                                                                                        \
    {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/hunter2"},                         \
    {                                                                                              \
        "AWS_CONTAINER_AUTHORIZATION_TOKEN", "hunter2"                                             \
    }

/* In their order, and what is chosen of them. */
static const struct {
    struct variable variables[VARIABLES];
    bool allow_imds;
    const char *name; /* NULL: none */
    const char *description;
} chains[] = {
    {{KEYS, IRSA, EKS},
     true,
     "environment",
     "environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY set"},
    {{KEYS, {"AWS_SESSION_TOKEN", "hunter2"}},
     false,
     "environment",
     "environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN set"},
    {{IRSA, EKS},
     true,
     "web identity",
     "web identity: role arn:aws:iam::1:role/x (AWS_ROLE_ARN), token file /var/run/token "
     "(AWS_WEB_IDENTITY_TOKEN_FILE)"},
    {{IRSA, {"AWS_ROLE_SESSION_NAME", "me@example"}},
     false,
     "web identity",
     "web identity: role arn:aws:iam::1:role/x (AWS_ROLE_ARN), token file /var/run/token "
     "(AWS_WEB_IDENTITY_TOKEN_FILE), session name me@example (AWS_ROLE_SESSION_NAME)"},
    {{EKS},
     true,
     "container",
     "container: host 169.254.170.23 (AWS_CONTAINER_CREDENTIALS_FULL_URI), token file /var/run/eks "
     "(AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE)"},
    {{ECS, {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://other.example/"}},
     true,
     "container",
     "container: host 169.254.170.2 (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI), token in "
     "AWS_CONTAINER_AUTHORIZATION_TOKEN"},
    {{{"AWS_CONTAINER_AUTHORIZATION_TOKEN", "hunter2"}},
     true,
     "instance metadata",
     "instance metadata: the node's role is allowed"},
    {{{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1338"},
      {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ipv6"}},
     true,
     "instance metadata",
     "instance metadata: the node's role is allowed, host 127.0.0.1:1338 "
     "(AWS_EC2_METADATA_SERVICE_ENDPOINT)"},
    {{{"AWS_EC2_METADATA_DISABLED", "True"}}, true, NULL, "none"},
    {{{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1338"}}, false, NULL, "none"},
    {{{NULL, NULL}}, false, NULL, "none"},
    {{{"AWS_ACCESS_KEY_ID", ""}, {"AWS_ROLE_ARN", ""}, {"AWS_WEB_IDENTITY_TOKEN_FILE", ""}},
     false,
     NULL,
     "none"},
};

START_TEST(takes_the_first_that_is_configured)
{
    const struct environment environment = fake_environment(chains[_i].variables);
    const struct credentials_chain_options options = {
        .environment = &environment,
        .sts = sts,
        .session_name = "keyturn",
        .allow_imds = chains[_i].allow_imds,
    };
    struct credentials_provider *provider = NULL;
    struct err err = {0};
    ck_assert_msg(credentials_chain(&options, &provider, &err), "%s", err.message);
    if (chains[_i].name) {
        ck_assert_ptr_nonnull(provider);
        ck_assert_str_eq(provider->name, chains[_i].name);
    } else {
        ck_assert_ptr_null(provider);
    }
    credentials_provider_release(provider);

    CLEANUP(buf_done) struct buf description = {0};
    buf_init(&description, 4096);
    credentials_chain_describe(&options, &description);
    ck_assert_str_eq(description.data, chains[_i].description);
}
END_TEST

static const struct {
    struct variable variables[VARIABLES];
    bool no_sts;
    const char *says;
} broken[] = {
    {{{"AWS_ACCESS_KEY_ID", "AKID"}, IRSA, EKS}, false, "AWS_SECRET_ACCESS_KEY is not"},
    {{{"AWS_SECRET_ACCESS_KEY", "hunter2"}, IRSA, EKS}, false, "AWS_ACCESS_KEY_ID is not"},
    {{{"AWS_SESSION_TOKEN", "hunter2"}, IRSA, EKS}, false, "AWS_ACCESS_KEY_ID is not"},
    {{{"AWS_ROLE_ARN", "arn:aws:iam::1:role/x"}, EKS}, false, "AWS_WEB_IDENTITY_TOKEN_FILE is not"},
    {{{"AWS_WEB_IDENTITY_TOKEN_FILE", "/token"}, EKS}, false, "AWS_ROLE_ARN is not"},
    {{IRSA, {"AWS_ROLE_SESSION_NAME", "a b"}}, false, "AWS_ROLE_SESSION_NAME"},
    {{IRSA, {"AWS_ROLE_SESSION_NAME", "a"}}, false, "AWS_ROLE_SESSION_NAME"},
    {{IRSA, EKS}, true, "AWS_REGION"},
    {{{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.200/hunter2"}},
     false,
     "AWS_CONTAINER_CREDENTIALS_FULL_URI"},
    {{{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://u:hunter2@host.example/"}},
     false,
     "AWS_CONTAINER_CREDENTIALS_FULL_URI"},
    {{{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@evil.example/hunter2"}, EKS},
     false,
     "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"},
    {{{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", ".evil.example/hunter2"}},
     false,
     "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"},
    {{{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/a b"}},
     false,
     "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"},
    {{{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x"},
      {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "hunter2\r\nX: y"}},
     false,
     "authorization token"},
    {{{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://10.0.0.1"}},
     false,
     "AWS_EC2_METADATA_SERVICE_ENDPOINT"},
    {{{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5"}},
     false,
     "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"},
};

START_TEST(never_falls_through_what_is_configured_badly)
{
    const struct environment environment = fake_environment(broken[_i].variables);
    const struct credentials_chain_options options = {
        .environment = &environment,
        .sts = broken[_i].no_sts ? NULL : sts,
        .session_name = "keyturn",
        .allow_imds = true,
    };
    struct credentials_provider *provider = NULL;
    struct err err = {0};
    ck_assert(!credentials_chain(&options, &provider, &err));
    ck_assert_ptr_null(provider);
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_msg(strstr(err.message, broken[_i].says), "%s", err.message);
    ck_assert_ptr_eq(strstr(err.message, "AWS credentials ("), err.message);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));

    CLEANUP(buf_done) struct buf explanation = {0};
    buf_init(&explanation, 8192);
    credentials_chain_explain(&options, &explanation);
    ck_assert_ptr_nonnull(strstr(explanation.data, ": unusable: "));
    ck_assert_ptr_null(strstr(explanation.data, ": used: "));
    ck_assert_ptr_nonnull(strstr(explanation.data, broken[_i].says));
    ck_assert_ptr_null(strstr(explanation.data, "hunter2"));
}
END_TEST

/* Keeps the form that STS is sent, and refuses it. */
static bool refuse_form(void *context, const struct http_request *request,
                        struct http_response *ret, struct err *err)
{
    (void)err;
    buf_add_str(context, request->url);
    buf_add_byte(context, ' ');
    buf_add(context, request->body);
    *ret = (struct http_response){.status = 403};
    buf_init(&ret->headers, 64);
    secret_buf_init(&ret->body, request->max_answer);
    return true;
}

static const struct {
    const char *session; /* AWS_ROLE_SESSION_NAME */
    const char *field;
} sessions[] = {
    {NULL, "RoleSessionName=from-options"},
    {"from-environment", "RoleSessionName=from-environment"},
};

START_TEST(asks_sts_with_role_session_and_token)
{
    char path[] = "/tmp/keyturn-chain-token-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_eq(write(fd, "the.jwt\n", 8), 8);
    ck_assert_int_eq(close(fd), 0);
    CLEANUP(buf_done) struct buf sent = {0};
    buf_init(&sent, 8192);
    struct fake_endpoint fake = {0};
    fake_endpoint_init(&fake);
    fake.thread.transport = (struct http_transport){.send = refuse_form, .context = &sent};
    const struct environment environment = fake_environment(
        (const struct variable[]){{"AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/x"},
                                  {"AWS_WEB_IDENTITY_TOKEN_FILE", path},
                                  {"AWS_ROLE_SESSION_NAME", sessions[_i].session},
                                  {NULL, NULL}});
    const struct credentials_chain_options options = {
        .environment = &environment, .sts = sts, .session_name = "from-options"};
    struct credentials_provider *provider = NULL;
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert_msg(credentials_chain(&options, &provider, &err), "%s", err.message);
    const struct credentials_request request = fake_request(&fake);
    ck_assert(!provider->fetch(provider, &request, &credentials, &err));
    (void)unlink(path);
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert_msg(strstr(sent.data, "https://sts.eu-west-1.amazonaws.com/ "), "%s", sent.data);
    ck_assert_ptr_nonnull(
        strstr(sent.data, "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fx"));
    ck_assert_ptr_nonnull(strstr(sent.data, sessions[_i].field));
    ck_assert_ptr_nonnull(strstr(sent.data, "WebIdentityToken=the.jwt"));
    ck_assert_ptr_null(strstr(sent.data, "%0A"));
    credentials_provider_release(provider);
}
END_TEST

START_TEST(joins_the_relative_uri_to_the_agent)
{
    CLEANUP(fake_endpoint_done) struct fake_endpoint fake = {.answers = {{.status = 403}}};
    fake_endpoint_init(&fake);
    const struct environment environment =
        fake_environment((const struct variable[]){ECS, {NULL, NULL}});
    const struct credentials_chain_options options = {.environment = &environment};
    struct credentials_provider *provider = NULL;
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert(credentials_chain(&options, &provider, &err));
    const struct credentials_request request = fake_request(&fake);
    ck_assert(!provider->fetch(provider, &request, &credentials, &err));
    ck_assert_str_eq(fake.calls[0].url, "http://169.254.170.2/v2/credentials/hunter2");
    ck_assert_str_eq(fake_header(&fake.calls[0], "Authorization"), "hunter2");
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    credentials_provider_release(provider);
}
END_TEST

START_TEST(explains_each_source_without_a_secret)
{
    const struct environment environment = fake_environment(
        (const struct variable[]){IRSA, ECS, {"AWS_EC2_METADATA_DISABLED", "true"}, {NULL, NULL}});
    const struct credentials_chain_options options = {
        .environment = &environment, .sts = sts, .session_name = "keyturn", .allow_imds = true};
    CLEANUP(buf_done) struct buf explanation = {0};
    buf_init(&explanation, 8192);
    credentials_chain_explain(&options, &explanation);
    ck_assert_str_eq(
        explanation.data,
        "environment: not configured: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set\n"
        "web identity: used: role arn:aws:iam::1:role/x (AWS_ROLE_ARN), token file /var/run/token "
        "(AWS_WEB_IDENTITY_TOKEN_FILE)\n"
        "container: configured, but not used: host 169.254.170.2 "
        "(AWS_CONTAINER_CREDENTIALS_RELATIVE_URI), token in AWS_CONTAINER_AUTHORIZATION_TOKEN\n"
        "instance metadata: not configured: AWS_EC2_METADATA_DISABLED is true\n");
}
END_TEST

START_TEST(explains_that_nothing_is_configured)
{
    const struct environment environment =
        fake_environment((const struct variable[]){{NULL, NULL}});
    const struct credentials_chain_options options = {.environment = &environment};
    CLEANUP(buf_done) struct buf explanation = {0};
    buf_init(&explanation, 8192);
    credentials_chain_explain(&options, &explanation);
    ck_assert_str_eq(
        explanation.data,
        "environment: not configured: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set\n"
        "web identity: not configured: AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE are not set\n"
        "container: not configured: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and "
        "AWS_CONTAINER_CREDENTIALS_FULL_URI are not set\n"
        "instance metadata: not configured: the node's role is not allowed\n");
}
END_TEST

START_TEST(shows_values_on_one_line_and_cut)
{
    char role[2000];
    memset(role, 'r', sizeof role - 1);
    role[0] = '\n';
    role[sizeof role - 1] = '\0';
    const struct environment environment =
        fake_environment((const struct variable[]){{"AWS_ROLE_ARN", role}, {NULL, NULL}});
    const struct credentials_chain_options options = {.environment = &environment};
    CLEANUP(buf_done) struct buf description = {0};
    buf_init(&description, 8192);
    credentials_chain_describe(&options, &description);
    ck_assert_uint_eq(description.len, strlen("web identity: role ") + 512 + strlen("...") +
                                           strlen(" (AWS_ROLE_ARN)"));
    ck_assert_ptr_nonnull(strstr(description.data, "role ?rrr"));
    ck_assert_ptr_null(strchr(description.data, '\n'));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("credentials_chain");
    TCase *tcase = tcase_create("credentials_chain");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, takes_the_first_that_is_configured, 0, ARRAY_LEN(chains));
    tcase_add_loop_test(tcase, never_falls_through_what_is_configured_badly, 0, ARRAY_LEN(broken));
    tcase_add_loop_test(tcase, asks_sts_with_role_session_and_token, 0, ARRAY_LEN(sessions));
    tcase_add_test(tcase, joins_the_relative_uri_to_the_agent);
    tcase_add_test(tcase, explains_each_source_without_a_secret);
    tcase_add_test(tcase, explains_that_nothing_is_configured);
    tcase_add_test(tcase, shows_values_on_one_line_and_cut);
    suite_add_tcase(suite, tcase);
    return suite;
}
