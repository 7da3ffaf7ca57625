/* SPDX-License-Identifier: Apache-2.0 */
/* A load generator as the API server is one: HTTP/1.1 over TLS, connections kept, each with one
 * request at a time; every answer's status is looked at.
 *
 *   load --port-file FILE --ca FILE --path PATH --body FILE
 *        [--connections N] [--ms MS] [--per-connection N]
 *
 * Two threads share the connections. Where to connect to is read from the port file at each dial,
 * so that a caller can move it to another replica as a Service would. A connection is given up
 * after
 * --per-connection requests (0: never) and when the answer says "Connection: close". Ends after
 * --ms or at SIGTERM, with one JSON line: requests, failed, dials, seconds, p50_us, p99_us and the
 * first failure's reason. */
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"

enum {
    MAX_CONNECTIONS = 1024,
    MAX_ANSWER = 256 * 1024,
    /* Latencies in buckets of a microsecond; what is slower counts as this. */
    SLOWEST_US = 1000000,
    PATIENCE_S = 10,
    REDIAL_MS = 10,
    THREADS = 2,
};

struct load {
    const char *port_file;
    const char *ca_file;
    const char *path;
    const char *body_file;
    int64_t connections;
    int64_t ms;
    int64_t per_connection;
    struct buf request;
    gnutls_certificate_credentials_t credentials;
    atomic_bool stop;
    atomic_ullong requests;
    atomic_ullong failed;
    atomic_ullong dials;
    atomic_uint *latencies; /* SLOWEST_US + 1 */
    pthread_mutex_t mutex;  /* guards reason */
    char reason[128];
};

static struct load load;

static void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "load: %s: %s\n", what, why);
    exit(2);
}

static void fail(const char *what, const char *why)
{
    atomic_fetch_add(&load.failed, 1);
    (void)pthread_mutex_lock(&load.mutex);
    if (!load.reason[0]) {
        (void)snprintf(load.reason, sizeof load.reason, "%s: %s", what, why);
    }
    (void)pthread_mutex_unlock(&load.mutex);
}

static int64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool read_port(uint16_t *ret)
{
    CLEANUP(buf_done) struct buf text;
    struct err err;
    uint64_t port = 0;
    buf_init(&text, 32);
    if (!file_read(load.port_file, &text, &err) || !sv_to_u64(sv_trim(buf_view(&text)), &port) ||
        port > UINT16_MAX) {
        return false;
    }
    *ret = (uint16_t)port;
    return true;
}

static int dial_tcp(void)
{
    static const int on = 1;
    static const struct timeval patience = {.tv_sec = PATIENCE_S};
    struct sockaddr_in address = {.sin_family = AF_INET};
    uint16_t port = 0;
    if (!read_port(&port)) {
        fail("port file", "not readable");
        return -1;
    }
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        fail("connect", strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        return -1;
    }
    return fd;
}

/* NULL: counted as failed. */
static gnutls_session_t dial(int *ret_fd)
{
    gnutls_session_t session = NULL;
    int fd = dial_tcp();
    if (fd < 0) {
        return NULL;
    }
    atomic_fetch_add(&load.dials, 1);
    if (gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL) < 0 ||
        gnutls_set_default_priority(session) < 0 ||
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, load.credentials) < 0) {
        die("GnuTLS", "no session");
    }
    gnutls_session_set_verify_cert(session, "localhost", 0);
    gnutls_transport_set_int(session, fd);
    int rc = 0;
    do {
        rc = gnutls_handshake(session);
    } while (rc < 0 && !gnutls_error_is_fatal(rc));
    if (rc < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        fail("handshake", gnutls_strerror(rc));
        gnutls_deinit(session);
        (void)close(fd);
        return NULL;
    }
    *ret_fd = fd;
    return session;
}

/* One connection and the request that is under way on it. */
struct call {
    gnutls_session_t session; /* NULL: to be dialled */
    int fd;
    int64_t requests; /* on this connection */
    int64_t started_us;
    size_t len;
    size_t wanted; /* header and body; 0 until the header is there */
    bool closes;
    char bytes[MAX_ANSWER];
};

/* 11 KB go into the socket's buffer at once; where they do not, waiting costs nobody anything. */
static bool send_request(struct call *call)
{
    size_t sent = 0;
    call->len = 0;
    call->wanted = 0;
    call->closes = false;
    call->started_us = now_us();
    while (sent < load.request.len) {
        ssize_t rc =
            gnutls_record_send(call->session, load.request.data + sent, load.request.len - sent);
        if (rc == GNUTLS_E_AGAIN) {
            struct pollfd room = {.fd = call->fd, .events = POLLOUT};
            (void)poll(&room, 1, PATIENCE_S * 1000);
        } else if (rc < 0 && rc != GNUTLS_E_INTERRUPTED) {
            fail("send", gnutls_strerror((int)rc));
            return false;
        }
        sent += rc > 0 ? (size_t)rc : 0;
    }
    return true;
}

/* The value of a header field; its name in the case that both servers write it in. */
static struct str_view field_of(struct str_view header, struct str_view name)
{
    while (header.len > 0) {
        struct str_view line = sv_first(header, sv_find(header, '\n'));
        if (sv_equal_ignoring_case(sv_first(line, name.len), name)) {
            return sv_trim(sv_from(line, name.len));
        }
        header = sv_from(header, line.len + 1);
    }
    return (struct str_view){0};
}

static bool read_header(struct call *call)
{
    char *end = memmem(call->bytes, call->len, "\r\n\r\n", 4);
    if (!end) {
        return true;
    }
    struct str_view header = sv_make(call->bytes, (size_t)(end - call->bytes) + 2);
    uint64_t length = 0;
    if (!sv_starts_with(header, SV("HTTP/1.1 200 "))) {
        char status[16] = {0};
        memcpy(status, call->bytes, sizeof status - 1);
        fail("answer", status);
        return false;
    }
    if (!sv_to_u64(field_of(header, SV("content-length:")), &length)) {
        fail("answer", "no Content-Length");
        return false;
    }
    call->closes = sv_is(field_of(header, SV("connection:")), "close");
    call->wanted = header.len + 2 + length;
    return true;
}

static bool is_whole(const struct call *call)
{
    return call->wanted > 0 && call->len >= call->wanted;
}

/* What has come; false when the connection is no good. */
static bool read_answer(struct call *call)
{
    while (!is_whole(call)) {
        ssize_t rc = gnutls_record_recv(call->session, call->bytes + call->len,
                                        sizeof call->bytes - call->len);
        if (rc < 0 && !gnutls_error_is_fatal((int)rc)) {
            return true;
        }
        if (rc <= 0) {
            fail("receive", rc == 0 ? "end of stream" : gnutls_strerror((int)rc));
            return false;
        }
        call->len += (size_t)rc;
        if (call->wanted == 0 && !read_header(call)) {
            return false;
        }
    }
    return true;
}

static void hang_up(struct call *call)
{
    gnutls_deinit(call->session);
    (void)close(call->fd);
    call->session = NULL;
}

static void note_answer(struct call *call)
{
    int64_t us = now_us() - call->started_us;
    atomic_fetch_add_explicit(&load.latencies[us < SLOWEST_US ? us : SLOWEST_US], 1,
                              memory_order_relaxed);
    atomic_fetch_add(&load.requests, 1);
    call->requests++;
}

static bool is_used_up(const struct call *call)
{
    return call->closes || (load.per_connection > 0 && call->requests >= load.per_connection);
}

/* There is something to read. */
static void go_on(struct call *call)
{
    if (!read_answer(call)) {
        hang_up(call);
        return;
    }
    if (!is_whole(call)) {
        return;
    }
    note_answer(call);
    if (is_used_up(call) || atomic_load(&load.stop) || !send_request(call)) {
        hang_up(call);
    }
}

static void begin(struct call *call)
{
    call->requests = 0;
    call->session = dial(&call->fd);
    if (call->session && !send_request(call)) {
        hang_up(call);
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
        busy = false;
        for (size_t i = 0; i < count; i++) {
            if (!calls[i].session && !atomic_load(&load.stop)) {
                begin(&calls[i]);
            }
            sources[i] =
                (struct pollfd){.fd = calls[i].session ? calls[i].fd : -1, .events = POLLIN};
            busy = busy || calls[i].session || !atomic_load(&load.stop);
        }
        (void)poll(sources, count, REDIAL_MS);
        for (size_t i = 0; i < count; i++) {
            if (calls[i].session && sources[i].revents) {
                go_on(&calls[i]);
            } else if (calls[i].session &&
                       now_us() - calls[i].started_us > (int64_t)PATIENCE_S * 1000000) {
                fail("receive", "no answer in time");
                hang_up(&calls[i]);
            }
        }
    }
    free(calls);
    free(sources);
    return NULL;
}

static void parse(int argc, char **argv)
{
    const struct {
        const char *name;
        const char **text;
        int64_t *number;
    } options[] = {
        {"--port-file", &load.port_file, NULL},
        {"--ca", &load.ca_file, NULL},
        {"--path", &load.path, NULL},
        {"--body", &load.body_file, NULL},
        {"--connections", NULL, &load.connections},
        {"--ms", NULL, &load.ms},
        {"--per-connection", NULL, &load.per_connection},
    };
    load.connections = 8;
    load.ms = 2000;
    for (int i = 1; i + 1 < argc; i += 2) {
        bool known = false;
        for (size_t j = 0; j < ARRAY_LEN(options) && !known; j++) {
            known = strcmp(argv[i], options[j].name) == 0;
            if (known && options[j].text) {
                *options[j].text = argv[i + 1];
            } else if (known) {
                known = sv_to_i64(sv_of(argv[i + 1]), options[j].number);
            }
        }
        if (!known) {
            die(argv[i], "not understood");
        }
    }
    if (!load.port_file || !load.ca_file || !load.path || !load.body_file || load.connections < 1 ||
        load.connections > MAX_CONNECTIONS) {
        die("usage", "--port-file, --ca, --path and --body are needed");
    }
}

static void prepare(void)
{
    CLEANUP(buf_done) struct buf body;
    struct err err;
    buf_init(&body, 8 * 1024 * 1024);
    if (!file_read(load.body_file, &body, &err)) {
        die(load.body_file, err.message);
    }
    buf_init(&load.request, body.len + 4096);
    buf_printf(&load.request,
               "POST %s?timeout=10s HTTP/1.1\r\nHost: localhost\r\n"
               "User-Agent: kube-apiserver-admission\r\nContent-Length: %zu\r\n"
               "Accept: application/json, */*\r\nContent-Type: application/json\r\n"
               "Accept-Encoding: gzip\r\n\r\n",
               load.path, body.len);
    buf_add(&load.request, buf_view(&body));
    if (gnutls_certificate_allocate_credentials(&load.credentials) < 0 ||
        gnutls_certificate_set_x509_trust_file(load.credentials, load.ca_file,
                                               GNUTLS_X509_FMT_PEM) < 1) {
        die(load.ca_file, "no certificate authority");
    }
    load.latencies = mem_alloc_array(SLOWEST_US + 1, sizeof load.latencies[0]);
    (void)pthread_mutex_init(&load.mutex, NULL);
}

static int percentile(unsigned long long total, unsigned per_cent)
{
    unsigned long long below = 0;
    for (int us = 0; us <= SLOWEST_US; us++) {
        below += load.latencies[us];
        if (below * 100 >= total * per_cent) {
            return us;
        }
    }
    return SLOWEST_US;
}

static void report(int64_t elapsed_us)
{
    unsigned long long requests = load.requests;
    CLEANUP(buf_done) struct buf reason;
    buf_init(&reason, 1024);
    encode_json_string(&reason, sv_of(load.reason));
    (void)printf("{\"requests\":%llu,\"failed\":%llu,\"dials\":%llu,\"seconds\":%.3f,"
                 "\"p50_us\":%d,\"p99_us\":%d,\"reason\":%s}\n",
                 requests, load.failed, load.dials, (double)elapsed_us / 1e6,
                 percentile(requests, 50), percentile(requests, 99), reason.data);
}

int main(int argc, char **argv)
{
    sigset_t ends;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &ends, NULL);
    parse(argc, argv);
    prepare();
    pthread_t threads[THREADS];
    int64_t started_us = now_us();
    for (int64_t i = 0; i < THREADS; i++) {
        int64_t share = (load.connections + i) / THREADS;
        if (pthread_create(&threads[i], NULL, caller, (void *)(uintptr_t)share) != 0) {
            die("thread", "not started");
        }
    }
    struct timespec patience = {.tv_sec = (time_t)(load.ms / 1000),
                                .tv_nsec = (long)(load.ms % 1000) * 1000000};
    (void)sigtimedwait(&ends, NULL, &patience);
    atomic_store(&load.stop, true);
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    report(now_us() - started_us);
    buf_done(&load.request);
    gnutls_certificate_free_credentials(load.credentials);
    free(load.latencies);
    return 0;
}
