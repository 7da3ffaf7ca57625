/* SPDX-License-Identifier: Apache-2.0 */
/* The serving certificate in the cluster: one Secret for all replicas, and the webhook
 * configuration that names its CA.
 *
 * Whoever comes first makes CA, leaf and path segment and creates the Secret; everybody else adopts
 * it. The configuration is patched (field manager keyturn) only after this replica has reached
 * itself through the Service with that CA, so the API server never gets a bundle that does not
 * work. */
#ifndef WEBHOOK_SERVING_CERT_H
#define WEBHOOK_SERVING_CERT_H

#include "base/log.h"
#include "kube/config.h"
#include "tls/serving_cert.h"

struct cert_keeper;

struct cert_keeper_options {
    struct kube_config *config;
    const struct clock *clock;
    const struct log *log;
    const char *namespace;
    const char *service;
    const char *service_address; /* where to reach the Service; "host:port" */
    const char *secret;          /* name of the Secret */
    const char *configuration;   /* name of the MutatingWebhookConfiguration ... */
    bool validates;              /* ... and of a ValidatingWebhookConfiguration besides */
    struct cert_holder *holder;  /* gets every certificate that is adopted */
};

struct cert_keeper *cert_keeper_new(const struct cert_keeper_options *options);
void cert_keeper_start(struct cert_keeper *keeper);
/* Any thread: the Secret changed or went. */
void cert_keeper_secret_changed(struct cert_keeper *keeper);
/* Any thread: is this the current or the previous path segment? */
bool cert_keeper_knows_segment(struct cert_keeper *keeper, struct str_view segment);
/* Any thread: the configurations carry the CA and path in force. */
bool cert_keeper_is_published(struct cert_keeper *keeper);
void cert_keeper_free(struct cert_keeper *keeper);

#endif
