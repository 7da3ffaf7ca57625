/* SPDX-License-Identifier: Apache-2.0 */
/* Where remote values come from in this process: AWS Secrets Manager with the credentials of the
 * environment, and the fake provider's own values.
 *
 * Configured once from the environment and then shared; each worker thread has its own clients, one
 * per region. */
#ifndef WEBHOOK_SOURCES_H
#define WEBHOOK_SOURCES_H

#include "externalsecret/source.h"
#include "webhook/clients.h"
#include "webhook/metrics.h"

struct sources;

/* Reads AWS_ACCESS_KEY_ID and its like, the endpoint overrides, and AWS_CA_BUNDLE. ERR_INVALID
 * names the variable. No credentials are no failure: a store that needs them then is. */
MUST_CHECK bool sources_new(const struct clock *clock, struct metrics *metrics,
                            struct sources **ret, struct err *err);
/* After every thread that uses it has ended. Accepts NULL. */
void sources_free(struct sources *sources);

/* The interface for the thread that owns `clients`, whose options named these sources. */
struct secret_source sources_for(struct clients *clients);

/* For clients_stop(). */
void sources_thread_free(struct sources_thread *thread);

#endif
