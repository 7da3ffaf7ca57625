/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/applier_internal.h"
#include "webhook/conclusion.h"
#include "webhook/departure.h"
#include "webhook/store_use.h"

enum {
    BACKGROUND_DEADLINE_MS = 30000,
    /* Of these for reading ahead with others; what is left is for the one whose turn it is. */
    READ_AHEAD_MS = 10000,
    RETRY_AGE_MS = 500,
    /* A full queue is tried again after this; those that wait for room are looked at so far apart,
     * and the last of them after so long. */
    QUEUE_FULL_MS = 200,
    PLACE_MS = 1,
    PLACE_MAX_MS = 10000,
    STATUS_DEADLINE_MS = 10000,
    /* Whose store is not known yet is looked at as soon as it is told of, or at the latest then. */
    UNKNOWN_MS = 5000,
};

/* One ExternalSecret, from when it is begun until its status is written. */
struct background {
    struct applier *applier;
    struct external_secret *external_secret;
    bool hurried; /* when it was begun */
    char *basis;  /* NULL: it was not carried out, and there is nothing to conclude */
    bool forced;
    bool undone;          /* whoever leads next has to do it */
    int64_t start_ms;     /* since 1970 */
    int64_t start_now_ms; /* the same, monotonic */
    struct run_result run;
    int64_t wait_ms; /* before another try; 0: as its turn comes */
};

/* What AWS refused is asked for again when its turn comes, whatever the cache remembers. */
static int64_t refresh_since_ms(struct applier *applier,
                                const struct external_secret *external_secret, bool forced)
{
    int64_t age_ms = progress_has_failed(&applier->progress, external_secret)
                         ? RETRY_AGE_MS
                         : sweep_max_age_ms(external_secret);
    return forced ? 0 : applier_since_ms(applier, external_secret, age_ms);
}

/* Those that were read ahead with it have their turn now: none before everything is known. A store
 * that is silent is left to the probe. Since when what was read for it counts; 0: nothing was. */
static int64_t read_ahead_of(struct applier *applier, const struct external_secret *external_secret,
                             struct clients *clients)
{
    CLEANUP(world_list_done) struct world_list members = {0};
    if (!applier_knows_world(applier) ||
        store_use_is_silent(applier->options.world, &applier->stores, external_secret)) {
        return 0;
    }
    int64_t since_ms = sweep_read_ahead(applier->sweep, external_secret, clients,
                                        applier_now_ms(applier) + READ_AHEAD_MS, &members);
    for (size_t i = 0; i < members.count; i++) {
        const struct external_secret *member = members.items[i];
        progress_bring_forward(&applier->progress, member->namespace, member->name);
        applier_plan(applier, member->namespace, member->name, 0);
    }
    return since_ms;
}

/* What follows a run: its status, and when the next is. It may still be written when the process
 * stops and everything else is cancelled. */
static void conclude_run(const struct background *background, struct clients *clients)
{
    struct applier *applier = background->applier;
    int64_t now = applier_now_ms(applier);
    int64_t silent_after = atomic_load(&applier->silent_after_ms);
    int64_t deadline = now + STATUS_DEADLINE_MS;
    struct kube_client client = clients->kube;
    client.to_the_end = true;
    const struct conclusion_input input = {
        .silent = applier->options.beside,
        .client = &client,
        .outcomes = &applier->outcomes,
        .external_secret = background->external_secret,
        .run = &background->run,
        .start_ms = background->start_ms,
        .deadline_ms = deadline < silent_after ? deadline : silent_after,
    };
    struct conclusion conclusion;
    if (!leader_leads(applier->options.leader) || now >= silent_after) {
        return;
    }
    conclude(&input, &conclusion);
    const struct progress_result result = {
        .basis = background->basis,
        .forced = background->forced,
        .failed = conclusion.failed,
        .final = conclusion.final,
        .left_absent = status_leaves_absent(conclusion.end),
        .kept = conclusion.end == STATUS_RETAINED,
        .target = background->run.secret,
        .start_ms = background->start_ms,
        .start_now_ms = background->start_now_ms,
        .now_ms = applier_now_ms(applier),
    };
    progress_note(&applier->progress, background->external_secret, &result);
}

static void refresh(struct background *background, struct clients *clients)
{
    struct applier *applier = background->applier;
    const struct external_secret *external_secret = background->external_secret;
    bool forced = progress_is_forced(&applier->progress, external_secret, applier_now_ms(applier),
                                     &background->wait_ms);
    if (background->wait_ms > 0) {
        return;
    }
    background->basis = store_use_basis(applier->options.world, external_secret);
    background->forced = forced;
    background->start_ms = clock_wall_ms(applier->options.clock);
    background->start_now_ms = applier_now_ms(applier);
    struct errand errand = {.clients = clients,
                            .background = true,
                            .waiting = applier->options.beside && !plan_has_find(external_secret),
                            .since_ms = refresh_since_ms(applier, external_secret, forced),
                            .deadline_ms = applier_now_ms(applier) + BACKGROUND_DEADLINE_MS};
    if (!forced && !applier->options.beside) {
        int64_t since_ms = read_ahead_of(applier, external_secret, clients);
        errand.since_ms = since_ms && since_ms < errand.since_ms ? since_ms : errand.since_ms;
    }
    applier_carry_out(applier, external_secret, &errand, &background->run);
    if (applier_is_untold(applier, external_secret, &errand, &background->run)) {
        free(background->basis);
        background->basis = NULL;
        background->undone = true;
    }
}

/* Its finalizer, and with deletionPolicy Delete its Secret. */
static void depart(struct applier *applier, const struct external_secret *external_secret,
                   struct clients *clients)
{
    CLEANUP(mem_free_ptr) char *basis = store_use_basis(applier->options.world, external_secret);
    bool deleted = false;
    struct err err;
    bool done = departure_finish(&clients->kube, external_secret,
                                 applier_now_ms(applier) + STATUS_DEADLINE_MS, &deleted, &err);
    if (!done) {
        outcomes_log_failure(&applier->outcomes, "finalizer not removed", external_secret, &err);
    }
    if (deleted) {
        outcomes_event(&applier->outcomes, external_secret, "Deleted", SV("Secret deleted"));
    }
    const struct progress_result result = {
        .basis = basis, .failed = !done, .now_ms = applier_now_ms(applier)};
    progress_note(&applier->progress, external_secret, &result);
}

static void background_free(struct background *background)
{
    run_result_done(&background->run);
    external_secret_release(background->external_secret);
    free(background->basis);
    free(background);
}

/* It may be begun again. */
static void end_background(struct background *background)
{
    struct applier *applier = background->applier;
    struct str_view namespace = background->external_secret->namespace;
    struct str_view name = background->external_secret->name;
    bool waits = background->wait_ms > 0;
    progress_end(&applier->progress, namespace, name);
    if (background->hurried && (waits || background->undone)) {
        progress_hurry(&applier->progress, namespace, name);
    }
    if (leader_leads(applier->options.leader) && !atomic_load(&applier->stopping)) {
        if (waits) {
            applier_plan(applier, namespace, name, background->wait_ms);
        } else {
            applier_plan_turn(applier, namespace, name);
        }
    }
    background_free(background);
}

static void conclude_in_background(void *argument, void *thread_context)
{
    struct background *background = argument;
    conclude_run(background, thread_context);
    end_background(background);
}

/* Behind everything that is queued by now: of all that are due at once the Secrets are written
 * first, and a status waits for those, never for what comes later. Where there is no room it has
 * its turn at once. Until then the ExternalSecret is not begun again. */
static void conclude_later(struct background *background, struct clients *clients)
{
    if (background->applier->options.beside ||
        !workers_submit(background->applier->options.workers, conclude_in_background, background)) {
        conclude_in_background(background, clients);
    }
}

static int64_t unknown_ms(struct applier *applier, const struct external_secret *external_secret)
{
    bool known =
        external_secret->deleting || store_use_is_known(applier->options.world, external_secret);
    return known ? 0 : UNKNOWN_MS;
}

/* As it is now: since it was queued it may have changed, or made place for another of its name.
 * False: nothing is done for it, before `wait_ms` is over or at all. */
static bool renew(struct background *background)
{
    struct applier *applier = background->applier;
    const struct external_secret *queued = background->external_secret;
    struct external_secret *present =
        world_external_secret(applier->options.world, queued->namespace, queued->name);
    if (!present) {
        return false;
    }
    external_secret_release(background->external_secret);
    background->external_secret = present;
    int64_t wait = applier_wait_ms(applier, present, background->hurried);
    wait = wait > 0 ? wait : unknown_ms(applier, present);
    background->wait_ms = wait == INT64_MAX ? 0 : wait;
    return wait == 0;
}

static void carry_out_in_background(void *argument, void *thread_context)
{
    struct background *background = argument;
    struct applier *applier = background->applier;
    background->undone = !leader_leads(applier->options.leader) || atomic_load(&applier->stopping);
    bool does = !background->undone && renew(background);
    if (does && background->external_secret->deleting) {
        depart(applier, background->external_secret, thread_context);
    } else if (does) {
        refresh(background, thread_context);
    }
    if (background->basis) {
        conclude_later(background, thread_context);
    } else {
        end_background(background);
    }
}

/* Behind those that wait already: of thousands each has its look in its turn. */
static int64_t place_ms(struct room *room, int64_t now_ms)
{
    int64_t place = room->last_ms + PLACE_MS;
    place = place > now_ms + QUEUE_FULL_MS ? place : now_ms + QUEUE_FULL_MS;
    place = place < now_ms + PLACE_MAX_MS ? place : now_ms + PLACE_MAX_MS;
    room->last_ms = place;
    return place - now_ms;
}

int64_t applier_room_ms(struct applier *applier)
{
    int64_t now = applier_now_ms(applier);
    return now < applier->room.full_until_ms ? place_ms(&applier->room, now) : 0;
}

static int64_t find_no_room(struct applier *applier)
{
    int64_t now = applier_now_ms(applier);
    applier->room.full_until_ms = now + QUEUE_FULL_MS;
    return place_ms(&applier->room, now);
}

int64_t applier_begin(struct applier *applier, struct external_secret *external_secret)
{
    int64_t unknown = unknown_ms(applier, external_secret);
    if (unknown > 0) {
        return unknown;
    }
    struct background *background = mem_alloc(sizeof *background);
    *background = (struct background){
        .applier = applier,
        .external_secret = external_secret_retain(external_secret),
        .hurried =
            progress_begin(&applier->progress, external_secret->namespace, external_secret->name)};
    if (workers_submit(applier->options.workers, carry_out_in_background, background)) {
        return 0;
    }
    progress_end(&applier->progress, external_secret->namespace, external_secret->name);
    if (background->hurried) {
        progress_hurry(&applier->progress, external_secret->namespace, external_secret->name);
    }
    background_free(background);
    return find_no_room(applier);
}
