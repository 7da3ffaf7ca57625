/* SPDX-License-Identifier: Apache-2.0 */
#include "refs/kinds.h"

#include <assert.h>

/* One row a kind, in the order of enum workload_kind. */
static const struct kind_info KINDS[] = {
    {KIND_POD, "", "v1", "Pod", "pods", "", false},
    {KIND_DEPLOYMENT, "apps", "v1", "Deployment", "deployments", "/spec/template", true},
    {KIND_STATEFUL_SET, "apps", "v1", "StatefulSet", "statefulsets", "/spec/template", true},
    {KIND_DAEMON_SET, "apps", "v1", "DaemonSet", "daemonsets", "/spec/template", true},
    {KIND_REPLICA_SET, "apps", "v1", "ReplicaSet", "replicasets", "/spec/template", false},
    {KIND_JOB, "batch", "v1", "Job", "jobs", "/spec/template", false},
    {KIND_CRON_JOB, "batch", "v1", "CronJob", "cronjobs", "/spec/jobTemplate/spec/template", false},
};

static_assert(ARRAY_LEN(KINDS) == KIND_COUNT - 1, "one row for each kind");

const struct kind_info *kind_find(struct str_view group, struct str_view kind)
{
    for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
        if (sv_is(kind, KINDS[i].name) && sv_is(group, KINDS[i].group)) {
            return &KINDS[i];
        }
    }
    return NULL;
}

const struct kind_info *kind_of(enum workload_kind kind)
{
    assert(kind > KIND_NONE && kind < KIND_COUNT);
    return &KINDS[kind - 1];
}

const struct json *kind_pod_template(const struct kind_info *info, const struct json *object)
{
    const struct json *at = object;
    struct str_view rest = sv_from(sv_of(info->template_pointer), 1);
    struct str_view token;
    while (rest.len > 0 && sv_split(&rest, '/', &token)) {
        at = json_member_sv(at, token);
    }
    return json_is(at, JSON_OBJECT) ? at : NULL;
}
