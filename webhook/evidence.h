/* SPDX-License-Identifier: Apache-2.0 */
/* What one workload, its Pods and its Secrets are right now, read live from the API server.
 *
 * Pods are listed as metadata; of each revision one whole Pod is read, because an injector may have
 * added references that the template does not have. Blocking; one owner. */
#ifndef WEBHOOK_EVIDENCE_H
#define WEBHOOK_EVIDENCE_H

#include "kube/client.h"
#include "objects/workload.h"
#include "world/facts.h"
#include "world/fingerprint.h"

/* The Pods that were made from one template. */
struct evidence_revision {
    char *label;  /* pod-template-hash or controller-revision-hash */
    char *sample; /* name of one of its Pods */
    int64_t newest_ms;
    enum fingerprint_result result; /* of the sample's references, now */
    char hash[FINGERPRINT_BYTES];   /* when OK */
    int64_t secrets_written_ms;
    uint64_t secrets_resource_version;
    struct evidence_revision *next;
};

/* A live Pod: bound, not terminating, not finished. */
struct evidence_pod {
    char *name;
    char *uid;
    char *resource_version;
    char *stamp; /* NULL: none */
    int64_t created_ms;
    const struct evidence_revision *revision;
};

struct evidence {
    const struct fingerprint_keys *keys;
    struct workload *workload;
    struct facts facts;
    struct evidence_revision *revisions;
    struct evidence_pod *pods;
    size_t pod_count;
    size_t pod_capacity;
    enum fingerprint_result template_result; /* of the template's references, now */
    bool missing;                            /* a required reference is absent */
    bool unknown;                            /* a reference is unknown */
    const char *skipped;                     /* why the workload is none of ours; NULL otherwise */
};

struct evidence_request {
    const struct kube_client *client;
    const struct fingerprint_keys *keys;
    enum workload_kind kind;
    struct str_view namespace;
    struct str_view name;
    int64_t deadline_ms;
};

/* ERR_MISSING: the workload is gone. */
MUST_CHECK bool evidence_gather(const struct evidence_request *request, struct evidence *ret,
                                struct err *err);
/* The revision whose hash a roll asks for: that of the Pod created last, which is the one nearest
 * to the template. The same for all Pods of the workload. NULL: nothing rolls, because nothing runs
 * or because something that it or the template requires is absent or unknown. */
const struct evidence_revision *evidence_wanted(const struct evidence *evidence);
/* Accepts a zeroed struct. */
void evidence_done(struct evidence *evidence);

/* The API resource of a kind that rolls. */
const struct kube_resource *evidence_resource(enum workload_kind kind);

#endif
