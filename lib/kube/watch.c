/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever happens ends in one place: plan() says what comes next, list or watch, and when. The
 * rules for resuming are client-go's reflector's, told apart by what the API server said: 410 costs
 * a list, everything else resumes from the last version seen. */
#include "kube/watch.h"

#include "base/limits.h"
#include "http/message.h"
#include "http/retry.h"

enum {
    LIST_PAGE = 500,
    LIST_IDLE_MS = 30 * 1000,
    WATCH_IDLE_MS = 90 * 1000, /* bookmarks come every minute */
    WATCH_TIMEOUT_MIN_S = 300, /* and up to twice that, so that replicas do not resume together */
    LAG_MS = 60 * 1000,
    SLOW_RETRY_MS = 30 * 1000, /* forbidden, or no such kind: somebody has to do something */
    SHORT_WATCH_MS = 1000,     /* a clean end sooner than this is no timeout of the server's */
    LASTING_WATCH_MS = 10 * 1000,
    FAILURES_UNTIL_LIST = 3, /* watches from one version that fail without a word */
    ERROR_BODY_BYTES = 16 * 1024,
    REASON_BYTES = ERR_MESSAGE_BYTES,
};

static const struct retry_policy backoff = {
    .base_ms = 500, .max_ms = 30000, .floor_percent = 50, .max_honoured_ms = 60000};
static const struct retry_policy slow_retry = {
    .base_ms = SLOW_RETRY_MS, .max_ms = SLOW_RETRY_MS, .floor_percent = 80};

enum phase {
    PHASE_IDLE, /* nothing is open; something is planned for next_ms */
    PHASE_LIST,
    PHASE_WATCH,
};

struct kube_watch {
    const struct kube_resource *resource;
    char *namespace;
    char *field_selector;
    char *label_selector;
    char *label;
    unsigned page;
    struct kube_watch_handlers handlers;
    void *context;
    struct kube_watch_io io;
    struct kube_watch_counters counters;

    enum phase phase;
    bool list_next; /* what is planned: a list (or its next page), or a watch */
    int64_t next_ms;
    int64_t lost_ms;    /* since when there is no established watch; -1: there is one */
    struct buf version; /* resourceVersion to watch from */
    struct buf next;    /* continue token of the next page; empty: the first */
    unsigned failures;  /* in a row; for the back-off */
    unsigned gone;      /* 410 in a row */
    unsigned fruitless; /* watches from one version in a row that failed before saying anything */

    /* Of the answer being read. */
    unsigned status; /* 0: no headers yet */
    int64_t opened_ms;
    int64_t retry_after_ms;
    bool progressed;  /* an event or a bookmark came */
    bool expired;     /* an ERROR event said that the version is gone */
    bool error_event; /* an ERROR event said something else */
    struct kube_frames frames;
    struct buf error_body;
    char failure[REASON_BYTES]; /* what broke while reading */

    atomic_bool relist; /* asked for by kube_watch_relist() */
    atomic_int state;
    char reason[REASON_BYTES];
};

static void on_element(void *context, char *data, size_t len);
static void on_oversized(void *context, const struct kube_frame_names *names);

static const struct kube_frames_handlers frame_handlers = {on_element, on_oversized};

struct kube_watch *kube_watch_new(const struct kube_watch_options *options,
                                  const struct kube_watch_handlers *handlers, void *context,
                                  const struct kube_watch_io *io)
{
    struct kube_watch *watch = mem_alloc(sizeof *watch);
    watch->resource = options->target.resource;
    watch->namespace = sv_dup(options->target.namespace);
    watch->field_selector = str_dup(options->field_selector ? options->field_selector : "");
    watch->label_selector = str_dup(options->label_selector ? options->label_selector : "");
    watch->label = str_dup(options->label ? options->label : watch->resource->plural);
    watch->page = options->page ? options->page : LIST_PAGE;
    watch->handlers = *handlers;
    watch->context = context;
    watch->io = *io;
    watch->list_next = true;
    watch->next_ms = INT64_MIN;
    watch->lost_ms = -1;
    buf_init(&watch->version, LIMIT_URL_BYTES);
    buf_init(&watch->next, LIMIT_URL_BYTES);
    buf_init(&watch->error_body, ERROR_BODY_BYTES);
    atomic_init(&watch->state, KUBE_WATCH_STARTING);
    return watch;
}

void kube_watch_free(struct kube_watch *watch)
{
    if (!watch) {
        return;
    }
    if (watch->phase != PHASE_IDLE) {
        watch->io.close(watch->io.context, watch);
    }
    kube_frames_done(&watch->frames);
    buf_done(&watch->version);
    buf_done(&watch->next);
    buf_done(&watch->error_body);
    free(watch->namespace);
    free(watch->field_selector);
    free(watch->label_selector);
    free(watch->label);
    free(watch);
}

const char *kube_watch_label(const struct kube_watch *watch)
{
    return watch->label;
}

const struct kube_watch_counters *kube_watch_counters(const struct kube_watch *watch)
{
    return &watch->counters;
}

enum kube_watch_sync kube_watch_state(const struct kube_watch *watch)
{
    return (enum kube_watch_sync)atomic_load(&watch->state);
}

const char *kube_watch_state_name(enum kube_watch_sync state)
{
    switch (state) {
    case KUBE_WATCH_STARTING:
        return "starting";
    case KUBE_WATCH_SYNCED:
        return "synced";
    case KUBE_WATCH_LAGGING:
        return "lagging";
    case KUBE_WATCH_FORBIDDEN:
        return "forbidden";
    case KUBE_WATCH_NO_KIND:
        return "no_kind";
    }
    return "";
}

static void set_state(struct kube_watch *watch, enum kube_watch_sync state, const char *reason)
{
    if (kube_watch_state(watch) == state && strcmp(watch->reason, reason) == 0) {
        return;
    }
    (void)snprintf(watch->reason, sizeof watch->reason, "%s", reason);
    atomic_store(&watch->state, (int)state);
    watch->handlers.state(watch->context, state, watch->reason);
}

static void plan(struct kube_watch *watch, bool list, int64_t at_ms)
{
    watch->list_next = list;
    watch->next_ms = at_ms;
}

/* A list from its beginning; what is known of versions is worth nothing. */
static void plan_list(struct kube_watch *watch, int64_t at_ms)
{
    buf_clear(&watch->next);
    buf_clear(&watch->version);
    watch->fruitless = 0;
    plan(watch, true, at_ms);
}

/* The same again, later. `why` is told as long as nothing was ever complete. */
static void plan_retry(struct kube_watch *watch, const char *why, int64_t now_ms)
{
    uint32_t random = watch->io.random(watch->io.context);
    int64_t delay = retry_delay_ms(&backoff, watch->failures++, random, watch->retry_after_ms);
    plan(watch, watch->list_next, now_ms + delay);
    if (kube_watch_state(watch) == KUBE_WATCH_STARTING) {
        set_state(watch, KUBE_WATCH_STARTING, why);
    }
}

static void plan_slow_retry(struct kube_watch *watch, enum kube_watch_sync state, const char *why,
                            int64_t now_ms)
{
    uint32_t random = watch->io.random(watch->io.context);
    plan_list(watch, now_ms + retry_delay_ms(&slow_retry, 0, random, -1));
    set_state(watch, state, why);
}

/* The version is gone: list at once, but not again and again. */
static void plan_after_gone(struct kube_watch *watch, int64_t now_ms)
{
    int64_t delay = 0;
    if (watch->gone > 0) {
        uint32_t random = watch->io.random(watch->io.context);
        delay = retry_delay_ms(&backoff, watch->gone - 1, random, -1);
    }
    watch->gone++;
    plan_list(watch, now_ms + delay);
}

static void answer_begin(struct kube_watch *watch, enum phase phase, int64_t now_ms)
{
    enum kube_frames_mode mode = phase == PHASE_LIST ? KUBE_FRAMES_LIST : KUBE_FRAMES_WATCH;
    watch->phase = phase;
    watch->status = 0;
    watch->opened_ms = now_ms;
    watch->retry_after_ms = -1;
    watch->progressed = false;
    watch->expired = false;
    watch->error_event = false;
    watch->failure[0] = '\0';
    buf_clear(&watch->error_body);
    kube_frames_done(&watch->frames);
    kube_frames_init(&watch->frames, mode, LIMIT_ELEMENT_BYTES, &frame_handlers, watch);
}

static void open_list(struct kube_watch *watch, int64_t now_ms)
{
    char limit[16];
    int len = snprintf(limit, sizeof limit, "%u", watch->page);
    const struct kube_target target = {.resource = watch->resource,
                                       .namespace = sv_of(watch->namespace)};
    const struct kube_param params[] = {
        {"limit", sv_make(limit, (size_t)len)},
        {"continue", buf_view(&watch->next)},
        {"fieldSelector", sv_of(watch->field_selector)},
        {"labelSelector", sv_of(watch->label_selector)},
    };
    if (watch->next.len == 0) {
        atomic_fetch_add(&watch->counters.lists, 1);
        watch->handlers.relist_begin(watch->context);
    }
    answer_begin(watch, PHASE_LIST, now_ms);
    watch->io.open(watch->io.context, watch, &target, params, ARRAY_LEN(params), LIST_IDLE_MS);
}

static void open_watch(struct kube_watch *watch, int64_t now_ms)
{
    char timeout[16];
    uint32_t random = watch->io.random(watch->io.context);
    unsigned seconds =
        WATCH_TIMEOUT_MIN_S + (unsigned)(((uint64_t)random * WATCH_TIMEOUT_MIN_S) >> 32);
    int len = snprintf(timeout, sizeof timeout, "%u", seconds);
    const struct kube_target target = {.resource = watch->resource,
                                       .namespace = sv_of(watch->namespace)};
    const struct kube_param params[] = {
        {"watch", SV("true")},
        {"allowWatchBookmarks", SV("true")},
        {"resourceVersion", buf_view(&watch->version)},
        {"timeoutSeconds", sv_make(timeout, (size_t)len)},
        {"fieldSelector", sv_of(watch->field_selector)},
        {"labelSelector", sv_of(watch->label_selector)},
    };
    answer_begin(watch, PHASE_WATCH, now_ms);
    watch->io.open(watch->io.context, watch, &target, params, ARRAY_LEN(params), WATCH_IDLE_MS);
}

static bool lag_is_watched(const struct kube_watch *watch)
{
    return kube_watch_state(watch) == KUBE_WATCH_SYNCED && watch->lost_ms >= 0;
}

static void begin_anew(struct kube_watch *watch, int64_t now_ms)
{
    if (watch->phase != PHASE_IDLE) {
        watch->io.close(watch->io.context, watch);
        watch->phase = PHASE_IDLE;
    }
    plan_list(watch, now_ms);
    set_state(watch, KUBE_WATCH_STARTING, "listing again");
}

void kube_watch_step(struct kube_watch *watch, int64_t now_ms)
{
    if (atomic_exchange(&watch->relist, false)) {
        begin_anew(watch, now_ms);
    }
    if (lag_is_watched(watch) && now_ms - watch->lost_ms >= LAG_MS) {
        set_state(watch, KUBE_WATCH_LAGGING, "no watch for a minute");
    }
    if (watch->phase != PHASE_IDLE || now_ms < watch->next_ms) {
        return;
    }
    if (watch->list_next) {
        open_list(watch, now_ms);
    } else {
        open_watch(watch, now_ms);
    }
}

int64_t kube_watch_next_ms(const struct kube_watch *watch)
{
    int64_t next = watch->phase == PHASE_IDLE ? watch->next_ms : INT64_MAX;
    if (lag_is_watched(watch) && watch->lost_ms + LAG_MS < next) {
        next = watch->lost_ms + LAG_MS;
    }
    return atomic_load(&watch->relist) ? INT64_MIN : next;
}

void kube_watch_relist(struct kube_watch *watch)
{
    atomic_store(&watch->relist, true);
}

/* Objects */

static bool event_of(struct str_view type, enum kube_watch_event *ret)
{
    static const struct {
        const char *type;
        enum kube_watch_event event;
    } events[] = {
        {"ADDED", KUBE_WATCH_ADDED},
        {"MODIFIED", KUBE_WATCH_MODIFIED},
        {"DELETED", KUBE_WATCH_DELETED},
    };
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        if (sv_is(type, events[i].type)) {
            *ret = events[i].event;
            return true;
        }
    }
    return false;
}

static void tell_unreadable(struct kube_watch *watch, struct str_view type,
                            struct str_view namespace, struct str_view name)
{
    enum kube_watch_event event = KUBE_WATCH_LISTED;
    if (watch->phase == PHASE_WATCH && !event_of(type, &event)) {
        /* No object's line. Only an error is to be expected here, and it is no use unread. */
        watch->error_event = true;
        return;
    }
    atomic_fetch_add(&watch->counters.unreadable, 1);
    watch->handlers.unreadable(watch->context, event, namespace, name);
}

static void on_oversized(void *context, const struct kube_frame_names *names)
{
    tell_unreadable(context, names->event, names->namespace, names->name);
}

static void tell_object(struct kube_watch *watch, enum kube_watch_event event,
                        const struct json *object)
{
    atomic_fetch_add(&watch->counters.events, 1);
    watch->handlers.object(watch->context, event, object);
}

static void take_version(struct kube_watch *watch, const struct json *object)
{
    struct str_view version = json_string(json_path(object, "metadata", "resourceVersion", NULL));
    watch->progressed = true;
    if (version.len > 0) {
        buf_clear(&watch->version);
        buf_add(&watch->version, version);
    }
}

/* {"type":"ERROR","object":Status} */
static void take_error(struct kube_watch *watch, const struct json *status)
{
    int64_t code = 0;
    struct str_view message = json_string(json_member(status, "message"));
    bool gone = json_to_i64(json_member(status, "code"), &code) && code == 410;
    watch->expired = gone || json_string_is(json_member(status, "reason"), "Expired") ||
                     json_string_is(json_member(status, "reason"), "Gone");
    watch->error_event = !watch->expired;
    (void)snprintf(watch->failure, sizeof watch->failure, "watch: %.*s", SV_ARG(message));
}

static void take_line(struct kube_watch *watch, const struct json *line)
{
    struct str_view type = json_string(json_member(line, "type"));
    const struct json *object = json_member(line, "object");
    enum kube_watch_event event = KUBE_WATCH_ADDED;
    if (sv_is(type, "ERROR")) {
        take_error(watch, object);
    } else if (sv_is(type, "BOOKMARK")) {
        take_version(watch, object);
    } else if (event_of(type, &event) && json_is(object, JSON_OBJECT)) {
        tell_object(watch, event, object);
        take_version(watch, object);
    } else {
        watch->error_event = true;
        (void)snprintf(watch->failure, sizeof watch->failure, "watch: a line of no known type");
    }
}

/* Nothing behind an error is worth reading: it is about to be asked for again. */
static bool is_over(const struct kube_watch *watch)
{
    return watch->expired || watch->error_event;
}

static void on_element(void *context, char *data, size_t len)
{
    static const struct json_limits limits = {.max_nodes = LIMIT_REVIEW_NODES,
                                              .max_depth = LIMIT_JSON_DEPTH};
    struct kube_watch *watch = context;
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    CLEANUP(buf_done) struct buf text = {0};
    struct kube_frame_names names;
    struct err ignored = {0};
    const struct json *root = NULL;
    if (is_over(watch)) {
        return;
    }
    /* Reading overwrites the text, also when it fails: the names are copied out before. */
    kube_frame_names_find(sv_make(data, len), watch->frames.mode, &names);
    buf_init(&text, LIMIT_URL_BYTES);
    buf_add(&text, names.namespace);
    buf_add(&text, names.name);
    buf_add(&text, names.event);
    struct str_view copied = buf_view(&text);
    if (json_parse(&doc, data, len, &limits, &root, &ignored)) {
        if (watch->phase == PHASE_LIST) {
            tell_object(watch, KUBE_WATCH_LISTED, root);
        } else {
            take_line(watch, root);
        }
        return;
    }
    tell_unreadable(watch, sv_from(copied, names.namespace.len + names.name.len),
                    sv_first(copied, names.namespace.len),
                    sv_first(sv_from(copied, names.namespace.len), names.name.len));
}

/* Answers */

void kube_watch_on_headers(struct kube_watch *watch, unsigned status, struct str_view headers,
                           int64_t now_ms)
{
    watch->status = status;
    watch->retry_after_ms = http_retry_after_ms(headers, 0);
    if (status == 200 && watch->phase == PHASE_WATCH) {
        /* There is a version to watch from, so a list was complete. */
        watch->lost_ms = -1;
        set_state(watch, KUBE_WATCH_SYNCED, "");
    }
    (void)now_ms;
}

bool kube_watch_on_data(struct kube_watch *watch, char *data, size_t len, int64_t now_ms)
{
    struct err err = {0};
    (void)now_ms;
    atomic_fetch_add(&watch->counters.bytes, len);
    if (watch->status != 200) {
        buf_append(&watch->error_body, data, len);
        return !watch->error_body.failed;
    }
    if (!kube_frames_feed(&watch->frames, data, len, &err)) {
        (void)snprintf(watch->failure, sizeof watch->failure, "%s", err.message);
        return false;
    }
    return !is_over(watch);
}

static void list_complete(struct kube_watch *watch, int64_t now_ms)
{
    struct err err = {0};
    struct str_view version = kube_frames_resource_version(&watch->frames);
    if (!kube_frames_end(&watch->frames, &err) || version.len == 0) {
        plan_retry(watch, version.len ? err.message : "the list has no resourceVersion", now_ms);
        return;
    }
    watch->failures = 0;
    buf_clear(&watch->next);
    buf_add(&watch->next, kube_frames_continue(&watch->frames));
    if (watch->next.len > 0) {
        plan(watch, true, now_ms);
        return;
    }
    buf_clear(&watch->version);
    buf_add(&watch->version, version);
    watch->handlers.relist_end(watch->context);
    watch->lost_ms = now_ms;
    plan(watch, false, now_ms);
    set_state(watch, KUBE_WATCH_SYNCED, "");
}

/* A watch that was established is over; `err` NULL: by the server's timeout. */
static void watch_over(struct kube_watch *watch, const struct err *err, int64_t now_ms)
{
    int64_t lasted_ms = now_ms - watch->opened_ms;
    bool proven = watch->progressed || lasted_ms >= LASTING_WATCH_MS;
    watch->lost_ms = now_ms;
    if (proven) {
        watch->failures = 0;
        watch->gone = 0;
        watch->fruitless = 0;
    }
    if (!err && !is_over(watch) && (watch->progressed || lasted_ms >= SHORT_WATCH_MS)) {
        plan(watch, false, now_ms);
        return;
    }
    atomic_fetch_add(&watch->counters.restarts, 1);
    if (watch->expired) {
        plan_after_gone(watch, now_ms);
        return;
    }
    if (++watch->fruitless >= FAILURES_UNTIL_LIST) {
        plan_list(watch, now_ms);
    }
    plan_retry(watch, watch->failure[0] ? watch->failure : err ? err->message : "", now_ms);
}

/* Reads why the API server refused. */
static void read_reason(struct kube_watch *watch, char *ret, size_t size)
{
    static const struct json_limits limits = {.max_nodes = 4096, .max_depth = 16};
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *status = NULL;
    struct err ignored = {0};
    struct str_view message = {0};
    if (watch->error_body.len > 0 && json_parse(&doc, watch->error_body.data, watch->error_body.len,
                                                &limits, &status, &ignored)) {
        message = json_string(json_member(status, "message"));
    }
    (void)snprintf(ret, size, "%s status %u%s%.*s",
                   watch->phase == PHASE_LIST ? "list:" : "watch:", watch->status,
                   message.len ? ": " : "", SV_ARG(message));
}

static void refused(struct kube_watch *watch, int64_t now_ms)
{
    char reason[REASON_BYTES];
    bool first = watch->failures == 0;
    read_reason(watch, reason, sizeof reason);
    if (watch->phase == PHASE_WATCH) {
        atomic_fetch_add(&watch->counters.restarts, 1);
    }
    switch (watch->status) {
    case 401:
        /* A rotated token is no reason to be blind: look at the file, try again at once. */
        watch->io.rejected(watch->io.context);
        plan_retry(watch, reason, now_ms);
        if (first) {
            watch->next_ms = now_ms;
        } else {
            set_state(watch, KUBE_WATCH_FORBIDDEN, reason);
        }
        return;
    case 403:
        plan_slow_retry(watch, KUBE_WATCH_FORBIDDEN, reason, now_ms);
        return;
    case 404:
        plan_slow_retry(watch, KUBE_WATCH_NO_KIND, reason, now_ms);
        return;
    case 410:
        plan_after_gone(watch, now_ms);
        return;
    default:
        if (watch->phase == PHASE_WATCH && ++watch->fruitless >= FAILURES_UNTIL_LIST) {
            plan_list(watch, now_ms);
        }
        plan_retry(watch, reason, now_ms);
    }
}

void kube_watch_on_end(struct kube_watch *watch, const struct err *err, int64_t now_ms)
{
    enum phase phase = watch->phase;
    if (watch->status != 0 && watch->status != 200) {
        refused(watch, now_ms);
    } else if (phase == PHASE_WATCH && watch->status == 200) {
        watch_over(watch, err, now_ms);
    } else if (phase == PHASE_LIST && !err) {
        list_complete(watch, now_ms);
    } else {
        plan_retry(watch, watch->failure[0] ? watch->failure : err ? err->message : "", now_ms);
    }
    watch->phase = PHASE_IDLE;
    kube_frames_done(&watch->frames);
}
