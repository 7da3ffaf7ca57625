/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/health.h"

void health_init(struct health *health, const struct clock *clock, struct cert_holder *certificates)
{
    health->clock = clock;
    health->certificates = certificates;
    health->started_ms = clock_monotonic_ms(clock);
    atomic_init(&health->synced, false);
    atomic_init(&health->draining, false);
}

bool health_is_ready(const struct health *health, const char **ret_reason)
{
    if (atomic_load(&health->draining)) {
        *ret_reason = "stopping";
        return false;
    }
    struct serving_cert *cert = cert_holder_get(health->certificates);
    serving_cert_release(cert);
    if (!cert) {
        *ret_reason = "no serving certificate yet";
        return false;
    }
    int64_t waited = clock_monotonic_ms(health->clock) - health->started_ms;
    if (!atomic_load(&health->synced) && waited < HEALTH_PATIENCE_MS) {
        *ret_reason = "waiting for the first lists";
        return false;
    }
    *ret_reason = "ready";
    return true;
}
