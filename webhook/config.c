/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/config.h"

#include "base/file.h"
#include "base/limits.h"
#include "policy/policy.h"
#include "refs/names.h"
#include "webhook/request_rules.h"

enum {
    SECOND = 1000,
    MINUTE = 60 * SECOND,
    HOUR = 60 * MINUTE,
};

static const char NAMESPACE_FILE[] = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

static bool check_address(struct str_view value, struct err *err)
{
    struct str_view host;
    uint16_t port;
    if (!listen_address_split(value, &host, &port, err)) {
        return err_set(err, ERR_INVALID, "no address: write host:port, [IPv6]:port or :port");
    }
    return true;
}

static bool check_namespace(struct str_view value, struct err *err)
{
    return name_is_dns_label(value) ||
           err_set(err, ERR_INVALID, "no namespace: lower-case letters, digits and '-'");
}

static bool check_name(struct str_view value, struct err *err)
{
    return name_is_dns_subdomain(value) ||
           err_set(err, ERR_INVALID,
                   "no object name: lower-case letters, digits, '-' and '.', at most 253");
}

static bool check_namespaces(struct str_view value, struct err *err)
{
    struct str_view name = {0};
    while (sv_split(&value, ',', &name)) {
        if (!check_namespace(name, err)) {
            return err_wrap(err, "'%.*s'", SV_ARG(name));
        }
    }
    return true;
}

/* The host that is asked is that of SQS in the region, whatever the URL names. */
static bool check_queue(struct str_view value, struct err *err)
{
    return sv_starts_with(value, SV("https://")) || sv_starts_with(value, SV("http://")) ||
           err_set(err, ERR_INVALID,
                   "no URL of a queue: write https://sqs.REGION.amazonaws.com/ACCOUNT/NAME");
}

static const char *const controllers[] = {
    [CONTROLLER_OFF] = "off",
    [CONTROLLER_KEYTURN] = "keyturn",
    [CONTROLLER_ESO] = "eso",
    NULL,
};

#define FIELD(member) .offset = offsetof(struct config, member)
#define TEXT_ROW(option, member) .name = option, .type = OPTION_TEXT, FIELD(member)
#define DURATION_ROW(option, member)                                                               \
    .name = option, .type = OPTION_DURATION, FIELD(member), .value_name = "DURATION"
#define NUMBER_ROW(option, member)                                                                 \
    .name = option, .type = OPTION_NUMBER, FIELD(member), .value_name = "NUMBER"

static const struct option_row serve_rows[] = {
    {TEXT_ROW("listen", listen), .standard = "0.0.0.0:8443", .value_name = "ADDRESS",
     .check = check_address, .help = "where the API server is served (HTTPS)"},
    {TEXT_ROW("metrics-listen", metrics_listen), .standard = "0.0.0.0:8080",
     .value_name = "ADDRESS", .check = check_address,
     .help = "where GET /metrics is served (plain HTTP)"},
    {TEXT_ROW("namespace", namespace), .value_name = "NAME", .check = check_namespace,
     .help = "Keyturn's own namespace (default: the Pod's)"},
    {TEXT_ROW("excluded-namespaces", excluded_namespaces), .standard = POLICY_EXCLUDED,
     .value_name = "NAME,...", .check = check_namespaces,
     .help = "where nothing is held, stamped or rolled; Keyturn's own namespace is besides"},
    {TEXT_ROW("service", service), .standard = "keyturn", .value_name = "NAME", .check = check_name,
     .help = "the Service in front of this program"},
    {TEXT_ROW("service-address", service_address), .value_name = "HOST:PORT",
     .check = check_address,
     .help = "where the API server finds it (default SERVICE.NAMESPACE.svc:443)"},
    {TEXT_ROW("webhook-configuration", webhook_configuration), .standard = "keyturn",
     .value_name = "NAME", .check = check_name,
     .help = "the MutatingWebhookConfiguration to put CA and path into"},
    {TEXT_ROW("certificate-secret", certificate_secret), .standard = "keyturn-certificate",
     .value_name = "NAME", .check = check_name, .help = "the Secret with CA, certificate and path"},
    {TEXT_ROW("installation-key-secret", installation_key_secret),
     .standard = "keyturn-installation-key", .value_name = "NAME", .check = check_name,
     .help = "the Secret with the key of all hashes"},
    {TEXT_ROW("lease", lease), .standard = "keyturn", .value_name = "NAME", .check = check_name,
     .help = "the Lease whose holder rolls and adopts"},
    {TEXT_ROW("identity", identity), .value_name = "NAME",
     .help = "this replica's name in the Lease (default: the host's)"},
    {TEXT_ROW("kubeconfig", kubeconfig), .value_name = "FILE",
     .help = "how to reach the API server (default: as a Pod does)"},
    {.name = "external-secrets-controller",
     .type = OPTION_CHOICE,
     FIELD(external_secrets_controller),
     .standard = "off",
     .value_name = "WHO",
     .choices = controllers,
     .help = "who writes the Secrets of ExternalSecrets"},
    {DURATION_ROW("head-start", head_start_ms), .standard = "1s", .max = 5 * MINUTE,
     .help = "with eso: how long the operator has before Keyturn makes what a Pod waits for"},
    {.name = "aws-allow-imds",
     .type = OPTION_FLAG,
     FIELD(aws_allow_imds),
     .help = "without other AWS credentials use the node's own role (IMDSv2)"},
    {.name = "aws-insecure-endpoint",
     .type = OPTION_FLAG,
     FIELD(aws_insecure_endpoint),
     .help = "endpoint overrides may be plain http to any host; for tests"},
    {TEXT_ROW("aws-rotation-queue", aws_rotation_queue), .value_name = "URL", .check = check_queue,
     .help = "SQS queue with EventBridge events about changed secrets; refreshes them at once"},
    {NUMBER_ROW("io-threads", io_threads), .standard = "2", .min = 1, .max = 64,
     .help = "threads that serve connections"},
    {NUMBER_ROW("connection-limit", connection_limit), .standard = "2048", .min = 64, .max = 100000,
     .help = "connections at once; idle ones are shed above three quarters of it"},
    {DURATION_ROW("webhook-timeout", webhook_timeout_ms), .standard = "3s", .min = SECOND,
     .max = 30 * SECOND, .help = "timeoutSeconds of the webhook configuration"},
    {DURATION_ROW("admission-budget", admission_budget_ms), .standard = "250ms", .max = SECOND,
     .help = "how long a request may wait for a missing Secret"},
    {DURATION_ROW("debounce", debounce_ms), .standard = "5s", .max = HOUR,
     .help = "quiet time before a changed Secret is rolled out"},
    {DURATION_ROW("max-wait", max_wait_ms), .standard = "60s", .max = 24 * HOUR,
     .help = "longest wait for that quiet"},
    {DURATION_ROW("hold-described", hold_described_ms), .standard = "5m", .max = 24 * HOUR,
     .help = "longest hold where an ExternalSecret describes the Secret"},
    {DURATION_ROW("hold-undescribed", hold_undescribed_ms), .standard = "60s", .max = 24 * HOUR,
     .help = "longest hold where nobody is known to make it"},
    {DURATION_ROW("drain-delay", drain_delay_ms), .standard = "5s", .max = 5 * MINUTE,
     .help = "how long a stopping replica serves on after its readiness is gone"},
};

static const struct option_row release_rows[] = {
    {.name = "all",
     .type = OPTION_FLAG,
     FIELD(all),
     .help = "every Pod that Keyturn holds, after deleting its webhook configuration"},
    {TEXT_ROW("namespace", namespace), .value_name = "NAME", .check = check_namespace,
     .help = "without --all: the namespace whose Pods are released (default: the Pod's own)"},
    {TEXT_ROW("webhook-configuration", webhook_configuration), .standard = "keyturn",
     .value_name = "NAME", .check = check_name,
     .help = "the MutatingWebhookConfiguration that --all deletes first"},
    {TEXT_ROW("kubeconfig", kubeconfig), .value_name = "FILE",
     .help = "how to reach the API server (default: as a Pod does)"},
};

static const struct option_table serve_table = {
    .command = "keyturn serve",
    .summary = "the admission webhook and the controller",
    .rows = serve_rows,
    .count = ARRAY_LEN(serve_rows),
};

static const struct option_table release_table = {
    .command = "keyturn release",
    .summary = "takes Keyturn's scheduling gates away from Pods",
    .rows = release_rows,
    .count = ARRAY_LEN(release_rows),
};

static const char *system_environment(const char *name)
{
    return getenv(name);
}

static bool system_hostname(char *ret, size_t size)
{
    return gethostname(ret, size) == 0 && ret[0];
}

const struct config_sources *config_sources_system(void)
{
    static const struct config_sources sources = {
        .environment = system_environment,
        .namespace_file = NAMESPACE_FILE,
        .hostname = system_hostname,
    };
    return &sources;
}

static bool complete_namespace(struct config *config, const struct config_sources *sources,
                               struct err *err)
{
    if (config->namespace) {
        return true;
    }
    CLEANUP(buf_done) struct buf text;
    buf_init(&text, LIMIT_NAME_BYTES + 2);
    struct err ignored;
    if (!file_read(sources->namespace_file, &text, &ignored)) {
        return err_set(err, ERR_INVALID,
                       "--namespace is missing: outside a Pod there is no default (%s)",
                       sources->namespace_file);
    }
    struct str_view name = sv_trim(buf_view(&text));
    if (!check_namespace(name, err)) {
        return err_wrap(err, "%s", sources->namespace_file);
    }
    config->namespace = sv_dup(name);
    return true;
}

static bool complete_identity(struct config *config, const struct config_sources *sources,
                              struct err *err)
{
    char host[LIMIT_NAME_BYTES + 1] = {0};
    if (config->identity) {
        return true;
    }
    if (!sources->hostname(host, sizeof host - 1)) {
        return err_set(err, ERR_INVALID, "--identity is missing: this host has no name");
    }
    config->identity = str_dup(host);
    return true;
}

static void complete_service_address(struct config *config)
{
    if (!config->service_address) {
        CLEANUP(buf_done) struct buf address;
        buf_init(&address, 2 * LIMIT_NAME_BYTES + 16);
        buf_printf(&address, "%s.%s.svc:443", config->service, config->namespace);
        config->service_address = buf_take(&address);
    }
}

/* What one row cannot see. */
static bool check_together(const struct config *config, struct err *err)
{
    if (config->max_wait_ms < config->debounce_ms) {
        return err_set(err, ERR_INVALID,
                       "--max-wait is shorter than --debounce: raise it to at "
                       "least the same");
    }
    if (config->admission_budget_ms >= config->webhook_timeout_ms) {
        return err_set(err, ERR_INVALID,
                       "--admission-budget leaves nothing of --webhook-timeout: lower it");
    }
    return true;
}

const char *config_operator_class(const struct config *config)
{
    return config->external_secrets_controller == CONTROLLER_OFF ? NULL : "default";
}

bool config_load_serve(int argc, char *const *argv, const struct config_sources *sources,
                       struct config *ret, bool *ret_help, struct err *err)
{
    *ret = (struct config){0};
    if (!options_parse(&serve_table, argc, argv, sources->environment, ret, ret_help, err)) {
        return false;
    }
    if (*ret_help) {
        return true;
    }
    if (!complete_namespace(ret, sources, err) || !complete_identity(ret, sources, err)) {
        return false;
    }
    complete_service_address(ret);
    return check_together(ret, err);
}

bool config_load_release(int argc, char *const *argv, const struct config_sources *sources,
                         struct config *ret, bool *ret_help, struct err *err)
{
    *ret = (struct config){0};
    if (!options_parse(&release_table, argc, argv, sources->environment, ret, ret_help, err)) {
        return false;
    }
    return *ret_help || ret->all || complete_namespace(ret, sources, err);
}

/* The serve table knows every text there is. */
void config_done(struct config *config)
{
    options_done(&serve_table, config);
}

void config_help_serve(struct buf *out)
{
    options_help(&serve_table, out);
}

void config_help_release(struct buf *out)
{
    options_help(&release_table, out);
}
