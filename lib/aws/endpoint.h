/* SPDX-License-Identifier: Apache-2.0 */
/* Which host a service has in a region: partitions, FIPS and dual-stack variants (the endpoint rule
 * sets of the AWS SDKs), and the environment variables that put another in its place.
 *
 * The signing name and region never change with the host. Any thread. */
#ifndef AWS_ENDPOINT_H
#define AWS_ENDPOINT_H

#include "aws/environment.h"
#include "base/err.h"

enum {
    ENDPOINT_HOST_BYTES = 264, /* a DNS name of 253, ":65535" and a NUL */
    ENDPOINT_URL_BYTES = ENDPOINT_HOST_BYTES + 16,
    REGION_BYTES = 33,
};

enum endpoint_service {
    ENDPOINT_SECRETS_MANAGER,
    ENDPOINT_SSM,
    ENDPOINT_STS,
    ENDPOINT_SQS,
};

/* What holds for a service in every region. Zeroed: the public endpoints. */
struct endpoint_config {
    bool fips;
    bool dual_stack;
    char url[ENDPOINT_URL_BYTES];   /* "https://host:1/" instead of the computed one; or "" */
    char host[ENDPOINT_HOST_BYTES]; /* of `url` */
};

struct endpoint {
    char url[ENDPOINT_URL_BYTES];   /* with the path "/" */
    char host[ENDPOINT_HOST_BYTES]; /* the Host header: lower case, the port only where it is not
                                       the scheme's own, IPv6 in brackets */
    char region[REGION_BYTES];
    const char *signing_name;
};

/* Where an endpoint may be configured. */
struct endpoint_choice {
    const struct environment *environment;
    struct str_view url; /* given explicitly (a flag): beats every variable; empty: none */
    const char *name;    /* what `url` is called in errors, "--aws-endpoint" */
    bool allow_insecure; /* http:// to any host: values travel in the clear */
};

/* In this order: what is given, AWS_ENDPOINT_URL_<SERVICE>, AWS_<SERVICE>_ENDPOINT (as External
 * Secrets Operator does) and AWS_ENDPOINT_URL, none of the variables when
 * AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true; and AWS_USE_FIPS_ENDPOINT and
 * AWS_USE_DUALSTACK_ENDPOINT, which no other endpoint goes with. ERR_INVALID names the variable: an
 * URL is https, or http to a loopback address, and has a host, a port perhaps, and nothing else
 * (aws.md §5.3). */
MUST_CHECK bool endpoint_config_choose(const struct endpoint_choice *choice,
                                       enum endpoint_service service, struct endpoint_config *ret,
                                       struct err *err);
/* The same from the environment alone, and never insecure. */
MUST_CHECK bool endpoint_config_read(const struct environment *environment,
                                     enum endpoint_service service, struct endpoint_config *ret,
                                     struct err *err);

/* ERR_INVALID when `region` is not made of a to z, 0 to 9 and '-': it becomes part of a host. An
 * unknown region belongs to the partition "aws". */
MUST_CHECK bool endpoint_resolve(const struct endpoint_config *config,
                                 enum endpoint_service service, struct str_view region,
                                 struct endpoint *ret, struct err *err);

/* The region of those who name none: AWS_REGION, else AWS_DEFAULT_REGION; empty when neither is
 * set. ERR_INVALID names the variable. `*ret` lives as long as the environment. */
MUST_CHECK bool endpoint_default_region(const struct environment *environment, struct str_view *ret,
                                        struct err *err);

/* "secretsmanager", "ssm", "sts", "sqs": in hosts and in the credential scope. */
const char *endpoint_service_name(enum endpoint_service service);

#endif
