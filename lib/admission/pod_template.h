/* SPDX-License-Identifier: Apache-2.0 */
/* What the decision reads of a Pod or Pod template beside its references (core/v1 PodTemplateSpec).
 *
 * Everything accepts NULL and any shape: objects reach admission unvalidated. Any thread. */
#ifndef ADMISSION_POD_TEMPLATE_H
#define ADMISSION_POD_TEMPLATE_H

#include "base/json.h"

/* metadata.annotations[name]; NULL when absent or null. Works for every object with metadata. */
const struct json *annotation_find(const struct json *object, const char *name);
bool annotation_is_off(const struct json *object, const char *name);

/* Metadata, annotations, spec and gates are of the types they have in core/v1, or absent or null.
 * The API server has decoded every object before it asks, so anything else did not come from one,
 * and is nothing to patch. */
bool pod_template_is_well_formed(const struct json *pod_template);

bool pod_template_has_our_gate(const struct json *pod_template);
/* Its Pods may carry a gate: not bound to a node beforehand (the API server refuses a gate beside
 * nodeName), not of a class that the node or the cluster depends on, not opted out. */
bool pod_template_may_be_held(const struct json *pod_template);
/* Whether the two are the same but for our marker. Absent, null and empty annotations are equal,
 * and so are an absent and a null member of the template or its metadata (Kubernetes up to 1.31
 * sends creationTimestamp as null). */
bool pod_template_same_core(const struct json *a, const struct json *b);

#endif
