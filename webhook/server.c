/* SPDX-License-Identifier: Apache-2.0 */
/* Start, drain and stop, and libmicrohttpd's daemons.
 *
 * Poll mode, never epoll: there an unfinished TLS handshake keeps the loop spinning at a whole
 * core. libmicrohttpd never holds a key: its certificate callback fails, and each connection gets
 * the current credentials and a reference to them when it is accepted, dropped after its TLS
 * session is gone. A certificate is so replaced without touching connections that use the old one.
 */
#include "webhook/server_internal.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/limits.h"

enum {
    DEFAULT_IO_THREADS = 2,
    DEFAULT_CONNECTIONS = 2048,
    DEFAULT_WEBHOOK_TIMEOUT_MS = 3000,
    METRICS_CONNECTIONS = 64,
    METRICS_BYTES = 4 * 1024 * 1024,
    METRICS_BODY_BYTES = 4096,
    /* How late a deadline may be noticed; the shortest deadline's quarter where that is less. */
    REAP_EVERY_MS = 500,
    LOG_EVERY_MS = 1000,
    STOP_LOOK_MS = 10,
    /* After their sockets are shut down, connections are gone within a loop turn. */
    CLOSE_WAIT_MS = 1000,
};

static const char TLS_PRIORITIES[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

/* libmicrohttpd reports every failed handshake, so a stranger could fill the log. */
PRINTF_LIKE(2, 0) static void log_library(void *context, const char *format, va_list args)
{
    struct server *server = context;
    int64_t now_ms = clock_monotonic_ms(server->options.clock);
    long long after_ms = atomic_load(&server->log_after_ms);
    if (now_ms < after_ms ||
        !atomic_compare_exchange_strong(&server->log_after_ms, &after_ms, now_ms + LOG_EVERY_MS)) {
        atomic_fetch_add(&server->log_suppressed, 1);
        return;
    }
    char text[256];
    int len = vsnprintf(text, sizeof text, format, args);
    struct log_line line = log_begin(server->options.log, LOG_WARN, "libmicrohttpd");
    if (len > 0) {
        log_str(&line, "text", sv_trim(sv_of(text)));
    }
    log_int(&line, "suppressed", atomic_exchange(&server->log_suppressed, 0));
    log_end(&line);
}

/* Every connection brings its own credentials; one that came before there were any fails here. */
static int no_certificate(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                          gnutls_pcert_st **pcert, unsigned *pcert_length,
                          gnutls_ocsp_data_st **ocsp, unsigned *ocsp_length, gnutls_privkey_t *key,
                          unsigned *flags)
{
    (void)session;
    (void)info;
    (void)pcert;
    (void)pcert_length;
    (void)ocsp;
    (void)ocsp_length;
    (void)key;
    (void)flags;
    return -1;
}

/* The client's Finished is the end of a handshake in TLS 1.2 and 1.3. */
static int handshake_finished(gnutls_session_t session, unsigned type, unsigned when,
                              unsigned incoming, const gnutls_datum_t *message)
{
    (void)type;
    (void)when;
    (void)message;
    if (incoming) {
        /* A request in the same flight is unread by now: it counts as begun. */
        peer_rest(gnutls_session_get_ptr(session), true);
    }
    return 0;
}

static void tls_begin(struct server_port *port, struct MHD_Connection *connection,
                      struct peer *peer)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    gnutls_session_t session = info ? info->tls_session : NULL;
    if (!session) {
        return;
    }
    peer->certificate = cert_holder_get(port->server->options.certificates);
    if (peer->certificate) {
        (void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE,
                                     serving_cert_credentials(peer->certificate));
    }
    /* libmicrohttpd uses this pointer for pre-shared keys only. */
    gnutls_session_set_ptr(session, peer);
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST,
                                       handshake_finished);
}

static void connection_opened(struct server_port *port, struct MHD_Connection *connection,
                              void **slot)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int fd = info ? info->connect_fd : -1;
    struct peer *peer = peers_open(&port->peers, fd, port->tls ? PEER_HANDSHAKE : PEER_IDLE);
    *slot = peer;
    if (!peer) {
        (void)shutdown(fd, SHUT_RDWR);
    } else if (port->tls) {
        tls_begin(port, connection, peer);
    }
}

/* The TLS session is gone already, the descriptor is still open. */
static void connection_closed(void **slot)
{
    struct peer *peer = *slot;
    *slot = NULL;
    if (peer) {
        serving_cert_release(peer->certificate);
        peer->certificate = NULL;
        peer_close(peer);
    }
}

static void connection_notify(void *context, struct MHD_Connection *connection, void **slot,
                              enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        connection_opened(context, connection, slot);
    } else {
        connection_closed(slot);
    }
}

/* Paths are compared as sent: an escaped slash is no slash. */
static size_t leave_escaped(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

/* As MHD_OPTION_ARRAY wants callbacks: with their context behind them. */
#define CALLBACK(function) (intptr_t)(function)
#define TEXT(text) (void *)(uintptr_t)(text)

static bool daemon_start(struct server_port *port, unsigned threads, struct err *err)
{
    unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG;
    const struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_PRIORITIES, 0, TEXT(TLS_PRIORITIES)},
        {MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, (void *)(uintptr_t)no_certificate},
        {MHD_OPTION_END, 0, NULL},
    };
    if (port->tls) {
        flags |= MHD_USE_TLS | MHD_ALLOW_SUSPEND_RESUME;
    }
    const struct MHD_OptionItem common[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, CALLBACK(log_library), port->server},
        {MHD_OPTION_LISTEN_SOCKET, port->listen_fd, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, port->peers.limit, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL_BYTES, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, 0, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_UNESCAPE_CALLBACK, CALLBACK(leave_escaped), NULL},
        {MHD_OPTION_NOTIFY_CONNECTION, CALLBACK(connection_notify), port},
        {MHD_OPTION_NOTIFY_COMPLETED, CALLBACK(exchange_completed), port},
        /* A pool of one is refused with a warning; the array then ends here. */
        {threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, threads, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    port->daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, exchange_access, port, MHD_OPTION_ARRAY, common,
                         MHD_OPTION_ARRAY, port->tls ? tls : plain, MHD_OPTION_END);
    if (!port->daemon) {
        return err_set(err, ERR_INTERNAL, "libmicrohttpd does not start: see its log line");
    }
    return true;
}

static void *reap_until_stopped(void *context)
{
    struct server *server = context;
    (void)pthread_mutex_lock(&server->reaper_mutex);
    while (!server->stopping) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        int64_t ns = until.tv_nsec + server->reap_every_ms * 1000000;
        until.tv_sec += (time_t)(ns / 1000000000);
        until.tv_nsec = (long)(ns % 1000000000);
        (void)pthread_cond_timedwait(&server->reaper_wake, &server->reaper_mutex, &until);
        (void)pthread_mutex_unlock(&server->reaper_mutex);
        peers_reap(&server->admission.peers);
        peers_reap(&server->metrics.peers);
        (void)pthread_mutex_lock(&server->reaper_mutex);
    }
    (void)pthread_mutex_unlock(&server->reaper_mutex);
    return NULL;
}

/* Threads inherit the mask: signals are for whoever waits for them. */
static bool threads_start(struct server *server, struct err *err)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    bool started = pthread_create(&server->reaper, NULL, reap_until_stopped, server) == 0;
    server->reaper_started = started;
    if (!started) {
        (void)err_set(err, ERR_INTERNAL, "no thread for connection deadlines");
    }
    started = started && daemon_start(&server->admission, server->options.io_threads, err) &&
              (server->metrics.listen_fd < 0 || daemon_start(&server->metrics, 1, err));
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static unsigned metrics_check(void *context, struct server_request *request)
{
    (void)context;
    if (!sv_is(request->path, "/metrics")) {
        return 404;
    }
    request->allow = "GET";
    return sv_is(request->method, "GET") ? 0 : 405;
}

static void metrics_handle(void *context, struct server_request *request)
{
    const struct server *server = context;
    CLEANUP(buf_done) struct buf text;
    buf_init(&text, METRICS_BYTES);
    server->options.metrics(server->options.context, &text);
    server_answer(request, text.failed ? 500 : 200, "text/plain; version=0.0.4; charset=utf-8",
                  buf_view(&text));
}

static void metrics_done(void *context, struct server_request *request)
{
    (void)context;
    (void)request;
}

static int64_t or_default(int64_t value, int64_t standard)
{
    return value > 0 ? value : standard;
}

static void options_complete(struct server_options *options)
{
    options->io_threads = options->io_threads ? options->io_threads : DEFAULT_IO_THREADS;
    options->connection_limit =
        options->connection_limit ? options->connection_limit : DEFAULT_CONNECTIONS;
    options->handshake_ms = or_default(options->handshake_ms, SERVER_HANDSHAKE_MS);
    options->header_ms = or_default(options->header_ms, SERVER_HEADER_MS);
    options->body_ms = or_default(options->body_ms, SERVER_BODY_MS);
    options->answer_ms = or_default(options->answer_ms, SERVER_ANSWER_MS);
    options->idle_ms = or_default(options->idle_ms, SERVER_IDLE_MS);
    options->webhook_timeout_ms =
        or_default(options->webhook_timeout_ms, DEFAULT_WEBHOOK_TIMEOUT_MS);
}

/* Out of descriptors the daemon would stop accepting, and everything else would fail besides. */
static bool limits_fit(const struct server_options *options, struct err *err)
{
    if (options->connection_limit < options->io_threads) {
        return err_set(err, ERR_INVALID, "--connection-limit %u is below --io-threads %u",
                       options->connection_limit, options->io_threads);
    }
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return err_set(err, ERR_INTERNAL, "RLIMIT_NOFILE cannot be read");
    }
    rlim_t needed = (rlim_t)options->connection_limit + SERVER_OTHER_FDS;
    if (files.rlim_cur < needed) {
        return err_set(err, ERR_INVALID,
                       "--connection-limit %u needs %llu open files, the limit (RLIMIT_NOFILE) is "
                       "%llu: lower the one or raise the other",
                       options->connection_limit, (unsigned long long)needed,
                       (unsigned long long)files.rlim_cur);
    }
    return true;
}

static void port_init(struct server *server, struct server_port *port, unsigned limit)
{
    const struct server_options *options = &server->options;
    port->server = server;
    port->listen_fd = -1;
    peers_init(&port->peers, limit, options->clock);
    int64_t *deadline_ms = port->peers.deadline_ms;
    deadline_ms[PEER_HANDSHAKE] = options->handshake_ms;
    deadline_ms[PEER_IDLE] = options->idle_ms;
    deadline_ms[PEER_HEADER] = options->header_ms;
    deadline_ms[PEER_BODY] = options->body_ms;
    deadline_ms[PEER_ANSWER] = options->answer_ms;
}

static int64_t reap_interval(const struct server_options *options)
{
    const int64_t deadlines[] = {options->handshake_ms, options->header_ms, options->body_ms,
                                 options->answer_ms, options->idle_ms};
    int64_t interval_ms = REAP_EVERY_MS;
    for (size_t i = 0; i < ARRAY_LEN(deadlines); i++) {
        interval_ms = deadlines[i] / 4 < interval_ms ? deadlines[i] / 4 : interval_ms;
    }
    return interval_ms > 0 ? interval_ms : 1;
}

static struct server *server_new(const struct server_options *options)
{
    struct server *server = mem_alloc(sizeof *server);
    server->options = *options;
    pthread_condattr_t monotonic;
    if (pthread_mutex_init(&server->reaper_mutex, NULL) != 0 ||
        pthread_condattr_init(&monotonic) != 0 ||
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) != 0 ||
        pthread_cond_init(&server->reaper_wake, &monotonic) != 0) {
        abort();
    }
    (void)pthread_condattr_destroy(&monotonic);
    server->reap_every_ms = reap_interval(options);

    struct server_port *admission = &server->admission;
    port_init(server, admission, options->connection_limit);
    admission->tls = true;
    admission->check = options->check;
    admission->handle = options->handle;
    admission->done = options->done;
    admission->context = options->context;
    admission->budget = options->budget;
    admission->body_ceiling = LIMIT_REVIEW_BYTES;

    struct server_port *metrics = &server->metrics;
    port_init(server, metrics, METRICS_CONNECTIONS);
    metrics->check = metrics_check;
    metrics->handle = metrics_handle;
    metrics->done = metrics_done;
    metrics->context = server;
    metrics->body_ceiling = METRICS_BODY_BYTES;
    return server;
}

static void server_free(struct server *server)
{
    struct server_port *const ports[] = {&server->admission, &server->metrics};
    for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
        if (ports[i]->daemon) {
            MHD_stop_daemon(ports[i]->daemon);
        }
    }
    if (server->reaper_started) {
        (void)pthread_mutex_lock(&server->reaper_mutex);
        server->stopping = true;
        (void)pthread_cond_broadcast(&server->reaper_wake);
        (void)pthread_mutex_unlock(&server->reaper_mutex);
        (void)pthread_join(server->reaper, NULL);
    }
    for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
        if (ports[i]->listen_fd >= 0) {
            (void)close(ports[i]->listen_fd);
        }
        peers_done(&ports[i]->peers);
    }
    (void)pthread_cond_destroy(&server->reaper_wake);
    (void)pthread_mutex_destroy(&server->reaper_mutex);
    free(server);
}

static bool ports_open(struct server *server, struct err *err)
{
    const struct server_options *options = &server->options;
    if (!listen_open(options->listen, "--listen", &server->admission.listen_fd,
                     &server->admission.number, err)) {
        return false;
    }
    return options->metrics_listen.len == 0 ||
           listen_open(options->metrics_listen, "--metrics-listen", &server->metrics.listen_fd,
                       &server->metrics.number, err);
}

/* Once a daemon is quiesced its listening socket is ours to close. */
static void port_quiesce(struct server_port *port)
{
    if (port->daemon) {
        (void)MHD_quiesce_daemon(port->daemon);
        /* Not closed before the daemon has stopped: an I/O thread may be about to accept. */
        (void)shutdown(port->listen_fd, SHUT_RDWR);
    }
}

bool server_start(const struct server_options *options, struct server **ret, struct err *err)
{
    struct server_options complete = *options;
    options_complete(&complete);
    if (!limits_fit(&complete, err)) {
        return false;
    }
    struct server *server = server_new(&complete);
    *ret = server;
    if (!ports_open(server, err) || !threads_start(server, err)) {
        port_quiesce(&server->admission);
        port_quiesce(&server->metrics);
        server_free(server);
        *ret = NULL;
        return false;
    }
    return true;
}

unsigned server_port(const struct server *server)
{
    return server->admission.number;
}

unsigned server_metrics_port(const struct server *server)
{
    return server->metrics.number;
}

void server_counters(struct server *server, struct server_counters *ret)
{
    struct server_port *port = &server->admission;
    struct peers *peers = &port->peers;
    *ret = (struct server_counters){
        .connections = atomic_load(&peers->live),
        .suspended = atomic_load(&port->suspended),
        .in_flight = atomic_load(&port->in_flight),
        .accepted = atomic_load(&peers->accepted),
        .requests = atomic_load(&port->requests),
        .refused_framing = atomic_load(&port->refused_framing),
        .refused_too_big = atomic_load(&port->refused_too_big),
        .refused_budget = atomic_load(&port->refused_budget),
        .refused_check = atomic_load(&port->refused_check),
        .cut_handshake = atomic_load(&peers->cuts[PEER_HANDSHAKE]),
        .cut_header = atomic_load(&peers->cuts[PEER_HEADER]),
        .cut_body = atomic_load(&peers->cuts[PEER_BODY]),
        .cut_answer = atomic_load(&peers->cuts[PEER_ANSWER]),
        .cut_idle = atomic_load(&peers->cuts[PEER_IDLE]),
        .shed = atomic_load(&peers->sheds),
        .failed_handshakes = atomic_load(&peers->failed_handshakes),
    };
}

void server_drain(struct server *server)
{
    atomic_store(&server->draining, true);
}

static void pause_ms(long ms)
{
    struct timespec pause = {.tv_nsec = ms * 1000000};
    (void)nanosleep(&pause, NULL);
}

bool server_stop(struct server *server, int64_t deadline_ms)
{
    const struct clock *clock = server->options.clock;
    struct server_port *port = &server->admission;
    struct peers *peers = &port->peers;
    server_drain(server);
    port_quiesce(port);
    while ((peers_busy(peers) || atomic_load(&port->in_flight) > 0 ||
            atomic_load(&port->suspended) > 0) &&
           clock_monotonic_ms(clock) < deadline_ms) {
        pause_ms(STOP_LOOK_MS);
    }
    if (atomic_load(&port->suspended) > 0) {
        return false;
    }
    peers_cut_all(peers);
    int64_t close_ms = clock_monotonic_ms(clock) + CLOSE_WAIT_MS;
    while (atomic_load(&peers->live) > 0 && clock_monotonic_ms(clock) < close_ms) {
        pause_ms(STOP_LOOK_MS);
    }
    port_quiesce(&server->metrics);
    server_free(server);
    return true;
}
