/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/metadata.h"

#include "base/timestamp.h"
#include "refs/names.h"

/* A time nobody can read is no reason to lose the object. */
static int64_t time_of(const struct json *node)
{
    int64_t ms = 0;
    struct err ignored;
    return timestamp_parse(json_string(node), &ms, &ignored) ? ms : 0;
}

bool metadata_decode(const struct json *object, bool namespaced, struct metadata *ret,
                     struct err *err)
{
    const struct json *json = json_member(object, "metadata");
    struct metadata metadata = {
        .json = json,
        .name = json_string(json_member(json, "name")),
        .uid = json_string(json_member(json, "uid")),
        .resource_version = json_string(json_member(json, "resourceVersion")),
        .created_ms = time_of(json_member(json, "creationTimestamp")),
        .deleting = !json_is_absent(json_member(json, "deletionTimestamp")),
    };
    if (namespaced) {
        metadata.namespace = json_string(json_member(json, "namespace"));
    }
    if (!json_to_i64(json_member(json, "generation"), &metadata.generation)) {
        metadata.generation = 0;
    }
    if (!name_is_dns_subdomain(metadata.name)) {
        return err_set(err, ERR_INVALID, "metadata.name is missing or no name");
    }
    if (namespaced && !name_is_dns_label(metadata.namespace)) {
        return err_set(err, ERR_INVALID, "metadata.namespace is missing or no name");
    }
    *ret = metadata;
    return true;
}

struct str_view metadata_annotation(const struct metadata *metadata, const char *name)
{
    return json_string(json_member(json_member(metadata->json, "annotations"), name));
}

struct str_view metadata_label(const struct metadata *metadata, const char *name)
{
    return json_string(json_member(json_member(metadata->json, "labels"), name));
}

int64_t metadata_last_write_ms(const struct metadata *metadata)
{
    int64_t newest = 0;
    JSON_FOR_EACH (entry, json_member(metadata->json, "managedFields")) {
        int64_t at = time_of(json_member(entry, "time"));
        if (at > newest && json_string(json_member(entry, "subresource")).len == 0) {
            newest = at;
        }
    }
    return newest ? newest : metadata->created_ms;
}
