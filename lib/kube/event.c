/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/event.h"

#include "base/encode.h"
#include "base/limits.h"
#include "base/lock.h"
#include "base/table.h"
#include "base/timestamp.h"
#include "http/retry.h"

enum {
    REMEMBERED = 1024,
    BODY_BYTES = 16 * 1024,
    KEY_BYTES = 8 * 1024,
    SUFFIX_BYTES = 17, /* a dot and 16 hex digits */
};

static const struct str_view field_manager = {"keyturn", 7};

/* What was said about one object. */
struct said {
    char name[LIMIT_NAME_BYTES + 1]; /* of the Event; empty while its POST is on the way */
    int64_t count;
    int64_t last_ms;
};

struct kube_events {
    char *component;
    char *instance;
    pthread_mutex_t lock; /* guards `said` */
    struct table said;
};

struct kube_events *kube_events_new(const char *component, const char *instance)
{
    struct kube_events *events = mem_alloc(sizeof *events);
    events->component = str_dup(component);
    events->instance = str_dup(instance);
    mutex_init(&events->lock);
    table_init(&events->said, free);
    return events;
}

void kube_events_free(struct kube_events *events)
{
    if (!events) {
        return;
    }
    table_done(&events->said);
    (void)pthread_mutex_destroy(&events->lock);
    free(events->component);
    free(events->instance);
    free(events);
}

static struct str_view event_namespace(const struct kube_event *event)
{
    return event->namespace.len > 0 ? event->namespace : SV("default");
}

/* At most KUBE_EVENT_MESSAGE_BYTES, without cutting a character in two. */
static struct str_view cut_message(struct str_view message)
{
    size_t len = message.len;
    if (len <= KUBE_EVENT_MESSAGE_BYTES) {
        return message;
    }
    len = KUBE_EVENT_MESSAGE_BYTES;
    while (len > 0 && ((unsigned char)message.data[len] & 0xc0) == 0x80) {
        len--;
    }
    return sv_first(message, len);
}

/* Everything that makes two Events the same; U+0000 occurs in none of the parts. */
static void make_key(struct buf *key, const struct kube_event *event)
{
    const struct str_view parts[] = {
        sv_of(event->kind), event->namespace,     event->name,
        event->uid,         sv_of(event->reason), cut_message(event->message),
    };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        buf_add(key, parts[i]);
        buf_add_byte(key, '\0');
    }
}

/* An object's name leaves room for the suffix, and ends as a name may end. */
static void make_name(const struct kube_event *event, char ret[LIMIT_NAME_BYTES + 1])
{
    struct str_view stem = sv_first(event->name, LIMIT_NAME_BYTES - SUFFIX_BYTES);
    while (stem.len > 0 && (stem.data[stem.len - 1] == '.' || stem.data[stem.len - 1] == '-')) {
        stem.len--;
    }
    (void)snprintf(ret, LIMIT_NAME_BYTES + 1, "%.*s.%08x%08x", SV_ARG(stem), retry_random(NULL),
                   retry_random(NULL));
}

static void add_member(struct buf *body, const char *name, struct str_view value)
{
    if (value.len > 0) {
        buf_printf(body, "%s\"%s\":", body->data[body->len - 1] == '{' ? "" : ",", name);
        encode_json_string(body, value);
    }
}

static void add_object(struct buf *body, const struct kube_event *event)
{
    buf_add_str(body, ",\"involvedObject\":{");
    add_member(body, "apiVersion", sv_of(event->api_version));
    add_member(body, "kind", sv_of(event->kind));
    add_member(body, "namespace", event->namespace);
    add_member(body, "name", event->name);
    add_member(body, "uid", event->uid);
    add_member(body, "resourceVersion", event->resource_version);
    buf_add_byte(body, '}');
}

static void make_body(const struct kube_events *events, const struct kube_event *event,
                      const struct said *said, int64_t wall_ms, struct buf *body)
{
    char now[TIMESTAMP_BYTES];
    timestamp_format(wall_ms, now);
    buf_add_str(body, "{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"metadata\":{");
    add_member(body, "name", sv_of(said->name));
    add_member(body, "namespace", event_namespace(event));
    buf_add_byte(body, '}');
    add_object(body, event);
    add_member(body, "type", event->warning ? SV("Warning") : SV("Normal"));
    add_member(body, "reason", sv_of(event->reason));
    add_member(body, "message", cut_message(event->message));
    buf_add_str(body, ",\"source\":{");
    add_member(body, "component", sv_of(events->component));
    buf_add_byte(body, '}');
    add_member(body, "reportingComponent", sv_of(events->component));
    add_member(body, "reportingInstance", sv_of(events->instance));
    add_member(body, "firstTimestamp", sv_of(now));
    add_member(body, "lastTimestamp", sv_of(now));
    buf_printf(body, ",\"count\":%lld}", (long long)said->count);
}

/* The lock is held. Makes room for one more: first what is too old to be repeated, then everything:
 * at worst an Event is said twice. */
static void make_room(struct kube_events *events, int64_t now_ms)
{
    size_t position = 0;
    struct str_view key;
    void *value = NULL;
    if (events->said.count < REMEMBERED) {
        return;
    }
    struct table kept;
    table_init(&kept, free);
    while (table_next(&events->said, &position, &key, &value)) {
        const struct said *said = value;
        if (now_ms - said->last_ms < KUBE_EVENT_WINDOW_MS) {
            struct said *copy = mem_alloc(sizeof *copy);
            *copy = *said;
            table_put(&kept, key, copy);
        }
    }
    table_done(&events->said);
    if (kept.count >= REMEMBERED) {
        table_done(&kept);
        table_init(&kept, free);
    }
    events->said = kept;
}

enum what {
    SAY_NEW,   /* POST */
    SAY_AGAIN, /* PATCH of `name` to `count` */
    SAY_LATER, /* its POST is on the way in another thread: counted only */
};

/* Decides under the lock; the calls themselves go without it. */
static enum what note(struct kube_events *events, struct str_view key, int64_t now_ms,
                      struct said *ret)
{
    enum what what = SAY_NEW;
    (void)pthread_mutex_lock(&events->lock);
    struct said *said = table_get(&events->said, key);
    if (said && now_ms - said->last_ms < KUBE_EVENT_WINDOW_MS) {
        said->count++;
        said->last_ms = now_ms;
        *ret = *said;
        what = said->name[0] ? SAY_AGAIN : SAY_LATER;
    } else {
        make_room(events, now_ms);
        said = mem_alloc(sizeof *said);
        said->count = 1;
        said->last_ms = now_ms;
        *ret = *said;
        table_put(&events->said, key, said);
    }
    (void)pthread_mutex_unlock(&events->lock);
    return what;
}

/* How a POST ended: `name` NULL is not at all, and the next one tries again. */
static void remember(struct kube_events *events, struct str_view key, const char *name)
{
    (void)pthread_mutex_lock(&events->lock);
    struct said *said = table_get(&events->said, key);
    if (said && name) {
        (void)snprintf(said->name, sizeof said->name, "%s", name);
    } else if (said) {
        (void)table_erase(&events->said, key);
    }
    (void)pthread_mutex_unlock(&events->lock);
}

/* `said` has the count, and gets its name here. */
static bool post_new(struct kube_events *events, const struct kube_client *client,
                     const struct kube_event *event, struct str_view key, struct said *said,
                     int64_t deadline_ms, struct err *err)
{
    CLEANUP(kube_response_done) struct kube_response response = {0};
    CLEANUP(buf_done) struct buf body = {0};
    const struct kube_target target = {.resource = &kube_core_events,
                                       .namespace = event_namespace(event)};
    make_name(event, said->name);
    buf_init(&body, BODY_BYTES);
    make_body(events, event, said, clock_wall_ms(client->clock), &body);
    bool ok =
        buf_check(&body, "the Event", err) &&
        kube_create(client, &target, field_manager, buf_view(&body), deadline_ms, &response, err);
    remember(events, key, ok ? said->name : NULL);
    return ok;
}

static bool patch_count(const struct kube_client *client, const struct kube_event *event,
                        const struct said *said, int64_t deadline_ms, struct err *err)
{
    CLEANUP(kube_response_done) struct kube_response response = {0};
    char now[TIMESTAMP_BYTES];
    char body[128];
    const struct kube_target target = {.resource = &kube_core_events,
                                       .namespace = event_namespace(event),
                                       .name = sv_of(said->name)};
    timestamp_format(clock_wall_ms(client->clock), now);
    int len = snprintf(body, sizeof body, "{\"count\":%lld,\"lastTimestamp\":\"%s\"}",
                       (long long)said->count, now);
    return kube_patch(client, &target, KUBE_PATCH_MERGE, field_manager, sv_make(body, (size_t)len),
                      deadline_ms, &response, err);
}

bool kube_events_post(struct kube_events *events, const struct kube_client *client,
                      const struct kube_event *event, int64_t deadline_ms, struct err *err)
{
    CLEANUP(buf_done) struct buf key = {0};
    struct said said = {0};
    struct err failure = {0};
    buf_init(&key, KEY_BYTES);
    make_key(&key, event);
    if (!buf_check(&key, "the Event's object", err)) {
        return false;
    }
    switch (note(events, buf_view(&key), clock_monotonic_ms(client->clock), &said)) {
    case SAY_LATER:
        return true;
    case SAY_NEW:
        return post_new(events, client, event, buf_view(&key), &said, deadline_ms, err);
    case SAY_AGAIN:
        break;
    }
    if (patch_count(client, event, &said, deadline_ms, &failure)) {
        return true;
    }
    if (failure.kind != ERR_MISSING) {
        *err = failure;
        return false;
    }
    /* The API server drops Events after an hour, or whenever it likes: then it is a new one. */
    return post_new(events, client, event, buf_view(&key), &said, deadline_ms, err);
}
