/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/store_use.h"

#include "base/limits.h"
#include "externalsecret/due.h"
#include "objects/external_secret_stores.h"

bool store_use_is_known(struct world *world, const struct external_secret *external_secret)
{
    struct store_walk walk = {.external_secret = external_secret};
    struct store_ref ref;
    while (store_walk_next(&walk, &ref)) {
        struct store *store = NULL;
        struct err ignored;
        enum store_access access = world_store_for(world, external_secret, &ref, &store, &ignored);
        store_release(store);
        if (access == STORE_UNKNOWN) {
            return false;
        }
    }
    return true;
}

bool store_use_is_others(struct world *world, const struct external_secret *external_secret)
{
    struct store_walk walk = {.external_secret = external_secret};
    struct store_ref ref;
    while (store_walk_next(&walk, &ref)) {
        struct store *store = NULL;
        struct err err = {0};
        enum store_access access = world_store_for(world, external_secret, &ref, &store, &err);
        store_release(store);
        if (access == STORE_REFUSED && err.kind == ERR_INVALID) {
            return true;
        }
    }
    return false;
}

bool store_use_is_silent(struct world *world, struct store_health *health,
                         const struct external_secret *external_secret)
{
    struct store_walk walk = {.external_secret = external_secret};
    struct store_ref ref;
    bool silent = false;
    while (store_walk_next(&walk, &ref)) {
        struct store *store = NULL;
        struct err ignored;
        (void)world_store_for(world, external_secret, &ref, &store, &ignored);
        silent |= store && store_health_is_silent(health, store);
        store_release(store);
    }
    return silent;
}

char *store_use_basis(struct world *world, const struct external_secret *external_secret)
{
    struct buf basis;
    struct store_walk walk = {.external_secret = external_secret};
    struct store_ref ref;
    buf_init(&basis, LIMIT_ELEMENT_BYTES);
    buf_printf(&basis, "%.*s/%s", SV_ARG(external_secret->uid), external_secret->version);
    while (store_walk_next(&walk, &ref)) {
        struct store *store = NULL;
        struct err ignored;
        enum store_access access = world_store_for(world, external_secret, &ref, &store, &ignored);
        buf_printf(&basis, "/%d", (int)access);
        if (store) {
            buf_printf(&basis, "/%.*s/%lld", SV_ARG(store->uid), (long long)store->generation);
        }
        store_release(store);
    }
    return buf_take(&basis);
}

bool store_use_has(const struct external_secret *external_secret, bool cluster,
                   struct str_view namespace, struct str_view name)
{
    struct store_walk walk = {.external_secret = external_secret};
    struct store_ref ref;
    while (store_walk_next(&walk, &ref)) {
        if (ref.cluster == cluster && sv_equal(ref.name, name) &&
            (cluster || sv_equal(external_secret->namespace, namespace))) {
            return true;
        }
    }
    return false;
}
