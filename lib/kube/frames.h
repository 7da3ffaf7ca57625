/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts single objects out of a long answer: the elements of a list, the lines of a watch.
 *
 * Bytes come in any portions; each object is gathered in one secret buffer, handed out and wiped,
 * so a list of a thousand Secrets never needs more memory than its largest one. Only brackets and
 * strings are looked at: whether the object is JSON is for base/json.h to say. What is larger than
 * the ceiling is skipped and reported, never fatal to the rest. One thread at a time. Sources:
 * Kubernetes API concepts, "Efficient detection of changes" (a watch is a stream of JSON documents)
 * and "Retrieving large results sets in chunks". */
#ifndef KUBE_FRAMES_H
#define KUBE_FRAMES_H

#include "base/secret_buf.h"

enum kube_frames_mode {
    KUBE_FRAMES_LIST,  /* {"kind":.., "metadata":{..}, "items":[{..},{..}]}, members in any order */
    KUBE_FRAMES_WATCH, /* {"type":"ADDED","object":{..}} and again, white space between them */
};

/* What can be told of an object without reading it: found within its first bytes, empty otherwise.
 */
struct kube_frame_names {
    struct str_view event; /* "type" of a watch line; empty in a list */
    struct str_view namespace;
    struct str_view name;
};

struct kube_frames_handlers {
    /* One whole element or line. The bytes may be overwritten; they are wiped after the call. */
    void (*element)(void *context, char *data, size_t len);
    /* One that was larger than the ceiling. */
    void (*oversized)(void *context, const struct kube_frame_names *names);
};

enum kube_frames_state {
    KUBE_FRAMES_START,   /* before the list's opening brace; between the lines of a watch */
    KUBE_FRAMES_MEMBERS, /* in the list: a member name, a comma or the end */
    KUBE_FRAMES_NAME,    /* in a member name */
    KUBE_FRAMES_COLON,   /* behind a member name */
    KUBE_FRAMES_VALUE,   /* before a member's value */
    KUBE_FRAMES_SKIP,    /* in a value nobody needs */
    KUBE_FRAMES_ITEMS,   /* in "items": an element, a comma or the end */
    KUBE_FRAMES_OBJECT,  /* in an element, a line, or the list's metadata */
    KUBE_FRAMES_DONE,    /* behind the list: white space only */
    KUBE_FRAMES_FAILED,
};

/* Initialise with kube_frames_init(); the members are the implementation's. */
struct kube_frames {
    enum kube_frames_mode mode;
    enum kube_frames_state state;
    const struct kube_frames_handlers *handlers;
    void *context;
    size_t ceiling;
    struct secret_buf object; /* the object being gathered */
    bool over;                /* it is over the ceiling and only skipped */
    bool in_string;
    bool escaped;
    bool any;            /* the members, or the elements, have begun */
    bool comma;          /* a comma came: another one has to follow */
    bool metadata;       /* the object is the list's metadata */
    bool has_to_be_null; /* the value being skipped stands where the items would */
    bool seen_items;
    bool seen_metadata;
    uint32_t depth;
    char name[16]; /* of the current member of the list, then its number or literal; cut */
    uint32_t name_len;
    struct buf resource_version;
    struct buf next; /* metadata.continue */
};

/* `ceiling` of one object in bytes (LIMIT_ELEMENT_BYTES). `handlers` outlives the frames. */
void kube_frames_init(struct kube_frames *frames, enum kube_frames_mode mode, size_t ceiling,
                      const struct kube_frames_handlers *handlers, void *context);
/* Wipes and releases; accepts a zeroed struct. */
void kube_frames_done(struct kube_frames *frames);
/* ERR_INVALID when this is no list or no stream of objects; nothing is accepted afterwards. How the
 * bytes are portioned makes no difference to what is handed out. */
MUST_CHECK bool kube_frames_feed(struct kube_frames *frames, const char *data, size_t len,
                                 struct err *err);
/* The answer is over: was the list complete (ERR_INVALID otherwise)? A watch may end within a line,
 * which is then dropped. */
MUST_CHECK bool kube_frames_end(struct kube_frames *frames, struct err *err);

/* Of a list, once kube_frames_end() said it is complete: metadata.resourceVersion and
 * metadata.continue, empty where absent. */
struct str_view kube_frames_resource_version(const struct kube_frames *frames);
struct str_view kube_frames_continue(const struct kube_frames *frames);

/* Reads the names of an object, or of the object within a watch line, out of its first bytes. Views
 * into `head`, which is not changed; names with escapes are left out (no valid name has one). */
void kube_frame_names_find(struct str_view head, enum kube_frames_mode mode,
                           struct kube_frame_names *ret);

#endif
