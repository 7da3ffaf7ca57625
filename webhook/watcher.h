/* SPDX-License-Identifier: Apache-2.0 */
/* The watcher thread: fills the world from watches and tells who has to look. Only here is the
 * world written.
 *
 * ExternalSecrets and their stores are watched as v1, and as v1beta1 where the API server does not
 * know v1; where it knows neither there are none. */
#ifndef WEBHOOK_WATCHER_H
#define WEBHOOK_WATCHER_H

#include "base/log.h"
#include "kube/config.h"
#include "webhook/metrics.h"
#include "world/world.h"

struct watcher;

/* All called on the watcher thread; they only take note. */
struct watcher_listener {
    void (*secret_changed)(void *context, struct str_view namespace, struct str_view name,
                           bool content);
    void (*external_secret_changed)(void *context, struct str_view namespace, struct str_view name);
    void (*store_changed)(void *context, bool cluster, struct str_view namespace,
                          struct str_view name);
    void (*namespace_changed)(void *context, struct str_view name);
    void (*workload_changed)(void *context, const struct workload *workload);
    void (*pod_changed)(void *context, const struct pod *pod, bool created);
    /* A Secret of Keyturn's own namespace, whole; NULL: it is gone. */
    void (*own_secret)(void *context, struct str_view name, const struct json *object);
    /* Some table became known, or unknown. */
    void (*synced)(void *context);
    void *context;
};

struct watcher_options {
    struct kube_config *config;
    const struct clock *clock;
    const struct log *log;
    struct world *world;
    struct metrics *metrics;
    const char *namespace; /* Keyturn's own */
    bool stores;           /* watch SecretStores, ClusterSecretStores and Namespaces too */
    struct watcher_listener listener;
};

struct watcher *watcher_new(const struct watcher_options *options);
void watcher_start(struct watcher *watcher);
/* Any thread: the digests of all Secrets mean nothing any more. */
void watcher_relist_secrets(struct watcher *watcher);
/* Any thread: every table that decisions are made from is known. */
bool watcher_is_synced(const struct watcher *watcher);
/* Any thread: Secrets, Pods and workloads are known. Rolls and gates need no more: ExternalSecrets
 * may be forbidden, or their definition broken. */
bool watcher_knows_workloads(const struct watcher *watcher);
/* Appends what the watches tell to the metrics. */
void watcher_write_metrics(struct watcher *watcher, struct buf *out);
void watcher_free(struct watcher *watcher);

#endif
