/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/object_quota.h"

#include "base/limits.h"

struct search {
    char name[2 * LIMIT_NAME_BYTES]; /* of the quota: count/<plural>.<group> */
    bool found;
};

static bool look_at(void *context, const struct json *quota)
{
    struct search *search = context;
    search->found =
        !json_is_absent(json_path(quota, "spec", "hard", search->name, (const char *)NULL));
    return !search->found;
}

bool object_quota_counts(const struct kube_client *client, struct str_view namespace,
                         const struct kube_resource *resource, int64_t deadline_ms, bool *ret,
                         struct err *err)
{
    const struct kube_target target = {.resource = &kube_resource_quotas, .namespace = namespace};
    const struct kube_list_options options = {0};
    struct search search = {0};
    (void)snprintf(search.name, sizeof search.name, "count/%s%s%s", resource->plural,
                   resource->group[0] ? "." : "", resource->group);
    if (!kube_list(client, &target, &options, deadline_ms, look_at, &search, NULL, err)) {
        return false;
    }
    *ret = search.found;
    return true;
}
