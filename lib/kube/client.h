/* SPDX-License-Identifier: Apache-2.0 */
/* One call to the Kubernetes API and what its answer means.
 *
 * Blocking. A client is three pointers in the frame of one worker thread; the config behind it is
 * shared. Nothing is repeated here, except once after a 401 when the token stands in a file:
 * whether a call may be repeated is its caller's knowledge. */
#ifndef KUBE_CLIENT_H
#define KUBE_CLIENT_H

#include "base/json.h"
#include "http/transport.h"
#include "kube/config.h"
#include "kube/resource.h"

struct kube_client {
    struct kube_config *config;
    struct http_transport transport;
    const struct clock *clock;
    bool to_the_end; /* what it begins is not cancelled with the other calls of its thread */
};

enum {
    KUBE_PARAMS_MAX = 8,
    KUBE_REASON_BYTES = 48,
};

struct kube_request {
    const char *method;
    struct kube_target target;
    struct kube_param params[KUBE_PARAMS_MAX];
    size_t param_count;
    const char *content_type; /* of the body; NULL: application/json */
    const char *accept;       /* NULL: application/json */
    struct str_view body;     /* may be secret; borrowed */
    int64_t deadline_ms;      /* absolute, monotonic */
    size_t max_answer;        /* bytes; 0: LIMIT_KUBE_ANSWER_BYTES */
};

/* Zeroed is empty; kube_response_done() after use, whatever happened. */
struct kube_response {
    unsigned status;                /* 0: no answer came */
    char reason[KUBE_REASON_BYTES]; /* of the Status object: "AlreadyExists", "Expired"; or "" */
    int64_t retry_after_ms;         /* -1: the server did not say */
    int64_t server_date_ms; /* wall time by the server's Date header, whole seconds; 0: none */
    struct secret_buf body; /* of a 2xx answer */
};

/* Wipes and releases; accepts a zeroed response. */
void kube_response_done(struct kube_response *response);

/* True for 2xx. `ret` is zeroed before. Failure by the API server leaves everything but the body in
 * `*ret`; the error's message is "<what> <where>: <reason>: <message of the Status, cut>". A 422 on
 * Secrets keeps its message to itself: field errors quote values. Kinds:
 *   400, 405, 406, 415, 422  ERR_INVALID      401, 403  ERR_DENIED
 *   404                      ERR_MISSING      409       ERR_CONFLICT (reason tells AlreadyExists)
 *   410                      ERR_CONFLICT, reason "Expired": list again
 *   413                      ERR_TOO_BIG      429       ERR_BUSY, retry_after_ms
 *   500, 502, 503, 504       ERR_UNAVAILABLE  else      ERR_INTERNAL
 * and those of http_transport where there is no answer. A webhook's denial comes with any status
 * its owner likes; what is not in the table falls back on the status class: 4xx ERR_INVALID, 5xx
 * ERR_UNAVAILABLE. */
MUST_CHECK bool kube_call(const struct kube_client *client, const struct kube_request *request,
                          struct kube_response *ret, struct err *err);

/* GET of one object. */
MUST_CHECK bool kube_get(const struct kube_client *client, const struct kube_target *target,
                         int64_t deadline_ms, struct kube_response *ret, struct err *err);
/* POST to the collection; `field_manager` may be empty. */
MUST_CHECK bool kube_create(const struct kube_client *client, const struct kube_target *target,
                            struct str_view field_manager, struct str_view body,
                            int64_t deadline_ms, struct kube_response *ret, struct err *err);
/* PUT; the body's metadata.resourceVersion guards it. */
MUST_CHECK bool kube_replace(const struct kube_client *client, const struct kube_target *target,
                             struct str_view field_manager, struct str_view body,
                             int64_t deadline_ms, struct kube_response *ret, struct err *err);

enum kube_patch_type {
    KUBE_PATCH_JSON,      /* RFC 6902 */
    KUBE_PATCH_MERGE,     /* RFC 7386 */
    KUBE_PATCH_STRATEGIC, /* built-in kinds only */
    KUBE_PATCH_APPLY,     /* server-side apply: needs a field manager, forces conflicts */
};

MUST_CHECK bool kube_patch(const struct kube_client *client, const struct kube_target *target,
                           enum kube_patch_type type, struct str_view field_manager,
                           struct str_view body, int64_t deadline_ms, struct kube_response *ret,
                           struct err *err);
/* Preconditions (metav1.Preconditions) where not empty: another object or another version is
 * ERR_CONFLICT. */
MUST_CHECK bool kube_delete(const struct kube_client *client, const struct kube_target *target,
                            struct str_view uid, struct str_view resource_version,
                            int64_t deadline_ms, struct kube_response *ret, struct err *err);

struct kube_list_options {
    const char *field_selector; /* NULL or "": none */
    const char *label_selector;
    bool metadata_only; /* PartialObjectMetadataList: metadata, nothing else */
    unsigned page;      /* elements a call; 0: 250 */
};

/* Reads a collection page by page and hands out its elements one by one; the node is good during
 * the call. A page over LIMIT_KUBE_ANSWER_BYTES is asked for again in halves. `each` answers false
 * to stop early, which is a success. A list that expires on the way is ERR_CONFLICT. `ret_version`
 * (may be NULL) becomes the list's resourceVersion. */
MUST_CHECK bool kube_list(const struct kube_client *client, const struct kube_target *target,
                          const struct kube_list_options *options, int64_t deadline_ms,
                          bool (*each)(void *context, const struct json *object), void *context,
                          struct buf *ret_version, struct err *err);

/* GET /version: 1 and 30 for "1.30+". ERR_INVALID when that is not what comes. */
MUST_CHECK bool kube_server_version(const struct kube_client *client, int64_t deadline_ms,
                                    unsigned *ret_major, unsigned *ret_minor, struct err *err);

#endif
