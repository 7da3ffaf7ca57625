/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of the gate and the stamp of one unbound Pod: pure.
 *
 * A gate goes when none of the Pod's references that hold it is absent, when nothing calls for it
 * any more, or when the hold has ended. While a Pod is unbound its stamp follows its Secrets
 * (DESIGN §2, §12). */
#ifndef WEBHOOK_GATE_RULES_H
#define WEBHOOK_GATE_RULES_H

#include "objects/pod.h"
#include "policy/policy.h"
#include "world/facts.h"
#include "world/fingerprint.h"

enum gate_reason {
    GATE_NOTHING,       /* leave the Pod as it is */
    GATE_PRESENT,       /* everything that held it is there */
    GATE_NOT_WANTED,    /* an annotation, a priority class or policy no longer calls for it */
    GATE_HOLD_ENDED,    /* it has waited long enough: kubelet waits from here on */
    GATE_STAMP_FOLLOWS, /* no gate; the stamp is behind the Secrets */
};

struct gate_input {
    const struct pod *pod;
    const struct facts *facts;
    const struct fingerprint_keys *keys; /* NULL: none */
    const struct policy_rules *rules;
    bool synced;           /* Secrets are known completely; ExternalSecrets need not be */
    int64_t now_ms;        /* by the API server's clock, as creationTimestamp is */
    int64_t not_before_ms; /* no hold ends before: first sync and some seconds (DESIGN §12) */
};

struct gate_judgement {
    enum gate_reason reason;
    bool release;
    bool write_stamp;
    char stamp[FINGERPRINT_BYTES];
    int64_t
        again_ms; /* look again then, by the same clock; INT64_MAX: only when something changes */
    const struct secret_ref *missing; /* the first reference that holds the Pod; NULL: none */
    bool described;                   /* an ExternalSecret describes a Secret that holds the Pod */
};

void gate_judge(const struct gate_input *input, struct gate_judgement *ret);

#endif
