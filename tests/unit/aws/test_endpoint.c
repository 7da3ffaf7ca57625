/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"
#include "fake_environment.h"

#include "aws/endpoint.h"
#include "base/json.h"

static enum endpoint_service service_of(struct str_view name)
{
    static const enum endpoint_service services[] = {ENDPOINT_SECRETS_MANAGER, ENDPOINT_SSM,
                                                     ENDPOINT_STS, ENDPOINT_SQS};
    for (size_t i = 0; i < ARRAY_LEN(services); i++) {
        if (sv_is(name, endpoint_service_name(services[i]))) {
            return services[i];
        }
    }
    ck_abort_msg("no service %.*s", SV_ARG(name));
    return ENDPOINT_SECRETS_MANAGER;
}

/* The columns behind region and service: plain, FIPS, dual stack, both. */
static void check_row(const struct json *row)
{
    struct str_view region = json_string(json_first(row));
    const struct json *column = json_first(row)->next;
    struct str_view name = json_string(column);
    enum endpoint_service service = service_of(name);
    for (int variant = 0; variant < 4; variant++) {
        column = column->next;
        const struct endpoint_config config = {.fips = variant & 1, .dual_stack = variant & 2};
        struct endpoint endpoint;
        struct err err = {0};
        ck_assert(endpoint_resolve(&config, service, region, &endpoint, &err));
        ck_assert_msg(sv_is(json_string(column), endpoint.host), "%s, wanted %.*s", endpoint.host,
                      SV_ARG(json_string(column)));
        ck_assert(sv_is(name, endpoint.signing_name));
        ck_assert(sv_is(region, endpoint.region));
        char url[ENDPOINT_URL_BYTES];
        (void)snprintf(url, sizeof url, "https://%s/", endpoint.host);
        ck_assert_str_eq(endpoint.url, url);
    }
}

START_TEST(gives_the_hosts_of_the_sdk)
{
    size_t len = 0;
    CLEANUP(mem_free_ptr) char *data = test_data("aws/endpoints.json", &len);
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json_limits limits = {.max_nodes = 10000, .max_depth = 8};
    const struct json *root = NULL;
    struct err err = {0};
    ck_assert_msg(json_parse(&doc, data, len, &limits, &root, &err), "%s", err.message);
    size_t rows = 0;
    JSON_FOR_EACH (row, json_member(root, "hosts")) {
        check_row(row);
        rows++;
    }
    ck_assert_uint_eq(rows, 24 * 4);
}
END_TEST

static const char *const not_regions[] = {
    "",         "us east-1",       "US-EAST-1", "eu.evil.example",
    "a/b",      "x@evil.example/", "-a",        "a-",
    "a\r\nb",   "us-east-1:443",   "us_east_1", "abcdefghijklmnopqrstuvwxyz0123456",
    "\xc3\xa9",
};

START_TEST(refuses_what_is_no_region)
{
    const struct endpoint_config config = {0};
    struct endpoint endpoint;
    struct err err = {0};
    ck_assert(!endpoint_resolve(&config, ENDPOINT_SECRETS_MANAGER, sv_of(not_regions[_i]),
                                &endpoint, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
}
END_TEST

static const struct {
    const char *url;
    const char *normal;
    const char *host;
} urls[] = {
    {"https://vpce-1.secretsmanager.us-east-1.vpce.amazonaws.com",
     "https://vpce-1.secretsmanager.us-east-1.vpce.amazonaws.com/",
     "vpce-1.secretsmanager.us-east-1.vpce.amazonaws.com"},
    {"https://SecretsManager.US-East-1.AmazonAWS.com/",
     "https://secretsmanager.us-east-1.amazonaws.com/", "secretsmanager.us-east-1.amazonaws.com"},
    {"https://host.example:443", "https://host.example/", "host.example"},
    {"https://host.example:80", "https://host.example:80/", "host.example:80"},
    {"https://host.example:8443/", "https://host.example:8443/", "host.example:8443"},
    {"http://127.0.0.1:5000", "http://127.0.0.1:5000/", "127.0.0.1:5000"},
    {"http://127.0.0.1:80/", "http://127.0.0.1/", "127.0.0.1"},
    {"http://127.0.0.1:443", "http://127.0.0.1:443/", "127.0.0.1:443"},
    {"http://localhost:4566", "http://localhost:4566/", "localhost:4566"},
    {"http://[::1]:5077/", "http://[::1]:5077/", "[::1]:5077"},
    {"https://[2001:DB8::1]", "https://[2001:db8::1]/", "[2001:db8::1]"},
};

START_TEST(takes_a_configured_url)
{
    const struct environment environment = fake_environment(
        (const struct variable[]){{"AWS_ENDPOINT_URL", urls[_i].url}, {NULL, NULL}});
    struct endpoint_config config;
    struct endpoint endpoint;
    struct err err = {0};
    ck_assert(endpoint_config_read(&environment, ENDPOINT_SECRETS_MANAGER, &config, &err));
    ck_assert(
        endpoint_resolve(&config, ENDPOINT_SECRETS_MANAGER, SV("us-east-1"), &endpoint, &err));
    ck_assert_str_eq(endpoint.url, urls[_i].normal);
    ck_assert_str_eq(endpoint.host, urls[_i].host);
    ck_assert_str_eq(endpoint.region, "us-east-1");
    ck_assert_str_eq(endpoint.signing_name, "secretsmanager");
}
END_TEST

static const char *const bad_urls[] = {
    "host.example",
    "ftp://host.example",
    "http://host.example",
    "http://10.0.0.1:5000",
    "http://169.254.169.254/",
    "http://127.evil.example/",
    "http://localhost.evil.example",
    "http://127.0.0.1@evil.example/",
    "https://user:password@host.example/",
    "https://host.example/path",
    "https://host.example//",
    "https://host.example?x",
    "https://host.example#x",
    "https://host.example.",
    "https://.host.example",
    "https://host..example",
    "https://host.example:0",
    "https://host.example:65536",
    "https://host.example:",
    "https://host.example:1:2",
    "https://[::1",
    "https://[::1]x",
    "https://[evil.example]",
    "https://[::::]",
    "http://127.1",
    "http://127.1.2.3.4",
    "http://2130706433",
    "http://[::ffff:127.0.0.1]",
    "https://ho st.example",
    "https://h\xc3\xb6st.example",
    "https://",
    "https:///",
    "https://host.example\r\nX-Y: z",
    "https://"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "a"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "a",
};

START_TEST(refuses_another_kind_of_url)
{
    const struct environment environment = fake_environment((const struct variable[]){
        {"AWS_ENDPOINT_URL_SECRETS_MANAGER", bad_urls[_i]}, {NULL, NULL}});
    struct endpoint_config config;
    struct err err = {0};
    ck_assert_msg(!endpoint_config_read(&environment, ENDPOINT_SECRETS_MANAGER, &config, &err),
                  "%s", bad_urls[_i]);
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "AWS_ENDPOINT_URL_SECRETS_MANAGER"));
    ck_assert_ptr_null(strstr(err.message, "password"));
}
END_TEST

static const struct {
    struct variable variables[5];
    enum endpoint_service service;
    const char *host;
} orders[] = {
    {{{"AWS_ENDPOINT_URL", "https://c"},
      {"AWS_SECRETSMANAGER_ENDPOINT", "https://b"},
      {"AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://a"}},
     ENDPOINT_SECRETS_MANAGER,
     "a"},
    {{{"AWS_ENDPOINT_URL", "https://c"}, {"AWS_SECRETSMANAGER_ENDPOINT", "https://b"}},
     ENDPOINT_SECRETS_MANAGER,
     "b"},
    {{{"AWS_ENDPOINT_URL", "https://c"}, {"AWS_SECRETSMANAGER_ENDPOINT", ""}},
     ENDPOINT_SECRETS_MANAGER,
     "c"},
    {{{"AWS_ENDPOINT_URL", "https://c"}, {"AWS_SECRETSMANAGER_ENDPOINT", "https://b"}},
     ENDPOINT_SSM,
     "c"},
    {{{"AWS_SSM_ENDPOINT", "https://b"}, {"AWS_ENDPOINT_URL_SSM", "https://a"}}, ENDPOINT_SSM, "a"},
    {{{"AWS_STS_ENDPOINT", "https://b"}}, ENDPOINT_STS, "b"},
    {{{"AWS_STS_ENDPOINT", "https://b"}, {"AWS_ENDPOINT_URL_STS", "https://a"}}, ENDPOINT_STS, "a"},
    {{{"AWS_ENDPOINT_URL", "https://c"}, {"AWS_ENDPOINT_URL_SQS", "https://a"}}, ENDPOINT_SQS, "a"},
    {{{"AWS_ENDPOINT_URL", "https://c"}, {"AWS_SQS_ENDPOINT", "https://b"}}, ENDPOINT_SQS, "c"},
    {{{"AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://a"}, {"AWS_ENDPOINT_URL_SSM", "https://b"}},
     ENDPOINT_STS,
     "sts.eu-west-1.amazonaws.com"},
    {{{"AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://a"},
      {"AWS_SECRETSMANAGER_ENDPOINT", "https://b"},
      {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True"}},
     ENDPOINT_SECRETS_MANAGER,
     "secretsmanager.eu-west-1.amazonaws.com"},
    {{{"AWS_ENDPOINT_URL", "https://c"}, {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false"}},
     ENDPOINT_SECRETS_MANAGER,
     "c"},
    {{{"AWS_USE_FIPS_ENDPOINT", "true"}},
     ENDPOINT_SECRETS_MANAGER,
     "secretsmanager-fips.eu-west-1.amazonaws.com"},
    {{{"AWS_USE_DUALSTACK_ENDPOINT", "true"}}, ENDPOINT_SSM, "ssm.eu-west-1.api.aws"},
};

START_TEST(reads_the_variables_in_order)
{
    const struct environment environment = fake_environment(orders[_i].variables);
    struct endpoint_config config;
    struct endpoint endpoint;
    struct err err = {0};
    ck_assert(endpoint_config_read(&environment, orders[_i].service, &config, &err));
    ck_assert(endpoint_resolve(&config, orders[_i].service, SV("eu-west-1"), &endpoint, &err));
    ck_assert_str_eq(endpoint.host, orders[_i].host);
}
END_TEST

START_TEST(refuses_a_variant_of_a_configured_url)
{
    static const char *const variants[] = {"AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"};
    const struct environment environment = fake_environment((const struct variable[]){
        {"AWS_ENDPOINT_URL", "https://host.example"}, {variants[_i], "true"}, {NULL, NULL}});
    struct endpoint_config config;
    struct err err = {0};
    ck_assert(!endpoint_config_read(&environment, ENDPOINT_SECRETS_MANAGER, &config, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "AWS_ENDPOINT_URL cannot"));
    ck_assert_ptr_nonnull(strstr(err.message, variants[_i]));
}
END_TEST

START_TEST(takes_what_is_given_before_any_variable)
{
    const struct environment environment = fake_environment(
        (const struct variable[]){{"AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://a"},
                                  {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", _i ? "true" : "false"},
                                  {NULL, NULL}});
    const struct endpoint_choice choice = {
        .environment = &environment, .url = SV("https://given"), .name = "--aws-endpoint"};
    struct endpoint_config config;
    struct err err = {0};
    ck_assert(endpoint_config_choose(&choice, ENDPOINT_SECRETS_MANAGER, &config, &err));
    ck_assert_str_eq(config.host, "given");
    ck_assert_str_eq(config.url, "https://given/");
}
END_TEST

START_TEST(names_what_is_given_in_its_errors)
{
    const struct environment environment = fake_environment(
        (const struct variable[]){{"AWS_USE_FIPS_ENDPOINT", "true"}, {NULL, NULL}});
    struct endpoint_choice choice = {
        .environment = &environment, .url = SV("http://host.example"), .name = "--aws-endpoint"};
    struct endpoint_config config = {.url = "untouched"};
    struct err err = {0};
    ck_assert(!endpoint_config_choose(&choice, ENDPOINT_SSM, &config, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "--aws-endpoint must be https"));
    choice.url = SV("https://host.example");
    ck_assert(!endpoint_config_choose(&choice, ENDPOINT_SSM, &config, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "--aws-endpoint cannot be combined"));
    ck_assert_str_eq(config.url, "untouched");
}
END_TEST

START_TEST(speaks_plainly_to_other_hosts_only_when_told_to)
{
    const struct environment environment = fake_environment((const struct variable[]){
        {"AWS_ENDPOINT_URL", "http://fake-aws.test.svc:4566"}, {NULL, NULL}});
    struct endpoint_choice choice = {.environment = &environment};
    struct endpoint_config config;
    struct err err = {0};
    ck_assert(!endpoint_config_choose(&choice, ENDPOINT_SSM, &config, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    choice.allow_insecure = true;
    ck_assert(endpoint_config_choose(&choice, ENDPOINT_SSM, &config, &err));
    ck_assert_str_eq(config.url, "http://fake-aws.test.svc:4566/");
    choice.url = SV("http://user@host.example");
    choice.name = "--aws-endpoint";
    ck_assert(!endpoint_config_choose(&choice, ENDPOINT_SSM, &config, &err));
}
END_TEST

static const struct {
    struct variable variables[3];
    const char *region;
} regions[] = {
    {{{"AWS_REGION", "eu-west-1"}, {"AWS_DEFAULT_REGION", "us-east-1"}}, "eu-west-1"},
    {{{"AWS_REGION", ""}, {"AWS_DEFAULT_REGION", "us-east-1"}}, "us-east-1"},
    {{{"AWS_DEFAULT_REGION", "cn-north-1"}}, "cn-north-1"},
    {{{"AWS_REGION", "eu-west-1"}, {"AWS_DEFAULT_REGION", "no region"}}, "eu-west-1"},
    {{{NULL, NULL}}, ""},
};

START_TEST(knows_the_default_region)
{
    const struct environment environment = fake_environment(regions[_i].variables);
    struct str_view region = SV("before");
    struct err err = {0};
    ck_assert(endpoint_default_region(&environment, &region, &err));
    ck_assert_msg(sv_is(region, regions[_i].region), "%.*s", SV_ARG(region));
}
END_TEST

START_TEST(names_the_variable_of_what_is_no_region)
{
    static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    const struct environment environment = fake_environment(
        (const struct variable[]){{variables[_i], "eu-west-1.evil.example"}, {NULL, NULL}});
    struct str_view region = SV("before");
    struct err err = {0};
    ck_assert(!endpoint_default_region(&environment, &region, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_eq(strstr(err.message, variables[_i]), err.message);
    ck_assert(sv_is(region, "before"));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("endpoint");
    TCase *tcase = tcase_create("endpoint");
    tcase_add_test(tcase, gives_the_hosts_of_the_sdk);
    tcase_add_loop_test(tcase, refuses_what_is_no_region, 0, ARRAY_LEN(not_regions));
    tcase_add_loop_test(tcase, takes_a_configured_url, 0, ARRAY_LEN(urls));
    tcase_add_loop_test(tcase, refuses_another_kind_of_url, 0, ARRAY_LEN(bad_urls));
    tcase_add_loop_test(tcase, reads_the_variables_in_order, 0, ARRAY_LEN(orders));
    tcase_add_loop_test(tcase, refuses_a_variant_of_a_configured_url, 0, 2);
    tcase_add_loop_test(tcase, takes_what_is_given_before_any_variable, 0, 2);
    tcase_add_test(tcase, names_what_is_given_in_its_errors);
    tcase_add_test(tcase, speaks_plainly_to_other_hosts_only_when_told_to);
    tcase_add_loop_test(tcase, knows_the_default_region, 0, ARRAY_LEN(regions));
    tcase_add_loop_test(tcase, names_the_variable_of_what_is_no_region, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}
