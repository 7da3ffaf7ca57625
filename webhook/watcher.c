/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/watcher.h"

#include "base/limits.h"
#include "kube/watcher.h"
#include "webhook/thread.h"

enum {
    RUN_WAIT_MS = 1000,
    METRIC_BYTES = 64 * 1024,
};

struct feed;

/* One version of a resource: what its watch calls back with. */
struct source {
    struct feed *feed;
    bool begun_unseen; /* a list has begun, and nothing of it has been seen */
};

/* One resource and the table it fills. */
struct feed {
    struct watcher *watcher;
    enum world_table table;
    enum workload_kind kind; /* of a workload table */
    const struct kube_resource *resource;
    const struct kube_resource *older; /* watched where `resource` is not known; NULL: none */
    const char *field_selector;
    const char *label;
    bool only_with_stores;
    struct kube_watch *watch;
    struct kube_watch *older_watch;
    struct source newer_source;
    struct source older_source;
    bool newer_missing; /* the API server does not know `resource` */
    bool older_is_over; /* its watch goes after this round: not from within a handler */
    /* What is being listed means nothing (its digests are under another key): the table is not
     * known before the next list has begun and ended. */
    atomic_bool outdated;
};

struct watcher {
    struct watcher_options options;
    struct kube_watcher *watches;
    struct feed feeds[WORLD_TABLES];
    size_t feed_count;
    pthread_t thread;
    atomic_bool stopping;
    bool started;
};

static const struct feed FEEDS[] = {
    {.table = WORLD_SECRETS,
     .resource = &kube_secrets,
     /* Helm keeps its releases in Secrets: most Secret bytes of a cluster, of no use to any Pod. */
     .field_selector = "type!=helm.sh/release.v1",
     .label = "secrets"},
    {.table = WORLD_PODS,
     .resource = &kube_pods,
     .field_selector = "spec.nodeName=",
     .label = "pods"},
    {.table = WORLD_DEPLOYMENTS,
     .kind = KIND_DEPLOYMENT,
     .resource = &kube_deployments,
     .label = "deployments"},
    {.table = WORLD_STATEFUL_SETS,
     .kind = KIND_STATEFUL_SET,
     .resource = &kube_stateful_sets,
     .label = "statefulsets"},
    {.table = WORLD_DAEMON_SETS,
     .kind = KIND_DAEMON_SET,
     .resource = &kube_daemon_sets,
     .label = "daemonsets"},
    {.table = WORLD_EXTERNAL_SECRETS,
     .resource = &kube_external_secrets,
     .older = &kube_external_secrets_v1beta1,
     .label = "externalsecrets"},
    {.table = WORLD_STORES,
     .resource = &kube_secret_stores,
     .older = &kube_secret_stores_v1beta1,
     .label = "secretstores",
     .only_with_stores = true},
    {.table = WORLD_CLUSTER_STORES,
     .resource = &kube_cluster_secret_stores,
     .older = &kube_cluster_secret_stores_v1beta1,
     .label = "clustersecretstores",
     .only_with_stores = true},
    {.table = WORLD_NAMESPACES,
     .resource = &kube_namespaces,
     .label = "namespaces",
     .only_with_stores = true},
};

static void log_undecodable(const struct feed *feed, const struct json *object,
                            const struct err *err)
{
    const struct json *metadata = json_member(object, "metadata");
    struct log_line line = log_begin(feed->watcher->options.log, LOG_WARN, "object not readable");
    log_str(&line, "resource", sv_of(feed->label));
    log_str(&line, "namespace", json_string(json_member(metadata, "namespace")));
    log_str(&line, "name", json_string(json_member(metadata, "name")));
    log_err(&line, err);
    log_end(&line);
}

static void tell_own_secret(const struct feed *feed, const struct json *object, bool gone)
{
    const struct watcher_listener *listener = &feed->watcher->options.listener;
    const struct json *metadata = json_member(object, "metadata");
    if (json_string_is(json_member(metadata, "namespace"), feed->watcher->options.namespace)) {
        listener->own_secret(listener->context, json_string(json_member(metadata, "name")),
                             gone ? NULL : object);
    }
}

static void put_secret(struct feed *feed, const struct json *object)
{
    struct world *world = feed->watcher->options.world;
    const struct watcher_listener *listener = &feed->watcher->options.listener;
    struct fingerprint_keys keys;
    struct secret *secret = NULL;
    struct err err;
    tell_own_secret(feed, object, false);
    /* Without a key there are names, but no digests: hashes are unknown until one comes, and then
     * everything is listed again. */
    bool known = world_keys(world, &keys);
    bool decoded = secret_decode(object, known ? &keys.digest : NULL, &secret, &err);
    fingerprint_keys_wipe(&keys);
    if (!decoded) {
        const struct json *metadata = json_member(object, "metadata");
        log_undecodable(feed, object, &err);
        world_put_unreadable_secret(world, json_string(json_member(metadata, "namespace")),
                                    json_string(json_member(metadata, "name")));
        return;
    }
    struct secret *kept = secret_retain(secret);
    struct world_change change = world_put_secret(world, secret);
    listener->secret_changed(listener->context, kept->namespace, kept->name, change.changed);
    secret_release(kept);
}

static void put_pod(struct feed *feed, const struct json *object, bool created)
{
    const struct watcher_listener *listener = &feed->watcher->options.listener;
    struct pod *pod = NULL;
    struct err err;
    if (!pod_decode(object, &pod, &err)) {
        log_undecodable(feed, object, &err);
        return;
    }
    struct pod *kept = pod_retain(pod);
    world_put_pod(feed->watcher->options.world, pod);
    listener->pod_changed(listener->context, kept, created);
    pod_release(kept);
}

static void put_workload(struct feed *feed, const struct json *object)
{
    const struct watcher_listener *listener = &feed->watcher->options.listener;
    struct workload *workload = NULL;
    struct err err;
    if (!workload_decode(object, feed->kind, &workload, &err)) {
        log_undecodable(feed, object, &err);
        return;
    }
    struct workload *kept = workload_retain(workload);
    struct world_change change = world_put_workload(feed->watcher->options.world, workload);
    if (change.changed) {
        listener->workload_changed(listener->context, kept);
    }
    workload_release(kept);
}

static void put_external_secret(struct feed *feed, const struct json *object)
{
    const struct watcher_listener *listener = &feed->watcher->options.listener;
    struct external_secret *decoded = NULL;
    struct err err;
    if (!external_secret_decode(object, &decoded, &err)) {
        log_undecodable(feed, object, &err);
        return;
    }
    struct external_secret *kept = external_secret_retain(decoded);
    (void)world_put_external_secret(feed->watcher->options.world, decoded);
    listener->external_secret_changed(listener->context, kept->namespace, kept->name);
    external_secret_release(kept);
}

/* Of whom somebody is admitted by what it says, no older version may stand for it. */
static void forget_object(struct feed *feed, const struct json *object)
{
    const struct json *metadata = json_member(object, "metadata");
    bool scoped = feed->table == WORLD_STORES;
    (void)world_erase(feed->watcher->options.world, feed->table,
                      scoped ? json_string(json_member(metadata, "namespace")) : SV(""),
                      json_string(json_member(metadata, "name")));
}

static void put_namespace(struct feed *feed, const struct json *object)
{
    const struct watcher_listener *listener = &feed->watcher->options.listener;
    struct namespace *decoded = NULL;
    struct err err;
    if (!namespace_decode(object, &decoded, &err)) {
        log_undecodable(feed, object, &err);
        forget_object(feed, object);
        return;
    }
    struct namespace *kept = namespace_retain(decoded);
    if (world_put_namespace(feed->watcher->options.world, decoded).changed) {
        listener->namespace_changed(listener->context, kept->name);
    }
    namespace_release(kept);
}

static void put_store(struct feed *feed, const struct json *object)
{
    const struct watcher_listener *listener = &feed->watcher->options.listener;
    bool cluster = feed->table == WORLD_CLUSTER_STORES;
    struct store *decoded = NULL;
    struct err err;
    if (!store_decode(object, cluster, &decoded, &err)) {
        log_undecodable(feed, object, &err);
        forget_object(feed, object);
        return;
    }
    struct store *kept = store_retain(decoded);
    world_put_store(feed->watcher->options.world, decoded);
    listener->store_changed(listener->context, cluster, kept->namespace, kept->name);
    store_release(kept);
}

static void put(struct feed *feed, const struct json *object, bool created)
{
    switch (feed->table) {
    case WORLD_SECRETS:
        put_secret(feed, object);
        break;
    case WORLD_PODS:
        put_pod(feed, object, created);
        break;
    case WORLD_DEPLOYMENTS:
    case WORLD_STATEFUL_SETS:
    case WORLD_DAEMON_SETS:
        put_workload(feed, object);
        break;
    case WORLD_EXTERNAL_SECRETS:
        put_external_secret(feed, object);
        break;
    case WORLD_STORES:
    case WORLD_CLUSTER_STORES:
        put_store(feed, object);
        break;
    case WORLD_NAMESPACES:
        put_namespace(feed, object);
        break;
    case WORLD_TABLES:
        break;
    }
}

/* After the record is gone from the world. */
static void tell_gone(void *context, struct str_view namespace, struct str_view name)
{
    struct feed *feed = context;
    const struct watcher_listener *listener = &feed->watcher->options.listener;
    if (feed->table == WORLD_SECRETS) {
        listener->secret_changed(listener->context, namespace, name, true);
        if (sv_is(namespace, feed->watcher->options.namespace)) {
            listener->own_secret(listener->context, name, NULL);
        }
    } else if (feed->table == WORLD_EXTERNAL_SECRETS) {
        listener->external_secret_changed(listener->context, namespace, name);
    }
}

static void erase(struct feed *feed, struct str_view namespace, struct str_view name)
{
    if (world_erase(feed->watcher->options.world, feed->table, namespace, name)) {
        tell_gone(feed, namespace, name);
    }
}

static void begin(struct source *source)
{
    source->begun_unseen = false;
    world_relist_begin(source->feed->watcher->options.world, source->feed->table);
}

/* Every half minute a list of the newer version begins, only to find that there is none. The older
 * one's may be on its way then, and what it has told so far is not to be forgotten. */
static void on_relist_begin(void *context)
{
    struct source *source = context;
    struct feed *feed = source->feed;
    atomic_store(&feed->outdated, false);
    if (source == &feed->newer_source && feed->newer_missing) {
        source->begun_unseen = true;
    } else {
        begin(source);
    }
}

static void on_object(void *context, enum kube_watch_event event, const struct json *object)
{
    struct source *source = context;
    struct feed *feed = source->feed;
    if (source->begun_unseen) {
        begin(source);
    }
    if (event == KUBE_WATCH_DELETED) {
        const struct json *metadata = json_member(object, "metadata");
        erase(feed, json_string(json_member(metadata, "namespace")),
              json_string(json_member(metadata, "name")));
    } else {
        put(feed, object, event == KUBE_WATCH_ADDED);
    }
}

static bool admits_somebody(enum world_table table)
{
    return table == WORLD_STORES || table == WORLD_CLUSTER_STORES || table == WORLD_NAMESPACES;
}

static void on_unreadable(void *context, enum kube_watch_event event, struct str_view namespace,
                          struct str_view name)
{
    struct source *source = context;
    struct feed *feed = source->feed;
    struct err err;
    if (source->begun_unseen) {
        begin(source);
    }
    err_set(&err, ERR_TOO_BIG, "over the limit of %d bytes for one object", LIMIT_ELEMENT_BYTES);
    struct log_line line = log_begin(feed->watcher->options.log, LOG_WARN, "object not readable");
    log_str(&line, "resource", sv_of(feed->label));
    log_str(&line, "namespace", namespace);
    log_str(&line, "name", name);
    log_err(&line, &err);
    log_end(&line);
    if (event == KUBE_WATCH_DELETED || admits_somebody(feed->table)) {
        erase(feed, namespace, name);
    } else if (feed->table == WORLD_SECRETS && name.len) {
        world_put_unreadable_secret(feed->watcher->options.world, namespace, name);
    }
}

static void set_synced(struct feed *feed, bool synced)
{
    const struct watcher_listener *listener = &feed->watcher->options.listener;
    bool known = synced && !atomic_load(&feed->outdated);
    world_set_synced(feed->watcher->options.world, feed->table, known);
    listener->synced(listener->context);
}

static void on_relist_end(void *context)
{
    struct source *source = context;
    struct feed *feed = source->feed;
    if (source->begun_unseen) {
        begin(source);
    }
    world_relist_end(feed->watcher->options.world, feed->table, tell_gone, feed);
    set_synced(feed, true);
}

static void forget_table(struct feed *feed)
{
    world_relist_begin(feed->watcher->options.world, feed->table);
    world_relist_end(feed->watcher->options.world, feed->table, tell_gone, feed);
}

static const struct kube_watch_handlers HANDLERS;

static struct kube_watch *add_watch(struct source *source, const struct kube_resource *resource);

static void log_state(const struct feed *feed, enum kube_watch_sync state, const char *reason)
{
    struct log_line line = log_begin(
        feed->watcher->options.log,
        state == KUBE_WATCH_SYNCED || state == KUBE_WATCH_NO_KIND ? LOG_INFO : LOG_WARN, "watch");
    log_str(&line, "resource", sv_of(feed->label));
    log_str(&line, "state", sv_of(kube_watch_state_name(state)));
    log_str(&line, "reason", sv_of(reason));
    log_end(&line);
}

/* No such kind in either version: there are no objects of it, and that is known. */
static void on_no_kind(struct feed *feed)
{
    if (feed->older && !feed->newer_missing) {
        feed->newer_missing = true;
        feed->older_is_over = false;
        if (!feed->older_watch) {
            feed->older_watch = add_watch(&feed->older_source, feed->older);
        }
        return;
    }
    if (!feed->older || kube_watch_state(feed->older_watch) == KUBE_WATCH_NO_KIND) {
        forget_table(feed);
        set_synced(feed, true);
    }
}

static void take_state(struct feed *feed, enum kube_watch_sync state)
{
    if (state == KUBE_WATCH_NO_KIND) {
        on_no_kind(feed);
        return;
    }
    if (feed->older_watch && kube_watch_state(feed->watch) == KUBE_WATCH_SYNCED) {
        /* The newer version was installed meanwhile: one watch is enough. */
        feed->older_is_over = true;
        feed->newer_missing = false;
    }
    set_synced(feed, state == KUBE_WATCH_SYNCED);
}

/* What is logged is so already. */
static void on_state(void *context, enum kube_watch_sync state, const char *reason)
{
    struct feed *feed = ((struct source *)context)->feed;
    take_state(feed, state);
    log_state(feed, state, reason);
}

static const struct kube_watch_handlers HANDLERS = {
    .relist_begin = on_relist_begin,
    .object = on_object,
    .unreadable = on_unreadable,
    .relist_end = on_relist_end,
    .state = on_state,
};

static struct kube_watch *add_watch(struct source *source, const struct kube_resource *resource)
{
    const struct feed *feed = source->feed;
    const struct kube_watch_options options = {
        .target = {.resource = resource},
        .field_selector = feed->field_selector,
        .label = feed->label,
    };
    return kube_watcher_add(feed->watcher->watches, &options, &HANDLERS, source);
}

struct watcher *watcher_new(const struct watcher_options *options)
{
    struct watcher *watcher = mem_alloc(sizeof *watcher);
    watcher->options = *options;
    watcher->watches = kube_watcher_new(options->config, options->clock);
    atomic_init(&watcher->stopping, false);
    for (size_t i = 0; i < ARRAY_LEN(FEEDS); i++) {
        if (FEEDS[i].only_with_stores && !options->stores) {
            continue;
        }
        struct feed *feed = &watcher->feeds[watcher->feed_count++];
        *feed = FEEDS[i];
        feed->watcher = watcher;
        feed->newer_source.feed = feed;
        feed->older_source.feed = feed;
        feed->watch = add_watch(&feed->newer_source, feed->resource);
    }
    return watcher;
}

static void retire_older(struct watcher *watcher)
{
    for (size_t i = 0; i < watcher->feed_count; i++) {
        struct feed *feed = &watcher->feeds[i];
        if (feed->older_is_over) {
            kube_watcher_remove(watcher->watches, feed->older_watch);
            feed->older_watch = NULL;
            feed->older_is_over = false;
        }
    }
}

static void *watcher_main(void *argument)
{
    struct watcher *watcher = argument;
    while (!atomic_load(&watcher->stopping)) {
        kube_watcher_run_once(watcher->watches, RUN_WAIT_MS);
        retire_older(watcher);
    }
    return NULL;
}

void watcher_start(struct watcher *watcher)
{
    if (!thread_start(&watcher->thread, "watcher", watcher_main, watcher)) {
        abort();
    }
    watcher->started = true;
}

void watcher_relist_secrets(struct watcher *watcher)
{
    atomic_store(&watcher->feeds[0].outdated, true);
    kube_watcher_relist(watcher->watches, watcher->feeds[0].watch);
}

static bool is_of_external_secrets(enum world_table table)
{
    return table == WORLD_EXTERNAL_SECRETS || table == WORLD_STORES ||
           table == WORLD_CLUSTER_STORES || table == WORLD_NAMESPACES;
}

static bool are_synced(const struct watcher *watcher, bool external_secrets_too)
{
    for (size_t i = 0; i < watcher->feed_count; i++) {
        enum world_table table = watcher->feeds[i].table;
        if ((external_secrets_too || !is_of_external_secrets(table)) &&
            !world_is_synced(watcher->options.world, table)) {
            return false;
        }
    }
    return true;
}

bool watcher_is_synced(const struct watcher *watcher)
{
    return are_synced(watcher, true);
}

bool watcher_knows_workloads(const struct watcher *watcher)
{
    return are_synced(watcher, false);
}

void watcher_write_metrics(struct watcher *watcher, struct buf *out)
{
    buf_add_str(out, "# HELP keyturn_watch_synced Whether the resource is known completely.\n"
                     "# TYPE keyturn_watch_synced gauge\n");
    for (size_t i = 0; i < watcher->feed_count; i++) {
        const struct feed *feed = &watcher->feeds[i];
        buf_printf(out, "keyturn_watch_synced{resource=\"%s\"} %d\n", feed->label,
                   world_is_synced(watcher->options.world, feed->table));
    }
    buf_add_str(out, "# HELP keyturn_watch_restarts_total Watches that broke off.\n"
                     "# TYPE keyturn_watch_restarts_total counter\n");
    for (size_t i = 0; i < watcher->feed_count; i++) {
        const struct kube_watch_counters *counters = kube_watch_counters(watcher->feeds[i].watch);
        buf_printf(out, "keyturn_watch_restarts_total{resource=\"%s\"} %llu\n",
                   watcher->feeds[i].label, (unsigned long long)atomic_load(&counters->restarts));
    }
    buf_add_str(out, "# HELP keyturn_watch_bytes_total Bytes received by lists and watches.\n"
                     "# TYPE keyturn_watch_bytes_total counter\n");
    for (size_t i = 0; i < watcher->feed_count; i++) {
        const struct kube_watch_counters *counters = kube_watch_counters(watcher->feeds[i].watch);
        buf_printf(out, "keyturn_watch_bytes_total{resource=\"%s\"} %llu\n",
                   watcher->feeds[i].label, (unsigned long long)atomic_load(&counters->bytes));
    }
}

void watcher_free(struct watcher *watcher)
{
    if (!watcher) {
        return;
    }
    atomic_store(&watcher->stopping, true);
    kube_watcher_wake(watcher->watches);
    if (watcher->started) {
        pthread_join(watcher->thread, NULL);
    }
    kube_watcher_free(watcher->watches);
    free(watcher);
}
