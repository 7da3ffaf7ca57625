/* SPDX-License-Identifier: Apache-2.0 */
/* Counters, gauges and histograms with labels, and their Prometheus text (exposition format 0.0.4).
 *
 * A family is made once, at start; its series come into being with the first value for their label
 * values. A family has at most METRICS_SERIES of them: what comes after is counted under the label
 * values "other", so that names from outside cannot fill the memory. Adding costs one look-up under
 * the family's mutex and one atomic addition. Any thread. */
#ifndef WEBHOOK_METRICS_H
#define WEBHOOK_METRICS_H

#include <stdint.h>

#include "base/buf.h"

enum {
    METRICS_SERIES = 512,
    METRICS_LABELS = 4,
};

struct metrics;
struct metric;

struct metrics *metrics_new(void);
/* Releases all families. */
void metrics_free(struct metrics *metrics);

/* `name`, `help` and `labels` (ends with NULL; NULL: none) live for ever. A family without labels
 * shows its zero from the start. */
struct metric *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                               const char *const *labels);
struct metric *metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                             const char *const *labels);
/* Seconds, in buckets from 100 µs to 10 s. */
struct metric *metrics_histogram(struct metrics *metrics, const char *name, const char *help,
                                 const char *const *labels);

/* `values`: one per label of the family, in its order; NULL when it has none. */
void metric_add(struct metric *counter, const char *const *values, uint64_t amount);
void metric_set(struct metric *gauge, const char *const *values, double value);
void metric_observe(struct metric *histogram, const char *const *values, double seconds);

/* Appends all families in the order they were made, their series in the order they appeared. */
void metrics_write(struct metrics *metrics, struct buf *out);

#endif
