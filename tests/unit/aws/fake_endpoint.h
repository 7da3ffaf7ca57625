/* SPDX-License-Identifier: Apache-2.0 */
/* An endpoint that hands out credentials: a transport that answers from a script and keeps what it
 * was asked, a clock that stands still unless told otherwise, and a thread that uses both. */
#ifndef FAKE_ENDPOINT_H
#define FAKE_ENDPOINT_H

#include "check_main.h"

#include "aws/credentials.h"
#include "base/timestamp.h"

enum {
    FAKE_ANSWERS = 12,
    FAKE_DEADLINE_MS = 1000 * 1000 * 1000,
    FAKE_MONOTONIC_MS = 10 * 1000,
};

/* 2026-11-23T12:00:00Z */
#define FAKE_WALL_MS INT64_C(1795435200000)

struct fake_answer {
    enum err_kind failure; /* ERR_NONE: an answer comes */
    bool permanent;        /* the failure is not retryable */
    unsigned status;
    const char *headers;
    const char *body;
    int64_t takes_ms;
};

struct fake_call {
    char *method;
    char *url;
    char *names[4];
    char *values[4];
    char *connect_to; /* NULL: none */
    size_t header_count;
    bool no_proxy;
    int64_t deadline_ms;
    int64_t connect_timeout_ms;
    size_t max_answer;
    const char *ca_file;
};

struct fake_endpoint {
    struct fake_answer answers[FAKE_ANSWERS];
    struct fake_call calls[FAKE_ANSWERS];
    size_t count; /* of calls */
    int64_t wall_ms;
    int64_t monotonic_ms;
    int64_t pauses_ms[FAKE_ANSWERS];
    size_t pauses;
    uint32_t random_bits;
    struct clock clock;
    struct service_thread thread;
};

static inline int64_t fake_wall_ms(void *context)
{
    return ((struct fake_endpoint *)context)->wall_ms;
}

static inline int64_t fake_monotonic_ms(void *context)
{
    return ((struct fake_endpoint *)context)->monotonic_ms;
}

static inline uint32_t fake_random(void *context)
{
    return ((struct fake_endpoint *)context)->random_bits;
}

static inline void fake_pass(struct fake_endpoint *fake, int64_t ms)
{
    fake->wall_ms += ms;
    fake->monotonic_ms += ms;
}

static inline void fake_pause(void *context, int64_t ms)
{
    struct fake_endpoint *fake = context;
    ck_assert_uint_lt(fake->pauses, FAKE_ANSWERS);
    fake->pauses_ms[fake->pauses++] = ms;
    fake_pass(fake, ms);
}

static inline void fake_keep(struct fake_call *call, const struct http_request *request)
{
    ck_assert_uint_le(request->header_count, ARRAY_LEN(call->names));
    ck_assert_uint_eq(request->body.len, 0);
    call->method = str_dup(request->method);
    call->url = str_dup(request->url);
    call->connect_to = request->connect_to ? str_dup(request->connect_to) : NULL;
    call->header_count = request->header_count;
    for (size_t i = 0; i < request->header_count; i++) {
        call->names[i] = str_dup(request->headers[i].name);
        call->values[i] = sv_dup(request->headers[i].value);
    }
    call->no_proxy = request->no_proxy;
    call->deadline_ms = request->deadline_ms;
    call->connect_timeout_ms = request->connect_timeout_ms;
    call->max_answer = request->max_answer;
    call->ca_file = request->tls.ca_file;
}

static inline bool fake_send(void *context, const struct http_request *request,
                             struct http_response *ret, struct err *err)
{
    struct fake_endpoint *fake = context;
    ck_assert_uint_lt(fake->count, FAKE_ANSWERS);
    ck_assert_uint_eq(ret->body.bytes.len, 0);
    const struct fake_answer *answer = &fake->answers[fake->count];
    fake_keep(&fake->calls[fake->count++], request);
    ck_assert_msg(answer->failure != ERR_NONE || answer->status != 0, "one request too many: %s %s",
                  request->method, request->url);
    fake_pass(fake, answer->takes_ms);
    if (answer->failure != ERR_NONE) {
        err_set(err, answer->failure, "host: %s", err_kind_name(answer->failure));
        err->retryable = err->retryable && !answer->permanent;
        return false;
    }
    *ret = (struct http_response){.status = answer->status};
    buf_init(&ret->headers, 4096);
    secret_buf_init(&ret->body, request->max_answer);
    buf_add_str(&ret->headers, answer->headers ? answer->headers : "");
    secret_buf_add(&ret->body, sv_of(answer->body));
    return true;
}

static inline void fake_endpoint_init(struct fake_endpoint *fake)
{
    fake->wall_ms = FAKE_WALL_MS;
    fake->monotonic_ms = FAKE_MONOTONIC_MS;
    fake->clock =
        (struct clock){.wall_ms = fake_wall_ms, .monotonic_ms = fake_monotonic_ms, .context = fake};
    fake->thread = (struct service_thread){
        .transport = {.send = fake_send, .context = fake},
        .clock = &fake->clock,
        .ca_file = "/ca.pem",
        .random = fake_random,
        .pause = fake_pause,
        .context = fake,
    };
}

static inline void fake_endpoint_done(struct fake_endpoint *fake)
{
    for (size_t i = 0; i < fake->count; i++) {
        struct fake_call *call = &fake->calls[i];
        free(call->method);
        free(call->url);
        free(call->connect_to);
        for (size_t j = 0; j < call->header_count; j++) {
            free(call->names[j]);
            free(call->values[j]);
        }
    }
}

static inline struct credentials_request fake_request(const struct fake_endpoint *fake)
{
    return (struct credentials_request){.thread = &fake->thread, .deadline_ms = FAKE_DEADLINE_MS};
}

static inline const char *fake_header(const struct fake_call *call, const char *name)
{
    for (size_t i = 0; i < call->header_count; i++) {
        if (strcmp(call->names[i], name) == 0) {
            return call->values[i];
        }
    }
    return NULL;
}

#endif
