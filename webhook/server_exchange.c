/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its answer, as libmicrohttpd tells them: once with the header, then with each
 * piece of the body, then with nothing more to come, and again with nothing after every resume.
 *
 * An answer that is queued at the first of these closes the connection behind it. So whatever can
 * be refused without harm is refused at the end, and at once only where reading on would be worse:
 * a body nobody knows the end of, or one too big to read away. */
#include "webhook/server_internal.h"

#include "base/limits.h"
#include "webhook/request_rules.h"

enum {
    /* A body is given this much room at first, whatever its Content-Length promises. */
    FIRST_ROOM_BYTES = 256 * 1024,
    /* Up to here a refused body is read away, so that the connection can live on. */
    READ_AWAY_BYTES = 64 * 1024,
};

static const char *refusal_text(unsigned status)
{
    switch (status) {
    case 400:
        return "the body's length is ambiguous\n";
    case 404:
        return "nothing is served here\n";
    case 405:
        return "this method is not served here\n";
    case 411:
        return "a body needs a Content-Length\n";
    case 413:
        return "the body is over the limit of 7 MiB\n";
    case 415:
        return "the body has to be application/json\n";
    case 503:
        return "too many large requests are in flight\n";
    default:
        return "the request cannot be answered\n";
    }
}

void server_answer(struct server_request *request, unsigned status, const char *content_type,
                   struct str_view body)
{
    struct exchange *exchange = (struct exchange *)request;
    if (exchange->response) {
        return;
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.len, (void *)(uintptr_t)body.data, MHD_RESPMEM_MUST_COPY);
    if (!response) {
        abort();
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    exchange->response = response;
    request->status = status;
}

/* Hands the answer to libmicrohttpd. */
static enum MHD_Result queue_answer(struct exchange *exchange)
{
    struct server_port *port = exchange->port;
    struct MHD_Response *response = exchange->response;
    exchange->response = NULL;
    if (port->tls && atomic_load(&port->server->draining)) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    peer_enter(exchange_peer(exchange), PEER_ANSWER);
    enum MHD_Result result =
        MHD_queue_response(exchange->connection, exchange->request.status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse(struct exchange *exchange, unsigned status)
{
    server_answer(&exchange->request, status, "text/plain; charset=utf-8",
                  sv_of(refusal_text(status)));
    if (status == 405 && exchange->request.allow) {
        (void)MHD_add_response_header(exchange->response, MHD_HTTP_HEADER_ALLOW,
                                      exchange->request.allow);
    }
    return queue_answer(exchange);
}

int64_t server_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void count_refusal(struct server_port *port, unsigned status)
{
    switch (status) {
    case 400:
    case 411:
        atomic_fetch_add(&port->refused_framing, 1);
        return;
    case 413:
        atomic_fetch_add(&port->refused_too_big, 1);
        return;
    case 503:
        atomic_fetch_add(&port->refused_budget, 1);
        return;
    default:
        atomic_fetch_add(&port->refused_check, 1);
    }
}

struct header_fields {
    struct request_framing framing;
    struct str_view content_type;
};

static enum MHD_Result read_field(void *context, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    (void)kind;
    struct header_fields *fields = context;
    struct str_view field = sv_of(name);
    if (sv_equal_ignoring_case(field, SV("content-length"))) {
        fields->framing.content_lengths++;
        fields->framing.content_length = sv_of(value);
    } else if (sv_equal_ignoring_case(field, SV("transfer-encoding"))) {
        fields->framing.transfer_encodings++;
    } else if (sv_equal_ignoring_case(field, SV("content-type"))) {
        fields->content_type = sv_of(value);
    }
    return MHD_YES;
}

static bool takes_body(struct str_view method)
{
    return sv_is(method, "POST") || sv_is(method, "PUT") || sv_is(method, "PATCH");
}

/* The header's verdict: 0, or the status to refuse with. Takes the body's share of the budget. */
static unsigned admit_header(struct server_port *port, struct exchange *exchange)
{
    struct server_request *request = &exchange->request;
    struct header_fields fields = {.framing.expects_body = takes_body(request->method)};
    (void)MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, read_field, &fields);
    request->content_type = fields.content_type;
    unsigned status =
        request_framing_check(&fields.framing, port->body_ceiling, &exchange->expected);
    if (status) {
        return status;
    }
    const char *timeout =
        MHD_lookup_connection_value(exchange->connection, MHD_GET_ARGUMENT_KIND, "timeout");
    request->timeout_ms =
        request_timeout_ms(sv_of(timeout), port->server->options.webhook_timeout_ms);
    status = port->check(port->context, request);
    if (status) {
        return status;
    }
    if (port->budget && exchange->expected > 0) {
        if (!budget_take(port->budget, exchange->expected)) {
            return 503;
        }
        exchange->taken = exchange->expected;
    }
    return 0;
}

/* Whether to answer now and close, rather than to read the body away first. */
static bool refuse_at_once(const struct exchange *exchange, unsigned status)
{
    return status == 400 || status == 411 || status == 413 || exchange->expected > READ_AWAY_BYTES;
}

static void make_room(struct exchange *exchange)
{
    struct buf *body = &exchange->request.body;
    size_t room = exchange->expected < FIRST_ROOM_BYTES ? exchange->expected : FIRST_ROOM_BYTES;
    buf_init(body, exchange->expected);
    if (room > 0) {
        (void)buf_extend(body, room);
        buf_truncate(body, 0);
    }
}

static enum MHD_Result begin(struct server_port *port, struct peer *peer,
                             struct MHD_Connection *connection, const char *url, const char *method)
{
    struct exchange *exchange = &peer->exchange;
    *exchange = (struct exchange){
        .port = port,
        .connection = connection,
        .request = {.method = sv_of(method), .path = sv_of(url)},
    };
    atomic_fetch_add(&port->in_flight, 1);
    atomic_fetch_add(&port->requests, 1);
    peer_enter(peer, PEER_BODY);
    unsigned status = admit_header(port, exchange);
    if (status) {
        count_refusal(port, status);
        if (refuse_at_once(exchange, status)) {
            return refuse(exchange, status);
        }
        exchange->refusal = status;
        return MHD_YES;
    }
    make_room(exchange);
    return MHD_YES;
}

static enum MHD_Result take_body(struct exchange *exchange, const char *data, size_t *size)
{
    if (!exchange->refusal) {
        buf_append(&exchange->request.body, data, *size);
        if (exchange->request.body.failed) {
            return MHD_NO;
        }
    }
    *size = 0;
    return MHD_YES;
}

static enum MHD_Result respond(struct server_port *port, struct exchange *exchange)
{
    struct server_request *request = &exchange->request;
    if (exchange->complete) {
        request->resumed = true;
    } else {
        exchange->complete = true;
        request->received_ms = clock_monotonic_ms(port->server->options.clock);
        request->received_us = server_now_us();
        peer_enter(exchange_peer(exchange), PEER_BUSY);
    }
    exchange->suspended = false;
    port->handle(port->context, request);
    if (exchange->suspended) {
        return MHD_YES;
    }
    if (!exchange->response) {
        server_answer(request, 500, "text/plain; charset=utf-8", sv_of(refusal_text(500)));
    }
    return queue_answer(exchange);
}

enum MHD_Result exchange_access(void *context, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *upload_data,
                                size_t *upload_data_size, void **state)
{
    (void)version;
    struct server_port *port = context;
    struct exchange *exchange = *state;
    if (!exchange) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        struct peer *peer = info ? info->socket_context : NULL;
        if (!peer) {
            return MHD_NO;
        }
        *state = &peer->exchange;
        return begin(port, peer, connection, url, method);
    }
    if (*upload_data_size > 0) {
        return take_body(exchange, upload_data, upload_data_size);
    }
    if (exchange->refusal) {
        return refuse(exchange, exchange->refusal);
    }
    return respond(port, exchange);
}

void exchange_completed(void *context, struct MHD_Connection *connection, void **state,
                        enum MHD_RequestTerminationCode how)
{
    (void)connection;
    (void)how;
    struct server_port *port = context;
    struct exchange *exchange = *state;
    if (!exchange) {
        return;
    }
    *state = NULL;
    port->done(port->context, &exchange->request);
    buf_done(&exchange->request.body);
    if (exchange->taken > 0) {
        budget_give(port->budget, exchange->taken);
    }
    if (exchange->response) {
        MHD_destroy_response(exchange->response);
    }
    peer_rest(exchange_peer(exchange), false);
    /* Last: server_stop() goes on when this is zero. */
    atomic_fetch_sub(&port->in_flight, 1);
}

void server_suspend(struct server_request *request)
{
    struct exchange *exchange = (struct exchange *)request;
    exchange->suspended = true;
    atomic_fetch_add(&exchange->port->suspended, 1);
    MHD_suspend_connection(exchange->connection);
}

void server_resume(struct server_request *request)
{
    struct exchange *exchange = (struct exchange *)request;
    struct server_port *port = exchange->port;
    MHD_resume_connection(exchange->connection);
    /* The request may be over by now; the server waits for this count before it goes. */
    atomic_fetch_sub(&port->suspended, 1);
}
