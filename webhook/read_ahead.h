/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what several ExternalSecrets ask AWS for into the value cache: all that one identity may
 * read of one service goes together. What fails here is asked for again by whoever needs it. */
#ifndef WEBHOOK_READ_AHEAD_H
#define WEBHOOK_READ_AHEAD_H

#include "aws/reader.h"
#include "objects/external_secret.h"
#include "webhook/clients.h"

/* Blocking, at most until `deadline_ms`. Those whose store is not AWS, or that are not rendered by
 * this version, are passed over; so are those with which one identity would read more than a burst
 * of batches. `notice` as in aws/reader.h, for the last that is asked for; it may not come. */
void read_ahead(struct clients *clients, const struct external_secret *const *all, size_t count,
                int64_t deadline_ms, const struct reader_notice *notice);
/* For one that another thread reads ahead and has asked for: waits for that by making calls that
 * are due, so that batches which one identity waits for go out side by side. Asks for nothing
 * itself. */
void read_along(struct clients *clients, const struct external_secret *one, int64_t deadline_ms);

#endif
