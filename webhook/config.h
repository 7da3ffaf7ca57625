/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands can be told (webhook/options.h), checked before the first thread starts. */
#ifndef WEBHOOK_CONFIG_H
#define WEBHOOK_CONFIG_H

#include "webhook/options.h"

/* Who writes the Secrets that ExternalSecrets describe. */
enum controller {
    CONTROLLER_OFF,
    CONTROLLER_KEYTURN,
    CONTROLLER_ESO,
};

struct config {
    char *listen;
    char *metrics_listen;
    char *namespace;
    char *excluded_namespaces; /* with commas between them; Keyturn's own is besides */
    char *service;
    char *service_address; /* host:port under which the API server finds this Service */
    char *webhook_configuration;
    char *certificate_secret;
    char *installation_key_secret;
    char *lease;
    char *identity;                  /* this replica's, for the Lease */
    char *kubeconfig;                /* NULL: the Pod's ServiceAccount */
    int external_secrets_controller; /* enum controller */
    int64_t head_start_ms;           /* what the External Secrets Operator has */
    unsigned io_threads;
    unsigned connection_limit;
    int64_t webhook_timeout_ms;
    int64_t admission_budget_ms;
    int64_t debounce_ms;
    int64_t max_wait_ms;
    int64_t hold_described_ms;
    int64_t hold_undescribed_ms;
    int64_t drain_delay_ms;
    bool aws_allow_imds;
    bool aws_insecure_endpoint;
    char *aws_rotation_queue; /* URL of an SQS queue; NULL: none */
    bool all;                 /* release: every Pod that Keyturn holds, in all namespaces */
};

/* What is read besides options: tests put their own. */
struct config_sources {
    option_environment environment;
    const char *namespace_file; /* of the Pod's ServiceAccount */
    bool (*hostname)(char *ret, size_t size);
};

/* The process's own. */
const struct config_sources *config_sources_system(void);

/* `argv` behind the subcommand. With *ret_help the rest is untouched. ERR_INVALID, one line. The
 * caller releases with config_done(), after failure too. */
MUST_CHECK bool config_load_serve(int argc, char *const *argv, const struct config_sources *sources,
                                  struct config *ret, bool *ret_help, struct err *err);
MUST_CHECK bool config_load_release(int argc, char *const *argv,
                                    const struct config_sources *sources, struct config *ret,
                                    bool *ret_help, struct err *err);
void config_done(struct config *config);

/* Whose stores are read besides Keyturn's own: those of the External Secrets Operator's class, as
 * its --controller-class is unless somebody sets it. Where it does not run Keyturn does its work;
 * NULL: nobody's. */
const char *config_operator_class(const struct config *config);

void config_help_serve(struct buf *out);
void config_help_release(struct buf *out);

#endif
