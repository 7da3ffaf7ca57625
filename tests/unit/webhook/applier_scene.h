/* SPDX-License-Identifier: Apache-2.0 */
/* An applier with one worker, for its tests: stores that answer as the test says, an API server
 * where no Secret is there (neighbours.h). What is defined here stands in for webhook/sources.c and
 * webhook/read_ahead.c. */
#ifndef TESTS_WEBHOOK_APPLIER_SCENE_H
#define TESTS_WEBHOOK_APPLIER_SCENE_H

#include <fcntl.h>

#include "neighbours.h"
#include "quoted_json.h"
#include "webhook/applier_internal.h"
#include "webhook/read_ahead.h"
#include "webhook/sources.h"

static struct fingerprint_keys keys;
static struct kube_config *config;
static struct clients_options client_options;
static struct metrics *metrics;
static struct world *world;
static struct workers *workers;
static struct applier *applier;
static struct log quiet;

/* What the stand-ins for webhook/sources.c and webhook/read_ahead.c saw. */
static struct {
    _Atomic enum err_kind failure;   /* of every read */
    void (*_Atomic meanwhile)(void); /* called in every read; NULL: nothing */
    atomic_uint reads;
    _Atomic int64_t since_ms; /* of the last read */
    atomic_uint ahead;
    atomic_size_t ahead_count; /* of the last one, as is how long it was given */
    _Atomic int64_t ahead_ms;
} seen;

/* What the applier is made with, and the clock that stands still but for scene_skip(): behind the
 * system's, which counts from the start of the machine, so that whoever waits until a time of it
 * looks again at once. */
struct scene_options {
    bool still;
    bool beside; /* the External Secrets Operator, which has no head start */
    size_t max_queued;
};

static atomic_llong scene_ms;
static const struct clock *scene_clock;

static inline int64_t scene_still_ms(void *context)
{
    (void)context;
    return atomic_load(&scene_ms);
}

static const struct clock scene_still = {.wall_ms = scene_still_ms, .monotonic_ms = scene_still_ms};

static inline void scene_skip(int64_t ms)
{
    atomic_fetch_add(&scene_ms, ms);
}

static inline bool read_all(void *context, const struct remote_request *request,
                            struct remote_read *reads, size_t count, struct err *err)
{
    enum err_kind failure = atomic_load(&seen.failure);
    void (*meanwhile)(void) = atomic_load(&seen.meanwhile);
    (void)context;
    atomic_store(&seen.since_ms, request->since_ms);
    for (size_t i = 0; i < count; i++) {
        secret_buf_init(&reads[i].value, 16);
        secret_buf_add(&reads[i].value, SV("v"));
    }
    if (meanwhile) {
        meanwhile();
    }
    atomic_fetch_add(&seen.reads, 1);
    return failure == ERR_NONE || err_set(err, failure, "as told");
}

struct secret_source sources_for(struct clients *clients)
{
    (void)clients;
    return (struct secret_source){.read = read_all};
}

void read_along(struct clients *clients, const struct external_secret *one, int64_t deadline_ms)
{
    (void)clients;
    (void)one;
    (void)deadline_ms;
}

void read_ahead(struct clients *clients, const struct external_secret *const *all, size_t count,
                int64_t deadline_ms, const struct reader_notice *notice)
{
    (void)clients;
    (void)all;
    (void)notice;
    atomic_store(&seen.ahead_count, count);
    atomic_store(&seen.ahead_ms, deadline_ms - clock_monotonic_ms(scene_clock));
    atomic_fetch_add(&seen.ahead, 1);
}

/* The store "store" of this controller; "": anybody's. */
static inline void put_store_of(const char *controller)
{
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'n','name':'store','uid':'u','resourceVersion':'1'},'spec':{"
        "'controller':'%s','provider':{'aws':{'service':'SecretsManager','region':"
        "'eu-central-1'}}}}",
        controller);
    struct store *store = NULL;
    struct err err = {0};
    ck_assert_msg(store_decode(json.root, false, &store, &err), "%s", err.message);
    world_put_store(world, store);
    json_text_done(&json);
}

/* As the watch would tell of it. */
static inline void put_decoded(struct json_text *json)
{
    struct external_secret *decoded = NULL;
    struct err err = {0};
    ck_assert_msg(external_secret_decode(json->root, &decoded, &err), "%s", err.message);
    (void)world_put_external_secret(world, decoded);
    json_text_done(json);
}

static inline void put_external_secret(const char *name, const char *target,
                                       const char *creation_policy)
{
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'n','name':'%s','uid':'u-%s','resourceVersion':'1',"
        "'generation':1},'spec':{'secretStoreRef':{'name':'store'},'refreshInterval':'1h',"
        "'target':{'name':'%s','creationPolicy':'%s'},"
        "'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]}}",
        name, name, target, creation_policy);
    put_decoded(&json);
}

static inline void carry_out_into(const char *name, const char *target)
{
    put_external_secret(name, target, "Owner");
    applier_external_secret_changed(applier, SV("n"), sv_of(name));
}

static inline void carry_out(const char *name)
{
    carry_out_into(name, name);
}

static inline void await(atomic_uint *counter, unsigned count)
{
    int64_t deadline = clock_monotonic_ms(clock_system()) + API_PATIENCE_MS;
    while (atomic_load(counter) < count) {
        ck_assert_int_lt(clock_monotonic_ms(clock_system()), deadline);
        sched_yield();
    }
}

/* The only worker is held. Looks follow one another: when what is gone has been looked at, which
 * ends its hurry, so has everything before. */
static inline void await_looks(void)
{
    const struct external_secret gone = {.namespace = SV("n"), .name = SV("gone")};
    int64_t deadline = clock_monotonic_ms(clock_system()) + API_PATIENCE_MS;
    scene_skip(1);
    ck_assert(applier_remote_changed(applier, gone.namespace, gone.name));
    while (progress_is_hurried(&applier->progress, &gone)) {
        ck_assert_int_lt(clock_monotonic_ms(clock_system()), deadline);
        sched_yield();
    }
}

static inline void scene_begin(const struct scene_options *options)
{
    const unsigned char installation_key[INSTALLATION_KEY_BYTES] = {5};
    fingerprint_keys_derive(installation_key, &keys);
    memset(&seen, 0, sizeof seen);
    atomic_store(&scene_ms, 1000);
    scene_clock = options->still ? &scene_still : clock_system();
    api_begin();
    pthread_mutex_lock(&api.mutex);
    api_set("GET", "/secrets/", 404, "{}");
    api_set("GET", "labelSelector=", 200, "{'metadata':{'resourceVersion':'1'},'items':[]}");
    api_set("PATCH", "/status?", 200, "{}");
    api_set("POST", "/secrets", 201,
            "{'metadata':{'namespace':'n','name':'x','uid':'u','resourceVersion':'2'}}");
    pthread_mutex_unlock(&api.mutex);
    quiet = (struct log){
        .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .level = LOG_ERROR, .clock = clock_system()};
    config = api_config();
    client_options = (struct clients_options){.config = config, .clock = scene_clock};
    metrics = metrics_new();
    world = world_new();
    world_set_keys(world, &keys);
    world_set_synced(world, WORLD_SECRETS, true);
    world_set_synced(world, WORLD_EXTERNAL_SECRETS, true);
    world_set_synced(world, WORLD_STORES, true);
    world_set_synced(world, WORLD_CLUSTER_STORES, true);
    put_store_of("");
    workers = workers_new(&(struct workers_options){.name = "test",
                                                    .max_threads = 1,
                                                    .max_queued = options->max_queued,
                                                    .thread_start = clients_start,
                                                    .thread_stop = clients_stop,
                                                    .context = &client_options});
    applier = applier_new(&(struct applier_options){.clock = scene_clock,
                                                    .log = &quiet,
                                                    .world = world,
                                                    .metrics = metrics,
                                                    .workers = workers,
                                                    .leader = &lease_holder,
                                                    .enabled = true,
                                                    .beside = options->beside});
    applier_start(applier);
}

static inline void scene_end(void)
{
    applier_stop(applier);
    workers_free(workers);
    applier_free(applier);
    world_free(world);
    metrics_free(metrics);
    kube_config_free(config);
    close(quiet.fd);
    api_end();
}

#endif
