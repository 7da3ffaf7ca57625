/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/external_secret.h"

#include "base/duration.h"
#include "base/timestamp.h"
#include "objects/external_secret_parts.h"
#include "objects/metadata.h"
#include "objects/schema.h"
#include "refs/names.h"

enum {
    DEFAULT_REFRESH_MS = 60 * 60 * 1000, /* the CRD's 1h0m0s */
};

static const struct schema_field SPEC[] = {
    {"secretStoreRef", NULL}, {"refreshInterval", NULL}, {"refreshPolicy", NULL}, {"target", NULL},
    {"data", NULL},           {"dataFrom", NULL},
};
static const struct schema_field TARGET[] = {
    {"name", NULL},      {"creationPolicy", NULL}, {"deletionPolicy", NULL},
    {"immutable", NULL}, {"template", NULL},
};

static void decode_refresh(const struct json *spec, struct external_secret *ret,
                           struct buf *unsupported)
{
    static const char *const policies[] = {
        [REFRESH_PERIODIC] = "Periodic",
        [REFRESH_CREATED_ONCE] = "CreatedOnce",
        [REFRESH_ON_CHANGE] = "OnChange",
    };
    struct str_view text = schema_text(spec, "spec", "refreshInterval", unsupported);
    struct err ignored;
    ret->refresh_policy = (enum refresh_policy)schema_choice(
        spec, "spec", "refreshPolicy", policies, ARRAY_LEN(policies), unsupported);
    ret->refresh_interval_ms = DEFAULT_REFRESH_MS;
    if (text.len && !duration_parse(text, &ret->refresh_interval_ms, &ignored)) {
        schema_note(unsupported, "spec.refreshInterval");
    }
}

static void decode_policies(const struct json *target, struct external_secret *ret,
                            struct buf *unsupported)
{
    static const char *const creation[] = {
        [CREATION_OWNER] = "Owner",
        [CREATION_ORPHAN] = "Orphan",
        [CREATION_MERGE] = "Merge",
        [CREATION_NONE] = "None",
        [CREATION_CREATE_OR_MERGE] = "CreateOrMerge",
    };
    static const char *const deletion[] = {
        [DELETION_RETAIN] = "Retain",
        [DELETION_DELETE] = "Delete",
        [DELETION_MERGE] = "Merge",
    };
    ret->creation_policy = (enum creation_policy)schema_choice(
        target, "spec.target", "creationPolicy", creation, ARRAY_LEN(creation), unsupported);
    ret->deletion_policy = (enum deletion_policy)schema_choice(
        target, "spec.target", "deletionPolicy", deletion, ARRAY_LEN(deletion), unsupported);
}

static bool decode_target(const struct json *spec, struct external_secret *ret,
                          struct buf *unsupported, struct err *err)
{
    const struct json *target = json_member(spec, "target");
    const struct json *template = json_member(target, "template");
    schema_check(target, "spec.target", TARGET, ARRAY_LEN(TARGET), unsupported);
    struct str_view name = schema_text(target, "spec.target", "name", unsupported);
    ret->target = name.len ? name : ret->name;
    ret->immutable = schema_bool(target, "spec.target", "immutable", unsupported);
    decode_policies(target, ret, unsupported);
    ret->has_template = !json_is_absent(template);
    if (ret->has_template) {
        external_secret_template_decode(template, &ret->template, unsupported);
    }
    if (!name_is_dns_subdomain(ret->target)) {
        return err_set(err, ERR_INVALID, "spec.target.name cannot be the name of a Secret");
    }
    return true;
}

/* Each entry may have a store of its own. */
static bool all_entries_have_stores(const struct external_secret *external_secret)
{
    for (size_t i = 0; i < external_secret->data_count; i++) {
        if (external_secret->data[i].store.name.len == 0) {
            return false;
        }
    }
    for (size_t i = 0; i < external_secret->data_from_count; i++) {
        if (external_secret->data_from[i].store.name.len == 0) {
            return false;
        }
    }
    return external_secret->data_count + external_secret->data_from_count > 0;
}

static void decode_store(const struct json *spec, struct external_secret *ret,
                         struct buf *unsupported)
{
    const struct json *ref = json_member(spec, "secretStoreRef");
    bool unnamed = json_is_absent(ref) ||
                   (json_is(ref, JSON_OBJECT) && json_is_absent(json_member(ref, "name")));
    if (unnamed && all_entries_have_stores(ret)) {
        return;
    }
    struct store_ref store = store_ref_decode(ref, "spec.secretStoreRef", unsupported);
    ret->store_name = store.name;
    ret->cluster_store = store.cluster;
}

/* What is wrong with a status is nobody's fault who wrote the spec. */
static void decode_status(const struct json *object, struct external_secret *ret)
{
    const struct json *status = json_member(object, "status");
    const struct json *conditions = json_member(status, "conditions");
    struct str_view refresh_time = json_string(json_member(status, "refreshTime"));
    struct err ignored;
    ret->has_status = json_first(conditions) != NULL || refresh_time.len > 0;
    ret->status.synced_version = json_string(json_member(status, "syncedResourceVersion"));
    if (!timestamp_parse(refresh_time, &ret->status.refresh_ms, &ignored)) {
        ret->status.refresh_ms = 0;
    }
    JSON_FOR_EACH (condition, conditions) {
        if (json_string_is(json_member(condition, "type"), "Ready")) {
            ret->status.ready = json_string_is(json_member(condition, "status"), "True");
            ret->status.reason = json_string(json_member(condition, "reason"));
        }
    }
}

static void decode_metadata(const struct metadata *metadata, struct external_secret *ret)
{
    CLEANUP(buf_done) struct buf ignored;
    buf_init(&ignored, SCHEMA_PATH_BYTES);
    ret->namespace = metadata->namespace;
    ret->name = metadata->name;
    ret->uid = metadata->uid;
    ret->resource_version = metadata->resource_version;
    ret->generation = metadata->generation;
    ret->deleting = metadata->deleting;
    ret->labels = string_pairs_decode(json_member(metadata->json, "labels"), "metadata.labels",
                                      &ret->label_count, &ignored);
    ret->annotations =
        string_pairs_decode(json_member(metadata->json, "annotations"), "metadata.annotations",
                            &ret->annotation_count, &ignored);
    JSON_FOR_EACH (finalizer, json_member(metadata->json, "finalizers")) {
        ret->has_cleanup_finalizer =
            ret->has_cleanup_finalizer || json_string_is(finalizer, EXTERNAL_SECRET_FINALIZER);
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
    text_pool_take(pool, &external_secret->status.synced_version);
    text_pool_take(pool, &external_secret->status.reason);
    for (size_t i = 0; i < external_secret->data_count; i++) {
        struct external_secret_data *data = &external_secret->data[i];
        text_pool_take(pool, &data->secret_key);
        text_pool_take(pool, &data->remote_key);
        text_pool_take(pool, &data->property);
        text_pool_take(pool, &data->version);
        text_pool_take(pool, &data->store.name);
    }
    for (size_t i = 0; i < external_secret->data_from_count; i++) {
        external_secret_data_from_take_text(&external_secret->data_from[i], pool);
    }
    external_secret_template_take_text(&external_secret->template, pool);
    string_pairs_take_text(external_secret->labels, external_secret->label_count, pool);
    string_pairs_take_text(external_secret->annotations, external_secret->annotation_count, pool);
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
    decode_metadata(&metadata, external_secret);
    decode_status(object, external_secret);
    schema_check(spec, "spec", SPEC, ARRAY_LEN(SPEC), &unsupported);
    decode_refresh(spec, external_secret, &unsupported);
    if (!decode_target(spec, external_secret, &unsupported, err)) {
        return false;
    }
    external_secret_decode_data(spec, external_secret, &unsupported);
    external_secret_decode_data_from(spec, external_secret, &unsupported);
    decode_store(spec, external_secret, &unsupported);
    external_secret->unsupported = buf_view(&unsupported);
    own(external_secret);
    external_secret_version(external_secret, external_secret->version);
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
        for (size_t i = 0; i < external_secret->data_from_count; i++) {
            external_secret_data_from_done(&external_secret->data_from[i]);
        }
        external_secret_template_done(&external_secret->template);
        free(external_secret->data_from);
        free(external_secret->data);
        free(external_secret->labels);
        free(external_secret->annotations);
        free(external_secret->storage);
        free(external_secret);
    }
}
