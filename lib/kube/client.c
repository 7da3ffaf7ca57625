/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/client.h"

#include "base/encode.h"
#include "base/limits.h"

enum {
    STATUS_NODES = 4096,
    STATUS_DEPTH = 16,
    STATUS_MESSAGE_SHOWN = 200, /* bytes; the rest of an err belongs to its callers */
    LIST_PAGE = 250,
    /* Name resolution, TCP and TLS to an API server next door. */
    CONNECT_TIMEOUT_MS = 5000,
    RETRY_AFTER_MAX_S = 3600,
};

void kube_response_done(struct kube_response *response)
{
    secret_buf_done(&response->body);
    *response = (struct kube_response){0};
}

static enum err_kind kind_of_status(unsigned status)
{
    switch (status) {
    case 401:
    case 403:
        return ERR_DENIED;
    case 404:
        return ERR_MISSING;
    case 409:
    case 410:
        return ERR_CONFLICT;
    case 413:
        return ERR_TOO_BIG;
    case 429:
        return ERR_BUSY;
    default:
        return status >= 500 && status < 600   ? ERR_UNAVAILABLE
               : status >= 400 && status < 500 ? ERR_INVALID
                                               : ERR_INTERNAL;
    }
}

/* The API server explains what is wrong with an object by quoting it. */
static bool message_may_quote_secret(const struct kube_target *target, unsigned status)
{
    return target && target->resource == &kube_secrets && status != 401 && status != 403 &&
           status != 404 && status != 409 && status != 410 && status != 429;
}

/* Reads a metav1.Status; what is not one says nothing. The body is overwritten. */
static void read_status(struct secret_buf *body, struct kube_response *ret,
                        char message[STATUS_MESSAGE_SHOWN + 1])
{
    static const struct json_limits limits = {.max_nodes = STATUS_NODES, .max_depth = STATUS_DEPTH};
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *status = NULL;
    struct err ignored = {0};
    int64_t seconds = 0;
    message[0] = '\0';
    if (!body->bytes.data ||
        !json_parse(&doc, body->bytes.data, body->bytes.len, &limits, &status, &ignored)) {
        return;
    }
    struct str_view reason = json_string(json_member(status, "reason"));
    struct str_view text = json_string(json_member(status, "message"));
    (void)snprintf(ret->reason, sizeof ret->reason, "%.*s", SV_ARG(reason));
    (void)snprintf(message, STATUS_MESSAGE_SHOWN + 1, "%.*s", SV_ARG(text));
    if (json_to_i64(json_path(status, "details", "retryAfterSeconds", NULL), &seconds) &&
        seconds > 0 && seconds <= RETRY_AFTER_MAX_S && ret->retry_after_ms < 0) {
        ret->retry_after_ms = seconds * 1000;
    }
}

static bool status_failed(const struct kube_target *target, struct secret_buf *body,
                          struct kube_response *ret, struct err *err)
{
    char message[STATUS_MESSAGE_SHOWN + 1];
    char fallback[32];
    read_status(body, ret, message);
    if (message_may_quote_secret(target, ret->status)) {
        message[0] = '\0';
    }
    (void)snprintf(fallback, sizeof fallback, "status %u", ret->status);
    return err_set(err, kind_of_status(ret->status), "%s%s%s",
                   ret->reason[0] ? ret->reason : fallback, message[0] ? ": " : "", message);
}

/* One exchange. False without `ret->status`: there was no answer. */
static bool exchange(const struct kube_client *client, const struct kube_request *request,
                     const char *url, struct kube_response *ret, struct err *err)
{
    CLEANUP(secret_buf_done) struct secret_buf authorization = {0};
    CLEANUP(http_response_done) struct http_response answer = {0};
    struct http_header headers[3];
    size_t count = 0;
    secret_buf_init(&authorization, LIMIT_TOKEN_BYTES + sizeof "Bearer ");
    if (!kube_config_authorization(client->config, &authorization, err)) {
        return false;
    }
    headers[count++] = (struct http_header){
        "Accept", sv_of(request->accept ? request->accept : "application/json")};
    if (authorization.bytes.len > 0) {
        headers[count++] = (struct http_header){"Authorization", secret_buf_view(&authorization)};
    }
    if (request->body.len > 0) {
        headers[count++] =
            (struct http_header){"Content-Type", sv_of(request->content_type ? request->content_type
                                                                             : "application/json")};
    }
    const struct http_request call = {
        .method = request->method,
        .url = url,
        .headers = headers,
        .header_count = count,
        .body = request->body,
        .tls = kube_config_tls(client->config),
        .connect_to = kube_config_connect_to(client->config),
        .no_proxy = true,
        .to_the_end = client->to_the_end,
        .deadline_ms = request->deadline_ms,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .max_answer = request->max_answer ? request->max_answer : LIMIT_KUBE_ANSWER_BYTES,
    };
    if (!http_send(client->transport, &call, &answer, err)) {
        return false;
    }
    ret->status = answer.status;
    ret->server_date_ms = http_date_ms(buf_view(&answer.headers));
    ret->retry_after_ms =
        http_retry_after_ms(buf_view(&answer.headers), clock_wall_ms(client->clock));
    secret_buf_move(&ret->body, &answer.body);
    return true;
}

/* `target` is for messages only; NULL: `what` says it. */
static bool call_url(const struct kube_client *client, const struct kube_request *request,
                     const struct kube_target *target, const char *what, const char *url,
                     struct kube_response *ret, struct err *err)
{
    for (unsigned attempt = 0;; attempt++) {
        kube_response_done(ret);
        ret->retry_after_ms = -1;
        if (!exchange(client, request, url, ret, err)) {
            return err_wrap(err, "%s %s", request->method, what);
        }
        if (ret->status >= 200 && ret->status < 300) {
            return true;
        }
        if (ret->status != 401 || !kube_config_token_rejected(client->config) || attempt > 0) {
            break;
        }
    }
    CLEANUP(secret_buf_done) struct secret_buf body = {0};
    secret_buf_move(&body, &ret->body);
    (void)status_failed(target, &body, ret, err);
    return err_wrap(err, "%s %s", request->method, what);
}

/* An empty name must never turn an act on one object into an act on the collection. */
static bool method_fits_target(const struct kube_request *request, struct err *err)
{
    bool one = strcmp(request->method, "GET") != 0 && strcmp(request->method, "POST") != 0;
    if (one && request->target.name.len == 0) {
        return err_set(err, ERR_INVALID, "%s %s: no name is given", request->method,
                       request->target.resource->plural);
    }
    return true;
}

bool kube_call(const struct kube_client *client, const struct kube_request *request,
               struct kube_response *ret, struct err *err)
{
    CLEANUP(buf_done) struct buf url = {0};
    char what[192];
    buf_init(&url, LIMIT_URL_BYTES);
    buf_add_str(&url, kube_config_server(client->config));
    if (!method_fits_target(request, err) || !kube_path(&url, &request->target, err)) {
        return false;
    }
    kube_query(&url, request->params, request->param_count);
    kube_target_describe(&request->target, what, sizeof what);
    if (!buf_check(&url, "the URL", err)) {
        return err_wrap(err, "%s %s", request->method, what);
    }
    return call_url(client, request, &request->target, what, url.data, ret, err);
}

bool kube_get(const struct kube_client *client, const struct kube_target *target,
              int64_t deadline_ms, struct kube_response *ret, struct err *err)
{
    const struct kube_request request = {
        .method = "GET", .target = *target, .deadline_ms = deadline_ms};
    if (target->name.len == 0) {
        return err_set(err, ERR_INVALID, "GET %s: no name is given", target->resource->plural);
    }
    return kube_call(client, &request, ret, err);
}

static bool write_object(const struct kube_client *client, const char *method,
                         const struct kube_target *target, struct str_view field_manager,
                         struct str_view body, int64_t deadline_ms, struct kube_response *ret,
                         struct err *err)
{
    const struct kube_request request = {
        .method = method,
        .target = *target,
        .params = {{"fieldManager", field_manager}},
        .param_count = 1,
        .body = body,
        .deadline_ms = deadline_ms,
    };
    return kube_call(client, &request, ret, err);
}

bool kube_create(const struct kube_client *client, const struct kube_target *target,
                 struct str_view field_manager, struct str_view body, int64_t deadline_ms,
                 struct kube_response *ret, struct err *err)
{
    return write_object(client, "POST", target, field_manager, body, deadline_ms, ret, err);
}

bool kube_replace(const struct kube_client *client, const struct kube_target *target,
                  struct str_view field_manager, struct str_view body, int64_t deadline_ms,
                  struct kube_response *ret, struct err *err)
{
    return write_object(client, "PUT", target, field_manager, body, deadline_ms, ret, err);
}

static const char *patch_content_type(enum kube_patch_type type)
{
    switch (type) {
    case KUBE_PATCH_JSON:
        return "application/json-patch+json";
    case KUBE_PATCH_MERGE:
        return "application/merge-patch+json";
    case KUBE_PATCH_STRATEGIC:
        return "application/strategic-merge-patch+json";
    case KUBE_PATCH_APPLY:
        return "application/apply-patch+yaml";
    }
    return "";
}

bool kube_patch(const struct kube_client *client, const struct kube_target *target,
                enum kube_patch_type type, struct str_view field_manager, struct str_view body,
                int64_t deadline_ms, struct kube_response *ret, struct err *err)
{
    const struct kube_request request = {
        .method = "PATCH",
        .target = *target,
        .params = {{"fieldManager", field_manager},
                   {"force", type == KUBE_PATCH_APPLY ? SV("true") : SV("")}},
        .param_count = 2,
        .content_type = patch_content_type(type),
        .body = body,
        .deadline_ms = deadline_ms,
    };
    return kube_call(client, &request, ret, err);
}

bool kube_delete(const struct kube_client *client, const struct kube_target *target,
                 struct str_view uid, struct str_view resource_version, int64_t deadline_ms,
                 struct kube_response *ret, struct err *err)
{
    CLEANUP(buf_done) struct buf body = {0};
    buf_init(&body, LIMIT_PATCH_BYTES);
    buf_add_str(&body, "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\"");
    if (uid.len > 0 || resource_version.len > 0) {
        buf_add_str(&body, ",\"preconditions\":{");
        if (uid.len > 0) {
            buf_add_str(&body, "\"uid\":");
            encode_json_string(&body, uid);
        }
        if (resource_version.len > 0) {
            buf_add_str(&body, uid.len > 0 ? ",\"resourceVersion\":" : "\"resourceVersion\":");
            encode_json_string(&body, resource_version);
        }
        buf_add_byte(&body, '}');
    }
    buf_add_byte(&body, '}');
    if (!buf_check(&body, "the preconditions", err)) {
        return false;
    }
    const struct kube_request request = {
        .method = "DELETE",
        .target = *target,
        .body = buf_view(&body),
        .deadline_ms = deadline_ms,
    };
    return kube_call(client, &request, ret, err);
}

/* What one kube_list() carries from page to page. */
struct listing {
    const struct kube_client *client;
    struct kube_request request;
    bool (*each)(void *context, const struct json *object);
    void *context;
    struct buf next;
    struct buf *version;
    bool stopped;
};

static void listing_done(struct listing *listing)
{
    buf_done(&listing->next);
}

/* Hands out the elements of one page and notes where the next begins. */
static bool read_page(struct listing *listing, struct secret_buf *body, struct err *err)
{
    static const struct json_limits limits = {.max_nodes = LIMIT_REVIEW_NODES,
                                              .max_depth = LIMIT_JSON_DEPTH};
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *list = NULL;
    if (!json_parse(&doc, body->bytes.data, body->bytes.len, &limits, &list, err)) {
        return false;
    }
    const struct json *metadata = json_member(list, "metadata");
    const struct json *items = json_member(list, "items");
    if (!json_is(metadata, JSON_OBJECT) || !(json_is(items, JSON_ARRAY) || json_is_absent(items))) {
        return err_set(err, ERR_INVALID, "the answer is not a list");
    }
    buf_clear(&listing->next);
    buf_add(&listing->next, json_string(json_member(metadata, "continue")));
    if (listing->version) {
        buf_clear(listing->version);
        buf_add(listing->version, json_string(json_member(metadata, "resourceVersion")));
    }
    JSON_FOR_EACH (item, items) {
        if (!listing->each(listing->context, item)) {
            listing->stopped = true;
            return true;
        }
    }
    return buf_check(&listing->next, "the continue token", err);
}

static bool get_page(struct listing *listing, unsigned *page, struct err *err)
{
    for (;;) {
        CLEANUP(kube_response_done) struct kube_response response = {0};
        struct err failure = {0};
        char limit[16];
        int len = snprintf(limit, sizeof limit, "%u", *page);
        listing->request.params[0] = (struct kube_param){"limit", sv_make(limit, (size_t)len)};
        listing->request.params[1] = (struct kube_param){"continue", buf_view(&listing->next)};
        if (kube_call(listing->client, &listing->request, &response, &failure)) {
            return read_page(listing, &response.body, err);
        }
        if (failure.kind != ERR_TOO_BIG || *page == 1) {
            *err = failure;
            return false;
        }
        *page /= 2;
    }
}

bool kube_list(const struct kube_client *client, const struct kube_target *target,
               const struct kube_list_options *options, int64_t deadline_ms,
               bool (*each)(void *context, const struct json *object), void *context,
               struct buf *ret_version, struct err *err)
{
    unsigned page = options->page ? options->page : LIST_PAGE;
    CLEANUP(listing_done)
    struct listing listing = {
        .client = client,
        .request =
            {
                .method = "GET",
                .target = *target,
                .params = {[2] = {"fieldSelector", sv_of(options->field_selector)},
                           [3] = {"labelSelector", sv_of(options->label_selector)}},
                .param_count = 4,
                .accept = options->metadata_only ? "application/json;as=PartialObjectMetadataList;"
                                                   "g=meta.k8s.io;v=v1"
                                                 : NULL,
                .deadline_ms = deadline_ms,
            },
        .each = each,
        .context = context,
        .version = ret_version,
    };
    buf_init(&listing.next, LIMIT_URL_BYTES);
    do {
        if (!get_page(&listing, &page, err)) {
            return err_wrap(err, "list %s", target->resource->plural);
        }
    } while (listing.next.len > 0 && !listing.stopped);
    return true;
}

/* The digits a text begins with: "30+" is 30. */
static bool leading_number(struct str_view text, unsigned *ret)
{
    size_t digits = 0;
    uint64_t value = 0;
    while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9') {
        digits++;
    }
    if (!sv_to_u64(sv_first(text, digits), &value) || value > 10000) {
        return false;
    }
    *ret = (unsigned)value;
    return true;
}

bool kube_server_version(const struct kube_client *client, int64_t deadline_ms, unsigned *ret_major,
                         unsigned *ret_minor, struct err *err)
{
    static const struct json_limits limits = {.max_nodes = STATUS_NODES, .max_depth = STATUS_DEPTH};
    const struct kube_request request = {.method = "GET", .deadline_ms = deadline_ms};
    CLEANUP(kube_response_done) struct kube_response response = {0};
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    CLEANUP(buf_done) struct buf url = {0};
    const struct json *version = NULL;
    unsigned major = 0;
    unsigned minor = 0;
    buf_init(&url, LIMIT_URL_BYTES);
    buf_printf(&url, "%s/version", kube_config_server(client->config));
    if (!buf_check(&url, "the URL", err) ||
        !call_url(client, &request, NULL, "version", url.data, &response, err)) {
        return false;
    }
    if (!json_parse(&doc, response.body.bytes.data, response.body.bytes.len, &limits, &version,
                    err)) {
        return err_wrap(err, "GET version");
    }
    if (!leading_number(json_string(json_member(version, "major")), &major) ||
        !leading_number(json_string(json_member(version, "minor")), &minor)) {
        return err_set(err, ERR_INVALID, "GET version: the answer has no major and minor");
    }
    *ret_major = major;
    *ret_minor = minor;
    return true;
}
