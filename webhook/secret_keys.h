/* SPDX-License-Identifier: Apache-2.0 */
/* AWS keys that lie in Secrets of the cluster (auth.secretRef of a store), as a provider of
 * credentials: read live at each fetch, which happens once for each version of the Secrets. */
#ifndef WEBHOOK_SECRET_KEYS_H
#define WEBHOOK_SECRET_KEYS_H

#include "aws/credentials.h"
#include "kube/config.h"
#include "objects/store.h"

/* `namespace` is where references without one point. Copies; `config` outlives it. A fetch fails
 * with ERR_MISSING (no such Secret, no such key) or ERR_INVALID (not fit to be sent). */
struct credentials_provider *secret_keys_provider(struct kube_config *config,
                                                  struct str_view namespace,
                                                  const struct store_aws *store);

#endif
