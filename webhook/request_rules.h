/* SPDX-License-Identifier: Apache-2.0 */
/* What a request's header must look like, decided from its values alone. Any thread. */
#ifndef WEBHOOK_REQUEST_RULES_H
#define WEBHOOK_REQUEST_RULES_H

#include "base/err.h"
#include "base/str_view.h"

/* How a body is announced: the header fields that frame it (RFC 9112 §6). */
struct request_framing {
    unsigned content_lengths;    /* fields, not bytes */
    unsigned transfer_encodings; /* fields */
    struct str_view content_length;
    bool expects_body; /* the method takes a body (POST, PUT, PATCH) */
};

/* 0 and the length; or 400 for several or unreadable lengths and for a length beside a transfer
 * coding, 411 where a length is missing, 413 over `ceiling`. The API server always sends one plain
 * Content-Length, and two readers that disagree about a body's end are a smuggling hole. */
unsigned request_framing_check(const struct request_framing *framing, size_t ceiling,
                               size_t *ret_length);

/* "application/json" with or without parameters, any case (RFC 9110 §8.3.1). */
bool request_is_json(struct str_view content_type);

/* What is left for us of the API server's ?timeout=. It sends the smaller of timeoutSeconds and
 * what is left of the user's call, rounded up to whole seconds: below `configured_ms` up to a
 * second less may be meant. 0 when `text` is empty or no positive Go duration; never 0 otherwise.
 */
int64_t request_timeout_ms(struct str_view text, int64_t configured_ms);

/* "host:port", "[v6]:port", ":port". The host is left empty for the last. ERR_INVALID. */
MUST_CHECK bool listen_address_split(struct str_view text, struct str_view *host, uint16_t *port,
                                     struct err *err);

#endif
