/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/external_secret_parts.h"
#include "objects/schema.h"
#include "refs/names.h"

static const struct schema_field DATA[] = {
    {"secretKey", NULL},
    {"remoteRef", NULL},
    {"sourceRef", NULL},
};
static const struct schema_field SOURCE_REF[] = {{"storeRef", NULL}};
static const struct schema_field STORE_REF[] = {{"name", NULL}, {"kind", NULL}};
static const struct schema_field REMOTE_REF[] = {
    {"key", NULL},
    {"property", NULL},
    {"version", NULL},
    {"conversionStrategy", NULL},
    {"decodingStrategy", NULL},
    {"metadataPolicy", NULL},
    {"nullBytePolicy", NULL},
};

enum decoding_strategy decoding_decode(const struct json *object, const char *path,
                                       const char *name, struct buf *unsupported)
{
    static const char *const choices[] = {
        [DECODING_NONE] = "None",
        [DECODING_BASE64] = "Base64",
        [DECODING_BASE64URL] = "Base64URL",
        [DECODING_AUTO] = "Auto",
    };
    return (enum decoding_strategy)schema_choice(object, path, name, choices, ARRAY_LEN(choices),
                                                 unsupported);
}

enum conversion_strategy conversion_decode(const struct json *object, const char *path,
                                           struct buf *unsupported)
{
    static const char *const choices[] = {
        [CONVERSION_DEFAULT] = "Default",
        [CONVERSION_UNICODE] = "Unicode",
    };
    return (enum conversion_strategy)schema_choice(object, path, "conversionStrategy", choices,
                                                   ARRAY_LEN(choices), unsupported);
}

bool null_bytes_fail_decode(const struct json *object, const char *path, struct buf *unsupported)
{
    static const char *const choices[] = {"Ignore", "Fail"};
    return schema_choice(object, path, "nullBytePolicy", choices, ARRAY_LEN(choices),
                         unsupported) == 1;
}

struct remote_ref remote_ref_decode(const struct json *ref, const char *path,
                                    struct buf *unsupported)
{
    static const char *const metadata[] = {"None", "Fetch"};
    schema_check(ref, path, REMOTE_REF, ARRAY_LEN(REMOTE_REF), unsupported);
    struct remote_ref ret = {
        .key = schema_text(ref, path, "key", unsupported),
        .property = schema_text(ref, path, "property", unsupported),
        .version = schema_text(ref, path, "version", unsupported),
        .decoding = decoding_decode(ref, path, "decodingStrategy", unsupported),
        .conversion = conversion_decode(ref, path, unsupported),
        .metadata = schema_choice(ref, path, "metadataPolicy", metadata, ARRAY_LEN(metadata),
                                  unsupported) == 1,
        .null_bytes_fail = null_bytes_fail_decode(ref, path, unsupported),
    };
    /* A NUL is in no name, and would be the end of one to whoever takes it for text. */
    if (ret.key.len == 0 || sv_find(ret.key, '\0') < ret.key.len) {
        schema_note(unsupported, "%s.key", path);
    }
    return ret;
}

struct store_ref store_ref_decode(const struct json *ref, const char *path, struct buf *unsupported)
{
    static const char *const kinds[] = {"SecretStore", "ClusterSecretStore"};
    schema_check(ref, path, STORE_REF, ARRAY_LEN(STORE_REF), unsupported);
    struct store_ref ret = {
        .name = schema_text(ref, path, "name", unsupported),
        .cluster = schema_choice(ref, path, "kind", kinds, ARRAY_LEN(kinds), unsupported) == 1,
    };
    if (!name_is_dns_subdomain(ret.name)) {
        schema_note(unsupported, "%s.name", path);
    }
    return ret;
}

/* A generator means nothing here, in the operator too. */
static struct store_ref decode_source(const struct json *source, const char *path,
                                      struct buf *unsupported)
{
    struct schema_path store_path = schema_path("%s.storeRef", path);
    if (json_is_absent(source)) {
        return (struct store_ref){0};
    }
    schema_check(source, path, SOURCE_REF, ARRAY_LEN(SOURCE_REF), unsupported);
    return store_ref_decode(json_member(source, "storeRef"), store_path.text, unsupported);
}

static void decode_element(const struct json *element, size_t index,
                           struct external_secret_data *ret, struct buf *unsupported)
{
    struct schema_path path = schema_path("spec.data[%zu]", index);
    struct schema_path ref_path = schema_path("spec.data[%zu].remoteRef", index);
    struct schema_path source_path = schema_path("spec.data[%zu].sourceRef", index);
    schema_check(element, path.text, DATA, ARRAY_LEN(DATA), unsupported);
    struct remote_ref ref =
        remote_ref_decode(json_member(element, "remoteRef"), ref_path.text, unsupported);
    *ret = (struct external_secret_data){
        .secret_key = schema_text(element, path.text, "secretKey", unsupported),
        .remote_key = ref.key,
        .property = ref.property,
        .version = ref.version,
        .decoding = ref.decoding,
        .metadata = ref.metadata,
        .null_bytes_fail = ref.null_bytes_fail,
        .store = decode_source(json_member(element, "sourceRef"), source_path.text, unsupported),
    };
    if (!name_is_secret_key(ret->secret_key)) {
        schema_note(unsupported, "%s.secretKey", path.text);
    }
}

void external_secret_decode_data(const struct json *spec, struct external_secret *ret,
                                 struct buf *unsupported)
{
    const struct json *data = schema_array(json_member(spec, "data"), "spec.data", unsupported);
    ret->data = mem_alloc_array(data ? data->len : 0, sizeof *ret->data);
    JSON_FOR_EACH (element, data) {
        decode_element(element, ret->data_count, &ret->data[ret->data_count], unsupported);
        ret->data_count++;
    }
}
