/* SPDX-License-Identifier: Apache-2.0 */
/* What the blocking transport and the streams share: the options of a libcurl handle, and what its
 * failures mean. Only for lib/http. */
#ifndef HTTP_EASY_H
#define HTTP_EASY_H

#include <curl/curl.h>

#include "base/clock.h"
#include "base/err.h"
#include "http/message.h"

/* What one transfer needs besides the handle. Stays where it is while the transfer runs: the handle
 * points at `error`. */
struct easy_call {
    CURL *easy;
    struct curl_slist *headers;
    struct curl_slist *connect_to;
    char *authority; /* of the URL, for messages */
    char *ca_file;   /* for messages; NULL: the system's */
    char error[CURL_ERROR_SIZE];
};

/* Resets `easy` and sets everything but the callbacks. The request is copied but for its body,
 * which is borrowed until easy_call_done(). ERR_INVALID, ERR_TIMEOUT (the deadline is over). */
MUST_CHECK bool easy_call_prepare(struct easy_call *call, CURL *easy,
                                  const struct http_request *request, const struct clock *clock,
                                  struct err *err);
/* Makes the handle forget the call and everything of it that was secret; its connections stay.
 * Accepts a zeroed call. The transfer is over or its handle out of the multi. */
void easy_call_done(struct easy_call *call);
/* Answers false with what `code` means. */
bool easy_call_failed(const struct easy_call *call, CURLcode code, struct err *err);

/* Gathers the final header block: interim answers (1xx) and trailers are left out. `line` is what
 * CURLOPT_HEADERFUNCTION got; false when over LIMIT_HEADER_BYTES. `*ret_complete` becomes true with
 * the empty line of the final block. */
MUST_CHECK bool easy_header_line(CURL *easy, struct buf *headers, struct str_view line,
                                 bool *ret_complete);

/* Has the connection closed after the last bytes of a body when the TLS layer holds more behind
 * them, which the server has not counted in its Content-Length. libcurl would keep them for as long
 * as the connection stays unused, and with them the decrypted record that they stand in, which is
 * the value itself. `received` counts the bytes of the body, those just handed over included. Only
 * from within CURLOPT_WRITEFUNCTION. */
void easy_body_taken(const struct easy_call *call, size_t received);

#endif
