/* SPDX-License-Identifier: Apache-2.0 */
/* keyturn serve, once its options are read and the process is hardened. */
#ifndef WEBHOOK_SERVE_H
#define WEBHOOK_SERVE_H

#include "webhook/config.h"

/* Wires the parts and runs until SIGTERM, SIGINT or SIGHUP shows at `signal_fd`
 * (webhook/process.h). The exit status of webhook/commands.h; failures are logged. */
int serve_run(const struct config *config, int signal_fd);

#endif
