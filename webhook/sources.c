/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/sources.h"

#include "aws/secretsmanager.h"
#include "base/table.h"
#include "externalsecret/fake_source.h"
#include "http/retry.h"

struct sources {
    struct credentials_environment credentials;
    struct endpoint_config secrets_manager;
    const char *ca_file; /* NULL: the system's */
    const struct clock *clock;
    struct metric *calls;
};

/* What one worker thread keeps: a client per region, which remembers that endpoint's clock. */
struct sources_thread {
    struct table regions; /* region -> struct service_client */
};

static const char *read_variable(void *context, const char *name)
{
    (void)context;
    return getenv(name);
}

bool sources_new(const struct clock *clock, struct metrics *metrics, struct sources **ret,
                 struct err *err)
{
    static const char *const labels[] = {"operation", "outcome", NULL};
    const struct environment environment = {.get = read_variable};
    struct sources *sources = mem_alloc(sizeof *sources);
    if (!credentials_environment_init(&sources->credentials, &environment, err) ||
        !endpoint_config_read(&environment, ENDPOINT_SECRETS_MANAGER, &sources->secrets_manager,
                              err)) {
        sources_free(sources);
        return false;
    }
    struct str_view bundle = environment_get(&environment, "AWS_CA_BUNDLE");
    sources->ca_file = bundle.len ? bundle.data : NULL;
    sources->clock = clock;
    sources->calls = metrics_counter(metrics, "keyturn_aws_calls_total",
                                     "Calls to AWS, by operation and outcome.", labels);
    *ret = sources;
    return true;
}

void sources_free(struct sources *sources)
{
    if (sources) {
        credentials_environment_done(&sources->credentials);
        free(sources);
    }
}

static void pause_between_tries(void *context, int64_t ms)
{
    (void)context;
    const struct timespec pause = {.tv_sec = (time_t)(ms / 1000),
                                   .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&pause, NULL);
}

static struct service_client *client_for(struct clients *clients, struct str_view region,
                                         struct err *err)
{
    struct sources *sources = clients->sources;
    if (!clients->thread_sources) {
        clients->thread_sources = mem_alloc(sizeof *clients->thread_sources);
        table_init(&clients->thread_sources->regions, free);
    }
    struct table *regions = &clients->thread_sources->regions;
    struct service_client *client = table_get(regions, region);
    struct endpoint endpoint;
    if (client) {
        return client;
    }
    if (!endpoint_resolve(&sources->secrets_manager, ENDPOINT_SECRETS_MANAGER, region, &endpoint,
                          err)) {
        return NULL;
    }
    client = mem_alloc(sizeof *client);
    *client = (struct service_client){
        .transport = clients->kube.transport,
        .credentials = credentials_environment_interface(&sources->credentials),
        .endpoint = endpoint,
        .clock = sources->clock,
        .ca_file = sources->ca_file,
        .random = retry_random,
        .pause = pause_between_tries,
    };
    table_put(regions, region, client);
    return client;
}

static void count_call(const struct sources *sources, const char *outcome)
{
    const char *const values[] = {"GetSecretValue", outcome};
    metric_add(sources->calls, values, 1);
}

static bool read_aws(struct clients *clients, const struct store *store, struct remote_read *reads,
                     size_t count, int64_t deadline_ms, struct err *err)
{
    struct service_client *client = client_for(clients, store->region, err);
    for (size_t i = 0; client && i < count; i++) {
        struct service_error error = {0};
        const struct sm_ref ref = {.key = reads[i].key,
                                   .version = reads[i].version,
                                   .prefer_binary = reads[i].prefer_binary};
        if (!sm_get_secret_value(client, &ref, deadline_ms, &reads[i].value, &error, err)) {
            count_call(clients->sources, err_kind_name(err->kind));
            return false;
        }
        count_call(clients->sources, "ok");
    }
    return client != NULL;
}

static bool source_read(void *context, const struct store *store, struct remote_read *reads,
                        size_t count, int64_t deadline_ms, struct err *err)
{
    struct clients *clients = context;
    switch (store->provider) {
    case PROVIDER_AWS_SECRETS_MANAGER:
        return read_aws(clients, store, reads, count, deadline_ms, err);
    case PROVIDER_FAKE: {
        struct secret_source fake = fake_source();
        return fake.read(fake.context, store, reads, count, deadline_ms, err);
    }
    case PROVIDER_OTHER:
        break;
    }
    return err_set(err, ERR_INVALID, "store %.*s: its provider is not supported",
                   SV_ARG(store->name));
}

struct secret_source sources_for(struct clients *clients)
{
    return (struct secret_source){.read = source_read, .context = clients};
}

void sources_thread_free(struct sources_thread *thread)
{
    if (thread) {
        table_done(&thread->regions);
        free(thread);
    }
}
