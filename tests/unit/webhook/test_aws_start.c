/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with the environment is said at the start, also where it names no region. */
#include "webhook/aws_services.h"

#include <fcntl.h>
#include <unistd.h>

#include "../aws/fake_environment.h"
#include "check_main.h"

enum {
    VARIABLES = 3,
};

static bool start(const struct variable *variables, struct err *err)
{
    const struct log quiet = {
        .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .level = LOG_ERROR, .clock = clock_system()};
    struct metrics *metrics = metrics_new();
    const struct environment environment = fake_environment(variables);
    struct aws_services *services = NULL;
    bool started = aws_services_new(&(struct aws_services_options){.clock = clock_system(),
                                                                   .log = &quiet,
                                                                   .metrics = metrics,
                                                                   .environment = &environment,
                                                                   .session_name = "keyturn-test"},
                                    &services, err);
    aws_services_free(services);
    metrics_free(metrics);
    (void)close(quiet.fd);
    return started;
}

static const struct {
    struct variable variables[VARIABLES];
    const char *missing;
} HALVES[] = {
    {{{"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"}}, "AWS_SECRET_ACCESS_KEY"},
    {{{"AWS_SESSION_TOKEN", "token"}}, "AWS_ACCESS_KEY_ID"},
    {{{"AWS_ROLE_ARN", "arn:aws:iam::1:role/r"}}, "AWS_WEB_IDENTITY_TOKEN_FILE"},
    {{{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://198.51.100.1/"}},
     "AWS_CONTAINER_CREDENTIALS_FULL_URI"},
};

START_TEST(half_a_set_of_variables_is_an_error_at_the_start)
{
    struct err err = {0};
    ck_assert(!start(HALVES[_i].variables, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_msg(strstr(err.message, HALVES[_i].missing), "%s", err.message);
}
END_TEST

/* The region is the store's then. */
static const struct variable WHOLE[][VARIABLES] = {
    {{NULL, NULL}},
    {{"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"}, {"AWS_SECRET_ACCESS_KEY", "hunter2"}},
    {{"AWS_ROLE_ARN", "arn:aws:iam::1:role/r"}, {"AWS_WEB_IDENTITY_TOKEN_FILE", "/token"}},
};

START_TEST(a_whole_set_or_none_is_not)
{
    struct err err = {0};
    ck_assert_msg(start(WHOLE[_i], &err), "%s", err.message);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("aws_start");
    TCase *tcase = tcase_create("aws_start");
    tcase_add_loop_test(tcase, half_a_set_of_variables_is_an_error_at_the_start, 0,
                        (int)ARRAY_LEN(HALVES));
    tcase_add_loop_test(tcase, a_whole_set_or_none_is_not, 0, (int)ARRAY_LEN(WHOLE));
    suite_add_tcase(suite, tcase);
    return suite;
}
