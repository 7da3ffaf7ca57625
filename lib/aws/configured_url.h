/* SPDX-License-Identifier: Apache-2.0 */
/* An http or https URL that somebody configured, taken apart strictly: where one reader sees one
 * host and libcurl another, a check of the host is worth nothing.
 *
 * Refused: user information, fragments, backslashes, bytes that are not visible ASCII, names with
 * other characters than letters, digits, '-' and '.', a final dot, empty or impossible ports, IPv6
 * zones, and IPv4 in any form but four decimal numbers ("127.1", "0x7f.1", "2130706433", which C
 * libraries take for addresses). Any thread. */
#ifndef AWS_CONFIGURED_URL_H
#define AWS_CONFIGURED_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str_view.h"

enum {
    HOST_NAME_MAX_BYTES = 253, /* RFC 1035 §2.3.4, without the final dot */
};

/* An address as bytes in network order: two texts of one address are equal. */
struct host_address {
    bool v6;
    unsigned char bytes[16]; /* the first four for IPv4, zeros behind */
};

/* 127.0.0.0/8 and ::1, nothing mapped or embedded. */
bool host_address_is_loopback(const struct host_address *address);
/* IPv4 in four decimal numbers, or IPv6 without brackets and zone (RFC 4291 §2.2). */
MUST_CHECK bool host_address_parse(struct str_view text, struct host_address *ret);
bool host_address_equal(const struct host_address *a, const struct host_address *b);

/* Views into the URL that was parsed. */
struct configured_url {
    bool tls;
    struct str_view host;        /* name or address, without brackets */
    bool is_name;                /* otherwise `address` is what `host` says */
    struct host_address address; /* zeroed for a name */
    uint16_t port;               /* the scheme's own when the URL has none */
    struct str_view rest;        /* path and query: empty, or begins with '/' or '?' */
};

/* No message: the caller knows which variable it was, and the URL may hold a password. */
MUST_CHECK bool configured_url_parse(struct str_view url, struct configured_url *ret);

#endif
