/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/doctor_aws.h"

#include <fcntl.h>
#include <stdarg.h>

#include "aws/ssm.h"
#include "webhook/aws_services.h"
#include "webhook/store_identity.h"

enum {
    CALL_MS = 8000,
    LINE_BYTES = 8192,
};

/* Read where nothing is named: that it is not there shows that the service answers. */
static const char PROBE[] = "keyturn-doctor-probe";

struct examination {
    const struct doctor_aws_options *options;
    struct buf *out;
    struct log quiet;
    struct metrics *metrics;
    struct curl_transport *transport;
    struct aws_services *services;
    struct service_thread thread;
    struct store_identity identity;
    struct credentials_lease lease;
    struct credentials_source credentials;
    struct str_view region;
    bool failed;
};

static void examination_done(struct examination *examination)
{
    store_identity_done(&examination->identity);
    curl_transport_free(examination->transport);
    aws_services_free(examination->services);
    metrics_free(examination->metrics);
    (void)close(examination->quiet.fd);
}

/* ---- what is said ---- */

static void say(struct examination *examination, const char *mark, const char *what,
                const char *format, ...) PRINTF_LIKE(4, 5);
static void say(struct examination *examination, const char *mark, const char *what,
                const char *format, ...)
{
    char text[LINE_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    examination->failed |= strcmp(mark, "FAIL") == 0;
    buf_printf(examination->out, "%-5s %-16s %s\n", mark, what, text);
}

static void advise(struct examination *examination, const char *format, ...) PRINTF_LIKE(2, 3);
static void advise(struct examination *examination, const char *format, ...)
{
    char text[LINE_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buf_printf(examination->out, "      %-16s -> %s\n", "", text);
}

/* What helps against a failed call of `action` ("secretsmanager:GetSecretValue"). */
static void advise_on(struct examination *examination, const char *action,
                      const struct service_error *error, const struct endpoint *endpoint)
{
    switch (error->class) {
    case SERVICE_DENIED:
        advise(examination,
               "allow %s in the policies of this identity; under a customer-managed key also "
               "kms:Decrypt",
               action);
        break;
    case SERVICE_NOT_FOUND:
        advise(examination, "check name and region; a secret that is scheduled for deletion counts "
                            "as missing");
        break;
    case SERVICE_CREDENTIAL:
        advise(examination, "these credentials are not accepted (any more): renew them at their "
                            "source");
        break;
    case SERVICE_CLOCK:
        advise(examination, "check the clock of this node, and that the secret access key belongs "
                            "to the access key id");
        break;
    case SERVICE_TRANSPORT:
        advise(examination,
               "check that %s resolves and is reached from this Pod (network policy, proxy, CA); a "
               "private cluster needs the interface endpoint com.amazonaws.%s.%s",
               endpoint->host, endpoint->region, endpoint->signing_name);
        break;
    case SERVICE_THROTTLE:
    case SERVICE_TRANSIENT:
        advise(examination, "try again; if it stays, give AWS support the request id");
        break;
    case SERVICE_OK:
    case SERVICE_REQUEST:
        advise(examination, "check what was asked for");
        break;
    }
}

/* ---- what is looked at ---- */

static bool start(struct examination *examination)
{
    const struct doctor_aws_options *options = examination->options;
    struct err err;
    examination->quiet = (struct log){
        .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .level = LOG_ERROR, .clock = options->clock};
    examination->metrics = metrics_new();
    examination->transport = curl_transport_new(options->clock);
    if (!aws_services_new(
            &(struct aws_services_options){
                .clock = options->clock,
                .log = &examination->quiet,
                .metrics = examination->metrics,
                .environment = options->environment,
                .session_name = "keyturn-doctor",
                .allow_imds = options->allow_imds,
                .insecure_endpoints = options->insecure_endpoints,
            },
            &examination->services, &err)) {
        say(examination, "FAIL", "configuration", "%s", err.message);
        return false;
    }
    examination->thread = aws_services_thread(examination->services,
                                              curl_transport_interface(examination->transport));
    return true;
}

static bool look_at_region(struct examination *examination)
{
    examination->region = examination->options->region ? sv_of(examination->options->region)
                                                       : aws_services_region(examination->services);
    if (examination->region.len == 0) {
        say(examination, "FAIL", "region", "none");
        advise(examination, "give --region, or set AWS_REGION");
        return false;
    }
    say(examination, "ok", "region", "%.*s", SV_ARG(examination->region));
    return true;
}

static struct service_endpoint *find_endpoint(struct examination *examination,
                                              enum endpoint_service service)
{
    struct service_endpoint *endpoint = NULL;
    struct err err;
    if (!aws_services_endpoint(examination->services, service, examination->region, &endpoint,
                               &err)) {
        say(examination, "FAIL", endpoint_service_name(service), "%s", err.message);
    }
    return endpoint;
}

static void look_at_sources(struct examination *examination)
{
    CLEANUP(buf_done) struct buf text = {0};
    const struct credentials_chain_options options = {
        .environment = examination->options->environment,
        .sts = find_endpoint(examination, ENDPOINT_STS),
        .session_name = "keyturn-doctor",
        .allow_imds = examination->options->allow_imds,
    };
    buf_init(&text, LINE_BYTES);
    credentials_chain_explain(&options, &text);
    struct str_view rest = buf_view(&text);
    struct str_view line;
    while (rest.len && sv_split(&rest, '\n', &line)) {
        bool unusable = sv_contains(line, SV(": unusable:"));
        say(examination, unusable ? "FAIL" : "note", "source", "%.*s", SV_ARG(line));
    }
}

static struct service_target target_of(const struct examination *examination,
                                       struct service_endpoint *endpoint)
{
    return (struct service_target){
        .thread = &examination->thread,
        .endpoint = endpoint,
        .credentials = &examination->credentials,
        .urgency = SERVICE_BACKGROUND,
        .deadline_ms = clock_monotonic_ms(examination->options->clock) + CALL_MS,
    };
}

static struct credentials_request request_of(const struct examination *examination)
{
    return (struct credentials_request){
        .thread = &examination->thread,
        .urgency = SERVICE_BACKGROUND,
        .deadline_ms = clock_monotonic_ms(examination->options->clock) + CALL_MS,
    };
}

static void say_credentials(struct examination *examination, const struct credentials *credentials)
{
    const char *source = examination->identity.provider->name;
    const char *key = credentials->access_key_id;
    if (credentials->expires_ms == INT64_MAX) {
        say(examination, "ok", "credentials", "%s: access key %s", source, key);
        return;
    }
    int64_t left_ms = credentials->expires_ms - clock_monotonic_ms(examination->options->clock);
    say(examination, "ok", "credentials", "%s: access key %s, valid for %lld min", source, key,
        (long long)left_ms / 60000);
}

static bool look_at_credentials(struct examination *examination)
{
    struct credentials *credentials = NULL;
    struct err err;
    if (!store_identity_own(examination->services, examination->region, &examination->identity,
                            &err)) {
        say(examination, "FAIL", "credentials", "%s", err.message);
        advise(examination, "configure one of the sources above");
        return false;
    }
    examination->lease =
        (struct credentials_lease){.cache = aws_services_credentials(examination->services),
                                   .key = examination->identity.key,
                                   .provider = examination->identity.provider};
    examination->credentials = credentials_lease_source(&examination->lease);
    const struct credentials_request request = request_of(examination);
    if (!examination->credentials.get(examination->credentials.context, &request, &credentials,
                                      &err)) {
        say(examination, "FAIL", "credentials", "%s: %s", examination->identity.provider->name,
            err.message);
        return false;
    }
    say_credentials(examination, credentials);
    credentials_release(credentials);
    return true;
}

static void look_at_identity(struct examination *examination)
{
    CLEANUP(buf_done) struct buf arn = {0};
    struct service_endpoint *endpoint = find_endpoint(examination, ENDPOINT_STS);
    struct service_error error = {0};
    struct err err;
    if (!endpoint) {
        return;
    }
    const struct credentials_request request = request_of(examination);
    buf_init(&arn, LINE_BYTES);
    if (sts_get_caller_identity(endpoint, &examination->credentials, &request, &arn, &error,
                                &err)) {
        say(examination, "ok", "identity", "%.*s", SV_ARG(buf_view(&arn)));
    } else {
        say(examination, "FAIL", "identity", "%s", err.message);
        advise_on(examination, "sts:GetCallerIdentity", &error, service_endpoint_address(endpoint));
    }
}

/* One value that is read: the one that is named, or one that does not exist. */
struct reading {
    const char *what;
    const char *action;
    enum endpoint_service service;
    const char *name; /* NULL: none is named */
    bool (*read)(const struct service_target *target, struct str_view key, struct remote_value *ret,
                 struct service_error *error, struct err *err);
};

static bool read_secret(const struct service_target *target, struct str_view key,
                        struct remote_value *ret, struct service_error *error, struct err *err)
{
    const struct sm_ref ref = {.key = key};
    return sm_get_secret_value(target, &ref, ret, error, err);
}

static bool read_parameter(const struct service_target *target, struct str_view key,
                           struct remote_value *ret, struct service_error *error, struct err *err)
{
    const struct ssm_ref ref = {.key = key};
    return ssm_get_parameter(target, &ref, ret, error, err);
}

/* A refusal of what does not exist shows at least that the service answers. */
static void judge_failure(struct examination *examination, const struct reading *reading,
                          const struct endpoint *address, const struct service_error *error,
                          const struct err *err)
{
    if (!reading->name && error->class == SERVICE_NOT_FOUND) {
        say(examination, "ok", reading->what, "%s answers", address->host);
    } else if (!reading->name && error->class == SERVICE_DENIED) {
        say(examination, "note", reading->what, "%s answers; %s is not allowed on everything",
            address->host, reading->action);
    } else {
        say(examination, "FAIL", reading->what, "%s", err->message);
        advise_on(examination, reading->action, error, address);
    }
}

static void look_at_value(struct examination *examination, const struct reading *reading)
{
    const char *name = reading->name ? reading->name : PROBE;
    struct service_endpoint *endpoint = find_endpoint(examination, reading->service);
    struct remote_value value = {0};
    struct service_error error = {0};
    struct err err = {0};
    if (!endpoint) {
        return;
    }
    const struct service_target target = target_of(examination, endpoint);
    const struct endpoint *address = service_endpoint_address(endpoint);
    if (reading->read(&target, sv_of(name), &value, &error, &err)) {
        say(examination, "ok", reading->what, "%s has %s, version %s", address->host, name,
            value.version);
    } else {
        judge_failure(examination, reading, address, &error, &err);
    }
    int64_t offset_ms = service_endpoint_clock_offset_ms(endpoint);
    if (offset_ms) {
        say(examination, "note", reading->what, "its clock differs from this node's by %lld s",
            (long long)offset_ms / 1000);
    }
    remote_value_done(&value);
}

static void look_at_values(struct examination *examination)
{
    const struct reading readings[] = {
        {"Secrets Manager", "secretsmanager:GetSecretValue", ENDPOINT_SECRETS_MANAGER,
         examination->options->secret, read_secret},
        {"Parameter Store", "ssm:GetParameter", ENDPOINT_SSM, examination->options->parameter,
         read_parameter},
    };
    for (size_t i = 0; i < ARRAY_LEN(readings); i++) {
        look_at_value(examination, &readings[i]);
    }
}

bool doctor_aws_run(const struct doctor_aws_options *options, struct buf *out)
{
    CLEANUP(examination_done) struct examination examination = {.options = options, .out = out};
    if (!start(&examination) || !look_at_region(&examination)) {
        return false;
    }
    look_at_sources(&examination);
    if (!look_at_credentials(&examination)) {
        return false;
    }
    look_at_identity(&examination);
    look_at_values(&examination);
    return !examination.failed;
}
