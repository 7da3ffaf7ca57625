/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/external_secret_parts.h"
#include "objects/schema.h"
#include "refs/names.h"

#define PATH "spec.target.template"

enum {
    RECORDS_OF_ELEMENT = 3, /* a ConfigMap, a Secret and a literal */
};

/* The CRD takes no other engineVersion since v0.16. */
static const struct schema_field TEMPLATE[] = {
    {"type", NULL},        {"engineVersion", "v2"}, {"metadata", NULL},
    {"mergePolicy", NULL}, {"data", NULL},          {"templateFrom", NULL},
};
static const struct schema_field METADATA[] = {
    {"labels", NULL},
    {"annotations", NULL},
    {"finalizers", NULL},
};
static const struct schema_field TEMPLATE_FROM[] = {
    {"configMap", NULL},
    {"secret", NULL},
    {"literal", NULL},
    {"target", NULL},
    {"valuesDecodingStrategy", NULL},
};
static const struct schema_field REFERENCE[] = {{"name", NULL}, {"items", NULL}};
static const struct schema_field ITEM[] = {{"key", NULL}, {"templateAs", NULL}};

static void decode_item(const struct json *element, const char *path,
                        struct template_from_item *ret, struct buf *unsupported)
{
    static const char *const kinds[] = {"Values", "KeysAndValues"};
    schema_check(element, path, ITEM, ARRAY_LEN(ITEM), unsupported);
    ret->key = schema_text(element, path, "key", unsupported);
    ret->keys_and_values =
        schema_choice(element, path, "templateAs", kinds, ARRAY_LEN(kinds), unsupported) == 1;
    if (!name_is_secret_key(ret->key)) {
        schema_note(unsupported, "%s.key", path);
    }
}

static void decode_items(const struct json *reference, const char *path,
                         struct external_secret_template_from *ret, struct buf *unsupported)
{
    struct schema_path list_path = schema_path("%s.items", path);
    const struct json *array =
        schema_array(json_member(reference, "items"), list_path.text, unsupported);
    ret->items = mem_alloc_array(array ? array->len : 0, sizeof *ret->items);
    JSON_FOR_EACH (element, array) {
        struct schema_path item_path = schema_path("%s[%zu]", list_path.text, ret->item_count);
        decode_item(element, item_path.text, &ret->items[ret->item_count], unsupported);
        ret->item_count++;
    }
    if (!array) {
        schema_note(unsupported, "%s", list_path.text);
    }
}

static void decode_reference(const struct json *reference, const char *path,
                             struct external_secret_template_from *ret, struct buf *unsupported)
{
    schema_check(reference, path, REFERENCE, ARRAY_LEN(REFERENCE), unsupported);
    ret->name = schema_text(reference, path, "name", unsupported);
    decode_items(reference, path, ret, unsupported);
    if (!name_is_dns_subdomain(ret->name)) {
        schema_note(unsupported, "%s.name", path);
    }
}

static enum template_target decode_target(const struct json *element, const char *path,
                                          struct buf *unsupported)
{
    static const char *const targets[] = {
        [TEMPLATE_DATA] = "data",
        [TEMPLATE_LABELS] = "labels",
        [TEMPLATE_ANNOTATIONS] = "annotations",
    };
    struct str_view text = schema_text(element, path, "target", unsupported);
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        if (sv_equal_ignoring_case(text, sv_of(targets[i]))) {
            return (enum template_target)i;
        }
    }
    if (text.len) {
        schema_note(unsupported, "%s.target", path);
    }
    return TEMPLATE_DATA;
}

static void decode_from_element(const struct json *element, size_t index,
                                struct external_secret_template *ret, struct buf *unsupported)
{
    static const char *const kinds[RECORDS_OF_ELEMENT] = {"configMap", "secret", "literal"};
    static const enum template_from_kind order[RECORDS_OF_ELEMENT] = {
        TEMPLATE_FROM_CONFIG_MAP, TEMPLATE_FROM_SECRET, TEMPLATE_FROM_LITERAL};
    struct schema_path path = schema_path(PATH ".templateFrom[%zu]", index);
    schema_check(element, path.text, TEMPLATE_FROM, ARRAY_LEN(TEMPLATE_FROM), unsupported);
    struct external_secret_template_from common = {
        .index = index,
        .target = decode_target(element, path.text, unsupported),
        .decoding = decoding_decode(element, path.text, "valuesDecodingStrategy", unsupported),
    };
    size_t first = ret->from_count;
    for (size_t i = 0; i < RECORDS_OF_ELEMENT; i++) {
        const struct json *source = json_member(element, kinds[i]);
        if (json_is_absent(source)) {
            continue;
        }
        struct external_secret_template_from *from = &ret->from[ret->from_count++];
        *from = common;
        from->kind = order[i];
        if (from->kind == TEMPLATE_FROM_LITERAL) {
            from->literal = schema_text(element, path.text, "literal", unsupported);
        } else {
            struct schema_path reference_path = schema_path("%s.%s", path.text, kinds[i]);
            decode_reference(source, reference_path.text, from, unsupported);
        }
    }
    if (ret->from_count == first) {
        common.kind = TEMPLATE_FROM_NOTHING;
        ret->from[ret->from_count++] = common;
    }
}

static void decode_from(const struct json *json, struct external_secret_template *ret,
                        struct buf *unsupported)
{
    const struct json *array =
        schema_array(json_member(json, "templateFrom"), PATH ".templateFrom", unsupported);
    ret->from = mem_alloc_array(array ? array->len : 0, RECORDS_OF_ELEMENT * sizeof *ret->from);
    size_t index = 0;
    JSON_FOR_EACH (element, array) {
        decode_from_element(element, index++, ret, unsupported);
    }
}

static void decode_metadata(const struct json *metadata, struct external_secret_template *ret,
                            struct buf *unsupported)
{
    schema_check(metadata, PATH ".metadata", METADATA, ARRAY_LEN(METADATA), unsupported);
    ret->labels = string_pairs_decode(json_member(metadata, "labels"), PATH ".metadata.labels",
                                      &ret->label_count, unsupported);
    ret->annotations =
        string_pairs_decode(json_member(metadata, "annotations"), PATH ".metadata.annotations",
                            &ret->annotation_count, unsupported);
    ret->finalizers = texts_decode(json_member(metadata, "finalizers"), PATH ".metadata.finalizers",
                                   &ret->finalizer_count, unsupported);
}

void external_secret_template_decode(const struct json *json, struct external_secret_template *ret,
                                     struct buf *unsupported)
{
    static const char *const merge_policies[] = {"Replace", "Merge"};
    schema_check(json, PATH, TEMPLATE, ARRAY_LEN(TEMPLATE), unsupported);
    ret->merge = schema_choice(json, PATH, "mergePolicy", merge_policies, ARRAY_LEN(merge_policies),
                               unsupported) == 1;
    ret->type = schema_text(json, PATH, "type", unsupported);
    ret->data =
        string_pairs_decode(json_member(json, "data"), PATH ".data", &ret->data_count, unsupported);
    decode_metadata(json_member(json, "metadata"), ret, unsupported);
    decode_from(json, ret, unsupported);
}

static void take_from(struct external_secret_template_from *from, struct text_pool *pool)
{
    text_pool_take(pool, &from->literal);
    text_pool_take(pool, &from->name);
    for (size_t i = 0; i < from->item_count; i++) {
        text_pool_take(pool, &from->items[i].key);
    }
}

void external_secret_template_take_text(struct external_secret_template *part,
                                        struct text_pool *pool)
{
    text_pool_take(pool, &part->type);
    string_pairs_take_text(part->labels, part->label_count, pool);
    string_pairs_take_text(part->annotations, part->annotation_count, pool);
    texts_take_text(part->finalizers, part->finalizer_count, pool);
    string_pairs_take_text(part->data, part->data_count, pool);
    for (size_t i = 0; i < part->from_count; i++) {
        take_from(&part->from[i], pool);
    }
}

void external_secret_template_done(struct external_secret_template *part)
{
    for (size_t i = 0; i < part->from_count; i++) {
        free(part->from[i].items);
    }
    free(part->from);
    free(part->labels);
    free(part->annotations);
    free(part->finalizers);
    free(part->data);
}
