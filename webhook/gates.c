/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/gates.h"

#include "base/encode.h"
#include "kube/client.h"
#include "objects/object_key.h"
#include "webhook/agenda.h"
#include "webhook/clients.h"
#include "webhook/gate_rules.h"
#include "webhook/thread.h"

enum {
    PATCH_DEADLINE_MS = 5000,
    FOLLOWER_DELAY_MS = 200,
    FAILURE_DELAY_MS = 1000,
    /* Somebody has to do something: permissions, another's webhook. */
    REFUSED_DELAY_MS = 30000,
    /* After a restart no hold ends before the world is known and this has passed. */
    SETTLE_MS = 10000,
    /* What is not known so long after the start is not going to be: we may not read it. */
    PATIENCE_MS = 60000,
    PATCH_BYTES = 1024,
    /* Pods whose hold has been told; forgotten all at once when there are more. */
    TOLD_CEILING = 10000,
};

struct gates {
    struct gates_options options;
    struct clients_options client_options;
    struct clients *clients; /* of the agenda's thread, made at its first look */
    struct agenda *agenda;
    struct metric *releases;
    int64_t started_ms;      /* by the API server's clock, as the next; 0: not yet */
    int64_t known_ms;        /* when Secrets were first known */
    int64_t clock_offset_ms; /* API server's clock minus ours */
    bool clock_asked;
    struct table told; /* Pod uid -> the message it was told last */
};

static void look(void *context, const char *key);

struct gates *gates_new(const struct gates_options *options)
{
    static const char *const labels[] = {"reason", NULL};
    struct gates *gates = mem_alloc(sizeof *gates);
    gates->options = *options;
    gates->client_options =
        (struct clients_options){.config = options->config, .clock = options->clock};
    gates->agenda = agenda_new(&(struct agenda_options){
        .name = "gates", .clock = options->clock, .look = look, .context = gates});
    table_init(&gates->told, free);
    gates->releases = metrics_counter(options->metrics, "keyturn_releases_total",
                                      "Pods whose gate was taken away.", labels);
    return gates;
}

void gates_start(struct gates *gates)
{
    agenda_start(gates->agenda);
}

void gates_free(struct gates *gates)
{
    if (gates) {
        agenda_free(gates->agenda);
        clients_stop(gates->clients);
        table_done(&gates->told);
        free(gates);
    }
}

static void plan(struct gates *gates, const struct pod *pod, int64_t delay_ms)
{
    CLEANUP(buf_done) struct buf key;
    object_key_write(&key, pod->namespace, pod->name);
    agenda_look_in(gates->agenda, buf_view(&key), delay_ms);
}

void gates_pod_changed(struct gates *gates, const struct pod *pod)
{
    if (pod->refs.count || pod->gated) {
        plan(gates, pod, leader_leads(gates->options.leader) ? 0 : FOLLOWER_DELAY_MS);
    }
}

static void plan_all(struct gates *gates, struct str_view namespace)
{
    CLEANUP(world_list_done) struct world_list pods = {0};
    world_pods(gates->options.world, &pods);
    for (size_t i = 0; i < pods.count; i++) {
        const struct pod *pod = pods.items[i];
        if (!namespace.data || sv_equal(pod->namespace, namespace)) {
            gates_pod_changed(gates, pod);
        }
    }
}

void gates_namespace_changed(struct gates *gates, struct str_view namespace)
{
    /* While Secrets are being listed each of them would look through all Pods; gates_all_changed()
     * follows. */
    if (world_is_synced(gates->options.world, WORLD_SECRETS)) {
        plan_all(gates, namespace);
    }
}

void gates_all_changed(struct gates *gates)
{
    plan_all(gates, (struct str_view){0});
}

void gates_held(struct gates *gates, size_t *ret_count, int64_t *ret_oldest_ms)
{
    CLEANUP(world_list_done) struct world_list pods = {0};
    int64_t now = clock_wall_ms(gates->options.clock);
    world_pods(gates->options.world, &pods);
    *ret_count = 0;
    *ret_oldest_ms = 0;
    for (size_t i = 0; i < pods.count; i++) {
        const struct pod *pod = pods.items[i];
        if (pod->gated && !pod->deleting) {
            *ret_count += 1;
            if (now - pod->created_ms > *ret_oldest_ms) {
                *ret_oldest_ms = now - pod->created_ms;
            }
        }
    }
}

void gates_write_patch(struct buf *out, struct str_view resource_version, bool release,
                       const char *stamp)
{
    buf_add_str(out, "{\"metadata\":{\"resourceVersion\":");
    encode_json_string(out, resource_version);
    if (stamp) {
        buf_printf(out, ",\"annotations\":{\"keyturn.io/secrets-hash\":\"%s\"}", stamp);
    }
    buf_add_byte(out, '}');
    if (release) {
        buf_add_str(out, ",\"spec\":{\"schedulingGates\":[{\"$patch\":\"delete\","
                         "\"name\":\"keyturn.io/secrets\"}]}");
    }
    buf_add_byte(out, '}');
}

static const char *reason_name(enum gate_reason reason)
{
    switch (reason) {
    case GATE_NOTHING:
        return "nothing";
    case GATE_PRESENT:
        return "present";
    case GATE_NOT_WANTED:
        return "not_wanted";
    case GATE_HOLD_ENDED:
        return "hold_ended";
    case GATE_STAMP_FOLLOWS:
        return "stamp_follows";
    }
    return "nothing";
}

static void report(struct gates *gates, const struct pod *pod, bool warning, const char *reason,
                   const struct buf *message)
{
    const struct kube_event event = {
        .api_version = "v1",
        .kind = "Pod",
        .namespace = pod->namespace,
        .name = pod->name,
        .uid = pod->uid,
        .warning = warning,
        .reason = reason,
        .message = buf_view(message),
    };
    reporter_post(gates->options.reporter, &event);
}

/* A Pod is looked at for every change in its namespace, but its hold is told once. */
static bool tell_once(struct gates *gates, const struct pod *pod, const struct buf *message)
{
    const char *last = table_get(&gates->told, pod->uid);
    if (last && sv_equal(sv_of(last), buf_view(message))) {
        return false;
    }
    if (gates->told.count >= TOLD_CEILING) {
        table_done(&gates->told);
        table_init(&gates->told, free);
    }
    table_put(&gates->told, pod->uid, sv_dup(buf_view(message)));
    return true;
}

/* One replica tells, or each would. */
static void report_held(struct gates *gates, const struct pod *pod,
                        const struct gate_judgement *judgement)
{
    if (!leader_leads(gates->options.leader) || !judgement->missing) {
        return;
    }
    if (judgement->described && gates->options.wanted) {
        gates->options.wanted(gates->options.context, pod->namespace, judgement->missing->secret);
    }
    CLEANUP(buf_done) struct buf message;
    buf_init(&message, KUBE_EVENT_MESSAGE_BYTES);
    secret_ref_describe(judgement->missing, &message);
    buf_printf(&message, " waits for Secret %.*s", SV_ARG(judgement->missing->secret));
    if (judgement->missing->key.data) {
        buf_printf(&message, " key %.*s", SV_ARG(judgement->missing->key));
    }
    buf_add_str(&message, judgement->described
                              ? ", which an ExternalSecret describes"
                              : ", which is not there and no ExternalSecret describes");
    if (tell_once(gates, pod, &message)) {
        report(gates, pod, false, "HeldForSecret", &message);
    }
}

static void report_released(struct gates *gates, const struct pod *pod,
                            const struct gate_judgement *judgement)
{
    CLEANUP(buf_done) struct buf message;
    buf_init(&message, KUBE_EVENT_MESSAGE_BYTES);
    if (judgement->reason == GATE_HOLD_ENDED) {
        buf_add_str(&message, "Gate taken away: the hold has ended");
        if (judgement->missing) {
            buf_printf(&message, " and Secret %.*s", SV_ARG(judgement->missing->secret));
            if (judgement->missing->key.data) {
                buf_printf(&message, " key %.*s", SV_ARG(judgement->missing->key));
            }
            buf_add_str(&message, " is still missing; kubelet waits for it from here on");
        }
        report(gates, pod, true, "HoldEnded", &message);
    } else {
        buf_add_str(&message, judgement->reason == GATE_PRESENT
                                  ? "Gate taken away: every Secret and key the Pod needs is there"
                                  : "Gate taken away: nothing calls for it any more");
        report(gates, pod, false, "ReleasedForSecret", &message);
    }
}

static void learn_clock(struct gates *gates, const struct kube_response *response)
{
    if (response->server_date_ms) {
        gates->clock_offset_ms = response->server_date_ms - clock_wall_ms(gates->options.clock);
    }
}

static void log_patched(struct gates *gates, const struct pod *pod,
                        const struct gate_judgement *judgement)
{
    struct log_line line =
        log_begin(gates->options.log, LOG_INFO, judgement->release ? "released" : "stamped");
    log_str(&line, "namespace", pod->namespace);
    log_str(&line, "pod", pod->name);
    log_str(&line, "reason", sv_of(reason_name(judgement->reason)));
    if (judgement->write_stamp) {
        log_str(&line, "stamp", sv_of(judgement->stamp));
    }
    log_end(&line);
}

/* A view that lags behind the API server meets a conflict; the watch brings what is new, and with
 * it the next look. */
static void patch(struct gates *gates, const struct pod *pod,
                  const struct gate_judgement *judgement)
{
    CLEANUP(buf_done) struct buf body;
    CLEANUP(kube_response_done) struct kube_response response = {0};
    struct err err;
    const struct kube_target target = {
        .resource = &kube_pods, .namespace = pod->namespace, .name = pod->name};
    int64_t deadline = clock_monotonic_ms(gates->options.clock) + PATCH_DEADLINE_MS;
    buf_init(&body, PATCH_BYTES);
    gates_write_patch(&body, pod->resource_version, judgement->release,
                      judgement->write_stamp ? judgement->stamp : NULL);
    bool done = kube_patch(&gates->clients->kube, &target, KUBE_PATCH_STRATEGIC, SV("keyturn"),
                           buf_view(&body), deadline, &response, &err);
    learn_clock(gates, &response);
    if (done) {
        const char *const values[] = {reason_name(judgement->reason)};
        log_patched(gates, pod, judgement);
        if (judgement->release) {
            metric_add(gates->releases, values, 1);
            report_released(gates, pod, judgement);
        }
    } else if (err.kind == ERR_CONFLICT) {
        plan(gates, pod, FAILURE_DELAY_MS);
    } else if (err.kind != ERR_MISSING) {
        struct log_line line = log_begin(gates->options.log, LOG_WARN, "gate not released");
        log_str(&line, "namespace", pod->namespace);
        log_str(&line, "pod", pod->name);
        log_err(&line, &err);
        log_end(&line);
        plan(gates, pod, err.retryable ? FAILURE_DELAY_MS : REFUSED_DELAY_MS);
    }
}

static int64_t api_now_ms(const struct gates *gates)
{
    return clock_wall_ms(gates->options.clock) + gates->clock_offset_ms;
}

/* A hold is counted from a time by the API server's clock, and the first look may end it. */
static void ask_for_clock(struct gates *gates, const struct pod *pod)
{
    CLEANUP(kube_response_done) struct kube_response response = {0};
    struct err ignored;
    const struct kube_target target = {
        .resource = &kube_pods, .namespace = pod->namespace, .name = pod->name};
    int64_t deadline = clock_monotonic_ms(gates->options.clock) + PATCH_DEADLINE_MS;
    if (!gates->clock_asked && pod->gated) {
        (void)!kube_get(&gates->clients->kube, &target, deadline, &response, &ignored);
        learn_clock(gates, &response);
        gates->clock_asked = response.status != 0;
    }
}

static int64_t not_before_ms(struct gates *gates, bool known)
{
    int64_t now = api_now_ms(gates);
    if (gates->started_ms == 0) {
        gates->started_ms = now;
    }
    if (known && gates->known_ms == 0) {
        gates->known_ms = now;
    }
    return gates->known_ms ? gates->known_ms + SETTLE_MS : gates->started_ms + PATIENCE_MS;
}

static void judge(struct gates *gates, const struct pod *pod, struct gate_judgement *ret)
{
    struct policy_rules rules = policy_for(gates->options.policy, pod->namespace);
    struct fingerprint_keys keys;
    CLEANUP(facts_done) struct facts facts;
    bool known_keys = world_keys(gates->options.world, &keys);
    bool synced = world_is_synced(gates->options.world, WORLD_SECRETS);
    facts_init(&facts, pod->namespace);
    world_look_up(gates->options.world, &pod->refs, &facts);
    /* It may have become unknown meanwhile, and then so is what was looked up. */
    synced = synced && world_is_synced(gates->options.world, WORLD_SECRETS);
    const struct gate_input input = {
        .pod = pod,
        .facts = &facts,
        .keys = known_keys ? &keys : NULL,
        .rules = &rules,
        .synced = synced,
        .now_ms = api_now_ms(gates),
        .not_before_ms = not_before_ms(gates, synced),
    };
    gate_judge(&input, ret);
    fingerprint_keys_wipe(&keys);
}

static void look(void *context, const char *key)
{
    struct gates *gates = context;
    struct str_view namespace = {0};
    struct str_view name = {0};
    struct gate_judgement judgement;
    if (!gates->clients) {
        gates->clients = clients_start(&gates->client_options);
    }
    if (!object_key_read(sv_of(key), &namespace, &name)) {
        return;
    }
    struct pod *pod = world_pod(gates->options.world, namespace, name);
    if (!pod) {
        return;
    }
    ask_for_clock(gates, pod);
    judge(gates, pod, &judgement);
    if (judgement.reason != GATE_NOTHING) {
        patch(gates, pod, &judgement);
    } else if (judgement.again_ms != INT64_MAX) {
        report_held(gates, pod, &judgement);
        int64_t now = api_now_ms(gates);
        plan(gates, pod, judgement.again_ms > now ? judgement.again_ms - now : 0);
    }
    pod_release(pod);
}
