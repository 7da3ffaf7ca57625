/* SPDX-License-Identifier: Apache-2.0 */
/* Where a Pod refers to Secrets: the fourteen places of the core/v1 PodSpec (Kubernetes
 * VisitPodSecretNames), over initContainers, containers and ephemeralContainers.
 *
 * Any thread; a list belongs to one owner. */
#ifndef REFS_SECRET_REF_H
#define REFS_SECRET_REF_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str_view.h"

enum ref_place {
    REF_ENV,         /* C.env[].valueFrom.secretKeyRef */
    REF_ENV_FROM,    /* C.envFrom[].secretRef */
    REF_VOLUME,      /* volumes[].secret */
    REF_PROJECTED,   /* volumes[].projected.sources[].secret */
    REF_IMAGE_PULL,  /* imagePullSecrets[] */
    REF_CSI_PUBLISH, /* volumes[].csi.nodePublishSecretRef */
    REF_AZURE_FILE,  /* volumes[].azureFile.secretName */
    REF_ISCSI,       /* volumes[].iscsi.secretRef */
    REF_FLEX_VOLUME, /* volumes[].flexVolume.secretRef */
    REF_CINDER,      /* volumes[].cinder.secretRef */
    REF_CEPHFS,      /* volumes[].cephfs.secretRef */
    REF_RBD,         /* volumes[].rbd.secretRef */
    REF_SCALE_IO,    /* volumes[].scaleIO.secretRef */
    REF_STORAGE_OS,  /* volumes[].storageos.secretRef */
};

/* In which of the three lists the container stands. */
enum ref_container {
    REF_NO_CONTAINER, /* a volume or imagePullSecrets */
    REF_INIT_CONTAINER,
    REF_CONTAINER,
    REF_EPHEMERAL_CONTAINER,
};

/* One reference to one key, or to all of a Secret. */
struct secret_ref {
    enum ref_place place;
    enum ref_container container;
    struct str_view where;  /* container name, or volume name for volume places; may be empty */
    struct str_view secret; /* name as written; never empty (the API skips empty names) */
    struct str_view key;    /* data NULL: the whole Secret */
    /* `optional: true`, or an iSCSI volume without CHAP, whose Secret nobody reads. */
    bool optional;
    /* kubelet cannot start the container without it, and waiting can cure that: optional is not
     * set, and the place is env, envFrom, a volume, CSI publish, azureFile, flexVolume, cinder, or
     * iscsi with CHAP. Never in an ephemeral container: the Pod runs without it. */
    bool required;
    /* Its content is read once at start, so a change needs a new Pod: env, envFrom, and a volume
     * mounted with subPath. Where every mount of a volume is a single file by subPath, only the
     * keys behind those files roll. Never in an ephemeral container, which no new Pod would have.
     */
    bool rolls;
    /* The Pod's own CSI volume of driver secrets-store.csi.k8s.io may sync this Secret only after
     * the Pod has started: such a Pod is never held for it. Which Secrets it syncs stands in a
     * SecretProviderClass, not in the Pod, so this is true for every reference of such a Pod but
     * that volume's own nodePublishSecretRef. */
    bool csi_may_sync;
};

struct secret_ref_list {
    struct secret_ref *items;
    size_t count;
    char *storage; /* owned text when the list was copied; NULL when it borrows from JSON */
};

/* Walks a PodSpec. Borrows from `pod_spec`, which may be NULL (no references). Fields of unknown
 * shape are passed over, and so are references without a name or, where one is named, with an empty
 * key: the API server refuses or ignores those. Names are as written, hostile ones included.
 * The list is sorted by (place, container, where, secret, key) and holds each of these once: where
 * several are merged, it is optional only if all are, and requires and rolls if one does.
 * ERR_TOO_BIG over LIMIT_POD_REFS references, or as many mounts, before merging. */
MUST_CHECK bool secret_refs_collect(const struct json *pod_spec, struct secret_ref_list *ret,
                                    struct err *err);
/* An owned copy that outlives the JSON. */
void secret_refs_dup(const struct secret_ref_list *from, struct secret_ref_list *ret);
void secret_refs_done(struct secret_ref_list *list);
/* Whether the list has this (place, container, where, secret, key). Logarithmic. */
bool secret_refs_contain(const struct secret_ref_list *list, const struct secret_ref *ref);

/* "container", "init container", "ephemeral container", "volume" or "imagePullSecrets": what
 * `where` is the name of (nothing for the last), for messages. */
const char *secret_ref_where_kind(const struct secret_ref *ref);
/* The same and the name: "container app", "imagePullSecrets". Unescaped. */
void secret_ref_describe(const struct secret_ref *ref, struct buf *out);

#endif
