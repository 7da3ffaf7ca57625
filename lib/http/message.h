/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP request and its answer, as values.
 *
 * A request borrows everything it names and only has to live as long as the call it is given to. No
 * thread of its own. */
#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H

#include "base/secret_buf.h"

/* RFC 9110 §5. A value may be secret (Authorization, X-Amz-Security-Token): the copies made of it
 * for the wire are wiped. CR, LF and NUL in it are refused, so no value can begin another header.
 */
struct http_header {
    const char *name;
    struct str_view value;
};

/* Whom to trust and who we are. Paths, because libcurl with GnuTLS takes no bytes; they have to
 * stay the same while a connection shall be reused. */
struct http_tls {
    const char *ca_file;   /* PEM bundle; NULL: the system's */
    const char *cert_file; /* client certificate, PEM; NULL: none */
    const char *key_file;  /* its key; never without cert_file */
};

struct http_request {
    const char *method; /* "GET", "POST", "PUT", "PATCH", "DELETE" */
    const char *url;    /* absolute, http or https, already percent-encoded */
    const struct http_header *headers;
    size_t header_count;
    struct str_view body; /* empty: none, and a POST or PUT says Content-Length: 0 */
    struct http_tls tls;
    const char *connect_to;     /* "host:port" to connect to while URL, SNI and the name that is
                                   verified stay; NULL: where the URL says */
    bool no_proxy;              /* ignore the proxy variables of the environment */
    bool fresh_connection;      /* take up none that is kept: it may lead nowhere any more */
    bool to_the_end;            /* even where the calls of its thread are cancelled */
    int64_t deadline_ms;        /* absolute, monotonic; 0: none (streams only) */
    int64_t connect_timeout_ms; /* resolving, TCP and TLS together; 0: only the deadline */
    size_t max_answer;          /* ceiling of the body in bytes; ignored by streams */
};

/* Zeroed is empty; http_response_done() after use, whatever happened. */
struct http_response {
    unsigned status;
    struct buf headers; /* the lines of the final header block, CRLF between them */
    struct secret_buf body;
};

/* Wipes and releases; accepts a zeroed response. */
void http_response_done(struct http_response *response);

/* The value of the first header of this name in a header block (RFC 9110 §5.1: case does not
 * matter), trimmed; data NULL when there is none. */
struct str_view http_header_find(struct str_view headers, const char *name);
/* Retry-After in milliseconds: seconds or an HTTP date (RFC 9110 §10.2.3) seen from `wall_ms`; at
 * most a day. -1 when absent or unreadable. */
int64_t http_retry_after_ms(struct str_view headers, int64_t wall_ms);
/* The Date header in milliseconds since 1970; 0 when absent or unreadable. */
int64_t http_date_ms(struct str_view headers);

/* "https://user@host:1/path?query" as "host:1", for messages: nothing in it can be secret. Views
 * into `url`. */
struct str_view http_url_authority(const char *url);
/* Scheme http to a loopback address or "localhost": the only place where plain HTTP is allowed. */
bool http_url_is_plain_loopback(const char *url);

#endif
