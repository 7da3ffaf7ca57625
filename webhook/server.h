/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTPS server: connections, deadlines, limits, suspend and resume, drain. The only code that
 * knows libmicrohttpd.
 *
 * It reads a request whole (within limits and the shared budget), hands it to one callback on an I/O
 * thread, and writes what that answered. The callback never blocks: it answers, or suspends the
 * request and returns; after server_resume() it is called again with the same request. */
#ifndef WEBHOOK_SERVER_H
#define WEBHOOK_SERVER_H

#include "base/budget.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "tls/serving_cert.h"

struct server;

/* Valid from the first callback until `done` has returned. Owned by the server. */
struct server_request {
    struct str_view method;
    struct str_view path;
    struct buf body;       /* the callback may overwrite its bytes (the JSON reader does) */
    int64_t received_ms;   /* monotonic: when the body was complete */
    int64_t timeout_ms;    /* ?timeout= of the API server, already reduced for its rounding up;
                              0 when absent or unreadable */
    bool resumed;          /* this is a call after server_resume() */
    void *attachment;      /* the callback's own; freed by `done` */
};

struct server_options {
    struct str_view listen;         /* "0.0.0.0:8443", "127.0.0.1:0" */
    struct str_view metrics_listen; /* plain HTTP; empty: none */
    unsigned io_threads;
    unsigned connection_limit;
    struct budget *budget;          /* bodies and JSON nodes in flight */
    struct cert_holder *certificates;
    const struct clock *clock;
    const struct log *log;
    /* An I/O thread, the whole request received. Answers or suspends before it returns. */
    void (*handle)(void *context, struct server_request *request);
    /* The request is over (answered, or its peer has gone): frees the attachment. */
    void (*done)(void *context, struct server_request *request);
    /* Appends the Prometheus text for GET /metrics on the metrics port. */
    void (*metrics)(void *context, struct buf *out);
    void *context;
};

struct server_counters {
    unsigned connections;
    unsigned suspended;
    uint64_t requests;
    uint64_t rejected_too_big;
    uint64_t rejected_budget;
    uint64_t cut_deadline; /* peers cut for a slow handshake, header or body */
    uint64_t shed_idle;
};

MUST_CHECK bool server_start(const struct server_options *options, struct server **ret,
                             struct err *err);
/* The port in use: what was asked for, or the one the system chose for 0. */
unsigned server_port(const struct server *server);
unsigned server_metrics_port(const struct server *server);
void server_counters(const struct server *server, struct server_counters *ret);

/* Inside the callback only. `body` is copied. 503 and 413 never carry Retry-After: the API server
 * would repeat the call. */
void server_answer(struct server_request *request, unsigned status, const char *content_type,
                   struct str_view body);
/* Inside the callback only, before the request is handed to whoever resumes it. */
void server_suspend(struct server_request *request);
/* Any thread, exactly once for each server_suspend(). */
void server_resume(struct server_request *request);

/* From now on answers carry "Connection: close"; connections are still accepted. */
void server_drain(struct server *server);
/* Stops accepting, waits until nothing is in flight or `deadline_ms` (monotonic), then stops. The
 * caller has resumed everything that was suspended. */
void server_stop(struct server *server, int64_t deadline_ms);

#endif
