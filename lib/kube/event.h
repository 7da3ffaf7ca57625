/* SPDX-License-Identifier: Apache-2.0 */
/* Events on objects, as `kubectl describe` shows them (core/v1 Event).
 *
 * The same (object, reason, message) within ten minutes is not a new Event: its count and
 * lastTimestamp are patched, as client-go's recorder does. What was said is remembered in a bounded
 * table. Any thread; the lock is not held during a call. */
#ifndef KUBE_EVENT_H
#define KUBE_EVENT_H

#include "kube/client.h"

enum {
    KUBE_EVENT_MESSAGE_BYTES = 1024, /* core/v1 Event: longer messages are refused */
    KUBE_EVENT_WINDOW_MS = 600000,
};

/* Views are borrowed. */
struct kube_event {
    const char *api_version; /* of the object: "v1", "apps/v1" */
    const char *kind;
    struct str_view namespace; /* empty: cluster-scoped; the Event then stands in "default" */
    struct str_view name;
    struct str_view uid;
    struct str_view resource_version; /* may be empty */
    bool warning;                     /* type Warning instead of Normal */
    const char *reason;               /* UpperCamelCase, a machine's word */
    struct str_view message; /* for people; cut to KUBE_EVENT_MESSAGE_BYTES at a character */
};

struct kube_events;

/* `component` is who reports ("keyturn"), `instance` which of them (the Pod's name); both copied.
 */
struct kube_events *kube_events_new(const char *component, const char *instance);
/* Accepts NULL. */
void kube_events_free(struct kube_events *events);
/* Blocks until posted, patched or failed. Verbs: create, patch. */
MUST_CHECK bool kube_events_post(struct kube_events *events, const struct kube_client *client,
                                 const struct kube_event *event, int64_t deadline_ms,
                                 struct err *err);

#endif
