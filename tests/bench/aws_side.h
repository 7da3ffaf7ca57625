/* SPDX-License-Identifier: Apache-2.0 */
/* Keyturn's own side of a measurement of AWS: what webhook/serve.c makes of it, with far_aws as the
 * endpoint, keys and a session token in an environment of its own, and a ClusterSecretStore that
 * reads with them. Dies where something cannot be had. */
#ifndef TESTS_BENCH_AWS_SIDE_H
#define TESTS_BENCH_AWS_SIDE_H

#include "webhook/aws_services.h"
#include "webhook/clients.h"
#include "webhook/store_identity.h"

struct aws_side {
    struct log nowhere;
    struct metrics *metrics;
    struct world *world;
    struct store *store;
    struct aws_services *services;
    struct clients_options clients; /* for clients_start(): without a Kubernetes API */
    struct environment environment;
    char url[64];
    const char *ca_file;
};

/* `port` and `ca_file` are the far end's. */
void aws_side_init(struct aws_side *side, const struct clock *clock, int64_t port,
                   const char *ca_file);
/* No clients are left. */
void aws_side_done(struct aws_side *side);

#endif
