/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what several ExternalSecrets ask AWS for into the value cache: all that one identity may
 * read of one service goes together. What fails here is asked for again by whoever needs it. */
#ifndef WEBHOOK_READ_AHEAD_H
#define WEBHOOK_READ_AHEAD_H

#include "objects/external_secret.h"
#include "webhook/clients.h"

/* Blocking, at most until `deadline_ms`. Those whose store is not AWS, or that are not rendered by
 * this version, are passed over; so are those with which one identity would read more than a burst
 * of batches. */
void read_ahead(struct clients *clients, const struct external_secret *const *all, size_t count,
                int64_t deadline_ms);

#endif
