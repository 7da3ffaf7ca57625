/* SPDX-License-Identifier: Apache-2.0 */
/* Is this replica ready? It has a certificate, and knows the world or has tried for ten seconds:
 * a slow API server must not mean that the Service has no endpoints (DESIGN §12). Any thread. */
#ifndef WEBHOOK_HEALTH_H
#define WEBHOOK_HEALTH_H

#include <stdatomic.h>

#include "base/clock.h"
#include "tls/serving_cert.h"

enum {
    HEALTH_PATIENCE_MS = 10000,
};

struct health {
    const struct clock *clock;
    struct cert_holder *certificates;
    int64_t started_ms;
    atomic_bool synced;
    atomic_bool draining;
};

void health_init(struct health *health, const struct clock *clock,
                 struct cert_holder *certificates);
/* `*ret_reason` says in a few words why not, or "ready". */
bool health_is_ready(const struct health *health, const char **ret_reason);

#endif
