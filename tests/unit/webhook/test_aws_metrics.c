/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/aws_metrics.h"

#include <fcntl.h>
#include <unistd.h>

#include "check_main.h"

static struct metrics *families;
static struct aws_metrics metrics;
static struct log log_file;
static char log_path[] = "/tmp/keyturn-test-XXXXXX";
static struct buf text;

static const struct endpoint SECRETS = {.host = "secretsmanager.eu-north-1.amazonaws.com",
                                        .region = "eu-north-1",
                                        .signing_name = "secretsmanager"};
static const struct endpoint PARAMETERS = {
    .host = "ssm.eu-north-1.amazonaws.com", .region = "eu-north-1", .signing_name = "ssm"};

static void setup(void)
{
    families = metrics_new();
    log_file = (struct log){.fd = mkstemp(log_path), .level = LOG_DEBUG, .clock = clock_system()};
    ck_assert_int_ge(log_file.fd, 0);
    (void)unlink(log_path);
    metrics = (struct aws_metrics){0};
    aws_metrics_init(&metrics, families, &log_file);
    buf_init(&text, 65536);
}

static void teardown(void)
{
    buf_done(&text);
    (void)close(log_file.fd);
    metrics_free(families);
}

static void end_call(const struct endpoint *endpoint, const char *operation, unsigned sent,
                     unsigned throttled, const struct service_error *error)
{
    const struct service_observer observer = aws_metrics_observer(&metrics);
    const struct service_report report = {
        .endpoint = endpoint,
        .operation = operation,
        .error = error,
        .sent = sent,
        .throttled = throttled,
        .took_ms = 250,
    };
    observer.call_ended(observer.context, &report);
}

static bool shows(const char *line)
{
    buf_clear(&text);
    metrics_write(families, &text);
    return sv_contains(buf_view(&text), sv_of(line));
}

static const char *logged(void)
{
    static char lines[8192];
    ssize_t len = pread(log_file.fd, lines, sizeof lines - 1, 0);
    ck_assert_int_ge(len, 0);
    lines[len] = '\0';
    return lines;
}

START_TEST(counts_calls_requests_and_seconds)
{
    const struct service_error fine = {.class = SERVICE_OK};
    end_call(&SECRETS, "GetSecretValue", 1, 0, &fine);
    end_call(&SECRETS, "GetSecretValue", 3, 2, &fine);
    ck_assert(shows("keyturn_aws_calls_total{operation=\"GetSecretValue\",outcome=\"OK\"} 2\n"));
    ck_assert(shows("keyturn_aws_requests_total{operation=\"GetSecretValue\"} 4\n"));
    ck_assert(shows("keyturn_aws_throttled_total{operation=\"GetSecretValue\"} 2\n"));
    ck_assert(shows("keyturn_aws_call_seconds_count{operation=\"GetSecretValue\"} 2\n"));
    ck_assert(shows("keyturn_aws_call_seconds_sum{operation=\"GetSecretValue\"} 0.5\n"));
    ck_assert(!shows("keyturn_aws_errors_total{"));
    ck_assert_str_eq(logged(), "");
}
END_TEST

START_TEST(a_failure_is_counted_by_code_and_logged_with_its_request_id)
{
    const struct service_error denied = {.class = SERVICE_DENIED,
                                         .status = 400,
                                         .code = "AccessDeniedException",
                                         .request_id = "c6104cbe"};
    end_call(&SECRETS, "GetSecretValue", 1, 0, &denied);
    ck_assert(
        shows("keyturn_aws_calls_total{operation=\"GetSecretValue\",outcome=\"DENIED\"} 1\n"));
    ck_assert(shows("keyturn_aws_errors_total{operation=\"GetSecretValue\",code="
                    "\"AccessDeniedException\"} 1\n"));
    static const char *const fields[] = {
        "\"msg\":\"aws call failed\"",
        "\"operation\":\"GetSecretValue\"",
        "\"region\":\"eu-north-1\"",
        "\"class\":\"DENIED\"",
        "\"status\":400",
        "\"code\":\"AccessDeniedException\"",
        "\"request_id\":\"c6104cbe\"",
        "\"took_ms\":250",
    };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        ck_assert_msg(strstr(logged(), fields[i]), "%s", logged());
    }
}
END_TEST

START_TEST(what_has_no_code_is_counted_by_its_class)
{
    const struct service_error silent = {.class = SERVICE_TRANSPORT};
    end_call(&PARAMETERS, "GetParameter", 0, 0, &silent);
    ck_assert(shows("keyturn_aws_errors_total{operation=\"GetParameter\",code=\"TRANSPORT\"} 1\n"));
    ck_assert(shows("keyturn_aws_requests_total{operation=\"GetParameter\"} 0\n"));
}
END_TEST

START_TEST(each_request_to_secrets_manager_costs)
{
    const struct service_error fine = {.class = SERVICE_OK};
    const struct service_error failed = {.class = SERVICE_TRANSIENT, .status = 503};
    end_call(&PARAMETERS, "GetParameters", 100, 0, &fine);
    ck_assert_double_eq_tol(aws_metrics_cost_dollars(&metrics), 0, 1e-12);
    end_call(&SECRETS, "BatchGetSecretValue", 2, 0, &fine);
    end_call(&SECRETS, "GetSecretValue", 4, 0, &failed);
    ck_assert_double_eq_tol(aws_metrics_cost_dollars(&metrics), 6 * 0.000005, 1e-12);
}
END_TEST

START_TEST(a_clock_that_differs_is_shown_and_logged)
{
    const struct service_observer observer = aws_metrics_observer(&metrics);
    observer.clock_set(observer.context, &SECRETS, -301500);
    ck_assert(shows("keyturn_aws_clock_offset_seconds{endpoint=\"secretsmanager.eu-north-1."
                    "amazonaws.com\"} -301.5\n"));
    ck_assert_ptr_nonnull(strstr(logged(), "\"offset_ms\":-301500"));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/aws_metrics");
    TCase *tcase = tcase_create("aws_metrics");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, counts_calls_requests_and_seconds);
    tcase_add_test(tcase, a_failure_is_counted_by_code_and_logged_with_its_request_id);
    tcase_add_test(tcase, what_has_no_code_is_counted_by_its_class);
    tcase_add_test(tcase, each_request_to_secrets_manager_costs);
    tcase_add_test(tcase, a_clock_that_differs_is_shown_and_logged);
    suite_add_tcase(suite, tcase);
    return suite;
}
