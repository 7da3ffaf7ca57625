/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP endpoint near us that hands out credentials, which are as much worth as the node or the
 * role behind it: which hosts may be asked, and how (aws.md §2.4, §2.5).
 *
 * https to any host. http only to loopback and to the link-local addresses of the kind, compared as
 * addresses. A name is resolved once, here: all of its addresses have to be allowed, and
 * connections go to those and not to what the name leads to later. Immutable once made: any thread.
 */
#ifndef AWS_CREDENTIAL_ENDPOINT_H
#define AWS_CREDENTIAL_ENDPOINT_H

#include "aws/configured_url.h"
#include "aws/credentials.h"

enum credential_endpoint_kind {
    CREDENTIALS_OF_CONTAINER, /* 169.254.170.2, 169.254.170.23, fd00:ec2::23 */
    CREDENTIALS_OF_INSTANCE,  /* 169.254.169.254, fd00:ec2::254 */
};

enum {
    HOST_ADDRESSES_MAX = 8,
    HOST_AND_PORT_BYTES = 56, /* "[", an IPv6 address of 45, "]:65535" and a NUL */
    LIMIT_CREDENTIAL_ANSWER_BYTES = 64 * 1024,
};

struct host_addresses {
    size_t count;
    struct host_address items[HOST_ADDRESSES_MAX];
};

/* All addresses of a name; blocking. ERR_UNAVAILABLE: it does not resolve now. ERR_INVALID: more
 * than HOST_ADDRESSES_MAX, or other than IPv4 and IPv6. */
typedef bool host_resolver(const char *name, struct host_addresses *ret, struct err *err);
/* getaddrinfo(3). */
bool host_resolve(const char *name, struct host_addresses *ret, struct err *err);

struct credential_endpoint {
    char *url;
    /* Where to connect to instead of the name in the URL, in turn; none: where the URL says. */
    size_t pin_count;
    char pins[HOST_ADDRESSES_MAX][HOST_AND_PORT_BYTES];
};

/* `*ret` is written on success only. ERR_INVALID: not such an URL, or a host that may not be asked;
 * the message has at most the host. Otherwise what `resolve` says. */
MUST_CHECK bool credential_endpoint_init(struct credential_endpoint *ret, struct str_view url,
                                         enum credential_endpoint_kind kind, host_resolver *resolve,
                                         struct err *err);
/* Accepts a zeroed struct. */
void credential_endpoint_done(struct credential_endpoint *endpoint);

struct credential_call {
    const char *method;
    const char *url; /* of the endpoint, or below it */
    struct http_header header;
    bool accept_json;
    bool silence_is_final; /* a try that timed out is not repeated */
};

/* One call without a proxy: 250 ms to connect, 1 s in all; up to three tries, 100 to 400 ms apart,
 * when there is no answer or one of 408, 429 and 5xx. Any other status is a success. Kinds of
 * http_transport, ERR_BUSY (429), ERR_UNAVAILABLE (408, 5xx). The caller releases `ret` whatever
 * happens. */
MUST_CHECK bool credential_endpoint_call(const struct credential_endpoint *endpoint,
                                         const struct credential_call *call,
                                         const struct credentials_request *request,
                                         struct http_response *ret, struct err *err);

/* For what is not 200: ERR_DENIED (401, 403, 404, 405), ERR_BUSY (429), ERR_INVALID (other 4xx),
 * ERR_UNAVAILABLE (everything else). Never ERR_MISSING, which would mean that no credentials are
 * configured. Answers false. Bodies are not shown: they may quote what was sent. */
bool credential_endpoint_refused(const struct http_response *response, struct err *err);

#endif
