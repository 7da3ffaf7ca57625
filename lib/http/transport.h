/* SPDX-License-Identifier: Apache-2.0 */
/* Sends one request and reads its whole answer: the boundary at which tests stand in.
 *
 * Blocking. One transport belongs to one thread at a time. */
#ifndef HTTP_TRANSPORT_H
#define HTTP_TRANSPORT_H

#include "base/err.h"
#include "http/message.h"

struct http_transport {
    /* Any status is an answer and so a success; `*ret` is zeroed before the call and owned by the
     * caller afterwards. Failure means that there is no answer:
     *   ERR_TIMEOUT      the deadline or the connect timeout came first
     *   ERR_UNAVAILABLE  not resolved, not connected, cut; retryable, but not when the peer's
     *                    certificate was not accepted or one of our files cannot be used
     *   ERR_TOO_BIG      the body is over max_answer, the headers over LIMIT_HEADER_BYTES
     *   ERR_INVALID      the request itself: its URL, a header
     * The message names host and port and nothing else of the URL. */
    bool (*send)(void *context, const struct http_request *request, struct http_response *ret,
                 struct err *err);
    void *context;
};

MUST_CHECK static inline bool http_send(struct http_transport transport,
                                        const struct http_request *request,
                                        struct http_response *ret, struct err *err)
{
    return transport.send(transport.context, request, ret, err);
}

#endif
