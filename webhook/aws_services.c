/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/aws_services.h"

#include "aws/regions.h"
#include "base/lock.h"
#include "base/table.h"
#include "http/retry.h"
#include "webhook/aws_metrics.h"

enum {
    /* Stores name regions, and a typo must not fill the memory. Beyond it there are still those of
     * AWS, some forty, and our own. */
    ENDPOINTS_MAX = 256,
    /* As many as the flights have threads but for a few: one silent endpoint leaves those. */
    CALLERS_MAX = 64,
    CACHE_ENTRIES = 10000,
    CACHE_BYTES = 64 * 1024 * 1024,
    CACHE_SHARE_PERCENT = 25,
    APART_ENTRIES = 1000,
    APART_BYTES = 4 * 1024 * 1024,
    CACHE_HARD_MS = 24 * 60 * 60 * 1000,
    SERVICES = ENDPOINT_SQS + 1,
};

struct aws_services {
    struct aws_services_options options;
    struct endpoint_config configs[SERVICES];
    const char *ca_file;    /* NULL: the system's */
    struct str_view region; /* of the environment; empty: it names none */
    struct aws_metrics metrics;
    struct credentials_cache *credentials;
    struct value_cache *values;
    struct reader *reader;
    struct value_cache *values_apart;
    struct reader *reader_apart;
    pthread_mutex_t mutex;
    struct table endpoints; /* "service/region" -> struct service_endpoint; guarded */
    struct table chains;    /* region of STS, or "" -> struct credentials_provider; guarded */
};

static void free_endpoint(void *value)
{
    service_endpoint_free(value);
}

static void free_provider(void *value)
{
    credentials_provider_release(value);
}

static void pause_between_tries(void *context, int64_t ms)
{
    (void)context;
    const struct timespec pause = {.tv_sec = (time_t)(ms / 1000),
                                   .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&pause, NULL);
}

static bool read_environment(struct aws_services *services, struct err *err)
{
    const struct environment *environment = services->options.environment;
    for (int service = 0; service < SERVICES; service++) {
        const struct endpoint_choice choice = {
            .environment = environment, .allow_insecure = services->options.insecure_endpoints};
        if (!endpoint_config_choose(&choice, (enum endpoint_service)service,
                                    &services->configs[service], err)) {
            return false;
        }
    }
    struct str_view bundle = environment_get(environment, "AWS_CA_BUNDLE");
    services->ca_file = bundle.len ? bundle.data : NULL;
    return endpoint_default_region(environment, &services->region, err);
}

/* Half a set of variables is told at the start. Where they name no region the stores do, so that
 * any will do for this. */
static bool check_chain(const struct aws_services *services, struct err *err)
{
    struct str_view region = services->region.len ? services->region : SV("us-east-1");
    struct endpoint address;
    struct credentials_provider *chain = NULL;
    if (!endpoint_resolve(&services->configs[ENDPOINT_STS], ENDPOINT_STS, region, &address, err)) {
        return false;
    }
    struct service_endpoint *sts = service_endpoint_new(&address, NULL);
    const struct credentials_chain_options options = {
        .environment = services->options.environment,
        .sts = sts,
        .session_name = services->options.session_name,
        .allow_imds = services->options.allow_imds,
    };
    /* What may come right, a name that does not resolve now, is a failure of who needs it. */
    bool right = credentials_chain(&options, &chain, err) || err->kind != ERR_INVALID;
    credentials_provider_release(chain);
    service_endpoint_free(sts);
    return right;
}

static struct value_cache *make_cache(const struct aws_services_options *options, size_t entries,
                                      size_t bytes)
{
    return value_cache_new(&(struct value_cache_options){
        .clock = options->clock,
        .random = retry_random,
        .max_entries = entries,
        .max_bytes = bytes,
        .namespace_share = CACHE_SHARE_PERCENT,
        .hard_ms = CACHE_HARD_MS,
    });
}

static struct reader *make_reader(const struct aws_services_options *options,
                                  struct value_cache *cache)
{
    return reader_new(&(struct reader_options){
        .clock = options->clock, .cache = cache, .max_callers = CALLERS_MAX});
}

bool aws_services_new(const struct aws_services_options *options, struct aws_services **ret,
                      struct err *err)
{
    struct aws_services *services = mem_alloc(sizeof *services);
    services->options = *options;
    mutex_init(&services->mutex);
    table_init(&services->endpoints, free_endpoint);
    table_init(&services->chains, free_provider);
    services->credentials = credentials_cache_new(options->clock, retry_random, NULL);
    services->values = make_cache(options, CACHE_ENTRIES, CACHE_BYTES);
    services->reader = make_reader(options, services->values);
    services->values_apart = make_cache(options, APART_ENTRIES, APART_BYTES);
    services->reader_apart = make_reader(options, services->values_apart);
    aws_metrics_init(&services->metrics, options->metrics, options->log);
    if (!read_environment(services, err) || !check_chain(services, err)) {
        aws_services_free(services);
        return false;
    }
    *ret = services;
    return true;
}

void aws_services_free(struct aws_services *services)
{
    if (!services) {
        return;
    }
    reader_free(services->reader_apart);
    value_cache_free(services->values_apart);
    reader_free(services->reader);
    value_cache_free(services->values);
    credentials_cache_free(services->credentials);
    table_done(&services->chains);
    table_done(&services->endpoints);
    pthread_mutex_destroy(&services->mutex);
    free(services);
}

struct service_thread aws_services_thread(const struct aws_services *services,
                                          struct http_transport transport)
{
    return (struct service_thread){
        .transport = transport,
        .clock = services->options.clock,
        .ca_file = services->ca_file,
        .random = retry_random,
        .pause = pause_between_tries,
    };
}

/* Whoever may write a store can invent regions; they take no place away from these. */
static bool is_always_found(const struct aws_services *services, struct str_view region)
{
    return region_is_known(region) || (region.len && sv_equal(region, services->region));
}

/* Holds the mutex. */
static struct service_endpoint *make_endpoint(struct aws_services *services,
                                              enum endpoint_service service, struct str_view region,
                                              struct str_view key, struct err *err)
{
    struct endpoint address;
    if (services->endpoints.count >= ENDPOINTS_MAX && !is_always_found(services, region)) {
        err_set(err, ERR_BUSY, "stores name too many regions: more than %d endpoints",
                ENDPOINTS_MAX);
        return NULL;
    }
    if (!endpoint_resolve(&services->configs[service], service, region, &address, err)) {
        return NULL;
    }
    const struct service_observer observer = aws_metrics_observer(&services->metrics);
    struct service_endpoint *endpoint = service_endpoint_new(&address, &observer);
    table_put(&services->endpoints, key, endpoint);
    return endpoint;
}

bool aws_services_endpoint(struct aws_services *services, enum endpoint_service service,
                           struct str_view region, struct service_endpoint **ret, struct err *err)
{
    CLEANUP(buf_done) struct buf key = {0};
    buf_init(&key, 64);
    buf_printf(&key, "%d/%.*s", (int)service, SV_ARG(sv_first(region, REGION_BYTES)));
    pthread_mutex_lock(&services->mutex);
    struct service_endpoint *endpoint = table_get(&services->endpoints, buf_view(&key));
    if (!endpoint) {
        endpoint = make_endpoint(services, service, region, buf_view(&key), err);
    }
    pthread_mutex_unlock(&services->mutex);
    *ret = endpoint;
    return endpoint != NULL;
}

/* The chain of this region's STS, made where it is not there; NULL with `err`. */
static struct credentials_provider *make_chain(struct aws_services *services,
                                               struct str_view region, struct err *err)
{
    struct service_endpoint *sts = NULL;
    struct credentials_provider *chain = NULL;
    if (region.len && !aws_services_endpoint(services, ENDPOINT_STS, region, &sts, err)) {
        return NULL;
    }
    const struct credentials_chain_options options = {
        .environment = services->options.environment,
        .sts = sts,
        .session_name = services->options.session_name,
        .allow_imds = services->options.allow_imds,
    };
    if (!credentials_chain(&options, &chain, err)) {
        return NULL;
    }
    if (!chain) {
        err_set(err, ERR_MISSING,
                "no AWS credentials: neither AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE nor "
                "AWS_CONTAINER_CREDENTIALS_FULL_URI is set%s",
                services->options.allow_imds ? "" : ", and the node's role is not allowed");
    }
    return chain;
}

bool aws_services_ambient(struct aws_services *services, struct str_view region,
                          struct credentials_provider **ret, struct err *err)
{
    struct str_view sts_region = services->region.len ? services->region : region;
    pthread_mutex_lock(&services->mutex);
    struct credentials_provider *chain = table_get(&services->chains, sts_region);
    chain = chain ? credentials_provider_retain(chain) : NULL;
    pthread_mutex_unlock(&services->mutex);
    if (!chain) {
        chain = make_chain(services, sts_region, err);
        if (!chain) {
            return false;
        }
        pthread_mutex_lock(&services->mutex);
        table_put(&services->chains, sts_region, credentials_provider_retain(chain));
        pthread_mutex_unlock(&services->mutex);
    }
    *ret = chain;
    return true;
}

struct credentials_cache *aws_services_credentials(struct aws_services *services)
{
    return services->credentials;
}

struct reader *aws_services_reader(struct aws_services *services, bool apart)
{
    return apart ? services->reader_apart : services->reader;
}

struct value_cache *aws_services_values(struct aws_services *services)
{
    return services->values;
}

struct str_view aws_services_region(const struct aws_services *services)
{
    return services->region;
}

/* ---- metrics ---- */

struct number {
    const char *name;
    const char *type;
    const char *help;
    unsigned long long value;
};

static void write_cost(struct aws_services *services, struct buf *out)
{
    buf_printf(out,
               "# HELP keyturn_aws_estimated_cost_dollars_total What the requests to Secrets "
               "Manager cost at list price.\n"
               "# TYPE keyturn_aws_estimated_cost_dollars_total counter\n"
               "keyturn_aws_estimated_cost_dollars_total %.6f\n",
               aws_metrics_cost_dollars(&services->metrics));
}

void aws_services_write_metrics(struct aws_services *services, struct buf *out)
{
    struct value_cache_numbers values = value_cache_numbers(services->values);
    struct reader_numbers reads = reader_numbers(services->reader);
    struct credentials_cache_numbers credentials = credentials_cache_numbers(services->credentials);
    const struct number numbers[] = {
        {"keyturn_aws_values_asked_total", "counter", "Remote values that were asked for.",
         reads.asked},
        {"keyturn_aws_values_joined_total", "counter",
         "Of them, those that were on their way already.", reads.joined},
        {"keyturn_aws_batches_total", "counter", "Calls that asked for several values.",
         reads.batches},
        {"keyturn_aws_batched_values_total", "counter", "Values asked for in such calls.",
         reads.batched},
        {"keyturn_aws_values_refused_total", "counter",
         "Remote values not asked for because too many wait for that endpoint.", reads.refused},
        {"keyturn_aws_cache_hits_total", "counter", "Remote values answered by the cache.",
         values.hits},
        {"keyturn_aws_cache_misses_total", "counter", "Remote values the cache did not have.",
         values.misses},
        {"keyturn_aws_cache_stale_total", "counter",
         "Old values that stood in while AWS did not answer.", values.stale},
        {"keyturn_aws_cache_evictions_total", "counter", "Values that others took the place of.",
         values.evictions},
        {"keyturn_aws_cache_entries", "gauge", "Values and refusals in the cache.", values.entries},
        {"keyturn_aws_cache_bytes", "gauge", "Sealed bytes in the cache.", values.bytes},
        {"keyturn_aws_cache_key_locked", "gauge",
         "Whether the key of the cache cannot be swapped out.", values.locked},
        {"keyturn_aws_identities", "gauge", "Identities whose credentials are kept.",
         credentials.identities},
        {"keyturn_aws_credentials_fetched_total", "counter", "Credentials that were fetched.",
         credentials.fetches},
        {"keyturn_aws_credentials_failed_total", "counter",
         "Credentials that could not be fetched.", credentials.failures},
    };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        const struct number *number = &numbers[i];
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", number->name, number->help,
                   number->name, number->type, number->name, number->value);
    }
    write_cost(services, out);
}
