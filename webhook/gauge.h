/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics that are looked up when somebody asks for them, in the text format of Prometheus. Any
 * thread. */
#ifndef WEBHOOK_GAUGE_H
#define WEBHOOK_GAUGE_H

#include "base/buf.h"
#include "webhook/server.h"

void gauge_write(struct buf *out, const char *name, const char *help, long long value);
/* What the server turned away, by reason. */
void gauge_write_refused(struct buf *out, const struct server_counters *counters);

#endif
