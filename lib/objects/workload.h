/* SPDX-License-Identifier: Apache-2.0 */
/* A Deployment, StatefulSet or DaemonSet as Keyturn remembers it: its references and its marker.
 *
 * Immutable and reference-counted; any thread. */
#ifndef OBJECTS_WORKLOAD_H
#define OBJECTS_WORKLOAD_H

#include <stdatomic.h>

#include "base/err.h"
#include "refs/kinds.h"
#include "refs/secret_ref.h"

struct workload {
    atomic_uint references;
    enum workload_kind kind;
    struct str_view namespace;
    struct str_view name;
    struct str_view uid;
    struct str_view resource_version;
    /* Template annotation keyturn.io/rollout-hash; data NULL when absent. */
    struct str_view marker;
    /* spec.selector as a label selector for a list: "a=b,c in (d,e)". Empty: none can be given. */
    struct str_view selector;
    bool owned;       /* has a controller: never patched */
    bool deleting;    /* deletionTimestamp is set */
    bool rollout_off; /* annotation keyturn.io/rollout: off, on the object or its template */
    struct secret_ref_list refs; /* lies behind the record, as all text does, in its own block */
};

/* `kind` is one of those that roll. ERR_INVALID names the field. */
MUST_CHECK bool workload_decode(const struct json *object, enum workload_kind kind,
                                struct workload **ret, struct err *err);
struct workload *workload_retain(struct workload *workload);
void workload_release(struct workload *workload);

#endif
