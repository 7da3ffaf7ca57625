/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/aws_reading.h"

#include "webhook/aws_target.h"

char *aws_reading_key(const struct store *store, struct str_view key)
{
    struct buf whole;
    buf_init(&whole, store->aws.prefix.len + key.len + 1);
    buf_add(&whole, store->aws.prefix);
    buf_add(&whole, key);
    return buf_take(&whole);
}

bool aws_reading_identity(struct clients *clients, const struct store *store,
                          struct str_view namespace, int64_t deadline_ms,
                          struct store_identity *ret, struct err *err)
{
    const struct store_identity_request request = {
        .services = clients->options->aws,
        .world = clients->options->world,
        .client = &clients->kube,
        .store = store,
        .namespace = namespace,
        .deadline_ms = deadline_ms,
    };
    return store_identity_find(&request, ret, err) ||
           err_wrap(err, "store %.*s", SV_ARG(store->name));
}

static void make_request(const struct aws_target *target, const struct remote_request *request,
                         const struct store_identity *identity, struct reader_request *ret)
{
    *ret = (struct reader_request){
        .thread = &target->thread,
        .service = aws_target_service(request->store),
        .endpoint = target->service.endpoint,
        .identity = identity->key,
        .credentials = &target->credentials,
        .namespace = request->namespace,
        .urgency = target->service.urgency,
        .deadline_ms = request->deadline_ms,
        .since_ms = request->since_ms,
        .accept_stale = request->waiting,
    };
}

bool aws_reading_read(struct clients *clients, const struct remote_request *request,
                      const struct store_identity *identity, struct reader_item *items,
                      size_t count, const struct reader_notice *notice, struct err *err)
{
    struct aws_target target;
    struct reader_request wanted;
    if (!aws_target_find(clients, request, identity, &target, err)) {
        return false;
    }
    make_request(&target, request, identity, &wanted);
    wanted.notice = notice;
    return reader_read(aws_services_reader(clients->options->aws, request->apart), &wanted, items,
                       count, err);
}

void aws_reading_join(struct clients *clients, const struct remote_request *request,
                      const struct store_identity *identity, const struct reader_item *items,
                      size_t count)
{
    struct aws_target target;
    struct reader_request wanted;
    struct err ignored;
    if (aws_target_find(clients, request, identity, &target, &ignored)) {
        make_request(&target, request, identity, &wanted);
        reader_join(aws_services_reader(clients->options->aws, request->apart), &wanted, items,
                    count);
    }
}
