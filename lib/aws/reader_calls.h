/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader does that takes time: it asks a service, and it waits for another thread. An
 * interface, so that tests decide how both go. */
#ifndef AWS_READER_CALLS_H
#define AWS_READER_CALLS_H

#include "aws/endpoint.h"
#include "aws/read_fetch.h"
#include "aws/secretsmanager.h"
#include "base/lock.h"

struct reader_calls {
    /* Asks for one value; fills `fetch->value`, or answers false and fills `error` and `err`. */
    bool (*single)(void *context, enum endpoint_service service,
                   const struct service_target *target, struct read_fetch *fetch);
    /* Asks for several: as single() for each of them. SERVICE_OK without a value: nothing came for
     * it. False: the whole call failed, `error` and `err` say why, and no fetch was touched. */
    bool (*batch)(void *context, enum endpoint_service service, const struct service_target *target,
                  struct read_fetch *const *fetches, size_t count, struct service_error *error,
                  struct err *err);
    /* cond_wait_until(); may return early. */
    void (*wait)(void *context, pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ms);
    void *context;
};

/* Secrets Manager, Parameter Store, and the machine's clock. */
const struct reader_calls *reader_calls_real(void);

#endif
