/* SPDX-License-Identifier: Apache-2.0 */
/* keyturn release, once its options are read and the process is hardened.
 *
 * With --all the webhook configuration is deleted first, so that no new gate comes; then every held
 * Pod is released, until nothing has been held for two seconds. Without it, the Pods of one
 * namespace that are held right now. */
#ifndef WEBHOOK_RELEASE_H
#define WEBHOOK_RELEASE_H

#include "webhook/config.h"

/* The exit status of webhook/commands.h. Says on stdout what it did; failures are logged. */
int release_run(const struct config *config);

#endif
