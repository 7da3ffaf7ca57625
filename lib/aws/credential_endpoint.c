/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credential_endpoint.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "http/retry.h"

enum {
    TRIES = 3,
    CONNECT_MS = 250,
    TRY_MS = 1000,
    WORTH_TRYING_MS = 50, /* less is not even enough to connect */
};

static const struct retry_policy BETWEEN_TRIES = {
    .base_ms = 400, .max_ms = 400, .floor_percent = 25};

/* Which hosts */

static const char *const ALLOWED[][3] = {
    [CREDENTIALS_OF_CONTAINER] = {"169.254.170.2", "169.254.170.23", "fd00:ec2::23"},
    [CREDENTIALS_OF_INSTANCE] = {"169.254.169.254", "fd00:ec2::254", NULL},
};

static bool may_ask(enum credential_endpoint_kind kind, const struct host_address *address)
{
    bool allowed = host_address_is_loopback(address);
    for (size_t i = 0; i < ARRAY_LEN(ALLOWED[kind]) && ALLOWED[kind][i] && !allowed; i++) {
        struct host_address one;
        allowed =
            host_address_parse(sv_of(ALLOWED[kind][i]), &one) && host_address_equal(&one, address);
    }
    return allowed;
}

static bool refuse_host(const struct configured_url *url, struct err *err)
{
    return err_set(err, ERR_INVALID,
                   "credentials are not asked for over plain HTTP at %.*s: only loopback and the "
                   "link-local addresses of AWS's agents are allowed",
                   (int)(url->host.len < 100 ? url->host.len : 100), url->host.data);
}

/* Names */

static bool add_address(const struct addrinfo *info, struct host_addresses *ret)
{
    if (ret->count == HOST_ADDRESSES_MAX) {
        return false;
    }
    struct host_address *address = &ret->items[ret->count++];
    if (info->ai_family == AF_INET) {
        struct sockaddr_in four;
        memcpy(&four, info->ai_addr, sizeof four);
        memcpy(address->bytes, &four.sin_addr, sizeof four.sin_addr);
        return true;
    }
    struct sockaddr_in6 six;
    memcpy(&six, info->ai_addr, sizeof six);
    memcpy(address->bytes, &six.sin6_addr, sizeof six.sin6_addr);
    address->v6 = true;
    return info->ai_family == AF_INET6 && six.sin6_scope_id == 0;
}

bool host_resolve(const char *name, struct host_addresses *ret, struct err *err)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct host_addresses addresses = {0};
    struct addrinfo *list = NULL;
    int code = getaddrinfo(name, NULL, &hints, &list);
    if (code != 0) {
        return err_set(err, ERR_UNAVAILABLE, "%.100s: %s", name, gai_strerror(code));
    }
    bool complete = true;
    for (const struct addrinfo *info = list; info && complete; info = info->ai_next) {
        complete = add_address(info, &addresses);
    }
    freeaddrinfo(list);
    if (!complete) {
        return err_set(err, ERR_INVALID, "%.100s has addresses that cannot be checked", name);
    }
    *ret = addresses;
    return true;
}

static void write_pin(const struct host_address *address, uint16_t port,
                      char ret[HOST_AND_PORT_BYTES])
{
    char text[INET6_ADDRSTRLEN] = "";
    (void)inet_ntop(address->v6 ? AF_INET6 : AF_INET, address->bytes, text, sizeof text);
    (void)snprintf(ret, HOST_AND_PORT_BYTES, address->v6 ? "[%s]:%u" : "%s:%u", text,
                   (unsigned)port);
}

static bool pin_name(const struct configured_url *url, enum credential_endpoint_kind kind,
                     host_resolver *resolve, struct credential_endpoint *ret, struct err *err)
{
    char name[HOST_NAME_MAX_BYTES + 1];
    (void)snprintf(name, sizeof name, "%.*s", SV_ARG(url->host));
    struct host_addresses addresses = {0};
    if (!resolve(name, &addresses, err)) {
        return false;
    }
    for (size_t i = 0; i < addresses.count; i++) {
        if (!may_ask(kind, &addresses.items[i])) {
            return refuse_host(url, err);
        }
        write_pin(&addresses.items[i], url->port, ret->pins[i]);
    }
    ret->pin_count = addresses.count;
    return addresses.count > 0 || err_set(err, ERR_UNAVAILABLE, "%.100s has no address", name);
}

static bool check_host(const struct configured_url *url, enum credential_endpoint_kind kind,
                       host_resolver *resolve, struct credential_endpoint *ret, struct err *err)
{
    if (url->tls) {
        return true;
    }
    if (url->is_name) {
        return pin_name(url, kind, resolve, ret, err);
    }
    return may_ask(kind, &url->address) || refuse_host(url, err);
}

bool credential_endpoint_init(struct credential_endpoint *ret, struct str_view url,
                              enum credential_endpoint_kind kind, host_resolver *resolve,
                              struct err *err)
{
    struct credential_endpoint endpoint = {0};
    struct configured_url parts;
    if (url.len > LIMIT_URL_BYTES || !configured_url_parse(url, &parts)) {
        return err_set(err, ERR_INVALID,
                       "not an URL that can be asked: http://HOST[:PORT][/PATH], or https");
    }
    if (!check_host(&parts, kind, resolve, &endpoint, err)) {
        return false;
    }
    endpoint.url = sv_dup(url);
    *ret = endpoint;
    return true;
}

void credential_endpoint_done(struct credential_endpoint *endpoint)
{
    free(endpoint->url);
    *endpoint = (struct credential_endpoint){0};
}

/* Asking */

static bool means_try_again(unsigned status)
{
    return status == 408 || status == 429 || status >= 500;
}

static bool call_once(const struct credential_endpoint *endpoint,
                      const struct credential_call *call, const struct credentials_request *with,
                      unsigned attempt, struct http_response *ret, struct err *err)
{
    const struct service_thread *thread = with->thread;
    struct http_header headers[2];
    size_t count = 0;
    if (call->header.name) {
        headers[count++] = call->header;
    }
    if (call->accept_json) {
        headers[count++] = (struct http_header){"Accept", SV("application/json")};
    }
    int64_t latest_ms = clock_monotonic_ms(thread->clock) + TRY_MS;
    const struct http_request request = {
        .method = call->method,
        .url = call->url,
        .headers = headers,
        .header_count = count,
        .tls = {.ca_file = thread->ca_file},
        /* The next one each time: "localhost" has two, and an agent may listen on either. */
        .connect_to =
            endpoint->pin_count > 0 ? endpoint->pins[attempt % endpoint->pin_count] : NULL,
        .no_proxy = true,
        .deadline_ms = latest_ms < with->deadline_ms ? latest_ms : with->deadline_ms,
        .connect_timeout_ms = CONNECT_MS,
        .max_answer = LIMIT_CREDENTIAL_ANSWER_BYTES,
    };
    if (!http_send(thread->transport, &request, ret, err)) {
        return false;
    }
    return !means_try_again(ret->status) || credential_endpoint_refused(ret, err);
}

/* Waits; false when nothing more is to be tried. */
static bool wait_to_try_again(const struct credentials_request *with, unsigned attempt)
{
    const struct service_thread *thread = with->thread;
    int64_t delay_ms = retry_delay_ms(&BETWEEN_TRIES, 0, thread->random(thread->context), -1);
    if (attempt + 1 >= TRIES ||
        clock_left_ms(thread->clock, with->deadline_ms) < delay_ms + WORTH_TRYING_MS) {
        return false;
    }
    thread->pause(thread->context, delay_ms);
    return true;
}

bool credential_endpoint_call(const struct credential_endpoint *endpoint,
                              const struct credential_call *call,
                              const struct credentials_request *request, struct http_response *ret,
                              struct err *err)
{
    if (clock_left_ms(request->thread->clock, request->deadline_ms) < WORTH_TRYING_MS) {
        return err_set(err, ERR_TIMEOUT, "no time left to ask");
    }
    for (unsigned attempt = 0; !call_once(endpoint, call, request, attempt, ret, err); attempt++) {
        bool final = !err->retryable || (call->silence_is_final && err->kind == ERR_TIMEOUT);
        if (final || !wait_to_try_again(request, attempt)) {
            return false;
        }
        http_response_done(ret);
    }
    return true;
}

bool credential_endpoint_refused(const struct http_response *response, struct err *err)
{
    unsigned status = response->status;
    enum err_kind kind = ERR_UNAVAILABLE;
    if (status == 401 || status == 403 || status == 404 || status == 405) {
        kind = ERR_DENIED;
    } else if (status == 429) {
        kind = ERR_BUSY;
    } else if (status >= 400 && status < 500 && status != 408) {
        kind = ERR_INVALID;
    }
    err_set(err, kind, "HTTP status %u", status);
    err->retryable = means_try_again(status);
    return false;
}
