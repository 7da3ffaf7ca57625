/* SPDX-License-Identifier: Apache-2.0 */
/* A pushdown machine with one counter: within an object only strings and the depth of brackets are
 * followed. Which bracket closes which is left to the reader of the object, so that most bytes cost
 * one look, and those in strings (nearly all of a Secret) a memchr(). */
#include "kube/frames.h"

#include "base/json.h"
#include "base/limits.h"

enum {
    HEAD_BYTES = 64 * 1024,     /* of an oversized object: where its names are looked for */
    METADATA_BYTES = 64 * 1024, /* of a list: version, continue token, remaining count */
    MAX_DEPTH = 20000,          /* encoding/json, which wrote it, stops at 10,000 */
    KEEP_CAPACITY = 256 * 1024,
    METADATA_NODES = 1000,
};

void kube_frames_init(struct kube_frames *frames, enum kube_frames_mode mode, size_t ceiling,
                      const struct kube_frames_handlers *handlers, void *context)
{
    *frames = (struct kube_frames){
        .mode = mode, .ceiling = ceiling, .handlers = handlers, .context = context};
    secret_buf_init(&frames->object, ceiling > METADATA_BYTES ? ceiling : METADATA_BYTES);
    buf_init(&frames->resource_version, LIMIT_URL_BYTES);
    buf_init(&frames->next, LIMIT_URL_BYTES);
}

void kube_frames_done(struct kube_frames *frames)
{
    secret_buf_done(&frames->object);
    buf_done(&frames->resource_version);
    buf_done(&frames->next);
    *frames = (struct kube_frames){0};
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

/* Empties the object buffer. A watch, which may now be silent for hours, gives a buffer back that a
 * large object has blown up; the next element of a list is probably large as well. */
static void forget_object(struct kube_frames *frames)
{
    size_t ceiling = frames->object.bytes.ceiling;
    if (frames->mode == KUBE_FRAMES_WATCH && frames->object.bytes.capacity > KEEP_CAPACITY) {
        secret_buf_done(&frames->object);
        secret_buf_init(&frames->object, ceiling);
    } else {
        buf_clear(&frames->object.bytes);
    }
    frames->over = false;
}

static bool metadata_complete(struct kube_frames *frames)
{
    static const struct json_limits limits = {.max_nodes = METADATA_NODES,
                                              .max_depth = LIMIT_JSON_DEPTH};
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    struct buf *text = &frames->object.bytes;
    struct err ignored = {0};
    const struct json *metadata = NULL;
    if (frames->over || !json_parse(&doc, text->data, text->len, &limits, &metadata, &ignored)) {
        return false;
    }
    buf_add(&frames->resource_version, json_string(json_member(metadata, "resourceVersion")));
    buf_add(&frames->next, json_string(json_member(metadata, "continue")));
    return !frames->resource_version.failed && !frames->next.failed;
}

static void object_begin(struct kube_frames *frames, bool metadata)
{
    frames->state = KUBE_FRAMES_OBJECT;
    frames->metadata = metadata;
    frames->depth = 0;
    frames->in_string = false;
    frames->escaped = false;
}

/* The closing brace has been gathered. */
static bool object_complete(struct kube_frames *frames)
{
    bool ok = true;
    if (frames->metadata) {
        ok = metadata_complete(frames);
    } else if (frames->over) {
        struct kube_frame_names names;
        kube_frame_names_find(secret_buf_view(&frames->object), frames->mode, &names);
        frames->handlers->oversized(frames->context, &names);
    } else {
        frames->handlers->element(frames->context, frames->object.bytes.data,
                                  frames->object.bytes.len);
    }
    forget_object(frames);
    frames->state = frames->metadata                   ? KUBE_FRAMES_MEMBERS
                    : frames->mode == KUBE_FRAMES_LIST ? KUBE_FRAMES_ITEMS
                                                       : KUBE_FRAMES_START;
    frames->any = true;
    frames->comma = false;
    return ok;
}

/* Keeps what fits: exactly the first `ceiling` bytes, whatever the portions were. */
static void gather(struct kube_frames *frames, const char *data, size_t len)
{
    size_t ceiling = frames->metadata ? METADATA_BYTES : frames->ceiling;
    if (frames->over) {
        return;
    }
    size_t room = ceiling - frames->object.bytes.len;
    secret_buf_append(&frames->object, data, len < room ? len : room);
    if (len > room) {
        frames->over = true;
        if (frames->object.bytes.len > HEAD_BYTES) {
            buf_truncate(&frames->object.bytes, HEAD_BYTES);
        }
    }
}

/* The bytes of a string up to and with its closing quote; all of them when that is not here. */
static size_t string_span(struct kube_frames *frames, const char *data, size_t len)
{
    size_t at = 0;
    while (at < len) {
        if (frames->escaped) {
            frames->escaped = false;
            at++;
            continue;
        }
        const char *quote = memchr(data + at, '"', len - at);
        size_t end = quote ? (size_t)(quote - data) : len;
        const char *backslash = memchr(data + at, '\\', end - at);
        if (backslash) {
            frames->escaped = true;
            at = (size_t)(backslash - data) + 1;
        } else if (quote) {
            frames->in_string = false;
            return end + 1;
        } else {
            return len;
        }
    }
    return len;
}

/* The bytes of a value that is nested (or a string), up to its end; false when it is nested beyond
 * reason. `*complete`: its end is here. */
static bool value_span(struct kube_frames *frames, const char *data, size_t len, size_t *ret_span,
                       bool *complete)
{
    size_t at = 0;
    *complete = false;
    while (at < len && !*complete) {
        if (frames->in_string) {
            at += string_span(frames, data + at, len - at);
            *complete = !frames->in_string && frames->depth == 0;
            continue;
        }
        char byte = data[at++];
        if (byte == '"') {
            frames->in_string = true;
        } else if (byte == '{' || byte == '[') {
            frames->depth++;
        } else if (byte == '}' || byte == ']') {
            frames->depth--;
            *complete = frames->depth == 0;
        }
        if (frames->depth > MAX_DEPTH) {
            return false;
        }
    }
    *ret_span = at;
    return true;
}

static bool step_object(struct kube_frames *frames, const char *data, size_t len, size_t *ret_used)
{
    bool complete = false;
    if (!value_span(frames, data, len, ret_used, &complete)) {
        return false;
    }
    gather(frames, data, *ret_used);
    return !complete || object_complete(frames);
}

static void member_complete(struct kube_frames *frames)
{
    frames->state = KUBE_FRAMES_MEMBERS;
    frames->any = true;
    frames->comma = false;
}

static void name_add(struct kube_frames *frames, char byte)
{
    if (frames->name_len < sizeof frames->name) {
        frames->name[frames->name_len++] = byte;
    }
}

static bool name_is(const struct kube_frames *frames, const char *name)
{
    return frames->name_len < sizeof frames->name &&
           sv_is(sv_make(frames->name, frames->name_len), name);
}

/* A number or a literal has no end of its own: the byte behind it is looked at again. */
static bool step_literal(struct kube_frames *frames, char byte, size_t *ret_used)
{
    if (is_space(byte) || byte == ',' || byte == '}') {
        *ret_used = 0;
        member_complete(frames);
        return frames->name_len > 0 && (!frames->has_to_be_null || name_is(frames, "null"));
    }
    name_add(frames, byte);
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '+' ||
           byte == '-' || byte == '.' || byte == 'E';
}

static bool step_skip(struct kube_frames *frames, const char *data, size_t len, size_t *ret_used)
{
    bool complete = false;
    if (frames->depth == 0 && !frames->in_string) {
        return step_literal(frames, data[0], ret_used);
    }
    if (!value_span(frames, data, len, ret_used, &complete)) {
        return false;
    }
    if (complete) {
        member_complete(frames);
    }
    return true;
}

/* At the first byte of a member's value. */
static bool value_begin(struct kube_frames *frames, char byte, size_t *ret_used)
{
    bool items = name_is(frames, "items");
    bool metadata = name_is(frames, "metadata");
    *ret_used = 0;
    if ((items && frames->seen_items) || (metadata && frames->seen_metadata)) {
        return false;
    }
    frames->seen_items |= items;
    frames->seen_metadata |= metadata;
    if (metadata) {
        object_begin(frames, true);
        return byte == '{';
    }
    if (items && byte == '[') {
        *ret_used = 1;
        frames->state = KUBE_FRAMES_ITEMS;
        frames->any = false;
        frames->comma = false;
        return true;
    }
    /* An empty list of Go is null; anything else in its place is no list. */
    frames->state = KUBE_FRAMES_SKIP;
    frames->has_to_be_null = items;
    frames->name_len = 0;
    frames->depth = 0;
    frames->escaped = false;
    frames->in_string = byte == '"';
    if (byte == '"' || byte == '{' || byte == '[') {
        frames->depth = byte == '"' ? 0 : 1;
        *ret_used = 1;
    }
    return !items || *ret_used == 0;
}

static bool step_members(struct kube_frames *frames, char byte)
{
    if (byte == '"' && (!frames->any || frames->comma)) {
        frames->state = KUBE_FRAMES_NAME;
        frames->name_len = 0;
        frames->escaped = false;
        return true;
    }
    if (byte == ',' && frames->any && !frames->comma) {
        frames->comma = true;
        return true;
    }
    if (byte == '}' && !frames->comma) {
        frames->state = KUBE_FRAMES_DONE;
        return true;
    }
    return false;
}

static bool step_items(struct kube_frames *frames, char byte, size_t *ret_used)
{
    if (byte == '{' && (!frames->any || frames->comma)) {
        object_begin(frames, false);
        *ret_used = 0;
        return true;
    }
    if (byte == ',' && frames->any && !frames->comma) {
        frames->comma = true;
        return true;
    }
    if (byte == ']' && !frames->comma) {
        member_complete(frames);
        return true;
    }
    return false;
}

/* A name with an escape is none of those we look for: what it stands for does not matter. */
static bool step_name(struct kube_frames *frames, char byte)
{
    if (frames->escaped) {
        frames->escaped = false;
    } else if (byte == '\\') {
        frames->escaped = true;
        frames->name_len = sizeof frames->name;
    } else if (byte == '"') {
        frames->state = KUBE_FRAMES_COLON;
        return true;
    }
    name_add(frames, byte);
    return true;
}

static bool step_start(struct kube_frames *frames, char byte, size_t *ret_used)
{
    if (byte != '{') {
        return false;
    }
    if (frames->mode == KUBE_FRAMES_LIST) {
        frames->state = KUBE_FRAMES_MEMBERS;
        return true;
    }
    object_begin(frames, false);
    *ret_used = 0;
    return true;
}

/* Takes at least one byte, or changes the state. */
static bool step(struct kube_frames *frames, const char *data, size_t len, size_t *ret_used)
{
    bool between = frames->state != KUBE_FRAMES_NAME && frames->state != KUBE_FRAMES_SKIP &&
                   frames->state != KUBE_FRAMES_OBJECT;
    *ret_used = 1;
    if (between && is_space(data[0])) {
        return true;
    }
    switch (frames->state) {
    case KUBE_FRAMES_START:
        return step_start(frames, data[0], ret_used);
    case KUBE_FRAMES_MEMBERS:
        return step_members(frames, data[0]);
    case KUBE_FRAMES_NAME:
        return step_name(frames, data[0]);
    case KUBE_FRAMES_COLON:
        frames->state = KUBE_FRAMES_VALUE;
        return data[0] == ':';
    case KUBE_FRAMES_VALUE:
        return value_begin(frames, data[0], ret_used);
    case KUBE_FRAMES_SKIP:
        return step_skip(frames, data, len, ret_used);
    case KUBE_FRAMES_ITEMS:
        return step_items(frames, data[0], ret_used);
    case KUBE_FRAMES_OBJECT:
        return step_object(frames, data, len, ret_used);
    case KUBE_FRAMES_DONE:
    case KUBE_FRAMES_FAILED:
        return false;
    }
    return false;
}

bool kube_frames_feed(struct kube_frames *frames, const char *data, size_t len, struct err *err)
{
    while (len > 0) {
        size_t used = 0;
        if (!step(frames, data, len, &used)) {
            frames->state = KUBE_FRAMES_FAILED;
            forget_object(frames);
            return err_set(err, ERR_INVALID,
                           frames->mode == KUBE_FRAMES_LIST ? "the answer is not a list"
                                                            : "the answer is not a watch");
        }
        data += used;
        len -= used;
    }
    return true;
}

bool kube_frames_end(struct kube_frames *frames, struct err *err)
{
    forget_object(frames);
    if (frames->mode == KUBE_FRAMES_WATCH) {
        return true;
    }
    if (frames->state != KUBE_FRAMES_DONE || !frames->seen_items || !frames->seen_metadata) {
        return err_set(err, ERR_INVALID, "the list is not complete");
    }
    return true;
}

struct str_view kube_frames_resource_version(const struct kube_frames *frames)
{
    return buf_view(&frames->resource_version);
}

struct str_view kube_frames_continue(const struct kube_frames *frames)
{
    return buf_view(&frames->next);
}
