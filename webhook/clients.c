/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/clients.h"

void *clients_start(void *argument)
{
    const struct clients_options *options = argument;
    struct clients *clients = mem_alloc(sizeof *clients);
    clients->options = options;
    clients->transport = curl_transport_new(options->clock);
    curl_transport_cancel_with(clients->transport, options->stopping);
    clients->kube = (struct kube_client){
        .config = options->config,
        .transport = curl_transport_interface(clients->transport),
        .clock = options->clock,
    };
    return clients;
}

void clients_stop(void *argument)
{
    struct clients *clients = argument;
    if (clients) {
        curl_transport_free(clients->transport);
        free(clients);
    }
}
