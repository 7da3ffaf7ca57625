/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/endpoint.h"

#include "aws/configured_url.h"

struct partition {
    const char *prefix; /* of its regions */
    const char *suffix;
    const char *dual_stack_suffix;
    bool commercial_rules; /* Secrets Manager: dual stack is the plain host */
    bool plain_is_fips;    /* all but Secrets Manager */
};

/* The first prefix that fits; the last one fits everything. */
static const struct partition PARTITIONS[] = {
    {"us-gov-", "amazonaws.com", "api.aws", true, true},
    {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud", false, false},
    {"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov", false, false},
    {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov", false, false},
    {"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", false, false},
    {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu", false, false},
    {"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn", true, false},
    {"", "amazonaws.com", "api.aws", true, false},
};

static const struct service {
    const char *name; /* in hosts and in the credential scope */
    const char *url_variable;
    const char *eso_variable; /* NULL: External Secrets Operator has none */
} SERVICES[] = {
    [ENDPOINT_SECRETS_MANAGER] = {"secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER",
                                  "AWS_SECRETSMANAGER_ENDPOINT"},
    [ENDPOINT_SSM] = {"ssm", "AWS_ENDPOINT_URL_SSM", "AWS_SSM_ENDPOINT"},
    [ENDPOINT_STS] = {"sts", "AWS_ENDPOINT_URL_STS", "AWS_STS_ENDPOINT"},
    [ENDPOINT_SQS] = {"sqs", "AWS_ENDPOINT_URL_SQS", NULL},
};

/* Configured URLs */

static void lower_case(char *text)
{
    for (; *text; text++) {
        *text = (char)(*text >= 'A' && *text <= 'Z' ? *text - 'A' + 'a' : *text);
    }
}

static bool is_loopback(const struct configured_url *url)
{
    return url->is_name ? sv_is(url->host, "localhost") : host_address_is_loopback(&url->address);
}

/* The port only where it is not the scheme's own: so the signature has it, and so libcurl says it.
 */
static void write_host(const struct configured_url *url, char ret[ENDPOINT_HOST_BYTES])
{
    const char *open = url->address.v6 ? "[" : "";
    const char *close = url->address.v6 ? "]" : "";
    char port[8] = "";
    if (url->port != (url->tls ? 443 : 80)) {
        (void)snprintf(port, sizeof port, ":%u", (unsigned)url->port);
    }
    (void)snprintf(ret, ENDPOINT_HOST_BYTES, "%s%.*s%s%s", open, SV_ARG(url->host), close, port);
}

static bool parse_url(struct str_view text, bool allow_insecure, struct endpoint_config *ret)
{
    char lower[ENDPOINT_URL_BYTES];
    if (text.len >= sizeof lower || memchr(text.data, '\0', text.len)) {
        return false;
    }
    (void)snprintf(lower, sizeof lower, "%.*s", SV_ARG(text));
    lower_case(lower);
    struct configured_url url;
    if (!configured_url_parse(sv_of(lower), &url) || (url.rest.len > 0 && !sv_is(url.rest, "/")) ||
        (!url.tls && !allow_insecure && !is_loopback(&url))) {
        return false;
    }
    write_host(&url, ret->host);
    (void)snprintf(ret->url, sizeof ret->url, "%s://%s/", url.tls ? "https" : "http", ret->host);
    return true;
}

static bool is_true(const struct environment *environment, const char *name)
{
    return sv_equal_ignoring_case(environment_get(environment, name), SV("true"));
}

/* The first that says something; an empty view when nothing does. */
static struct str_view choose_url(const struct endpoint_choice *choice,
                                  const struct service *service, const char **ret_name)
{
    const char *const variables[] = {service->url_variable, service->eso_variable,
                                     "AWS_ENDPOINT_URL"};
    *ret_name = choice->name;
    if (choice->url.len > 0 ||
        is_true(choice->environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) {
        return choice->url;
    }
    struct str_view url = {0};
    for (size_t i = 0; i < ARRAY_LEN(variables) && url.len == 0; i++) {
        *ret_name = variables[i];
        url = variables[i] ? environment_get(choice->environment, variables[i]) : url;
    }
    return url;
}

static bool read_url(const struct endpoint_choice *choice, const struct service *service,
                     struct endpoint_config *ret, struct err *err)
{
    const char *name = NULL;
    struct str_view url = choose_url(choice, service, &name);
    if (url.len == 0) {
        return true;
    }
    if (!parse_url(url, choice->allow_insecure, ret)) {
        return err_set(err, ERR_INVALID, "%s must be https://HOST[:PORT], or http:// to %s", name,
                       choice->allow_insecure ? "a host" : "a loopback address");
    }
    if (ret->fips || ret->dual_stack) {
        return err_set(err, ERR_INVALID, "%s cannot be combined with %s", name,
                       ret->fips ? "AWS_USE_FIPS_ENDPOINT" : "AWS_USE_DUALSTACK_ENDPOINT");
    }
    return true;
}

bool endpoint_config_choose(const struct endpoint_choice *choice, enum endpoint_service service,
                            struct endpoint_config *ret, struct err *err)
{
    struct endpoint_config config = {
        .fips = is_true(choice->environment, "AWS_USE_FIPS_ENDPOINT"),
        .dual_stack = is_true(choice->environment, "AWS_USE_DUALSTACK_ENDPOINT"),
    };
    if (!read_url(choice, &SERVICES[service], &config, err)) {
        return false;
    }
    *ret = config;
    return true;
}

bool endpoint_config_read(const struct environment *environment, enum endpoint_service service,
                          struct endpoint_config *ret, struct err *err)
{
    const struct endpoint_choice choice = {.environment = environment};
    return endpoint_config_choose(&choice, service, ret, err);
}

/* Computed hosts */

static bool is_region(struct str_view region)
{
    if (region.len == 0 || region.len >= REGION_BYTES || region.data[0] == '-' ||
        region.data[region.len - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < region.len; i++) {
        char byte = region.data[i];
        if (!(byte >= 'a' && byte <= 'z') && !(byte >= '0' && byte <= '9') && byte != '-') {
            return false;
        }
    }
    return true;
}

static const struct partition *partition_of(struct str_view region)
{
    const struct partition *partition = PARTITIONS;
    while (!sv_starts_with(region, sv_of(partition->prefix))) {
        partition++;
    }
    return partition;
}

/* Secrets Manager serves IPv6 under its plain name in three partitions; its FIPS hosts follow, but
 * not in China. */
static const char *secretsmanager_suffix(const struct endpoint_config *config,
                                         const struct partition *partition)
{
    bool china = strcmp(partition->prefix, "cn-") == 0;
    bool plain = partition->commercial_rules && !(config->fips && china);
    return config->dual_stack && !plain ? partition->dual_stack_suffix : partition->suffix;
}

static void compute_host(const struct endpoint_config *config, enum endpoint_service service,
                         const char *region, char ret[ENDPOINT_HOST_BYTES])
{
    const struct partition *partition = partition_of(sv_of(region));
    const char *suffix = config->dual_stack ? partition->dual_stack_suffix : partition->suffix;
    bool fips = config->fips;
    if (service == ENDPOINT_SECRETS_MANAGER) {
        suffix = secretsmanager_suffix(config, partition);
    } else if (partition->plain_is_fips && !config->dual_stack) {
        fips = false;
    }
    (void)snprintf(ret, ENDPOINT_HOST_BYTES, "%s%s.%s.%s", SERVICES[service].name,
                   fips ? "-fips" : "", region, suffix);
}

static bool refuse_region(struct str_view region, struct err *err)
{
    struct str_view shown = sv_first(region, REGION_BYTES);
    return err_set(err, ERR_INVALID, "\"%.*s\" is no AWS region", SV_ARG(shown));
}

bool endpoint_resolve(const struct endpoint_config *config, enum endpoint_service service,
                      struct str_view region, struct endpoint *ret, struct err *err)
{
    if (!is_region(region)) {
        return refuse_region(region, err);
    }
    *ret = (struct endpoint){.signing_name = SERVICES[service].name};
    memcpy(ret->region, region.data, region.len);
    if (config->url[0]) {
        memcpy(ret->url, config->url, sizeof ret->url);
        memcpy(ret->host, config->host, sizeof ret->host);
        return true;
    }
    compute_host(config, service, ret->region, ret->host);
    (void)snprintf(ret->url, sizeof ret->url, "https://%s/", ret->host);
    return true;
}

bool endpoint_default_region(const struct environment *environment, struct str_view *ret,
                             struct err *err)
{
    const char *variable = "AWS_REGION";
    struct str_view region = environment_get(environment, variable);
    if (region.len == 0) {
        variable = "AWS_DEFAULT_REGION";
        region = environment_get(environment, variable);
    }
    if (region.len > 0 && !is_region(region)) {
        refuse_region(region, err);
        return err_wrap(err, "%s", variable);
    }
    *ret = region;
    return true;
}

const char *endpoint_service_name(enum endpoint_service service)
{
    return SERVICES[service].name;
}
