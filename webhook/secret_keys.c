/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/secret_keys.h"

#include "base/encode.h"
#include "base/limits.h"
#include "kube/client.h"

enum {
    NODES = 65536,
    DEPTH = 64,
    PARTS = 3, /* access key id, secret access key, session token */
};

struct reference {
    char *namespace;
    char *name; /* "": none */
    char *key;
};

struct secret_keys {
    struct credentials_provider provider;
    struct kube_config *config;
    struct reference references[PARTS];
};

static void destroy(struct credentials_provider *provider)
{
    struct secret_keys *keys = (struct secret_keys *)provider;
    for (size_t i = 0; i < PARTS; i++) {
        free(keys->references[i].namespace);
        free(keys->references[i].name);
        free(keys->references[i].key);
    }
    free(keys);
}

/* One key of an answered Secret. */
static bool take(struct secret_buf *body, const struct reference *reference, struct secret_buf *ret,
                 struct err *err)
{
    const struct json_limits limits = {.max_nodes = NODES, .max_depth = DEPTH};
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *root = NULL;
    if (!json_parse(&doc, body->bytes.data, body->bytes.len, &limits, &root, err)) {
        return false;
    }
    const struct json *value = json_member(json_member(root, "data"), reference->key);
    if (!json_is(value, JSON_STRING)) {
        return err_set(err, ERR_MISSING, "it has no key %s", reference->key);
    }
    return decode_base64(&ret->bytes, json_string(value), err);
}

static bool read_one(const struct kube_client *client, const struct reference *reference,
                     int64_t deadline_ms, struct secret_buf *ret, struct err *err)
{
    CLEANUP(kube_response_done) struct kube_response response = {0};
    const struct kube_target target = {.resource = &kube_secrets,
                                       .namespace = sv_of(reference->namespace),
                                       .name = sv_of(reference->name)};
    secret_buf_init(ret, LIMIT_CREDENTIAL_BYTES);
    if (reference->name[0] == '\0') {
        return true;
    }
    return (kube_get(client, &target, deadline_ms, &response, err) &&
            take(&response.body, reference, ret, err)) ||
           err_wrap(err, "AWS keys in Secret %s/%s", reference->namespace, reference->name);
}

static bool fetch(struct credentials_provider *provider, const struct credentials_request *request,
                  struct credentials **ret, struct err *err)
{
    const struct secret_keys *keys = (const struct secret_keys *)provider;
    const struct kube_client client = {.config = keys->config,
                                       .transport = request->thread->transport,
                                       .clock = request->thread->clock};
    CLEANUP(secret_buf_done) struct secret_buf id = {0};
    CLEANUP(secret_buf_done) struct secret_buf secret = {0};
    CLEANUP(secret_buf_done) struct secret_buf token = {0};
    struct secret_buf *const parts[PARTS] = {&id, &secret, &token};
    for (size_t i = 0; i < PARTS; i++) {
        if (!read_one(&client, &keys->references[i], request->deadline_ms, parts[i], err)) {
            return false;
        }
    }
    return credentials_new(secret_buf_view(&id), secret_buf_view(&secret), secret_buf_view(&token),
                           ret, err) ||
           err_wrap(err, "AWS keys in Secret %s/%s", keys->references[0].namespace,
                    keys->references[0].name);
}

static void copy(const struct store_secret_key *from, struct str_view namespace,
                 struct reference *to)
{
    to->namespace = sv_dup(from->namespace.len ? from->namespace : namespace);
    to->name = sv_dup(from->name);
    to->key = sv_dup(from->key);
}

struct credentials_provider *secret_keys_provider(struct kube_config *config,
                                                  struct str_view namespace,
                                                  const struct store_aws *store)
{
    struct secret_keys *keys = mem_alloc(sizeof *keys);
    atomic_init(&keys->provider.references, 1);
    keys->provider.name = "keys in a Secret";
    keys->provider.fetch = fetch;
    keys->provider.destroy = destroy;
    keys->config = config;
    copy(&store->access_key_id, namespace, &keys->references[0]);
    copy(&store->secret_access_key, namespace, &keys->references[1]);
    copy(&store->session_token, namespace, &keys->references[2]);
    return &keys->provider;
}
