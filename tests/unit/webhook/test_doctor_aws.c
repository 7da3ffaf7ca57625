/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/doctor_aws.h"

#include <dirent.h>

#include "../aws/fake_environment.h"
#include "../aws/sts_answer.h"
#include "aws_values.h"
#include "check_main.h"
#include "http/curl_transport.h"
#include "neighbours.h"

/* Stand in for http/curl_transport.c: AWS is that of neighbours.h. */
struct curl_transport *curl_transport_new(const struct clock *clock)
{
    (void)clock;
    return NULL;
}

void curl_transport_free(struct curl_transport *transport)
{
    (void)transport;
}

struct http_transport curl_transport_interface(struct curl_transport *transport)
{
    (void)transport;
    return (struct http_transport){.send = api_send};
}

static struct buf findings;

static const struct variable own[] = {{"AWS_ACCESS_KEY_ID", "AKIDKEYTURN"},
                                      {"AWS_SECRET_ACCESS_KEY", "hunter2"},
                                      {"AWS_REGION", "eu-north-1"},
                                      {NULL, NULL}};

static void setup(void)
{
    api_begin();
    buf_init(&findings, 65536);
    buf_add_str(&findings, "");
}

static void teardown(void)
{
    ck_assert_ptr_null(strstr(findings.data, "hunter2"));
    buf_done(&findings);
    api_end();
}

static void answer(const char *part, unsigned status, const char *body)
{
    pthread_mutex_lock(&api.mutex);
    api_set("POST", part, status, "%s", body);
    pthread_mutex_unlock(&api.mutex);
}

#define CALLER                                                                                     \
    "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"              \
    "<GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/keyturn</Arn>"                   \
    "<Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"

/* Where all is well. */
static void script_aws(void)
{
    answer("Action=GetCallerIdentity", 200, CALLER);
    answer("secretsmanager.GetSecretValue", 400, AWS_REFUSAL("ResourceNotFoundException"));
    answer("AmazonSSM.GetParameter", 400, AWS_REFUSAL("ParameterNotFound"));
}

static bool examine(const struct variable *variables, struct doctor_aws_options options)
{
    struct environment environment = fake_environment(variables);
    options.environment = &environment;
    options.clock = clock_system();
    return doctor_aws_run(&options, &findings);
}

static void assert_says(const char *text)
{
    ck_assert_msg(strstr(findings.data, text), "no \"%s\" in:\n%s", text, findings.data);
}

START_TEST(where_all_is_well_it_says_as_whom_and_what_answers)
{
    script_aws();
    ck_assert_msg(examine(own, (struct doctor_aws_options){0}), "%s", findings.data);
    assert_says("ok    region           eu-north-1\n");
    assert_says("note  source           environment: used: ");
    assert_says("ok    credentials      environment: access key AKIDKEYTURN\n");
    assert_says("ok    identity         arn:aws:iam::111122223333:user/keyturn\n");
    assert_says("ok    Secrets Manager  secretsmanager.eu-north-1.amazonaws.com answers\n");
    assert_says("ok    Parameter Store  ssm.eu-north-1.amazonaws.com answers\n");
    ck_assert_ptr_null(strstr(findings.data, "FAIL"));
    ck_assert_ptr_null(strstr(findings.data, "->"));
    /* It changes nothing, and names nothing that could be there. */
    ck_assert_str_eq(api_find("POST", "secretsmanager.GetSecretValue")->asked,
                     "{\"SecretId\":\"keyturn-doctor-probe\",\"VersionStage\":\"AWSCURRENT\"}");
}
END_TEST

START_TEST(what_is_named_is_read_and_not_shown)
{
    script_aws();
    answer("secretsmanager.GetSecretValue", 200,
           SECRET_ANSWER("db", "v7", "'SecretString':'hunter2'"));
    answer("AmazonSSM.GetParameter", 200, PARAMETER_ANSWER("/db", "3", "hunter2"));
    ck_assert_msg(examine(own, (struct doctor_aws_options){.secret = "db", .parameter = "/db"}),
                  "%s", findings.data);
    assert_says("ok    Secrets Manager  secretsmanager.eu-north-1.amazonaws.com has db, version "
                "v7\n");
    assert_says("ok    Parameter Store  ssm.eu-north-1.amazonaws.com has /db, version 3\n");
}
END_TEST

START_TEST(the_region_that_is_given_wins)
{
    script_aws();
    ck_assert(examine(own, (struct doctor_aws_options){.region = "eu-west-1"}));
    assert_says("ok    region           eu-west-1\n");
    ck_assert_str_eq(api_find("POST", "AmazonSSM.GetParameter")->url,
                     "https://ssm.eu-west-1.amazonaws.com/");
}
END_TEST

START_TEST(credentials_that_expire_say_when)
{
    static const struct variable variables[] = {
        {"AWS_ACCESS_KEY_ID", "AKIDKEYTURN"},
        {"AWS_SECRET_ACCESS_KEY", "hunter2"},
        {"AWS_CREDENTIAL_EXPIRATION", "2099-01-01T00:00:00Z"},
        {"AWS_REGION", "eu-north-1"},
        {NULL, NULL}};
    script_aws();
    ck_assert_msg(examine(variables, (struct doctor_aws_options){0}), "%s", findings.data);
    assert_says("ok    credentials      environment: access key AKIDKEYTURN, valid for ");
}
END_TEST

/* ---- what stops it ---- */

static const struct {
    struct variable variables[4];
    const char *says[2];
} stops[] = {
    {{{NULL, NULL}}, {"FAIL  region           none\n", "-> give --region, or set AWS_REGION\n"}},
    {{{"AWS_REGION", "eu north"}}, {"FAIL  configuration    ", "AWS_REGION"}},
    {{{"AWS_REGION", "eu-north-1"}, {"AWS_ACCESS_KEY_ID", "AKIDKEYTURN"}},
     {"FAIL  configuration    ", "AWS_SECRET_ACCESS_KEY"}},
    {{{"AWS_REGION", "eu-north-1"}},
     {"FAIL  credentials      no AWS credentials", "-> configure one of the sources above\n"}},
    {{{"AWS_REGION", "eu-north-1"},
      {"AWS_ROLE_ARN", "arn:aws:iam::1:role/r"},
      {"AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent/token"}},
     {"FAIL  credentials      web identity: ", "/nonexistent/token"}},
};

START_TEST(without_a_region_or_credentials_nothing_is_asked)
{
    script_aws();
    ck_assert(!examine(stops[_i].variables, (struct doctor_aws_options){0}));
    assert_says(stops[_i].says[0]);
    assert_says(stops[_i].says[1]);
    for (size_t i = 0; i < api.route_count; i++) {
        ck_assert_uint_eq(api.routes[i].count, 0);
    }
}
END_TEST

/* ---- what fails, and what helps ---- */

static const struct {
    const char *part;
    unsigned status;
    const char *body;
    struct doctor_aws_options options;
    bool well;
    const char *says[2];
} refusals[] = {
    {"secretsmanager.GetSecretValue",
     400,
     AWS_REFUSAL("AccessDeniedException"),
     {0},
     true,
     {"note  Secrets Manager  secretsmanager.eu-north-1.amazonaws.com answers; "
      "secretsmanager:GetSecretValue is not allowed on everything\n",
      ""}},
    {"secretsmanager.GetSecretValue",
     400,
     AWS_REFUSAL("AccessDeniedException"),
     {.secret = "db"},
     false,
     {"FAIL  Secrets Manager  ", "-> allow secretsmanager:GetSecretValue in the policies"}},
    {"secretsmanager.GetSecretValue",
     400,
     AWS_REFUSAL("ResourceNotFoundException"),
     {.secret = "db"},
     false,
     {"FAIL  Secrets Manager  ", "-> check name and region"}},
    {"AmazonSSM.GetParameter",
     400,
     AWS_REFUSAL("AccessDeniedException"),
     {.parameter = "db"},
     false,
     {"FAIL  Parameter Store  ", "-> allow ssm:GetParameter in the policies"}},
    {"AmazonSSM.GetParameter",
     0,
     "",
     {0},
     false,
     {"FAIL  Parameter Store  ",
      "-> check that ssm.eu-north-1.amazonaws.com resolves and is reached from this Pod"}},
    {"AmazonSSM.GetParameter",
     400,
     AWS_REFUSAL("UnrecognizedClientException"),
     {0},
     false,
     {"FAIL  Parameter Store  ", "-> these credentials are not accepted"}},
    {"AmazonSSM.GetParameter",
     400,
     AWS_REFUSAL("ValidationException"),
     {.parameter = "db"},
     false,
     {"FAIL  Parameter Store  ", "-> check what was asked for"}},
    {"Action=GetCallerIdentity",
     403,
     STS_ERROR("InvalidClientTokenId"),
     {0},
     false,
     {"FAIL  identity         ", "-> these credentials are not accepted"}},
    {"Action=GetCallerIdentity",
     403,
     STS_ERROR("SignatureDoesNotMatch"),
     {0},
     false,
     {"FAIL  identity         ", "-> check the clock of this node"}},
    {"Action=GetCallerIdentity",
     200,
     "<html/>",
     {0},
     false,
     {"FAIL  identity         the answer is not what STS sends", "-> try again"}},
};

START_TEST(each_failure_has_its_remedy_and_the_rest_goes_on)
{
    script_aws();
    answer(refusals[_i].part, refusals[_i].status, refusals[_i].body);
    ck_assert_int_eq(examine(own, refusals[_i].options), refusals[_i].well);
    assert_says(refusals[_i].says[0]);
    assert_says(refusals[_i].says[1]);
    ck_assert_uint_ge(api_count("POST", "Action=GetCallerIdentity"), 1);
    ck_assert_uint_ge(api_count("POST", "secretsmanager.GetSecretValue"), 1);
    ck_assert_uint_ge(api_count("POST", "AmazonSSM.GetParameter"), 1);
}
END_TEST

static size_t open_files(void)
{
    size_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(directory);
    while (readdir(directory)) {
        count++;
    }
    (void)closedir(directory);
    return count;
}

START_TEST(it_leaves_no_file_open)
{
    script_aws();
    (void)examine(own, (struct doctor_aws_options){0});
    size_t before = open_files();
    (void)examine(own, (struct doctor_aws_options){0});
    (void)examine(stops[1].variables, (struct doctor_aws_options){0});
    ck_assert_uint_eq(open_files(), before);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/doctor_aws");
    TCase *tcase = tcase_create("doctor_aws");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, where_all_is_well_it_says_as_whom_and_what_answers);
    tcase_add_test(tcase, what_is_named_is_read_and_not_shown);
    tcase_add_test(tcase, the_region_that_is_given_wins);
    tcase_add_test(tcase, credentials_that_expire_say_when);
    tcase_add_loop_test(tcase, without_a_region_or_credentials_nothing_is_asked, 0,
                        ARRAY_LEN(stops));
    tcase_add_loop_test(tcase, each_failure_has_its_remedy_and_the_rest_goes_on, 0,
                        ARRAY_LEN(refusals));
    tcase_add_test(tcase, it_leaves_no_file_open);
    suite_add_tcase(suite, tcase);
    return suite;
}
