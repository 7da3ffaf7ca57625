/* SPDX-License-Identifier: Apache-2.0 */
/* Remote values by the store they are read through: what leads from a store to lib/aws. Blocking;
 * the thread that owns the clients. */
#ifndef WEBHOOK_AWS_READING_H
#define WEBHOOK_AWS_READING_H

#include "externalsecret/source.h"
#include "webhook/clients.h"
#include "webhook/store_identity.h"

/* Of providers by AWS. */
static inline bool aws_reading_serves(const struct store *store)
{
    return store->provider == PROVIDER_AWS_SECRETS_MANAGER ||
           store->provider == PROVIDER_AWS_PARAMETER_STORE;
}

/* What a store calls the secret: its prefix and remoteRef.key. The caller frees it. */
char *aws_reading_key(const struct store *store, struct str_view key);

/* As whom a store reads for a namespace. */
MUST_CHECK bool aws_reading_identity(struct clients *clients, const struct store *store,
                                     struct str_view namespace, int64_t deadline_ms,
                                     struct store_identity *ret, struct err *err);

/* reader_read() as that identity. `notice` may be NULL; where this fails it is not given. */
MUST_CHECK bool aws_reading_read(struct clients *clients, const struct remote_request *request,
                                 const struct store_identity *identity, struct reader_item *items,
                                 size_t count, const struct reader_notice *notice, struct err *err);

/* reader_join() as that identity. */
void aws_reading_join(struct clients *clients, const struct remote_request *request,
                      const struct store_identity *identity, const struct reader_item *items,
                      size_t count);

#endif
