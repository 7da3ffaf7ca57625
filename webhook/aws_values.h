/* SPDX-License-Identifier: Apache-2.0 */
/* What an ExternalSecret names one by one, read from AWS: values, and tags where metadataPolicy is
 * Fetch. Blocking; the thread that owns the clients. */
#ifndef WEBHOOK_AWS_VALUES_H
#define WEBHOOK_AWS_VALUES_H

#include "webhook/aws_reading.h"

/* Who reads, and how much has been read for him. */
struct aws_values {
    struct clients *clients;
    const struct remote_request *request;
    struct store_identity identity;
    bool whole_names; /* the keys are what the service calls it, without the store's prefix */
    size_t bytes;
    enum remote_contact contact;
};

/* The store was asked, and `answered` or not. */
static inline void aws_values_note(struct aws_values *values, bool answered)
{
    if (values->contact != REMOTE_ANSWERED) {
        values->contact = answered ? REMOTE_ANSWERED : REMOTE_ASKED;
    }
}

/* Finds the identity. ERR_TIMEOUT becomes ERR_UNAVAILABLE: that the API server did not say in time
 * as whom to ask is not the store's silence. To be released whatever is answered. */
MUST_CHECK bool aws_values_begin(struct aws_values *values, struct clients *clients,
                                 const struct remote_request *request, struct err *err);
void aws_values_done(struct aws_values *values);

/* Fills every read, as struct secret_source says it, or none. ERR_TOO_BIG beyond LIMIT_REMOTE_BYTES
 * for all that was read with `values`. A store that has timed out keeps everybody waiting who uses
 * it; one that has answered and had no time for all is ERR_BUSY. */
MUST_CHECK bool aws_values_read(struct aws_values *values, struct remote_read *reads, size_t count,
                                struct err *err);

#endif
