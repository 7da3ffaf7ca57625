/* SPDX-License-Identifier: Apache-2.0 */
/* Is a Pod running with an old Secret? Pure; any thread.
 *
 * Stale is a live Pod (bound, not terminating, not finished) whose known stamp differs from the
 * hash of its references now, while the template's marker differs from that hash too, and from the
 * one that a roll would set. While a rollout is under way Pods with different references live side
 * by side, and each has a hash of its own: a template that asked for the one, then for the other,
 * would never come to rest. A stamp that
 * is absent or was made under another key or version is never stale: it is adopted (DESIGN §6,
 * §12). */
#ifndef ROLLOUT_STALENESS_H
#define ROLLOUT_STALENESS_H

#include "world/fingerprint.h"

enum pod_judgement {
    POD_FRESH,      /* runs with what is there now */
    POD_SUPERSEDED, /* old, but the template already asks for its replacement */
    POD_STALE,      /* old, and nothing replaces it: roll */
    POD_RESTAMP,    /* was stamped by a lagging view, yet started with the new value: correct it */
    POD_ADOPT,      /* has no stamp of ours: give it one, restart nothing */
};

/* What is known about the workload and its Secrets. */
struct staleness_now {
    const struct fingerprint_keys *keys;
    struct str_view marker;            /* of the live template; data NULL when it has none */
    struct str_view hash;              /* of the Pod's references, now */
    struct str_view wanted;            /* what a roll would set; empty: `hash` */
    int64_t secrets_written_ms;        /* newest write of one of its Secrets; 0 unknown */
    uint64_t secrets_resource_version; /* highest one among its Secrets; 0 unknown */
};

struct staleness_pod {
    struct str_view stamp; /* data NULL when it has none */
    int64_t created_ms;
    uint64_t first_seen_resource_version; /* 0: not seen being created lately */
};

/* `*ret_stamp` (borrowed from `now`) is the stamp to write for RESTAMP and ADOPT. */
enum pod_judgement staleness_judge(const struct staleness_now *now, const struct staleness_pod *pod,
                                   struct str_view *ret_stamp);

#endif
