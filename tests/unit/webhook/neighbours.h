/* SPDX-License-Identifier: Apache-2.0 */
/* The neighbours of a controller, for its tests: an API server and AWS that answer from one table
 * of routes, a Lease that is held when the test says so, and Events that are only counted.
 *
 * What is defined here stands in for webhook/clients.c, leader.c and reporter.c: the linker takes
 * it and leaves their objects in the archive. The test of one of the latter two says so before
 * (NEIGHBOURS_WITHOUT_LEADER, NEIGHBOURS_WITHOUT_REPORTER). Included by one test program at a time,
 * so everything is static but those names. Any thread. */
#ifndef TESTS_WEBHOOK_NEIGHBOURS_H
#define TESTS_WEBHOOK_NEIGHBOURS_H

#include <check.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/limits.h"
#include "webhook/clients.h"
#include "webhook/leader.h"
#include "webhook/reporter.h"
#include "webhook/thread.h"

enum {
    API_ROUTES = 32,
    API_PATIENCE_MS = 20000,
};

/* Answers requests of this method whose URL contains `part`; for calls to AWS, which all have the
 * same, the operation or the body may contain it as well. The first route that fits wins. */
struct api_route {
    const char *method;
    const char *part;
    unsigned status; /* 0: no answer comes, as after a timeout */
    char *body;
    char *asked;  /* body of the last request */
    char *url;    /* of the last request */
    char *signer; /* its Authorization; "": none */
    unsigned count;
    bool to_the_end; /* the last request is not cancelled with the others */
    bool held;       /* answers wait until it is not */
};

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct api_route routes[API_ROUTES];
    size_t route_count;
    const char *headers; /* of every answer */
    /* Called with the mutex held, before the answer; may change routes. */
    void (*asked)(struct api_route *route);
} api = {.headers = ""};

#ifndef NEIGHBOURS_WITHOUT_LEADER
static atomic_bool lease_is_held = true;
static atomic_uint lease_asked;

struct leader {
    char nothing;
};
static const struct leader lease_holder;
#endif
#ifndef NEIGHBOURS_WITHOUT_REPORTER
static atomic_uint events_posted;
#endif

static inline struct api_route *api_find(const char *method, const char *part)
{
    for (size_t i = 0; i < api.route_count; i++) {
        if (strcmp(api.routes[i].method, method) == 0 && strcmp(api.routes[i].part, part) == 0) {
            return &api.routes[i];
        }
    }
    ck_assert_uint_lt(api.route_count, API_ROUTES);
    struct api_route *route = &api.routes[api.route_count++];
    *route = (struct api_route){.method = method, .part = part};
    return route;
}

/* Under the mutex. ' in the format stands for ". */
static inline void api_set(const char *method, const char *part, unsigned status,
                           const char *format, ...) PRINTF_LIKE(4, 5);

static inline void api_set(const char *method, const char *part, unsigned status,
                           const char *format, ...)
{
    struct api_route *route = api_find(method, part);
    va_list args;
    free(route->body);
    route->status = status;
    va_start(args, format);
    ck_assert_int_ge(vasprintf(&route->body, format, args), 0);
    va_end(args);
    for (char *at = route->body; *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
}

static inline void api_hold(const char *method, const char *part, bool held)
{
    pthread_mutex_lock(&api.mutex);
    api_find(method, part)->held = held;
    pthread_cond_broadcast(&api.changed);
    pthread_mutex_unlock(&api.mutex);
}

static inline unsigned api_count(const char *method, const char *part)
{
    pthread_mutex_lock(&api.mutex);
    unsigned count = api_find(method, part)->count;
    pthread_mutex_unlock(&api.mutex);
    return count;
}

/* Until that many requests have come. */
static inline void api_await(const char *method, const char *part, unsigned count)
{
    int64_t deadline = clock_monotonic_ms(clock_system()) + API_PATIENCE_MS;
    pthread_mutex_lock(&api.mutex);
    const struct api_route *route = api_find(method, part);
    while (route->count < count && clock_monotonic_ms(clock_system()) < deadline) {
        cond_wait_until(&api.changed, &api.mutex, deadline);
    }
    ck_assert_msg(route->count >= count, "%s %s came %u times, not %u", method, part, route->count,
                  count);
    pthread_mutex_unlock(&api.mutex);
}

static inline struct str_view api_header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcmp(request->headers[i].name, name) == 0) {
            return request->headers[i].value;
        }
    }
    return (struct str_view){0};
}

static inline bool api_fits(const struct api_route *route, const struct http_request *request)
{
    struct str_view part = sv_of(route->part);
    struct str_view operation = api_header(request, "X-Amz-Target");
    bool aws = operation.len || sv_starts_with(request->body, SV("Action="));
    return strcmp(route->method, request->method) == 0 &&
           (sv_contains(sv_of(request->url), part) ||
            (aws && (sv_contains(operation, part) || sv_contains(request->body, part))));
}

static inline struct api_route *api_route_of(const struct http_request *request)
{
    for (size_t i = 0; i < api.route_count; i++) {
        if (api_fits(&api.routes[i], request)) {
            return &api.routes[i];
        }
    }
    ck_abort_msg("no route for %s %s %.*s", request->method, request->url, SV_ARG(request->body));
    return NULL;
}

static inline void api_keep(struct api_route *route, const struct http_request *request)
{
    route->count++;
    route->to_the_end = request->to_the_end;
    free(route->asked);
    free(route->url);
    free(route->signer);
    route->asked = sv_dup(request->body);
    route->url = str_dup(request->url);
    route->signer = sv_dup(api_header(request, "Authorization"));
}

static inline bool api_send(void *context, const struct http_request *request,
                            struct http_response *ret, struct err *err)
{
    (void)context;
    pthread_mutex_lock(&api.mutex);
    struct api_route *route = api_route_of(request);
    api_keep(route, request);
    if (api.asked) {
        api.asked(route);
    }
    pthread_cond_broadcast(&api.changed);
    while (route->held) {
        pthread_cond_wait(&api.changed, &api.mutex);
    }
    unsigned status = route->status;
    if (status) {
        ret->status = status;
        buf_init(&ret->headers, LIMIT_HEADER_BYTES);
        buf_add_str(&ret->headers, api.headers);
        secret_buf_init(&ret->body, request->max_answer);
        secret_buf_add(&ret->body, sv_of(route->body));
    }
    pthread_mutex_unlock(&api.mutex);
    return status || err_set(err, ERR_TIMEOUT, "no answer");
}

static inline void api_begin(void)
{
    mutex_init(&api.mutex);
    cond_init(&api.changed);
}

static inline void api_end(void)
{
    for (size_t i = 0; i < api.route_count; i++) {
        free(api.routes[i].body);
        free(api.routes[i].asked);
        free(api.routes[i].url);
        free(api.routes[i].signer);
    }
    api.route_count = 0;
    api.asked = NULL;
    pthread_mutex_destroy(&api.mutex);
    pthread_cond_destroy(&api.changed);
}

/* To be released with kube_config_free(). */
static inline struct kube_config *api_config(void)
{
    static const char kubeconfig[] =
        "current-context: x\n"
        "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://api.example'}}]\n"
        "users: [{name: u, user: {token: test-token}}]\n";
    struct kube_config *config = NULL;
    struct err err = {0};
    ck_assert_msg(kube_config_parse(sv_of(kubeconfig), "/", clock_system(), &config, &err), "%s",
                  err.message);
    return config;
}

void *clients_start(void *argument)
{
    const struct clients_options *options = argument;
    struct clients *clients = mem_alloc(sizeof *clients);
    clients->options = options;
    clients->kube = (struct kube_client){
        .config = options->config, .transport = {.send = api_send}, .clock = options->clock};
    return clients;
}

void clients_stop(void *clients)
{
    free(clients);
}

#ifndef NEIGHBOURS_WITHOUT_LEADER
bool leader_leads(const struct leader *leader)
{
    (void)leader;
    bool held = atomic_load(&lease_is_held);
    atomic_fetch_add(&lease_asked, 1);
    return held;
}
#endif

#ifndef NEIGHBOURS_WITHOUT_REPORTER
void reporter_post(struct reporter *reporter, const struct kube_event *event)
{
    (void)reporter;
    (void)event;
    atomic_fetch_add(&events_posted, 1);
}

void reporter_post_in_turn(struct reporter *reporter, const struct kube_event *event)
{
    reporter_post(reporter, event);
}
#endif

#endif
