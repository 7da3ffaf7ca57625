/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/endpoint.h"

#include "http/message.h"

struct partition {
    const char *prefix; /* of its regions */
    const char *suffix;
    const char *dual_stack_suffix;
    bool commercial_rules; /* Secrets Manager: dual stack is the plain host */
    bool plain_is_fips;    /* SSM and STS */
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
    const char *eso_variable;
} SERVICES[] = {
    [ENDPOINT_SECRETS_MANAGER] = {"secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER",
                                  "AWS_SECRETSMANAGER_ENDPOINT"},
    [ENDPOINT_SSM] = {"ssm", "AWS_ENDPOINT_URL_SSM", "AWS_SSM_ENDPOINT"},
    [ENDPOINT_STS] = {"sts", "AWS_ENDPOINT_URL_STS", "AWS_STS_ENDPOINT"},
};

/* Configured URLs */

/* Lower-case letters, digits, '-' between dots; also every IPv4 address. No final dot: it would
 * stand in the signature, in SNI and in the certificate check. */
static bool is_host_name(struct str_view host)
{
    if (host.len == 0 || host.len > 253 || host.data[0] == '.' || host.data[host.len - 1] == '.' ||
        sv_contains(host, SV(".."))) {
        return false;
    }
    for (size_t i = 0; i < host.len; i++) {
        char byte = host.data[i];
        if (!(byte >= 'a' && byte <= 'z') && !(byte >= '0' && byte <= '9') && byte != '-' &&
            byte != '.') {
            return false;
        }
    }
    return true;
}

static bool is_bracketed_address(struct str_view host)
{
    if (host.len < 4 || host.data[0] != '[' || host.data[host.len - 1] != ']') {
        return false;
    }
    for (size_t i = 1; i + 1 < host.len; i++) {
        char byte = host.data[i];
        if (!(byte >= '0' && byte <= '9') && !(byte >= 'a' && byte <= 'f') && byte != ':' &&
            byte != '.') {
            return false;
        }
    }
    return true;
}

/* Takes "host", "host:port" or "[address]:port" apart; `ret_port` is 0 when there is none. */
static bool split_authority(struct str_view authority, struct str_view *ret_host,
                            uint64_t *ret_port)
{
    size_t colon = sv_find_last(authority, ':');
    size_t bracket = sv_find_last(authority, ']');
    bool has_port = colon < authority.len && (bracket == authority.len || colon > bracket);
    *ret_host = has_port ? sv_first(authority, colon) : authority;
    *ret_port = 0;
    if (has_port && (!sv_to_u64(sv_from(authority, colon + 1), ret_port) || *ret_port == 0 ||
                     *ret_port > 65535)) {
        return false;
    }
    return is_host_name(*ret_host) || is_bracketed_address(*ret_host);
}

static bool take_prefix(struct str_view *text, struct str_view prefix)
{
    if (!sv_starts_with(*text, prefix)) {
        return false;
    }
    *text = sv_from(*text, prefix.len);
    return true;
}

static void lower_case(char *text)
{
    for (; *text; text++) {
        *text = (char)(*text >= 'A' && *text <= 'Z' ? *text - 'A' + 'a' : *text);
    }
}

static bool parse_url(struct str_view url, struct endpoint_config *ret)
{
    char text[ENDPOINT_URL_BYTES];
    if (url.len >= sizeof text || memchr(url.data, '\0', url.len)) {
        return false;
    }
    (void)snprintf(text, sizeof text, "%.*s", SV_ARG(url));
    lower_case(text);
    struct str_view rest = sv_of(text);
    bool tls = take_prefix(&rest, SV("https://"));
    if (!tls && !take_prefix(&rest, SV("http://"))) {
        return false;
    }
    if (sv_ends_with(rest, SV("/"))) {
        rest.len--;
    }
    struct str_view host;
    uint64_t port = 0;
    if (!split_authority(rest, &host, &port) || (!tls && !http_url_is_plain_loopback(text))) {
        return false;
    }
    if (port == 0 || port == (tls ? 443 : 80)) {
        (void)snprintf(ret->host, sizeof ret->host, "%.*s", SV_ARG(host));
    } else {
        (void)snprintf(ret->host, sizeof ret->host, "%.*s:%u", SV_ARG(host), (unsigned)port);
    }
    (void)snprintf(ret->url, sizeof ret->url, "%s://%s/", tls ? "https" : "http", ret->host);
    return true;
}

static bool is_true(const struct environment *environment, const char *name)
{
    return sv_equal_ignoring_case(environment_get(environment, name), SV("true"));
}

static bool read_url(const struct environment *environment, const struct service *service,
                     struct endpoint_config *ret, struct err *err)
{
    const char *const variables[] = {service->url_variable, service->eso_variable,
                                     "AWS_ENDPOINT_URL"};
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        struct str_view url = environment_get(environment, variables[i]);
        if (url.len == 0) {
            continue;
        }
        if (!parse_url(url, ret)) {
            return err_set(err, ERR_INVALID,
                           "%s must be https://HOST[:PORT], or http:// to a loopback address",
                           variables[i]);
        }
        if (ret->fips || ret->dual_stack) {
            return err_set(err, ERR_INVALID,
                           "%s cannot be combined with a FIPS or dual-stack endpoint",
                           variables[i]);
        }
        return true;
    }
    return true;
}

bool endpoint_config_read(const struct environment *environment, enum endpoint_service service,
                          struct endpoint_config *ret, struct err *err)
{
    struct endpoint_config config = {
        .fips = is_true(environment, "AWS_USE_FIPS_ENDPOINT"),
        .dual_stack = is_true(environment, "AWS_USE_DUALSTACK_ENDPOINT"),
    };
    if (!is_true(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") &&
        !read_url(environment, &SERVICES[service], &config, err)) {
        return false;
    }
    *ret = config;
    return true;
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

bool endpoint_resolve(const struct endpoint_config *config, enum endpoint_service service,
                      struct str_view region, struct endpoint *ret, struct err *err)
{
    if (!is_region(region)) {
        return err_set(err, ERR_INVALID, "\"%.*s\" is no AWS region",
                       (int)(region.len < REGION_BYTES ? region.len : REGION_BYTES),
                       region.data ? region.data : "");
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
