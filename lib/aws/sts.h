/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Security Token Service: credentials of a role (API 2011-06-15, AssumeRole and
 * AssumeRoleWithWebIdentity; aws.md §2.3 and §2.7). Forms in the body, never in the URL. Blocking.
 */
#ifndef AWS_STS_H
#define AWS_STS_H

#include "aws/credentials.h"
#include "aws/service_client.h"

enum {
    STS_SESSION_NAME_BYTES = 65, /* 2 to 64 of [A-Za-z0-9_+=,.@-], and the NUL */
    STS_TAGS_MAX = 50,
    LIMIT_STS_ARN_BYTES = 2048, /* API reference, GetCallerIdentity: Arn */
    /* Three times the longest session token there is room for, and the fields around it; aws-c-auth
     * takes 10,000 bytes. */
    LIMIT_STS_ANSWER_BYTES = 64 * 1024,
};

struct sts_tag {
    struct str_view key;   /* 1 to 128 characters */
    struct str_view value; /* at most 256 characters */
};

/* One hop. Everything is borrowed. */
struct sts_role {
    struct str_view arn;
    struct str_view session_name;
    struct str_view external_id; /* empty: none */
    const struct sts_tag *tags;
    size_t tag_count;
    const struct str_view *transitive_keys;
    size_t transitive_count;
};

/* "keyturn-<namespace>-<name>" made fit for a session name: other characters become '-', and what
 * is too long is cut and ends with a hash, so that two long ones stay apart. */
void sts_session_name(struct str_view namespace, struct str_view name,
                      char ret[STS_SESSION_NAME_BYTES]);

/* The credentials that STS answers with. Their lifetime is counted by the service's own clock: from
 * the Date of the answer, or where it has none from our clock and the endpoint's offset.
 *
 * ERR_INVALID for what STS would refuse anyway (lengths, characters, too many tags), before any
 * call. Otherwise as service_call(), and ERR_UNAVAILABLE for an answer that is none, or has
 * expired. Where no answer came the message names the host, and what a private cluster needs. */
MUST_CHECK bool sts_assume_role(struct service_endpoint *endpoint,
                                const struct credentials_source *with, const struct sts_role *role,
                                const struct credentials_request *request, struct credentials **ret,
                                struct err *err);
/* Unsigned. `token` is a JWT of 4 to 20,000 bytes. The failure that asks for a newer token
 * (ExpiredTokenException, InvalidIdentityToken) is `error->class` SERVICE_CREDENTIAL and
 * ERR_DENIED. */
MUST_CHECK bool sts_assume_role_with_web_identity(
    struct service_endpoint *endpoint, struct str_view role_arn, struct str_view session_name,
    struct str_view token, const struct credentials_request *request, struct credentials **ret,
    struct service_error *error, struct err *err);

/* GetCallerIdentity: appends the ARN of the user or session these credentials are. Nobody can be
 * denied it. Fails as service_call(), with ERR_UNAVAILABLE for an answer that is none, and with
 * ERR_TOO_BIG when `ret_arn` has no room. */
MUST_CHECK bool sts_get_caller_identity(struct service_endpoint *endpoint,
                                        const struct credentials_source *who,
                                        const struct credentials_request *request,
                                        struct buf *ret_arn, struct service_error *error,
                                        struct err *err);

#endif
