/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/secret.h"

#include "base/encode.h"
#include "base/limits.h"
#include "base/secret_buf.h"
#include "objects/data_hash.h"
#include "objects/metadata.h"
#include "objects/text_pool.h"

enum {
    FEW_KEYS = 8, /* so many are looked through faster than searched by halves */
};

static int compare_keys(const void *a, const void *b)
{
    const struct secret_key_digest *left = a;
    const struct secret_key_digest *right = b;
    return sv_compare(left->key, right->key);
}

void secret_digest_key_tag(const struct hmac_key *digest_key,
                           unsigned char ret[DIGEST_KEY_TAG_BYTES])
{
    unsigned char mac[SHA256_BYTES];
    hmac_sha256(sv_make((const char *)digest_key->bytes, sizeof digest_key->bytes), SV("tag"), mac);
    memcpy(ret, mac, DIGEST_KEY_TAG_BYTES);
}

/* Go writes a nil []byte as null. */
static bool digest_value(const struct json *value, const struct hmac_key *digest_key,
                         struct secret_buf *scratch, unsigned char ret[SHA256_BYTES],
                         struct err *err)
{
    buf_clear(&scratch->bytes);
    if (!decode_base64(&scratch->bytes, json_string(value), err)) {
        return false;
    }
    hmac_sha256(sv_make((const char *)digest_key->bytes, sizeof digest_key->bytes),
                secret_buf_view(scratch), ret);
    return true;
}

/* `keys` has room for every member of `data`; the views borrow from the JSON. A key may have been
 * made of a value, so messages tell its place. */
static bool decode_keys(const struct json *data, const struct hmac_key *digest_key,
                        struct secret_key_digest *keys, struct err *err)
{
    CLEANUP(secret_buf_done) struct secret_buf scratch;
    secret_buf_init(&scratch, LIMIT_SECRET_DATA_BYTES);
    size_t count = 0;
    JSON_FOR_EACH (value, data) {
        struct secret_key_digest *digest = &keys[count++];
        digest->key = json_key(value);
        if (!json_is(value, JSON_STRING) && !json_is_absent(value)) {
            return err_set(err, ERR_INVALID, "key %zu of data is not a string", count);
        }
        if (digest_key && !digest_value(value, digest_key, &scratch, digest->digest, err)) {
            return err_wrap(err, "key %zu of data", count);
        }
    }
    qsort(keys, count, sizeof *keys, compare_keys);
    return true;
}

/* Whether the operator would find its own hash of these data. Its older one, of 32 digits (MD5),
 * is no longer valid to it either. */
static bool has_valid_hash(const struct json *data, struct str_view data_hash)
{
    if (data_hash.len != SHA3_224_HEX_BYTES - 1) {
        return false;
    }
    size_t count = json_is_absent(data) ? 0 : data->len;
    CLEANUP(mem_free_ptr)
    const struct json **members = json_sorted_members(json_first(data), count);
    CLEANUP(secret_buf_done) struct secret_buf value;
    struct data_hash hash;
    char computed[SHA3_224_HEX_BYTES];
    struct err ignored;
    bool readable = true;
    secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES);
    data_hash_init(&hash);
    for (size_t i = 0; i < count; i++) {
        buf_clear(&value.bytes);
        readable &= decode_base64(&value.bytes, json_string(members[i]), &ignored);
        data_hash_add(&hash, json_key(members[i]), secret_buf_view(&value));
    }
    data_hash_finish(&hash, computed);
    return readable && sv_is(data_hash, computed);
}

static void take_text(struct secret *secret, struct text_pool *pool)
{
    text_pool_take_names(pool, &secret->namespace, &secret->name);
    text_pool_take(pool, &secret->uid);
    text_pool_take(pool, &secret->resource_version);
    text_pool_take_common(pool, &secret->type);
    text_pool_take(pool, &secret->data_hash);
    text_pool_take_common(pool, &secret->controller.group);
    text_pool_take_common(pool, &secret->controller.kind);
    text_pool_take(pool, &secret->controller.name);
    text_pool_take(pool, &secret->controller.uid);
    for (size_t i = 0; i < secret->key_count; i++) {
        text_pool_take(pool, &secret->keys[i].key);
    }
}

/* Record, keys and text in one block: there are tens of thousands of them. */
static struct secret *own(struct secret borrowed)
{
    struct text_pool counted = {0};
    take_text(&borrowed, &counted);
    size_t key_bytes = borrowed.key_count * sizeof *borrowed.keys;
    struct secret *secret = mem_alloc(sizeof *secret + key_bytes + counted.size);
    struct secret_key_digest *keys = (struct secret_key_digest *)(secret + 1);
    if (key_bytes) {
        memcpy(keys, borrowed.keys, key_bytes);
    }
    *secret = borrowed;
    secret->keys = keys;
    struct text_pool pool = {.at = (char *)keys + key_bytes};
    take_text(secret, &pool);
    atomic_init(&secret->references, 1);
    return secret;
}

bool secret_decode(const struct json *object, const struct hmac_key *digest_key,
                   struct secret **ret, struct err *err)
{
    struct metadata metadata;
    if (!metadata_decode(object, true, &metadata, err)) {
        return false;
    }
    const struct json *data = json_member(object, "data");
    if (!json_is_absent(data) && !json_is(data, JSON_OBJECT)) {
        return err_set(err, ERR_INVALID, "data is not an object");
    }
    size_t key_count = json_is_absent(data) ? 0 : data->len;
    CLEANUP(mem_free_ptr)
    struct secret_key_digest *keys = mem_alloc_array(key_count, sizeof *keys);
    if (!decode_keys(data, digest_key, keys, err)) {
        return false;
    }
    struct secret secret = {
        .namespace = metadata.namespace,
        .name = metadata.name,
        .uid = metadata.uid,
        .resource_version = metadata.resource_version,
        .type = json_string(json_member(object, "type")),
        .data_hash = metadata_annotation(&metadata, "reconcile.external-secrets.io/data-hash"),
        .managed =
            sv_is(metadata_label(&metadata, "reconcile.external-secrets.io/managed"), "true"),
        .immutable = json_is_true(json_member(object, "immutable")),
        .last_write_ms = metadata_last_write_ms(&metadata),
        .keys = keys,
        .key_count = key_count,
    };
    secret.data_hash_valid = has_valid_hash(data, secret.data_hash);
    if (digest_key) {
        secret_digest_key_tag(digest_key, secret.digest_key_tag);
    }
    if (!owner_find_controller(metadata.json, &secret.controller)) {
        secret.controller = (struct owner){0};
    }
    *ret = own(secret);
    return true;
}

struct secret *secret_retain(struct secret *secret)
{
    atomic_fetch_add_explicit(&secret->references, 1, memory_order_relaxed);
    return secret;
}

void secret_release(struct secret *secret)
{
    if (secret && atomic_fetch_sub_explicit(&secret->references, 1, memory_order_acq_rel) == 1) {
        free(secret);
    }
}

const struct secret_key_digest *secret_find_key(const struct secret *secret, struct str_view key)
{
    if (secret->key_count > FEW_KEYS) {
        struct secret_key_digest wanted = {.key = key};
        return bsearch(&wanted, secret->keys, secret->key_count, sizeof *secret->keys,
                       compare_keys);
    }
    for (size_t i = 0; i < secret->key_count; i++) {
        if (sv_equal(secret->keys[i].key, key)) {
            return &secret->keys[i];
        }
    }
    return NULL;
}
