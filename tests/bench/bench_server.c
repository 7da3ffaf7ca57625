/* SPDX-License-Identifier: Apache-2.0 */
/* The program's own request path without a cluster, for measurements.
 *
 *   bench_server noop|full --ca FILE --secrets FILE
 *
 * `full` answers reviews as `keyturn serve` does: server, decision, one log line (to /dev/null),
 * metrics; the world holds the Secrets of FILE, a List of core/v1 Secrets. `noop` is the same
 * server with a handler that reads the body and answers a constant. Makes its own certificate,
 * writes the CA to its FILE, logs "started" with its port, and runs until SIGTERM. */
#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/limits.h"
#include "objects/secret.h"
#include "webhook/answer.h"
#include "webhook/process.h"
#include "webhook/server.h"

enum {
    STOP_WAIT_MS = 5000,
};

struct bench {
    const struct clock *clock;
    struct log log;     /* "started" */
    struct log nowhere; /* a line for each decision */
    struct budget budget;
    struct policy policy;
    struct metrics *metrics;
    struct world *world;
    struct answerer *answerer;
    struct cert_holder *certificates;
    struct server *server;
    bool full;
};

static void die(const char *what, const struct err *err)
{
    (void)fprintf(stderr, "bench_server: %s: %s\n", what, err->message);
    exit(2);
}

static void make_certificate(struct bench *bench, const char *ca_file)
{
    static const char *const names[] = {"localhost", "127.0.0.1"};
    struct err err = {0};
    CLEANUP(buf_done) struct buf ca;
    CLEANUP(buf_done) struct buf cert;
    CLEANUP(secret_buf_done) struct secret_buf ca_key;
    CLEANUP(secret_buf_done) struct secret_buf key;
    buf_init(&ca, LIMIT_PEM_BYTES);
    buf_init(&cert, LIMIT_PEM_BYTES);
    secret_buf_init(&ca_key, LIMIT_PEM_BYTES);
    secret_buf_init(&key, LIMIT_PEM_BYTES);
    struct serving_cert *made = NULL;
    int64_t now_ms = clock_wall_ms(bench->clock);
    if (!cert_authority_make(now_ms, &ca, &ca_key, &err) ||
        !serving_cert_make(buf_view(&ca), secret_buf_view(&ca_key), names, ARRAY_LEN(names), now_ms,
                           &cert, &key, &err) ||
        !serving_cert_parse(buf_view(&cert), secret_buf_view(&key), &made, &err)) {
        die("certificate", &err);
    }
    cert_holder_set(bench->certificates, made);
    serving_cert_release(made);
    FILE *file = fopen(ca_file, "w");
    if (!file || fwrite(ca.data, 1, ca.len, file) != ca.len || fclose(file) != 0) {
        (void)err_set(&err, ERR_INTERNAL, "%s", strerror(errno));
        die(ca_file, &err);
    }
}

static void load_world(struct bench *bench, const char *secrets_file)
{
    static const unsigned char installation_key[INSTALLATION_KEY_BYTES] = {1, 2, 3};
    struct fingerprint_keys keys;
    struct err err = {0};
    fingerprint_keys_derive(installation_key, &keys);
    world_set_keys(bench->world, &keys);

    CLEANUP(secret_buf_done) struct secret_buf text;
    secret_buf_init(&text, LIMIT_ELEMENT_BYTES);
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json_limits limits = {.max_nodes = LIMIT_REVIEW_NODES,
                                       .max_depth = LIMIT_JSON_DEPTH};
    const struct json *list = NULL;
    if (!file_read_secret(secrets_file, &text, &err) ||
        !json_parse(&doc, text.bytes.data, text.bytes.len, &limits, &list, &err)) {
        die(secrets_file, &err);
    }
    JSON_FOR_EACH (item, json_member(list, "items")) {
        struct secret *secret = NULL;
        if (!secret_decode(item, &keys.digest, &secret, &err)) {
            die(secrets_file, &err);
        }
        (void)world_put_secret(bench->world, secret);
    }
    fingerprint_keys_wipe(&keys);
    for (int table = 0; table < WORLD_TABLES; table++) {
        world_set_synced(bench->world, (enum world_table)table, true);
    }
}

static unsigned bench_check(void *context, struct server_request *request)
{
    (void)context;
    if (!sv_is(request->path, "/mutate")) {
        return 404;
    }
    return sv_is(request->method, "POST") ? 0 : 405;
}

static void bench_handle(void *context, struct server_request *request)
{
    struct bench *bench = context;
    if (bench->full) {
        answer_review(bench->answerer, request);
        return;
    }
    server_answer(request, 200, "application/json",
                  SV("{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\","
                     "\"response\":{\"uid\":\"\",\"allowed\":true}}"));
}

static void bench_done(void *context, struct server_request *request)
{
    (void)context;
    answer_done(request);
}

static void bench_init(struct bench *bench)
{
    bench->clock = clock_system();
    bench->log = (struct log){.fd = STDERR_FILENO, .level = LOG_INFO, .clock = bench->clock};
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    bench->nowhere = (struct log){.fd = nowhere, .level = LOG_INFO, .clock = bench->clock};
    budget_init(&bench->budget, LIMIT_IN_FLIGHT_BYTES);
    bench->policy = policy_builtin();
    bench->metrics = metrics_new();
    bench->world = world_new();
    bench->certificates = cert_holder_new();
    const struct answerer_options options = {
        .world = bench->world,
        .policy = &bench->policy,
        .budget = &bench->budget,
        .clock = bench->clock,
        .log = &bench->nowhere,
        .metrics = bench->metrics,
    };
    bench->answerer = answerer_new(&options);
    answerer_set_gates_supported(bench->answerer, true);
}

static void bench_free(struct bench *bench)
{
    answerer_free(bench->answerer);
    cert_holder_free(bench->certificates);
    world_free(bench->world);
    metrics_free(bench->metrics);
    (void)close(bench->nowhere.fd);
}

static void bench_start(struct bench *bench)
{
    const struct server_options options = {
        .listen = SV("127.0.0.1:0"),
        .budget = &bench->budget,
        .certificates = bench->certificates,
        .clock = bench->clock,
        .log = &bench->log,
        .check = bench_check,
        .handle = bench_handle,
        .done = bench_done,
        .context = bench,
    };
    struct err err = {0};
    if (!server_start(&options, &bench->server, &err)) {
        die("start", &err);
    }
    struct log_line line = log_begin(&bench->log, LOG_INFO, "started");
    log_int(&line, "port", server_port(bench->server));
    log_end(&line);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct err err = {0};
    int signals = -1;
    if (argc != 6 || strcmp(argv[2], "--ca") != 0 || strcmp(argv[4], "--secrets") != 0) {
        (void)fprintf(stderr, "usage: bench_server noop|full --ca FILE --secrets FILE\n");
        return 2;
    }
    if (!process_harden(&err) || !process_signals(&signals, &err)) {
        die("process", &err);
    }
    bench.full = strcmp(argv[1], "full") == 0;
    bench_init(&bench);
    make_certificate(&bench, argv[3]);
    load_world(&bench, argv[5]);
    bench_start(&bench);
    (void)process_signal_wait(signals, -1);
    bool stopped = server_stop(bench.server, clock_monotonic_ms(bench.clock) + STOP_WAIT_MS);
    bench_free(&bench);
    (void)close(signals);
    return stopped ? 0 : 3;
}
