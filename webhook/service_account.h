/* SPDX-License-Identifier: Apache-2.0 */
/* A ServiceAccount as an identity to AWS: its role and audience (the annotations of EKS), and
 * tokens of it by the TokenRequest API (external-secrets.md §3.3). */
#ifndef WEBHOOK_SERVICE_ACCOUNT_H
#define WEBHOOK_SERVICE_ACCOUNT_H

#include "aws/credentials_providers.h"
#include "kube/client.h"
#include "objects/store.h"

/* Zeroed is empty. */
struct service_account {
    char *uid;
    char *role_arn;
    char *audience; /* eks.amazonaws.com/audience, else "sts.amazonaws.com" */
};

void service_account_done(struct service_account *account);
/* One GET. ERR_MISSING: there is none of that name; ERR_INVALID: it has no role. */
MUST_CHECK bool service_account_read(const struct kube_client *client, struct str_view namespace,
                                     struct str_view name, int64_t deadline_ms,
                                     struct service_account *ret, struct err *err);

/* A token for each read, with the audience of `account` and `audiences` besides. Copies what it is
 * given; `config` outlives it. */
struct web_identity_token service_account_token(struct kube_config *config,
                                                struct str_view namespace, struct str_view name,
                                                const struct service_account *account,
                                                const struct store_texts *audiences);

#endif
