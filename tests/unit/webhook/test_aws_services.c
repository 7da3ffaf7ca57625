/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/aws_services.h"

#include <fcntl.h>
#include <unistd.h>

#include "../aws/fake_environment.h"
#include "check_main.h"
#include "webhook/thread.h"

enum {
    VARIABLES = 5,
    REGIONS_MAX = 256,
};

static struct log quiet;
static struct metrics *metrics;
static struct environment environment;
static struct aws_services *services;
static struct err err;

static void setup(void)
{
    quiet = (struct log){
        .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .level = LOG_ERROR, .clock = clock_system()};
    metrics = metrics_new();
    services = NULL;
    err = (struct err){0};
}

static void teardown(void)
{
    aws_services_free(services);
    metrics_free(metrics);
    (void)close(quiet.fd);
}

static bool make_with(const struct variable *variables, bool allow_imds, bool insecure)
{
    environment = fake_environment(variables);
    return aws_services_new(&(struct aws_services_options){.clock = clock_system(),
                                                           .log = &quiet,
                                                           .metrics = metrics,
                                                           .environment = &environment,
                                                           .session_name = "keyturn-test",
                                                           .allow_imds = allow_imds,
                                                           .insecure_endpoints = insecure},
                            &services, &err);
}

static void make(const struct variable *variables)
{
    ck_assert_msg(make_with(variables, false, false), "%s", err.message);
}

static struct service_endpoint *endpoint_of(enum endpoint_service service, const char *region)
{
    struct service_endpoint *endpoint = NULL;
    ck_assert_msg(aws_services_endpoint(services, service, sv_of(region), &endpoint, &err), "%s",
                  err.message);
    return endpoint;
}

#define OWN_KEYS                                                                                   \
    {"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"},                                                          \
    {                                                                                              \
        "AWS_SECRET_ACCESS_KEY", "hunter2"                                                         \
    }

static const struct variable NONE[] = {{NULL, NULL}};
static const struct variable KEYS[] = {OWN_KEYS, {NULL, NULL}};

/* ---- endpoints ---- */

START_TEST(an_endpoint_is_one_for_each_service_and_region)
{
    make(NONE);
    struct service_endpoint *first = endpoint_of(ENDPOINT_SSM, "eu-north-1");
    ck_assert_str_eq(service_endpoint_address(first)->url, "https://ssm.eu-north-1.amazonaws.com/");
    ck_assert_ptr_eq(endpoint_of(ENDPOINT_SSM, "eu-north-1"), first);
    ck_assert_ptr_ne(endpoint_of(ENDPOINT_SSM, "eu-west-1"), first);
    ck_assert_ptr_ne(endpoint_of(ENDPOINT_SECRETS_MANAGER, "eu-north-1"), first);
}
END_TEST

START_TEST(endpoints_are_those_of_the_environment)
{
    static const struct variable variables[] = {
        {"AWS_ENDPOINT_URL_SSM", "https://vpce.example:8443"},
        {"AWS_CA_BUNDLE", "/etc/bundle.pem"},
        {"AWS_REGION", "eu-central-1"},
        {NULL, NULL}};
    make(variables);
    const struct endpoint *address =
        service_endpoint_address(endpoint_of(ENDPOINT_SSM, "eu-north-1"));
    ck_assert_str_eq(address->host, "vpce.example:8443");
    ck_assert_str_eq(address->region, "eu-north-1");
    ck_assert_str_eq(service_endpoint_address(endpoint_of(ENDPOINT_STS, "eu-north-1"))->host,
                     "sts.eu-north-1.amazonaws.com");
    ck_assert(sv_is(aws_services_region(services), "eu-central-1"));
    const struct service_thread thread =
        aws_services_thread(services, (struct http_transport){.context = &address});
    ck_assert_str_eq(thread.ca_file, "/etc/bundle.pem");
    ck_assert_ptr_eq(thread.transport.context, &address);
    ck_assert_ptr_eq(thread.clock, clock_system());
}
END_TEST

START_TEST(without_a_bundle_and_a_region_there_are_none)
{
    make(NONE);
    const struct service_thread thread = aws_services_thread(services, (struct http_transport){0});
    ck_assert_ptr_null(thread.ca_file);
    ck_assert_uint_eq(aws_services_region(services).len, 0);
}
END_TEST

START_TEST(plain_http_is_for_those_who_ask_for_it)
{
    static const struct variable variables[] = {{"AWS_ENDPOINT_URL", "http://aws.example"},
                                                {NULL, NULL}};
    ck_assert(!make_with(variables, false, false));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_null(services);
    ck_assert_msg(make_with(variables, false, true), "%s", err.message);
}
END_TEST

START_TEST(no_region_becomes_another_host)
{
    static const char *const regions[] = {"", "eu.evil.example", "EU-NORTH-1", "a/b"};
    struct service_endpoint *endpoint = NULL;
    make(NONE);
    for (size_t i = 0; i < ARRAY_LEN(regions); i++) {
        ck_assert(
            !aws_services_endpoint(services, ENDPOINT_SSM, sv_of(regions[i]), &endpoint, &err));
        ck_assert_int_eq(err.kind, ERR_INVALID);
        ck_assert_ptr_null(endpoint);
    }
}
END_TEST

START_TEST(regions_that_stores_invent_have_an_end)
{
    char region[32];
    struct service_endpoint *endpoint = NULL;
    make(NONE);
    for (int i = 0; i < REGIONS_MAX; i++) {
        (void)snprintf(region, sizeof region, "r%d", i);
        (void)endpoint_of(ENDPOINT_SSM, region);
    }
    ck_assert(!aws_services_endpoint(services, ENDPOINT_SSM, SV("one-more"), &endpoint, &err));
    ck_assert_int_eq(err.kind, ERR_BUSY);
    /* Those there are stay. */
    ck_assert_ptr_nonnull(endpoint_of(ENDPOINT_SSM, "r7"));
}
END_TEST

/* ---- Keyturn's own credentials ---- */

static const struct {
    struct variable variables[VARIABLES];
    const char *says;
} mistakes[] = {
    {{{"AWS_REGION", "eu north"}}, "AWS_REGION"},
    {{{"AWS_REGION", "eu-north-1"}, {"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"}}, "AWS_SECRET_ACCESS_KEY"},
    {{{"AWS_REGION", "eu-north-1"}, {"AWS_ROLE_ARN", "arn:aws:iam::1:role/r"}},
     "AWS_WEB_IDENTITY_TOKEN_FILE"},
    {{{"AWS_ENDPOINT_URL_STS", "ftp://x"}}, "AWS_ENDPOINT_URL_STS"},
    {{{"AWS_REGION", "eu-north-1"},
      {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://198.51.100.1/creds"}},
     "AWS_CONTAINER_CREDENTIALS_FULL_URI"},
};

START_TEST(a_mistake_in_the_environment_names_its_variable)
{
    ck_assert(!make_with(mistakes[_i].variables, false, false));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_msg(strstr(err.message, mistakes[_i].says), "%s", err.message);
    ck_assert_ptr_null(services);
}
END_TEST

START_TEST(no_credentials_are_a_failure_of_who_needs_them)
{
    static const struct variable region[] = {{"AWS_REGION", "eu-north-1"}, {NULL, NULL}};
    struct credentials_provider *provider = NULL;
    make(region);
    ck_assert(!aws_services_ambient(services, SV("eu-north-1"), &provider, &err));
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert_ptr_nonnull(strstr(err.message, "the node's role is not allowed"));
    ck_assert_ptr_null(provider);
}
END_TEST

START_TEST(the_role_of_the_node_is_used_only_where_it_is_allowed)
{
    struct credentials_provider *provider = NULL;
    ck_assert_msg(make_with(NONE, true, false), "%s", err.message);
    ck_assert(aws_services_ambient(services, SV("eu-north-1"), &provider, &err));
    ck_assert_str_eq(provider->name, "instance metadata");
    credentials_provider_release(provider);
}
END_TEST

START_TEST(a_chain_is_one_for_each_region_of_sts)
{
    struct credentials_provider *first = NULL;
    struct credentials_provider *same = NULL;
    struct credentials_provider *other = NULL;
    make(KEYS);
    ck_assert(aws_services_ambient(services, SV("eu-north-1"), &first, &err));
    ck_assert_str_eq(first->name, "environment");
    ck_assert(aws_services_ambient(services, SV("eu-north-1"), &same, &err));
    ck_assert(aws_services_ambient(services, SV("eu-west-1"), &other, &err));
    ck_assert_ptr_eq(first, same);
    ck_assert_ptr_ne(first, other);
    credentials_provider_release(first);
    credentials_provider_release(same);
    credentials_provider_release(other);
}
END_TEST

START_TEST(no_region_is_none_that_a_store_could_name)
{
    struct credentials_provider *without = NULL;
    struct credentials_provider *named = NULL;
    make(KEYS);
    ck_assert(aws_services_ambient(services, SV("none"), &named, &err));
    ck_assert(aws_services_ambient(services, SV(""), &without, &err));
    ck_assert_ptr_ne(without, named);
    credentials_provider_release(without);
    credentials_provider_release(named);
}
END_TEST

START_TEST(a_chain_is_that_of_its_own_region_where_there_is_one)
{
    static const struct variable variables[] = {
        OWN_KEYS, {"AWS_REGION", "eu-north-1"}, {NULL, NULL}};
    struct credentials_provider *first = NULL;
    struct credentials_provider *second = NULL;
    make(variables);
    ck_assert(aws_services_ambient(services, SV("eu-west-1"), &first, &err));
    ck_assert(aws_services_ambient(services, SV("us-east-1"), &second, &err));
    ck_assert_ptr_eq(first, second);
    credentials_provider_release(first);
    credentials_provider_release(second);
}
END_TEST

/* ---- shared ---- */

static void *use(void *context)
{
    static const char *const regions[] = {"eu-north-1", "eu-west-1", "eu-west-2"};
    struct service_endpoint **ret = context;
    struct err own = {0};
    for (size_t i = 0; i < 30; i++) {
        struct str_view region = sv_of(regions[i % ARRAY_LEN(regions)]);
        struct credentials_provider *chain = NULL;
        CLEANUP(buf_done) struct buf text = {0};
        buf_init(&text, 65536);
        if (!aws_services_endpoint(services, ENDPOINT_SSM, region, &ret[i % 3], &own) ||
            !aws_services_ambient(services, region, &chain, &own)) {
            return NULL;
        }
        credentials_provider_release(chain);
        aws_services_write_metrics(services, &text);
    }
    return NULL;
}

START_TEST(threads_share_what_there_is)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    struct service_endpoint *found[THREADS][3] = {0};
    make(KEYS);
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert(thread_start(&threads[i], "test", use, found[i]));
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_ptr_nonnull(found[i][2]);
        ck_assert_mem_eq(found[i], found[0], sizeof found[0]);
    }
}
END_TEST

START_TEST(every_number_has_help_and_a_type)
{
    static const char *const names[] = {
        "keyturn_aws_values_asked_total",
        "keyturn_aws_values_joined_total",
        "keyturn_aws_batches_total",
        "keyturn_aws_batched_values_total",
        "keyturn_aws_values_refused_total",
        "keyturn_aws_cache_hits_total",
        "keyturn_aws_cache_misses_total",
        "keyturn_aws_cache_stale_total",
        "keyturn_aws_cache_evictions_total",
        "keyturn_aws_cache_entries",
        "keyturn_aws_cache_bytes",
        "keyturn_aws_cache_key_locked",
        "keyturn_aws_identities",
        "keyturn_aws_credentials_fetched_total",
        "keyturn_aws_credentials_failed_total",
        "keyturn_aws_estimated_cost_dollars_total",
    };
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, 65536);
    make(NONE);
    aws_services_write_metrics(services, &text);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char line[128];
        (void)snprintf(line, sizeof line, "# HELP %s ", names[i]);
        ck_assert_msg(strstr(text.data, line), "%s", line);
        size_t len = strlen(names[i]);
        bool counts = strcmp(names[i] + len - strlen("_total"), "_total") == 0;
        (void)snprintf(line, sizeof line, "# TYPE %s %s\n%s ", names[i],
                       counts ? "counter" : "gauge", names[i]);
        ck_assert_msg(strstr(text.data, line), "%s", line);
    }
    ck_assert_ptr_nonnull(strstr(text.data, "keyturn_aws_estimated_cost_dollars_total 0.000000\n"));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/aws_services");
    TCase *tcase = tcase_create("aws_services");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_endpoint_is_one_for_each_service_and_region);
    tcase_add_test(tcase, endpoints_are_those_of_the_environment);
    tcase_add_test(tcase, without_a_bundle_and_a_region_there_are_none);
    tcase_add_test(tcase, plain_http_is_for_those_who_ask_for_it);
    tcase_add_test(tcase, no_region_becomes_another_host);
    tcase_add_test(tcase, regions_that_stores_invent_have_an_end);
    tcase_add_loop_test(tcase, a_mistake_in_the_environment_names_its_variable, 0,
                        ARRAY_LEN(mistakes));
    tcase_add_test(tcase, no_credentials_are_a_failure_of_who_needs_them);
    tcase_add_test(tcase, the_role_of_the_node_is_used_only_where_it_is_allowed);
    tcase_add_test(tcase, a_chain_is_one_for_each_region_of_sts);
    tcase_add_test(tcase, no_region_is_none_that_a_store_could_name);
    tcase_add_test(tcase, a_chain_is_that_of_its_own_region_where_there_is_one);
    tcase_add_test(tcase, threads_share_what_there_is);
    tcase_add_test(tcase, every_number_has_help_and_a_type);
    suite_add_tcase(suite, tcase);
    return suite;
}
