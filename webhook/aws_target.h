/* SPDX-License-Identifier: Apache-2.0 */
/* Where a call of lib/aws goes, and as whom. One thread at a time. */
#ifndef WEBHOOK_AWS_TARGET_H
#define WEBHOOK_AWS_TARGET_H

#include "webhook/aws_reading.h"

/* `service` is what calls are handed; it points into the rest. Not to be copied. */
struct aws_target {
    struct service_thread thread;
    struct credentials_lease lease;
    struct credentials_source credentials;
    struct service_target service;
};

/* Of a provider by AWS. */
enum endpoint_service aws_target_service(const struct store *store);

/* A service in a region, in the background; the deadline is the user's to set. Borrows the
 * arguments. ERR_INVALID: the region has no such service. */
MUST_CHECK bool aws_target_at(struct clients *clients, enum endpoint_service service,
                              struct str_view region, const struct store_identity *identity,
                              struct aws_target *ret, struct err *err);
/* What a store asks. Borrows the arguments. ERR_INVALID: the region has no such service. */
MUST_CHECK bool aws_target_find(struct clients *clients, const struct remote_request *request,
                                const struct store_identity *identity, struct aws_target *ret,
                                struct err *err);

#endif
