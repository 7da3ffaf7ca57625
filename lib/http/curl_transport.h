/* SPDX-License-Identifier: Apache-2.0 */
/* http_transport over libcurl (GnuTLS): one handle that keeps its connections.
 *
 * HTTP/1.1 only, TLS 1.2 or later, verified; no redirects, no compression, no signals, no verbose
 * output. Deadlines hold while a name is being resolved too (CURLOPT_QUICK_EXIT; otherwise libcurl
 * waits for its resolver thread). What libcurl received is wiped in its buffer as soon as it has
 * been copied; what it sent is given back with free() at the end of the call, which wipes. */
#ifndef HTTP_CURL_TRANSPORT_H
#define HTTP_CURL_TRANSPORT_H

#include <stdatomic.h>

#include "base/clock.h"
#include "http/transport.h"

struct curl_transport;

/* Once in the process, before its first other thread and before any curl_transport or stream_loop.
 * ERR_INTERNAL when libcurl lacks what we build on (TLS by GnuTLS, an asynchronous resolver). */
MUST_CHECK bool http_global_init(struct err *err);
void http_global_done(void);

/* `clock` tells when a deadline is over and outlives the transport. One thread at a time. */
struct curl_transport *curl_transport_new(const struct clock *clock);
/* Closes its connections; accepts NULL. May wait for nothing. */
void curl_transport_free(struct curl_transport *transport);
/* While `*cancelled` is true no call begins, and one under way ends within a second, as
 * ERR_UNAVAILABLE and not retryable. It outlives the transport. */
void curl_transport_cancel_with(struct curl_transport *transport, const atomic_bool *cancelled);
struct http_transport curl_transport_interface(struct curl_transport *transport);

#endif
