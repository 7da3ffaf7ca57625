/* SPDX-License-Identifier: Apache-2.0 */
/* Regions that stores invent take no place away from those there are. */
#include "webhook/aws_services.h"

#include <fcntl.h>
#include <unistd.h>

#include "../aws/fake_environment.h"
#include "check_main.h"

enum {
    MANY = 2000,
};

static struct log quiet;
static struct metrics *metrics;
static struct environment environment;
static struct aws_services *services;
static struct err err;

static void setup(void)
{
    static const struct variable variables[] = {{"AWS_REGION", "eu-own-7"}, {NULL, NULL}};
    quiet = (struct log){
        .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .level = LOG_ERROR, .clock = clock_system()};
    metrics = metrics_new();
    environment = fake_environment(variables);
    ck_assert_msg(aws_services_new(&(struct aws_services_options){.clock = clock_system(),
                                                                  .log = &quiet,
                                                                  .metrics = metrics,
                                                                  .environment = &environment,
                                                                  .session_name = "keyturn-test"},
                                   &services, &err),
                  "%s", err.message);
}

static void teardown(void)
{
    aws_services_free(services);
    metrics_free(metrics);
    (void)close(quiet.fd);
}

static bool find(enum endpoint_service service, const char *region)
{
    struct service_endpoint *endpoint = NULL;
    err = (struct err){0};
    return aws_services_endpoint(services, service, sv_of(region), &endpoint, &err);
}

static void invent(void)
{
    char region[32];
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(region, sizeof region, "eu-nowhere-%d", i);
        (void)find(ENDPOINT_STS, region);
        (void)find(ENDPOINT_SSM, region);
    }
}

START_TEST(a_region_of_aws_is_always_to_be_had)
{
    invent();
    ck_assert_msg(find(ENDPOINT_STS, "ap-south-2"), "%s", err.message);
    ck_assert_msg(find(ENDPOINT_SECRETS_MANAGER, "us-gov-west-1"), "%s", err.message);
}
END_TEST

START_TEST(so_is_keyturns_own)
{
    invent();
    ck_assert_msg(find(ENDPOINT_STS, "eu-own-7"), "%s", err.message);
    ck_assert_msg(find(ENDPOINT_SQS, "eu-own-7"), "%s", err.message);
}
END_TEST

START_TEST(invented_ones_have_an_end)
{
    invent();
    ck_assert(!find(ENDPOINT_SSM, "eu-nowhere-1999"));
    ck_assert_int_eq(err.kind, ERR_BUSY);
    ck_assert(find(ENDPOINT_SSM, "eu-nowhere-0"));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("aws_regions");
    TCase *tcase = tcase_create("aws_regions");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_region_of_aws_is_always_to_be_had);
    tcase_add_test(tcase, so_is_keyturns_own);
    tcase_add_test(tcase, invented_ones_have_an_end);
    suite_add_tcase(suite, tcase);
    return suite;
}
