/* SPDX-License-Identifier: Apache-2.0 */
/* The network clients of one thread: one HTTP handle that keeps its connections, and what speaks
 * over it. Made on the thread that uses them. */
#ifndef WEBHOOK_CLIENTS_H
#define WEBHOOK_CLIENTS_H

#include "http/curl_transport.h"
#include "kube/client.h"

struct aws_services;
struct world;

/* Outlives every thread that was started with it. */
struct clients_options {
    struct kube_config *config;
    const struct clock *clock;
    struct aws_services *aws; /* this and what follows: NULL on threads that read no values */
    struct world *world;
    const atomic_bool *stopping; /* ends calls that are under way; NULL: nothing does */
};

struct clients {
    const struct clients_options *options;
    struct curl_transport *transport;
    struct kube_client kube;
};

/* For workers_options: `options` is a struct clients_options, the result a struct clients. */
void *clients_start(void *options);
void clients_stop(void *clients);

#endif
