/* SPDX-License-Identifier: Apache-2.0 */
/* One look at a workload, top to bottom: look() reads the workload, evidence.c gathers Secrets and
 * Pods, judge_all() says what each Pod is, and the outcome is one roll, some stamps, or nothing. */
#include "webhook/roller.h"

#include "base/encode.h"
#include "base/limits.h"
#include "kube/client.h"
#include "rollout/staleness.h"
#include "webhook/agenda.h"
#include "webhook/clients.h"
#include "webhook/evidence.h"
#include "webhook/thread.h"

enum {
    CALL_DEADLINE_MS = 10000,
    UNKNOWN_DELAY_MS = 30000,
    FAILURE_DELAY_MS = 5000,
    /* Somebody has to do something: permissions, another's webhook. */
    REFUSED_DELAY_MS = 60000,
    CONFLICT_DELAY_MS = 500,
    FULL_COMPARE_MS = 10 * 60 * 1000,
    /* Adoption is paced: so many Pods a second. */
    ADOPTIONS_PER_SECOND = 10,
    ADOPTION_PAUSE_MS = 1000,
    BIRTH_MEMORY_MS = 60 * 1000,
    BIRTH_CEILING = 100000,
    PATCH_BYTES = 1024,
};

static const char FULL_COMPARE[] = "*";

struct birth {
    uint64_t resource_version;
    int64_t seen_ms;
};

struct roller {
    struct roller_options options;
    struct clients_options client_options;
    struct clients *clients; /* of the agenda's thread */
    struct agenda *agenda;
    struct metric *rolls;
    struct metric *evaluations;
    pthread_mutex_t mutex;
    struct table births;     /* Pod uid -> struct birth; guarded */
    struct table stale;      /* workload key -> size_t *; guarded */
    int64_t adoption_second; /* the agenda's thread only, as is the next */
    unsigned adoptions;
};

static void look(void *context, const char *key);

struct roller *roller_new(const struct roller_options *options)
{
    static const char *const kinds[] = {"kind", NULL};
    static const char *const results[] = {"result", NULL};
    struct roller *roller = mem_alloc(sizeof *roller);
    roller->options = *options;
    roller->client_options =
        (struct clients_options){.config = options->config, .clock = options->clock};
    mutex_init(&roller->mutex);
    table_init(&roller->births, free);
    table_init(&roller->stale, free);
    roller->agenda = agenda_new(&(struct agenda_options){.name = "roller",
                                                         .clock = options->clock,
                                                         .debounce_ms = options->debounce_ms,
                                                         .max_wait_ms = options->max_wait_ms,
                                                         .look = look,
                                                         .context = roller});
    roller->rolls = metrics_counter(options->metrics, "keyturn_rolls_total",
                                    "Workloads rolled for a changed Secret.", kinds);
    roller->evaluations =
        metrics_counter(options->metrics, "keyturn_evaluations_total",
                        "Looks at a workload after a change, by what was found.", results);
    return roller;
}

void roller_start(struct roller *roller)
{
    agenda_look_in(roller->agenda, sv_of(FULL_COMPARE), FULL_COMPARE_MS);
    agenda_start(roller->agenda);
}

void roller_free(struct roller *roller)
{
    if (!roller) {
        return;
    }
    agenda_free(roller->agenda);
    clients_stop(roller->clients);
    table_done(&roller->births);
    table_done(&roller->stale);
    pthread_mutex_destroy(&roller->mutex);
    free(roller);
}

/* "Deployment/namespace/name" */
static void write_key(struct buf *out, const struct workload *workload)
{
    buf_init(out, 2 * LIMIT_NAME_BYTES + 32);
    buf_printf(out, "%s/%.*s/%.*s", kind_of(workload->kind)->name, SV_ARG(workload->namespace),
               SV_ARG(workload->name));
}

static void touch(struct roller *roller, const struct workload *workload)
{
    CLEANUP(buf_done) struct buf key = {0};
    if (policy_for(roller->options.policy, workload->namespace).mode == MODE_OFF) {
        return;
    }
    write_key(&key, workload);
    agenda_touch(roller->agenda, buf_view(&key));
}

void roller_secret_changed(struct roller *roller, struct str_view namespace, struct str_view name)
{
    CLEANUP(world_list_done) struct world_list workloads = {0};
    world_workloads_of(roller->options.world, namespace, name, &workloads);
    for (size_t i = 0; i < workloads.count; i++) {
        touch(roller, workloads.items[i]);
    }
}

void roller_workload_changed(struct roller *roller, const struct workload *workload)
{
    if (workload->refs.count) {
        touch(roller, workload);
    }
}

void roller_look_at_all(struct roller *roller)
{
    CLEANUP(world_list_done) struct world_list workloads = {0};
    world_workloads(roller->options.world, &workloads);
    for (size_t i = 0; i < workloads.count; i++) {
        roller_workload_changed(roller, workloads.items[i]);
    }
}

/* Holds the mutex. */
static void forget_old_births(struct roller *roller, int64_t now_ms)
{
    struct table kept;
    size_t position = 0;
    struct str_view uid;
    void *value = NULL;
    table_init(&kept, free);
    while (table_next(&roller->births, &position, &uid, &value)) {
        const struct birth *birth = value;
        if (now_ms - birth->seen_ms < BIRTH_MEMORY_MS) {
            table_put(&kept, uid, mem_dup(birth, sizeof *birth));
        }
    }
    table_done(&roller->births);
    roller->births = kept;
}

void roller_pod_created(struct roller *roller, const struct pod *pod)
{
    uint64_t version = 0;
    if (!sv_to_u64(pod->resource_version, &version)) {
        return;
    }
    int64_t now = clock_monotonic_ms(roller->options.clock);
    struct birth *birth = mem_alloc(sizeof *birth);
    *birth = (struct birth){.resource_version = version, .seen_ms = now};
    pthread_mutex_lock(&roller->mutex);
    if (roller->births.count >= BIRTH_CEILING) {
        forget_old_births(roller, now);
    }
    table_put(&roller->births, pod->uid, birth);
    pthread_mutex_unlock(&roller->mutex);
}

static uint64_t birth_of(struct roller *roller, struct str_view uid)
{
    uint64_t version = 0;
    pthread_mutex_lock(&roller->mutex);
    const struct birth *birth = table_get(&roller->births, uid);
    int64_t now = clock_monotonic_ms(roller->options.clock);
    if (birth && now - birth->seen_ms < BIRTH_MEMORY_MS) {
        version = birth->resource_version;
    }
    pthread_mutex_unlock(&roller->mutex);
    return version;
}

/* Holds the mutex. */
static void forget_all_stale(struct roller *roller)
{
    table_done(&roller->stale);
    table_init(&roller->stale, free);
}

size_t roller_stale_pods(struct roller *roller)
{
    bool leads = leader_leads(roller->options.leader);
    size_t total = 0;
    size_t position = 0;
    struct str_view key;
    void *value = NULL;
    pthread_mutex_lock(&roller->mutex);
    if (!leads) {
        /* What this replica saw while it led is the next leader's to say. */
        forget_all_stale(roller);
    }
    while (table_next(&roller->stale, &position, &key, &value)) {
        total += *(const size_t *)value;
    }
    pthread_mutex_unlock(&roller->mutex);
    return total;
}

static void note_stale(struct roller *roller, const char *key, size_t count)
{
    pthread_mutex_lock(&roller->mutex);
    if (count) {
        table_put(&roller->stale, sv_of(key), mem_dup(&count, sizeof count));
    } else {
        (void)table_erase(&roller->stale, sv_of(key));
    }
    pthread_mutex_unlock(&roller->mutex);
}

static void note_evaluated(struct roller *roller, const char *key, const char *result, size_t pods,
                           const struct err *err)
{
    const char *const values[] = {result};
    metric_add(roller->evaluations, values, 1);
    struct log_line line = log_begin(roller->options.log, LOG_INFO, "evaluated");
    log_str(&line, "workload", sv_of(key));
    log_str(&line, "result", sv_of(result));
    log_int(&line, "pods", (int64_t)pods);
    if (err) {
        log_err(&line, err);
    }
    log_end(&line);
}

static int64_t call_deadline(const struct roller *roller)
{
    return clock_monotonic_ms(roller->options.clock) + CALL_DEADLINE_MS;
}

/* True when this second still has room; false: come back later. */
static bool may_adopt(struct roller *roller)
{
    int64_t second = clock_monotonic_ms(roller->options.clock) / 1000;
    if (second != roller->adoption_second) {
        roller->adoption_second = second;
        roller->adoptions = 0;
    }
    return roller->adoptions++ < ADOPTIONS_PER_SECOND;
}

/* Metadata only, under the resourceVersion that was judged; a Pod that changed is judged again. */
static bool stamp_pod(struct roller *roller, const struct workload *workload,
                      const struct evidence_pod *pod, struct str_view stamp)
{
    CLEANUP(buf_done) struct buf body;
    CLEANUP(kube_response_done) struct kube_response response = {0};
    struct err err;
    const struct kube_target target = {
        .resource = &kube_pods, .namespace = workload->namespace, .name = sv_of(pod->name)};
    buf_init(&body, PATCH_BYTES);
    buf_add_str(&body, "{\"metadata\":{\"resourceVersion\":");
    encode_json_string(&body, sv_of(pod->resource_version));
    buf_add_str(&body, ",\"annotations\":{\"keyturn.io/secrets-hash\":");
    encode_json_string(&body, stamp);
    buf_add_str(&body, "}}}");
    return leader_leads(roller->options.leader) &&
           (kube_patch(&roller->clients->kube, &target, KUBE_PATCH_MERGE, SV("keyturn"),
                       buf_view(&body), call_deadline(roller), &response, &err) ||
            err.kind == ERR_MISSING);
}

struct outcome {
    size_t stale;
    size_t fresh;
    size_t stamped;
    bool paced;                             /* some stamps have to wait for the next second */
    bool failed;                            /* some stamps could not be written */
    const struct evidence_revision *wanted; /* NULL: nothing may roll now */
};

static void judge_pod(struct roller *roller, const struct evidence *evidence,
                      const struct evidence_pod *pod, struct outcome *outcome)
{
    const struct evidence_revision *revision = pod->revision;
    if (revision->result != FINGERPRINT_OK) {
        return;
    }
    const struct staleness_now now = {
        .keys = evidence->keys,
        .marker = evidence->workload->marker,
        .hash = sv_of(revision->hash),
        .wanted = outcome->wanted ? sv_of(outcome->wanted->hash) : SV(""),
        .secrets_written_ms = revision->secrets_written_ms,
        .secrets_resource_version = revision->secrets_resource_version,
    };
    const struct staleness_pod about = {
        .stamp = sv_of(pod->stamp),
        .created_ms = pod->created_ms,
        .first_seen_resource_version = birth_of(roller, sv_of(pod->uid)),
    };
    struct str_view stamp = {0};
    switch (staleness_judge(&now, &about, &stamp)) {
    case POD_FRESH:
    case POD_SUPERSEDED:
        outcome->fresh++;
        break;
    case POD_STALE:
        outcome->stale++;
        break;
    case POD_RESTAMP:
    case POD_ADOPT:
        if (!may_adopt(roller)) {
            outcome->paced = true;
        } else if (stamp_pod(roller, evidence->workload, pod, stamp)) {
            outcome->stamped++;
        } else {
            outcome->failed = true;
        }
        break;
    }
}

static void report_roll(struct roller *roller, const struct workload *workload, const char *to)
{
    const struct kind_info *kind = kind_of(workload->kind);
    const char *const values[] = {kind->name};
    metric_add(roller->rolls, values, 1);
    struct log_line line = log_begin(roller->options.log, LOG_INFO, "roll");
    log_str(&line, "kind", sv_of(kind->name));
    log_str(&line, "namespace", workload->namespace);
    log_str(&line, "workload", workload->name);
    log_str(&line, "from", workload->marker);
    log_str(&line, "to", sv_of(to));
    log_end(&line);
    const struct kube_event event = {
        .api_version = "apps/v1",
        .kind = kind->name,
        .namespace = workload->namespace,
        .name = workload->name,
        .uid = workload->uid,
        .reason = "RolledForSecret",
        .message = SV("A Secret that the Pods use has changed: rolling out"),
    };
    reporter_post(roller->options.reporter, &event);
}

/* One annotation, under the resourceVersion that was read: a second leader's patch is a conflict.
 */
static bool roll(struct roller *roller, const struct workload *workload, const char *to,
                 struct err *err)
{
    CLEANUP(buf_done) struct buf body;
    CLEANUP(kube_response_done) struct kube_response response = {0};
    const struct kube_target target = {.resource = evidence_resource(workload->kind),
                                       .namespace = workload->namespace,
                                       .name = workload->name};
    buf_init(&body, PATCH_BYTES);
    buf_add_str(&body, "{\"metadata\":{\"resourceVersion\":");
    encode_json_string(&body, workload->resource_version);
    buf_printf(&body,
               "},\"spec\":{\"template\":{\"metadata\":{\"annotations\":"
               "{\"keyturn.io/rollout-hash\":\"%s\"}}}}}",
               to);
    if (!leader_leads(roller->options.leader)) {
        return err_set(err, ERR_CONFLICT, "no longer the leader");
    }
    if (!kube_patch(&roller->clients->kube, &target, KUBE_PATCH_MERGE, SV("keyturn"),
                    buf_view(&body), call_deadline(roller), &response, err)) {
        return false;
    }
    report_roll(roller, workload, to);
    return true;
}

static void again(struct roller *roller, const char *key, int64_t delay_ms)
{
    agenda_look_in(roller->agenda, sv_of(key), delay_ms);
}

static void roll_stale(struct roller *roller, const char *key, const struct evidence *evidence,
                       const struct outcome *outcome)
{
    struct err err;
    if (roll(roller, evidence->workload, outcome->wanted->hash, &err)) {
        note_stale(roller, key, 0);
        return;
    }
    struct log_line line = log_begin(roller->options.log, LOG_WARN, "not rolled");
    log_str(&line, "workload", sv_of(key));
    log_err(&line, &err);
    log_end(&line);
    again(roller, key,
          err.kind == ERR_CONFLICT ? CONFLICT_DELAY_MS
          : err.retryable          ? FAILURE_DELAY_MS
                                   : REFUSED_DELAY_MS);
}

static void judge_all(struct roller *roller, const char *key, const struct evidence *evidence)
{
    struct outcome outcome = {.wanted = evidence_wanted(evidence)};
    for (size_t i = 0; i < evidence->pod_count; i++) {
        judge_pod(roller, evidence, &evidence->pods[i], &outcome);
    }
    bool rolls = outcome.stale && outcome.wanted;
    const char *result = rolls               ? "stale"
                         : outcome.stamped   ? "adopted"
                         : evidence->missing ? "missing"
                         : evidence->unknown ? "unknown"
                                             : "fresh";
    note_stale(roller, key, outcome.stale);
    note_evaluated(roller, key, result, evidence->pod_count, NULL);
    if (rolls) {
        roll_stale(roller, key, evidence, &outcome);
    } else if (outcome.paced) {
        again(roller, key, ADOPTION_PAUSE_MS);
    } else if (outcome.failed) {
        again(roller, key, FAILURE_DELAY_MS);
    } else if (outcome.stamped) {
        /* A Pod that was stamped with the template's older marker is stale at the next look. */
        again(roller, key, 0);
    } else if (evidence->unknown) {
        again(roller, key, UNKNOWN_DELAY_MS);
    }
}

static bool split_key(const char *key, enum workload_kind *kind, struct str_view *namespace,
                      struct str_view *name)
{
    struct str_view rest = sv_of(key);
    struct str_view kind_name = {0};
    if (!sv_split(&rest, '/', &kind_name) || !sv_split(&rest, '/', namespace)) {
        return false;
    }
    const struct kind_info *info = kind_find(SV("apps"), kind_name);
    *name = rest;
    *kind = info ? info->kind : KIND_NONE;
    return info != NULL;
}

static bool is_gone(struct roller *roller, const char *key)
{
    enum workload_kind kind = KIND_NONE;
    struct str_view namespace = {0};
    struct str_view name = {0};
    if (!split_key(key, &kind, &namespace, &name)) {
        return true;
    }
    struct workload *workload = world_workload(roller->options.world, kind, namespace, name);
    workload_release(workload);
    return !workload;
}

/* Nobody looks at a workload again that was deleted while its Pods were stale. */
static void forget_stale_of_gone(struct roller *roller)
{
    struct table kept;
    size_t position = 0;
    struct str_view key;
    void *value = NULL;
    table_init(&kept, free);
    pthread_mutex_lock(&roller->mutex);
    while (table_next(&roller->stale, &position, &key, &value)) {
        CLEANUP(mem_free_ptr) char *text = sv_dup(key);
        if (!is_gone(roller, text)) {
            table_put(&kept, key, mem_dup(value, sizeof(size_t)));
        }
    }
    table_done(&roller->stale);
    roller->stale = kept;
    pthread_mutex_unlock(&roller->mutex);
}

static void look_at_workload(struct roller *roller, const char *key)
{
    enum workload_kind kind = KIND_NONE;
    struct str_view namespace = {0};
    struct str_view name = {0};
    struct fingerprint_keys keys;
    struct err err;
    if (!split_key(key, &kind, &namespace, &name)) {
        return;
    }
    if (!world_keys(roller->options.world, &keys)) {
        note_evaluated(roller, key, "unknown", 0, NULL);
        again(roller, key, UNKNOWN_DELAY_MS);
        return;
    }
    CLEANUP(evidence_done) struct evidence evidence = {0};
    const struct evidence_request request = {
        .client = &roller->clients->kube,
        .keys = &keys,
        .kind = kind,
        .namespace = namespace,
        .name = name,
        .deadline_ms = call_deadline(roller),
    };
    if (evidence_gather(&request, &evidence, &err)) {
        if (evidence.skipped) {
            note_stale(roller, key, 0);
            note_evaluated(roller, key, "skipped", 0, NULL);
        } else {
            judge_all(roller, key, &evidence);
        }
    } else if (err.kind == ERR_MISSING) {
        note_stale(roller, key, 0);
    } else {
        note_evaluated(roller, key, "unknown", 0, &err);
        again(roller, key, UNKNOWN_DELAY_MS);
    }
    fingerprint_keys_wipe(&keys);
}

static void look(void *context, const char *key)
{
    struct roller *roller = context;
    if (!roller->clients) {
        roller->clients = clients_start(&roller->client_options);
    }
    bool leads = leader_leads(roller->options.leader);
    if (strcmp(key, FULL_COMPARE) == 0) {
        again(roller, FULL_COMPARE, FULL_COMPARE_MS);
        if (leads) {
            forget_stale_of_gone(roller);
            roller_look_at_all(roller);
        }
    } else if (leads) {
        look_at_workload(roller, key);
    }
}
