/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_templates.h"

#include "base/limits.h"

static bool put_texts(struct data_map *map, const struct json *data, struct err *err)
{
    JSON_FOR_EACH (member, data) {
        CLEANUP(secret_buf_done) struct secret_buf value = {0};
        secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES);
        if (!json_is(member, JSON_STRING)) {
            return err_set(err, ERR_INVALID, "data[%.*s] is not a string",
                           SV_ARG(json_key(member)));
        }
        secret_buf_add(&value, json_string(member));
        if (!secret_buf_check(&value, "data", err)) {
            return false;
        }
        data_map_put(map, json_key(member), &value);
    }
    return true;
}

static bool take(struct secret_buf *body, enum template_from_kind kind, struct data_map *ret,
                 struct err *err)
{
    const struct json_limits limits = {.max_nodes = LIMIT_REVIEW_NODES,
                                       .max_depth = LIMIT_JSON_DEPTH};
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *root = NULL;
    struct err reason = {0};
    bool read = body->bytes.len > 0 &&
                json_parse(&doc, body->bytes.data, body->bytes.len, &limits, &root, &reason);
    const struct json *data = json_member(root, "data");
    if (read && (json_is_absent(data) || json_is(data, JSON_OBJECT)) &&
        (kind == TEMPLATE_FROM_SECRET ? data_map_put_json(ret, data, &reason)
                                      : put_texts(ret, data, &reason))) {
        return true;
    }
    return err_set(err, ERR_UNAVAILABLE, "the API server's answer is no such object: %s",
                   reason.message);
}

static bool read_object(void *context, enum template_from_kind kind, struct str_view namespace,
                        struct str_view name, int64_t deadline_ms, struct data_map *ret,
                        struct err *err)
{
    const struct kube_client *client = context;
    CLEANUP(kube_response_done) struct kube_response response = {0};
    const struct kube_target target = {
        .resource = kind == TEMPLATE_FROM_SECRET ? &kube_secrets : &kube_config_maps,
        .namespace = namespace,
        .name = name,
    };
    return kube_get(client, &target, deadline_ms, &response, err) &&
           (take(&response.body, kind, ret, err) ||
            err_wrap(err, "%s %.*s", kind == TEMPLATE_FROM_SECRET ? "Secret" : "ConfigMap",
                     SV_ARG(name)));
}

struct template_source kube_templates(const struct kube_client *client)
{
    return (struct template_source){.read = read_object, .context = (void *)client};
}
