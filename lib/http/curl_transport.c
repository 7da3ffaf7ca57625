/* SPDX-License-Identifier: Apache-2.0 */
/* One easy handle serves every host a worker talks to: it keeps its connections and TLS 1.2
 * sessions, and libcurl compares host, port and TLS files before it takes one up again. */
#include "http/curl_transport.h"

#include "base/limits.h"
#include "base/stack.h"
#include "http/easy.h"

struct curl_transport {
    CURL *easy;
    const atomic_bool *cancelled; /* NULL: never */
    const struct clock *clock;
};

struct exchange {
    struct easy_call call;
    struct http_response answer;
    bool headers_complete;
    bool headers_too_big;
    bool body_too_big;
};

bool http_global_init(struct err *err)
{
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK) {
        return err_set(err, ERR_INTERNAL, "libcurl: %s", curl_easy_strerror(code));
    }
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    const char *tls = info->ssl_version ? info->ssl_version : "none";
    if (!sv_starts_with(sv_of(tls), SV("GnuTLS/")) || !(info->features & CURL_VERSION_ASYNCHDNS) ||
        info->version_num < 0x075700) {
        err_set(err, ERR_INTERNAL,
                "libcurl %s with TLS by %s: 7.87 or later with GnuTLS and an asynchronous resolver "
                "is needed",
                info->version, tls);
        curl_global_cleanup();
        return false;
    }
    return true;
}

void http_global_done(void)
{
    curl_global_cleanup();
}

static size_t take_header(char *data, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    struct str_view line = sv_make(data, size * count);
    if (!easy_header_line(exchange->call.easy, &exchange->answer.headers, line,
                          &exchange->headers_complete)) {
        exchange->headers_too_big = true;
        return 0;
    }
    return line.len;
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    size_t len = size * count;
    secret_buf_append(&exchange->answer.body, data, len);
    /* `data` is libcurl's own receive buffer, which it would keep until the next answer. */
    explicit_bzero(data, len);
    exchange->body_too_big = exchange->answer.body.bytes.failed;
    easy_body_taken(&exchange->call, exchange->answer.body.bytes.len);
    return exchange->body_too_big ? 0 : len;
}

static bool is_cancelled(const struct curl_transport *transport)
{
    return transport->cancelled && atomic_load(transport->cancelled);
}

/* libcurl calls it about once a second, however little happens. */
static int look_whether_cancelled(void *context, curl_off_t down, curl_off_t downloaded,
                                  curl_off_t up, curl_off_t uploaded)
{
    (void)down;
    (void)downloaded;
    (void)up;
    (void)uploaded;
    return is_cancelled(context);
}

static void set_cancelling(struct curl_transport *transport, const struct http_request *request)
{
    if (transport->cancelled && !request->to_the_end) {
        curl_easy_setopt(transport->easy, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(transport->easy, CURLOPT_XFERINFOFUNCTION, look_whether_cancelled);
        curl_easy_setopt(transport->easy, CURLOPT_XFERINFODATA, transport);
    }
}

static bool stopping(struct err *err)
{
    err_set(err, ERR_UNAVAILABLE, "stopping");
    err->retryable = false;
    return false;
}

static void exchange_done(struct exchange *exchange)
{
    http_response_done(&exchange->answer);
    easy_call_done(&exchange->call);
}

static bool explain(const struct exchange *exchange, CURLcode code,
                    const struct http_request *request, struct err *err)
{
    const struct easy_call *call = &exchange->call;
    if (exchange->headers_too_big) {
        return err_set(err, ERR_TOO_BIG, "%s: headers over %d bytes", call->authority,
                       LIMIT_HEADER_BYTES);
    }
    if (exchange->body_too_big || code == CURLE_FILESIZE_EXCEEDED) {
        return err_set(err, ERR_TOO_BIG, "%s: an answer over %zu bytes", call->authority,
                       request->max_answer);
    }
    return easy_call_failed(call, code, err);
}

static bool transport_send(void *context, const struct http_request *request,
                           struct http_response *ret, struct err *err)
{
    struct curl_transport *transport = context;
    CURL *easy = transport->easy;
    CLEANUP(exchange_done) struct exchange exchange = {0};
    buf_init(&exchange.answer.headers, LIMIT_HEADER_BYTES);
    secret_buf_init(&exchange.answer.body, request->max_answer);
    if (is_cancelled(transport) && !request->to_the_end) {
        return stopping(err);
    }
    if (!easy_call_prepare(&exchange.call, easy, request, transport->clock, err)) {
        return false;
    }
    set_cancelling(transport, request);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)request->max_answer);

    CURLcode code = curl_easy_perform(easy);
    stack_wipe();
    if (code == CURLE_ABORTED_BY_CALLBACK) {
        return stopping(err);
    }
    if (code != CURLE_OK) {
        return explain(&exchange, code, request, err);
    }
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    exchange.answer.status = (unsigned)status;
    *ret = exchange.answer;
    exchange.answer = (struct http_response){0};
    return true;
}

struct curl_transport *curl_transport_new(const struct clock *clock)
{
    struct curl_transport *transport = mem_alloc(sizeof *transport);
    transport->easy = curl_easy_init();
    transport->clock = clock;
    if (!transport->easy) {
        abort();
    }
    return transport;
}

void curl_transport_free(struct curl_transport *transport)
{
    if (!transport) {
        return;
    }
    /* The option is gone with the reset after each call, and cleaning up waits for a resolver too.
     */
    curl_easy_setopt(transport->easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_cleanup(transport->easy);
    free(transport);
}

void curl_transport_cancel_with(struct curl_transport *transport, const atomic_bool *cancelled)
{
    transport->cancelled = cancelled;
}

struct http_transport curl_transport_interface(struct curl_transport *transport)
{
    return (struct http_transport){.send = transport_send, .context = transport};
}
