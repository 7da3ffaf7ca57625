/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/departure.h"

#include "base/encode.h"
#include "base/limits.h"
#include "externalsecret/managed.h"
#include "objects/owner.h"
#include "webhook/owned_object.h"

enum {
    TRIES = 3,
    PATCH_BYTES = 64 * 1024,
    FOUND_MAX = 32, /* deleted in one go */
};

/* ---- Secrets ---- */

/* Its controller is this very ExternalSecret, not a predecessor of the same name. */
static bool is_controlled(const struct json *secret, const struct external_secret *external_secret)
{
    struct owner owner;
    return owner_find_controller(json_member(secret, "metadata"), &owner) &&
           sv_is(owner.group, MANAGED_OWNER_GROUP) && sv_is(owner.kind, MANAGED_OWNER_KIND) &&
           sv_equal(owner.name, external_secret->name) && sv_equal(owner.uid, external_secret->uid);
}

/* One Secret that is to go. */
struct orphan {
    char *name;
    char *uid;
    char *version; /* resourceVersion */
};

/* Exactly as it was looked at: who takes our ownership away meanwhile keeps it. One that is gone
 * meanwhile is what was wanted. */
static bool delete_secret(const struct kube_client *client, struct str_view namespace,
                          const struct orphan *orphan, int64_t deadline_ms, struct err *err)
{
    CLEANUP(kube_response_done) struct kube_response response = {0};
    const struct kube_target target = {
        .resource = &kube_secrets, .namespace = namespace, .name = sv_of(orphan->name)};
    return kube_delete(client, &target, sv_of(orphan->uid), sv_of(orphan->version), deadline_ms,
                       &response, err) ||
           err->kind == ERR_MISSING;
}

struct search {
    const struct external_secret *external_secret;
    struct str_view name; /* empty: all but the target */
    struct orphan found[FOUND_MAX];
    size_t count;
};

static void search_done(struct search *search)
{
    for (size_t i = 0; i < search->count; i++) {
        free(search->found[i].name);
        free(search->found[i].uid);
        free(search->found[i].version);
    }
}

static bool keep_orphan(void *context, const struct json *object)
{
    struct search *search = context;
    const struct json *metadata = json_member(object, "metadata");
    struct str_view name = json_string(json_member(metadata, "name"));
    bool wanted = search->name.len ? sv_equal(name, search->name)
                                   : !sv_equal(name, search->external_secret->target);
    /* One that a finalizer keeps is on its way. */
    wanted = wanted && json_is_absent(json_member(metadata, "deletionTimestamp"));
    if (wanted && is_controlled(object, search->external_secret)) {
        search->found[search->count++] = (struct orphan){
            .name = sv_dup(name),
            .uid = sv_dup(json_string(json_member(metadata, "uid"))),
            .version = sv_dup(json_string(json_member(metadata, "resourceVersion")))};
    }
    return search->count < FOUND_MAX;
}

/* By metadata alone: what a Secret holds is nobody's business here. */
static bool find_secrets(const struct kube_client *client, struct search *search,
                         const char *label_selector, const char *field_selector,
                         int64_t deadline_ms, struct err *err)
{
    const struct kube_target target = {.resource = &kube_secrets,
                                       .namespace = search->external_secret->namespace};
    const struct kube_list_options options = {
        .label_selector = label_selector, .field_selector = field_selector, .metadata_only = true};
    return kube_list(client, &target, &options, deadline_ms, keep_orphan, search, NULL, err);
}

static bool delete_found(const struct kube_client *client, const struct search *search,
                         int64_t deadline_ms, struct err *err)
{
    for (size_t i = 0; i < search->count; i++) {
        const struct orphan *orphan = &search->found[i];
        if (!delete_secret(client, search->external_secret->namespace, orphan, deadline_ms, err)) {
            return err_wrap(err, "Secret %s", orphan->name);
        }
    }
    return true;
}

/* Still what it was when it was carried out: of another target nothing is known here. */
static bool is_current(const struct kube_client *client,
                       const struct external_secret *external_secret, int64_t deadline_ms,
                       bool *ret, struct err *err)
{
    CLEANUP(owned_object_done) struct owned_object object = {0};
    const struct owned_target target = owned_external_secret(external_secret);
    *ret = false;
    if (!owned_object_get(client, &target, deadline_ms, &object, err)) {
        return err->kind == ERR_MISSING;
    }
    *ret = owned_object_is_generation(&object, external_secret->generation);
    return true;
}

static bool delete_some_orphans(const struct kube_client *client, const char *selector,
                                const struct external_secret *external_secret, int64_t deadline_ms,
                                unsigned *ret_deleted, struct err *err)
{
    CLEANUP(search_done) struct search search = {.external_secret = external_secret};
    bool current = false;
    *ret_deleted = 0;
    if (!find_secrets(client, &search, selector, NULL, deadline_ms, err)) {
        return false;
    }
    if (search.count > 0 && !is_current(client, external_secret, deadline_ms, &current, err)) {
        return false;
    }
    if (!current) {
        return true;
    }
    *ret_deleted = (unsigned)search.count;
    return delete_found(client, &search, deadline_ms, err);
}

bool departure_delete_orphans(const struct kube_client *client,
                              const struct external_secret *external_secret, int64_t deadline_ms,
                              unsigned *ret_deleted, struct err *err)
{
    char digest[SHA3_224_HEX_BYTES];
    char selector[sizeof MANAGED_CREATED_BY_LABEL + SHA3_224_HEX_BYTES];
    unsigned deleted = 0;
    unsigned total = 0;
    managed_created_by(external_secret->namespace, external_secret->name, digest);
    (void)snprintf(selector, sizeof selector, "%s=%s", MANAGED_CREATED_BY_LABEL, digest);
    do {
        if (!delete_some_orphans(client, selector, external_secret, deadline_ms, &deleted, err)) {
            return false;
        }
        total += deleted;
    } while (deleted == FOUND_MAX);
    *ret_deleted = total;
    return true;
}

static bool delete_target(const struct kube_client *client,
                          const struct external_secret *external_secret, int64_t deadline_ms,
                          bool *ret_deleted, struct err *err)
{
    CLEANUP(search_done)
    struct search search = {.external_secret = external_secret, .name = external_secret->target};
    CLEANUP(buf_done) struct buf selector;
    buf_init(&selector, 2 * LIMIT_NAME_BYTES);
    buf_printf(&selector, "metadata.name=%.*s", SV_ARG(external_secret->target));
    if (!find_secrets(client, &search, NULL, selector.data, deadline_ms, err) ||
        !delete_found(client, &search, deadline_ms, err)) {
        return false;
    }
    *ret_deleted |= search.count > 0;
    return true;
}

/* ---- the finalizer ---- */

/* All the others. False: it is not there. */
static bool make_patch(const struct owned_object *object, struct buf *ret)
{
    bool found = false;
    bool first = true;
    buf_init(ret, PATCH_BYTES);
    buf_add_str(ret, "{\"metadata\":{\"resourceVersion\":");
    encode_json_string(ret, object->resource_version);
    buf_add_str(ret, ",\"finalizers\":[");
    JSON_FOR_EACH (finalizer, json_path(object->json, "metadata", "finalizers", NULL)) {
        if (json_string_is(finalizer, EXTERNAL_SECRET_FINALIZER)) {
            found = true;
            continue;
        }
        buf_add_str(ret, first ? "" : ",");
        encode_json_string(ret, json_string(finalizer));
        first = false;
    }
    buf_add_str(ret, "]}}");
    return found;
}

/* As it stands there now: what it was when it was queued may have changed. */
static bool delete_as_it_says(const struct kube_client *client, const struct json *object,
                              int64_t deadline_ms, bool *ret_deleted, struct err *err)
{
    struct external_secret *present = NULL;
    if (!external_secret_decode(object, &present, err)) {
        return false;
    }
    bool done = present->deletion_policy != DELETION_DELETE ||
                delete_target(client, present, deadline_ms, ret_deleted, err);
    external_secret_release(present);
    return done;
}

/* `*ret_deleted` stays true when it is. */
static bool finish(const struct kube_client *client, const struct owned_target *target,
                   int64_t deadline_ms, bool *ret_deleted, struct err *err)
{
    CLEANUP(owned_object_done) struct owned_object object = {0};
    CLEANUP(buf_done) struct buf patch = {0};
    if (!owned_object_get(client, target, deadline_ms, &object, err)) {
        return err->kind == ERR_MISSING;
    }
    if (!owned_object_is_deleting(&object) || !make_patch(&object, &patch)) {
        return true;
    }
    return buf_check(&patch, "the finalizers", err) &&
           delete_as_it_says(client, object.json, deadline_ms, ret_deleted, err) &&
           owned_object_patch(client, target, NULL, buf_view(&patch), deadline_ms, err);
}

bool departure_finish(const struct kube_client *client,
                      const struct external_secret *external_secret, int64_t deadline_ms,
                      bool *ret_deleted, struct err *err)
{
    const struct owned_target target = owned_external_secret(external_secret);
    bool done = false;
    *ret_deleted = false;
    for (int i = 0; i < TRIES && !done; i++) {
        done = finish(client, &target, deadline_ms, ret_deleted, err);
        if (!done && err->kind != ERR_CONFLICT) {
            return false;
        }
    }
    return done;
}
