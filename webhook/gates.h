/* SPDX-License-Identifier: Apache-2.0 */
/* Releases and stamps unbound Pods. Every replica does it: the patches are idempotent and carry the
 * resourceVersion that was looked at; the replicas that do not lead wait a moment first, so that
 * one with a lagging view does not overwrite (DESIGN §12). */
#ifndef WEBHOOK_GATES_H
#define WEBHOOK_GATES_H

#include "base/log.h"
#include "kube/config.h"
#include "policy/policy.h"
#include "webhook/leader.h"
#include "webhook/metrics.h"
#include "webhook/reporter.h"
#include "world/world.h"

struct gates;

struct gates_options {
    struct kube_config *config;
    const struct clock *clock;
    const struct log *log;
    struct world *world;
    const struct policy *policy;
    struct metrics *metrics;
    struct reporter *reporter;
    const struct leader *leader;
    /* On the leader: a held Pod waits for this Secret, which an ExternalSecret describes. May be
     * NULL. */
    void (*wanted)(void *context, struct str_view namespace, struct str_view name);
    void *context;
};

struct gates *gates_new(const struct gates_options *options);
void gates_start(struct gates *gates);
/* Any thread. An unbound Pod came or changed. */
void gates_pod_changed(struct gates *gates, const struct pod *pod);
/* Any thread. A Secret or an ExternalSecret of the namespace came, changed its content or went.
 * Does nothing before Secrets are known: then gates_all_changed() is called. */
void gates_namespace_changed(struct gates *gates, struct str_view namespace);
/* Any thread. Everything has to be looked at again (a table became known, new key, new leader). */
void gates_all_changed(struct gates *gates);
/* Held Pods and the age of the oldest, for the metrics. */
void gates_held(struct gates *gates, size_t *ret_count, int64_t *ret_oldest_ms);
void gates_free(struct gates *gates);

/* The patch that releases and stamps: one strategic merge patch. `stamp` may be NULL. Shared with
 * `keyturn release`. */
void gates_write_patch(struct buf *out, struct str_view resource_version, bool release,
                       const char *stamp);

#endif
