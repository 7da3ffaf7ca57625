/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watcher.h"

#include "base/limits.h"
#include "http/retry.h"

enum {
    CONNECT_TIMEOUT_MS = 10 * 1000,
};

/* One watch and the stream it has open. */
struct entry {
    struct kube_watcher *watcher;
    struct kube_watch *watch;
    struct stream *stream; /* NULL: none */
    bool failed;           /* a stream could not even be asked for; told at the next run */
    struct err err;
};

struct kube_watcher {
    struct kube_config *config;
    const struct clock *clock;
    struct stream_loop *loop;
    struct entry **entries;
    size_t count;
    size_t capacity;
};

static int64_t now(const struct kube_watcher *watcher)
{
    return clock_monotonic_ms(watcher->clock);
}

static void on_headers(void *context, unsigned status, struct str_view headers)
{
    struct entry *entry = context;
    kube_watch_on_headers(entry->watch, status, headers, now(entry->watcher));
}

static bool on_data(void *context, char *data, size_t len)
{
    struct entry *entry = context;
    return kube_watch_on_data(entry->watch, data, len, now(entry->watcher));
}

static void on_end(void *context, const struct err *err)
{
    struct entry *entry = context;
    entry->stream = NULL;
    kube_watch_on_end(entry->watch, err, now(entry->watcher));
}

static const struct stream_handlers stream_handlers = {on_headers, on_data, on_end};

static bool build_url(const struct kube_watcher *watcher, const struct kube_target *target,
                      const struct kube_param *params, size_t count, struct buf *url,
                      struct err *err)
{
    buf_add_str(url, kube_config_server(watcher->config));
    if (!kube_path(url, target, err)) {
        return false;
    }
    kube_query(url, params, count);
    return buf_check(url, "the URL", err);
}

static bool open_stream(struct entry *entry, const struct kube_target *target,
                        const struct kube_param *params, size_t count, int64_t idle_ms,
                        struct err *err)
{
    struct kube_watcher *watcher = entry->watcher;
    CLEANUP(buf_done) struct buf url = {0};
    CLEANUP(secret_buf_done) struct secret_buf authorization = {0};
    buf_init(&url, LIMIT_URL_BYTES);
    secret_buf_init(&authorization, LIMIT_TOKEN_BYTES + sizeof "Bearer ");
    if (!build_url(watcher, target, params, count, &url, err) ||
        !kube_config_authorization(watcher->config, &authorization, err)) {
        return false;
    }
    const struct http_header headers[] = {
        {"Accept", SV("application/json")},
        {"Authorization", secret_buf_view(&authorization)},
    };
    const struct http_request request = {
        .method = "GET",
        .url = url.data,
        .headers = headers,
        .header_count = authorization.bytes.len > 0 ? 2 : 1,
        .tls = kube_config_tls(watcher->config),
        .connect_to = kube_config_connect_to(watcher->config),
        .no_proxy = true,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
    };
    entry->stream = stream_start(watcher->loop, &request, idle_ms, &stream_handlers, entry);
    return true;
}

static void io_open(void *context, struct kube_watch *watch, const struct kube_target *target,
                    const struct kube_param *params, size_t count, int64_t idle_ms)
{
    struct entry *entry = context;
    (void)watch;
    entry->failed = !open_stream(entry, target, params, count, idle_ms, &entry->err);
}

static void io_close(void *context, struct kube_watch *watch)
{
    struct entry *entry = context;
    (void)watch;
    entry->failed = false;
    if (entry->stream) {
        stream_cancel(entry->watcher->loop, entry->stream);
        entry->stream = NULL;
    }
}

static void io_rejected(void *context)
{
    struct entry *entry = context;
    (void)kube_config_token_rejected(entry->watcher->config);
}

struct kube_watcher *kube_watcher_new(struct kube_config *config, const struct clock *clock)
{
    struct kube_watcher *watcher = mem_alloc(sizeof *watcher);
    watcher->config = config;
    watcher->clock = clock;
    watcher->loop = stream_loop_new(clock);
    return watcher;
}

static void entry_free(struct entry *entry)
{
    kube_watch_free(entry->watch);
    free(entry);
}

void kube_watcher_free(struct kube_watcher *watcher)
{
    if (!watcher) {
        return;
    }
    for (size_t i = 0; i < watcher->count; i++) {
        entry_free(watcher->entries[i]);
    }
    free(watcher->entries);
    stream_loop_free(watcher->loop);
    free(watcher);
}

struct kube_watch *kube_watcher_add(struct kube_watcher *watcher,
                                    const struct kube_watch_options *options,
                                    const struct kube_watch_handlers *handlers, void *context)
{
    struct entry *entry = mem_alloc(sizeof *entry);
    const struct kube_watch_io io = {
        .open = io_open,
        .close = io_close,
        .random = retry_random,
        .rejected = io_rejected,
        .context = entry,
    };
    entry->watcher = watcher;
    entry->watch = kube_watch_new(options, handlers, context, &io);
    if (watcher->count == watcher->capacity) {
        watcher->capacity = watcher->capacity ? watcher->capacity * 2 : 16;
        watcher->entries =
            mem_resize_array(watcher->entries, watcher->capacity, sizeof *watcher->entries);
    }
    watcher->entries[watcher->count++] = entry;
    return entry->watch;
}

void kube_watcher_remove(struct kube_watcher *watcher, struct kube_watch *watch)
{
    for (size_t i = 0; i < watcher->count; i++) {
        if (watcher->entries[i]->watch == watch) {
            entry_free(watcher->entries[i]);
            watcher->entries[i] = watcher->entries[--watcher->count];
            return;
        }
    }
}

static void step(struct entry *entry)
{
    if (entry->failed) {
        entry->failed = false;
        kube_watch_on_end(entry->watch, &entry->err, now(entry->watcher));
    }
    kube_watch_step(entry->watch, now(entry->watcher));
}

void kube_watcher_run_once(struct kube_watcher *watcher, int64_t max_wait_ms)
{
    int64_t next_ms = now(watcher) + max_wait_ms;
    for (size_t i = 0; i < watcher->count; i++) {
        struct entry *entry = watcher->entries[i];
        step(entry);
        int64_t due_ms = entry->failed ? INT64_MIN : kube_watch_next_ms(entry->watch);
        next_ms = due_ms < next_ms ? due_ms : next_ms;
    }
    int64_t now_ms = now(watcher);
    stream_loop_poll(watcher->loop, next_ms > now_ms ? next_ms - now_ms : 0);
}

void kube_watcher_wake(struct kube_watcher *watcher)
{
    stream_loop_wake(watcher->loop);
}

void kube_watcher_relist(struct kube_watcher *watcher, struct kube_watch *watch)
{
    kube_watch_relist(watch);
    kube_watcher_wake(watcher);
}

struct kube_watch *kube_watcher_at(struct kube_watcher *watcher, size_t index)
{
    return index < watcher->count ? watcher->entries[index]->watch : NULL;
}
