/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of the AWS client: calls, errors by code, throttles, seconds, clock offsets, and what
 * the calls cost. Any thread. */
#ifndef WEBHOOK_AWS_METRICS_H
#define WEBHOOK_AWS_METRICS_H

#include <stdatomic.h>

#include "aws/service_endpoint.h"
#include "base/log.h"
#include "webhook/metrics.h"

struct aws_metrics {
    const struct log *log;
    struct metric *calls;
    struct metric *errors;
    struct metric *throttled;
    struct metric *seconds;
    struct metric *requests;
    struct metric *clock_offset;
    atomic_ullong paid; /* requests to Secrets Manager */
};

void aws_metrics_init(struct aws_metrics *metrics, struct metrics *families, const struct log *log);
/* Counts every call and logs those that failed: operation, region, code and request id, by which
 * CloudTrail finds them. `metrics` outlives the observer. */
struct service_observer aws_metrics_observer(struct aws_metrics *metrics);
/* What the requests to Secrets Manager cost at list price, $0.05 for 10,000 (aws.md §3.4). */
double aws_metrics_cost_dollars(const struct aws_metrics *metrics);

#endif
