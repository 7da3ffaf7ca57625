/* SPDX-License-Identifier: Apache-2.0 */
/* One operation of a service that speaks JSON, by one call or page by page. Blocking. */
#ifndef AWS_SERVICE_OPERATION_H
#define AWS_SERVICE_OPERATION_H

#include "aws/secretsmanager.h"

struct service_operation {
    enum service_protocol protocol;
    const char *target; /* "secretsmanager.GetSecretValue" */
    const char *name;   /* "GetSecretValue" */
    size_t max_answer;
};

/* As service_call(). */
MUST_CHECK bool service_operation_call(const struct service_target *target,
                                       const struct service_operation *operation,
                                       struct str_view body, int64_t long_poll_ms,
                                       struct http_response *ret, struct service_error *error,
                                       struct err *err);

/* What is asked for and read on each page. */
struct service_pages {
    const struct service_operation *operation;
    unsigned max_pages;
    const char *token_refused; /* the service's code for a NextToken it does not take (any more) */
    /* A whole request body; `token` is empty for the first page. */
    bool (*compose)(void *context, struct str_view token, struct buf *ret, struct err *err);
    /* Leaves the page's NextToken in `token`, which then is empty behind the last one. `*enough`:
     * the others need not be asked for. The page is overwritten. */
    bool (*read)(void *context, struct http_response *page, struct buf *token, bool *enough,
                 struct err *err);
    /* The first page comes again. */
    void (*restart)(void *context);
    void *context;
};

/* Until a page has no NextToken, whether there is anything on it or not. A refused token begins
 * anew once. ERR_TOO_BIG when there are more pages. */
MUST_CHECK bool service_pages_read(const struct service_target *target,
                                   const struct service_pages *pages, struct service_error *error,
                                   struct err *err);

/* "secret prod/db in eu-central-1: " in front of what happened; a long key is cut, an empty one
 * left out. Answers false. */
bool service_target_wrap(const struct service_target *target, const char *what, struct str_view key,
                         struct err *err);

#endif
