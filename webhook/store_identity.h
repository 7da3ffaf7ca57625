/* SPDX-License-Identifier: Apache-2.0 */
/* As whom a store reads for an ExternalSecret: its key, and what obtains the credentials
 * (external-secrets.md §3.2 to §3.4, aws.md §2.7).
 *
 * The key holds everything that makes the identity: of keys in Secrets their uid and
 * resourceVersion, of a ServiceAccount its uid, role and audiences, each role that is assumed with
 * its external id and tags. It never falls back on Keyturn's own credentials. */
#ifndef WEBHOOK_STORE_IDENTITY_H
#define WEBHOOK_STORE_IDENTITY_H

#include "kube/client.h"
#include "objects/store.h"
#include "webhook/aws_services.h"
#include "world/world.h"

/* Zeroed is empty. */
struct store_identity {
    struct identity_key key;
    struct credentials_provider *provider;
};

/* Accepts a zeroed one. */
void store_identity_done(struct store_identity *identity);

struct store_identity_request {
    struct aws_services *services;
    struct world *world;
    const struct kube_client *client; /* for ServiceAccounts, and Secrets that are not known yet */
    const struct store *store;
    struct str_view namespace; /* the ExternalSecret's */
    int64_t deadline_ms;
};

/* ERR_MISSING (a ServiceAccount or Secret that does not exist; or Keyturn has no credentials of its
 * own), ERR_DENIED, ERR_INVALID (the store is not supported, the ServiceAccount has no role), and
 * those of the Kubernetes API. `*ret` is untouched then. */
MUST_CHECK bool store_identity_find(const struct store_identity_request *request,
                                    struct store_identity *ret, struct err *err);

/* Keyturn's own, for a region. ERR_MISSING: it has none. */
MUST_CHECK bool store_identity_own(struct aws_services *services, struct str_view region,
                                   struct store_identity *ret, struct err *err);

#endif
