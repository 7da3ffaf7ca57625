/* SPDX-License-Identifier: Apache-2.0 */
/* The ways of obtaining credentials that AWS defines (aws.md §2.1 to §2.7), one constructor each. A
 * provider copies what it is made with; endpoints and functions outlive it. */
#ifndef AWS_CREDENTIALS_PROVIDERS_H
#define AWS_CREDENTIALS_PROVIDERS_H

#include "aws/credentials_cache.h"
#include "aws/service_endpoint.h"
#include "aws/sts.h"

/* What the default chain may use beyond the environment variables. */
struct credentials_chain_options {
    const struct environment *environment;
    struct service_endpoint *sts; /* regional; NULL: no region known, then web identity says so */
    const char *session_name;     /* when AWS_ROLE_SESSION_NAME is not set */
    bool allow_imds;              /* the node's own role: never without being asked for */
};

/* The first source that is configured: environment keys, web identity (AWS_ROLE_ARN and
 * AWS_WEB_IDENTITY_TOKEN_FILE), container (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI),
 * IMDSv2 where allowed. It never falls through to the next. `*ret` is NULL when none is configured.
 * ERR_INVALID: half configured, or with an URL that may not be asked; names the variable. */
MUST_CHECK bool credentials_chain(const struct credentials_chain_options *options,
                                  struct credentials_provider **ret, struct err *err);
/* What it takes and why, as "web identity: role arn:... (AWS_ROLE_ARN), token file /var/run/...
 * (AWS_WEB_IDENTITY_TOKEN_FILE)"; appends "none" when nothing is configured. Never a secret, and of
 * the container's URL only the host, because its path may be one. */
void credentials_chain_describe(const struct credentials_chain_options *options, struct buf *out);
/* A line for each source in their order: "NAME: used: ...", "NAME: configured, but not used: ...",
 * "NAME: not configured: ..." and, where it is used but cannot be, "NAME: unusable: ..." with the
 * error. Resolves names as credentials_chain() does. Never a secret. */
void credentials_chain_explain(const struct credentials_chain_options *options, struct buf *out);

/* The keys of the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN (or
 * AWS_SECURITY_TOKEN) and AWS_CREDENTIAL_EXPIRATION, as they are now. `*ret` is NULL when none is
 * set. ERR_INVALID names the variable that is missing or malformed. */
MUST_CHECK bool credentials_environment(const struct environment *environment,
                                        struct credentials_provider **ret, struct err *err);

/* Keys that are given. Retains them. ERR_DENIED when they are what was refused. */
struct credentials_provider *credentials_static(struct credentials *credentials);

/* A fresh web identity token for each fetch: a mounted file, or the TokenRequest API. */
struct web_identity_token {
    bool (*read)(void *context, const struct credentials_request *request, struct secret_buf *ret,
                 struct err *err);
    void (*release)(void *context); /* may be NULL */
    void *context;
};

/* The token of a file that somebody else keeps fresh, read for each fetch: at most 20,000 bytes
 * (STS's limit), see token_file.h. Copies `path`. */
struct web_identity_token web_identity_token_file(struct str_view path);

/* Takes `token`, which is read for each try; a line break at its end is cut. A token that STS finds
 * expired is read again once, one that it does not accept twice (aws.md §2.3). Without `sts`:
 * ERR_INVALID, there is no region. */
struct credentials_provider *credentials_web_identity(struct service_endpoint *sts,
                                                      struct str_view role_arn,
                                                      struct str_view session_name,
                                                      const struct web_identity_token *token);

/* Assumes `role` with the credentials of another identity, which come from `cache` and are kept
 * there. Copies `role`, retains `base`. */
struct credentials_provider *credentials_assume_role(struct service_endpoint *sts,
                                                     struct credentials_cache *cache,
                                                     const struct identity_key *base_key,
                                                     struct credentials_provider *base,
                                                     const struct sts_role *role);

/* The container endpoint: host rules of aws.md §2.4; the token file is read for each fetch and
 * beats `token`; both may be empty. `uri` is absolute; a name in it is resolved here, once.
 * ERR_INVALID: the host may not be asked, or the token not be sent. ERR_UNAVAILABLE: the name does
 * not resolve now. */
MUST_CHECK bool credentials_container(struct str_view uri, struct str_view token,
                                      struct str_view token_file, struct credentials_provider **ret,
                                      struct err *err);
/* IMDSv2 only; `endpoint` "" is the standard one, otherwise http://HOST[:PORT] under the same rules
 * with the addresses of the metadata service, or https. */
MUST_CHECK bool credentials_imds(struct str_view endpoint, bool ipv6,
                                 struct credentials_provider **ret, struct err *err);

#endif
