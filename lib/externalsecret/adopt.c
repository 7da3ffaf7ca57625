/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/adopt.h"

#include "externalsecret/fields.h"
#include "externalsecret/managed.h"
#include "objects/owner.h"

static bool is_external_secret(const struct owner *owner)
{
    return sv_is(owner->group, MANAGED_OWNER_GROUP) && sv_is(owner->kind, MANAGED_OWNER_KIND);
}

static bool is_this(const struct external_secret *external_secret, const struct owner *owner)
{
    return is_external_secret(owner) && sv_equal(owner->name, external_secret->name);
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

bool adopt_controls(const struct external_secret *external_secret, const struct json *live)
{
    struct owner owner;
    return owner_find_controller(json_member(live, "metadata"), &owner) &&
           is_this(external_secret, &owner);
}

static bool owns_all_data(const struct json *live, const char *manager)
{
    CLEANUP(field_names_done) struct field_names owned = {0};
    field_names_collect(live, manager, "data", NULL, &owned);
    JSON_FOR_EACH (member, json_member(live, "data")) {
        if (!field_names_have(&owned, json_key(member))) {
            return false;
        }
    }
    return owned.count > 0;
}

bool adopt_has_written(const struct external_secret *external_secret, const struct json *live)
{
    char manager[FIELD_MANAGER_BYTES];
    managed_field_manager(external_secret->name, manager);
    return json_string_is(json_path(live, "metadata", "labels", MANAGED_LABEL, NULL), "true") &&
           (fields_owns(live, manager, "type") || owns_all_data(live, manager));
}

static enum adoption leave(enum adoption adoption, const struct external_secret *external_secret,
                           const struct owner *owner, struct err *why)
{
    (void)err_set(why, ERR_DENIED, "Secret %.*s/%.*s is there already and belongs to %.*s %.*s",
                  SV_ARG(external_secret->namespace), SV_ARG(external_secret->target),
                  SV_ARG(owner->kind), SV_ARG(owner->name));
    return adoption;
}

static enum adoption decide_whole(const struct external_secret *external_secret,
                                  const struct json *live, const struct owner *owner,
                                  struct err *why)
{
    if (owner) {
        return is_this(external_secret, owner) ? ADOPT_REPLACE
                                               : leave(ADOPT_FOREIGN, external_secret, owner, why);
    }
    if (adopt_has_written(external_secret, live)) {
        return ADOPT_REPLACE;
    }
    (void)err_set(why, ERR_DENIED, "Secret %.*s/%.*s is there already and nobody's",
                  SV_ARG(external_secret->namespace), SV_ARG(external_secret->target));
    return ADOPT_FOREIGN;
}

enum adoption adopt_decide(const struct external_secret *external_secret, const struct json *live,
                           struct err *why)
{
    enum creation_policy policy = external_secret->creation_policy;
    struct owner owner;
    if (policy == CREATION_NONE) {
        return ADOPT_NONE;
    }
    if (!live) {
        return policy == CREATION_MERGE ? ADOPT_MISSING : ADOPT_CREATE;
    }
    bool owned = owner_find_controller(json_member(live, "metadata"), &owner);
    if (owned && is_external_secret(&owner) && !is_this(external_secret, &owner)) {
        return leave(ADOPT_OWNED, external_secret, &owner, why);
    }
    return policy == CREATION_MERGE || policy == CREATION_CREATE_OR_MERGE
               ? ADOPT_MERGE
               : decide_whole(external_secret, live, owned ? &owner : NULL, why);
}
