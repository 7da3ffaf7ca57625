/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_sink.h"

static bool read_live(const struct kube_client *client, const struct hmac_key *digest_key,
                      struct str_view namespace, struct str_view name, int64_t deadline_ms,
                      struct live_secret *ret, struct err *err)
{
    CLEANUP(kube_response_done) struct kube_response response = {0};
    const struct kube_target target = {
        .resource = &kube_secrets, .namespace = namespace, .name = name};
    *ret = (struct live_secret){0};
    if (!kube_get(client, &target, deadline_ms, &response, err)) {
        return err->kind == ERR_MISSING;
    }
    return live_secret_read(&response.body, digest_key, ret, err);
}

bool kube_sink_look(const struct kube_client *client, const struct hmac_key *digest_key,
                    struct str_view namespace, struct str_view name, int64_t deadline_ms,
                    struct secret **ret, struct err *err)
{
    CLEANUP(live_secret_done) struct live_secret live = {0};
    if (!read_live(client, digest_key, namespace, name, deadline_ms, &live, err)) {
        return false;
    }
    *ret = live.record ? secret_retain(live.record) : NULL;
    return true;
}

static bool sink_read(void *context, struct str_view namespace, struct str_view name,
                      int64_t deadline_ms, struct live_secret *ret, struct err *err)
{
    const struct kube_sink *sink = context;
    return read_live(sink->client, sink->digest_key, namespace, name, deadline_ms, ret, err);
}

/* The record of what the API server has written. */
static bool take_record(const struct kube_sink *sink, struct kube_response *response,
                        struct secret **ret, struct err *err)
{
    CLEANUP(live_secret_done) struct live_secret live = {0};
    if (!live_secret_read(&response->body, sink->digest_key, &live, err)) {
        return false;
    }
    *ret = secret_retain(live.record);
    return true;
}

static bool sink_create(void *context, struct str_view namespace, struct str_view field_manager,
                        const struct secret_buf *manifest, int64_t deadline_ms, struct secret **ret,
                        struct err *err)
{
    const struct kube_sink *sink = context;
    CLEANUP(kube_response_done) struct kube_response response = {0};
    const struct kube_target target = {.resource = &kube_secrets, .namespace = namespace};
    return kube_create(sink->client, &target, field_manager, secret_buf_view(manifest), deadline_ms,
                       &response, err) &&
           take_record(sink, &response, ret, err);
}

static bool sink_replace(void *context, struct str_view namespace, struct str_view name,
                         struct str_view field_manager, const struct secret_buf *manifest,
                         int64_t deadline_ms, struct secret **ret, struct err *err)
{
    const struct kube_sink *sink = context;
    CLEANUP(kube_response_done) struct kube_response response = {0};
    const struct kube_target target = {
        .resource = &kube_secrets, .namespace = namespace, .name = name};
    return kube_replace(sink->client, &target, field_manager, secret_buf_view(manifest),
                        deadline_ms, &response, err) &&
           take_record(sink, &response, ret, err);
}

static bool sink_remove(void *context, struct str_view namespace, struct str_view name,
                        struct str_view uid, struct str_view resource_version, int64_t deadline_ms,
                        struct err *err)
{
    const struct kube_sink *sink = context;
    CLEANUP(kube_response_done) struct kube_response response = {0};
    const struct kube_target target = {
        .resource = &kube_secrets, .namespace = namespace, .name = name};
    return kube_delete(sink->client, &target, uid, resource_version, deadline_ms, &response, err);
}

struct secret_sink kube_sink(struct kube_sink *sink)
{
    return (struct secret_sink){.read = sink_read,
                                .create = sink_create,
                                .replace = sink_replace,
                                .remove = sink_remove,
                                .context = sink};
}
