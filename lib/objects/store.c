/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/store.h"

#include "base/limits.h"
#include "objects/metadata.h"
#include "objects/schema.h"
#include "objects/store_conditions.h"
#include "objects/text_pool.h"

enum {
    ELEMENT_PATH_BYTES = 64,
};

/* refreshInterval says how often the operator validates the store again, retrySettings how its AWS
 * client retries. */
static const struct schema_field SPEC[] = {
    {"controller", NULL},    {"provider", NULL},   {"refreshInterval", NULL},
    {"retrySettings", NULL}, {"conditions", NULL},
};
static const struct schema_field FAKE[] = {{"data", NULL}};
static const struct schema_field FAKE_DATA[] = {{"key", NULL}, {"value", NULL}, {"version", NULL}};

static void decode_aws(const struct json *aws, bool cluster, struct store *ret,
                       struct buf *unsupported)
{
    struct str_view service = json_string(json_member(aws, "service"));
    ret->provider = sv_is(service, "ParameterStore") ? PROVIDER_AWS_PARAMETER_STORE
                                                     : PROVIDER_AWS_SECRETS_MANAGER;
    store_aws_decode(aws, cluster, &ret->aws, unsupported);
    if (!sv_is(service, "SecretsManager") && !sv_is(service, "ParameterStore")) {
        schema_note(unsupported, "spec.provider.aws.service");
    }
}

static void decode_fake_value(const struct json *element, size_t index,
                              struct store_fake_value *ret, struct buf *unsupported)
{
    char path[ELEMENT_PATH_BYTES];
    (void)snprintf(path, sizeof path, "spec.provider.fake.data[%zu]", index);
    schema_check(element, path, FAKE_DATA, ARRAY_LEN(FAKE_DATA), unsupported);
    ret->key = schema_text(element, path, "key", unsupported);
    ret->version = schema_text(element, path, "version", unsupported);
    secret_buf_init(&ret->value, LIMIT_SECRET_DATA_BYTES);
    secret_buf_add(&ret->value, schema_text(element, path, "value", unsupported));
    if (ret->key.len == 0) {
        schema_note(unsupported, "%s.key", path);
    }
    struct err ignored;
    if (!secret_buf_check(&ret->value, path, &ignored)) {
        schema_note(unsupported, "%s.value", path);
    }
}

static void decode_fake(const struct json *fake, struct store *ret, struct buf *unsupported)
{
    const char *path = "spec.provider.fake";
    ret->provider = PROVIDER_FAKE;
    schema_check(fake, path, FAKE, ARRAY_LEN(FAKE), unsupported);
    const struct json *data =
        schema_array(json_member(fake, "data"), "spec.provider.fake.data", unsupported);
    ret->fake = mem_alloc_array(data ? data->len : 0, sizeof *ret->fake);
    JSON_FOR_EACH (element, data) {
        decode_fake_value(element, ret->fake_count, &ret->fake[ret->fake_count], unsupported);
        ret->fake_count++;
    }
}

static void decode_provider(const struct json *spec, bool cluster, struct store *ret,
                            struct buf *unsupported)
{
    const struct json *providers = json_member(spec, "provider");
    const struct json *provider = NULL;
    size_t count = 0;
    JSON_FOR_EACH (member, json_is(providers, JSON_OBJECT) ? providers : NULL) {
        if (!json_is_absent(member)) {
            provider = member;
            count++;
        }
    }
    if (count != 1) {
        schema_note(unsupported, "spec.provider");
    } else if (sv_is(json_key(provider), "aws")) {
        decode_aws(provider, cluster, ret, unsupported);
    } else if (sv_is(json_key(provider), "fake")) {
        decode_fake(provider, ret, unsupported);
    } else {
        schema_note(unsupported, "spec.provider.%.*s", SV_ARG(json_key(provider)));
    }
}

static void take_text(struct store *store, struct text_pool *pool)
{
    text_pool_take_names(pool, &store->namespace, &store->name);
    text_pool_take(pool, &store->uid);
    text_pool_take(pool, &store->resource_version);
    text_pool_take(pool, &store->controller);
    store_conditions_take_text(store, pool);
    store_aws_take_text(&store->aws, pool);
    text_pool_take(pool, &store->unsupported);
    for (size_t i = 0; i < store->fake_count; i++) {
        text_pool_take(pool, &store->fake[i].key);
        text_pool_take(pool, &store->fake[i].version);
    }
}

static void own(struct store *store)
{
    struct text_pool counted = {0};
    take_text(store, &counted);
    store->storage = mem_alloc(counted.size);
    struct text_pool pool = {.at = store->storage};
    take_text(store, &pool);
}

bool store_decode(const struct json *object, bool cluster, struct store **ret, struct err *err)
{
    struct metadata metadata;
    const struct json *spec = json_member(object, "spec");
    if (!metadata_decode(object, !cluster, &metadata, err)) {
        return false;
    }
    if (!json_is(spec, JSON_OBJECT)) {
        return err_set(err, ERR_INVALID, "spec is missing");
    }
    CLEANUP(buf_done) struct buf unsupported;
    buf_init(&unsupported, SCHEMA_PATH_BYTES);
    struct store *store = mem_alloc(sizeof *store);
    atomic_init(&store->references, 1);
    store->cluster = cluster;
    store->namespace = metadata.namespace;
    store->name = metadata.name;
    store->uid = metadata.uid;
    store->resource_version = metadata.resource_version;
    store->generation = metadata.generation;
    schema_check(spec, "spec", SPEC, ARRAY_LEN(SPEC), &unsupported);
    store->controller = schema_text(spec, "spec", "controller", &unsupported);
    if (cluster) {
        store_conditions_decode(spec, store, &unsupported);
    }
    decode_provider(spec, cluster, store, &unsupported);
    store->unsupported = buf_view(&unsupported);
    own(store);
    *ret = store;
    return true;
}

struct store *store_retain(struct store *store)
{
    atomic_fetch_add_explicit(&store->references, 1, memory_order_relaxed);
    return store;
}

void store_release(struct store *store)
{
    if (store && atomic_fetch_sub_explicit(&store->references, 1, memory_order_acq_rel) == 1) {
        for (size_t i = 0; i < store->fake_count; i++) {
            secret_buf_done(&store->fake[i].value);
        }
        free(store->fake);
        store_conditions_done(store);
        store_aws_done(&store->aws);
        free(store->storage);
        free(store);
    }
}
