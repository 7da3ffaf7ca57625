/* SPDX-License-Identifier: Apache-2.0 */
/* What this process knows of AWS, shared by all threads: endpoints with their clocks and breakers,
 * credentials, values that were read, and the numbers of it.
 *
 * Configured once from the environment: endpoint overrides, FIPS and dual stack, AWS_CA_BUNDLE,
 * AWS_REGION, and the default chain of credentials. Any thread. */
#ifndef WEBHOOK_AWS_SERVICES_H
#define WEBHOOK_AWS_SERVICES_H

#include "aws/credentials_cache.h"
#include "aws/credentials_providers.h"
#include "aws/reader.h"
#include "base/log.h"
#include "http/curl_transport.h"
#include "webhook/metrics.h"

struct aws_services;

struct aws_services_options {
    const struct clock *clock;
    const struct log *log;
    struct metrics *metrics;
    const struct environment *environment;
    const char
        *session_name; /* of Keyturn's own web identity, when AWS_ROLE_SESSION_NAME is unset */
    bool allow_imds;
    bool insecure_endpoints; /* http to any host, for tests */
};

/* ERR_INVALID names the variable. No credentials are no failure: a store that needs them then is.
 */
MUST_CHECK bool aws_services_new(const struct aws_services_options *options,
                                 struct aws_services **ret, struct err *err);
/* After every thread that uses it has ended. Accepts NULL. */
void aws_services_free(struct aws_services *services);

/* What the thread that owns `transport` brings to a call. */
struct service_thread aws_services_thread(const struct aws_services *services,
                                          struct http_transport transport);

/* One for each service and region, made at the first use. ERR_INVALID, and ERR_BUSY when stores
 * name more regions than there can be; never for a region that AWS is known to have, or our own. */
MUST_CHECK bool aws_services_endpoint(struct aws_services *services, enum endpoint_service service,
                                      struct str_view region, struct service_endpoint **ret,
                                      struct err *err);
/* Keyturn's own credentials, with STS in its own region where the environment names one, else in
 * `region`. `*ret` is retained for the caller. ERR_MISSING: none are configured. */
MUST_CHECK bool aws_services_ambient(struct aws_services *services, struct str_view region,
                                     struct credentials_provider **ret, struct err *err);

struct credentials_cache *aws_services_credentials(struct aws_services *services);
/* There are two, with a cache each: `apart` is for what nobody else is to have. */
struct reader *aws_services_reader(struct aws_services *services, bool apart);
struct value_cache *aws_services_values(struct aws_services *services);
/* The region of the environment; empty: it names none. */
struct str_view aws_services_region(const struct aws_services *services);

/* Those metrics that are looked up, not counted. */
void aws_services_write_metrics(struct aws_services *services, struct buf *out);

#endif
