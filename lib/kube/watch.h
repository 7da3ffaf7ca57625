/* SPDX-License-Identifier: Apache-2.0 */
/* List, then watch, for ever: the life of one watched resource as a state machine.
 *
 * No thread, no clock, no socket: it is told what came and what time it is, and asks for a stream
 * through `struct kube_watch_io`. kube/watcher.h runs many of them over real connections. One
 * thread at a time, but for kube_watch_relist(), the counters and kube_watch_state(): any thread.
 *
 * Life: list in pages (limit and continue) -> watch from the list's resourceVersion with bookmarks
 * and a jittered timeoutSeconds -> resume from the last resourceVersion seen, at once after a clean
 * end, with back-off after a failure -> list again when that version is gone (410), or when watches
 * from it keep failing. 403 and 404 (no such kind) are reported and tried again every 30 s. A
 * connection without a byte for 90 s is cut: bookmarks come every minute.
 * Source: Kubernetes API concepts, "Efficient detection of changes", "Watch bookmarks", "410 Gone".
 */
#ifndef KUBE_WATCH_H
#define KUBE_WATCH_H

#include <stdatomic.h>

#include "base/json.h"
#include "kube/frames.h"
#include "kube/resource.h"

struct kube_watch;

enum kube_watch_event {
    KUBE_WATCH_LISTED, /* an element of a list */
    KUBE_WATCH_ADDED,
    KUBE_WATCH_MODIFIED,
    KUBE_WATCH_DELETED,
};

enum kube_watch_sync {
    KUBE_WATCH_STARTING,  /* never complete so far */
    KUBE_WATCH_SYNCED,    /* a complete list was read, and the watch keeps up */
    KUBE_WATCH_LAGGING,   /* was synced, but has had no watch for a minute */
    KUBE_WATCH_FORBIDDEN, /* 401, 403 */
    KUBE_WATCH_NO_KIND,   /* 404: the API server does not know the resource */
};

/* What is known is good for decisions only in KUBE_WATCH_SYNCED; in every other state it is
 * "unknown". */
struct kube_watch_handlers {
    /* A list begins. What was listed before and does not come until relist_end is gone. May come
     * again without an end in between when a list failed: then everything begins anew. */
    void (*relist_begin)(void *context);
    /* One object; `object` is good during the call, and wiped with its text afterwards. */
    void (*object)(void *context, enum kube_watch_event event, const struct json *object);
    /* One that is over the ceiling or not readable: unknown, unless the event is DELETED. Its names
     * are empty where they could not be made out. */
    void (*unreadable)(void *context, enum kube_watch_event event, struct str_view namespace,
                       struct str_view name);
    /* The list was complete. */
    void (*relist_end)(void *context);
    /* The state changed, or its reason did; `reason` is one line ("" for SYNCED). */
    void (*state)(void *context, enum kube_watch_sync state, const char *reason);
};

/* How the watch reaches the network. */
struct kube_watch_io {
    /* Begins a GET. `params` have the values of this call and are borrowed. What comes of it is
     * told by kube_watch_on_headers(), _on_data(), _on_end(), never from within open(). */
    void (*open)(void *context, struct kube_watch *watch, const struct kube_target *target,
                 const struct kube_param *params, size_t param_count, int64_t idle_ms);
    /* Gives the running GET up; no call for it follows. */
    void (*close)(void *context, struct kube_watch *watch);
    /* 32 uniform bits: jitter. */
    uint32_t (*random)(void *context);
    /* 401 came: have the token read again. */
    void (*rejected)(void *context);
    void *context;
};

struct kube_watch_options {
    struct kube_target target;  /* a collection; the views are copied */
    const char *field_selector; /* NULL: none */
    const char *label_selector;
    const char *label; /* for metrics: "secrets" */
    unsigned page;     /* elements a list call; 0: 500 */
};

struct kube_watch_counters {
    atomic_uint_least64_t bytes;      /* of bodies received */
    atomic_uint_least64_t lists;      /* lists begun */
    atomic_uint_least64_t restarts;   /* watches that ended other than by their own timeout */
    atomic_uint_least64_t events;     /* objects handed out, listed ones included */
    atomic_uint_least64_t unreadable; /* objects reported as such */
};

struct kube_watch *kube_watch_new(const struct kube_watch_options *options,
                                  const struct kube_watch_handlers *handlers, void *context,
                                  const struct kube_watch_io *io);
/* Closes what is open; accepts NULL. */
void kube_watch_free(struct kube_watch *watch);

/* Does what is due: opens a list or a watch, notices a lag. Begins with the first call. */
void kube_watch_step(struct kube_watch *watch, int64_t now_ms);
/* When kube_watch_step() has to be called next (monotonic). */
int64_t kube_watch_next_ms(const struct kube_watch *watch);
/* Whatever runs is given up and the next step lists again: what is known means nothing any more
 * (the digest key changed). Any thread. */
void kube_watch_relist(struct kube_watch *watch);

void kube_watch_on_headers(struct kube_watch *watch, unsigned status, struct str_view headers,
                           int64_t now_ms);
/* `data` is overwritten. False: enough of this answer, the stream is to be cut; on_end follows. */
bool kube_watch_on_data(struct kube_watch *watch, char *data, size_t len, int64_t now_ms);
/* `err` NULL: the answer ended as it should. */
void kube_watch_on_end(struct kube_watch *watch, const struct err *err, int64_t now_ms);

const char *kube_watch_label(const struct kube_watch *watch);
const struct kube_watch_counters *kube_watch_counters(const struct kube_watch *watch);
/* Any thread. */
enum kube_watch_sync kube_watch_state(const struct kube_watch *watch);
/* "starting", "synced", ... */
const char *kube_watch_state_name(enum kube_watch_sync state);

#endif
