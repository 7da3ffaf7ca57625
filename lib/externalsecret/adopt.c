/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/adopt.h"

#include "externalsecret/managed.h"
#include "objects/owner.h"

static bool is_this(const struct external_secret *external_secret, const struct owner *owner)
{
    return sv_is(owner->group, MANAGED_OWNER_GROUP) && sv_is(owner->kind, MANAGED_OWNER_KIND) &&
           sv_equal(owner->name, external_secret->name);
}

bool adopt_is_owner(const struct external_secret *external_secret, const struct json *reference)
{
    struct str_view api_version = json_string(json_member(reference, "apiVersion"));
    const struct owner owner = {
        .group = sv_first(api_version, sv_find(api_version, '/')),
        .kind = json_string(json_member(reference, "kind")),
        .name = json_string(json_member(reference, "name")),
    };
    return is_this(external_secret, &owner);
}

enum adoption adopt_decide(const struct external_secret *external_secret, const struct json *live,
                           struct err *why)
{
    struct owner owner;
    if (!live) {
        return ADOPT_CREATE;
    }
    if (!owner_find_controller(json_member(live, "metadata"), &owner)) {
        err_set(why, ERR_DENIED, "Secret %.*s/%.*s is there already and nobody's",
                SV_ARG(external_secret->namespace), SV_ARG(external_secret->target));
        return ADOPT_FOREIGN;
    }
    if (!is_this(external_secret, &owner)) {
        err_set(why, ERR_DENIED, "Secret %.*s/%.*s is there already and belongs to %.*s %.*s",
                SV_ARG(external_secret->namespace), SV_ARG(external_secret->target),
                SV_ARG(owner.kind), SV_ARG(owner.name));
        return ADOPT_FOREIGN;
    }
    return ADOPT_REPLACE;
}
