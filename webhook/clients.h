/* SPDX-License-Identifier: Apache-2.0 */
/* The network clients of one thread: one HTTP handle that keeps its connections, and what speaks
 * over it. Made on the thread that uses them. */
#ifndef WEBHOOK_CLIENTS_H
#define WEBHOOK_CLIENTS_H

#include "http/curl_transport.h"
#include "kube/client.h"

struct sources;
struct sources_thread;

/* Outlives every thread that was started with it. */
struct clients_options {
    struct kube_config *config;
    const struct clock *clock;
    struct sources *sources; /* NULL on threads that read no remote values */
};

struct clients {
    struct curl_transport *transport;
    struct kube_client kube;
    struct sources *sources;
    struct sources_thread *thread_sources; /* made at the first use */
};

/* For workers_options: `options` is a struct clients_options, the result a struct clients. */
void *clients_start(void *options);
void clients_stop(void *clients);

#endif
