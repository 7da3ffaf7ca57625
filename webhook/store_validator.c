/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/store_validator.h"

#include <stdatomic.h>

#include "base/lock.h"
#include "externalsecret/due.h"
#include "objects/object_key.h"
#include "webhook/agenda.h"
#include "webhook/aws_reading.h"
#include "webhook/aws_services.h"
#include "webhook/status_writer.h"

enum {
    VALIDATE_DEADLINE_MS = 20000,
    BUSY_MS = 500,
};

static const char UNABLE[] = "unable to validate store";

/* Of one store. */
struct record {
    char *uid;
    int64_t generation; /* that was validated; -1: none */
    unsigned failures;
    bool begun;
};

struct store_validator {
    struct store_validator_options options;
    struct agenda *agenda;
    pthread_mutex_t mutex;
    struct table records; /* "namespace/name", "/name" of a ClusterSecretStore; guarded */
    uint32_t spread;      /* guarded; for who has its turn when */
    atomic_bool stopping;
};

static void look(void *context, const char *key);

static void record_free(void *value)
{
    struct record *record = value;
    free(record->uid);
    free(record);
}

struct store_validator *store_validator_new(const struct store_validator_options *options)
{
    struct store_validator *validator = mem_alloc(sizeof *validator);
    validator->options = *options;
    mutex_init(&validator->mutex);
    table_init(&validator->records, record_free);
    atomic_init(&validator->stopping, false);
    validator->agenda = agenda_new(&(struct agenda_options){
        .name = "stores", .clock = options->clock, .look = look, .context = validator});
    return validator;
}

void store_validator_start(struct store_validator *validator)
{
    agenda_start(validator->agenda);
}

void store_validator_stop(struct store_validator *validator)
{
    atomic_store(&validator->stopping, true);
    agenda_stop(validator->agenda);
}

void store_validator_free(struct store_validator *validator)
{
    if (validator) {
        agenda_free(validator->agenda);
        table_done(&validator->records);
        pthread_mutex_destroy(&validator->mutex);
        free(validator);
    }
}

static bool acts(const struct store_validator *validator)
{
    return validator->options.enabled && !atomic_load(&validator->stopping) &&
           leader_leads(validator->options.leader);
}

static void write_key(struct buf *key, const struct store *store)
{
    object_key_write(key, store->cluster ? SV("") : store->namespace, store->name);
}

static void plan(struct store_validator *validator, const struct store *store, int64_t delay_ms)
{
    CLEANUP(buf_done) struct buf key;
    write_key(&key, store);
    agenda_look_in(validator->agenda, buf_view(&key), delay_ms);
}

/* Holds the mutex. */
static struct record *find_record(struct store_validator *validator, const struct store *store)
{
    CLEANUP(buf_done) struct buf key;
    write_key(&key, store);
    struct record *record = table_get(&validator->records, buf_view(&key));
    if (record && !sv_is(store->uid, record->uid)) {
        (void)table_erase(&validator->records, buf_view(&key));
        record = NULL;
    }
    if (!record) {
        record = mem_alloc(sizeof *record);
        record->uid = sv_dup(store->uid);
        record->generation = -1;
        table_put(&validator->records, buf_view(&key), record);
    }
    return record;
}

/* Holds the mutex. The record of what was begun, which may be gone or its successor's by now: NULL
 * then. */
static struct record *find_begun(struct store_validator *validator, const struct store *store)
{
    CLEANUP(buf_done) struct buf key;
    write_key(&key, store);
    struct record *record = table_get(&validator->records, buf_view(&key));
    return record && sv_is(store->uid, record->uid) ? record : NULL;
}

/* ---- one validation, on a worker ---- */

struct validation {
    struct store_validator *validator;
    struct store *store;
};

/* Who reads through it decides as whom: there is no namespace to ask for. */
static bool is_referent(const struct store *store)
{
    if (!store->cluster) {
        return false;
    }
    switch (store->aws.auth) {
    case STORE_AUTH_KEYS:
        return store->aws.access_key_id.namespace.len == 0 ||
               store->aws.secret_access_key.namespace.len == 0;
    case STORE_AUTH_SERVICE_ACCOUNT:
        return store->aws.service_account_namespace.len == 0;
    case STORE_AUTH_AMBIENT:
        break;
    }
    return store->aws.tags_policy != STORE_TAGS_AS_LISTED;
}

static bool obtain_credentials(struct clients *clients, const struct store *store,
                               int64_t deadline_ms, struct err *err)
{
    CLEANUP(store_identity_done) struct store_identity identity = {0};
    struct aws_services *services = clients->options->aws;
    struct service_thread thread = aws_services_thread(services, clients->kube.transport);
    struct credentials *credentials = NULL;
    if (!aws_reading_identity(clients, store, store->namespace, deadline_ms, &identity, err)) {
        return false;
    }
    struct credentials_lease lease = {.cache = aws_services_credentials(services),
                                      .key = identity.key,
                                      .provider = identity.provider};
    const struct credentials_source source = credentials_lease_source(&lease);
    const struct credentials_request request = {
        .thread = &thread, .urgency = SERVICE_BACKGROUND, .deadline_ms = deadline_ms};
    bool obtained = source.get(source.context, &request, &credentials, err);
    credentials_release(credentials);
    return obtained;
}

static bool validate(struct clients *clients, const struct store *store, int64_t deadline_ms,
                     struct err *err)
{
    if (store->unsupported.len > 0 || store->provider == PROVIDER_OTHER) {
        struct str_view field = store->unsupported.len ? store->unsupported : SV("spec.provider");
        return err_set(err, ERR_INVALID, "%.*s is not supported", SV_ARG(field));
    }
    return !aws_reading_serves(store) || is_referent(store) ||
           obtain_credentials(clients, store, deadline_ms, err);
}

static void tell(const struct store_validator *validator, const struct store *store,
                 const struct err *fault)
{
    const struct kube_event event = {
        .api_version = "external-secrets.io/v1",
        .kind = store->cluster ? "ClusterSecretStore" : "SecretStore",
        .namespace = store->namespace,
        .name = store->name,
        .uid = store->uid,
        .warning = fault != NULL,
        .reason = fault ? "InvalidProviderConfig" : "Valid",
        .message = fault ? sv_of(fault->message) : SV("store validated"),
    };
    reporter_post_in_turn(validator->options.reporter, &event);
    struct log_line line = log_begin(validator->options.log, fault ? LOG_WARN : LOG_INFO, "store");
    log_str(&line, "namespace", store->namespace);
    log_str(&line, "name", store->name);
    log_bool(&line, "valid", !fault);
    if (fault) {
        log_err(&line, fault);
    }
    log_end(&line);
}

/* Holds the mutex. How long until it is looked at next. */
static int64_t end_validation(struct record *record, const struct store *store, bool valid)
{
    record->begun = false;
    record->generation = store->generation;
    record->failures = valid ? 0 : record->failures + 1;
    int64_t retry = record->failures ? due_backoff_ms(record->failures) : STORE_VALID_MS;
    return retry < STORE_VALID_MS ? retry : STORE_VALID_MS;
}

static void note(struct store_validator *validator, const struct store *store, bool valid)
{
    pthread_mutex_lock(&validator->mutex);
    struct record *record = find_begun(validator, store);
    int64_t delay_ms = record ? end_validation(record, store, valid) : 0;
    pthread_mutex_unlock(&validator->mutex);
    if (record) {
        plan(validator, store, delay_ms);
    }
}

static void give_turn_back(struct store_validator *validator, const struct store *store)
{
    pthread_mutex_lock(&validator->mutex);
    struct record *record = find_begun(validator, store);
    if (record) {
        record->begun = false;
    }
    pthread_mutex_unlock(&validator->mutex);
}

static void validate_and_say(struct store_validator *validator, struct clients *clients,
                             const struct store *store)
{
    struct err fault = {0};
    struct err err;
    const struct clock *clock = validator->options.clock;
    int64_t deadline_ms = clock_monotonic_ms(clock) + VALIDATE_DEADLINE_MS;
    bool valid = validate(clients, store, deadline_ms, &fault);
    if (atomic_load(&validator->stopping)) {
        /* Which cancels the calls of all: it says nothing of the store. */
        give_turn_back(validator, store);
        return;
    }
    const struct status_store_change change = {.fault = valid ? NULL : UNABLE,
                                               .now_ms = clock_wall_ms(clock)};
    tell(validator, store, valid ? NULL : &fault);
    if (!status_write_store(&clients->kube, store, &change,
                            clock_monotonic_ms(clock) + VALIDATE_DEADLINE_MS, &err) &&
        err.kind != ERR_MISSING) {
        struct log_line line = log_begin(validator->options.log, LOG_WARN, "status not written");
        log_str(&line, "namespace", store->namespace);
        log_str(&line, "name", store->name);
        log_err(&line, &err);
        log_end(&line);
    }
    note(validator, store, valid);
}

/* Somebody has said so before this process began, which is as good as this process. */
static bool has_status(struct clients *clients, const struct store *store, int64_t deadline_ms)
{
    CLEANUP(owned_object_done) struct owned_object object = {0};
    const struct owned_target target = status_store_target(store);
    struct err ignored;
    return owned_object_get(&clients->kube, &target, deadline_ms, &object, &ignored) &&
           json_first(json_path(object.json, "status", "conditions", NULL)) != NULL;
}

/* The next of ten turns within the time that a validation is good for. Holds the mutex. */
static int64_t next_share_ms(struct store_validator *validator)
{
    int64_t share = 1 + validator->spread++ % 10;
    return STORE_VALID_MS / 10 * share;
}

/* As if it had been validated here. */
static void take_over(struct store_validator *validator, const struct store *store)
{
    pthread_mutex_lock(&validator->mutex);
    struct record *record = find_begun(validator, store);
    int64_t delay_ms = next_share_ms(validator);
    if (record) {
        record->begun = false;
        record->generation = store->generation;
    }
    pthread_mutex_unlock(&validator->mutex);
    if (record) {
        plan(validator, store, delay_ms);
    }
}

static bool is_first_look(struct store_validator *validator, const struct store *store)
{
    pthread_mutex_lock(&validator->mutex);
    const struct record *record = find_begun(validator, store);
    bool first = record && record->generation < 0;
    pthread_mutex_unlock(&validator->mutex);
    return first;
}

/* Still: not made anew under the same name meanwhile. */
static bool is_begun(struct store_validator *validator, const struct store *store)
{
    pthread_mutex_lock(&validator->mutex);
    bool begun = find_begun(validator, store) != NULL;
    pthread_mutex_unlock(&validator->mutex);
    return begun;
}

static void run(void *argument, void *thread_context)
{
    struct validation *validation = argument;
    struct store_validator *validator = validation->validator;
    struct store *store = validation->store;
    struct clients *clients = thread_context;
    int64_t deadline_ms = clock_monotonic_ms(validator->options.clock) + VALIDATE_DEADLINE_MS;
    free(validation);
    if (acts(validator) && is_begun(validator, store)) {
        if (is_first_look(validator, store) && has_status(clients, store, deadline_ms)) {
            take_over(validator, store);
        } else {
            validate_and_say(validator, clients, store);
        }
    } else {
        give_turn_back(validator, store);
    }
    store_release(store);
}

/* ---- whose turn it is ---- */

/* By spec.controller. */
static bool is_ours(const struct store_validator *validator, const struct store *store)
{
    const char *other = validator->options.operator_class;
    return store->controller.len == 0 || sv_is(store->controller, "keyturn") ||
           (other && sv_is(store->controller, other));
}

static bool take_turn(struct store_validator *validator, const struct store *store)
{
    pthread_mutex_lock(&validator->mutex);
    struct record *record = find_record(validator, store);
    bool free_to_begin = !record->begun;
    record->begun = true;
    pthread_mutex_unlock(&validator->mutex);
    return free_to_begin;
}

static void begin(struct store_validator *validator, struct store *store)
{
    if (!take_turn(validator, store)) {
        plan(validator, store, BUSY_MS);
        return;
    }
    struct validation *validation = mem_alloc(sizeof *validation);
    *validation = (struct validation){validator, store_retain(store)};
    if (!workers_submit(validator->options.workers, run, validation)) {
        store_release(store);
        free(validation);
        give_turn_back(validator, store);
        plan(validator, store, BUSY_MS);
    }
}

/* A reference, or NULL. Stores are few, and looked for seldom. */
static struct store *find_store(struct store_validator *validator, struct str_view wanted)
{
    CLEANUP(world_list_done) struct world_list all = {0};
    world_stores(validator->options.world, &all);
    for (size_t i = 0; i < all.count; i++) {
        CLEANUP(buf_done) struct buf key;
        write_key(&key, all.items[i]);
        if (sv_equal(buf_view(&key), wanted)) {
            return store_retain(all.items[i]);
        }
    }
    return NULL;
}

static void look(void *context, const char *key)
{
    struct store_validator *validator = context;
    struct store *store = acts(validator) ? find_store(validator, sv_of(key)) : NULL;
    if (store && is_ours(validator, store)) {
        begin(validator, store);
    }
    store_release(store);
}

static void plan_if_new(struct store_validator *validator, const struct store *store)
{
    pthread_mutex_lock(&validator->mutex);
    bool new = find_record(validator, store)->generation != store->generation;
    pthread_mutex_unlock(&validator->mutex);
    if (new) {
        plan(validator, store, 0);
    }
}

void store_validator_changed(struct store_validator *validator, bool cluster,
                             struct str_view namespace, struct str_view name)
{
    CLEANUP(buf_done) struct buf key;
    object_key_write(&key, cluster ? SV("") : namespace, name);
    struct store *store = acts(validator) ? find_store(validator, buf_view(&key)) : NULL;
    if (store) {
        plan_if_new(validator, store);
    }
    store_release(store);
}

/* What was due while another led has been dropped. */
static void plan_again(struct store_validator *validator, const struct store *store)
{
    pthread_mutex_lock(&validator->mutex);
    bool new = find_record(validator, store)->generation != store->generation;
    int64_t delay_ms = new ? 0 : next_share_ms(validator);
    pthread_mutex_unlock(&validator->mutex);
    plan(validator, store, delay_ms);
}

void store_validator_look_at_all(struct store_validator *validator)
{
    CLEANUP(world_list_done) struct world_list all = {0};
    if (!acts(validator)) {
        return;
    }
    world_stores(validator->options.world, &all);
    for (size_t i = 0; i < all.count; i++) {
        plan_again(validator, all.items[i]);
    }
}
