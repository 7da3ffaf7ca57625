/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/owner.h"

/* "apps/v1" is group "apps"; "v1" is the core group, which has an empty name. */
static struct str_view group_of(struct str_view api_version)
{
    size_t slash = sv_find(api_version, '/');
    return slash < api_version.len ? sv_first(api_version, slash) : SV("");
}

bool owner_find_controller(const struct json *metadata, struct owner *ret)
{
    JSON_FOR_EACH (reference, json_member(metadata, "ownerReferences")) {
        if (json_is_true(json_member(reference, "controller"))) {
            *ret = (struct owner){
                .group = group_of(json_string(json_member(reference, "apiVersion"))),
                .kind = json_string(json_member(reference, "kind")),
                .name = json_string(json_member(reference, "name")),
                .uid = json_string(json_member(reference, "uid")),
            };
            return true;
        }
    }
    return false;
}
