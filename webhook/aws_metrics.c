/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/aws_metrics.h"

static const double DOLLARS_PER_REQUEST = 0.05 / 10000;

void aws_metrics_init(struct aws_metrics *metrics, struct metrics *families, const struct log *log)
{
    static const char *const outcome[] = {"operation", "outcome", NULL};
    static const char *const code[] = {"operation", "code", NULL};
    static const char *const operation[] = {"operation", NULL};
    static const char *const endpoint[] = {"endpoint", NULL};
    metrics->log = log;
    metrics->calls = metrics_counter(families, "keyturn_aws_calls_total",
                                     "Calls to AWS, by operation and outcome.", outcome);
    metrics->requests =
        metrics_counter(families, "keyturn_aws_requests_total",
                        "Requests sent to AWS, retries included, by operation.", operation);
    metrics->errors = metrics_counter(families, "keyturn_aws_errors_total",
                                      "Calls to AWS that failed, by operation and code.", code);
    metrics->throttled =
        metrics_counter(families, "keyturn_aws_throttled_total",
                        "Requests that AWS answered with throttling, by operation.", operation);
    metrics->seconds = metrics_histogram(families, "keyturn_aws_call_seconds",
                                         "Time of calls to AWS, retries included.", operation);
    metrics->clock_offset =
        metrics_gauge(families, "keyturn_aws_clock_offset_seconds",
                      "How far the clock of an endpoint is ahead of ours.", endpoint);
}

static void log_failure(const struct aws_metrics *metrics, const struct service_report *report)
{
    const struct service_error *error = report->error;
    struct log_line line = log_begin(metrics->log, LOG_WARN, "aws call failed");
    log_str(&line, "operation", sv_of(report->operation));
    log_str(&line, "endpoint", sv_of(report->endpoint->host));
    log_str(&line, "region", sv_of(report->endpoint->region));
    log_str(&line, "class", sv_of(service_error_class_name(error->class)));
    log_int(&line, "status", error->status);
    log_str(&line, "code", sv_of(error->code));
    log_str(&line, "request_id", sv_of(error->request_id));
    log_int(&line, "sent", report->sent);
    log_int(&line, "took_ms", report->took_ms);
    log_end(&line);
}

static void call_ended(void *context, const struct service_report *report)
{
    struct aws_metrics *metrics = context;
    const struct service_error *error = report->error;
    const char *name = service_error_class_name(error->class);
    const char *const by_outcome[] = {report->operation, name};
    const char *const by_code[] = {report->operation, error->code[0] ? error->code : name};
    const char *const by_operation[] = {report->operation};
    metric_add(metrics->calls, by_outcome, 1);
    metric_add(metrics->requests, by_operation, report->sent);
    metric_observe(metrics->seconds, by_operation, (double)report->took_ms / 1000.0);
    if (report->throttled) {
        metric_add(metrics->throttled, by_operation, report->throttled);
    }
    if (strcmp(report->endpoint->signing_name, "secretsmanager") == 0) {
        atomic_fetch_add(&metrics->paid, report->sent);
    }
    if (error->class != SERVICE_OK) {
        metric_add(metrics->errors, by_code, 1);
        log_failure(metrics, report);
    }
}

static void clock_set(void *context, const struct endpoint *endpoint, int64_t offset_ms)
{
    struct aws_metrics *metrics = context;
    const char *const values[] = {endpoint->host};
    metric_set(metrics->clock_offset, values, (double)offset_ms / 1000.0);
    struct log_line line = log_begin(metrics->log, LOG_WARN, "clock differs from AWS");
    log_str(&line, "endpoint", sv_of(endpoint->host));
    log_int(&line, "offset_ms", offset_ms);
    log_end(&line);
}

struct service_observer aws_metrics_observer(struct aws_metrics *metrics)
{
    return (struct service_observer){
        .call_ended = call_ended, .clock_set = clock_set, .context = metrics};
}

double aws_metrics_cost_dollars(const struct aws_metrics *metrics)
{
    return (double)atomic_load(&metrics->paid) * DOLLARS_PER_REQUEST;
}
