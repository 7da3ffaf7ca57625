/* SPDX-License-Identifier: Apache-2.0 */
/* Says in the status of every store whether credentials can be obtained for it, where Keyturn is
 * the controller, on the leader (external-secrets.md §3.7).
 *
 * A store is validated when its spec is new or has changed and every five minutes from then on; at
 * a start those that have a status already, and when this replica leads again those that it has
 * validated before, have their turn within the first five minutes, one after the other. Nothing is
 * read of a store but credentials. One that names namespaces only by who uses it cannot be asked
 * for itself and counts as valid. Any thread. */
#ifndef WEBHOOK_STORE_VALIDATOR_H
#define WEBHOOK_STORE_VALIDATOR_H

#include "base/log.h"
#include "webhook/clients.h"
#include "webhook/leader.h"
#include "webhook/reporter.h"
#include "webhook/workers.h"
#include "world/world.h"

enum {
    STORE_VALID_MS = 5 * 60 * 1000,
};

struct store_validator;

struct store_validator_options {
    const struct clock *clock;
    const struct log *log;
    struct world *world;
    const struct leader *leader;
    struct reporter *reporter;
    struct workers *workers;    /* their contexts are struct clients */
    const char *operator_class; /* whose stores are Keyturn's besides its own; NULL: nobody's */
    bool enabled;               /* false: stores are left alone */
};

struct store_validator *store_validator_new(const struct store_validator_options *options);
void store_validator_start(struct store_validator *validator);
void store_validator_changed(struct store_validator *validator, bool cluster,
                             struct str_view namespace, struct str_view name);
/* This replica leads now, or stores are known now. */
void store_validator_look_at_all(struct store_validator *validator);
/* Nothing is begun any more; before the workers are released. */
void store_validator_stop(struct store_validator *validator);
/* The workers have been released before. Accepts NULL. */
void store_validator_free(struct store_validator *validator);

#endif
