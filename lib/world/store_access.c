/* SPDX-License-Identifier: Apache-2.0 */
/* Store and namespace are taken together; the conditions, whose cost is their author's, are looked
 * at without the lock. */
#include "world/tables.h"

#define OWN_CLASS "keyturn"

/* What one look-up finds. */
struct found {
    struct store *store;         /* NULL: none */
    struct namespace *namespace; /* NULL: none, or not needed */
    bool stores_known;
};

static void found_done(struct found *found)
{
    store_release(found->store);
    namespace_release(found->namespace);
}

static void find(struct world *world, const struct store_ref *ref, struct str_view namespace,
                 struct found *ret)
{
    char store_text[WORLD_KEY_BYTES];
    char namespace_text[WORLD_KEY_BYTES];
    enum world_table table = ref->cluster ? WORLD_CLUSTER_STORES : WORLD_STORES;
    struct str_view store_key = world_key(store_text, ref->cluster ? SV("") : namespace, ref->name);
    struct str_view namespace_key = world_key(namespace_text, SV(""), namespace);
    world_lock(world);
    struct store *store = table_get(&world->tables[table], store_key);
    struct namespace *record = table_get(&world->tables[WORLD_NAMESPACES], namespace_key);
    *ret = (struct found){
        .store = store ? store_retain(store) : NULL,
        .namespace = record ? namespace_retain(record) : NULL,
        .stores_known = world->synced[table],
    };
    world_unlock(world);
}

static const char *kind_name(bool cluster)
{
    return cluster ? "ClusterSecretStore" : "SecretStore";
}

static bool is_ours(const struct world *world, const struct store *store, struct err *err)
{
    const char *other = world->operator_class;
    if (store->controller.len == 0 || sv_is(store->controller, OWN_CLASS) ||
        (other && sv_is(store->controller, other))) {
        return true;
    }
    return err_set(err, ERR_INVALID, "%s %.*s: its spec.controller leaves it to another controller",
                   kind_name(store->cluster), SV_ARG(store->name));
}

/* Labels of a namespace that is not known yet may admit it. */
static enum store_access ask_conditions(const struct found *found, struct str_view name,
                                        struct err *err)
{
    const struct store_namespace namespace = {
        .name = name,
        .labels_known = found->namespace != NULL,
        .labels = found->namespace ? found->namespace->labels : NULL,
        .label_count = found->namespace ? found->namespace->label_count : 0,
    };
    if (store_admits(found->store, &namespace, err)) {
        return STORE_GRANTED;
    }
    return found->namespace || !found->store->cluster ? STORE_REFUSED : STORE_UNKNOWN;
}

static enum store_access missing(const struct found *found, const struct store_ref *ref,
                                 struct err *err)
{
    err_set(err, ERR_MISSING,
            found->stores_known ? "%s %.*s does not exist" : "%s %.*s is not known yet",
            kind_name(ref->cluster), SV_ARG(ref->name));
    return found->stores_known ? STORE_MISSING : STORE_UNKNOWN;
}

enum store_access world_store_for(struct world *world,
                                  const struct external_secret *external_secret,
                                  const struct store_ref *ref, struct store **ret, struct err *err)
{
    const struct store_ref own = {.name = external_secret->store_name,
                                  .cluster = external_secret->cluster_store};
    const struct store_ref *wanted = ref && ref->name.len > 0 ? ref : &own;
    CLEANUP(found_done) struct found found = {0};
    find(world, wanted, external_secret->namespace, &found);
    if (!found.store) {
        return missing(&found, wanted, err);
    }
    if (!is_ours(world, found.store, err)) {
        return STORE_REFUSED;
    }
    enum store_access access = ask_conditions(&found, external_secret->namespace, err);
    if (access == STORE_GRANTED) {
        *ret = store_retain(found.store);
    }
    return access;
}

void world_set_operator_class(struct world *world, const char *class)
{
    world->operator_class = class;
}
