/* SPDX-License-Identifier: Apache-2.0 */
/* A service that answers from a script, for tests of operations: what was asked is kept. Failures
 * in a script are such that no call is tried again. */
#ifndef SERVICE_SCRIPT_H
#define SERVICE_SCRIPT_H

#include "aws/secretsmanager.h"
#include "bytes.h"
#include "check_main.h"

enum {
    SCRIPT_STEPS = 4,
    SCRIPT_SENT = 128,
};

struct script_step {
    unsigned status; /* 0: no answer */
    struct str_view body;
};

struct service_script {
    struct script_step steps[SCRIPT_STEPS];
    size_t count;   /* of steps; the last one is repeated */
    size_t fail_at; /* the request that gets no answer, from 1 on; 0: none */
    size_t sent;
    char *bodies[SCRIPT_SENT];
    char *operations[SCRIPT_SENT];
    char *content_types[SCRIPT_SENT];
    size_t max_answer;
    int64_t deadline_ms;
    struct clock clock;
    struct service_thread thread;
    struct service_endpoint *endpoint;
    struct service_target target;
};

static inline int64_t script_wall_ms(void *context)
{
    (void)context;
    return INT64_C(1795437360000);
}

static inline int64_t script_monotonic_ms(void *context)
{
    (void)context;
    return 1000;
}

static inline uint32_t script_random(void *context)
{
    (void)context;
    return 0;
}

static inline void script_pause(void *context, int64_t ms)
{
    (void)context;
    ck_abort_msg("waits %lld ms for another try", (long long)ms);
}

static inline char *script_header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcmp(request->headers[i].name, name) == 0) {
            return sv_dup(request->headers[i].value);
        }
    }
    ck_abort_msg("no header %s", name);
    return NULL;
}

static inline bool script_send(void *context, const struct http_request *request,
                               struct http_response *ret, struct err *err)
{
    struct service_script *script = context;
    size_t at = script->sent++;
    ck_assert_uint_lt(at, SCRIPT_SENT);
    ck_assert_uint_ge(script->count, 1);
    script->bodies[at] = sv_dup(request->body);
    script->operations[at] = script_header(request, "X-Amz-Target");
    script->content_types[at] = script_header(request, "Content-Type");
    script->max_answer = request->max_answer;
    script->deadline_ms = request->deadline_ms;
    const struct script_step *step = &script->steps[at < script->count ? at : script->count - 1];
    if (at + 1 == script->fail_at || step->status == 0) {
        err_set(err, ERR_UNAVAILABLE, "host: certificate not accepted");
        err->retryable = false;
        return false;
    }
    *ret = (struct http_response){.status = step->status};
    buf_init(&ret->headers, 4096);
    buf_add_str(&ret->headers, "x-amzn-RequestId: 1-2-3\r\n");
    secret_buf_init(&ret->body, request->max_answer);
    secret_buf_add(&ret->body, step->body);
    return true;
}

/* `script` stays where it is until service_script_done(). */
static inline void service_script_init(struct service_script *script, enum endpoint_service service)
{
    const struct endpoint_config config = {0};
    const struct service_observer observer = {0};
    struct endpoint endpoint;
    struct err err = {0};
    *script = (struct service_script){
        .clock = {.wall_ms = script_wall_ms, .monotonic_ms = script_monotonic_ms},
        .thread = {.transport = {.send = script_send, .context = script},
                   .clock = &script->clock,
                   .random = script_random,
                   .pause = script_pause},
    };
    ck_assert(endpoint_resolve(&config, service, SV("eu-central-1"), &endpoint, &err));
    script->endpoint = service_endpoint_new(&endpoint, &observer);
    script->target = (struct service_target){.thread = &script->thread,
                                             .endpoint = script->endpoint,
                                             .urgency = SERVICE_BACKGROUND,
                                             .deadline_ms = 60000};
}

static inline void service_script_add(struct service_script *script, unsigned status,
                                      struct str_view body)
{
    ck_assert_uint_lt(script->count, SCRIPT_STEPS);
    script->steps[script->count++] = (struct script_step){status, body};
}

static inline void service_script_done(struct service_script *script)
{
    for (size_t i = 0; i < script->sent; i++) {
        free(script->bodies[i]);
        free(script->operations[i]);
        free(script->content_types[i]);
    }
    service_endpoint_free(script->endpoint);
}

/* An answer as a caller of a reading function holds it. */
static inline void answer_of(struct str_view text, struct secret_buf *ret)
{
    secret_buf_init(ret, 8 * 1024 * 1024);
    secret_buf_add(ret, text);
}

#endif
