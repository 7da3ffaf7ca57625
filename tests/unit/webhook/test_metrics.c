/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/metrics.h"

#include <pthread.h>

#include "check_main.h"

static void assert_text(struct metrics *metrics, const char *expected)
{
    struct buf text;
    buf_init(&text, 1024 * 1024);
    metrics_write(metrics, &text);
    ck_assert_str_eq(text.data, expected);
    buf_done(&text);
}

static bool shows(struct metrics *metrics, const char *line)
{
    struct buf text;
    buf_init(&text, 1024 * 1024);
    metrics_write(metrics, &text);
    bool found = sv_contains(buf_view(&text), sv_of(line));
    buf_done(&text);
    return found;
}

START_TEST(writes_families_in_order_with_their_series)
{
    static const char *const labels[] = {"kind", "decision", NULL};
    struct metrics *metrics = metrics_new();
    struct metric *decisions =
        metrics_counter(metrics, "keyturn_decisions_total", "Admission decisions.", labels);
    struct metric *leader = metrics_gauge(metrics, "keyturn_leader", "Holds the Lease.", NULL);
    metric_add(decisions, (const char *const[]){"Pod", "allow"}, 2);
    metric_add(decisions, (const char *const[]){"Deployment", "allow"}, 1);
    metric_add(decisions, (const char *const[]){"Pod", "allow"}, 3);
    metric_set(leader, NULL, 1);
    assert_text(metrics, "# HELP keyturn_decisions_total Admission decisions.\n"
                         "# TYPE keyturn_decisions_total counter\n"
                         "keyturn_decisions_total{kind=\"Pod\",decision=\"allow\"} 5\n"
                         "keyturn_decisions_total{kind=\"Deployment\",decision=\"allow\"} 1\n"
                         "# HELP keyturn_leader Holds the Lease.\n"
                         "# TYPE keyturn_leader gauge\n"
                         "keyturn_leader 1\n");
    metrics_free(metrics);
}
END_TEST

START_TEST(family_without_labels_shows_its_zero)
{
    struct metrics *metrics = metrics_new();
    (void)metrics_counter(metrics, "a_total", "A.", NULL);
    assert_text(metrics, "# HELP a_total A.\n# TYPE a_total counter\na_total 0\n");
    metrics_free(metrics);
}
END_TEST

START_TEST(escapes_label_values_and_help)
{
    static const char *const labels[] = {"name", NULL};
    struct metrics *metrics = metrics_new();
    struct metric *metric = metrics_gauge(metrics, "g", "back\\slash\nline \"quoted\"", labels);
    metric_set(metric, (const char *const[]){"a\"b\\c\nd"}, 0.5);
    assert_text(metrics, "# HELP g back\\\\slash\\nline \"quoted\"\n# TYPE g gauge\n"
                         "g{name=\"a\\\"b\\\\c\\nd\"} 0.5\n");
    metrics_free(metrics);
}
END_TEST

START_TEST(label_values_that_join_alike_are_two_series)
{
    static const char *const labels[] = {"a", "b", NULL};
    struct metrics *metrics = metrics_new();
    struct metric *metric = metrics_counter(metrics, "c_total", "C.", labels);
    metric_add(metric, (const char *const[]){"x", "yz"}, 1);
    metric_add(metric, (const char *const[]){"xy", "z"}, 1);
    metric_add(metric, (const char *const[]){"", "xyz"}, 1);
    ck_assert(shows(metrics, "c_total{a=\"x\",b=\"yz\"} 1\n"));
    ck_assert(shows(metrics, "c_total{a=\"xy\",b=\"z\"} 1\n"));
    ck_assert(shows(metrics, "c_total{a=\"\",b=\"xyz\"} 1\n"));
    metrics_free(metrics);
}
END_TEST

START_TEST(histogram_buckets_are_cumulative)
{
    struct metrics *metrics = metrics_new();
    struct metric *metric = metrics_histogram(metrics, "h_seconds", "H.", NULL);
    static const double seconds[] = {0.00005, 0.0001, 0.003, 0.25, 60};
    for (size_t i = 0; i < ARRAY_LEN(seconds); i++) {
        metric_observe(metric, NULL, seconds[i]);
    }
    static const char *const lines[] = {
        "# TYPE h_seconds histogram\n",
        "h_seconds_bucket{le=\"0.0001\"} 2\n",
        "h_seconds_bucket{le=\"0.0025\"} 2\n",
        "h_seconds_bucket{le=\"0.005\"} 3\n",
        "h_seconds_bucket{le=\"0.25\"} 4\n",
        "h_seconds_bucket{le=\"10\"} 4\n",
        "h_seconds_bucket{le=\"+Inf\"} 5\n",
        "h_seconds_sum 60.25315\n",
        "h_seconds_count 5\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        ck_assert_msg(shows(metrics, lines[i]), "%s", lines[i]);
    }
    metrics_free(metrics);
}
END_TEST

/* Names from outside must not fill the memory, and no count may get lost. */
START_TEST(too_many_series_are_counted_as_other)
{
    static const char *const labels[] = {"name", NULL};
    struct metrics *metrics = metrics_new();
    struct metric *metric = metrics_counter(metrics, "c_total", "C.", labels);
    char name[32];
    for (int i = 0; i < METRICS_SERIES + 100; i++) {
        (void)snprintf(name, sizeof name, "name-%d", i);
        metric_add(metric, (const char *const[]){name}, 1);
    }
    ck_assert(shows(metrics, "c_total{name=\"name-0\"} 1\n"));
    ck_assert(shows(metrics, "c_total{name=\"name-510\"} 1\n"));
    ck_assert(!shows(metrics, "name-511"));
    ck_assert(shows(metrics, "c_total{name=\"other\"} 101\n"));
    char longest[4096];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    metric_add(metric, (const char *const[]){longest}, 1);
    ck_assert(shows(metrics, "c_total{name=\"other\"} 102\n"));
    metrics_free(metrics);
}
END_TEST

enum {
    THREADS = 4,
    ROUNDS = 20000,
};

struct shared {
    struct metrics *metrics;
    struct metric *counter;
    struct metric *histogram;
};

static void *count_up(void *context)
{
    struct shared *shared = context;
    for (int i = 0; i < ROUNDS; i++) {
        metric_add(shared->counter, (const char *const[]){i % 2 ? "odd" : "even"}, 1);
        metric_observe(shared->histogram, NULL, 0.5);
        if (i % 1000 == 0) {
            (void)shows(shared->metrics, "odd");
        }
    }
    return NULL;
}

START_TEST(no_count_is_lost_between_threads)
{
    static const char *const labels[] = {"parity", NULL};
    struct metrics *metrics = metrics_new();
    struct shared shared = {
        .metrics = metrics,
        .counter = metrics_counter(metrics, "c_total", "C.", labels),
        .histogram = metrics_histogram(metrics, "h", "H.", NULL),
    };
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_up, &shared), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    ck_assert(shows(metrics, "c_total{parity=\"even\"} 40000\n"));
    ck_assert(shows(metrics, "c_total{parity=\"odd\"} 40000\n"));
    ck_assert(shows(metrics, "h_sum 40000\n"));
    ck_assert(shows(metrics, "h_count 80000\n"));
    metrics_free(metrics);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("metrics");
    TCase *text = tcase_create("text");
    tcase_add_test(text, writes_families_in_order_with_their_series);
    tcase_add_test(text, family_without_labels_shows_its_zero);
    tcase_add_test(text, escapes_label_values_and_help);
    tcase_add_test(text, label_values_that_join_alike_are_two_series);
    tcase_add_test(text, histogram_buckets_are_cumulative);
    suite_add_tcase(s, text);
    TCase *bounds = tcase_create("bounds");
    tcase_add_test(bounds, too_many_series_are_counted_as_other);
    tcase_add_test(bounds, no_count_is_lost_between_threads);
    suite_add_tcase(s, bounds);
    return s;
}
