/* SPDX-License-Identifier: Apache-2.0 */
/* Which stores have just timed out: nobody waits for those, one probe every ten seconds decides.
 *
 * Any thread. */
#ifndef WEBHOOK_STORE_HEALTH_H
#define WEBHOOK_STORE_HEALTH_H

#include <pthread.h>

#include "base/err.h"
#include "base/table.h"
#include "externalsecret/source.h"
#include "objects/store.h"

enum {
    STORE_PROBE_MS = 10000,
};

struct store_health {
    pthread_mutex_t mutex;
    struct table probes; /* store -> int64_t *: when it may be asked again */
};

void store_health_init(struct store_health *health);
void store_health_done(struct store_health *health);
/* May the store be asked now? Taking a probe makes everybody else wait for the next. ERR_BUSY says
 * when that is. */
MUST_CHECK bool store_health_may_ask(struct store_health *health, const struct store *store,
                                     int64_t now_ms, struct err *err);
/* It timed out and has not answered since. Takes no probe. */
bool store_health_is_silent(struct store_health *health, const struct store *store);
/* What has come of a request that was allowed. */
struct store_outcome {
    int64_t allowed_ms;
    enum remote_contact contact;
    bool in_vain; /* its time was over without what was asked for */
};

/* A store that has answered, whatever it said, is not silent; one that was waited for in vain is.
 * Who has asked nothing leaves a probe that he may have taken to the next. */
void store_health_note(struct store_health *health, const struct store *store, int64_t now_ms,
                       const struct store_outcome *outcome);

#endif
