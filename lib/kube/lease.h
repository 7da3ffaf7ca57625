/* SPDX-License-Identifier: Apache-2.0 */
/* One holder among several replicas: a Lease (coordination.k8s.io/v1).
 *
 * The rules are those of client-go's leader election, so that kubectl and other tools understand
 * what they see. Another's claim is timed from the moment *we* saw it change, by our monotonic
 * clock: clocks of different nodes are never compared. One thread at a time; kube_lease_held() from
 * any. */
#ifndef KUBE_LEASE_H
#define KUBE_LEASE_H

#include <stdatomic.h>

#include "kube/client.h"

enum {
    KUBE_LEASE_DURATION_MS = 15000, /* others wait so long since they saw the last renewal */
    KUBE_LEASE_RENEW_MS = 10000,    /* a holder that could not renew for so long has stopped */
    KUBE_LEASE_RETRY_MS = 2000,     /* between two looks or renewals */
};

/* What stands in the Lease. Owned buffers. */
struct kube_lease_record {
    struct buf holder;     /* holderIdentity; empty: free */
    struct buf renew_time; /* as written; only compared with itself */
    struct buf version;    /* metadata.resourceVersion */
    int64_t duration_ms;   /* leaseDurationSeconds */
    int64_t transitions;
};

enum kube_lease_action {
    KUBE_LEASE_WAIT,  /* another holds it */
    KUBE_LEASE_TAKE,  /* free, or its holder has been silent for its duration */
    KUBE_LEASE_RENEW, /* ours */
};

/* The rule itself: `seen_ms` is when we saw this holder and renew time first. */
enum kube_lease_action kube_lease_decide(const struct kube_lease_record *record,
                                         struct str_view identity, int64_t seen_ms, int64_t now_ms);

/* Initialise with kube_lease_init(). */
struct kube_lease {
    struct kube_target target;
    struct str_view identity;
    struct kube_lease_record observed;
    bool known; /* there is a Lease, and `observed` is what it said last */
    int64_t seen_ms;
    int64_t next_ms;
    atomic_int_least64_t held_until_ms; /* monotonic; 0: not held */
    /* How often it was held and then was not, if only between two steps. The stepping thread's. */
    unsigned losses;
};

/* Views are borrowed and outlive the lease. `identity` is unique among the replicas. */
void kube_lease_init(struct kube_lease *lease, struct str_view namespace, struct str_view name,
                     struct str_view identity);
/* Releases memory only; accepts a zeroed struct. */
void kube_lease_done(struct kube_lease *lease);

/* One look, and one write where the rule says so; blocks for at most `timeout_ms` in all. Failure
 * is for the log only: what is held is told by kube_lease_held(). Verbs: get, create, patch. */
MUST_CHECK bool kube_lease_step(struct kube_lease *lease, const struct kube_client *client,
                                int64_t timeout_ms, struct err *err);
/* When to step again (monotonic). */
int64_t kube_lease_next_ms(const struct kube_lease *lease);
/* Ours, and renewed within KUBE_LEASE_RENEW_MS. Ask right before each act that needs it. Any
 * thread. */
bool kube_lease_held(const struct kube_lease *lease, int64_t now_ms);
/* Whoever holds it as far as we know; empty: nobody. The stepping thread only. */
struct str_view kube_lease_holder(const struct kube_lease *lease);
/* Gives it up, so that the next need not wait; call when nothing that needs it runs any more. */
MUST_CHECK bool kube_lease_release(struct kube_lease *lease, const struct kube_client *client,
                                   int64_t timeout_ms, struct err *err);

#endif
