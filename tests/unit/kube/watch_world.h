/* SPDX-License-Identifier: Apache-2.0 */
/* The world of one kube_watch: what it asked for, what it told, and a clock and chance that the
 * test sets. `told` has a line for everything that happened, in order. Included by one test program
 * at a time, so everything is static. */
#ifndef WATCH_WORLD_H
#define WATCH_WORLD_H

#include <stdarg.h>

#include "base/err.h"
#include "base/limits.h"
#include "check_main.h"
#include "kube/watch.h"

static struct kube_watch *watch;
static char told[8192];
static size_t told_len;
static int64_t now;
static uint32_t chance;
static unsigned rejected;
static bool is_open;
static int64_t idle;

static inline void tell(const char *format, ...) PRINTF_LIKE(1, 2);

static inline void tell(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    told_len += (size_t)vsnprintf(told + told_len, sizeof told - told_len, format, args);
    va_end(args);
    ck_assert_uint_lt(told_len, sizeof told);
}

static inline void on_relist_begin(void *context)
{
    (void)context;
    tell("begin\n");
}

static inline const char *event_name(enum kube_watch_event event)
{
    static const char *const names[] = {"LISTED", "ADDED", "MODIFIED", "DELETED"};
    return names[event];
}

static inline void on_object(void *context, enum kube_watch_event event, const struct json *object)
{
    struct str_view name = json_string(json_path(object, "metadata", "name", NULL));
    (void)context;
    tell("%s %.*s\n", event_name(event), SV_ARG(name));
}

static inline void on_unreadable(void *context, enum kube_watch_event event,
                                 struct str_view namespace, struct str_view name)
{
    (void)context;
    tell("unreadable %s %.*s/%.*s\n", event_name(event), SV_ARG(namespace), SV_ARG(name));
}

static inline void on_relist_end(void *context)
{
    (void)context;
    tell("end\n");
}

static inline void on_state(void *context, enum kube_watch_sync state, const char *reason)
{
    (void)context;
    tell("state %s%s%s\n", kube_watch_state_name(state), reason[0] ? " " : "", reason);
}

static const struct kube_watch_handlers handlers = {on_relist_begin, on_object, on_unreadable,
                                                    on_relist_end, on_state};

static inline void io_open(void *context, struct kube_watch *which,
                           const struct kube_target *target, const struct kube_param *params,
                           size_t count, int64_t idle_ms)
{
    CLEANUP(buf_done) struct buf url = {0};
    struct err err = {0};
    (void)context;
    ck_assert(!is_open);
    ck_assert(!watch || which == watch);
    buf_init(&url, LIMIT_URL_BYTES);
    ck_assert(kube_path(&url, target, &err));
    kube_query(&url, params, count);
    tell("GET %s\n", url.data);
    is_open = true;
    idle = idle_ms;
}

static inline void io_close(void *context, struct kube_watch *which)
{
    (void)context;
    (void)which;
    ck_assert(is_open);
    is_open = false;
    tell("close\n");
}

static inline uint32_t io_random(void *context)
{
    (void)context;
    return chance;
}

static inline void io_rejected(void *context)
{
    (void)context;
    rejected++;
}

static const struct kube_watch_io io = {io_open, io_close, io_random, io_rejected, NULL};

static inline void setup(void)
{
    const struct kube_watch_options options = {
        .target = {.resource = &kube_secrets, .namespace = SV("team")},
        .field_selector = "type!=x",
    };
    told_len = 0;
    told[0] = '\0';
    now = 1000000;
    chance = UINT32_MAX; /* the longest delay */
    rejected = 0;
    is_open = false;
    watch = NULL;
    watch = kube_watch_new(&options, &handlers, NULL, &io);
}

static inline void teardown(void)
{
    kube_watch_free(watch);
    ck_assert(!is_open);
}

/* Everything told since the last call is this. */
static inline void expect(const char *text)
{
    ck_assert_str_eq(told, text);
    told_len = 0;
    told[0] = '\0';
}

static inline void step(void)
{
    kube_watch_step(watch, now);
}

/* Steps exactly when the watch says, and shows that it does nothing before. */
static inline void step_after(int64_t ms)
{
    ck_assert_int_eq(kube_watch_next_ms(watch), now + ms);
    if (ms > 0) {
        now += ms - 1;
        step();
        ck_assert(!is_open);
        now++;
    }
    step();
}

static inline void headers(unsigned status, const char *text)
{
    kube_watch_on_headers(watch, status, sv_of(text), now);
}

static inline bool data(const char *text)
{
    char *copy = mem_dup(text, strlen(text));
    bool wanted = kube_watch_on_data(watch, copy, strlen(text), now);
    free(copy);
    return wanted;
}

/* kind 0: the answer ended as it should. */
static inline void end(enum err_kind kind)
{
    struct err err = {0};
    if (kind != ERR_NONE) {
        (void)err_set(&err, kind, "cut");
    }
    ck_assert(is_open);
    is_open = false;
    kube_watch_on_end(watch, kind != ERR_NONE ? &err : NULL, now);
}

static inline void answer(unsigned status, const char *body)
{
    headers(status, "");
    (void)data(body);
    end(ERR_NONE);
}

#define OBJECT(name, version)                                                                      \
    "{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"team\",\"resourceVersion\":\"" version   \
    "\"}}"
#define LIST(version, next, items)                                                                 \
    "{\"metadata\":{\"resourceVersion\":\"" version "\",\"continue\":\"" next                      \
    "\"},\"items\":[" items "]}"
#define LINE(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define STATUS(code, reason, message)                                                              \
    "{\"kind\":\"Status\",\"code\":" code ",\"reason\":\"" reason "\",\"message\":\"" message "\"" \
    "}"

#define LIST_URL "GET /api/v1/namespaces/team/secrets?limit=500&fieldSelector=type%21%3Dx\n"
#define PAGE_URL(token)                                                                            \
    "GET /api/v1/namespaces/team/secrets?limit=500&continue=" token "&fieldSelector=type%21%3Dx\n"
#define WATCH_URL(version)                                                                         \
    "GET /api/v1/namespaces/team/secrets?watch=true&allowWatchBookmarks=true"                      \
    "&resourceVersion=" version "&timeoutSeconds=599&fieldSelector=type%21%3Dx\n"

/* Through the first list into an established watch from version 10. */
static inline void establish(void)
{
    step();
    answer(200, LIST("10", "", OBJECT("a", "5")));
    step();
    headers(200, "");
    expect("begin\n" LIST_URL "LISTED a\nend\nstate synced\n" WATCH_URL("10"));
}

#endif
