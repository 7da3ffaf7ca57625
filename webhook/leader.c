/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/leader.h"

#include "kube/lease.h"
#include "webhook/clients.h"
#include "webhook/thread.h"

enum {
    STEP_TIMEOUT_MS = 5000,
    RELEASE_TIMEOUT_MS = 2000,
};

struct leader {
    struct leader_options options;
    struct kube_lease lease;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    pthread_t thread;
    bool started;
    bool stopping;
    bool led;
    pthread_mutex_t telling; /* held during `changed` */
    bool silent;             /* guarded by `telling` */
};

struct leader *leader_new(const struct leader_options *options)
{
    struct leader *leader = mem_alloc(sizeof *leader);
    leader->options = *options;
    mutex_init(&leader->mutex);
    cond_init(&leader->wake);
    mutex_init(&leader->telling);
    kube_lease_init(&leader->lease, sv_of(options->namespace), sv_of(options->lease),
                    sv_of(options->identity));
    return leader;
}

bool leader_leads(const struct leader *leader)
{
    return kube_lease_held(&leader->lease, clock_monotonic_ms(leader->options.clock));
}

void leader_silence(struct leader *leader)
{
    pthread_mutex_lock(&leader->telling);
    leader->silent = true;
    pthread_mutex_unlock(&leader->telling);
}

static void become(struct leader *leader, bool leads)
{
    leader->led = leads;
    pthread_mutex_lock(&leader->telling);
    if (!leader->silent) {
        leader->options.changed(leader->options.context, leads);
    }
    pthread_mutex_unlock(&leader->telling);
}

/* What came up while nobody led was dropped, however short that was. */
static void notice_change(struct leader *leader, bool lost)
{
    bool leads = leader_leads(leader);
    if (leads && leader->led && lost) {
        become(leader, false);
    }
    if (leads == leader->led) {
        return;
    }
    struct log_line line = log_begin(leader->options.log, LOG_INFO, "leader");
    log_bool(&line, "leads", leads);
    log_str(&line, "holder",
            leads ? sv_of(leader->options.identity) : kube_lease_holder(&leader->lease));
    log_end(&line);
    become(leader, leads);
}

static void step(struct leader *leader, const struct clients *clients)
{
    struct err err;
    unsigned losses = leader->lease.losses;
    if (!kube_lease_step(&leader->lease, &clients->kube, STEP_TIMEOUT_MS, &err)) {
        struct log_line line = log_begin(leader->options.log, LOG_WARN, "lease");
        log_err(&line, &err);
        log_end(&line);
    }
    notice_change(leader, leader->lease.losses != losses);
}

static void resign(struct leader *leader, const struct clients *clients)
{
    struct err err;
    if (leader->led) {
        become(leader, false);
    }
    if (!kube_lease_release(&leader->lease, &clients->kube, RELEASE_TIMEOUT_MS, &err)) {
        struct log_line line = log_begin(leader->options.log, LOG_WARN, "lease not released");
        log_err(&line, &err);
        log_end(&line);
    }
}

static void *leader_main(void *argument)
{
    struct leader *leader = argument;
    struct clients_options options = {.config = leader->options.config,
                                      .clock = leader->options.clock};
    struct clients *clients = clients_start(&options);
    pthread_mutex_lock(&leader->mutex);
    while (!leader->stopping) {
        int64_t next = kube_lease_next_ms(&leader->lease);
        if (clock_monotonic_ms(leader->options.clock) < next) {
            cond_wait_until(&leader->wake, &leader->mutex, next);
            continue;
        }
        pthread_mutex_unlock(&leader->mutex);
        step(leader, clients);
        pthread_mutex_lock(&leader->mutex);
    }
    pthread_mutex_unlock(&leader->mutex);
    resign(leader, clients);
    clients_stop(clients);
    return NULL;
}

void leader_start(struct leader *leader)
{
    if (!thread_start(&leader->thread, "leader", leader_main, leader)) {
        abort();
    }
    leader->started = true;
}

void leader_free(struct leader *leader)
{
    if (!leader) {
        return;
    }
    pthread_mutex_lock(&leader->mutex);
    leader->stopping = true;
    pthread_cond_signal(&leader->wake);
    pthread_mutex_unlock(&leader->mutex);
    if (leader->started) {
        pthread_join(leader->thread, NULL);
    }
    kube_lease_done(&leader->lease);
    pthread_mutex_destroy(&leader->mutex);
    pthread_cond_destroy(&leader->wake);
    pthread_mutex_destroy(&leader->telling);
    free(leader);
}
