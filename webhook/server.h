/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTPS server: connections, deadlines, limits, suspend and resume, drain. The files server*.c
 * are the only code that knows libmicrohttpd.
 *
 * It reads a request whole (within limits and the shared budget), hands it to one callback on an
 * I/O thread, and writes what that answered. The callback never blocks: it answers, or suspends the
 * request and returns; after server_resume() it is called again with the same request.
 *
 * What a peer may do: take `handshake_ms` for the TLS handshake, `header_ms` for a request's header
 * from its first byte, `body_ms` for the body, `answer_ms` to take the answer. Between requests,
 * and before the first, a connection may idle for `idle_ms`. Above three quarters of the connection
 * limit idle connections are shed: those never used first, then the least recently used.
 *
 * Answered here, never handed on: 400 and 411 for a body whose length is not one plain
 * Content-Length, 413 over LIMIT_REVIEW_BYTES, 503 when the budget is spent, and what `check`
 * refuses. No answer carries Retry-After (the API server would repeat the call) and none is a
 * redirect. */
#ifndef WEBHOOK_SERVER_H
#define WEBHOOK_SERVER_H

#include "base/budget.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "tls/serving_cert.h"

enum {
    /* The API server keeps idle connections for 90 s (http.DefaultTransport.IdleConnTimeout) and
     * never repeats a POST that meets a closing one. */
    SERVER_IDLE_MS = 180 * 1000,
    /* The API server's own TLS handshake timeout. */
    SERVER_HANDSHAKE_MS = 10 * 1000,
    SERVER_HEADER_MS = 5 * 1000,
    SERVER_BODY_MS = 10 * 1000,
    SERVER_ANSWER_MS = 10 * 1000,
    /* File descriptors for everything that is no admission connection: watches, workers, metrics,
     * log, pipes. */
    SERVER_OTHER_FDS = 512,
};

struct server;

/* Valid from the first callback until `done` has returned. Owned by the server. */
struct server_request {
    struct str_view method;
    struct str_view path;         /* as sent, nothing unescaped, without the query */
    struct str_view content_type; /* empty when there is none */
    struct buf body;              /* the callback may overwrite its bytes (the JSON reader does) */
    int64_t received_ms;          /* monotonic: when the body was complete */
    int64_t received_us;          /* the same instant in microseconds, for durations */
    int64_t timeout_ms;           /* ?timeout= of the API server, already reduced for its rounding
                                     up; 0 when absent or unreadable */
    bool resumed;                 /* this is a call after server_resume() */
    const char *allow;            /* set by `check` with 405: the Allow header; lives for ever */
    void *attachment;             /* the callback's own; freed by `done` */
    unsigned status;              /* what was answered, also by the server itself; 0: nothing yet */
};

struct server_options {
    struct str_view listen;         /* "0.0.0.0:8443", "127.0.0.1:0", "[::]:8443" */
    struct str_view metrics_listen; /* plain HTTP; empty: none */
    unsigned io_threads;            /* 0: 2 */
    unsigned connection_limit;      /* 0: 2048. With SERVER_OTHER_FDS below RLIMIT_NOFILE */
    int64_t handshake_ms;           /* each of these, 0: the constant above */
    int64_t header_ms;
    int64_t body_ms;
    int64_t answer_ms;
    int64_t idle_ms;
    int64_t webhook_timeout_ms;       /* timeoutSeconds of the webhook configuration; 0: 3 s */
    struct budget *budget;            /* bodies and JSON nodes in flight */
    struct cert_holder *certificates; /* while it is empty, handshakes fail */
    const struct clock *clock;        /* its monotonic time is CLOCK_MONOTONIC */
    const struct log *log;
    /* An I/O thread, the header received and nothing of the body: 0 to go on, or the status to
     * refuse with (404, 405, 415), so that a stranger's body never takes from the budget. */
    unsigned (*check)(void *context, struct server_request *request);
    /* An I/O thread, the whole request received. Answers or suspends before it returns. */
    void (*handle)(void *context, struct server_request *request);
    /* The request is over (answered, or its peer has gone), whether or not `handle` saw it: frees
     * the attachment. An I/O thread. */
    void (*done)(void *context, struct server_request *request);
    /* Appends the Prometheus text for GET /metrics on the metrics port. The metrics thread. */
    void (*metrics)(void *context, struct buf *out);
    void *context;
};

struct server_counters {
    unsigned connections; /* of the TLS port */
    unsigned suspended;
    unsigned in_flight; /* requests whose header has been read and whose answer is not written */
    uint64_t accepted;
    uint64_t requests;
    uint64_t refused_framing; /* 400, 411 */
    uint64_t refused_too_big; /* 413 */
    uint64_t refused_budget;  /* 503 */
    uint64_t refused_check;   /* 404, 405, 415 */
    uint64_t cut_handshake;   /* peers cut for a slow handshake, header, body, answer */
    uint64_t cut_header;
    uint64_t cut_body;
    uint64_t cut_answer;
    uint64_t cut_idle; /* idle for longer than idle_ms */
    uint64_t shed;     /* idle, cut to make room */
    uint64_t failed_handshakes;
};

/* ERR_INVALID: an address or a limit that cannot work; ERR_DENIED, ERR_UNAVAILABLE: the address
 * cannot be had. The message says what to change. Threads it starts have all signals blocked, and
 * `*ret` is set before the first of them can call back; after failure it is NULL. */
MUST_CHECK bool server_start(const struct server_options *options, struct server **ret,
                             struct err *err);
/* CLOCK_MONOTONIC in microseconds, to compare with received_us. */
int64_t server_now_us(void);
/* The port in use: what was asked for, or the one the system chose for 0. */
unsigned server_port(const struct server *server);
unsigned server_metrics_port(const struct server *server); /* 0: none */
/* Any thread. */
void server_counters(struct server *server, struct server_counters *ret);

/* Inside `handle` only. `body` is copied. */
void server_answer(struct server_request *request, unsigned status, const char *content_type,
                   struct str_view body);
/* Inside `handle` only, before the request is handed to whoever resumes it. */
void server_suspend(struct server_request *request);
/* Any thread, exactly once for each server_suspend(); also before `handle` has returned. */
void server_resume(struct server_request *request);

/* From now on answers carry "Connection: close"; connections are still accepted. */
void server_drain(struct server *server);
/* Stops accepting, waits until nothing is in flight or until `deadline_ms` (monotonic), then stops
 * and releases. The caller has resumed everything that was suspended: when something still is at
 * the deadline, false is returned, the server goes on and the process should exit without it
 * (libmicrohttpd aborts when stopped with a suspended connection). */
bool server_stop(struct server *server, int64_t deadline_ms);

#endif
