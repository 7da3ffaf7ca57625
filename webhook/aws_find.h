/* SPDX-License-Identifier: Apache-2.0 */
/* dataFrom.find: remote secrets by name, path and tags (external-secrets.md §4.6; aws.md §3, §4).
 * Blocking; the thread that owns the clients.
 *
 * What the services answer is looked at here once more: a path is a prefix of the name, tags match
 * exactly, in pairs and all of them, the regular expression anywhere in the name. In Parameter
 * Store tags count only where no name is given, as with the operator. The store's prefix is not
 * applied. One that may not be read fails the whole: never a part. One that was deleted meanwhile
 * is left out. */
#ifndef WEBHOOK_AWS_FIND_H
#define WEBHOOK_AWS_FIND_H

#include "webhook/aws_values.h"

/* Adds to `ret` under the full names; a binary value counts before a text. ERR_INVALID when neither
 * name nor tags are given; ERR_TOO_BIG over LIMIT_FIND_PAGES pages, LIMIT_FIND_SECRETS secrets or
 * LIMIT_REMOTE_BYTES; ERR_BUSY when the list has begun and there was no time for its end; the rest
 * as aws_values_read(). */
MUST_CHECK bool aws_find(struct aws_values *values, const struct remote_find *find,
                         struct data_map *ret, struct err *err);

#endif
