/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/routes.h"

#include "webhook/request_rules.h"

#define MUTATE_PREFIX "/mutate/"
#define VALIDATE_PREFIX "/validate/"

static bool is_probe(struct str_view path)
{
    return sv_is(path, "/healthz") || sv_is(path, "/readyz");
}

static bool is_validation(struct str_view path)
{
    return sv_starts_with(path, SV(VALIDATE_PREFIX));
}

/* Empty when it is neither. */
static struct str_view segment_of(struct str_view path)
{
    return is_validation(path)                       ? sv_from(path, sizeof VALIDATE_PREFIX - 1)
           : sv_starts_with(path, SV(MUTATE_PREFIX)) ? sv_from(path, sizeof MUTATE_PREFIX - 1)
                                                     : SV("");
}

unsigned routes_check(const struct routes *routes, struct server_request *request)
{
    if (is_probe(request->path)) {
        request->allow = "GET, HEAD";
        bool reads = sv_is(request->method, "GET") || sv_is(request->method, "HEAD");
        return reads ? 0 : 405;
    }
    /* A stranger in the cluster who does not know the segment learns nothing, not even the method.
     */
    struct str_view segment = segment_of(request->path);
    if (segment.len == 0 || !cert_keeper_knows_segment(routes->keeper, segment)) {
        return 404;
    }
    request->allow = "POST";
    if (!sv_is(request->method, "POST")) {
        return 405;
    }
    return request_is_json(request->content_type) ? 0 : 415;
}

static void answer_text(struct server_request *request, unsigned status, const char *text)
{
    struct buf body;
    buf_init(&body, 256);
    buf_printf(&body, "%s\n", text);
    server_answer(request, status, "text/plain; charset=utf-8", buf_view(&body));
    buf_done(&body);
}

void routes_handle(const struct routes *routes, struct server_request *request)
{
    const char *reason = "alive";
    if (sv_is(request->path, "/healthz")) {
        answer_text(request, 200, reason);
    } else if (sv_is(request->path, "/readyz")) {
        bool ready = health_is_ready(routes->health, &reason);
        answer_text(request, ready ? 200 : 503, reason);
    } else if (is_validation(request->path)) {
        answer_validation(routes->answerer, request);
    } else {
        answer_review(routes->answerer, request);
    }
}
