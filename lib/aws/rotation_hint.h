/* SPDX-License-Identifier: Apache-2.0 */
/* An EventBridge event about a changed secret or parameter, as it lies in a queue (aws.md §7.5):
 * "Secret Label Updated", "Parameter Store Change", and the older "AWS API Call via CloudTrail".
 * Untrusted: it says what to look at, never what is there. Any thread. */
#ifndef AWS_ROTATION_HINT_H
#define AWS_ROTATION_HINT_H

#include "aws/endpoint.h"
#include "base/json.h"

struct rotation_hint {
    enum endpoint_service service; /* Secrets Manager or SSM */
    struct str_view arn;           /* empty: not told */
    struct str_view name;          /* empty: not told */
    struct str_view version;       /* empty: not told; VersionId */
};

/* `text` is overwritten and outlives `doc`, which owns the nodes, and `ret`. ERR_INVALID: not an
 * event that says that a current value has changed; it is to be deleted from the queue. */
MUST_CHECK bool rotation_hint_read(struct json_doc *doc, char *text, size_t len,
                                   struct rotation_hint *ret, struct err *err);

#endif
