/* SPDX-License-Identifier: Apache-2.0 */
/* Many watches over real connections, on the one thread that calls kube_watcher_run_once().
 *
 * All handlers are called from that thread. The other functions are for that thread too, but for
 * kube_watcher_wake(), kube_watcher_relist() and reading counters and states. */
#ifndef KUBE_WATCHER_H
#define KUBE_WATCHER_H

#include "http/stream.h"
#include "kube/config.h"
#include "kube/watch.h"

struct kube_watcher;

/* `config` and `clock` outlive it. */
struct kube_watcher *kube_watcher_new(struct kube_config *config, const struct clock *clock);
/* Closes all connections; accepts NULL. No handler is called. */
void kube_watcher_free(struct kube_watcher *watcher);

/* Starts at the next run. The watch belongs to the watcher and lives until kube_watcher_remove() or
 * kube_watcher_free(). Handlers are copied. */
struct kube_watch *kube_watcher_add(struct kube_watcher *watcher,
                                    const struct kube_watch_options *options,
                                    const struct kube_watch_handlers *handlers, void *context);
/* Ends a watch; not from within a handler. */
void kube_watcher_remove(struct kube_watcher *watcher, struct kube_watch *watch);

/* Waits at most `max_wait_ms` for traffic, timers or a wake, and does what is due. */
void kube_watcher_run_once(struct kube_watcher *watcher, int64_t max_wait_ms);
/* Any thread: run_once() returns soon. */
void kube_watcher_wake(struct kube_watcher *watcher);
/* Any thread: list this watch again, at the next run. */
void kube_watcher_relist(struct kube_watcher *watcher, struct kube_watch *watch);

/* Walks the watches (for metrics); NULL at the end. Adding or removing meanwhile is not allowed. */
struct kube_watch *kube_watcher_at(struct kube_watcher *watcher, size_t index);

#endif
