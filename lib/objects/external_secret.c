/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/external_secret.h"

#include "base/duration.h"
#include "objects/metadata.h"
#include "objects/schema.h"
#include "objects/text_pool.h"
#include "refs/names.h"

enum {
    DEFAULT_REFRESH_MS = 60 * 60 * 1000, /* the CRD's 1h0m0s */
    ELEMENT_PATH_BYTES = 64,
};

static const struct schema_field SPEC[] = {
    {"secretStoreRef", NULL},
    {"refreshInterval", NULL},
    {"refreshPolicy", "Periodic"},
    {"target", NULL},
    {"data", NULL},
    {"dataFrom", ""},
};
static const struct schema_field STORE_REF[] = {{"name", NULL}, {"kind", NULL}};
static const struct schema_field TARGET[] = {
    {"name", NULL},
    {"creationPolicy", "Owner"},
    {"deletionPolicy", "Retain"},
    {"immutable", NULL},
};
static const struct schema_field DATA[] = {{"secretKey", NULL}, {"remoteRef", NULL}};
static const struct schema_field REMOTE_REF[] = {
    {"key", NULL},
    {"property", NULL},
    {"version", NULL},
    {"conversionStrategy", "Default"},
    {"decodingStrategy", "None"},
    {"metadataPolicy", "None"},
    {"nullBytePolicy", "Ignore"},
};

static void decode_store_ref(const struct json *spec, struct external_secret *ret,
                             struct buf *unsupported)
{
    const char *path = "spec.secretStoreRef";
    const struct json *ref = json_member(spec, "secretStoreRef");
    schema_check(ref, path, STORE_REF, ARRAY_LEN(STORE_REF), unsupported);
    ret->store_name = schema_text(ref, path, "name", unsupported);
    struct str_view kind = schema_text(ref, path, "kind", unsupported);
    ret->cluster_store = sv_is(kind, "ClusterSecretStore");
    if (!name_is_dns_subdomain(ret->store_name)) {
        schema_note(unsupported, "%s.name", path);
    }
    if (kind.len && !ret->cluster_store && !sv_is(kind, "SecretStore")) {
        schema_note(unsupported, "%s.kind", path);
    }
}

static void decode_refresh(const struct json *spec, struct external_secret *ret,
                           struct buf *unsupported)
{
    struct str_view text = schema_text(spec, "spec", "refreshInterval", unsupported);
    struct err ignored;
    ret->refresh_interval_ms = DEFAULT_REFRESH_MS;
    if (text.len && !duration_parse(text, &ret->refresh_interval_ms, &ignored)) {
        schema_note(unsupported, "spec.refreshInterval");
    }
}

static void decode_element(const struct json *element, size_t index,
                           struct external_secret_data *ret, struct buf *unsupported)
{
    char path[ELEMENT_PATH_BYTES];
    char ref_path[ELEMENT_PATH_BYTES];
    (void)snprintf(path, sizeof path, "spec.data[%zu]", index);
    (void)snprintf(ref_path, sizeof ref_path, "spec.data[%zu].remoteRef", index);
    const struct json *ref = json_member(element, "remoteRef");
    schema_check(element, path, DATA, ARRAY_LEN(DATA), unsupported);
    schema_check(ref, ref_path, REMOTE_REF, ARRAY_LEN(REMOTE_REF), unsupported);
    *ret = (struct external_secret_data){
        .secret_key = schema_text(element, path, "secretKey", unsupported),
        .remote_key = schema_text(ref, ref_path, "key", unsupported),
        .property = schema_text(ref, ref_path, "property", unsupported),
        .version = schema_text(ref, ref_path, "version", unsupported),
    };
    if (!name_is_secret_key(ret->secret_key)) {
        schema_note(unsupported, "%s.secretKey", path);
    }
    /* A NUL is in no name, and would be the end of one to whoever takes it for text. */
    if (ret->remote_key.len == 0 || sv_find(ret->remote_key, '\0') < ret->remote_key.len) {
        schema_note(unsupported, "%s.key", ref_path);
    }
}

static int compare_secret_keys(const void *a, const void *b)
{
    const struct external_secret_data *left = *(const struct external_secret_data *const *)a;
    const struct external_secret_data *right = *(const struct external_secret_data *const *)b;
    int order = sv_compare(left->secret_key, right->secret_key);
    return order ? order : (left > right) - (left < right);
}

/* The External Secrets Operator's webhook refuses a key that is written twice. */
static void refuse_duplicates(const struct external_secret *external_secret,
                              struct buf *unsupported)
{
    size_t count = external_secret->data_count;
    CLEANUP(mem_free_ptr)
    const struct external_secret_data **sorted = mem_alloc_array(count, sizeof *sorted);
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &external_secret->data[i];
    }
    qsort(sorted, count, sizeof *sorted, compare_secret_keys);
    for (size_t i = 1; i < count; i++) {
        if (sv_equal(sorted[i - 1]->secret_key, sorted[i]->secret_key)) {
            schema_note(unsupported, "spec.data[%zu].secretKey",
                        (size_t)(sorted[i] - external_secret->data));
        }
    }
}

static void decode_data(const struct json *spec, struct external_secret *ret,
                        struct buf *unsupported)
{
    const struct json *data = schema_array(json_member(spec, "data"), "spec.data", unsupported);
    ret->data = mem_alloc_array(data ? data->len : 0, sizeof *ret->data);
    JSON_FOR_EACH (element, data) {
        decode_element(element, ret->data_count, &ret->data[ret->data_count], unsupported);
        ret->data_count++;
    }
    if (ret->data_count == 0) {
        schema_note(unsupported, "spec.data");
    }
    refuse_duplicates(ret, unsupported);
}

static bool decode_target(const struct json *spec, struct external_secret *ret,
                          struct buf *unsupported, struct err *err)
{
    const struct json *target = json_member(spec, "target");
    schema_check(target, "spec.target", TARGET, ARRAY_LEN(TARGET), unsupported);
    struct str_view name = schema_text(target, "spec.target", "name", unsupported);
    ret->target = name.len ? name : ret->name;
    ret->immutable = json_is_true(json_member(target, "immutable"));
    if (!name_is_dns_subdomain(ret->target)) {
        return err_set(err, ERR_INVALID, "spec.target.name cannot be the name of a Secret");
    }
    return true;
}

static struct string_pair *decode_pairs(const struct json *object, size_t *ret_count)
{
    size_t room = json_is(object, JSON_OBJECT) ? object->len : 0;
    struct string_pair *pairs = mem_alloc_array(room, sizeof *pairs);
    size_t count = 0;
    for (const struct json *member = room ? json_first(object) : NULL; member;
         member = member->next) {
        pairs[count++] = (struct string_pair){json_key(member), json_string(member)};
    }
    *ret_count = count;
    return pairs;
}

static bool has_status(const struct json *object)
{
    const struct json *status = json_member(object, "status");
    return json_first(json_member(status, "conditions")) != NULL ||
           json_string(json_member(status, "refreshTime")).len > 0;
}

static void take_pairs(struct string_pair *pairs, size_t count, struct text_pool *pool)
{
    for (size_t i = 0; i < count; i++) {
        text_pool_take(pool, &pairs[i].key);
        text_pool_take(pool, &pairs[i].value);
    }
}

static void take_text(struct external_secret *external_secret, struct text_pool *pool)
{
    text_pool_take_names(pool, &external_secret->namespace, &external_secret->name);
    text_pool_take(pool, &external_secret->uid);
    text_pool_take(pool, &external_secret->resource_version);
    text_pool_take(pool, &external_secret->target);
    text_pool_take(pool, &external_secret->store_name);
    text_pool_take(pool, &external_secret->unsupported);
    for (size_t i = 0; i < external_secret->data_count; i++) {
        struct external_secret_data *data = &external_secret->data[i];
        text_pool_take(pool, &data->secret_key);
        text_pool_take(pool, &data->remote_key);
        text_pool_take(pool, &data->property);
        text_pool_take(pool, &data->version);
    }
    take_pairs(external_secret->labels, external_secret->label_count, pool);
    take_pairs(external_secret->annotations, external_secret->annotation_count, pool);
}

static void own(struct external_secret *external_secret)
{
    struct text_pool counted = {0};
    take_text(external_secret, &counted);
    external_secret->storage = mem_alloc(counted.size);
    struct text_pool pool = {.at = external_secret->storage};
    take_text(external_secret, &pool);
}

static void release_ptr(struct external_secret **external_secret)
{
    external_secret_release(*external_secret);
}

bool external_secret_decode(const struct json *object, struct external_secret **ret,
                            struct err *err)
{
    struct metadata metadata;
    const struct json *spec = json_member(object, "spec");
    if (!metadata_decode(object, true, &metadata, err)) {
        return false;
    }
    if (!json_is(spec, JSON_OBJECT)) {
        return err_set(err, ERR_INVALID, "spec is missing");
    }
    CLEANUP(buf_done) struct buf unsupported;
    buf_init(&unsupported, SCHEMA_PATH_BYTES);
    CLEANUP(release_ptr)
    struct external_secret *external_secret = mem_alloc(sizeof *external_secret);
    atomic_init(&external_secret->references, 1);
    external_secret->namespace = metadata.namespace;
    external_secret->name = metadata.name;
    external_secret->uid = metadata.uid;
    external_secret->resource_version = metadata.resource_version;
    external_secret->generation = metadata.generation;
    external_secret->deleting = metadata.deleting;
    external_secret->has_status = has_status(object);
    external_secret->labels =
        decode_pairs(json_member(metadata.json, "labels"), &external_secret->label_count);
    external_secret->annotations =
        decode_pairs(json_member(metadata.json, "annotations"), &external_secret->annotation_count);
    schema_check(spec, "spec", SPEC, ARRAY_LEN(SPEC), &unsupported);
    if (!decode_target(spec, external_secret, &unsupported, err)) {
        return false;
    }
    decode_store_ref(spec, external_secret, &unsupported);
    decode_refresh(spec, external_secret, &unsupported);
    decode_data(spec, external_secret, &unsupported);
    external_secret->unsupported = buf_view(&unsupported);
    own(external_secret);
    *ret = external_secret_retain(external_secret);
    return true;
}

struct external_secret *external_secret_retain(struct external_secret *external_secret)
{
    atomic_fetch_add_explicit(&external_secret->references, 1, memory_order_relaxed);
    return external_secret;
}

void external_secret_release(struct external_secret *external_secret)
{
    if (external_secret &&
        atomic_fetch_sub_explicit(&external_secret->references, 1, memory_order_acq_rel) == 1) {
        free(external_secret->data);
        free(external_secret->labels);
        free(external_secret->annotations);
        free(external_secret->storage);
        free(external_secret);
    }
}
