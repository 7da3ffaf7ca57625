/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/configured_url.h"

#include <arpa/inet.h>

enum {
    PORT_OF_HTTP = 80,
    PORT_OF_HTTPS = 443,
    PORT_MAX = 65535,
};

/* Addresses */

bool host_address_is_loopback(const struct host_address *address)
{
    static const struct host_address six = {.v6 = true, .bytes = {[15] = 1}};
    return address->v6 ? host_address_equal(address, &six) : address->bytes[0] == 127;
}

bool host_address_equal(const struct host_address *a, const struct host_address *b)
{
    return a->v6 == b->v6 && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool host_address_parse(struct str_view text, struct host_address *ret)
{
    char copy[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.data, '\0', text.len)) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    struct host_address address = {.v6 = sv_find(text, ':') < text.len};
    if (inet_pton(address.v6 ? AF_INET6 : AF_INET, copy, address.bytes) != 1) {
        return false;
    }
    *ret = address;
    return true;
}

/* The parts of a URL */

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* Letters, digits and '-' between dots. The last label begins with a letter: what ends in a number
 * is an address to somebody (WHATWG URL, "ends in a number checker"). No final dot: it would stand
 * in the signature, in SNI and in the certificate check. */
static bool is_host_name(struct str_view host)
{
    if (host.len == 0 || host.len > HOST_NAME_MAX_BYTES) {
        return false;
    }
    char before = '.';
    for (size_t i = 0; i < host.len; i++) {
        char byte = host.data[i];
        if (byte == '.' ? before == '.' : !is_letter(byte) && !is_digit(byte) && byte != '-') {
            return false;
        }
        before = byte;
    }
    size_t dot = sv_find_last(host, '.');
    struct str_view last = dot < host.len ? sv_from(host, dot + 1) : host;
    return last.len > 0 && is_letter(last.data[0]);
}

static bool parse_host(struct str_view host, struct configured_url *ret)
{
    if (sv_starts_with(host, SV("["))) {
        ret->host = sv_first(sv_from(host, 1), host.len - 2);
        return sv_ends_with(host, SV("]")) && host_address_parse(ret->host, &ret->address) &&
               ret->address.v6;
    }
    ret->host = host;
    if (host_address_parse(host, &ret->address)) {
        return !ret->address.v6;
    }
    ret->is_name = true;
    return is_host_name(host);
}

static bool parse_port(struct str_view text, uint16_t *ret)
{
    uint64_t port = 0;
    if (!sv_to_u64(text, &port) || port == 0 || port > PORT_MAX) {
        return false;
    }
    *ret = (uint16_t)port;
    return true;
}

/* "host", "host:port" or "[address]:port". */
static bool parse_authority(struct str_view authority, struct configured_url *ret)
{
    size_t colon = sv_find_last(authority, ':');
    size_t bracket = sv_find_last(authority, ']');
    bool has_port = colon < authority.len && (bracket == authority.len || colon > bracket);
    if (has_port && !parse_port(sv_from(authority, colon + 1), &ret->port)) {
        return false;
    }
    return parse_host(has_port ? sv_first(authority, colon) : authority, ret);
}

static bool take_scheme(struct str_view *rest, bool *ret_tls)
{
    size_t end = sv_find(*rest, ':');
    struct str_view scheme = sv_first(*rest, end);
    *rest = sv_from(*rest, end);
    *ret_tls = sv_equal_ignoring_case(scheme, SV("https"));
    if ((!*ret_tls && !sv_equal_ignoring_case(scheme, SV("http"))) ||
        !sv_starts_with(*rest, SV("://"))) {
        return false;
    }
    *rest = sv_from(*rest, strlen("://"));
    return true;
}

static bool is_plain_text(struct str_view url)
{
    for (size_t i = 0; i < url.len; i++) {
        char byte = url.data[i];
        if (byte <= ' ' || byte > '~' || byte == '\\' || byte == '#') {
            return false;
        }
    }
    return true;
}

bool configured_url_parse(struct str_view url, struct configured_url *ret)
{
    struct configured_url parts = {0};
    struct str_view rest = url;
    if (!is_plain_text(url) || !take_scheme(&rest, &parts.tls)) {
        return false;
    }
    size_t slash = sv_find(rest, '/');
    size_t end = sv_find(sv_first(rest, slash), '?');
    parts.port = parts.tls ? PORT_OF_HTTPS : PORT_OF_HTTP;
    parts.rest = sv_from(rest, end);
    if (!parse_authority(sv_first(rest, end), &parts)) {
        return false;
    }
    *ret = parts;
    return true;
}
