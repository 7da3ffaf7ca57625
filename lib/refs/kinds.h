/* SPDX-License-Identifier: Apache-2.0 */
/* Which kinds hold a Pod template, where, and what a change of it does: a table, not code.
 * Any thread; everything is constant. */
#ifndef REFS_KINDS_H
#define REFS_KINDS_H

#include "base/json.h"
#include "base/str_view.h"

enum workload_kind {
    KIND_NONE, /* no kind of ours */
    KIND_POD,
    KIND_DEPLOYMENT,
    KIND_STATEFUL_SET,
    KIND_DAEMON_SET,
    KIND_REPLICA_SET,
    KIND_JOB,
    KIND_CRON_JOB,
    KIND_COUNT,
};

struct kind_info {
    enum workload_kind kind;
    const char *group; /* "" for core */
    const char *version;
    const char *name;     /* "Deployment" */
    const char *resource; /* "deployments" */
    /* JSON Pointer of the Pod template ("/spec/template"), "" for a Pod itself. */
    const char *template_pointer;
    /* A changed template annotation makes the controller replace its Pods. */
    bool rolls;
};

/* NULL when the group and kind are not ours. Any version of them (the API server converts to the
 * registered one). */
const struct kind_info *kind_find(struct str_view group, struct str_view kind);
const struct kind_info *kind_of(enum workload_kind kind);

/* The object that carries metadata and spec of the Pod: the Pod itself or the template; NULL when
 * absent. */
const struct json *kind_pod_template(const struct kind_info *info, const struct json *object);

#endif
