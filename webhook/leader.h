/* SPDX-License-Identifier: Apache-2.0 */
/* Is this replica the one that rolls, adopts, refreshes and sweeps? One Lease decides. */
#ifndef WEBHOOK_LEADER_H
#define WEBHOOK_LEADER_H

#include "base/log.h"
#include "kube/config.h"

struct leader;

struct leader_options {
    struct kube_config *config;
    const struct clock *clock;
    const struct log *log;
    const char *namespace;
    const char *lease;
    const char *identity;
    /* Called on the leader's thread when this replica becomes, or stops being, the holder; also
     * when it was none for a moment only, because then nobody did what was due in that moment. */
    void (*changed)(void *context, bool leads);
    void *context;
};

struct leader *leader_new(const struct leader_options *options);
void leader_start(struct leader *leader);
/* Right now, by the Lease's rules: ask before each act. Any thread. */
bool leader_leads(const struct leader *leader);
/* From its return on `changed` is not called any more: what it calls may go. The Lease is kept. */
void leader_silence(struct leader *leader);
/* Stops, and gives the Lease up so that another replica need not wait for it. Accepts NULL. */
void leader_free(struct leader *leader);

#endif
