/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/sources.h"

#include "externalsecret/fake_source.h"
#include "webhook/aws_find.h"

static void tell_contact(const struct remote_request *request, const struct aws_values *values)
{
    if (request->contact) {
        *request->contact = values->contact;
    }
}

static bool read_aws(struct clients *clients, const struct remote_request *request,
                     struct remote_read *reads, size_t count, struct err *err)
{
    CLEANUP(aws_values_done) struct aws_values values = {0};
    bool read = aws_values_begin(&values, clients, request, err) &&
                aws_values_read(&values, reads, count, err);
    tell_contact(request, &values);
    return read;
}

static bool find_aws(struct clients *clients, const struct remote_request *request,
                     const struct remote_find *find, struct data_map *ret, struct err *err)
{
    CLEANUP(aws_values_done) struct aws_values values = {0};
    if (request->waiting) {
        return err_set(err, ERR_BUSY, "dataFrom.find is carried out in the background only");
    }
    bool found =
        aws_values_begin(&values, clients, request, err) && aws_find(&values, find, ret, err);
    tell_contact(request, &values);
    return found;
}

static bool refuse(const struct store *store, struct err *err)
{
    return err_set(err, ERR_INVALID, "store %.*s: its provider is not supported",
                   SV_ARG(store->name));
}

static bool source_read(void *context, const struct remote_request *request,
                        struct remote_read *reads, size_t count, struct err *err)
{
    const struct secret_source fake = fake_source();
    switch (request->store->provider) {
    case PROVIDER_AWS_SECRETS_MANAGER:
    case PROVIDER_AWS_PARAMETER_STORE:
        return read_aws(context, request, reads, count, err);
    case PROVIDER_FAKE:
        return fake.read(fake.context, request, reads, count, err);
    case PROVIDER_OTHER:
        break;
    }
    return refuse(request->store, err);
}

static bool source_find(void *context, const struct remote_request *request,
                        const struct remote_find *find, struct data_map *ret, struct err *err)
{
    const struct secret_source fake = fake_source();
    switch (request->store->provider) {
    case PROVIDER_AWS_SECRETS_MANAGER:
    case PROVIDER_AWS_PARAMETER_STORE:
        return find_aws(context, request, find, ret, err);
    case PROVIDER_FAKE:
        return fake.find(fake.context, request, find, ret, err);
    case PROVIDER_OTHER:
        break;
    }
    return refuse(request->store, err);
}

struct secret_source sources_for(struct clients *clients)
{
    return (struct secret_source){.read = source_read, .find = source_find, .context = clients};
}
