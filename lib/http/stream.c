/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl forbids adding and removing handles from within its callbacks, so starting and cancelling
 * only mark a stream; stream_loop_poll() does the rest between two rounds. */
#include "http/stream.h"

#include "base/limits.h"
#include "base/stack.h"
#include "http/easy.h"

enum stream_state {
    STREAM_NEW,     /* not given to the multi yet */
    STREAM_RUNNING, /* in the multi */
    STREAM_OVER,    /* out of the multi; `end` is to be called, or was */
};

struct stream {
    struct stream_loop *loop;
    struct easy_call call;
    struct stream_handlers handlers;
    void *context;
    int64_t idle_ms;
    int64_t last_ms; /* when something came last */
    struct buf headers;
    size_t received; /* of the body */
    struct err err;
    enum stream_state state;
    bool headers_complete;
    bool cancelled;
    bool failed; /* `err` says why */
};

struct stream_loop {
    CURLM *multi;
    const struct clock *clock;
    struct stream **streams;
    size_t count;
    size_t capacity;
};

struct stream_loop *stream_loop_new(const struct clock *clock)
{
    struct stream_loop *loop = mem_alloc(sizeof *loop);
    loop->multi = curl_multi_init();
    loop->clock = clock;
    if (!loop->multi) {
        abort();
    }
    curl_multi_setopt(loop->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return loop;
}

static void stream_free(struct stream *stream)
{
    CURL *easy = stream->call.easy;
    if (stream->state == STREAM_RUNNING) {
        curl_multi_remove_handle(stream->loop->multi, easy);
    }
    easy_call_done(&stream->call);
    if (easy) {
        curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
        curl_easy_cleanup(easy);
    }
    buf_done(&stream->headers);
    free(stream);
}

void stream_loop_free(struct stream_loop *loop)
{
    if (!loop) {
        return;
    }
    for (size_t i = 0; i < loop->count; i++) {
        stream_free(loop->streams[i]);
    }
    free(loop->streams);
    curl_multi_cleanup(loop->multi);
    free(loop);
}

static size_t take_header(char *data, size_t size, size_t count, void *context)
{
    struct stream *stream = context;
    struct str_view line = sv_make(data, size * count);
    bool before = stream->headers_complete;
    stream->last_ms = clock_monotonic_ms(stream->loop->clock);
    if (stream->cancelled) {
        return 0;
    }
    if (!easy_header_line(stream->call.easy, &stream->headers, line, &stream->headers_complete)) {
        err_set(&stream->err, ERR_TOO_BIG, "%s: headers over %d bytes", stream->call.authority,
                LIMIT_HEADER_BYTES);
        stream->failed = true;
        return 0;
    }
    if (stream->headers_complete && !before && stream->handlers.headers) {
        long status = 0;
        curl_easy_getinfo(stream->call.easy, CURLINFO_RESPONSE_CODE, &status);
        stream->handlers.headers(stream->context, (unsigned)status, buf_view(&stream->headers));
    }
    return line.len;
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct stream *stream = context;
    size_t len = size * count;
    stream->last_ms = clock_monotonic_ms(stream->loop->clock);
    bool wanted = !stream->cancelled && stream->handlers.data(stream->context, data, len);
    /* libcurl's own receive buffer: an idle watch would keep the last object in it for minutes. */
    explicit_bzero(data, len);
    stream->received += len;
    easy_body_taken(&stream->call, stream->received);
    if (!wanted && !stream->cancelled) {
        err_set(&stream->err, ERR_INVALID, "%s: the rest of the answer was refused",
                stream->call.authority);
        stream->failed = true;
    }
    return wanted ? len : 0;
}

static void stream_fail(struct stream *stream, const struct err *err)
{
    stream->err = *err;
    stream->failed = true;
    stream->state = STREAM_OVER;
}

static void prepare(struct stream *stream, const struct http_request *request)
{
    struct err err = {0};
    CURL *easy = curl_easy_init();
    if (!easy) {
        abort();
    }
    if (!easy_call_prepare(&stream->call, easy, request, stream->loop->clock, &err)) {
        stream_fail(stream, &err);
        return;
    }
    if (request->body.len) {
        /* A borrowed body would have to outlive this call. */
        err_set(&err, ERR_INVALID, "%s: a stream cannot send a body", stream->call.authority);
        stream_fail(stream, &err);
        return;
    }
    curl_easy_setopt(easy, CURLOPT_PRIVATE, stream);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, stream);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, stream);
}

struct stream *stream_start(struct stream_loop *loop, const struct http_request *request,
                            int64_t idle_ms, const struct stream_handlers *handlers, void *context)
{
    struct stream *stream = mem_alloc(sizeof *stream);
    stream->loop = loop;
    stream->handlers = *handlers;
    stream->context = context;
    stream->idle_ms = idle_ms;
    stream->last_ms = clock_monotonic_ms(loop->clock);
    buf_init(&stream->headers, LIMIT_HEADER_BYTES);
    prepare(stream, request);
    if (loop->count == loop->capacity) {
        loop->capacity = loop->capacity ? loop->capacity * 2 : 16;
        loop->streams = mem_resize_array(loop->streams, loop->capacity, sizeof *loop->streams);
    }
    loop->streams[loop->count++] = stream;
    return stream;
}

void stream_cancel(struct stream_loop *loop, struct stream *stream)
{
    (void)loop;
    stream->cancelled = true;
}

/* Frees what is over or cancelled. Never from within a callback. */
static void bury(struct stream_loop *loop)
{
    size_t kept = 0;
    for (size_t i = 0; i < loop->count; i++) {
        struct stream *stream = loop->streams[i];
        if (stream->cancelled) {
            stream_free(stream);
        } else {
            loop->streams[kept++] = stream;
        }
    }
    loop->count = kept;
}

static void admit(struct stream_loop *loop)
{
    for (size_t i = 0; i < loop->count; i++) {
        struct stream *stream = loop->streams[i];
        if (stream->state != STREAM_NEW) {
            continue;
        }
        CURLMcode code = curl_multi_add_handle(loop->multi, stream->call.easy);
        stream->state = STREAM_RUNNING;
        if (code != CURLM_OK) {
            struct err err = {0};
            err_set(&err, ERR_INTERNAL, "libcurl: %s", curl_multi_strerror(code));
            stream_fail(stream, &err);
        }
    }
}

/* Takes finished transfers out of the multi. */
static void collect(struct stream_loop *loop)
{
    int left = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(loop->multi, &left));) {
        struct stream *stream = NULL;
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&stream);
        curl_multi_remove_handle(loop->multi, message->easy_handle);
        stream->state = STREAM_OVER;
        if (code != CURLE_OK && !stream->failed) {
            easy_call_failed(&stream->call, code, &stream->err);
            stream->failed = true;
        }
    }
}

static void cut_idle(struct stream_loop *loop)
{
    int64_t now = clock_monotonic_ms(loop->clock);
    for (size_t i = 0; i < loop->count; i++) {
        struct stream *stream = loop->streams[i];
        if (stream->state != STREAM_RUNNING || stream->cancelled || stream->idle_ms <= 0 ||
            now - stream->last_ms < stream->idle_ms) {
            continue;
        }
        struct err err = {0};
        err_set(&err, ERR_TIMEOUT, "%s: no byte for %lld ms", stream->call.authority,
                (long long)stream->idle_ms);
        curl_multi_remove_handle(loop->multi, stream->call.easy);
        stream_fail(stream, &err);
    }
}

/* `end` may start and cancel streams: those it starts stand behind `count` and are not over. */
static void tell_ends(struct stream_loop *loop)
{
    size_t count = loop->count;
    for (size_t i = 0; i < count; i++) {
        struct stream *stream = loop->streams[i];
        if (stream->state == STREAM_OVER && !stream->cancelled) {
            stream->cancelled = true;
            stream->handlers.end(stream->context, stream->failed ? &stream->err : NULL);
        }
    }
}

/* The nearest moment at which a stream would have been idle for too long. */
static int64_t until_idle(const struct stream_loop *loop, int64_t timeout_ms)
{
    int64_t now = clock_monotonic_ms(loop->clock);
    for (size_t i = 0; i < loop->count; i++) {
        const struct stream *stream = loop->streams[i];
        if (stream->state == STREAM_OVER) {
            return 0;
        }
        int64_t left = stream->last_ms + stream->idle_ms - now;
        if (stream->idle_ms > 0 && left < timeout_ms) {
            timeout_ms = left > 0 ? left : 0;
        }
    }
    return timeout_ms;
}

void stream_loop_poll(struct stream_loop *loop, int64_t timeout_ms)
{
    int running = 0;
    bury(loop);
    admit(loop);
    int64_t wait_ms = until_idle(loop, timeout_ms < 0 ? 0 : timeout_ms);
    curl_multi_poll(loop->multi, NULL, 0, wait_ms > 60000 ? 60000 : (int)wait_ms, NULL);
    curl_multi_perform(loop->multi, &running);
    stack_wipe();
    collect(loop);
    cut_idle(loop);
    tell_ends(loop);
    bury(loop);
}

void stream_loop_wake(struct stream_loop *loop)
{
    curl_multi_wakeup(loop->multi);
}

size_t stream_loop_count(const struct stream_loop *loop)
{
    size_t count = 0;
    for (size_t i = 0; i < loop->count; i++) {
        count += !loop->streams[i]->cancelled;
    }
    return count;
}
