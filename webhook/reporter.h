/* SPDX-License-Identifier: Apache-2.0 */
/* Tells people: Kubernetes Events, posted by threads of their own so that nothing waits for them.
 *
 * What cannot be posted is logged and forgotten; a full queue drops. */
#ifndef WEBHOOK_REPORTER_H
#define WEBHOOK_REPORTER_H

#include "base/log.h"
#include "kube/config.h"
#include "kube/event.h"

struct reporter;

/* `instance` names this replica. The config outlives the reporter. */
struct reporter *reporter_new(struct kube_config *config, const char *instance,
                              const struct clock *clock, const struct log *log);
/* Any thread; copies everything it is given. */
void reporter_post(struct reporter *reporter, const struct kube_event *event);
/* Likewise, for what comes in thousands and nobody waits for: behind its own kind, when none has
 * come for half a second or it has waited for five, twenty at once and twenty a second. */
void reporter_post_in_turn(struct reporter *reporter, const struct kube_event *event);
/* Posts what is queued, for at most three seconds, then ends the threads. Accepts NULL. */
void reporter_free(struct reporter *reporter);

#endif
