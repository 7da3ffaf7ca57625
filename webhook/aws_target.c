/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/aws_target.h"

enum endpoint_service aws_target_service(const struct store *store)
{
    return store->provider == PROVIDER_AWS_PARAMETER_STORE ? ENDPOINT_SSM
                                                           : ENDPOINT_SECRETS_MANAGER;
}

bool aws_target_at(struct clients *clients, enum endpoint_service service, struct str_view region,
                   const struct store_identity *identity, struct aws_target *ret, struct err *err)
{
    struct aws_services *services = clients->options->aws;
    ret->thread = aws_services_thread(services, clients->kube.transport);
    ret->lease = (struct credentials_lease){.cache = aws_services_credentials(services),
                                            .key = identity->key,
                                            .provider = identity->provider};
    ret->credentials = credentials_lease_source(&ret->lease);
    ret->service = (struct service_target){
        .thread = &ret->thread, .credentials = &ret->credentials, .urgency = SERVICE_BACKGROUND};
    return aws_services_endpoint(services, service, region, &ret->service.endpoint, err);
}

bool aws_target_find(struct clients *clients, const struct remote_request *request,
                     const struct store_identity *identity, struct aws_target *ret, struct err *err)
{
    const struct store *store = request->store;
    bool found =
        aws_target_at(clients, aws_target_service(store), store->aws.region, identity, ret, err);
    ret->service.urgency = request->waiting ? SERVICE_ADMISSION : SERVICE_BACKGROUND;
    ret->service.deadline_ms = request->deadline_ms;
    return found;
}
