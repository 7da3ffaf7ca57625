/* SPDX-License-Identifier: Apache-2.0 */
/* The server alone, behind handlers that tests steer.
 *
 *   server_probe --ca FILE [--control SOCKET] [--listen A] [--metrics-listen A] [--NAME NUMBER]...
 *
 * makes its own certificate for localhost and 127.0.0.1, writes the CA to FILE and logs "started"
 * with its ports. It serves
 *
 *   POST /mutate/now         an empty AdmissionReview answer
 *   POST /mutate/wait        the same, suspended until "resume"
 *   POST /mutate/delay       the same, suspended for --delay-ms
 *   GET /healthz, /readyz    200; readyz 503 after "drain"
 *
 * and obeys the lines of whoever connects to the Unix socket, each answered by one JSON line:
 * "resume", "swap" (a new certificate of the same CA), "drain", "counters". SIGTERM: drain, keep
 * serving for --drain-ms, stop; exit status 0 when all that was in flight has been answered. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/encode.h"
#include "base/json.h"
#include "base/limits.h"
#include "webhook/process.h"
#include "webhook/request_rules.h"
#include "webhook/server.h"

enum {
    MAX_WAITING = 4096,
    STOP_WAIT_MS = 10 * 1000,
};

enum route {
    ROUTE_NONE,
    ROUTE_NOW,
    ROUTE_WAIT,
    ROUTE_DELAY,
    ROUTE_HEALTH,
    ROUTE_READY,
};

struct delayed {
    struct server_request *request;
    int64_t due_ms;
};

struct probe {
    const struct clock *clock;
    struct log log;
    struct server *server;
    struct budget budget;
    struct cert_holder *certificates;
    struct buf ca;
    struct secret_buf ca_key;
    int64_t delay_ms;
    int64_t drain_ms;
    atomic_bool draining;
    pthread_mutex_t mutex; /* guards the two lists and stopping */
    pthread_cond_t changed;
    struct server_request *waiting[MAX_WAITING];
    size_t waiting_count;
    struct delayed delayed[MAX_WAITING]; /* in order: all wait equally long */
    size_t delayed_count;
    bool stopping;
};

static void die(const char *what, const struct err *err)
{
    (void)fprintf(stderr, "server_probe: %s: %s\n", what, err->message);
    exit(2);
}

static enum route route_of(struct str_view path)
{
    static const struct {
        const char *path;
        enum route route;
    } routes[] = {
        {"/mutate/now", ROUTE_NOW}, {"/mutate/wait", ROUTE_WAIT}, {"/mutate/delay", ROUTE_DELAY},
        {"/healthz", ROUTE_HEALTH}, {"/readyz", ROUTE_READY},
    };
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (sv_is(path, routes[i].path)) {
            return routes[i].route;
        }
    }
    return ROUTE_NONE;
}

static unsigned probe_check(void *context, struct server_request *request)
{
    (void)context;
    enum route route = route_of(request->path);
    if (route == ROUTE_NONE) {
        return 404;
    }
    bool wants_post = route != ROUTE_HEALTH && route != ROUTE_READY;
    if (!sv_is(request->method, wants_post ? "POST" : "GET")) {
        request->allow = wants_post ? "POST" : "GET";
        return 405;
    }
    return wants_post && !request_is_json(request->content_type) ? 415 : 0;
}

static unsigned status_of(const struct err *err)
{
    switch (err->kind) {
    case ERR_TOO_BIG:
        return 413;
    case ERR_BUSY:
        return 503;
    case ERR_NONE:
    case ERR_INVALID:
    case ERR_DENIED:
    case ERR_MISSING:
    case ERR_CONFLICT:
    case ERR_TIMEOUT:
    case ERR_UNAVAILABLE:
    case ERR_INTERNAL:
        return 400;
    }
    return 400;
}

static void answer_review(struct probe *probe, struct server_request *request)
{
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json_limits limits = {
        .max_nodes = LIMIT_REVIEW_NODES,
        .max_depth = LIMIT_JSON_DEPTH,
        .budget = &probe->budget,
    };
    const struct json *review = NULL;
    struct err err = {0};
    CLEANUP(buf_done) struct buf out;
    buf_init(&out, LIMIT_RESPONSE_BYTES);
    if (!json_parse(&doc, request->body.data ? request->body.data : (char[]){0}, request->body.len,
                    &limits, &review, &err)) {
        buf_add_str(&out, err.message);
        server_answer(request, status_of(&err), "text/plain", buf_view(&out));
        return;
    }
    buf_add_str(&out, "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\","
                      "\"response\":{\"uid\":");
    encode_json_string(&out, json_string(json_path(review, "request", "uid", NULL)));
    buf_printf(&out, ",\"allowed\":true,\"auditAnnotations\":{\"timeout_ms\":\"%" PRId64 "\"}}}",
               request->timeout_ms);
    server_answer(request, 200, "application/json", buf_view(&out));
}

static void suspend(struct probe *probe, struct server_request *request, enum route route)
{
    server_suspend(request);
    (void)pthread_mutex_lock(&probe->mutex);
    if (route == ROUTE_WAIT && probe->waiting_count < MAX_WAITING && !probe->stopping) {
        probe->waiting[probe->waiting_count++] = request;
    } else if (route == ROUTE_DELAY && probe->delayed_count < MAX_WAITING && !probe->stopping) {
        probe->delayed[probe->delayed_count++] = (struct delayed){
            .request = request,
            .due_ms = clock_monotonic_ms(probe->clock) + probe->delay_ms,
        };
        (void)pthread_cond_signal(&probe->changed);
    } else {
        server_resume(request);
    }
    (void)pthread_mutex_unlock(&probe->mutex);
}

static void probe_handle(void *context, struct server_request *request)
{
    struct probe *probe = context;
    enum route route = route_of(request->path);
    if (route == ROUTE_HEALTH || route == ROUTE_READY) {
        bool ready = route == ROUTE_HEALTH || !atomic_load(&probe->draining);
        server_answer(request, ready ? 200 : 503, "text/plain", ready ? SV("ok\n") : SV("drain\n"));
        return;
    }
    if (route != ROUTE_NOW && !request->resumed) {
        suspend(probe, request, route);
        return;
    }
    answer_review(probe, request);
}

static void probe_done(void *context, struct server_request *request)
{
    (void)context;
    (void)request;
}

static void probe_metrics(void *context, struct buf *out)
{
    struct probe *probe = context;
    struct server_counters counters;
    server_counters(probe->server, &counters);
    buf_printf(out, "# TYPE keyturn_connections gauge\nkeyturn_connections %u\n",
               counters.connections);
}

/* Resumes outside the mutex whoever is due; `all` on stopping. */
static void resume_due(struct probe *probe, bool all)
{
    while (true) {
        struct server_request *request = NULL;
        (void)pthread_mutex_lock(&probe->mutex);
        if (probe->delayed_count > 0 &&
            (all || probe->delayed[0].due_ms <= clock_monotonic_ms(probe->clock))) {
            request = probe->delayed[0].request;
            probe->delayed_count--;
            memmove(&probe->delayed[0], &probe->delayed[1],
                    probe->delayed_count * sizeof probe->delayed[0]);
        }
        (void)pthread_mutex_unlock(&probe->mutex);
        if (!request) {
            return;
        }
        server_resume(request);
    }
}

static struct timespec timespec_of(int64_t ms)
{
    return (struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
}

static void *delay_thread(void *context)
{
    struct probe *probe = context;
    bool stopping = false;
    while (!stopping) {
        (void)pthread_mutex_lock(&probe->mutex);
        if (probe->delayed_count == 0 && !probe->stopping) {
            (void)pthread_cond_wait(&probe->changed, &probe->mutex);
        } else if (probe->delayed_count > 0 && !probe->stopping) {
            struct timespec until = timespec_of(probe->delayed[0].due_ms);
            (void)pthread_cond_timedwait(&probe->changed, &probe->mutex, &until);
        }
        stopping = probe->stopping;
        (void)pthread_mutex_unlock(&probe->mutex);
        resume_due(probe, stopping);
    }
    return NULL;
}

static size_t resume_waiting(struct probe *probe)
{
    struct server_request *due[MAX_WAITING];
    (void)pthread_mutex_lock(&probe->mutex);
    size_t count = probe->waiting_count;
    memcpy(due, probe->waiting, count * sizeof due[0]);
    probe->waiting_count = 0;
    (void)pthread_mutex_unlock(&probe->mutex);
    for (size_t i = 0; i < count; i++) {
        server_resume(due[i]);
    }
    return count;
}

static void swap_certificate(struct probe *probe)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "::1"};
    CLEANUP(buf_done) struct buf cert;
    buf_init(&cert, LIMIT_PEM_BYTES);
    CLEANUP(secret_buf_done) struct secret_buf key;
    secret_buf_init(&key, LIMIT_PEM_BYTES);
    struct serving_cert *made = NULL;
    struct err err = {0};
    if (!serving_cert_make(buf_view(&probe->ca), secret_buf_view(&probe->ca_key), names,
                           ARRAY_LEN(names), clock_wall_ms(probe->clock), &cert, &key, &err) ||
        !serving_cert_parse(buf_view(&cert), secret_buf_view(&key), &made, &err)) {
        die("certificate", &err);
    }
    cert_holder_set(probe->certificates, made);
    serving_cert_release(made);
}

static void make_certificates(struct probe *probe, const char *ca_file)
{
    struct err err = {0};
    buf_init(&probe->ca, LIMIT_PEM_BYTES);
    secret_buf_init(&probe->ca_key, LIMIT_PEM_BYTES);
    probe->certificates = cert_holder_new();
    if (!cert_authority_make(clock_wall_ms(probe->clock), &probe->ca, &probe->ca_key, &err)) {
        die("CA", &err);
    }
    FILE *file = fopen(ca_file, "w");
    if (!file || fwrite(probe->ca.data, 1, probe->ca.len, file) != probe->ca.len ||
        fclose(file) != 0) {
        (void)err_set(&err, ERR_INTERNAL, "%s", strerror(errno));
        die(ca_file, &err);
    }
    swap_certificate(probe);
}

static void write_counters(struct probe *probe, struct buf *out)
{
    struct server_counters c;
    server_counters(probe->server, &c);
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"connections", c.connections},
        {"suspended", c.suspended},
        {"in_flight", c.in_flight},
        {"accepted", c.accepted},
        {"requests", c.requests},
        {"refused_framing", c.refused_framing},
        {"refused_too_big", c.refused_too_big},
        {"refused_budget", c.refused_budget},
        {"refused_check", c.refused_check},
        {"cut_handshake", c.cut_handshake},
        {"cut_header", c.cut_header},
        {"cut_body", c.cut_body},
        {"cut_answer", c.cut_answer},
        {"cut_idle", c.cut_idle},
        {"shed", c.shed},
        {"failed_handshakes", c.failed_handshakes},
        {"budget_used", budget_used(&probe->budget)},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_printf(out, "%c\"%s\":%" PRIu64, i ? ',' : '{', rows[i].name, rows[i].value);
    }
    buf_add_byte(out, '}');
}

static void drain(struct probe *probe)
{
    atomic_store(&probe->draining, true);
    server_drain(probe->server);
}

static void obey(struct probe *probe, struct str_view command, struct buf *out)
{
    if (sv_is(command, "counters")) {
        write_counters(probe, out);
    } else if (sv_is(command, "resume")) {
        buf_printf(out, "{\"resumed\":%zu}", resume_waiting(probe));
    } else if (sv_is(command, "swap")) {
        swap_certificate(probe);
        buf_add_str(out, "{\"swapped\":true}");
    } else if (sv_is(command, "drain")) {
        drain(probe);
        buf_add_str(out, "{\"draining\":true}");
    } else {
        buf_add_str(out, "{\"error\":\"unknown command\"}");
    }
    buf_add_byte(out, '\n');
}

/* One line from the connection; false when it has ended. */
static bool serve_control(struct probe *probe, int connection)
{
    char line[64];
    size_t used = 0;
    while (used < sizeof line && read(connection, line + used, 1) == 1) {
        if (line[used++] == '\n') {
            CLEANUP(buf_done) struct buf out;
            buf_init(&out, 4096);
            obey(probe, sv_trim(sv_make(line, used)), &out);
            return write(connection, out.data, out.len) == (ssize_t)out.len;
        }
    }
    return false;
}

static int control_listen(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct err err = {0};
    if (strlen(path) >= sizeof address.sun_path) {
        (void)err_set(&err, ERR_INVALID, "the path is too long for a Unix socket");
        die(path, &err);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, 1) != 0) {
        (void)err_set(&err, ERR_INTERNAL, "%s", strerror(errno));
        die(path, &err);
    }
    return fd;
}

/* Until a signal. One control connection at a time. */
static void serve(struct probe *probe, int control, int signals)
{
    int connection = -1;
    while (true) {
        struct pollfd sources[] = {
            {.fd = signals, .events = POLLIN},
            {.fd = connection >= 0 ? connection : control, .events = POLLIN},
        };
        if (poll(sources, ARRAY_LEN(sources), -1) < 0) {
            continue;
        }
        if (process_signal_wait(signals, 0) != 0) {
            break;
        }
        if (!sources[1].revents) {
            continue;
        }
        if (connection < 0) {
            connection = accept4(control, NULL, NULL, SOCK_CLOEXEC);
        } else if (!serve_control(probe, connection)) {
            (void)close(connection);
            connection = -1;
        }
    }
    if (connection >= 0) {
        (void)close(connection);
    }
}

struct argument {
    const char *name;
    int64_t *number;
    const char **text;
};

static void parse(int argc, char **argv, const struct argument *arguments, size_t count)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        bool known = false;
        for (size_t j = 0; j < count && !known; j++) {
            known = strcmp(argv[i], arguments[j].name) == 0;
            if (known && arguments[j].text) {
                *arguments[j].text = argv[i + 1];
            } else if (known) {
                known = sv_to_i64(sv_of(argv[i + 1]), arguments[j].number);
            }
        }
        if (!known) {
            (void)fprintf(stderr, "server_probe: %s %s is not understood\n", argv[i], argv[i + 1]);
            exit(2);
        }
    }
}

static int stop(struct probe *probe, pthread_t delayer, int signals)
{
    drain(probe);
    (void)process_signal_wait(signals, (int)probe->drain_ms);
    (void)pthread_mutex_lock(&probe->mutex);
    probe->stopping = true;
    (void)pthread_cond_broadcast(&probe->changed);
    (void)pthread_mutex_unlock(&probe->mutex);
    (void)resume_waiting(probe);
    (void)pthread_join(delayer, NULL);
    bool stopped = server_stop(probe->server, clock_monotonic_ms(probe->clock) + STOP_WAIT_MS);
    cert_holder_free(probe->certificates);
    buf_done(&probe->ca);
    secret_buf_done(&probe->ca_key);
    struct log_line line = log_begin(&probe->log, LOG_INFO, "stopped");
    log_bool(&line, "clean", stopped);
    log_int(&line, "budget_used", (int64_t)budget_used(&probe->budget));
    log_end(&line);
    return stopped ? 0 : 3;
}

struct settings {
    const char *ca_file;
    const char *control;
    const char *listen;
    const char *metrics_listen;
    int64_t io_threads;
    int64_t connections;
    int64_t budget;
    struct server_options options;
};

static void parse_settings(int argc, char **argv, struct probe *probe, struct settings *settings)
{
    struct server_options *options = &settings->options;
    const struct argument arguments[] = {
        {"--ca", NULL, &settings->ca_file},
        {"--control", NULL, &settings->control},
        {"--listen", NULL, &settings->listen},
        {"--metrics-listen", NULL, &settings->metrics_listen},
        {"--io-threads", &settings->io_threads, NULL},
        {"--connection-limit", &settings->connections, NULL},
        {"--budget", &settings->budget, NULL},
        {"--handshake-ms", &options->handshake_ms, NULL},
        {"--header-ms", &options->header_ms, NULL},
        {"--body-ms", &options->body_ms, NULL},
        {"--answer-ms", &options->answer_ms, NULL},
        {"--idle-ms", &options->idle_ms, NULL},
        {"--delay-ms", &probe->delay_ms, NULL},
        {"--drain-ms", &probe->drain_ms, NULL},
    };
    parse(argc, argv, arguments, ARRAY_LEN(arguments));
    if (!settings->ca_file) {
        const struct err err = {.message = "--ca FILE is needed"};
        die("arguments", &err);
    }
}

static void probe_init(struct probe *probe, const struct settings *settings)
{
    probe->clock = clock_system();
    probe->log = (struct log){.fd = STDERR_FILENO, .level = LOG_INFO, .clock = probe->clock};
    budget_init(&probe->budget, (size_t)settings->budget);
    pthread_condattr_t monotonic;
    if (pthread_mutex_init(&probe->mutex, NULL) != 0 || pthread_condattr_init(&monotonic) != 0 ||
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) != 0 ||
        pthread_cond_init(&probe->changed, &monotonic) != 0) {
        abort();
    }
    make_certificates(probe, settings->ca_file);
}

static void start(struct probe *probe, const struct settings *settings)
{
    struct server_options options = settings->options;
    options.listen = sv_of(settings->listen);
    options.metrics_listen = sv_of(settings->metrics_listen);
    options.io_threads = (unsigned)settings->io_threads;
    options.connection_limit = (unsigned)settings->connections;
    options.budget = &probe->budget;
    options.certificates = probe->certificates;
    options.clock = probe->clock;
    options.log = &probe->log;
    options.check = probe_check;
    options.handle = probe_handle;
    options.done = probe_done;
    options.metrics = probe_metrics;
    options.context = probe;
    struct err err = {0};
    if (!server_start(&options, &probe->server, &err)) {
        die("start", &err);
    }
    struct log_line line = log_begin(&probe->log, LOG_INFO, "started");
    log_int(&line, "port", server_port(probe->server));
    log_int(&line, "metrics_port", server_metrics_port(probe->server));
    log_int(&line, "default_idle_ms", SERVER_IDLE_MS);
    log_end(&line);
}

int main(int argc, char **argv)
{
    static struct probe probe;
    struct settings settings = {
        .listen = "127.0.0.1:0",
        .metrics_listen = "",
        .budget = LIMIT_IN_FLIGHT_BYTES,
    };
    struct err err = {0};
    int signals = -1;
    pthread_t delayer;
    parse_settings(argc, argv, &probe, &settings);
    if (!process_harden(&err) || !process_signals(&signals, &err)) {
        die("process", &err);
    }
    probe_init(&probe, &settings);
    int control = settings.control ? control_listen(settings.control) : -1;
    start(&probe, &settings);
    if (pthread_create(&delayer, NULL, delay_thread, &probe) != 0) {
        abort();
    }
    serve(&probe, control, signals);
    int status = stop(&probe, delayer, signals);
    if (control >= 0) {
        (void)close(control);
        (void)unlink(settings.control);
    }
    (void)close(signals);
    return status;
}
