/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP transport that plays a script and keeps what it was sent, and a clock that stands still
 * until it is told to go on. */
#ifndef FAKE_TRANSPORT_H
#define FAKE_TRANSPORT_H

#include "aws/service_thread.h"
#include "check_main.h"

enum {
    FAKE_EXCHANGES = 6,
    FAKE_HEADERS = 12,
};

struct fake_step {
    enum err_kind failure; /* ERR_NONE: an answer comes */
    bool permanent;        /* the failure is not retryable */
    unsigned status;
    const char *headers;
    struct str_view body;
    int64_t takes_ms;
};

struct fake_sent {
    char *url;
    char *body;
    char *names[FAKE_HEADERS];
    char *values[FAKE_HEADERS];
    size_t header_count;
    int64_t deadline_ms;
    int64_t connect_timeout_ms;
    size_t max_answer;
    const char *ca_file;
    bool fresh_connection;
};

struct fake_transport {
    struct fake_step steps[FAKE_EXCHANGES];
    struct fake_sent sent[FAKE_EXCHANGES];
    size_t count; /* of what was sent */
    int64_t wall_ms;
    int64_t monotonic_ms;
    int64_t paused_ms;
    size_t pauses;
    uint32_t random_bits;
    struct clock clock; /* of fake_thread() */
};

static inline int64_t fake_wall_ms(void *context)
{
    return ((struct fake_transport *)context)->wall_ms;
}

static inline int64_t fake_monotonic_ms(void *context)
{
    return ((struct fake_transport *)context)->monotonic_ms;
}

static inline struct clock fake_clock(struct fake_transport *fake)
{
    return (struct clock){
        .wall_ms = fake_wall_ms, .monotonic_ms = fake_monotonic_ms, .context = fake};
}

static inline uint32_t fake_random(void *context)
{
    return ((struct fake_transport *)context)->random_bits;
}

static inline void fake_pause(void *context, int64_t ms)
{
    struct fake_transport *fake = context;
    fake->pauses++;
    fake->paused_ms = ms;
    fake->wall_ms += ms;
    fake->monotonic_ms += ms;
}

static inline void fake_keep(struct fake_sent *sent, const struct http_request *request)
{
    ck_assert_str_eq(request->method, "POST");
    ck_assert_uint_le(request->header_count, FAKE_HEADERS);
    sent->url = str_dup(request->url);
    sent->body = sv_dup(request->body);
    sent->header_count = request->header_count;
    for (size_t i = 0; i < request->header_count; i++) {
        sent->names[i] = str_dup(request->headers[i].name);
        sent->values[i] = sv_dup(request->headers[i].value);
    }
    sent->deadline_ms = request->deadline_ms;
    sent->connect_timeout_ms = request->connect_timeout_ms;
    sent->max_answer = request->max_answer;
    sent->ca_file = request->tls.ca_file;
    sent->fresh_connection = request->fresh_connection;
}

static inline bool fake_send(void *context, const struct http_request *request,
                             struct http_response *ret, struct err *err)
{
    struct fake_transport *fake = context;
    ck_assert_uint_lt(fake->count, FAKE_EXCHANGES);
    const struct fake_step *step = &fake->steps[fake->count];
    fake_keep(&fake->sent[fake->count++], request);
    ck_assert_msg(step->failure != ERR_NONE || step->status != 0, "one request too many");
    fake->wall_ms += step->takes_ms;
    fake->monotonic_ms += step->takes_ms;
    *ret = (struct http_response){.status = step->status};
    buf_init(&ret->headers, 4096);
    secret_buf_init(&ret->body, request->max_answer);
    if (step->failure != ERR_NONE) {
        err_set(err, step->failure, "host: %s", err_kind_name(step->failure));
        err->retryable = err->retryable && !step->permanent;
        return false;
    }
    buf_add_str(&ret->headers, step->headers ? step->headers : "");
    secret_buf_add(&ret->body, step->body);
    return true;
}

/* A thread that has nothing but the fake, which stays where it is. */
static inline struct service_thread fake_thread(struct fake_transport *fake)
{
    fake->clock = fake_clock(fake);
    return (struct service_thread){
        .transport = {.send = fake_send, .context = fake},
        .clock = &fake->clock,
        .random = fake_random,
        .pause = fake_pause,
        .context = fake,
    };
}

static inline const char *fake_header(const struct fake_sent *sent, const char *name)
{
    for (size_t i = 0; i < sent->header_count; i++) {
        if (strcmp(sent->names[i], name) == 0) {
            return sent->values[i];
        }
    }
    return NULL;
}

static inline void fake_transport_done(struct fake_transport *fake)
{
    for (size_t i = 0; i < fake->count; i++) {
        struct fake_sent *sent = &fake->sent[i];
        free(sent->url);
        free(sent->body);
        for (size_t j = 0; j < sent->header_count; j++) {
            free(sent->names[j]);
            free(sent->values[j]);
        }
    }
}

#endif
