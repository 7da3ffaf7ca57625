/* SPDX-License-Identifier: Apache-2.0 */
/* Carries out one ExternalSecret with the clients of one thread: the engine between the world's
 * stores, AWS and the API server. Blocking. */
#ifndef WEBHOOK_MATERIALISE_H
#define WEBHOOK_MATERIALISE_H

#include "externalsecret/reconcile.h"
#include "webhook/clients.h"
#include "webhook/store_health.h"
#include "world/world.h"

/* Everything is borrowed. */
struct materialise_input {
    const struct external_secret *external_secret;
    struct world *world;
    struct clients *clients;
    struct store_health *stores; /* which of them are silent */
    const struct leader *leader; /* only while it leads a Secret is written; NULL: anyhow */
    bool yields;                 /* to the External Secrets Operator (head_start.h) */
    bool waiting;                /* a request or a held Pod waits; otherwise a refresh */
    int64_t since_ms;            /* what was read then or later will do */
    int64_t deadline_ms;
};

/* As reconcile(). */
enum reconcile_outcome materialise(const struct materialise_input *input,
                                   struct reconcile_report *ret, struct err *err);

#endif
