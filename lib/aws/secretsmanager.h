/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Secrets Manager: the value of one version of one secret (API GetSecretValue, 2017-10-17).
 *
 * Threads as for service_client. */
#ifndef AWS_SECRETSMANAGER_H
#define AWS_SECRETSMANAGER_H

#include "aws/service_client.h"

/* What External Secrets Operator calls remoteRef. */
struct sm_ref {
    struct str_view key; /* SecretId: a name or an ARN, 1 to 2048 bytes */
    /* "": the version labelled AWSCURRENT; "uuid/<id>": that version; else the one with this label
     */
    struct str_view version;
    bool prefer_binary; /* should a version have both, SecretBinary is wanted */
};

/* Asks for the value; `ret`, zeroed or initialised, becomes its exact bytes, SecretBinary decoded.
 * Kinds as for service_call(), and ERR_INVALID for a reference that cannot be asked for,
 * ERR_UNAVAILABLE for an answer that is none. The message names key and region. */
MUST_CHECK bool sm_get_secret_value(struct service_client *client, const struct sm_ref *ref,
                                    int64_t deadline_ms, struct secret_buf *ret,
                                    struct service_error *error, struct err *err);

/* The body of the request, appended to `ret`. ERR_INVALID, ERR_TOO_BIG. */
MUST_CHECK bool sm_request_compose(const struct sm_ref *ref, struct buf *ret, struct err *err);

/* Takes the value out of a 200 answer, which is read in place and so overwritten. ERR_UNAVAILABLE
 * when it is not JSON as Secrets Manager sends it, ERR_MISSING when the version has no value,
 * ERR_TOO_BIG over LIMIT_AWS_VALUE_BYTES. No message holds a byte of it. */
MUST_CHECK bool sm_answer_read(struct secret_buf *answer, bool prefer_binary,
                               struct secret_buf *ret, struct err *err);

#endif
