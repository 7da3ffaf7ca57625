/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/rotation.h"

#include "aws/sqs.h"
#include "externalsecret/plan.h"
#include "http/retry.h"
#include "webhook/aws_reading.h"
#include "webhook/aws_target.h"
#include "webhook/pending_hints.h"
#include "webhook/thread.h"

enum {
    IDLE_MS = 1000,           /* before it is asked again whether this replica may act */
    RECEIVE_MARGIN_MS = 5000, /* beyond the waiting of the service */
    DELETE_DEADLINE_MS = 5000,
    LOOK_DEADLINE_MS = 10000,
    ARN_SUFFIX = 7, /* what Secrets Manager appends to the name: "-" and six characters */
    SHORTEST_POLL_MS = 1100,
    /* Of messages that wait for what they name to be looked at. */
    RECEIPTS_MAX = 200,
};

static const struct retry_policy BACKOFF = {.base_ms = 1000, .max_ms = 60000, .floor_percent = 50};

struct rotation {
    struct rotation_options options;
    struct pending_hints pending;
    struct metric *messages;
    char *region; /* of the queue */
    unsigned failures;
    size_t waiting;            /* receipts that lie with pending hints */
    struct receipts deletable; /* of messages of which nothing more will come */
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stopping; /* guarded */
};

struct rotation *rotation_new(const struct rotation_options *options)
{
    static const char *const labels[] = {"outcome", NULL};
    struct rotation *rotation = mem_alloc(sizeof *rotation);
    rotation->options = *options;
    pending_hints_init(&rotation->pending);
    mutex_init(&rotation->mutex);
    cond_init(&rotation->wake);
    rotation->messages =
        metrics_counter(options->metrics, "keyturn_rotation_messages_total",
                        "Messages about changed secrets, by what came of them.", labels);
    return rotation;
}

static int64_t now_ms(const struct rotation *rotation)
{
    return clock_monotonic_ms(rotation->options.clock);
}

static bool is_ready(const struct rotation *rotation)
{
    return applier_is_ready(rotation->options.applier);
}

static void count(const struct rotation *rotation, const char *outcome)
{
    const char *const values[] = {outcome};
    metric_add(rotation->messages, values, 1);
}

/* True when the thread is to end. */
static bool wait_until(struct rotation *rotation, int64_t deadline_ms)
{
    pthread_mutex_lock(&rotation->mutex);
    while (!rotation->stopping && now_ms(rotation) < deadline_ms) {
        cond_wait_until(&rotation->wake, &rotation->mutex, deadline_ms);
    }
    bool stopping = rotation->stopping;
    pthread_mutex_unlock(&rotation->mutex);
    return stopping;
}

/* ---- messages ---- */

/* What came of it. One that comes up again while what it names is pending tells nothing new. */
static const char *take_hint(struct rotation *rotation, const struct rotation_hint *hint,
                             const struct sqs_message *message)
{
    struct pending_hint *pending = pending_hints_find(&rotation->pending, hint);
    if (pending && receipts_renew(&pending->receipts, message)) {
        return "again";
    }
    pending = pending_hints_add(&rotation->pending, hint, now_ms(rotation));
    if (!pending) {
        return "no_room";
    }
    if (rotation->waiting < RECEIPTS_MAX) {
        receipts_add(&pending->receipts, message);
        rotation->waiting++;
    } else {
        receipts_add(&rotation->deletable, message);
    }
    return "taken";
}

/* While it was waited for another may have come to lead: then it is his. What there is no room for
 * comes up again, too. */
static void take_message(void *context, const struct sqs_message *message)
{
    struct rotation *rotation = context;
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    CLEANUP(mem_free_ptr) char *text = sv_dup(message->body);
    struct rotation_hint hint;
    struct err ignored;
    if (!is_ready(rotation)) {
        return;
    }
    if (rotation_hint_read(&doc, text, message->body.len, &hint, &ignored)) {
        count(rotation, take_hint(rotation, &hint, message));
    } else {
        receipts_add(&rotation->deletable, message);
        count(rotation, "not_an_event");
    }
}

static void log_failure(const struct rotation *rotation, const struct err *err)
{
    struct log_line line = log_begin(rotation->options.log, LOG_WARN, "rotation queue");
    log_str(&line, "queue", sv_of(rotation->options.queue_url));
    log_err(&line, err);
    log_end(&line);
}

/* Seconds to wait for a message: not beyond what is pending. */
static unsigned patience_s(const struct rotation *rotation)
{
    int64_t next_ms = pending_hints_next_ms(&rotation->pending);
    int64_t left_ms = next_ms == INT64_MAX ? INT64_MAX : next_ms - now_ms(rotation);
    return left_ms <= 0 ? 0 : left_ms / 1000 < SQS_WAIT_S ? (unsigned)(left_ms / 1000) : SQS_WAIT_S;
}

/* The queue, as Keyturn itself. */
struct queue {
    struct store_identity identity;
    struct aws_target target;
};

static void queue_done(struct queue *queue)
{
    store_identity_done(&queue->identity);
}

/* `*queue` is empty. */
static bool queue_open(struct queue *queue, const struct rotation *rotation,
                       struct clients *clients, struct err *err)
{
    struct str_view region = sv_of(rotation->region);
    return store_identity_own(clients->options->aws, region, &queue->identity, err) &&
           aws_target_at(clients, ENDPOINT_SQS, region, &queue->identity, &queue->target, err);
}

static bool receive(struct rotation *rotation, struct clients *clients, struct err *err)
{
    CLEANUP(queue_done) struct queue queue = {0};
    struct service_error error;
    unsigned wait_s = patience_s(rotation);
    if (!queue_open(&queue, rotation, clients, err)) {
        return false;
    }
    queue.target.service.deadline_ms =
        now_ms(rotation) + (int64_t)wait_s * 1000 + RECEIVE_MARGIN_MS;
    return sqs_receive(&queue.target.service, sv_of(rotation->options.queue_url), wait_s,
                       take_message, rotation, &error, err);
}

/* At most one call's. What could not be deleted comes up again. */
static bool delete_some(struct rotation *rotation, struct queue *queue, struct err *err)
{
    struct receipts *deletable = &rotation->deletable;
    struct str_view handles[SQS_MESSAGES_MAX];
    struct service_error error;
    size_t some = deletable->count < SQS_MESSAGES_MAX ? deletable->count : SQS_MESSAGES_MAX;
    for (size_t i = 0; i < some; i++) {
        handles[i] = sv_of(deletable->all[i].handle);
    }
    queue->target.service.deadline_ms = now_ms(rotation) + DELETE_DEADLINE_MS;
    bool deleted = sqs_delete(&queue->target.service, sv_of(rotation->options.queue_url), handles,
                              some, &error, err);
    receipts_drop(deletable, some);
    return deleted;
}

static bool delete_messages(struct rotation *rotation, struct clients *clients, struct err *err)
{
    CLEANUP(queue_done) struct queue queue = {0};
    bool done = rotation->deletable.count == 0 || queue_open(&queue, rotation, clients, err);
    while (done && rotation->deletable.count > 0) {
        done = delete_some(rotation, &queue, err);
    }
    return done;
}

/* ---- looking at what has changed ---- */

/* By name, by ARN, and by ARN without the suffix that Secrets Manager gives it. */
static bool is_named(const struct pending_hint *hint, const char *key)
{
    struct str_view arn = sv_of(hint->arn);
    struct str_view wanted = sv_of(key);
    return (hint->name[0] && sv_is(wanted, hint->name)) || (arn.len && sv_equal(wanted, arn)) ||
           (arn.len > ARN_SUFFIX && hint->service == ENDPOINT_SECRETS_MANAGER &&
            sv_equal(wanted, sv_first(arn, arn.len - ARN_SUFFIX)));
}

/* One look at what has changed, for everybody who asks for it. */
struct look {
    struct rotation *rotation;
    struct clients *clients;
    const struct pending_hint *hint;
    int64_t began_ms;
    bool used;  /* somebody asks for it */
    bool seen;  /* everything that was read so far is what is expected */
    bool acted; /* so far for everybody who asks for it */
};

/* Reads it as the store does; what the same identity has read in this look will do. True when the
 * version is the one expected. */
static bool read_again(const struct look *look, const struct store *store,
                       const struct external_secret *external_secret, const char *key)
{
    CLEANUP(store_identity_done) struct store_identity identity = {0};
    struct reader_item item = {.key = sv_of(key)};
    struct err err;
    int64_t now = now_ms(look->rotation);
    const struct remote_request request = {.store = store,
                                           .namespace = external_secret->namespace,
                                           .since_ms = look->began_ms,
                                           .deadline_ms = now + LOOK_DEADLINE_MS};
    bool found = aws_reading_identity(look->clients, store, external_secret->namespace,
                                      request.deadline_ms, &identity, &err) &&
                 aws_reading_read(look->clients, &request, &identity, &item, 1, NULL, &err);
    const char *expected = look->hint->version;
    bool seen = found && (expected[0] == '\0' || strcmp(item.value.version, expected) == 0);
    remote_value_done(&item.value);
    return seen;
}

static bool serves(const struct store *store, const struct pending_hint *hint)
{
    enum store_provider provider =
        hint->service == ENDPOINT_SSM ? PROVIDER_AWS_PARAMETER_STORE : PROVIDER_AWS_SECRETS_MANAGER;
    return store && store->unsupported.len == 0 && store->provider == provider;
}

/* Whether one ExternalSecret asks a store for it. A version that it pins does not change, and tags
 * are no value. */
static bool look_for(struct look *look, const struct store *store,
                     const struct external_secret *external_secret, const struct plan *plan,
                     const struct plan_store *of_store)
{
    bool uses = false;
    for (size_t i = 0; i < of_store->read_count; i++) {
        const struct remote_read *read = &plan->reads[of_store->first_read + i];
        CLEANUP(mem_free_ptr) char *key = aws_reading_key(store, read->key);
        struct err ignored;
        if (read->version.len == 0 && !read->metadata && is_named(look->hint, key) &&
            (uses || plan_check(external_secret, &ignored) == PLAN_FINE)) {
            uses = true;
            look->seen &= read_again(look, store, external_secret, key);
        }
    }
    return uses;
}

/* As told, or as the ARN of a secret has it; empty: neither. */
static struct str_view name_of(const struct pending_hint *hint)
{
    struct str_view part = {0};
    struct str_view rest = sv_of(hint->arn);
    if (hint->name[0] || hint->service != ENDPOINT_SECRETS_MANAGER) {
        return sv_of(hint->name);
    }
    for (int i = 0; i < 6; i++) {
        if (!sv_split(&rest, ':', &part)) {
            return (struct str_view){0};
        }
    }
    return rest.len > ARN_SUFFIX ? sv_first(rest, rest.len - ARN_SUFFIX) : (struct str_view){0};
}

/* Whether a find may bring it. The event does not tell its tags: any may be those that are wanted.
 */
static bool may_find(const struct external_secret_data_from *from, const struct plan_find *find,
                     struct str_view name)
{
    bool matches = true;
    struct err ignored;
    return name.len > 0 && sv_starts_with(name, from->path) &&
           (!find->name || (regex_matches(find->name, name, NULL, &matches, &ignored) && matches));
}

/* Whether one ExternalSecret looks in a store for secrets by a pattern that fits it. */
static bool look_for_finds(struct look *look, const struct store *store,
                           const struct external_secret *external_secret, const struct plan *plan,
                           size_t of_store)
{
    struct str_view name = name_of(look->hint);
    CLEANUP(mem_free_ptr) char *whole = sv_dup(name);
    for (size_t i = 0; i < plan->find_count; i++) {
        const struct plan_find *find = &plan->finds[i];
        struct err ignored;
        if (find->store == of_store &&
            may_find(&external_secret->data_from[find->entry], find, name) &&
            plan_check(external_secret, &ignored) == PLAN_FINE) {
            look->seen &= read_again(look, store, external_secret, whole);
            return true;
        }
    }
    return false;
}

static bool look_through_store(struct look *look, const struct store *store,
                               const struct external_secret *external_secret,
                               const struct plan *plan, size_t of_store)
{
    bool by_name = look_for(look, store, external_secret, plan, &plan->stores[of_store]);
    bool by_pattern = look_for_finds(look, store, external_secret, plan, of_store);
    return by_name || by_pattern;
}

/* Once, or by a change of its own: what AWS has anew is not for it. */
static bool may_be_refreshed(const struct external_secret *external_secret)
{
    return external_secret->refresh_policy == REFRESH_PERIODIC &&
           external_secret->refresh_interval_ms > 0;
}

static bool look_through(struct look *look, const struct external_secret *external_secret)
{
    CLEANUP(plan_done) struct plan plan = {0};
    bool uses = false;
    plan_make(external_secret, &plan);
    for (size_t i = 0; i < plan.store_count; i++) {
        struct err ignored;
        struct store *store = NULL;
        (void)world_store_for(look->rotation->options.world, external_secret, &plan.stores[i].ref,
                              &store, &ignored);
        uses |=
            serves(store, look->hint) && look_through_store(look, store, external_secret, &plan, i);
        store_release(store);
    }
    return uses;
}

static void look_through_all(struct look *look)
{
    CLEANUP(world_list_done) struct world_list all = {0};
    const struct rotation_options *options = &look->rotation->options;
    world_external_secrets(options->world, &all);
    for (size_t i = 0; i < all.count && look->acted; i++) {
        const struct external_secret *one = all.items[i];
        if (may_be_refreshed(one) && look_through(look, one)) {
            look->used = true;
            look->acted = applier_remote_changed(options->applier, one->namespace, one->name);
        }
    }
}

/* False: it could not be acted on, and is as if it had not been looked at. */
static bool look_at(struct rotation *rotation, struct clients *clients, struct pending_hint *hint)
{
    struct look look = {
        .rotation = rotation, .clients = clients, .hint = hint, .seen = true, .acted = true};
    (void)value_cache_expire(aws_services_values(clients->options->aws), hint->service,
                             sv_of(hint->name), sv_of(hint->arn));
    look.began_ms = now_ms(rotation);
    look_through_all(&look);
    if (look.acted && pending_hint_looked(hint, look.seen, now_ms(rotation))) {
        count(rotation, !look.used ? "unused" : look.seen ? "refreshed" : "not_seen");
        rotation->waiting -= hint->receipts.count;
        receipts_move(&hint->receipts, &rotation->deletable);
    }
    return look.acted;
}

/* False: some are left, for when this replica may act again. */
static bool look_at_due(struct rotation *rotation, struct clients *clients)
{
    struct pending_hint *hint = NULL;
    while ((hint = pending_hints_due(&rotation->pending, now_ms(rotation)))) {
        if (!is_ready(rotation) || !look_at(rotation, clients, hint)) {
            return false;
        }
    }
    return true;
}

/* ---- the thread ---- */

/* How long to pause after a poll. */
static int64_t pause_after(struct rotation *rotation, bool done, const struct err *err)
{
    if (done) {
        rotation->failures = 0;
        return 0;
    }
    log_failure(rotation, err);
    return retry_delay_ms(&BACKOFF, rotation->failures++, retry_random(NULL), -1);
}

/* A poll waits for whole seconds, and some time passes before it is asked for. What is due sooner
 * is waited for here: polls that do not wait at all would follow one another until then, and each
 * is paid for. */
static int64_t until_due_ms(const struct rotation *rotation)
{
    int64_t next_ms = pending_hints_next_ms(&rotation->pending);
    int64_t left_ms = next_ms == INT64_MAX ? INT64_MAX : next_ms - now_ms(rotation);
    return left_ms > 0 && left_ms < SHORTEST_POLL_MS ? left_ms : 0;
}

/* How long to pause before the next poll. What could not be acted on is due all the time, so that
 * without a pause one poll would follow another. */
static int64_t poll_and_look(struct rotation *rotation, struct clients *clients)
{
    struct err err;
    bool done = receive(rotation, clients, &err);
    int64_t until_ms = look_at_due(rotation, clients) ? until_due_ms(rotation) : IDLE_MS;
    done = done && delete_messages(rotation, clients, &err);
    int64_t pause_ms = pause_after(rotation, done, &err);
    return pause_ms > 0 ? pause_ms : until_ms;
}

static void *run(void *argument)
{
    struct rotation *rotation = argument;
    struct clients *clients = clients_start((void *)rotation->options.clients);
    int64_t pause_ms = 0;
    while (!wait_until(rotation, now_ms(rotation) + pause_ms)) {
        pause_ms = is_ready(rotation) ? poll_and_look(rotation, clients) : IDLE_MS;
    }
    clients_stop(clients);
    return NULL;
}

/* That of the URL; a VPC endpoint's names none, then it is our own. */
static struct str_view region_of(const struct rotation *rotation)
{
    struct str_view region = {0};
    struct err ignored;
    return sqs_queue_region(sv_of(rotation->options.queue_url), &region, &ignored)
               ? region
               : aws_services_region(rotation->options.clients->aws);
}

void rotation_start(struct rotation *rotation)
{
    struct err err;
    if (!rotation->options.queue_url) {
        return;
    }
    rotation->region = sv_dup(region_of(rotation));
    if (rotation->region[0] == '\0') {
        err_set(&err, ERR_INVALID, "its URL names no region, and AWS_REGION is not set");
        log_failure(rotation, &err);
        return;
    }
    rotation->started = thread_start(&rotation->thread, "rotation", run, rotation);
}

void rotation_free(struct rotation *rotation)
{
    if (!rotation) {
        return;
    }
    pthread_mutex_lock(&rotation->mutex);
    rotation->stopping = true;
    pthread_cond_broadcast(&rotation->wake);
    pthread_mutex_unlock(&rotation->mutex);
    if (rotation->started) {
        pthread_join(rotation->thread, NULL);
    }
    pending_hints_done(&rotation->pending);
    receipts_done(&rotation->deletable);
    pthread_mutex_destroy(&rotation->mutex);
    pthread_cond_destroy(&rotation->wake);
    free(rotation->region);
    free(rotation);
}
