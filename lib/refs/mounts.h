/* SPDX-License-Identifier: Apache-2.0 */
/* How the containers of a Pod mount its volumes: whole, by subPath, or by subPathExpr.
 *
 * kubelet refreshes the files of a mounted Secret, except under a subPath mount (Kubernetes
 * "Secrets": "a container using a Secret as a subPath volume mount does not receive updates"). One
 * owner; borrows from the PodSpec. */
#ifndef REFS_MOUNTS_H
#define REFS_MOUNTS_H

#include "base/err.h"
#include "base/json.h"

struct mount {
    struct str_view volume;
    struct str_view sub_path; /* empty: the whole volume, or subPathExpr */
    bool by_expression;       /* subPathExpr: known only on the node */
    bool resolved;            /* for the caller: the file it names has been found */
};

struct mounts {
    struct mount *items; /* sorted by volume, then sub_path */
    size_t count;
};

/* initContainers and containers; ephemeral containers may not use subPath. ERR_TOO_BIG over
 * LIMIT_POD_REFS. */
MUST_CHECK bool mounts_collect(const struct json *pod_spec, struct mounts *ret, struct err *err);
void mounts_done(struct mounts *mounts);
/* Those of one volume: a part of `all`, not to be released. */
struct mounts mounts_of(const struct mounts *all, struct str_view volume);
/* Marks those with this sub_path, of one volume's mounts, as resolved; false when there are none.
 */
bool mounts_resolve(const struct mounts *of_volume, struct str_view sub_path);

#endif
