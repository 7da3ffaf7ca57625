/* SPDX-License-Identifier: Apache-2.0 */
#include "http/easy.h"

#include <gnutls/gnutls.h>
#include <limits.h>
#include <stdlib.h>

#include "base/limits.h"

enum {
    /* Several AWS services close idle connections after about a minute: do not race with them. */
    CONNECTION_MAX_IDLE_S = 45,
    /* Names move to other addresses; a connection in use would never notice. */
    CONNECTION_MAX_AGE_S = 300,
    /* libcurl's smallest: its default of 64 KiB is made and wiped for every body that is sent. */
    UPLOAD_BUFFER_BYTES = 16384,
    KEEPALIVE_IDLE_S = 30,
    KEEPALIVE_INTERVAL_S = 15,
};

static long clamp_long(int64_t value)
{
    return value > INT_MAX ? INT_MAX : value < 1 ? 1 : (long)value;
}

/* Strings given to libcurl are never needed again once the transfer is over, and may be tokens. */
static void wipe_list(struct curl_slist **list)
{
    for (struct curl_slist *item = *list; item; item = item->next) {
        explicit_bzero(item->data, strlen(item->data));
    }
    curl_slist_free_all(*list);
    *list = NULL;
}

static void append(struct curl_slist **list, const char *text)
{
    struct curl_slist *longer = curl_slist_append(*list, text);
    if (!longer) {
        abort();
    }
    *list = longer;
}

static bool header_is_valid(const struct http_header *header)
{
    static const char token[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "!#$%&'*+-.^_`|~";
    size_t len = strlen(header->name);
    if (len == 0 || strspn(header->name, token) != len) {
        return false;
    }
    for (size_t i = 0; i < header->value.len; i++) {
        unsigned char byte = (unsigned char)header->value.data[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool add_header(struct easy_call *call, const struct http_header *header, struct err *err)
{
    CLEANUP(secret_buf_done) struct secret_buf line = {0};
    secret_buf_init(&line, LIMIT_TOKEN_BYTES + LIMIT_HEADER_BYTES);
    if (!header_is_valid(header)) {
        return err_set(err, ERR_INVALID, "%s: a request header has bytes it may not have",
                       call->authority);
    }
    secret_buf_add(&line, sv_of(header->name));
    /* libcurl's notation: a semicolon is a header without a value, a bare colon would remove it. */
    secret_buf_add(&line, header->value.len ? SV(": ") : SV(";"));
    secret_buf_add(&line, header->value);
    if (!secret_buf_check(&line, "a request header", err)) {
        return false;
    }
    append(&call->headers, line.bytes.data);
    return true;
}

static bool set_headers(struct easy_call *call, const struct http_request *request, struct err *err)
{
    bool has_type = false;
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        has_type |= sv_equal_ignoring_case(sv_of(header->name), SV("Content-Type"));
        if (!add_header(call, header, err)) {
            return false;
        }
    }
    /* No waiting for "100 Continue", and no form content type that nobody asked for. */
    append(&call->headers, "Expect:");
    if (!has_type) {
        append(&call->headers, "Content-Type:");
    }
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
    return true;
}

static void set_method(CURL *easy, const struct http_request *request)
{
    bool sends = request->body.len > 0 || strcmp(request->method, "POST") == 0 ||
                 strcmp(request->method, "PUT") == 0 || strcmp(request->method, "PATCH") == 0;
    if (sends) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.len ? request->body.data : "");
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_tls(CURL *easy, const struct http_tls *tls)
{
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    /* Debian's default directory is read whole, a file each, for every connection: 30 ms. */
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (tls->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, tls->ca_file);
    }
    if (tls->cert_file) {
        curl_easy_setopt(easy, CURLOPT_SSLCERT, tls->cert_file);
        curl_easy_setopt(easy, CURLOPT_SSLKEY, tls->key_file);
    }
}

static void set_connection(struct easy_call *call, const struct http_request *request)
{
    CURL *easy = call->easy;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* Without it a call cannot end before the resolver thread does, whatever its timeout. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    /* HTTP/2 keeps copies of bodies that wiping our buffers does not reach. */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_INTERVAL_S);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)CONNECTION_MAX_IDLE_S);
    curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_MAX_AGE_S);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER_BYTES);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "keyturn/" KEYTURN_VERSION);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, request->fresh_connection ? 1L : 0L);
    if (request->no_proxy) {
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    }
    if (request->connect_to) {
        CLEANUP(buf_done) struct buf rule = {0};
        buf_init(&rule, LIMIT_URL_BYTES);
        buf_printf(&rule, "::%s", request->connect_to);
        append(&call->connect_to, rule.data ? rule.data : "");
        curl_easy_setopt(easy, CURLOPT_CONNECT_TO, call->connect_to);
    }
}

static bool set_times(struct easy_call *call, const struct http_request *request,
                      const struct clock *clock, struct err *err)
{
    int64_t connect_ms = request->connect_timeout_ms;
    if (request->deadline_ms) {
        int64_t left = clock_left_ms(clock, request->deadline_ms);
        if (left <= 0) {
            return err_set(err, ERR_TIMEOUT, "%s: the deadline came before the call",
                           call->authority);
        }
        curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS, clamp_long(left));
        connect_ms = connect_ms > 0 && connect_ms < left ? connect_ms : left;
    }
    if (connect_ms > 0) {
        curl_easy_setopt(call->easy, CURLOPT_CONNECTTIMEOUT_MS, clamp_long(connect_ms));
    }
    return true;
}

bool easy_call_prepare(struct easy_call *call, CURL *easy, const struct http_request *request,
                       const struct clock *clock, struct err *err)
{
    curl_easy_reset(easy);
    call->easy = easy;
    call->authority = sv_dup(http_url_authority(request->url));
    call->ca_file = request->tls.ca_file ? str_dup(request->tls.ca_file) : NULL;
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
    if (strlen(request->url) > LIMIT_URL_BYTES) {
        return err_set(err, ERR_INVALID, "%s: URL of %zu bytes", call->authority,
                       strlen(request->url));
    }
    if (curl_easy_setopt(easy, CURLOPT_URL, request->url) != CURLE_OK) {
        return err_set(err, ERR_INVALID, "%s: not a URL", call->authority);
    }
    set_method(easy, request);
    set_connection(call, request);
    set_tls(easy, &request->tls);
    return set_headers(call, request, err) && set_times(call, request, clock, err);
}

void easy_call_done(struct easy_call *call)
{
    if (call->easy) {
        curl_easy_reset(call->easy);
    }
    wipe_list(&call->headers);
    wipe_list(&call->connect_to);
    free(call->authority);
    free(call->ca_file);
    *call = (struct easy_call){0};
}

static enum err_kind kind_of(CURLcode code)
{
    /* NOLINTNEXTLINE: of libcurl's hundred codes these are the ones with a meaning of their own. */
    switch ((int)code) {
    case CURLE_OPERATION_TIMEDOUT:
        return ERR_TIMEOUT;
    case CURLE_FILESIZE_EXCEEDED:
        return ERR_TOO_BIG;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return ERR_INVALID;
    case CURLE_FAILED_INIT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_UNKNOWN_OPTION:
        return ERR_INTERNAL;
    default:
        return ERR_UNAVAILABLE;
    }
}

bool easy_call_failed(const struct easy_call *call, CURLcode code, struct err *err)
{
    err_set(err, kind_of(code), "%s: %s", call->authority,
            call->error[0] ? call->error : curl_easy_strerror(code));
    if (code == CURLE_SSL_CACERT_BADFILE) {
        err_set(err, kind_of(code), "%s: cannot use CA file %s", call->authority,
                call->ca_file ? call->ca_file : "of the system");
    }
    /* Somebody has to change something: a certificate, a name, a file. */
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
        code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_ISSUER_ERROR) {
        err->retryable = false;
    }
    return false;
}

bool easy_header_line(CURL *easy, struct buf *headers, struct str_view line, bool *ret_complete)
{
    long status = 0;
    if (*ret_complete) {
        return true;
    }
    if (sv_starts_with(line, SV("HTTP/"))) {
        buf_clear(headers);
        return true;
    }
    if (sv_trim(line).len > 0) {
        buf_add(headers, line);
        return !headers->failed;
    }
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    *ret_complete = status >= 200;
    return true;
}

static bool tls_holds_more(CURL *easy)
{
    const struct curl_tlssessioninfo *tls = NULL;
    return curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &tls) == CURLE_OK && tls &&
           tls->backend == CURLSSLBACKEND_GNUTLS && tls->internals &&
           gnutls_record_check_pending(tls->internals) > 0;
}

void easy_body_taken(const struct easy_call *call, size_t received)
{
    curl_off_t length = -1;
    curl_easy_getinfo(call->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (length >= 0 && (curl_off_t)received >= length && tls_holds_more(call->easy)) {
        curl_easy_setopt(call->easy, CURLOPT_FORBID_REUSE, 1L);
    }
}
