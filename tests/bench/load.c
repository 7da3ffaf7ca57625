/* SPDX-License-Identifier: Apache-2.0 */
/* A load generator as the API server is one: HTTP/1.1 over TLS, connections kept, each with one
 * request at a time; every answer's status is looked at.
 *
 *   load --port-file FILE --ca FILE --path PATH [--body FILE] [--connections N] [--ms MS]
 *        [--warm-ms MS] [--per-connection N] [--every-ms MS]
 *
 * Two threads share the connections. Where to connect to is read from the port file at each dial,
 * so that a caller can move it to another replica as a Service would. Without a body it is a GET.
 * A connection is given up after --per-connection requests (0: never) and when the answer says
 * "Connection: close". --every-ms: a connection begins no request earlier than that after its last
 * one. Ends --ms after --warm-ms, or at SIGTERM, with one JSON line: requests, failed, dials, the
 * first failure's reason, and of the --ms alone per_second, p50_us and p99_us (dialling included
 * where the request is the first of its connection). */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "die.h"
#include "flags.h"
#include "peer.h"

enum {
    MAX_CONNECTIONS = 1024,
    MAX_BODY = 8 * 1024 * 1024,
    /* Latencies in buckets of a microsecond; what is slower counts as this. */
    SLOWEST_US = 1000000,
    LOOK_MS = 10,
    THREADS = 2,
};

struct load {
    const char *port_file;
    const char *ca_file;
    const char *path;
    const char *body_file;
    int64_t connections;
    int64_t ms;
    int64_t warm_ms;
    int64_t per_connection;
    int64_t every_ms;
    struct buf request;
    gnutls_certificate_credentials_t credentials;
    atomic_bool stop;
    atomic_ullong requests;
    atomic_ullong failed;
    atomic_ullong dials;
    atomic_uint *latencies; /* SLOWEST_US + 1 */
    pthread_mutex_t mutex;  /* guards reason */
    char reason[ERR_MESSAGE_BYTES];
};

static struct load load;

static void count_failure(const struct err *err)
{
    atomic_fetch_add(&load.failed, 1);
    (void)pthread_mutex_lock(&load.mutex);
    if (!load.reason[0]) {
        (void)snprintf(load.reason, sizeof load.reason, "%s", err->message);
    }
    (void)pthread_mutex_unlock(&load.mutex);
}

static bool read_port(uint16_t *ret, struct err *err)
{
    CLEANUP(buf_done) struct buf text;
    uint64_t port = 0;
    buf_init(&text, 32);
    if (!file_read(load.port_file, &text, err)) {
        return false;
    }
    if (!sv_to_u64(sv_trim(buf_view(&text)), &port) || port > UINT16_MAX) {
        return err_set(err, ERR_INVALID, "no port in the port file");
    }
    *ret = (uint16_t)port;
    return true;
}

/* One connection, of itself or of its successors. */
struct call {
    struct peer peer;
    int64_t requests; /* on this connection */
    int64_t started_us;
    bool under_way;
};

static bool try_begin(struct call *call, struct err *err)
{
    uint16_t port = 0;
    if (!call->peer.session) {
        call->requests = 0;
        if (!read_port(&port, err) || !peer_dial(&call->peer, port, load.credentials, err)) {
            return false;
        }
        atomic_fetch_add(&load.dials, 1);
    }
    return peer_send(&call->peer, buf_view(&load.request), err);
}

static void give_up(struct call *call, const struct err *err)
{
    count_failure(err);
    call->under_way = false;
    if (call->peer.session) {
        peer_hang_up(&call->peer);
    }
}

static void begin(struct call *call)
{
    struct err err = {0};
    call->started_us = clock_measure_us();
    call->under_way = true;
    if (!try_begin(call, &err)) {
        give_up(call, &err);
    }
}

static void end(struct call *call)
{
    int64_t us = clock_measure_us() - call->started_us;
    atomic_fetch_add_explicit(&load.latencies[us < SLOWEST_US ? us : SLOWEST_US], 1,
                              memory_order_relaxed);
    atomic_fetch_add(&load.requests, 1);
    call->requests++;
    call->under_way = false;
    bool used_up = load.per_connection > 0 && call->requests >= load.per_connection;
    if (used_up || call->peer.closes) {
        peer_hang_up(&call->peer);
    }
}

static bool may_begin(const struct call *call)
{
    return !call->under_way && !atomic_load(&load.stop) &&
           clock_measure_us() >= call->started_us + load.every_ms * 1000;
}

/* There is something to read. */
static void go_on(struct call *call)
{
    struct err err = {0};
    if (!peer_receive(&call->peer, &err)) {
        give_up(call, &err);
        return;
    }
    if (!peer_is_answered(&call->peer)) {
        return;
    }
    end(call);
    if (call->peer.session && may_begin(call)) {
        begin(call);
    }
}

static void look_at_time(struct call *call)
{
    struct err err = {0};
    if (clock_measure_us() - call->started_us > (int64_t)PEER_PATIENCE_S * 1000000) {
        err_set(&err, ERR_TIMEOUT, "receive: no answer in time");
        give_up(call, &err);
    }
}

static void look(struct call *call, const struct pollfd *source)
{
    if (call->under_way && source->revents) {
        go_on(call);
    } else if (call->under_way) {
        look_at_time(call);
    }
}

/* Each thread has a few connections, as an epoll loop has: woken for each answer alone, a thread
 * for each connection would have the server pay for the waking. */
static void *caller(void *context)
{
    size_t count = (size_t)(uintptr_t)context;
    struct call *calls = mem_alloc_array(count, sizeof *calls);
    struct pollfd *sources = mem_alloc_array(count, sizeof *sources);
    bool busy = true;
    while (busy) {
        busy = !atomic_load(&load.stop);
        for (size_t i = 0; i < count; i++) {
            if (may_begin(&calls[i])) {
                begin(&calls[i]);
            }
            sources[i] =
                (struct pollfd){.fd = calls[i].under_way ? calls[i].peer.fd : -1, .events = POLLIN};
            busy = busy || calls[i].under_way;
        }
        (void)poll(sources, count, LOOK_MS);
        for (size_t i = 0; i < count; i++) {
            look(&calls[i], &sources[i]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (calls[i].peer.session) {
            peer_hang_up(&calls[i].peer);
        }
    }
    free(calls);
    free(sources);
    return NULL;
}

static void parse(char *const *words)
{
    const struct flag flags[] = {
        {.name = "--port-file", .text = &load.port_file},
        {.name = "--ca", .text = &load.ca_file},
        {.name = "--path", .text = &load.path},
        {.name = "--body", .text = &load.body_file},
        {.name = "--connections", .number = &load.connections},
        {.name = "--ms", .number = &load.ms},
        {.name = "--warm-ms", .number = &load.warm_ms},
        {.name = "--per-connection", .number = &load.per_connection},
        {.name = "--every-ms", .number = &load.every_ms},
    };
    load.connections = 8;
    load.ms = 2000;
    flags_read(words, flags, ARRAY_LEN(flags));
    if (!load.port_file || !load.ca_file || !load.path || load.connections < 1 ||
        load.connections > MAX_CONNECTIONS) {
        die("usage", "--port-file, --ca and --path are needed");
    }
}

static void compose_request(void)
{
    CLEANUP(buf_done) struct buf body;
    struct err err;
    buf_init(&body, MAX_BODY);
    if (load.body_file && !file_read(load.body_file, &body, &err)) {
        die(load.body_file, err.message);
    }
    buf_init(&load.request, body.len + 4096);
    if (!load.body_file) {
        buf_printf(&load.request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", load.path);
        return;
    }
    buf_printf(&load.request,
               "POST %s?timeout=10s HTTP/1.1\r\nHost: localhost\r\n"
               "User-Agent: kube-apiserver-admission\r\nContent-Length: %zu\r\n"
               "Accept: application/json, */*\r\nContent-Type: application/json\r\n"
               "Accept-Encoding: gzip\r\n\r\n",
               load.path, body.len);
    buf_add(&load.request, buf_view(&body));
}

static void prepare(void)
{
    compose_request();
    if (gnutls_certificate_allocate_credentials(&load.credentials) < 0 ||
        gnutls_certificate_set_x509_trust_file(load.credentials, load.ca_file,
                                               GNUTLS_X509_FMT_PEM) < 1) {
        die(load.ca_file, "no certificate authority");
    }
    load.latencies = mem_alloc_array(SLOWEST_US + 1, sizeof load.latencies[0]);
    (void)pthread_mutex_init(&load.mutex, NULL);
}

static void forget_latencies(void)
{
    for (int us = 0; us <= SLOWEST_US; us++) {
        atomic_store_explicit(&load.latencies[us], 0, memory_order_relaxed);
    }
}

static int percentile(unsigned per_cent)
{
    unsigned long long total = 0;
    unsigned long long below = 0;
    for (int us = 0; us <= SLOWEST_US; us++) {
        total += load.latencies[us];
    }
    for (int us = 0; us <= SLOWEST_US; us++) {
        below += load.latencies[us];
        if (below * 100 >= total * per_cent) {
            return us;
        }
    }
    return SLOWEST_US;
}

static void report(double per_second)
{
    CLEANUP(buf_done) struct buf reason;
    buf_init(&reason, 4096);
    encode_json_string(&reason, sv_of(load.reason));
    (void)printf("{\"requests\":%llu,\"failed\":%llu,\"dials\":%llu,\"per_second\":%.2f,"
                 "\"p50_us\":%d,\"p99_us\":%d,\"reason\":%s}\n",
                 load.requests, load.failed, load.dials, per_second, percentile(50), percentile(99),
                 reason.data);
}

/* False: a signal came first. */
static bool stay(const sigset_t *ends, int64_t ms)
{
    const struct timespec patience = {.tv_sec = (time_t)(ms / 1000),
                                      .tv_nsec = (long)(ms % 1000) * 1000000};
    return sigtimedwait(ends, NULL, &patience) < 0;
}

/* Answers a second, without the warming up. */
static double measure(const sigset_t *ends)
{
    bool goes_on = load.warm_ms == 0 || stay(ends, load.warm_ms);
    if (load.warm_ms > 0) {
        forget_latencies();
    }
    int64_t begun_us = clock_measure_us();
    unsigned long long begun = load.requests;
    (void)(goes_on && stay(ends, load.ms));
    return (double)(load.requests - begun) * 1e6 / (double)(clock_measure_us() - begun_us);
}

int main(int argc, char **argv)
{
    sigset_t ends;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &ends, NULL);
    (void)argc;
    parse(argv + 1);
    prepare();
    pthread_t threads[THREADS];
    for (int64_t i = 0; i < THREADS; i++) {
        int64_t share = (load.connections + i) / THREADS;
        if (pthread_create(&threads[i], NULL, caller, (void *)(uintptr_t)share) != 0) {
            die("thread", "not started");
        }
    }
    double per_second = measure(&ends);
    atomic_store(&load.stop, true);
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    report(per_second);
    buf_done(&load.request);
    gnutls_certificate_free_credentials(load.credentials);
    free(load.latencies);
    return 0;
}
