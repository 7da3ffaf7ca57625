/* SPDX-License-Identifier: Apache-2.0 */
/* A Pod as far as gates and stamps need it. Immutable and reference-counted; any thread. */
#ifndef OBJECTS_POD_H
#define OBJECTS_POD_H

#include <stdatomic.h>

#include "base/err.h"
#include "objects/owner.h"
#include "refs/secret_ref.h"

struct pod {
    atomic_uint references;
    struct str_view namespace;
    struct str_view name;
    struct str_view uid;
    struct str_view resource_version;
    struct str_view stamp; /* annotation keyturn.io/secrets-hash; data NULL when absent */
    struct str_view node;  /* spec.nodeName; empty while unbound */
    struct str_view phase; /* status.phase */
    int64_t created_ms;    /* creationTimestamp; 0 when absent */
    bool gated;            /* has the gate keyturn.io/secrets */
    bool other_gates;
    bool deleting;
    bool hold_off;           /* annotation keyturn.io/hold: off */
    bool mirror;             /* annotation kubernetes.io/config.mirror */
    bool critical;           /* priority class system-node-critical or system-cluster-critical */
    struct owner controller; /* kind empty: none */
    struct secret_ref_list refs;
    char *storage;
};

MUST_CHECK bool pod_decode(const struct json *object, struct pod **ret, struct err *err);
struct pod *pod_retain(struct pod *pod);
void pod_release(struct pod *pod);

#endif
