/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/applier.h"

#include <stdatomic.h>

#include "base/limits.h"
#include "webhook/agenda.h"
#include "webhook/kube_sink.h"
#include "webhook/progress.h"
#include "webhook/sources.h"
#include "webhook/store_health.h"
#include "webhook/sweep.h"
#include "webhook/thread.h"

enum {
    LOOK_DEADLINE_MS = 2000,
    FLIGHT_DEADLINE_MS = 5000,
    BACKGROUND_DEADLINE_MS = 30000,
    /* Of these for reading ahead with others; what is left is for the one whose turn it is. */
    READ_AHEAD_MS = 10000,
    RETRY_AGE_MS = 500,
    QUEUE_FULL_MS = 200,
    /* Whose store is not known yet is looked at as soon as it is told of, or at the latest then. */
    UNKNOWN_MS = 5000,
    /* What is told of while it is being listed has its turn with all the others, when everything
     * is known (applier_look_at_all()), or at the latest then. */
    LISTED_MS = 1000,
    /* After a change of the leader, refreshes of what is there already are spread over this. */
    SPREAD_MS = 30000,
};

/* One carrying out under way, shared by everybody who wants the same. */
struct run {
    char *basis; /* what it works from: who wants something newer must not get its result */
    unsigned users;
    bool outdated; /* AWS has something newer since it began */
    bool done;
    enum reconcile_outcome outcome;
    struct secret *secret;
    struct err err;
};

struct applier {
    struct applier_options options;
    struct agenda *agenda;
    struct sweep *sweep;
    struct store_health stores;
    struct progress progress;
    struct metric *outcomes;
    pthread_mutex_t mutex;
    pthread_cond_t landed;
    struct table runs; /* "namespace/name" -> struct run; guarded */
    atomic_bool stopping;
};

static void look(void *context, const char *key);
static int64_t due_ms(void *context, const struct external_secret *external_secret);

struct applier *applier_new(const struct applier_options *options)
{
    static const char *const labels[] = {"outcome", NULL};
    struct applier *applier = mem_alloc(sizeof *applier);
    applier->options = *options;
    mutex_init(&applier->mutex);
    cond_init(&applier->landed);
    table_init(&applier->runs, NULL);
    progress_init(&applier->progress);
    store_health_init(&applier->stores);
    atomic_init(&applier->stopping, false);
    applier->agenda = agenda_new(&(struct agenda_options){
        .name = "applier", .clock = options->clock, .look = look, .context = applier});
    applier->sweep = sweep_new(&(struct sweep_options){
        .clock = options->clock, .world = options->world, .due_ms = due_ms, .context = applier});
    applier->outcomes = metrics_counter(options->metrics, "keyturn_externalsecrets_total",
                                        "ExternalSecrets carried out, by outcome.", labels);
    return applier;
}

void applier_start(struct applier *applier)
{
    agenda_start(applier->agenda);
}

void applier_stop(struct applier *applier)
{
    atomic_store(&applier->stopping, true);
    agenda_stop(applier->agenda);
}

void applier_free(struct applier *applier)
{
    if (!applier) {
        return;
    }
    agenda_free(applier->agenda);
    sweep_free(applier->sweep);
    table_done(&applier->runs);
    progress_done(&applier->progress);
    store_health_done(&applier->stores);
    pthread_mutex_destroy(&applier->mutex);
    pthread_cond_destroy(&applier->landed);
    free(applier);
}

static int64_t now_ms(const struct applier *applier)
{
    return clock_monotonic_ms(applier->options.clock);
}

static void write_key(struct buf *key, struct str_view namespace, struct str_view name)
{
    buf_init(key, 2 * LIMIT_NAME_BYTES + 2);
    buf_printf(key, "%.*s/%.*s", SV_ARG(namespace), SV_ARG(name));
}

static void log_outcome(struct applier *applier, const struct external_secret *external_secret,
                        enum reconcile_outcome outcome, const struct err *err)
{
    struct log_line line = log_begin(
        applier->options.log, reconcile_succeeded(outcome) ? LOG_INFO : LOG_WARN, "externalsecret");
    log_str(&line, "namespace", external_secret->namespace);
    log_str(&line, "name", external_secret->name);
    log_str(&line, "target", external_secret->target);
    log_str(&line, "outcome", sv_of(reconcile_outcome_name(outcome)));
    if (!reconcile_succeeded(outcome)) {
        log_err(&line, err);
    }
    log_end(&line);
}

/* That nothing has changed is no Event. */
static void post_outcome(struct applier *applier, const struct external_secret *external_secret,
                         enum reconcile_outcome outcome, const struct err *err)
{
    static const char *const reasons[] = {
        [RECONCILE_CREATED] = "Created",         [RECONCILE_UPDATED] = "Updated",
        [RECONCILE_UNSUPPORTED] = "Unsupported", [RECONCILE_FOREIGN] = "ForeignSecret",
        [RECONCILE_FAILED] = "UpdateFailed",
    };
    CLEANUP(buf_done) struct buf message = {0};
    if (!reasons[outcome]) {
        return;
    }
    buf_init(&message, KUBE_EVENT_MESSAGE_BYTES);
    if (reconcile_succeeded(outcome)) {
        buf_printf(&message, "Secret %.*s %s", SV_ARG(external_secret->target),
                   reconcile_outcome_name(outcome));
    } else {
        buf_add_str(&message, err->message);
    }
    const struct kube_event event = {
        .api_version = "external-secrets.io/v1",
        .kind = "ExternalSecret",
        .namespace = external_secret->namespace,
        .name = external_secret->name,
        .uid = external_secret->uid,
        .warning = !reconcile_succeeded(outcome),
        .reason = reasons[outcome],
        .message = buf_view(&message),
    };
    reporter_post(applier->options.reporter, &event);
}

static void report(struct applier *applier, const struct external_secret *external_secret,
                   enum reconcile_outcome outcome, const struct err *err)
{
    const char *const values[] = {reconcile_outcome_name(outcome)};
    metric_add(applier->outcomes, values, 1);
    log_outcome(applier, external_secret, outcome, err);
    post_outcome(applier, external_secret, outcome, err);
}

/* A reference for the caller; NULL when there is no such store. */
static struct store *find_store(struct applier *applier,
                                const struct external_secret *external_secret)
{
    return world_store(applier->options.world, external_secret->cluster_store,
                       external_secret->namespace, external_secret->store_name);
}

/* It is there, or it is known not to be: while stores are still being listed, and when they may not
 * be, one that is missing is no mistake of whoever wrote the ExternalSecret. */
static bool store_is_known(struct applier *applier, const struct external_secret *external_secret)
{
    struct store *store = find_store(applier, external_secret);
    bool found = store != NULL;
    store_release(store);
    return found ||
           world_is_synced(applier->options.world,
                           external_secret->cluster_store ? WORLD_CLUSTER_STORES : WORLD_STORES);
}

/* A source that knows which stores are silent. */
struct patient_source {
    struct applier *applier;
    struct secret_source source;
};

/* Only the store's own answers count: that the API server fails is no fault of it. */
static bool ask_store(void *context, const struct remote_request *request,
                      struct remote_read *reads, size_t count, struct err *err)
{
    const struct patient_source *patient = context;
    const struct store *store = request->store;
    struct applier *applier = patient->applier;
    if (!store_health_may_ask(&applier->stores, store, now_ms(applier), err)) {
        return false;
    }
    bool done = patient->source.read(patient->source.context, request, reads, count, err);
    store_health_note(&applier->stores, store, now_ms(applier), done ? NULL : err);
    return done;
}

/* For whom something is carried out. */
struct errand {
    struct clients *clients;
    bool waiting;       /* a request or a held Pod waits; otherwise a refresh */
    int64_t max_age_ms; /* of what was read before */
    int64_t deadline_ms;
};

/* The work itself, without sharing. */
static enum reconcile_outcome carry_out(struct applier *applier,
                                        const struct external_secret *external_secret,
                                        const struct errand *errand, struct secret **ret,
                                        struct err *err)
{
    struct clients *clients = errand->clients;
    struct fingerprint_keys keys;
    bool known = world_keys(applier->options.world, &keys);
    struct kube_sink sink_context = {.client = &clients->kube,
                                     .digest_key = known ? &keys.digest : NULL};
    struct secret_sink sink = kube_sink(&sink_context);
    struct patient_source patient = {.applier = applier, .source = sources_for(clients)};
    const struct secret_source source = {.read = ask_store, .context = &patient};
    struct store *store = find_store(applier, external_secret);
    const struct reconcile_input input = {
        .external_secret = external_secret,
        .store = store,
        .source = &source,
        .sink = &sink,
        .waiting = errand->waiting,
        .max_age_ms = errand->max_age_ms,
        .deadline_ms = errand->deadline_ms,
    };
    enum reconcile_outcome outcome = reconcile(&input, ret, err);
    store_release(store);
    fingerprint_keys_wipe(&keys);
    report(applier, external_secret, outcome, err);
    return outcome;
}

/* Holds the mutex. */
static void leave_run(struct run *run)
{
    if (--run->users == 0) {
        secret_release(run->secret);
        free(run->basis);
        free(run);
    }
}

/* Holds the mutex. True when the run is done; a result that does not come in time is an error. */
static bool await_run(struct applier *applier, struct run *run, int64_t deadline_ms,
                      struct err *err)
{
    while (!run->done && now_ms(applier) < deadline_ms) {
        cond_wait_until(&applier->landed, &applier->mutex, deadline_ms);
    }
    return run->done || err_set(err, ERR_TIMEOUT, "still being fetched");
}

/* Object, generation and store: a run that began before one of them changed is another run. */
static char *make_basis(struct applier *applier, const struct external_secret *external_secret)
{
    struct buf basis;
    buf_init(&basis, 4 * (size_t)LIMIT_NAME_BYTES);
    struct store *store = find_store(applier, external_secret);
    buf_printf(&basis, "%.*s/%lld/%.*s", SV_ARG(external_secret->uid),
               (long long)external_secret->generation,
               SV_ARG(progress_force_sync(external_secret)));
    if (store) {
        buf_printf(&basis, "/%.*s/%.*s", SV_ARG(store->uid), SV_ARG(store->resource_version));
    }
    store_release(store);
    return buf_take(&basis);
}

/* Holds the mutex. The run under way for the key, if it works from `basis`; whatever else runs has
 * to end first. NULL: none, the caller may begin, unless `*ret_free` is false: it did not end in
 * time. */
static struct run *find_run(struct applier *applier, struct str_view key, const char *basis,
                            int64_t deadline_ms, bool *ret_free, struct err *err)
{
    struct run *run = table_get(&applier->runs, key);
    *ret_free = true;
    while (run && (run->outdated || strcmp(run->basis, basis) != 0) && *ret_free) {
        run->users++;
        *ret_free = await_run(applier, run, deadline_ms, err);
        leave_run(run);
        run = table_get(&applier->runs, key);
    }
    return run;
}

/* Holds the mutex. */
static enum reconcile_outcome share_run(struct applier *applier, struct run *run,
                                        int64_t deadline_ms, struct secret **ret, struct err *err)
{
    enum reconcile_outcome outcome = RECONCILE_FAILED;
    run->users++;
    if (await_run(applier, run, deadline_ms, err)) {
        outcome = run->outcome;
        *err = run->err;
        *ret = run->secret ? secret_retain(run->secret) : NULL;
    }
    leave_run(run);
    return outcome;
}

/* Holds the mutex. Takes the run out, so that nobody joins it any more, and tells who has. */
static void land_run(struct applier *applier, struct str_view key, struct run *run,
                     enum reconcile_outcome outcome, struct secret *secret, const struct err *err)
{
    (void)table_take(&applier->runs, key);
    run->done = true;
    run->outcome = outcome;
    run->secret = secret ? secret_retain(secret) : NULL;
    if (!reconcile_succeeded(outcome)) {
        run->err = *err;
    }
    pthread_cond_broadcast(&applier->landed);
    leave_run(run);
}

static enum reconcile_outcome carry_out_shared(struct applier *applier,
                                               const struct external_secret *external_secret,
                                               const struct errand *errand, struct secret **ret,
                                               struct err *err)
{
    int64_t deadline_ms = errand->deadline_ms;
    CLEANUP(buf_done) struct buf key;
    CLEANUP(mem_free_ptr) char *basis = make_basis(applier, external_secret);
    enum reconcile_outcome outcome = RECONCILE_FAILED;
    bool free_to_run = false;
    write_key(&key, external_secret->namespace, external_secret->name);
    pthread_mutex_lock(&applier->mutex);
    struct run *run = find_run(applier, buf_view(&key), basis, deadline_ms, &free_to_run, err);
    if (!free_to_run || run) {
        if (free_to_run) {
            outcome = share_run(applier, run, deadline_ms, ret, err);
        }
        pthread_mutex_unlock(&applier->mutex);
        return outcome;
    }
    run = mem_alloc(sizeof *run);
    run->users = 1;
    run->basis = str_dup(basis);
    table_put(&applier->runs, buf_view(&key), run);
    pthread_mutex_unlock(&applier->mutex);

    outcome = carry_out(applier, external_secret, errand, ret, err);

    pthread_mutex_lock(&applier->mutex);
    land_run(applier, buf_view(&key), run, outcome, *ret, err);
    pthread_mutex_unlock(&applier->mutex);
    return outcome;
}

static void make_for(struct applier *applier, struct flight *flight, struct clients *clients)
{
    struct external_secret *external_secret =
        world_describing(applier->options.world, flight_namespace(flight), flight_name(flight));
    struct secret *secret = NULL;
    struct err err = {0};
    if (!external_secret || !store_is_known(applier, external_secret)) {
        external_secret_release(external_secret);
        return;
    }
    const struct errand errand = {.clients = clients,
                                  .waiting = true,
                                  .max_age_ms = SWEEP_FRESH_MS,
                                  .deadline_ms = now_ms(applier) + FLIGHT_DEADLINE_MS};
    enum reconcile_outcome outcome =
        carry_out_shared(applier, external_secret, &errand, &secret, &err);
    if (secret) {
        flight_found(flight, PRESENCE_PRESENT, secret);
    } else if (!reconcile_succeeded(outcome)) {
        flight_failed(flight, &err);
    }
    secret_release(secret);
    external_secret_release(external_secret);
}

void applier_fly(void *context, struct flight *flight, void *thread_context)
{
    struct applier *applier = context;
    struct clients *clients = thread_context;
    struct fingerprint_keys keys;
    struct secret *secret = NULL;
    struct err err;
    bool known = world_keys(applier->options.world, &keys);
    bool looked =
        kube_sink_look(&clients->kube, known ? &keys.digest : NULL, flight_namespace(flight),
                       flight_name(flight), now_ms(applier) + LOOK_DEADLINE_MS, &secret, &err);
    fingerprint_keys_wipe(&keys);
    enum presence presence = !looked  ? PRESENCE_UNKNOWN
                             : secret ? PRESENCE_PRESENT
                                      : PRESENCE_ABSENT;
    flight_found(flight, presence, secret);
    secret_release(secret);
    if (presence == PRESENCE_ABSENT && applier->options.enabled && flight_materialises(flight)) {
        make_for(applier, flight, clients);
    }
}

static void plan(struct applier *applier, struct str_view namespace, struct str_view name,
                 int64_t delay_ms)
{
    CLEANUP(buf_done) struct buf key;
    write_key(&key, namespace, name);
    agenda_look_in(applier->agenda, buf_view(&key), delay_ms);
}

/* Has this generation been carried out, or tried, already, and with this store? `*ret_due_ms` is
 * then when it is to be looked at again. */
static bool is_new(struct applier *applier, const struct external_secret *external_secret,
                   int64_t *ret_due_ms)
{
    CLEANUP(mem_free_ptr) char *basis = make_basis(applier, external_secret);
    return progress_is_new(&applier->progress, external_secret, basis, ret_due_ms);
}

/* For the sweep: what is new is due now. */
static int64_t due_ms(void *context, const struct external_secret *external_secret)
{
    struct applier *applier = context;
    int64_t due = 0;
    return is_new(applier, external_secret, &due) ? now_ms(applier) : due;
}

static int64_t delay_after(struct applier *applier, enum world_table table)
{
    return world_is_synced(applier->options.world, table) ? 0 : LISTED_MS;
}

void applier_external_secret_changed(struct applier *applier, struct str_view namespace,
                                     struct str_view name)
{
    int64_t ignored = 0;
    struct external_secret *external_secret =
        world_external_secret(applier->options.world, namespace, name);
    if (!external_secret) {
        progress_forget(&applier->progress, namespace, name);
    } else if (applier->options.enabled && leader_leads(applier->options.leader) &&
               is_new(applier, external_secret, &ignored)) {
        plan(applier, namespace, name, delay_after(applier, WORLD_EXTERNAL_SECRETS));
    }
    external_secret_release(external_secret);
}

void applier_secret_changed(struct applier *applier, struct str_view namespace,
                            struct str_view name)
{
    if (!applier->options.enabled || !leader_leads(applier->options.leader)) {
        return;
    }
    struct secret *secret = world_secret(applier->options.world, namespace, name);
    struct external_secret *external_secret =
        secret ? NULL : world_describing(applier->options.world, namespace, name);
    if (external_secret) {
        plan(applier, namespace, external_secret->name, 0);
    }
    external_secret_release(external_secret);
    secret_release(secret);
}

/* What it has read may be what was there before. */
static void outdate_run(struct applier *applier, struct str_view namespace, struct str_view name)
{
    CLEANUP(buf_done) struct buf key;
    write_key(&key, namespace, name);
    pthread_mutex_lock(&applier->mutex);
    struct run *run = table_get(&applier->runs, buf_view(&key));
    if (run) {
        run->outdated = true;
    }
    pthread_mutex_unlock(&applier->mutex);
}

void applier_remote_changed(struct applier *applier, struct str_view namespace,
                            struct str_view name)
{
    if (applier->options.enabled && leader_leads(applier->options.leader)) {
        outdate_run(applier, namespace, name);
        plan(applier, namespace, name, 0);
    }
}

static bool uses_store(const struct external_secret *external_secret, bool cluster,
                       struct str_view namespace, struct str_view name)
{
    return external_secret->cluster_store == cluster &&
           sv_equal(external_secret->store_name, name) &&
           (cluster || sv_equal(external_secret->namespace, namespace));
}

void applier_store_changed(struct applier *applier, bool cluster, struct str_view namespace,
                           struct str_view name)
{
    CLEANUP(world_list_done) struct world_list all = {0};
    if (!applier->options.enabled || !leader_leads(applier->options.leader)) {
        return;
    }
    world_external_secrets(applier->options.world, &all);
    int64_t delay = delay_after(applier, cluster ? WORLD_CLUSTER_STORES : WORLD_STORES);
    for (size_t i = 0; i < all.count; i++) {
        const struct external_secret *external_secret = all.items[i];
        int64_t ignored = 0;
        /* A list tells of stores that are as they were. */
        if (uses_store(external_secret, cluster, namespace, name) &&
            is_new(applier, external_secret, &ignored)) {
            plan(applier, external_secret->namespace, external_secret->name, delay);
        }
    }
}

/* How long until the look at one whose place among all is `share`, from 0 to 1; INT64_MAX: none. */
static int64_t delay_of(struct applier *applier, const struct external_secret *external_secret,
                        double share)
{
    int64_t due_ms = 0;
    struct secret *secret =
        world_secret(applier->options.world, external_secret->namespace, external_secret->target);
    bool fresh = is_new(applier, external_secret, &due_ms);
    int64_t left = fresh ? 0 : due_ms == INT64_MAX ? INT64_MAX : due_ms - now_ms(applier);
    int64_t spread = external_secret->refresh_interval_ms < SPREAD_MS
                         ? external_secret->refresh_interval_ms
                         : SPREAD_MS;
    secret_release(secret);
    if (!secret) {
        return 0;
    }
    /* Evenly, in whatever order: no two restarts ask AWS for everything at one instant. */
    return left > 0 ? left : spread > 0 ? (int64_t)((double)spread * share) : 0;
}

/* What is not known yet would look as if it were not there. */
static bool world_is_known(const struct applier *applier)
{
    struct world *world = applier->options.world;
    return world_is_synced(world, WORLD_SECRETS) &&
           world_is_synced(world, WORLD_EXTERNAL_SECRETS) && world_is_synced(world, WORLD_STORES) &&
           world_is_synced(world, WORLD_CLUSTER_STORES);
}

void applier_look_at_all(struct applier *applier)
{
    CLEANUP(world_list_done) struct world_list all = {0};
    if (!applier->options.enabled || !leader_leads(applier->options.leader) ||
        !world_is_known(applier)) {
        return;
    }
    world_external_secrets(applier->options.world, &all);
    for (size_t i = 0; i < all.count; i++) {
        const struct external_secret *external_secret = all.items[i];
        int64_t delay = delay_of(applier, external_secret, (double)i / (double)all.count);
        if (delay != INT64_MAX) {
            plan(applier, external_secret->namespace, external_secret->name, delay);
        }
    }
}

struct background {
    struct applier *applier;
    struct external_secret *external_secret;
};

/* What AWS refused is asked for again when its turn comes, whatever the cache remembers. */
static int64_t refresh_age_ms(struct applier *applier,
                              const struct external_secret *external_secret)
{
    return progress_has_failed(&applier->progress, external_secret)
               ? RETRY_AGE_MS
               : sweep_max_age_ms(external_secret);
}

static bool is_silent(struct applier *applier, const struct external_secret *external_secret)
{
    struct store *store = find_store(applier, external_secret);
    bool silent = store && store_health_is_silent(&applier->stores, store);
    store_release(store);
    return silent;
}

/* Those that were read ahead with it have their turn now: none before everything is known. A store
 * that is silent is left to the probe. */
static void read_ahead_of(struct applier *applier, const struct external_secret *external_secret,
                          const struct errand *errand)
{
    CLEANUP(world_list_done) struct world_list members = {0};
    if (!world_is_known(applier) || is_silent(applier, external_secret)) {
        return;
    }
    sweep_read_ahead(applier->sweep, external_secret, errand->clients,
                     now_ms(applier) + READ_AHEAD_MS, &members);
    for (size_t i = 0; i < members.count; i++) {
        const struct external_secret *member = members.items[i];
        plan(applier, member->namespace, member->name, 0);
    }
}

/* Answers how long until the next look. */
static int64_t refresh(struct applier *applier, const struct external_secret *external_secret,
                       struct clients *clients)
{
    CLEANUP(mem_free_ptr) char *basis = make_basis(applier, external_secret);
    struct secret *secret = NULL;
    struct err err = {0};
    int64_t wait_ms = 0;
    bool forced =
        progress_is_forced(&applier->progress, external_secret, now_ms(applier), &wait_ms);
    if (wait_ms > 0) {
        return wait_ms;
    }
    const struct errand errand = {.clients = clients,
                                  .max_age_ms =
                                      forced ? 0 : refresh_age_ms(applier, external_secret),
                                  .deadline_ms = now_ms(applier) + BACKGROUND_DEADLINE_MS};
    if (!forced) {
        read_ahead_of(applier, external_secret, &errand);
    }
    enum reconcile_outcome outcome =
        carry_out_shared(applier, external_secret, &errand, &secret, &err);
    secret_release(secret);
    return progress_note(&applier->progress, external_secret, basis, forced, outcome,
                         now_ms(applier));
}

static void carry_out_in_background(void *argument, void *thread_context)
{
    struct background *background = argument;
    struct applier *applier = background->applier;
    struct external_secret *external_secret = background->external_secret;
    free(background);
    if (leader_leads(applier->options.leader) && !atomic_load(&applier->stopping)) {
        int64_t delay = refresh(applier, external_secret, thread_context);
        if (delay != INT64_MAX) {
            plan(applier, external_secret->namespace, external_secret->name, delay);
        }
    }
    external_secret_release(external_secret);
}

/* 0, or how long until it can be begun. */
static int64_t begin(struct applier *applier, struct external_secret *external_secret)
{
    if (!store_is_known(applier, external_secret)) {
        return UNKNOWN_MS;
    }
    struct background *background = mem_alloc(sizeof *background);
    *background = (struct background){applier, external_secret_retain(external_secret)};
    if (workers_submit(applier->options.workers, carry_out_in_background, background)) {
        return 0;
    }
    external_secret_release(external_secret);
    free(background);
    return QUEUE_FULL_MS;
}

static void look(void *context, const char *key)
{
    struct applier *applier = context;
    struct str_view name = sv_of(key);
    struct str_view namespace = {0};
    if (!leader_leads(applier->options.leader) || !sv_split(&name, '/', &namespace)) {
        return;
    }
    struct external_secret *external_secret =
        world_external_secret(applier->options.world, namespace, name);
    if (!external_secret) {
        progress_forget(&applier->progress, namespace, name);
        return;
    }
    if (!external_secret->deleting) {
        int64_t delay = begin(applier, external_secret);
        if (delay > 0) {
            agenda_look_in(applier->agenda, sv_of(key), delay);
        }
    }
    external_secret_release(external_secret);
}
