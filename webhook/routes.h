/* SPDX-License-Identifier: Apache-2.0 */
/* Which request goes where: the table of paths, methods and content types of the TLS port. */
#ifndef WEBHOOK_ROUTES_H
#define WEBHOOK_ROUTES_H

#include "webhook/answer.h"
#include "webhook/health.h"
#include "webhook/serving_cert.h"

struct routes {
    struct answerer *answerer;
    struct cert_keeper *keeper;
    const struct health *health;
};

/* As struct server_options asks for them: the status to refuse with, or 0; the answer. */
unsigned routes_check(const struct routes *routes, struct server_request *request);
void routes_handle(const struct routes *routes, struct server_request *request);

#endif
