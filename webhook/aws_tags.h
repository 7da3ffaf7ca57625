/* SPDX-License-Identifier: Apache-2.0 */
/* metadataPolicy Fetch: the tags of a remote secret instead of its value (DescribeSecret,
 * ListTagsForResource; external-secrets.md §4.1, §4.4). Blocking; the thread that owns the
 * clients. */
#ifndef WEBHOOK_AWS_TAGS_H
#define WEBHOOK_AWS_TAGS_H

#include "webhook/aws_values.h"

/* `key` is what the service calls it. Of a parameter the version goes with the name; of a secret it
 * means nothing here. `ret` is initialised: a JSON object, keys sorted, as Go writes it. Kinds as
 * of lib/aws; that there is no such secret is ERR_INVALID, because the operator takes it for a
 * failure and not for a secret that is gone. */
MUST_CHECK bool aws_tags_read(struct aws_values *values, struct str_view key,
                              struct str_view version, struct secret_buf *ret, struct err *err);

#endif
