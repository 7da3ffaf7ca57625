/* SPDX-License-Identifier: Apache-2.0 */
/* Looks for an object's names without reading the object: it may be cut off anywhere, so the strict
 * reader is of no use. What is odd ends the search. */
#include "kube/frames.h"

/* Where in a line or element we are. */
enum level {
    LEVEL_LINE,     /* {"type":..,"object":{..}} */
    LEVEL_OBJECT,   /* {"metadata":{..}} */
    LEVEL_METADATA, /* {"name":..,"namespace":..} */
};

struct scan {
    const char *at;
    const char *end;
    struct kube_frame_names *names;
    bool want_event;
};

static bool more(struct scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t')) {
        scan->at++;
    }
    return scan->at < scan->end;
}

static bool take(struct scan *scan, char byte)
{
    if (!more(scan) || *scan->at != byte) {
        return false;
    }
    scan->at++;
    return true;
}

/* A string; `*ret` is empty when it has escapes. */
static bool take_string(struct scan *scan, struct str_view *ret)
{
    bool plain = true;
    if (!take(scan, '"')) {
        return false;
    }
    const char *start = scan->at;
    while (scan->at < scan->end && *scan->at != '"') {
        if (*scan->at == '\\') {
            plain = false;
            scan->at++;
        }
        scan->at++;
    }
    if (scan->at >= scan->end) {
        return false;
    }
    *ret = plain ? sv_make(start, (size_t)(scan->at - start)) : sv_make(start, 0);
    scan->at++;
    return true;
}

static bool skip_value(struct scan *scan)
{
    struct str_view ignored;
    size_t depth = 0;
    do {
        if (!more(scan)) {
            return false;
        }
        char byte = *scan->at;
        if (byte == '"') {
            if (!take_string(scan, &ignored)) {
                return false;
            }
            continue;
        }
        if (depth == 0 && (byte == ',' || byte == '}' || byte == ']')) {
            return true; /* behind a number or a literal */
        }
        depth += byte == '{' || byte == '[';
        depth -= byte == '}' || byte == ']';
        scan->at++;
        if (depth == 0 && byte != '}' && byte != ']') {
            /* Within a number or a literal: on to the byte behind it. */
            while (scan->at < scan->end && !strchr(",}] \t\r\n", *scan->at)) {
                scan->at++;
            }
        }
    } while (depth > 0);
    return true;
}

static bool scan_object(struct scan *scan, enum level level);

static bool scan_member(struct scan *scan, enum level level, struct str_view key)
{
    struct kube_frame_names *names = scan->names;
    struct str_view *target = NULL;
    if (level == LEVEL_LINE && sv_is(key, "type")) {
        target = &names->event;
    } else if (level == LEVEL_METADATA && sv_is(key, "name")) {
        target = &names->name;
    } else if (level == LEVEL_METADATA && sv_is(key, "namespace")) {
        target = &names->namespace;
    }
    if (target && more(scan) && *scan->at == '"') {
        return take_string(scan, target);
    }
    if ((level == LEVEL_LINE && sv_is(key, "object")) ||
        (level == LEVEL_OBJECT && sv_is(key, "metadata"))) {
        return scan_object(scan, level + 1);
    }
    return skip_value(scan);
}

static bool found_all(const struct scan *scan)
{
    const struct kube_frame_names *names = scan->names;
    return names->name.data && names->namespace.data && (!scan->want_event || names->event.data);
}

/* At an opening brace. False: cut off, odd, or everything was found. */
static bool scan_object(struct scan *scan, enum level level)
{
    struct str_view key;
    if (!take(scan, '{')) {
        return false;
    }
    if (take(scan, '}')) {
        return true;
    }
    do {
        if (!take_string(scan, &key) || !take(scan, ':') || !scan_member(scan, level, key) ||
            found_all(scan)) {
            return false;
        }
    } while (take(scan, ','));
    /* Behind the metadata only the type of a line is still of interest. */
    if (level == LEVEL_METADATA && (!scan->want_event || scan->names->event.data)) {
        return false;
    }
    return take(scan, '}');
}

void kube_frame_names_find(struct str_view head, enum kube_frames_mode mode,
                           struct kube_frame_names *ret)
{
    *ret = (struct kube_frame_names){0};
    if (head.len == 0) {
        return;
    }
    struct scan scan = {
        .at = head.data,
        .end = head.data + head.len,
        .names = ret,
        .want_event = mode == KUBE_FRAMES_WATCH,
    };
    (void)scan_object(&scan, mode == KUBE_FRAMES_LIST ? LEVEL_OBJECT : LEVEL_LINE);
}
