/* SPDX-License-Identifier: Apache-2.0 */
/* Where remote values come from in this process, for the thread that owns the clients: AWS Secrets
 * Manager, AWS Parameter Store, and the fake provider's own values. */
#ifndef WEBHOOK_SOURCES_H
#define WEBHOOK_SOURCES_H

#include "externalsecret/source.h"
#include "webhook/clients.h"

/* `clients` was made with options that name AWS services and a world, and outlives the interface.
 * AWS is asked for a hundred values at a time, and for no more once they are over
 * LIMIT_REMOTE_BYTES (ERR_TOO_BIG). ERR_TIMEOUT only where the store has said nothing at all:
 * ERR_BUSY when there was no time for everything, ERR_UNAVAILABLE when the API server did not
 * answer. */
struct secret_source sources_for(struct clients *clients);

#endif
