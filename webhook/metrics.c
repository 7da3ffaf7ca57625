/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/metrics.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/table.h"

enum metric_type {
    METRIC_COUNTER,
    METRIC_GAUGE,
    METRIC_HISTOGRAM,
};

/* An answer from memory takes tens of microseconds, one that waited 250 ms; 10 s is the API
 * server's longest patience. */
static const double bounds[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};

enum {
    BUCKETS = sizeof bounds / sizeof bounds[0],
    KEY_BYTES = 512, /* all label values of a series; longer ones count as "other" */
};

/* Values are read and written without the mutex. A double is kept as its bits. */
struct series {
    char *values[METRICS_LABELS];
    atomic_ullong value; /* counter: the count; gauge: the double; histogram: the sum, a double */
    atomic_ullong count; /* histogram */
    atomic_ullong buckets[]; /* histogram: BUCKETS, each for itself, not cumulative */
};

struct metric {
    enum metric_type type;
    const char *name;
    const char *help;
    const char *const *labels;
    size_t label_count;
    pthread_mutex_t mutex; /* guards the table and the list, not the values */
    struct table table;
    struct series **list;
    size_t count;
};

struct metrics {
    pthread_mutex_t mutex; /* guards the list */
    struct metric **list;
    size_t count;
};

static void mutex_start(pthread_mutex_t *mutex)
{
    if (pthread_mutex_init(mutex, NULL) != 0) {
        abort();
    }
}

struct metrics *metrics_new(void)
{
    struct metrics *metrics = mem_alloc(sizeof *metrics);
    mutex_start(&metrics->mutex);
    return metrics;
}

static void metric_free(struct metric *metric)
{
    for (size_t i = 0; i < metric->count; i++) {
        for (size_t j = 0; j < metric->label_count; j++) {
            free(metric->list[i]->values[j]);
        }
        free(metric->list[i]);
    }
    free(metric->list);
    table_done(&metric->table);
    (void)pthread_mutex_destroy(&metric->mutex);
    free(metric);
}

void metrics_free(struct metrics *metrics)
{
    if (metrics) {
        for (size_t i = 0; i < metrics->count; i++) {
            metric_free(metrics->list[i]);
        }
        free(metrics->list);
        (void)pthread_mutex_destroy(&metrics->mutex);
        free(metrics);
    }
}

/* With the family's mutex. */
static struct series *series_make(struct metric *metric, const char *const *values,
                                  struct str_view key)
{
    size_t buckets = metric->type == METRIC_HISTOGRAM ? BUCKETS : 0;
    struct series *series = mem_alloc(sizeof *series + buckets * sizeof series->buckets[0]);
    for (size_t i = 0; values && i < metric->label_count; i++) {
        series->values[i] = str_dup(values[i]);
    }
    metric->list = mem_resize_array(metric->list, metric->count + 1, sizeof metric->list[0]);
    metric->list[metric->count++] = series;
    table_put(&metric->table, key, series);
    return series;
}

/* The label values with their NULs: no two lists of values have the same key. */
struct key {
    size_t len;
    char bytes[KEY_BYTES];
};

static bool key_make(const struct metric *metric, const char *const *values, struct key *key)
{
    key->len = 0;
    for (size_t i = 0; i < metric->label_count; i++) {
        size_t len = strlen(values[i]) + 1;
        if (len > sizeof key->bytes - key->len) {
            return false;
        }
        memcpy(key->bytes + key->len, values[i], len);
        key->len += len;
    }
    return true;
}

/* With the family's mutex: where everything goes that finds no place of its own. */
static struct series *series_other(struct metric *metric)
{
    static const char *const other[METRICS_LABELS] = {"other", "other", "other", "other"};
    struct key key;
    (void)key_make(metric, other, &key);
    struct str_view view = sv_make(key.bytes, key.len);
    struct series *series = table_get(&metric->table, view);
    return series ? series : series_make(metric, other, view);
}

static struct series *series_find(struct metric *metric, const char *const *values)
{
    if (metric->label_count == 0) {
        return metric->list[0];
    }
    struct key key;
    bool fits = key_make(metric, values, &key);
    struct str_view view = sv_make(key.bytes, key.len);
    (void)pthread_mutex_lock(&metric->mutex);
    struct series *series = fits ? table_get(&metric->table, view) : NULL;
    if (!series && fits && metric->count < METRICS_SERIES - 1) {
        series = series_make(metric, values, view);
    }
    if (!series) {
        series = series_other(metric);
    }
    (void)pthread_mutex_unlock(&metric->mutex);
    return series;
}

static struct metric *metric_make(struct metrics *metrics, enum metric_type type, const char *name,
                                  const char *help, const char *const *labels)
{
    struct metric *metric = mem_alloc(sizeof *metric);
    *metric = (struct metric){.type = type, .name = name, .help = help, .labels = labels};
    while (labels && labels[metric->label_count]) {
        metric->label_count++;
    }
    assert(metric->label_count <= METRICS_LABELS);
    mutex_start(&metric->mutex);
    table_init(&metric->table, NULL);
    if (metric->label_count == 0) {
        (void)series_make(metric, NULL, SV("all"));
    }
    (void)pthread_mutex_lock(&metrics->mutex);
    metrics->list = mem_resize_array(metrics->list, metrics->count + 1, sizeof metrics->list[0]);
    metrics->list[metrics->count++] = metric;
    (void)pthread_mutex_unlock(&metrics->mutex);
    return metric;
}

struct metric *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                               const char *const *labels)
{
    return metric_make(metrics, METRIC_COUNTER, name, help, labels);
}

struct metric *metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                             const char *const *labels)
{
    return metric_make(metrics, METRIC_GAUGE, name, help, labels);
}

struct metric *metrics_histogram(struct metrics *metrics, const char *name, const char *help,
                                 const char *const *labels)
{
    return metric_make(metrics, METRIC_HISTOGRAM, name, help, labels);
}

static unsigned long long bits_of(double value)
{
    unsigned long long bits = 0;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double double_of(unsigned long long bits)
{
    double value = 0;
    memcpy(&value, &bits, sizeof value);
    return value;
}

void metric_add(struct metric *counter, const char *const *values, uint64_t amount)
{
    assert(counter->type == METRIC_COUNTER);
    struct series *series = series_find(counter, values);
    atomic_fetch_add_explicit(&series->value, amount, memory_order_relaxed);
}

void metric_set(struct metric *gauge, const char *const *values, double value)
{
    assert(gauge->type == METRIC_GAUGE);
    struct series *series = series_find(gauge, values);
    atomic_store_explicit(&series->value, bits_of(value), memory_order_relaxed);
}

void metric_observe(struct metric *histogram, const char *const *values, double seconds)
{
    assert(histogram->type == METRIC_HISTOGRAM);
    struct series *series = series_find(histogram, values);
    size_t bucket = 0;
    while (bucket < BUCKETS && seconds > bounds[bucket]) {
        bucket++;
    }
    if (bucket < BUCKETS) {
        atomic_fetch_add_explicit(&series->buckets[bucket], 1, memory_order_relaxed);
    }
    atomic_fetch_add_explicit(&series->count, 1, memory_order_relaxed);
    unsigned long long before = atomic_load_explicit(&series->value, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&series->value, &before,
                                                  bits_of(double_of(before) + seconds),
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}

static void write_escaped(struct buf *out, const char *text, bool quotes)
{
    for (const char *at = text; *at; at++) {
        if (*at == '\\') {
            buf_add_str(out, "\\\\");
        } else if (*at == '\n') {
            buf_add_str(out, "\\n");
        } else if (*at == '"' && quotes) {
            buf_add_str(out, "\\\"");
        } else {
            buf_add_byte(out, *at);
        }
    }
}

/* name_suffix{label="value",...,le="bound"} */
static void write_name(struct buf *out, const struct metric *metric, const struct series *series,
                       const char *suffix, const char *bound)
{
    buf_printf(out, "%s%s", metric->name, suffix);
    if (metric->label_count == 0 && !bound) {
        return;
    }
    char separator = '{';
    for (size_t i = 0; i < metric->label_count; i++) {
        buf_printf(out, "%c%s=\"", separator, metric->labels[i]);
        write_escaped(out, series->values[i], true);
        buf_add_byte(out, '"');
        separator = ',';
    }
    if (bound) {
        buf_printf(out, "%cle=\"%s\"", separator, bound);
    }
    buf_add_byte(out, '}');
}

static unsigned long long read_value(const atomic_ullong *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static void write_histogram(struct buf *out, const struct metric *metric,
                            const struct series *series)
{
    /* Read first: an observation between here and the buckets may then show there only, never in
     * "+Inf" alone with a larger bucket below it. */
    unsigned long long total = read_value(&series->count);
    unsigned long long below = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        char bound[32];
        (void)snprintf(bound, sizeof bound, "%g", bounds[i]);
        below += read_value(&series->buckets[i]);
        write_name(out, metric, series, "_bucket", bound);
        buf_printf(out, " %llu\n", below);
    }
    total = total > below ? total : below;
    write_name(out, metric, series, "_bucket", "+Inf");
    buf_printf(out, " %llu\n", total);
    write_name(out, metric, series, "_sum", NULL);
    buf_printf(out, " %.9g\n", double_of(read_value(&series->value)));
    write_name(out, metric, series, "_count", NULL);
    buf_printf(out, " %llu\n", total);
}

static void write_series(struct buf *out, const struct metric *metric, const struct series *series)
{
    switch (metric->type) {
    case METRIC_COUNTER:
        write_name(out, metric, series, "", NULL);
        buf_printf(out, " %llu\n", read_value(&series->value));
        return;
    case METRIC_GAUGE:
        write_name(out, metric, series, "", NULL);
        buf_printf(out, " %.15g\n", double_of(read_value(&series->value)));
        return;
    case METRIC_HISTOGRAM:
        write_histogram(out, metric, series);
    }
}

static void write_metric(struct buf *out, struct metric *metric)
{
    static const char *const types[] = {
        [METRIC_COUNTER] = "counter",
        [METRIC_GAUGE] = "gauge",
        [METRIC_HISTOGRAM] = "histogram",
    };
    buf_printf(out, "# HELP %s ", metric->name);
    write_escaped(out, metric->help, false);
    buf_printf(out, "\n# TYPE %s %s\n", metric->name, types[metric->type]);
    (void)pthread_mutex_lock(&metric->mutex);
    for (size_t i = 0; i < metric->count; i++) {
        write_series(out, metric, metric->list[i]);
    }
    (void)pthread_mutex_unlock(&metric->mutex);
}

void metrics_write(struct metrics *metrics, struct buf *out)
{
    (void)pthread_mutex_lock(&metrics->mutex);
    for (size_t i = 0; i < metrics->count; i++) {
        write_metric(out, metrics->list[i]);
    }
    (void)pthread_mutex_unlock(&metrics->mutex);
}
