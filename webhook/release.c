/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/release.h"

#include "base/limits.h"
#include "http/curl_transport.h"
#include "objects/pod.h"
#include "webhook/clients.h"
#include "webhook/commands.h"
#include "webhook/gates.h"
#include "webhook/kube_access.h"

enum {
    CALL_DEADLINE_MS = 10000,
    SWEEP_PAUSE_MS = 250,
    QUIET_MS = 2000,
    GIVE_UP_MS = 60000,
    PATCH_BYTES = 1024,
};

static const char NAME[] = "keyturn release";

struct release {
    const struct config *config;
    const struct clock *clock;
    struct clients *clients;
    struct pod **held; /* of the last sweep */
    size_t held_count;
    size_t held_capacity;
    size_t failed;
};

static int64_t deadline(const struct release *release)
{
    return clock_monotonic_ms(release->clock) + CALL_DEADLINE_MS;
}

static void release_pod(struct release *release, const struct pod *pod)
{
    CLEANUP(buf_done) struct buf body;
    CLEANUP(kube_response_done) struct kube_response response = {0};
    struct err err;
    const struct kube_target target = {
        .resource = &kube_pods, .namespace = pod->namespace, .name = pod->name};
    buf_init(&body, PATCH_BYTES);
    gates_write_patch(&body, pod->resource_version, true, NULL);
    if (kube_patch(&release->clients->kube, &target, KUBE_PATCH_STRATEGIC, SV("keyturn"),
                   buf_view(&body), deadline(release), &response, &err)) {
        (void)printf("released %.*s/%.*s\n", SV_ARG(pod->namespace), SV_ARG(pod->name));
    } else if (err.kind != ERR_MISSING && err.kind != ERR_CONFLICT) {
        release->failed++;
        (void)fprintf(stderr, "keyturn: cannot release %.*s/%.*s: %s\n", SV_ARG(pod->namespace),
                      SV_ARG(pod->name), err.message);
    }
}

static void forget_held(struct release *release)
{
    for (size_t i = 0; i < release->held_count; i++) {
        pod_release(release->held[i]);
    }
    release->held_count = 0;
}

static bool note_held(void *context, const struct json *object)
{
    struct release *release = context;
    struct pod *pod = NULL;
    struct err err;
    if (!pod_decode(object, &pod, &err)) {
        release->failed++;
        (void)fprintf(stderr, "keyturn: cannot read a Pod: %s\n", err.message);
        return true;
    }
    if (!pod->gated || pod->deleting) {
        pod_release(pod);
        return true;
    }
    if (release->held_count == release->held_capacity) {
        release->held_capacity = release->held_capacity ? 2 * release->held_capacity : 64;
        release->held =
            mem_resize_array(release->held, release->held_capacity, sizeof(struct pod *));
    }
    release->held[release->held_count++] = pod;
    return true;
}

/* All namespaces with --all. The list is read to its end first: thousands of patches between two of
 * its pages would take longer than it may. */
static bool sweep(struct release *release, struct err *err)
{
    const struct kube_target target = {
        .resource = &kube_pods,
        .namespace = sv_of(release->config->all ? "" : release->config->namespace),
    };
    const struct kube_list_options options = {.field_selector = "spec.nodeName="};
    forget_held(release);
    release->failed = 0;
    if (!kube_list(&release->clients->kube, &target, &options, deadline(release), note_held,
                   release, NULL, err)) {
        return err_wrap(err, "list Pods");
    }
    for (size_t i = 0; i < release->held_count; i++) {
        release_pod(release, release->held[i]);
    }
    return true;
}

static void pause_ms(int64_t ms)
{
    const struct timespec pause = {.tv_sec = (time_t)(ms / 1000),
                                   .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&pause, NULL);
}

/* Pods that were admitted a moment ago may still come with a gate. */
static bool release_until_quiet(struct release *release, struct err *err)
{
    int64_t started = clock_monotonic_ms(release->clock);
    int64_t quiet_since = started;
    for (;;) {
        bool swept = sweep(release, err);
        int64_t now = clock_monotonic_ms(release->clock);
        if (!swept && (!err->retryable || now - started >= GIVE_UP_MS)) {
            return false;
        }
        if (!swept || release->held_count) {
            quiet_since = now;
        } else if (now - quiet_since >= QUIET_MS) {
            return true;
        }
        if (now - started >= GIVE_UP_MS) {
            return err_set(err, ERR_TIMEOUT, "%zu Pods are still held after %d s",
                           release->held_count, GIVE_UP_MS / 1000);
        }
        pause_ms(SWEEP_PAUSE_MS);
    }
}

static bool delete_configuration(struct release *release, struct err *err)
{
    CLEANUP(kube_response_done) struct kube_response response = {0};
    const char *name = release->config->webhook_configuration;
    const struct kube_target target = {.resource = &kube_mutating_webhooks, .name = sv_of(name)};
    if (kube_delete(&release->clients->kube, &target, (struct str_view){0}, (struct str_view){0},
                    deadline(release), &response, err)) {
        (void)printf("deleted MutatingWebhookConfiguration %s\n", name);
        return true;
    }
    return err->kind == ERR_MISSING || err_wrap(err, "delete the webhook configuration");
}

static bool release_what_is_asked(struct release *release, struct err *err)
{
    if (release->config->all) {
        return delete_configuration(release, err) && release_until_quiet(release, err);
    }
    return sweep(release, err) &&
           (release->failed == 0 ||
            err_set(err, ERR_UNAVAILABLE, "%zu Pods are still held", release->failed));
}

int release_run(const struct config *config)
{
    struct release release = {.config = config, .clock = clock_system()};
    struct kube_config *kube = NULL;
    struct err err;
    if (!http_global_init(&err) ||
        !kube_access_load(config->kubeconfig, release.clock, &kube, &err)) {
        return command_fail(NAME, &err, EXIT_FAILED);
    }
    struct clients_options options = {.config = kube, .clock = release.clock};
    release.clients = clients_start(&options);
    bool done = release_what_is_asked(&release, &err);
    forget_held(&release);
    free(release.held);
    clients_stop(release.clients);
    kube_config_free(kube);
    http_global_done();
    return done ? EXIT_DONE : command_fail(NAME, &err, EXIT_FAILED);
}
