/* SPDX-License-Identifier: Apache-2.0 */
/* The decision, pure: no I/O, no lock, no clock, no log; same arguments, same answer.
 *
 * review + references + rules + facts -> a verdict, or wants. With `final` it never answers wants.
 * Read this first: everything else in the request path serves this function (DESIGN §2). */
#ifndef ADMISSION_DECIDE_H
#define ADMISSION_DECIDE_H

#include "admission/review.h"
#include "base/limits.h"
#include "policy/policy.h"
#include "refs/secret_ref.h"
#include "world/facts.h"
#include "world/fingerprint.h"

struct admit_input {
    const struct review *review;
    const struct secret_ref_list *refs; /* of the Pod or Pod template */
    const struct policy_rules *rules;
    const struct facts *facts;
    const struct fingerprint_keys *keys; /* NULL: none */
    bool gates_supported;                /* Kubernetes 1.30 or later */
    bool final;                          /* no more will come: answer a verdict */
};

enum {
    ADMISSION_CODE_BYTES = 8, /* "KT104" and NUL */
};

/* What to do with an annotation of ours. */
enum annotation_action {
    ANNOTATION_KEEP, /* leave what stands there (or nothing) */
    ANNOTATION_SET,
    ANNOTATION_REMOVE,
};

/* One line, printable ASCII. */
struct warning {
    char text[LIMIT_WARNING_BYTES + 1];
};

struct verdict {
    bool allowed;
    const char *decision; /* for log and metric: "allow", "deny", "hold", "skip", "wait" */
    /* Of the denial or the first warning ("KT104", admission/codes.h), else "". */
    char code[ADMISSION_CODE_BYTES];
    char denial[LIMIT_DENIAL_BYTES + 1];
    struct warning warnings[LIMIT_WARNINGS];
    size_t warning_count;
    bool held;                     /* the Pod leaves with the gate keyturn.io/secrets ... */
    bool add_gate;                 /* ... which this answer adds, or which is there already */
    enum annotation_action marker; /* template annotation keyturn.io/rollout-hash */
    enum annotation_action stamp;  /* Pod annotation keyturn.io/secrets-hash */
    char hash[FINGERPRINT_BYTES];  /* for whichever of the two is SET */
    struct str_view old_marker;    /* SET to this instead of `hash` when its data is not NULL */
    /* Secret names to look at live, within request.namespace; borrow from the references. */
    struct str_view wants[LIMIT_WANTS];
    size_t want_count;
};

/* True when the object is allowed untouched whatever its references are, so that nobody needs to
 * look them up: not a kind of ours, DELETE, CONNECT, a subresource other than ephemeralcontainers,
 * being deleted, a mirror Pod, a workload with a controller, an UPDATE of a Job, a shape that no
 * API server sends. */
bool admit_skips(const struct review *review);

/* `input->refs` are those of review_pod_spec(); `input->facts` are about them and about
 * review->namespace. `*ret` borrows from the review (wants, old_marker). */
void admit_decide(const struct admit_input *input, struct verdict *ret);

#endif
