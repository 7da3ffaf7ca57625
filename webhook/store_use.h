/* SPDX-License-Identifier: Apache-2.0 */
/* Which stores an ExternalSecret reads from: its own and those that single entries name. Any
 * thread. */
#ifndef WEBHOOK_STORE_USE_H
#define WEBHOOK_STORE_USE_H

#include "webhook/store_health.h"
#include "world/world.h"

/* Each of them is there, or known not to be, and it is known whether it may be used: while stores
 * and namespaces are still being listed, and when they may not be, one that is missing is no
 * mistake of whoever wrote the ExternalSecret. */
bool store_use_is_known(struct world *world, const struct external_secret *external_secret);
/* Object, what may have changed of it (its version), and of each store which generation it is and
 * whether it may be used: what is made from it before one of them changed is another thing. A
 * store's status changes nothing. The caller frees. */
char *store_use_basis(struct world *world, const struct external_secret *external_secret);
/* One of them is another controller's, and so is it. */
bool store_use_is_others(struct world *world, const struct external_secret *external_secret);
/* One of them has timed out and not answered since. */
bool store_use_is_silent(struct world *world, struct store_health *health,
                         const struct external_secret *external_secret);
/* Whether this store is one of them; `namespace` means nothing for a ClusterSecretStore. */
bool store_use_has(const struct external_secret *external_secret, bool cluster,
                   struct str_view namespace, struct str_view name);

#endif
