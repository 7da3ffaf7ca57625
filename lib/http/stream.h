/* SPDX-License-Identifier: Apache-2.0 */
/* Many long answers at once on one thread: watches of the Kubernetes API.
 *
 * One curl_multi, run by the caller's thread through stream_loop_poll(); callbacks are called from
 * there and nowhere else. Every function is for that thread only, but for stream_loop_wake(). The
 * options are those of curl_transport.h, each stream has a connection of its own. */
#ifndef HTTP_STREAM_H
#define HTTP_STREAM_H

#include "base/clock.h"
#include "base/err.h"
#include "http/message.h"

struct stream_loop;
struct stream;

struct stream_handlers {
    /* Status and headers are complete. May be NULL. */
    void (*headers)(void *context, unsigned status, struct str_view headers);
    /* Bytes of the body. They may be overwritten, and are wiped after the call. False ends the
     * stream: `end` is then called with ERR_INVALID. */
    bool (*data)(void *context, char *data, size_t len);
    /* The last callback. `err` is NULL when the answer ended as it should; otherwise as for
     * http_transport, and ERR_TIMEOUT when no byte came for `idle_ms`. */
    void (*end)(void *context, const struct err *err);
};

struct stream_loop *stream_loop_new(const struct clock *clock);
/* Cancels what still runs, without callbacks; accepts NULL. */
void stream_loop_free(struct stream_loop *loop);

/* The request is copied where needed and begins at the next poll. `idle_ms` > 0: cut when no byte
 * came for so long, counted from the start of the connection. Allowed from callbacks. Never NULL
 * and never fails: whatever is wrong arrives as `end`. The stream belongs to the loop; the pointer
 * is good until `end` has been called or stream_cancel(). */
struct stream *stream_start(struct stream_loop *loop, const struct http_request *request,
                            int64_t idle_ms, const struct stream_handlers *handlers, void *context);
/* No callback comes any more, not even `end`. Allowed from callbacks of any stream. */
void stream_cancel(struct stream_loop *loop, struct stream *stream);

/* Waits for traffic, a wake or the timeout, and calls back for what came. */
void stream_loop_poll(struct stream_loop *loop, int64_t timeout_ms);
/* Makes a waiting or the next stream_loop_poll() return. Any thread, while the loop lives. */
void stream_loop_wake(struct stream_loop *loop);

/* Streams that have not ended. */
size_t stream_loop_count(const struct stream_loop *loop);

#endif
