/* SPDX-License-Identifier: Apache-2.0 */
/* For a reader: calls that play a script, can be held, and are written down; a clock that stands
 * still until it is told to go on; and threads that read, and can be held on their way to the
 * queue. Who waits is counted, so that a test
 * knows when everybody has come. */
#ifndef SCRIPTED_CALLS_H
#define SCRIPTED_CALLS_H

#include <stdatomic.h>

#include "aws/reader_internal.h"
#include "check_main.h"

enum {
    SCRIPT_CALLS = 256,
    SCRIPT_KEYS = 8,
    SCRIPT_KEY_BYTES = 48,
    SCRIPT_START_MS = 1000000,
    SCRIPT_POLL_MS = 2, /* real time after which who waits looks at the clock again */
};

struct scripted_call {
    char keys[SM_BATCH_MAX][SCRIPT_KEY_BYTES];
    size_t count;
    enum service_urgency urgency;
    int64_t deadline_ms;
    int64_t at_ms;
    const char *region;
};

/* How a key fares. */
struct scripted_key {
    const char *key;
    enum service_error_class single; /* SERVICE_OK: there */
    enum service_error_class batch;  /* as one of a batch */
    bool forgotten;                  /* in a batch neither there nor an error */
    bool spoils;                     /* a batch fails as a whole, with `single` */
};

static struct script {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    atomic_int_fast64_t now_ms;
    /* What is to happen. */
    bool held[SCRIPT_CALLS]; /* calls by their number that wait until they are released */
    const char *held_region; /* calls there wait as well */
    struct scripted_key keys[SCRIPT_KEYS];
    struct service_error batches; /* every batch fails like this */
    enum err_kind batches_kind;
    size_t fails;                 /* the call of this number, from 1, fails */
    enum service_error_class how; /* like this */
    bool patient;                 /* who waits is woken by others only */
    bool delays;                  /* who is delayed stays so */
    /* What has happened. */
    struct scripted_call calls[SCRIPT_CALLS];
    size_t count;
    size_t returned;
    int64_t wait_until_ms; /* as the last who began to wait was told */
    size_t waiting; /* threads that have come to wait and have neither left nor made a call */
    size_t delayed; /* threads that have looked at the cache and were held there */
} script;

static _Thread_local bool script_waits;
static _Thread_local bool script_delayed; /* at its next look at the reader's clock */

static inline void script_init(void)
{
    memset(&script, 0, sizeof script);
    mutex_init(&script.mutex);
    cond_init(&script.changed);
    script.now_ms = SCRIPT_START_MS;
}

static inline int64_t script_now(void *context)
{
    (void)context;
    return script.now_ms;
}

static const struct clock script_clock = {script_now, script_now, NULL};

/* The reader looks at it between the cache, which has its own, and the queue. */
static inline int64_t script_reader_now(void *context)
{
    if (script_delayed) {
        script_delayed = false;
        pthread_mutex_lock(&script.mutex);
        script.delayed++;
        pthread_cond_broadcast(&script.changed);
        while (script.delays) {
            pthread_cond_wait(&script.changed, &script.mutex);
        }
        pthread_mutex_unlock(&script.mutex);
    }
    return script_now(context);
}

static const struct clock script_reader_clock = {script_now, script_reader_now, NULL};

static inline void script_advance(int64_t ms)
{
    atomic_fetch_add(&script.now_ms, ms);
}

/* With the mutex. */
static inline void script_stop_waiting(void)
{
    if (script_waits) {
        script_waits = false;
        script.waiting--;
        pthread_cond_broadcast(&script.changed);
    }
}

static inline const struct scripted_key *script_find(struct str_view key)
{
    for (size_t i = 0; i < SCRIPT_KEYS; i++) {
        if (script.keys[i].key && sv_is(key, script.keys[i].key)) {
            return &script.keys[i];
        }
    }
    return NULL;
}

static inline struct service_error script_error(enum service_error_class class)
{
    struct service_error error = {.class = class, .request_id = "r-1"};
    error.status = class == SERVICE_TRANSPORT ? 0 : 400;
    error.retryable = read_error_passes(&error);
    (void)snprintf(error.code, sizeof error.code, "%s", service_error_class_name(class));
    return error;
}

/* Writes the call down and waits while it is held. False: it fails. With the mutex. */
static inline bool script_play(const struct service_target *target,
                               struct read_fetch *const *fetches, size_t count)
{
    ck_assert_uint_lt(script.count, SCRIPT_CALLS);
    script_stop_waiting();
    size_t number = script.count++;
    struct scripted_call *call = &script.calls[number];
    call->count = count;
    call->urgency = target->urgency;
    call->deadline_ms = target->deadline_ms;
    call->at_ms = script.now_ms;
    call->region = service_endpoint_address(target->endpoint)->region;
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(call->keys[i], SCRIPT_KEY_BYTES, "%.*s%s%.*s", SV_ARG(fetches[i]->key),
                       fetches[i]->version.len ? "@" : "", SV_ARG(fetches[i]->version));
    }
    pthread_cond_broadcast(&script.changed);
    while (script.held[number] ||
           (script.held_region && strcmp(script.held_region, call->region) == 0)) {
        pthread_cond_wait(&script.changed, &script.mutex);
    }
    script.returned++;
    return number + 1 != script.fails;
}

/* "value of KEY@VERSION for IDENTITY": the credentials' context is the name of the identity. */
static inline void script_value(const struct service_target *target, struct read_fetch *fetch)
{
    struct remote_value value = {.has_string = true};
    secret_buf_init(&value.string, 256);
    secret_buf_add(&value.string, SV("value of "));
    secret_buf_add(&value.string, fetch->key);
    secret_buf_add(&value.string, SV("@"));
    secret_buf_add(&value.string, fetch->version);
    secret_buf_add(&value.string, SV(" for "));
    secret_buf_add(&value.string, sv_of(target->credentials->context));
    (void)snprintf(value.version, sizeof value.version, "v1");
    remote_value_move(&fetch->value, &value);
}

static inline bool script_refuse(enum service_error_class class, struct service_error *error,
                                 struct err *err)
{
    *error = script_error(class);
    return service_error_report(error, err);
}

static inline bool script_single(void *context, enum endpoint_service service,
                                 const struct service_target *target, struct read_fetch *fetch)
{
    (void)context;
    (void)service;
    pthread_mutex_lock(&script.mutex);
    bool plays = script_play(target, &fetch, 1);
    const struct scripted_key *key = script_find(fetch->key);
    pthread_mutex_unlock(&script.mutex);
    if (!plays || (key && key->single != SERVICE_OK)) {
        return script_refuse(plays ? key->single : script.how, &fetch->error, &fetch->err);
    }
    script_value(target, fetch);
    return true;
}

static inline void script_item(const struct service_target *target, struct read_fetch *fetch)
{
    const struct scripted_key *key = script_find(fetch->key);
    if (key && key->batch != SERVICE_OK) {
        (void)script_refuse(key->batch, &fetch->error, &fetch->err);
    } else if (!key || !key->forgotten) {
        script_value(target, fetch);
    }
}

static inline bool script_batch(void *context, enum endpoint_service service,
                                const struct service_target *target,
                                struct read_fetch *const *fetches, size_t count,
                                struct service_error *error, struct err *err)
{
    (void)context;
    ck_assert_uint_ge(count, 2);
    ck_assert_uint_le(count, service == ENDPOINT_SSM ? SSM_BATCH_MAX : SM_BATCH_MAX);
    pthread_mutex_lock(&script.mutex);
    bool plays = script_play(target, fetches, count);
    pthread_mutex_unlock(&script.mutex);
    if (!plays) {
        return script_refuse(script.how, error, err);
    }
    if (script.batches.class != SERVICE_OK || script.batches_kind != ERR_NONE) {
        *error = script.batches;
        return script.batches_kind == ERR_NONE
                   ? service_error_report(error, err)
                   : err_set(err, script.batches_kind, "as the script says");
    }
    for (size_t i = 0; i < count; i++) {
        const struct scripted_key *key = script_find(fetches[i]->key);
        if (key && key->spoils) {
            return script_refuse(key->single, error, err);
        }
    }
    for (size_t i = 0; i < count; i++) {
        script_item(target, fetches[i]);
    }
    return true;
}

static inline void script_wait(void *context, pthread_cond_t *cond, pthread_mutex_t *mutex,
                               int64_t deadline_ms)
{
    (void)context;
    if (!script_waits) {
        pthread_mutex_lock(&script.mutex);
        script_waits = true;
        script.waiting++;
        script.wait_until_ms = deadline_ms;
        pthread_cond_broadcast(&script.changed);
        pthread_mutex_unlock(&script.mutex);
    }
    int64_t now_ms = clock_monotonic_ms(clock_system());
    cond_wait_until(cond, mutex, script.patient ? INT64_MAX : now_ms + SCRIPT_POLL_MS);
}

static const struct reader_calls scripted_calls = {script_single, script_batch, script_wait, NULL};

/* Waits until `*count`, one of the script's, is at least `wanted`. */
static inline void script_await(const size_t *count, size_t wanted)
{
    pthread_mutex_lock(&script.mutex);
    while (*count < wanted) {
        pthread_cond_wait(&script.changed, &script.mutex);
    }
    pthread_mutex_unlock(&script.mutex);
}

static inline void script_hold(size_t number)
{
    pthread_mutex_lock(&script.mutex);
    script.held[number] = true;
    pthread_mutex_unlock(&script.mutex);
}

static inline void script_release(size_t number)
{
    pthread_mutex_lock(&script.mutex);
    script.held[number] = false;
    pthread_cond_broadcast(&script.changed);
    pthread_mutex_unlock(&script.mutex);
}

static inline void script_end_delay(void)
{
    pthread_mutex_lock(&script.mutex);
    script.delays = false;
    pthread_cond_broadcast(&script.changed);
    pthread_mutex_unlock(&script.mutex);
}

static inline size_t script_count(const size_t *count)
{
    pthread_mutex_lock(&script.mutex);
    size_t now = *count;
    pthread_mutex_unlock(&script.mutex);
    return now;
}

/* Whether a call with exactly `count` values that has `key` among them was made `times` times. */
static inline size_t script_calls_with(const char *key, size_t count)
{
    size_t times = 0;
    for (size_t i = 0; i < script.count; i++) {
        for (size_t j = 0; j < script.calls[i].count && script.calls[i].count == count; j++) {
            times += strcmp(script.calls[i].keys[j], key) == 0;
        }
    }
    return times;
}

/* The world around a reader. */

struct reader_world {
    struct value_cache *cache;
    struct reader *reader;
    /* "eu-central-1", "us-east-1", and the first again at another address. */
    struct service_endpoint *regions[3];
    struct service_thread thread;
};

static inline uint32_t script_random(void *context)
{
    (void)context;
    return UINT32_MAX / 2;
}

static inline struct service_endpoint *endpoint_in(const char *region, const char *host)
{
    struct endpoint endpoint = {.signing_name = "secretsmanager"};
    (void)snprintf(endpoint.region, sizeof endpoint.region, "%s", region);
    (void)snprintf(endpoint.url, sizeof endpoint.url, "https://%s/", host);
    const struct service_observer nobody = {NULL, NULL, NULL};
    return service_endpoint_new(&endpoint, &nobody);
}

static inline void reader_world_init(struct reader_world *world, unsigned max_callers)
{
    script_init();
    world->cache = value_cache_new(&(struct value_cache_options){
        .clock = &script_clock,
        .random = script_random,
        .max_entries = 10000,
        .max_bytes = 64 * 1024 * 1024,
        .namespace_share = 100,
        .hard_ms = INT64_C(24) * 60 * 60 * 1000,
    });
    world->reader = reader_new_with_calls(&(struct reader_options){.clock = &script_reader_clock,
                                                                   .cache = world->cache,
                                                                   .max_callers = max_callers},
                                          &scripted_calls);
    world->regions[0] = endpoint_in("eu-central-1", "eu.aws.test");
    world->regions[1] = endpoint_in("us-east-1", "us.aws.test");
    world->regions[2] = endpoint_in("eu-central-1", "vpce.aws.test");
    world->thread = (struct service_thread){.clock = &script_clock};
}

static inline void reader_world_done(struct reader_world *world)
{
    reader_free(world->reader);
    value_cache_free(world->cache);
    for (size_t i = 0; i < ARRAY_LEN(world->regions); i++) {
        service_endpoint_free(world->regions[i]);
    }
}

static inline bool script_no_credentials(void *context, const struct credentials_request *request,
                                         struct credentials **ret, struct err *err)
{
    (void)context;
    (void)request;
    (void)ret;
    return err_set(err, ERR_MISSING, "nobody asks for them");
}

/* One who reads, on a thread of his own or not. Change `request` before he starts. */
struct caller {
    struct reader_world *world;
    char identity[16];
    struct credentials_source credentials;
    struct reader_request request;
    char keys[SM_BATCH_MAX * 2][SCRIPT_KEY_BYTES];
    struct reader_item items[SM_BATCH_MAX * 2];
    size_t count;
    bool delayed; /* between the cache and the queue, until script_end_delay() */
    pthread_t thread;
    bool ok;
    struct err err;
};

static inline void caller_init(struct caller *caller, struct reader_world *world,
                               const char *identity)
{
    *caller = (struct caller){.world = world};
    (void)snprintf(caller->identity, sizeof caller->identity, "%s", identity);
    caller->credentials = (struct credentials_source){script_no_credentials, caller->identity};
    caller->request = (struct reader_request){
        .thread = &world->thread,
        .service = ENDPOINT_SECRETS_MANAGER,
        .endpoint = world->regions[0],
        .credentials = &caller->credentials,
        .namespace = SV("shop"),
        .urgency = SERVICE_ADMISSION,
        .deadline_ms = script.now_ms + 8000,
        .since_ms = clock_since_ms(script.now_ms, 60000),
    };
    memcpy(caller->request.identity.bytes, caller->identity, sizeof caller->identity);
}

/* A value that is as old by now. */
static inline void caller_takes(struct caller *caller, int64_t age_ms)
{
    caller->request.since_ms = clock_since_ms(script.now_ms, age_ms);
}

static inline void caller_wants(struct caller *caller, const char *key, const char *version)
{
    size_t at = caller->count++;
    ck_assert_uint_lt(at, ARRAY_LEN(caller->items));
    (void)snprintf(caller->keys[at], SCRIPT_KEY_BYTES, "%s", key);
    caller->items[at].key = sv_of(caller->keys[at]);
    caller->items[at].version = sv_of(version);
}

static inline void caller_wants_numbers(struct caller *caller, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        char key[SCRIPT_KEY_BYTES];
        (void)snprintf(key, sizeof key, "k%zu", i);
        caller_wants(caller, key, "");
    }
}

static inline void caller_read(struct caller *caller)
{
    script_delayed = caller->delayed;
    caller->ok = reader_read(caller->world->reader, &caller->request, caller->items, caller->count,
                             &caller->err);
    pthread_mutex_lock(&script.mutex);
    script_stop_waiting();
    pthread_mutex_unlock(&script.mutex);
}

static inline void *caller_main(void *argument)
{
    caller_read(argument);
    return NULL;
}

static inline void caller_start(struct caller *caller)
{
    ck_assert_int_eq(pthread_create(&caller->thread, NULL, caller_main, caller), 0);
}

static inline void caller_join(struct caller *caller)
{
    ck_assert_int_eq(pthread_join(caller->thread, NULL), 0);
}

static inline void caller_done(struct caller *caller)
{
    for (size_t i = 0; i < caller->count; i++) {
        remote_value_done(&caller->items[i].value);
    }
}

/* The item has its value, which was asked for as `identity`, and no error. */
static inline void ck_item_there(const struct caller *caller, size_t at, const char *identity)
{
    const struct reader_item *item = &caller->items[at];
    struct str_view version = reader_version(caller->request.service, item->version);
    char wanted[128];
    (void)snprintf(wanted, sizeof wanted, "value of %.*s@%.*s for %s", SV_ARG(item->key),
                   SV_ARG(version), identity);
    ck_assert_msg(item->error.class == SERVICE_OK, "%.*s: %s", SV_ARG(item->key),
                  item->err.message);
    ck_assert_int_eq(item->err.kind, ERR_NONE);
    ck_assert(item->value.has_string);
    ck_assert_msg(sv_is(secret_buf_view(&item->value.string), wanted), "not: %s", wanted);
    ck_assert_str_eq(item->value.version, "v1");
}

static inline void ck_all_there(const struct caller *caller)
{
    ck_assert(caller->ok);
    for (size_t i = 0; i < caller->count; i++) {
        ck_item_there(caller, i, caller->identity);
    }
}

/* Its call, the first of all, stays under way until caller_end_slow(). */
static inline void caller_start_slow(struct caller *caller)
{
    script_hold(0);
    caller_start(caller);
    script_await(&script.count, 1);
}

static inline void caller_end_slow(struct caller *caller)
{
    script_release(0);
    caller_join(caller);
    ck_all_there(caller);
}

/* The item has a typed error, and nothing of a value. */
static inline void ck_item_failed(const struct caller *caller, size_t at,
                                  enum service_error_class class, enum err_kind kind)
{
    const struct reader_item *item = &caller->items[at];
    ck_assert_str_eq(service_error_class_name(item->error.class), service_error_class_name(class));
    ck_assert_str_eq(err_kind_name(item->err.kind), err_kind_name(kind));
    ck_assert_uint_gt(strlen(item->err.message), 0);
    ck_assert(!item->value.has_string && !item->value.has_binary);
    ck_assert_uint_eq(secret_buf_view(&item->value.string).len, 0);
    ck_assert_ptr_null(item->value.name);
    ck_assert_ptr_null(item->value.arn);
}

#endif
