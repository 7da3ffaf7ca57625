/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_providers.h"

struct assume_role {
    struct credentials_provider provider; /* first: one is cast to the other */
    struct service_endpoint *sts;
    struct credentials_cache *cache;
    struct identity_key base_key;
    struct credentials_provider *base;
    struct sts_role role; /* what it points at is ours */
    struct sts_tag *tags;
    struct str_view *transitive_keys;
};

static bool fetch(struct credentials_provider *provider, const struct credentials_request *request,
                  struct credentials **ret, struct err *err)
{
    const struct assume_role *self = (struct assume_role *)provider;
    struct credentials_lease lease = {self->cache, self->base_key, self->base};
    const struct credentials_source source = credentials_lease_source(&lease);
    return sts_assume_role(self->sts, &source, &self->role, request, ret, err);
}

static void free_view(struct str_view view)
{
    free((char *)view.data);
}

static struct str_view copy_view(struct str_view view)
{
    return sv_make(sv_dup(view), view.len);
}

static void destroy(struct credentials_provider *provider)
{
    struct assume_role *self = (struct assume_role *)provider;
    credentials_provider_release(self->base);
    free_view(self->role.arn);
    free_view(self->role.session_name);
    free_view(self->role.external_id);
    for (size_t i = 0; i < self->role.tag_count; i++) {
        free_view(self->tags[i].key);
        free_view(self->tags[i].value);
    }
    for (size_t i = 0; i < self->role.transitive_count; i++) {
        free_view(self->transitive_keys[i]);
    }
    free(self->tags);
    free(self->transitive_keys);
    free(self);
}

static void copy_role(struct assume_role *self, const struct sts_role *role)
{
    self->tags = mem_alloc_array(role->tag_count, sizeof *self->tags);
    self->transitive_keys = mem_alloc_array(role->transitive_count, sizeof *self->transitive_keys);
    for (size_t i = 0; i < role->tag_count; i++) {
        self->tags[i].key = copy_view(role->tags[i].key);
        self->tags[i].value = copy_view(role->tags[i].value);
    }
    for (size_t i = 0; i < role->transitive_count; i++) {
        self->transitive_keys[i] = copy_view(role->transitive_keys[i]);
    }
    self->role = (struct sts_role){
        .arn = copy_view(role->arn),
        .session_name = copy_view(role->session_name),
        .external_id = copy_view(role->external_id),
        .tags = self->tags,
        .tag_count = role->tag_count,
        .transitive_keys = self->transitive_keys,
        .transitive_count = role->transitive_count,
    };
}

struct credentials_provider *credentials_assume_role(struct service_endpoint *sts,
                                                     struct credentials_cache *cache,
                                                     const struct identity_key *base_key,
                                                     struct credentials_provider *base,
                                                     const struct sts_role *role)
{
    struct assume_role *self = mem_alloc(sizeof *self);
    self->provider =
        (struct credentials_provider){.name = "assume role", .fetch = fetch, .destroy = destroy};
    atomic_init(&self->provider.references, 1);
    self->sts = sts;
    self->cache = cache;
    self->base_key = *base_key;
    self->base = credentials_provider_retain(base);
    copy_role(self, role);
    return &self->provider;
}
