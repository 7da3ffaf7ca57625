/* SPDX-License-Identifier: Apache-2.0 */
/* What the servers here have in common: the program's own HTTPS server, on a free port of loopback,
 * with certificates of its own making. Dies where something cannot be had. Main's thread. */
#ifndef TESTS_BENCH_SERVING_H
#define TESTS_BENCH_SERVING_H

#include "base/budget.h"
#include "webhook/server.h"

struct serving {
    const struct clock *clock;
    struct log log; /* standard error */
    struct budget budget;
    struct cert_holder *certificates;
    struct server *server;
    /* The CA, the chain that is sent and its key; as the program makes them unless said otherwise.
     */
    void (*make_certificate)(struct buf *ca, struct buf *chain, struct secret_buf *key);
    int signals;
};

/* Hardens the process as the program is. Before the first other thread. */
void serving_init(struct serving *serving);
/* Serves with `check`, `handle`, `done` and `context` of `callbacks`; writes the certificate
 * authority to `ca_file` and logs "started" with the port. */
void serving_start(struct serving *serving, const char *ca_file,
                   const struct server_options *callbacks);
/* Until SIGTERM. */
void serving_wait(const struct serving *serving);
/* Nothing is suspended any more. The exit status. */
int serving_stop(struct serving *serving);

#endif
