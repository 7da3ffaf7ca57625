/* SPDX-License-Identifier: Apache-2.0 */
/* One AdmissionReview (admission.k8s.io/v1), decoded. Borrows from the request's body.
 *
 * Absent, null and "" are one thing for strings, as the API server sends them. */
#ifndef ADMISSION_REVIEW_H
#define ADMISSION_REVIEW_H

#include "base/err.h"
#include "base/json.h"
#include "refs/kinds.h"

enum operation {
    OPERATION_CREATE,
    OPERATION_UPDATE,
    OPERATION_DELETE,
    OPERATION_CONNECT,
};

struct review {
    struct str_view uid;
    struct str_view group; /* request.kind */
    struct str_view version;
    struct str_view kind_name;
    struct str_view sub_resource;
    const struct kind_info *kind; /* NULL: a kind that is not ours */
    struct str_view namespace;    /* request.namespace, never the object's; an RFC 1123 label where
                                     the kind is ours */
    struct str_view name; /* request.name, else metadata.name; may be empty (generateName) */
    struct str_view generate_name;
    struct str_view user; /* for the log only: never grounds for a decision */
    enum operation operation;
    bool dry_run;
    const struct json *object; /* NULL when null */
    const struct json *old_object;
};

/* ERR_INVALID: not a v1 AdmissionReview with a request; the message says what is wrong. */
MUST_CHECK bool review_decode(const struct json *document, struct review *ret, struct err *err);
const char *operation_name(enum operation operation);

/* The Pod, or the Pod template, of the object; NULL when there is none. */
const struct json *review_pod_template(const struct review *review);
/* Its spec: where the references are; NULL when there is none. */
const struct json *review_pod_spec(const struct review *review);

#endif
