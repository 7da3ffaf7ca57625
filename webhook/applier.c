/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/object_key.h"
#include "webhook/applier_internal.h"
#include "webhook/kube_sink.h"
#include "webhook/materialise.h"
#include "webhook/store_use.h"

enum {
    LOOK_DEADLINE_MS = 2000,
    FLIGHT_DEADLINE_MS = 5000,
    /* Statuses that wait when the process stops may take this long, all together. */
    LAST_STATUSES_MS = 3000,
    /* What is told of while anything is being listed has its turn with all the others, when
     * everything is known (applier_look_at_all()), or at the latest then; so have all the others:
     * what Keyturn may not list, or nobody can convert, is never known. */
    LISTED_MS = 5000,
    /* After a change of the leader, refreshes of what is there already are spread over this. */
    SPREAD_MS = 30000,
};

/* Its look is at all of them: no object's key, which has a slash. */
static const char EVERYTHING[] = "everything";

static void look(void *context, const char *key);
static int64_t turn_along_ms(void *context, const struct external_secret *external_secret);

struct applier *applier_new(const struct applier_options *options)
{
    struct applier *applier = mem_alloc(sizeof *applier);
    applier->options = *options;
    runs_init(&applier->runs, options->clock);
    progress_init(&applier->progress);
    head_start_init(&applier->head_start, options->head_start_ms);
    store_health_init(&applier->stores);
    atomic_init(&applier->impatient, false);
    atomic_init(&applier->stopping, false);
    atomic_init(&applier->silent_after_ms, INT64_MAX);
    applier->agenda = agenda_new(&(struct agenda_options){
        .name = "applier", .clock = options->clock, .look = look, .context = applier});
    applier->sweep = sweep_new(&(struct sweep_options){.clock = options->clock,
                                                       .world = options->world,
                                                       .turn_ms = turn_along_ms,
                                                       .context = applier});
    outcomes_init(&applier->outcomes, options->log, options->reporter, options->metrics);
    return applier;
}

void applier_start(struct applier *applier)
{
    agenda_start(applier->agenda);
}

struct store_health *applier_store_health(struct applier *applier)
{
    return &applier->stores;
}

bool applier_is_untold(const struct applier *applier, const struct external_secret *external_secret,
                       const struct errand *errand, const struct run_result *run)
{
    return !reconcile_succeeded(run->outcome) &&
           (atomic_load(&applier->stopping) ||
            (errand->background && (!leader_leads(applier->options.leader) ||
                                    store_use_is_others(applier->options.world, external_secret))));
}

int64_t applier_now_ms(const struct applier *applier)
{
    return clock_monotonic_ms(applier->options.clock);
}

void applier_stop(struct applier *applier)
{
    atomic_store(&applier->silent_after_ms, applier_now_ms(applier) + LAST_STATUSES_MS);
    atomic_store(&applier->stopping, true);
    agenda_stop(applier->agenda);
}

void applier_free(struct applier *applier)
{
    if (!applier) {
        return;
    }
    agenda_free(applier->agenda);
    sweep_free(applier->sweep);
    runs_done(&applier->runs);
    progress_done(&applier->progress);
    head_start_done(&applier->head_start);
    store_health_done(&applier->stores);
    free(applier);
}

/* What runs_join() performs. */
struct joined {
    struct applier *applier;
    const struct external_secret *external_secret;
    const struct errand *errand;
};

static void carry_out(void *context, struct run_result *ret)
{
    const struct joined *joined = context;
    struct applier *applier = joined->applier;
    const struct errand *errand = joined->errand;
    CLEANUP(reconcile_report_done) struct reconcile_report report = {0};
    const struct materialise_input input = {
        .external_secret = joined->external_secret,
        .world = applier->options.world,
        .clients = errand->clients,
        .stores = &applier->stores,
        .leader = errand->background ? applier->options.leader : NULL,
        .waiting = errand->waiting,
        .yields = applier->options.beside,
        .since_ms = errand->since_ms,
        .deadline_ms = errand->deadline_ms,
    };
    ret->outcome = materialise(&input, &report, &ret->err);
    if (!applier_is_untold(applier, joined->external_secret, errand, ret)) {
        outcomes_tell(&applier->outcomes, joined->external_secret, ret->outcome, &report,
                      &ret->err);
    }
    ret->end = report.end;
    ret->bound = report.bound;
    ret->secret = report.secret;
    report.secret = NULL;
}

void applier_carry_out(struct applier *applier, const struct external_secret *external_secret,
                       const struct errand *errand, struct run_result *ret)
{
    CLEANUP(buf_done) struct buf key;
    CLEANUP(mem_free_ptr) char *basis = store_use_basis(applier->options.world, external_secret);
    struct joined joined = {applier, external_secret, errand};
    object_key_write(&key, external_secret->namespace, external_secret->name);
    const struct run_order order = {
        .key = buf_view(&key),
        .basis = basis,
        .waiting = errand->waiting,
        .deadline_ms = errand->deadline_ms,
        .perform = carry_out,
        .context = &joined,
    };
    runs_join(&applier->runs, &order, ret);
}

/* The operator's turn is over, or there is no operator. */
static bool may_step_in(struct applier *applier, const struct external_secret *external_secret)
{
    return !applier->options.beside ||
           head_start_left_ms(&applier->head_start, external_secret, applier_now_ms(applier)) == 0;
}

/* Who waits hears at once that there is a find, or that no Secret is made: nothing is read for
 * that, and who does the work itself must not take it for his result. */
static bool answers_at_once(const struct external_secret *external_secret)
{
    return plan_has_find(external_secret) || external_secret->creation_policy == CREATION_NONE ||
           external_secret->creation_policy == CREATION_MERGE;
}

int64_t applier_since_ms(struct applier *applier, const struct external_secret *external_secret,
                         int64_t max_age_ms)
{
    int64_t now_ms = applier_now_ms(applier);
    return clock_since_ms(now_ms, applier->options.beside
                                      ? head_start_max_age_ms(&applier->head_start, external_secret,
                                                              now_ms, max_age_ms)
                                      : max_age_ms);
}

/* NULL: not there, or not known. */
static struct secret *look_at_secret(struct applier *applier, const struct flight *flight,
                                     struct clients *clients, enum presence *ret_presence)
{
    struct fingerprint_keys keys;
    struct secret *secret = NULL;
    struct err err;
    bool known = world_keys(applier->options.world, &keys);
    bool looked = kube_sink_look(&clients->kube, known ? &keys.digest : NULL,
                                 flight_namespace(flight), flight_name(flight),
                                 applier_now_ms(applier) + LOOK_DEADLINE_MS, &secret, &err);
    fingerprint_keys_wipe(&keys);
    *ret_presence = !looked ? PRESENCE_UNKNOWN : secret ? PRESENCE_PRESENT : PRESENCE_ABSENT;
    return secret;
}

/* Somebody else may have made it since the look, and who joined the flight since then may know. */
static bool find_what_others_made(struct applier *applier, struct flight *flight,
                                  struct clients *clients)
{
    enum presence presence = PRESENCE_UNKNOWN;
    struct secret *secret = look_at_secret(applier, flight, clients, &presence);
    if (secret) {
        flight_found(flight, PRESENCE_PRESENT, secret);
        secret_release(secret);
    }
    return secret != NULL;
}

static void make_for(struct applier *applier, struct flight *flight, struct clients *clients)
{
    struct external_secret *external_secret =
        world_describing(applier->options.world, flight_namespace(flight), flight_name(flight));
    CLEANUP(run_result_done) struct run_result result = {0};
    if (!external_secret || !store_use_is_known(applier->options.world, external_secret) ||
        !may_step_in(applier, external_secret)) {
        external_secret_release(external_secret);
        return;
    }
    const struct errand errand = {.clients = clients,
                                  .waiting = true,
                                  .since_ms =
                                      applier_since_ms(applier, external_secret, SWEEP_FRESH_MS),
                                  .deadline_ms = applier_now_ms(applier) + FLIGHT_DEADLINE_MS};
    if (answers_at_once(external_secret)) {
        carry_out(&(struct joined){applier, external_secret, &errand}, &result);
    } else {
        applier_carry_out(applier, external_secret, &errand, &result);
    }
    if (result.secret) {
        flight_found(flight, PRESENCE_PRESENT, result.secret);
    } else if (!reconcile_succeeded(result.outcome) &&
               !find_what_others_made(applier, flight, clients)) {
        flight_failed(flight, &result.err);
    }
    external_secret_release(external_secret);
}

void applier_fly(void *context, struct flight *flight, void *thread_context)
{
    struct applier *applier = context;
    struct clients *clients = thread_context;
    enum presence presence = PRESENCE_UNKNOWN;
    struct secret *secret = look_at_secret(applier, flight, clients, &presence);
    flight_found(flight, presence, secret);
    secret_release(secret);
    if (presence == PRESENCE_ABSENT && applier->options.enabled && flight_materialises(flight)) {
        make_for(applier, flight, clients);
    }
}

void applier_plan(struct applier *applier, struct str_view namespace, struct str_view name,
                  int64_t delay_ms)
{
    CLEANUP(buf_done) struct buf key;
    object_key_write(&key, namespace, name);
    agenda_look_in(applier->agenda, buf_view(&key), delay_ms);
}

/* How long until its turn: 0 now, INT64_MAX when something changes. */
static int64_t turn_ms(struct applier *applier, const struct external_secret *external_secret,
                       bool to_go_along)
{
    CLEANUP(mem_free_ptr) char *basis = store_use_basis(applier->options.world, external_secret);
    struct world *world = applier->options.world;
    struct secret *target = NULL;
    enum presence presence =
        world_look_up_secret(world, external_secret->namespace, external_secret->target, &target);
    const struct progress_question question = {
        .external_secret = external_secret,
        .basis = basis,
        .target_known = presence != PRESENCE_UNKNOWN,
        .target = target,
        .now_ms = applier_now_ms(applier),
        .wall_ms = clock_wall_ms(applier->options.clock),
        .to_go_along = to_go_along,
    };
    int64_t turn = progress_turn_ms(&applier->progress, &question);
    secret_release(target);
    return turn;
}

/* For the sweep: what waits for a worker goes along as well, what waits after a failure does not.
 */
static int64_t turn_along_ms(void *context, const struct external_secret *external_secret)
{
    struct applier *applier = context;
    int64_t turn = turn_ms(applier, external_secret, true);
    bool waits = turn > 0 && progress_has_failed(&applier->progress, external_secret);
    return waits ? INT64_MAX : turn;
}

static bool is_all_listed(const struct applier *applier)
{
    struct world *world = applier->options.world;
    return world_is_synced(world, WORLD_SECRETS) &&
           world_is_synced(world, WORLD_EXTERNAL_SECRETS) && world_is_synced(world, WORLD_STORES) &&
           world_is_synced(world, WORLD_CLUSTER_STORES);
}

bool applier_knows_world(const struct applier *applier)
{
    return is_all_listed(applier) ||
           (atomic_load(&applier->impatient) &&
            world_is_synced(applier->options.world, WORLD_EXTERNAL_SECRETS));
}

static int64_t listing_ms(const struct applier *applier)
{
    return applier_knows_world(applier) ? 0 : LISTED_MS;
}

static void plan_turn(struct applier *applier, const struct external_secret *external_secret,
                      int64_t earliest_ms)
{
    int64_t turn = turn_ms(applier, external_secret, false);
    if (turn != INT64_MAX) {
        applier_plan(applier, external_secret->namespace, external_secret->name,
                     turn > earliest_ms ? turn : earliest_ms);
    }
}

static bool acts(const struct applier *applier)
{
    return applier->options.enabled && !atomic_load(&applier->stopping) &&
           leader_leads(applier->options.leader);
}

bool applier_is_ready(const struct applier *applier)
{
    return acts(applier) && applier_knows_world(applier);
}

/* All of an ExternalSecret is Keyturn's business. */
static bool controls(const struct applier *applier)
{
    return !applier->options.beside && acts(applier);
}

void applier_wanted(void *context, struct str_view namespace, struct str_view name)
{
    struct applier *applier = context;
    struct external_secret *external_secret =
        applier->options.beside && acts(applier)
            ? world_describing(applier->options.world, namespace, name)
            : NULL;
    if (external_secret) {
        head_start_want(&applier->head_start, external_secret, applier_now_ms(applier));
        applier_plan(applier, namespace, external_secret->name, 0);
    }
    external_secret_release(external_secret);
}

void applier_external_secret_changed(struct applier *applier, struct str_view namespace,
                                     struct str_view name)
{
    struct external_secret *external_secret =
        world_external_secret(applier->options.world, namespace, name);
    if (!external_secret) {
        progress_forget(&applier->progress, namespace, name);
        head_start_forget(&applier->head_start, namespace, name);
    } else if (applier->options.beside) {
        head_start_note(&applier->head_start, external_secret, applier_now_ms(applier));
    } else if (controls(applier)) {
        plan_turn(applier, external_secret, external_secret->deleting ? 0 : listing_ms(applier));
    }
    external_secret_release(external_secret);
}

void applier_plan_turn(struct applier *applier, struct str_view namespace, struct str_view name)
{
    struct external_secret *external_secret =
        world_external_secret(applier->options.world, namespace, name);
    if (external_secret) {
        plan_turn(applier, external_secret, 0);
    } else {
        progress_forget(&applier->progress, namespace, name);
    }
    external_secret_release(external_secret);
}

void applier_secret_changed(struct applier *applier, struct str_view namespace,
                            struct str_view name)
{
    CLEANUP(world_list_done) struct world_list all = {0};
    if (!controls(applier)) {
        return;
    }
    world_describing_all(applier->options.world, namespace, name, &all);
    for (size_t i = 0; i < all.count; i++) {
        const struct external_secret *external_secret = all.items[i];
        progress_target_changed(&applier->progress, namespace, external_secret->name);
        plan_turn(applier, external_secret, listing_ms(applier));
    }
}

bool applier_remote_changed(struct applier *applier, struct str_view namespace,
                            struct str_view name)
{
    CLEANUP(buf_done) struct buf key = {0};
    if (!acts(applier)) {
        return false;
    }
    object_key_write(&key, namespace, name);
    runs_outdate(&applier->runs, buf_view(&key));
    progress_hurry(&applier->progress, namespace, name);
    applier_plan(applier, namespace, name, 0);
    return true;
}

void applier_store_changed(struct applier *applier, bool cluster, struct str_view namespace,
                           struct str_view name)
{
    CLEANUP(world_list_done) struct world_list all = {0};
    if (!controls(applier)) {
        return;
    }
    world_external_secrets(applier->options.world, &all);
    for (size_t i = 0; i < all.count; i++) {
        if (store_use_has(all.items[i], cluster, namespace, name)) {
            plan_turn(applier, all.items[i], listing_ms(applier));
        }
    }
}

void applier_namespace_changed(struct applier *applier, struct str_view name)
{
    CLEANUP(world_list_done) struct world_list all = {0};
    if (!controls(applier) || !world_is_synced(applier->options.world, WORLD_NAMESPACES)) {
        return;
    }
    world_external_secrets(applier->options.world, &all);
    for (size_t i = 0; i < all.count; i++) {
        const struct external_secret *external_secret = all.items[i];
        if (sv_equal(external_secret->namespace, name)) {
            plan_turn(applier, external_secret, listing_ms(applier));
        }
    }
}

/* How long until the look at one whose place among all is `share`, from 0 to 1; INT64_MAX: none.
 * What is only overdue is looked at evenly spread, in whatever order: no two restarts ask AWS for
 * everything at one instant. */
static int64_t delay_of(struct applier *applier, const struct external_secret *external_secret,
                        double share)
{
    int64_t turn = turn_ms(applier, external_secret, false);
    int64_t spread = external_secret->refresh_interval_ms < SPREAD_MS
                         ? external_secret->refresh_interval_ms
                         : SPREAD_MS;
    struct secret *secret =
        world_secret(applier->options.world, external_secret->namespace, external_secret->target);
    bool there = secret != NULL;
    secret_release(secret);
    bool changed = external_secret->status.synced_version.len > 0 &&
                   !sv_is(external_secret->status.synced_version, external_secret->version);
    if (turn > 0 || !there || changed || external_secret->deleting) {
        return turn;
    }
    return spread > 0 ? (int64_t)((double)spread * share) : 0;
}

void applier_begin_leading(struct applier *applier)
{
    atomic_store(&applier->impatient, false);
    progress_restart(&applier->progress);
}

static void plan_all(struct applier *applier)
{
    CLEANUP(world_list_done) struct world_list all = {0};
    size_t due = 0;
    world_external_secrets(applier->options.world, &all);
    for (size_t i = 0; i < all.count; i++) {
        const struct external_secret *external_secret = all.items[i];
        int64_t delay = delay_of(applier, external_secret, (double)i / (double)all.count);
        if (delay != INT64_MAX) {
            applier_plan(applier, external_secret->namespace, external_secret->name, delay);
        }
        due += delay <= SPREAD_MS;
    }
    struct log_line line = log_begin(applier->options.log, LOG_INFO, "externalsecrets looked at");
    log_int(&line, "known", (int64_t)all.count);
    log_int(&line, "due", (int64_t)due);
    log_end(&line);
}

void applier_look_at_all(struct applier *applier)
{
    bool knows = applier_knows_world(applier);
    if (knows && controls(applier)) {
        plan_all(applier);
    } else if (!knows && acts(applier) && !atomic_load(&applier->impatient)) {
        agenda_look_in(applier->agenda, sv_of(EVERYTHING), LISTED_MS);
    }
}

/* It has been waited for long enough for what is not listed: that may never be. */
static void look_at_what_is_listed(struct applier *applier)
{
    if (acts(applier) && !is_all_listed(applier)) {
        atomic_store(&applier->impatient, true);
        applier_look_at_all(applier);
    }
}

int64_t applier_wait_ms(struct applier *applier, const struct external_secret *external_secret,
                        bool hurried)
{
    bool beside = applier->options.beside;
    if (external_secret->deleting) {
        return external_secret->has_cleanup_finalizer && !beside ? 0 : INT64_MAX;
    }
    if (store_use_is_others(applier->options.world, external_secret)) {
        return INT64_MAX;
    }
    /* What has failed is tried again for the same reason. */
    bool changed = hurried || progress_has_failed(&applier->progress, external_secret);
    return beside ? head_start_wait_ms(&applier->head_start, external_secret, changed,
                                       applier_now_ms(applier))
                  : 0;
}

/* When one that is looked at is begun. */
static int64_t look_turn_ms(struct applier *applier, const struct external_secret *external_secret)
{
    bool hurried = progress_is_hurried(&applier->progress, external_secret);
    int64_t wait = applier_wait_ms(applier, external_secret, hurried);
    return wait > 0 ? wait : turn_ms(applier, external_secret, false);
}

static void look(void *context, const char *key)
{
    struct applier *applier = context;
    struct str_view namespace = {0};
    struct str_view name = {0};
    if (sv_is(sv_of(key), EVERYTHING)) {
        look_at_what_is_listed(applier);
        return;
    }
    if (!leader_leads(applier->options.leader) || !object_key_read(sv_of(key), &namespace, &name)) {
        return;
    }
    struct external_secret *external_secret =
        world_external_secret(applier->options.world, namespace, name);
    if (!external_secret) {
        progress_forget(&applier->progress, namespace, name);
        return;
    }
    int64_t room = applier_room_ms(applier);
    int64_t turn = room > 0 ? room : look_turn_ms(applier, external_secret);
    int64_t delay = turn == 0 ? applier_begin(applier, external_secret) : turn;
    if (delay > 0 && delay != INT64_MAX) {
        agenda_look_in(applier->agenda, sv_of(key), delay);
    }
    external_secret_release(external_secret);
}
