/* SPDX-License-Identifier: Apache-2.0 */
/* The rollout engine: finds workloads whose Pods run with an old Secret and rolls them, once.
 *
 * Level-triggered and the leader's alone. A change of a Secret only makes the engine look, after a
 * debounce; it then reads the workload, its Secrets and its Pods live, and patches one annotation
 * of the template under the resourceVersion it has read. Nothing rolls on start-up, on adoption, or
 * while a required key is absent or unknown (DESIGN §6). */
#ifndef WEBHOOK_ROLLER_H
#define WEBHOOK_ROLLER_H

#include "base/log.h"
#include "kube/config.h"
#include "policy/policy.h"
#include "webhook/leader.h"
#include "webhook/metrics.h"
#include "webhook/reporter.h"
#include "world/world.h"

struct roller;

struct roller_options {
    struct kube_config *config;
    const struct clock *clock;
    const struct log *log;
    struct world *world;
    const struct policy *policy;
    struct metrics *metrics;
    struct reporter *reporter;
    const struct leader *leader;
    int64_t debounce_ms;
    int64_t max_wait_ms;
};

struct roller *roller_new(const struct roller_options *options);
void roller_start(struct roller *roller);
/* Any thread. The content of a Secret changed, appeared or went. */
void roller_secret_changed(struct roller *roller, struct str_view namespace, struct str_view name);
/* Any thread. A workload is new, or its references or marker changed. */
void roller_workload_changed(struct roller *roller, const struct workload *workload);
/* Any thread. A Pod has just been created: remembers for a minute at which resourceVersion. */
void roller_pod_created(struct roller *roller, const struct pod *pod);
/* Any thread. Every workload is to be looked at (this replica leads now, the world is known now).
 */
void roller_look_at_all(struct roller *roller);
size_t roller_stale_pods(struct roller *roller);
void roller_free(struct roller *roller);

#endif
