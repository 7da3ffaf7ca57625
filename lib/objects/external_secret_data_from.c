/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/external_secret_parts.h"
#include "objects/schema.h"

static const struct schema_field DATA_FROM[] = {
    {"extract", NULL},
    {"find", NULL},
    {"rewrite", NULL},
    {"sourceRef", NULL},
};
static const struct schema_field SOURCE_REF[] = {{"storeRef", NULL}};
static const struct schema_field FIND[] = {
    {"path", NULL},
    {"name", NULL},
    {"tags", NULL},
    {"conversionStrategy", NULL},
    {"decodingStrategy", NULL},
    {"nullBytePolicy", NULL},
};
static const struct schema_field FIND_NAME[] = {{"regexp", NULL}};
static const struct schema_field REWRITE[] = {
    {"regexp", NULL},
    {"transform", NULL},
    {"merge", NULL},
};
static const struct schema_field REGEXP[] = {{"source", NULL}, {"target", NULL}};
static const struct schema_field TRANSFORM[] = {{"template", NULL}};
static const struct schema_field MERGE[] = {
    {"into", NULL},           {"priority", NULL}, {"priorityPolicy", NULL},
    {"conflictPolicy", NULL}, {"strategy", NULL},
};

static void decode_extract(const struct json *extract, const char *path,
                           struct external_secret_data_from *ret, struct buf *unsupported)
{
    struct schema_path ref_path = schema_path("%s.extract", path);
    struct remote_ref ref = remote_ref_decode(extract, ref_path.text, unsupported);
    ret->kind = DATA_FROM_EXTRACT;
    ret->remote_key = ref.key;
    ret->property = ref.property;
    ret->version = ref.version;
    ret->metadata = ref.metadata;
    ret->decoding = ref.decoding;
    ret->conversion = ref.conversion;
    ret->null_bytes_fail = ref.null_bytes_fail;
}

static void decode_find(const struct json *find, const char *path,
                        struct external_secret_data_from *ret, struct buf *unsupported)
{
    struct schema_path find_path = schema_path("%s.find", path);
    struct schema_path name_path = schema_path("%s.find.name", path);
    struct schema_path tags_path = schema_path("%s.find.tags", path);
    const struct json *name = json_member(find, "name");
    schema_check(find, find_path.text, FIND, ARRAY_LEN(FIND), unsupported);
    schema_check(name, name_path.text, FIND_NAME, ARRAY_LEN(FIND_NAME), unsupported);
    ret->kind = DATA_FROM_FIND;
    ret->path = schema_text(find, find_path.text, "path", unsupported);
    ret->has_name = !json_is_absent(name);
    ret->name_regexp = schema_text(name, name_path.text, "regexp", unsupported);
    ret->tags = string_pairs_decode(json_member(find, "tags"), tags_path.text, &ret->tag_count,
                                    unsupported);
    ret->decoding = decoding_decode(find, find_path.text, "decodingStrategy", unsupported);
    ret->conversion = conversion_decode(find, find_path.text, unsupported);
    ret->null_bytes_fail = null_bytes_fail_decode(find, find_path.text, unsupported);
    /* As in a remote key. */
    if (sv_find(ret->path, '\0') < ret->path.len) {
        schema_note(unsupported, "%s.path", find_path.text);
    }
}

/* Text that has to be there, though it may be empty. */
static struct str_view required_text(const struct json *object, const char *path, const char *name,
                                     struct buf *unsupported)
{
    if (!json_is(json_member(object, name), JSON_STRING)) {
        schema_note(unsupported, "%s.%s", path, name);
    }
    return json_string(json_member(object, name));
}

static void decode_regexp(const struct json *regexp, const char *path,
                          struct external_secret_rewrite *ret, struct buf *unsupported)
{
    schema_check(regexp, path, REGEXP, ARRAY_LEN(REGEXP), unsupported);
    ret->kind = REWRITE_REGEXP;
    ret->source = required_text(regexp, path, "source", unsupported);
    ret->target = required_text(regexp, path, "target", unsupported);
}

static void decode_transform(const struct json *transform, const char *path,
                             struct external_secret_rewrite *ret, struct buf *unsupported)
{
    schema_check(transform, path, TRANSFORM, ARRAY_LEN(TRANSFORM), unsupported);
    ret->kind = REWRITE_TRANSFORM;
    ret->template = required_text(transform, path, "template", unsupported);
}

static void decode_merge(const struct json *merge, const char *path,
                         struct external_secret_rewrite *ret, struct buf *unsupported)
{
    static const char *const priority_policies[] = {"Strict", "IgnoreNotFound"};
    static const char *const conflict_policies[] = {"Error", "Ignore"};
    static const char *const strategies[] = {"Extract", "JSON"};
    struct schema_path priority_path = schema_path("%s.priority", path);
    schema_check(merge, path, MERGE, ARRAY_LEN(MERGE), unsupported);
    ret->kind = REWRITE_MERGE;
    ret->into = schema_text(merge, path, "into", unsupported);
    ret->priority = texts_decode(json_member(merge, "priority"), priority_path.text,
                                 &ret->priority_count, unsupported);
    ret->priority_may_miss = schema_choice(merge, path, "priorityPolicy", priority_policies,
                                           ARRAY_LEN(priority_policies), unsupported) == 1;
    ret->conflict_ignored = schema_choice(merge, path, "conflictPolicy", conflict_policies,
                                          ARRAY_LEN(conflict_policies), unsupported) == 1;
    ret->json =
        schema_choice(merge, path, "strategy", strategies, ARRAY_LEN(strategies), unsupported) == 1;
}

/* The operator carries out what stands in one element in this order. */
static const struct {
    const char *name;
    void (*decode)(const struct json *json, const char *path, struct external_secret_rewrite *ret,
                   struct buf *unsupported);
} operations[] = {
    {"regexp", decode_regexp},
    {"transform", decode_transform},
    {"merge", decode_merge},
};

/* Merge is of a time when the API server took one operation alone. */
static void decode_rewrite(const struct json *element, size_t index, const char *path,
                           struct external_secret_data_from *ret, struct buf *unsupported)
{
    size_t first = ret->rewrite_count;
    schema_check(element, path, REWRITE, ARRAY_LEN(REWRITE), unsupported);
    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        const struct json *json = json_member(element, operations[i].name);
        if (!json_is_absent(json)) {
            struct schema_path operation_path = schema_path("%s.%s", path, operations[i].name);
            struct external_secret_rewrite *rewrite = &ret->rewrites[ret->rewrite_count++];
            operations[i].decode(json, operation_path.text, rewrite, unsupported);
            rewrite->index = index;
        }
    }
    size_t count = ret->rewrite_count - first;
    if (count == 0 || (count > 1 && !json_is_absent(json_member(element, "merge")))) {
        schema_note(unsupported, "%s", path);
    }
}

static void decode_rewrites(const struct json *element, const char *path,
                            struct external_secret_data_from *ret, struct buf *unsupported)
{
    struct schema_path list_path = schema_path("%s.rewrite", path);
    const struct json *array =
        schema_array(json_member(element, "rewrite"), list_path.text, unsupported);
    size_t index = 0;
    ret->rewrites =
        mem_alloc_array(array ? array->len : 0, ARRAY_LEN(operations) * sizeof *ret->rewrites);
    JSON_FOR_EACH (rewrite, array) {
        struct schema_path rewrite_path = schema_path("%s[%zu]", list_path.text, index);
        decode_rewrite(rewrite, index++, rewrite_path.text, ret, unsupported);
    }
}

static void decode_source(const struct json *source, const char *path,
                          struct external_secret_data_from *ret, struct buf *unsupported)
{
    struct schema_path source_path = schema_path("%s.sourceRef", path);
    struct schema_path store_path = schema_path("%s.sourceRef.storeRef", path);
    if (!json_is_absent(source)) {
        schema_check(source, source_path.text, SOURCE_REF, ARRAY_LEN(SOURCE_REF), unsupported);
        ret->store =
            store_ref_decode(json_member(source, "storeRef"), store_path.text, unsupported);
    }
}

static void decode_element(const struct json *element, size_t index,
                           struct external_secret_data_from *ret, struct buf *unsupported)
{
    struct schema_path path = schema_path("spec.dataFrom[%zu]", index);
    const struct json *extract = json_member(element, "extract");
    const struct json *find = json_member(element, "find");
    const struct json *source = json_member(element, "sourceRef");
    schema_check(element, path.text, DATA_FROM, ARRAY_LEN(DATA_FROM), unsupported);
    bool both = !json_is_absent(extract) && !json_is_absent(find);
    bool none = json_is_absent(extract) && json_is_absent(find) && json_is_absent(source);
    if (both || none) {
        schema_note(unsupported, "%s", path.text);
    }
    if (!json_is_absent(extract)) {
        decode_extract(extract, path.text, ret, unsupported);
    } else if (!json_is_absent(find)) {
        decode_find(find, path.text, ret, unsupported);
    }
    decode_source(source, path.text, ret, unsupported);
    decode_rewrites(element, path.text, ret, unsupported);
}

void external_secret_decode_data_from(const struct json *spec, struct external_secret *ret,
                                      struct buf *unsupported)
{
    const struct json *array =
        schema_array(json_member(spec, "dataFrom"), "spec.dataFrom", unsupported);
    ret->data_from = mem_alloc_array(array ? array->len : 0, sizeof *ret->data_from);
    JSON_FOR_EACH (element, array) {
        decode_element(element, ret->data_from_count, &ret->data_from[ret->data_from_count],
                       unsupported);
        ret->data_from_count++;
    }
}

static void take_rewrite(struct external_secret_rewrite *rewrite, struct text_pool *pool)
{
    text_pool_take(pool, &rewrite->source);
    text_pool_take(pool, &rewrite->target);
    text_pool_take(pool, &rewrite->template);
    text_pool_take(pool, &rewrite->into);
    texts_take_text(rewrite->priority, rewrite->priority_count, pool);
}

void external_secret_data_from_take_text(struct external_secret_data_from *from,
                                         struct text_pool *pool)
{
    text_pool_take(pool, &from->remote_key);
    text_pool_take(pool, &from->property);
    text_pool_take(pool, &from->version);
    text_pool_take(pool, &from->path);
    text_pool_take(pool, &from->name_regexp);
    text_pool_take(pool, &from->store.name);
    string_pairs_take_text(from->tags, from->tag_count, pool);
    for (size_t i = 0; i < from->rewrite_count; i++) {
        take_rewrite(&from->rewrites[i], pool);
    }
}

void external_secret_data_from_done(struct external_secret_data_from *from)
{
    for (size_t i = 0; i < from->rewrite_count; i++) {
        free(from->rewrites[i].priority);
    }
    free(from->rewrites);
    free(from->tags);
}
