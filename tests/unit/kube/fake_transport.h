/* SPDX-License-Identifier: Apache-2.0 */
/* An http_transport that answers from a script and remembers what it was asked, together with a
 * kube_client over it. Every call of the code under test is one entry of the script; a call too
 * many fails the test. */
#ifndef FAKE_TRANSPORT_H
#define FAKE_TRANSPORT_H

#include "base/limits.h"
#include "check_main.h"
#include "kube/client.h"

enum {
    FAKE_CALLS = 32,
};

struct fake_answer {
    unsigned status; /* 0: no answer, `failure` instead */
    const char *headers;
    const char *body;
    enum err_kind failure;
};

struct fake_call {
    char method[16];
    char url[LIMIT_URL_BYTES + 1];
    char headers[2048];
    char body[8192];
    int64_t deadline_ms;
    size_t max_answer;
};

struct fake_transport {
    const struct fake_answer *script;
    size_t script_len;
    struct fake_call calls[FAKE_CALLS];
    size_t count;
    void (*before)(struct fake_transport *fake); /* called ahead of each answer; may be NULL */
};

static int64_t fake_now_ms = 100000;
static int64_t fake_wall_ms = INT64_C(1795437360000); /* 2026-11-23T12:36:00Z */

static inline int64_t fake_monotonic(void *context)
{
    (void)context;
    return fake_now_ms;
}

static inline int64_t fake_wall(void *context)
{
    (void)context;
    return fake_wall_ms;
}

static const struct clock fake_clock = {.wall_ms = fake_wall, .monotonic_ms = fake_monotonic};

static inline void fake_record(struct fake_call *call, const struct http_request *request)
{
    size_t used = 0;
    (void)snprintf(call->method, sizeof call->method, "%s", request->method);
    (void)snprintf(call->url, sizeof call->url, "%s", request->url);
    for (size_t i = 0; i < request->header_count; i++) {
        used += (size_t)snprintf(call->headers + used, sizeof call->headers - used, "%s: %.*s\n",
                                 request->headers[i].name, SV_ARG(request->headers[i].value));
        ck_assert_uint_lt(used, sizeof call->headers);
    }
    ck_assert_uint_lt(request->body.len, sizeof call->body);
    (void)snprintf(call->body, sizeof call->body, "%.*s", SV_ARG(request->body));
    call->deadline_ms = request->deadline_ms;
    call->max_answer = request->max_answer;
    ck_assert(request->no_proxy);
}

static inline bool fake_send(void *context, const struct http_request *request,
                             struct http_response *ret, struct err *err)
{
    struct fake_transport *fake = context;
    ck_assert_msg(fake->count < fake->script_len, "call %zu was not expected: %s %s",
                  fake->count + 1, request->method, request->url);
    ck_assert_uint_lt(fake->count, FAKE_CALLS);
    if (fake->before) {
        fake->before(fake);
    }
    const struct fake_answer *answer = &fake->script[fake->count];
    fake_record(&fake->calls[fake->count++], request);
    if (answer->status == 0) {
        return err_set(err, answer->failure, "scripted failure");
    }
    struct str_view body = sv_of(answer->body);
    if (body.len > request->max_answer) {
        return err_set(err, ERR_TOO_BIG, "scripted answer over the ceiling");
    }
    ret->status = answer->status;
    buf_init(&ret->headers, LIMIT_HEADER_BYTES);
    buf_add(&ret->headers, sv_of(answer->headers));
    secret_buf_init(&ret->body, request->max_answer);
    secret_buf_add(&ret->body, body);
    return true;
}

/* The client of a fake; the config is to be freed with kube_config_free(). */
static inline struct kube_client fake_client(struct fake_transport *fake,
                                             const struct fake_answer *script, size_t len)
{
    static const char kubeconfig[] =
        "current-context: x\n"
        "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://api.example'}}]\n"
        "users: [{name: u, user: {token: test-token}}]\n";
    struct kube_client client = {.clock = &fake_clock,
                                 .transport = {.send = fake_send, .context = fake}};
    struct err err = {0};
    *fake = (struct fake_transport){.script = script, .script_len = len};
    ck_assert_msg(kube_config_parse(sv_of(kubeconfig), "/", &fake_clock, &client.config, &err),
                  "%s", err.message);
    return client;
}

#endif
