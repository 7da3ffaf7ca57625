/* SPDX-License-Identifier: Apache-2.0 */
/* The order matters in both directions. Up: the server first, so that probes are answered while the
 * API server is not there yet; then the installation key, then everything that acts. Down:
 * readiness first, and the server goes on serving until the Service has noticed; then everybody who
 * waits is resumed; then whatever acts, the Lease last of it. */
#include "webhook/serve.h"

#include "base/budget.h"
#include "base/limits.h"
#include "http/curl_transport.h"
#include "webhook/agenda.h"
#include "webhook/applier.h"
#include "webhook/aws_services.h"
#include "webhook/commands.h"
#include "webhook/gates.h"
#include "webhook/gauge.h"
#include "webhook/installation_key.h"
#include "webhook/kube_access.h"
#include "webhook/process.h"
#include "webhook/roller.h"
#include "webhook/rotation.h"
#include "webhook/routes.h"
#include "webhook/store_validator.h"
#include "webhook/watcher.h"

enum {
    BOOTSTRAP_DEADLINE_MS = 5000,
    BOOTSTRAP_RETRY_MS = 1000,
    STOP_DEADLINE_MS = 15000,
    /* As many as may wait for one endpoint of AWS, and some that are left for the others. */
    FLIGHT_THREADS = 72,
    BACKGROUND_THREADS = 8,
    QUEUE_CEILING = 4096,
    /* The leader makes a new installation key when the Secret has been gone for so long. */
    KEY_GRACE_MS = 30000,
    GATES_SINCE_MINOR = 30,
    /* When credentials are looked at; identities come without telling. */
    REFRESH_LOOK_MS = 10000,
    REFRESH_LOOK_MIN_MS = 200,
    REFRESH_DEADLINE_MS = 30000,
};

struct serving {
    const struct config *config;
    int signal_fd;
    const struct clock *clock;
    struct log log;
    struct policy policy;
    struct budget budget;
    struct kube_config *kube;
    struct clients_options client_options;
    struct metrics *metrics;
    struct world *world;
    struct cert_holder *certificates;
    struct cert_keeper *keeper;
    struct health health;
    struct reporter *reporter;
    struct leader *leader;
    struct workers *flight_workers;
    struct workers *background_workers;
    struct applier *applier;
    struct store_validator *store_validator;
    struct flights *flights;
    struct answerer *answerer;
    struct gates *gates;
    struct roller *roller;
    struct watcher *watcher;
    struct agenda *key_keeper;
    struct routes routes;
    struct server *server;
    struct aws_services *aws;
    struct agenda *credentials_keeper;
    struct rotation *rotation;
    atomic_bool stopping;                      /* the calls of workers are cancelled */
    char session_name[STS_SESSION_NAME_BYTES]; /* of Keyturn's own role */
};

static const char KEY_MISSING[] = "installation key";
static const char CREDENTIALS[] = "credentials";

/* ---- what the watcher tells ---- */

static void on_secret(void *context, struct str_view namespace, struct str_view name, bool content)
{
    struct serving *serving = context;
    applier_secret_changed(serving->applier, namespace, name);
    if (content) {
        gates_namespace_changed(serving->gates, namespace);
        roller_secret_changed(serving->roller, namespace, name);
    }
}

static void on_external_secret(void *context, struct str_view namespace, struct str_view name)
{
    struct serving *serving = context;
    applier_external_secret_changed(serving->applier, namespace, name);
    gates_namespace_changed(serving->gates, namespace);
}

static void on_store(void *context, bool cluster, struct str_view namespace, struct str_view name)
{
    struct serving *serving = context;
    applier_store_changed(serving->applier, cluster, namespace, name);
    store_validator_changed(serving->store_validator, cluster, namespace, name);
}

static void on_namespace(void *context, struct str_view name)
{
    applier_namespace_changed(((struct serving *)context)->applier, name);
}

static void on_workload(void *context, const struct workload *workload)
{
    struct serving *serving = context;
    roller_workload_changed(serving->roller, workload);
}

static void on_pod(void *context, const struct pod *pod, bool created)
{
    struct serving *serving = context;
    if (created) {
        roller_pod_created(serving->roller, pod);
    }
    gates_pod_changed(serving->gates, pod);
}

static void log_failure(const struct serving *serving, enum log_level level, const char *message,
                        const struct err *err)
{
    struct log_line line = log_begin(&serving->log, level, message);
    log_err(&line, err);
    log_end(&line);
}

/* A replaced key makes all digests meaningless: they are read anew. */
static void on_key(struct serving *serving, const struct json *object)
{
    struct fingerprint_keys old;
    struct fingerprint_keys now;
    struct err err;
    bool had = world_keys(serving->world, &old);
    if (object && !installation_key_read(object, &now, &err)) {
        log_failure(serving, LOG_ERROR, "installation key", &err);
    } else if (!object) {
        world_set_keys(serving->world, NULL);
        watcher_relist_secrets(serving->watcher);
        agenda_look_in(serving->key_keeper, sv_of(KEY_MISSING), KEY_GRACE_MS);
    } else if (!had || strcmp(old.id, now.id) != 0) {
        world_set_keys(serving->world, &now);
        watcher_relist_secrets(serving->watcher);
    }
    fingerprint_keys_wipe(&old);
    fingerprint_keys_wipe(&now);
}

static void on_own_secret(void *context, struct str_view name, const struct json *object)
{
    struct serving *serving = context;
    if (sv_is(name, serving->config->installation_key_secret)) {
        on_key(serving, object);
    } else if (sv_is(name, serving->config->certificate_secret)) {
        cert_keeper_secret_changed(serving->keeper);
    }
}

static void look_at_everything(struct serving *serving)
{
    gates_all_changed(serving->gates);
    applier_look_at_all(serving->applier);
    store_validator_look_at_all(serving->store_validator);
    if (watcher_knows_workloads(serving->watcher)) {
        roller_look_at_all(serving->roller);
    }
}

static void on_synced(void *context)
{
    struct serving *serving = context;
    if (watcher_is_synced(serving->watcher) && !atomic_exchange(&serving->health.synced, true)) {
        struct log_line line = log_begin(&serving->log, LOG_INFO, "synced");
        log_end(&line);
    }
    /* Each needs some of the tables, of which others may never be known. */
    look_at_everything(serving);
}

static void on_leader(void *context, bool leads)
{
    struct serving *serving = context;
    if (leads) {
        applier_begin_leading(serving->applier);
        look_at_everything(serving);
    }
}

/* ---- the installation key ---- */

static bool ensure_key(struct serving *serving, struct clients *clients, struct err *err)
{
    struct fingerprint_keys keys;
    int64_t deadline = clock_monotonic_ms(serving->clock) + BOOTSTRAP_DEADLINE_MS;
    if (!installation_key_ensure(&clients->kube, serving->config->namespace,
                                 serving->config->installation_key_secret, deadline, &keys, err)) {
        return false;
    }
    world_set_keys(serving->world, &keys);
    fingerprint_keys_wipe(&keys);
    return true;
}

/* The key Secret was deleted while running. The watch brings the new one to every replica. */
static void remake_key(void *context, const char *key)
{
    struct serving *serving = context;
    struct fingerprint_keys keys;
    struct err err;
    bool known = world_keys(serving->world, &keys);
    fingerprint_keys_wipe(&keys);
    if (known || !leader_leads(serving->leader)) {
        if (!known) {
            agenda_look_in(serving->key_keeper, sv_of(key), KEY_GRACE_MS);
        }
        return;
    }
    struct clients *clients = clients_start(&serving->client_options);
    int64_t deadline = clock_monotonic_ms(serving->clock) + BOOTSTRAP_DEADLINE_MS;
    if (!installation_key_ensure(&clients->kube, serving->config->namespace,
                                 serving->config->installation_key_secret, deadline, &keys, &err)) {
        log_failure(serving, LOG_ERROR, "installation key", &err);
        agenda_look_in(serving->key_keeper, sv_of(key), KEY_GRACE_MS);
    }
    fingerprint_keys_wipe(&keys);
    clients_stop(clients);
}

/* ---- AWS credentials ---- */

static void plan_refresh(struct serving *serving)
{
    int64_t now = clock_monotonic_ms(serving->clock);
    int64_t due = credentials_cache_next_refresh_ms(aws_services_credentials(serving->aws));
    int64_t delay = due == INT64_MAX || due - now > REFRESH_LOOK_MS ? REFRESH_LOOK_MS : due - now;
    agenda_look_in(serving->credentials_keeper, sv_of(CREDENTIALS),
                   delay > REFRESH_LOOK_MIN_MS ? delay : REFRESH_LOOK_MIN_MS);
}

/* Ahead of their expiry, so that nobody has to wait for them. */
static void refresh_credentials(void *context, const char *key)
{
    struct serving *serving = context;
    struct clients *clients = clients_start(&serving->client_options);
    struct service_thread thread = aws_services_thread(serving->aws, clients->kube.transport);
    (void)key;
    credentials_cache_refresh(aws_services_credentials(serving->aws), &thread,
                              clock_monotonic_ms(serving->clock) + REFRESH_DEADLINE_MS);
    clients_stop(clients);
    plan_refresh(serving);
}

/* ---- metrics ---- */

static void write_metrics(void *context, struct buf *out)
{
    struct serving *serving = context;
    struct server_counters counters;
    size_t held = 0;
    int64_t oldest_ms = 0;
    metrics_write(serving->metrics, out);
    aws_services_write_metrics(serving->aws, out);
    watcher_write_metrics(serving->watcher, out);
    gates_held(serving->gates, &held, &oldest_ms);
    server_counters(serving->server, &counters);
    gauge_write(out, "keyturn_held_pods", "Pods that wait behind Keyturn's gate.", (long long)held);
    gauge_write(out, "keyturn_held_pod_oldest_seconds", "Age of the oldest held Pod.",
                (long long)oldest_ms / 1000);
    gauge_write(out, "keyturn_stale_pods", "Pods that run with an old Secret.",
                (long long)roller_stale_pods(serving->roller));
    gauge_write(out, "keyturn_leader", "Whether this replica holds the Lease.",
                leader_leads(serving->leader));
    gauge_write(out, "keyturn_connections", "Open connections of the TLS port.",
                counters.connections);
    gauge_write(out, "keyturn_waiting_requests", "Requests that wait for a live look.",
                (long long)flights_waiting(serving->flights));
    gauge_write(out, "keyturn_in_flight_bytes", "Bodies and JSON nodes in flight.",
                (long long)budget_used(&serving->budget));
    gauge_write_refused(out, &counters);
}

/* ---- up ---- */

static void make_policy(struct serving *serving)
{
    serving->policy = policy_builtin();
    serving->policy.own_namespace = sv_of(serving->config->namespace);
    serving->policy.excluded = sv_of(serving->config->excluded_namespaces);
    serving->policy.defaults.budget_ms = serving->config->admission_budget_ms;
    serving->policy.defaults.hold_described_ms = serving->config->hold_described_ms;
    serving->policy.defaults.hold_undescribed_ms = serving->config->hold_undescribed_ms;
}

static struct workers *make_workers(struct serving *serving, const char *name, unsigned threads,
                                    bool gives_way)
{
    return workers_new(&(struct workers_options){.name = name,
                                                 .max_threads = threads,
                                                 .max_queued = QUEUE_CEILING,
                                                 .gives_way = gives_way,
                                                 .thread_start = clients_start,
                                                 .thread_stop = clients_stop,
                                                 .context = &serving->client_options});
}

static void make_watcher(struct serving *serving)
{
    serving->watcher = watcher_new(&(struct watcher_options){
        .config = serving->kube,
        .clock = serving->clock,
        .log = &serving->log,
        .world = serving->world,
        .metrics = serving->metrics,
        .namespace = serving->config->namespace,
        .stores = serving->config->external_secrets_controller != CONTROLLER_OFF,
        .listener =
            {
                .secret_changed = on_secret,
                .external_secret_changed = on_external_secret,
                .store_changed = on_store,
                .namespace_changed = on_namespace,
                .workload_changed = on_workload,
                .pod_changed = on_pod,
                .own_secret = on_own_secret,
                .synced = on_synced,
                .context = serving,
            },
    });
}

static void make_leader(struct serving *serving)
{
    const struct config *config = serving->config;
    serving->leader = leader_new(&(struct leader_options){.config = serving->kube,
                                                          .clock = serving->clock,
                                                          .log = &serving->log,
                                                          .namespace = config->namespace,
                                                          .lease = config->lease,
                                                          .identity = config->identity,
                                                          .changed = on_leader,
                                                          .context = serving});
}

static void make_controllers(struct serving *serving)
{
    const struct config *config = serving->config;
    bool acts = config->external_secrets_controller != CONTROLLER_OFF;
    serving->applier = applier_new(&(struct applier_options){
        .clock = serving->clock,
        .log = &serving->log,
        .world = serving->world,
        .metrics = serving->metrics,
        .reporter = serving->reporter,
        .leader = serving->leader,
        .workers = serving->background_workers,
        .enabled = acts,
        .beside = config->external_secrets_controller == CONTROLLER_ESO,
        .head_start_ms = config->head_start_ms,
    });
    serving->store_validator = store_validator_new(&(struct store_validator_options){
        .clock = serving->clock,
        .log = &serving->log,
        .world = serving->world,
        .leader = serving->leader,
        .reporter = serving->reporter,
        .workers = serving->background_workers,
        .operator_class = config_operator_class(config),
        .enabled = config->external_secrets_controller == CONTROLLER_KEYTURN});
    serving->gates = gates_new(&(struct gates_options){
        .config = serving->kube,
        .clock = serving->clock,
        .log = &serving->log,
        .world = serving->world,
        .policy = &serving->policy,
        .metrics = serving->metrics,
        .reporter = serving->reporter,
        .leader = serving->leader,
        .wanted = applier_wanted,
        .context = serving->applier,
    });
    serving->roller = roller_new(&(struct roller_options){.config = serving->kube,
                                                          .clock = serving->clock,
                                                          .log = &serving->log,
                                                          .world = serving->world,
                                                          .policy = &serving->policy,
                                                          .metrics = serving->metrics,
                                                          .reporter = serving->reporter,
                                                          .leader = serving->leader,
                                                          .debounce_ms = config->debounce_ms,
                                                          .max_wait_ms = config->max_wait_ms});
    serving->rotation = rotation_new(
        &(struct rotation_options){.clock = serving->clock,
                                   .log = &serving->log,
                                   .metrics = serving->metrics,
                                   .world = serving->world,
                                   .applier = serving->applier,
                                   .clients = &serving->client_options,
                                   .queue_url = acts ? config->aws_rotation_queue : NULL});
    make_watcher(serving);
}

static void make_admission(struct serving *serving)
{
    const struct config *config = serving->config;
    serving->flights = flights_new(&(struct flights_options){
        .clock = serving->clock,
        .workers = serving->flight_workers,
        .max_waiters = LIMIT_WAITING_REQUESTS,
        .max_questions = LIMIT_ASKING_REVIEWS,
        .fly = applier_fly,
        .context = serving->applier,
    });
    serving->answerer = answerer_new(&(struct answerer_options){
        .world = serving->world,
        .flights = serving->flights,
        .stores = applier_store_health(serving->applier),
        .policy = &serving->policy,
        .budget = &serving->budget,
        .clock = serving->clock,
        .log = &serving->log,
        .metrics = serving->metrics,
        .materialises = config->external_secrets_controller != CONTROLLER_OFF,
        .alone = config->external_secrets_controller == CONTROLLER_KEYTURN,
    });
    serving->keeper = cert_keeper_new(&(struct cert_keeper_options){
        .config = serving->kube,
        .clock = serving->clock,
        .log = &serving->log,
        .namespace = config->namespace,
        .service = config->service,
        .service_address = config->service_address,
        .secret = config->certificate_secret,
        .configuration = config->webhook_configuration,
        .validates = config->external_secrets_controller != CONTROLLER_OFF,
        .holder = serving->certificates,
    });
    serving->routes = (struct routes){
        .answerer = serving->answerer, .keeper = serving->keeper, .health = &serving->health};
}

static void make_parts(struct serving *serving)
{
    make_policy(serving);
    serving->world = world_new();
    world_set_operator_class(serving->world, config_operator_class(serving->config));
    budget_init(&serving->budget, LIMIT_IN_FLIGHT_BYTES);
    serving->client_options = (struct clients_options){.config = serving->kube,
                                                       .clock = serving->clock,
                                                       .aws = serving->aws,
                                                       .world = serving->world,
                                                       .stopping = &serving->stopping};
    serving->certificates = cert_holder_new();
    health_init(&serving->health, serving->clock, serving->certificates);
    serving->flight_workers = make_workers(serving, "flight", FLIGHT_THREADS, true);
    serving->background_workers = make_workers(serving, "background", BACKGROUND_THREADS, false);
    serving->key_keeper = agenda_new(&(struct agenda_options){
        .name = "key", .clock = serving->clock, .look = remake_key, .context = serving});
    serving->credentials_keeper = agenda_new(&(struct agenda_options){.name = "credentials",
                                                                      .clock = serving->clock,
                                                                      .look = refresh_credentials,
                                                                      .context = serving});
    serving->reporter =
        reporter_new(serving->kube, serving->config->identity, serving->clock, &serving->log);
    make_leader(serving);
    make_controllers(serving);
    make_admission(serving);
}

static unsigned check_request(void *context, struct server_request *request)
{
    const struct serving *serving = context;
    return routes_check(&serving->routes, request);
}

static void handle_request(void *context, struct server_request *request)
{
    const struct serving *serving = context;
    routes_handle(&serving->routes, request);
}

static void end_request(void *context, struct server_request *request)
{
    (void)context;
    answer_done(request);
}

static bool start_server(struct serving *serving, struct err *err)
{
    const struct config *config = serving->config;
    const struct server_options options = {
        .listen = sv_of(config->listen),
        .metrics_listen = sv_of(config->metrics_listen),
        .io_threads = config->io_threads,
        .connection_limit = config->connection_limit,
        .budget = &serving->budget,
        .certificates = serving->certificates,
        .clock = serving->clock,
        .log = &serving->log,
        .check = check_request,
        .handle = handle_request,
        .done = end_request,
        .metrics = write_metrics,
        .context = serving,
    };
    return server_start(&options, &serving->server, err);
}

static bool learn_version(struct serving *serving, const struct clients *clients, struct err *err)
{
    unsigned major = 0;
    unsigned minor = 0;
    int64_t deadline = clock_monotonic_ms(serving->clock) + BOOTSTRAP_DEADLINE_MS;
    if (!kube_server_version(&clients->kube, deadline, &major, &minor, err)) {
        return false;
    }
    bool gates = major > 1 || minor >= GATES_SINCE_MINOR;
    answerer_set_gates_supported(serving->answerer, gates);
    struct log_line line = log_begin(&serving->log, LOG_INFO, "api server");
    log_int(&line, "major", major);
    log_int(&line, "minor", minor);
    log_bool(&line, "gates", gates);
    log_end(&line);
    return true;
}

/* A key Secret that is no use, or may not be made, does not come right by waiting for it, and Pods
 * that are held want to be released: without hashes, until the watch brings a key. */
static bool start_without_key(struct serving *serving, const struct err *err)
{
    if (err->retryable) {
        return false;
    }
    log_failure(serving, LOG_ERROR, "installation key", err);
    agenda_look_in(serving->key_keeper, sv_of(KEY_MISSING), KEY_GRACE_MS);
    return true;
}

/* Nothing acts before the key is there, or cannot be. False: a signal came first. */
static bool bootstrap(struct serving *serving)
{
    struct clients *clients = clients_start(&serving->client_options);
    struct err err;
    bool done = false;
    int signal_number = 0;
    while (!done && !signal_number) {
        done = learn_version(serving, clients, &err) &&
               (ensure_key(serving, clients, &err) || start_without_key(serving, &err));
        if (!done) {
            log_failure(serving, LOG_WARN, "not started yet", &err);
            signal_number = process_signal_wait(serving->signal_fd, BOOTSTRAP_RETRY_MS);
        }
    }
    clients_stop(clients);
    return done;
}

static void start_controllers(struct serving *serving)
{
    watcher_start(serving->watcher);
    gates_start(serving->gates);
    roller_start(serving->roller);
    applier_start(serving->applier);
    store_validator_start(serving->store_validator);
    agenda_start(serving->key_keeper);
    agenda_start(serving->credentials_keeper);
    rotation_start(serving->rotation);
    plan_refresh(serving);
    leader_start(serving->leader);
}

static void log_started(const struct serving *serving)
{
    struct log_line line = log_begin(&serving->log, LOG_INFO, "started");
    log_str(&line, "version", SV(KEYTURN_VERSION));
    log_str(&line, "identity", sv_of(serving->config->identity));
    log_int(&line, "port", server_port(serving->server));
    log_int(&line, "metrics_port", server_metrics_port(serving->server));
    log_end(&line);
}

/* ---- down ---- */

static void note(const struct serving *serving, const char *message)
{
    struct log_line line = log_begin(&serving->log, LOG_INFO, message);
    log_end(&line);
}

/* True when nothing is left that could call back into the parts. */
static bool drain(struct serving *serving)
{
    note(serving, "stopping");
    atomic_store(&serving->health.draining, true);
    server_drain(serving->server);
    /* New connections are still served: kube-proxy and the API server need a moment to notice. A
     * second signal cuts the wait short. */
    (void)process_signal_wait(serving->signal_fd, (int)serving->config->drain_delay_ms);
    flights_close(serving->flights);
    return server_stop(serving->server, clock_monotonic_ms(serving->clock) + STOP_DEADLINE_MS);
}

static void free_parts(struct serving *serving)
{
    /* The Lease is held until nothing acts any more, but who tells of it goes first. */
    leader_silence(serving->leader);
    applier_stop(serving->applier);
    store_validator_stop(serving->store_validator);
    atomic_store(&serving->stopping, true);
    rotation_free(serving->rotation);
    watcher_free(serving->watcher);
    cert_keeper_free(serving->keeper);
    agenda_free(serving->key_keeper);
    agenda_free(serving->credentials_keeper);
    roller_free(serving->roller);
    gates_free(serving->gates);
    workers_free(serving->flight_workers);
    workers_free(serving->background_workers);
    applier_free(serving->applier);
    store_validator_free(serving->store_validator);
    leader_free(serving->leader);
    reporter_free(serving->reporter);
    flights_free(serving->flights);
    answerer_free(serving->answerer);
    cert_holder_free(serving->certificates);
    world_free(serving->world);
    aws_services_free(serving->aws);
    metrics_free(serving->metrics);
    kube_config_free(serving->kube);
    http_global_done();
}

static int fail(const struct serving *serving, const struct err *err)
{
    log_failure(serving, LOG_ERROR, "cannot start", err);
    return EXIT_FAILED;
}

static bool make_aws(struct serving *serving, struct err *err)
{
    const struct config *config = serving->config;
    sts_session_name(sv_of(config->namespace), sv_of(config->service), serving->session_name);
    return aws_services_new(
        &(struct aws_services_options){
            .clock = serving->clock,
            .log = &serving->log,
            .metrics = serving->metrics,
            .environment = &process_environment,
            .session_name = serving->session_name,
            .allow_imds = config->aws_allow_imds,
            .insecure_endpoints = config->aws_insecure_endpoint,
        },
        &serving->aws, err);
}

int serve_run(const struct config *config, int signal_fd)
{
    struct serving serving = {.config = config, .clock = clock_system(), .signal_fd = signal_fd};
    struct err err;
    serving.log = (struct log){.fd = STDERR_FILENO, .level = LOG_INFO, .clock = serving.clock};
    if (!http_global_init(&err) ||
        !kube_access_load(config->kubeconfig, serving.clock, &serving.kube, &err)) {
        return fail(&serving, &err);
    }
    serving.metrics = metrics_new();
    if (!make_aws(&serving, &err)) {
        return fail(&serving, &err);
    }
    make_parts(&serving);
    if (!start_server(&serving, &err)) {
        free_parts(&serving);
        return fail(&serving, &err);
    }
    cert_keeper_start(serving.keeper);
    log_started(&serving);
    if (bootstrap(&serving)) {
        start_controllers(&serving);
        (void)process_signal_wait(serving.signal_fd, -1);
    }
    if (!drain(&serving)) {
        /* The threads go on, with what lies in this frame. */
        note(&serving, "stopped");
        _exit(EXIT_DONE);
    }
    free_parts(&serving);
    note(&serving, "stopped");
    return EXIT_DONE;
}
