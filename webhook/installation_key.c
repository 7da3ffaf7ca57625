/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/installation_key.h"

#include "base/encode.h"
#include "base/limits.h"
#include "crypto/random.h"

bool installation_key_read(const struct json *secret, struct fingerprint_keys *ret, struct err *err)
{
    CLEANUP(secret_buf_done) struct secret_buf key;
    secret_buf_init(&key, INSTALLATION_KEY_BYTES + 3);
    struct str_view text = json_string(json_path(secret, "data", "key", NULL));
    if (!decode_base64(&key.bytes, text, err) ||
        secret_buf_view(&key).len != INSTALLATION_KEY_BYTES) {
        return err_set(err, ERR_INVALID,
                       "the installation key Secret has no 32 bytes under the key 'key'; delete it "
                       "to have a new one made");
    }
    fingerprint_keys_derive((const unsigned char *)secret_buf_view(&key).data, ret);
    return true;
}

static bool parse_and_read(struct kube_response *response, struct fingerprint_keys *ret,
                           struct err *err)
{
    CLEANUP(json_doc_done) struct json_doc document = {0};
    const struct json_limits limits = {.max_nodes = 10000, .max_depth = LIMIT_JSON_DEPTH};
    const struct json *secret = NULL;
    struct buf *body = &response->body.bytes;
    return json_parse(&document, body->data, body->len, &limits, &secret, err) &&
           installation_key_read(secret, ret, err);
}

static bool create(const struct kube_client *client, const struct kube_target *target,
                   int64_t deadline_ms, struct kube_response *response, struct err *err)
{
    CLEANUP(secret_buf_done) struct secret_buf manifest;
    unsigned char key[INSTALLATION_KEY_BYTES];
    secret_buf_init(&manifest, 4096);
    random_bytes(key, sizeof key);
    struct buf *out = &manifest.bytes;
    buf_add_str(out, "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"type\":\"Opaque\","
                     "\"metadata\":{\"name\":");
    encode_json_string(out, target->name);
    buf_add_str(out, ",\"labels\":{\"app.kubernetes.io/managed-by\":\"keyturn\"}},"
                     "\"data\":{\"key\":\"");
    encode_base64(out, sv_make((const char *)key, sizeof key));
    buf_add_str(out, "\"}}");
    explicit_bzero(key, sizeof key);
    const struct kube_target collection = {.resource = target->resource,
                                           .namespace = target->namespace};
    return kube_create(client, &collection, SV("keyturn"), buf_view(out), deadline_ms, response,
                       err);
}

bool installation_key_ensure(const struct kube_client *client, const char *namespace,
                             const char *name, int64_t deadline_ms, struct fingerprint_keys *ret,
                             struct err *err)
{
    const struct kube_target target = {
        .resource = &kube_secrets, .namespace = sv_of(namespace), .name = sv_of(name)};
    /* Twice: another replica may create it between our look and our attempt. */
    for (int attempt = 0;; attempt++) {
        CLEANUP(kube_response_done) struct kube_response response = {0};
        CLEANUP(kube_response_done) struct kube_response created = {0};
        if (kube_get(client, &target, deadline_ms, &response, err)) {
            return parse_and_read(&response, ret, err);
        }
        if (err->kind != ERR_MISSING) {
            return err_wrap(err, "installation key");
        }
        if (create(client, &target, deadline_ms, &created, err)) {
            return parse_and_read(&created, ret, err);
        }
        if (err->kind != ERR_CONFLICT || attempt > 0) {
            return err_wrap(err, "installation key");
        }
    }
}
