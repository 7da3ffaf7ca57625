/* SPDX-License-Identifier: Apache-2.0 */
#include "simulation.h"

#include "base/lock.h"
#include "die.h"
#include "webhook/thread.h"

/* When it begins, in the terms of both clocks: 2026-01-01. */
#define BEGINNING_MS 1767225600000

/* What one of the threads waits for. */
struct actor {
    pthread_t thread;
    pthread_cond_t turn;
    const void *cond;
    int64_t deadline_ms;
    bool looked; /* nothing has happened since it last looked at its condition */
    bool ended;
};

static struct {
    pthread_mutex_t mutex; /* guards what follows; whose turn it is holds it only to pass it on */
    struct actor actors[SIMULATION_THREADS];
    size_t turn;
    int64_t now_ms;
    void (*act)(void *context);
    void *context;
} simulation = {.now_ms = BEGINNING_MS};

static _Thread_local struct actor *self;

static int64_t read_clock(void *context)
{
    (void)context;
    return simulation.now_ms;
}

const struct clock *simulation_clock(void)
{
    static const struct clock simulated = {.wall_ms = read_clock, .monotonic_ms = read_clock};
    return &simulated;
}

static bool can_go_on(const struct actor *actor)
{
    return !actor->ended && (!actor->looked || actor->deadline_ms <= simulation.now_ms);
}

/* The next one in turn that has something to look at; NULL: nobody. */
static struct actor *next_actor(void)
{
    for (size_t i = 1; i <= SIMULATION_THREADS; i++) {
        struct actor *actor = &simulation.actors[(simulation.turn + i) % SIMULATION_THREADS];
        if (can_go_on(actor)) {
            return actor;
        }
    }
    return NULL;
}

static int64_t earliest_deadline(void)
{
    int64_t earliest_ms = INT64_MAX;
    for (size_t i = 0; i < SIMULATION_THREADS; i++) {
        const struct actor *actor = &simulation.actors[i];
        if (!actor->ended && actor->deadline_ms < earliest_ms) {
            earliest_ms = actor->deadline_ms;
        }
    }
    return earliest_ms;
}

static bool all_ended(void)
{
    for (size_t i = 0; i < SIMULATION_THREADS; i++) {
        if (!simulation.actors[i].ended) {
            return false;
        }
    }
    return true;
}

/* Holds the simulation's mutex. */
static void pass_turn(void)
{
    if (all_ended()) {
        return;
    }
    struct actor *next = next_actor();
    if (!next) {
        simulation.now_ms = earliest_deadline();
        next = simulation.now_ms < INT64_MAX ? next_actor() : NULL;
    }
    if (!next) {
        die("simulation", "everybody waits for ever");
    }
    simulation.turn = (size_t)(next - simulation.actors);
    pthread_cond_signal(&next->turn);
}

/* Holds the simulation's mutex. */
static void await_turn(void)
{
    while (&simulation.actors[simulation.turn] != self) {
        pthread_cond_wait(&self->turn, &simulation.mutex);
    }
}

/* Holds the simulation's mutex. Something may have changed for the others. */
static void let_all_look(void)
{
    for (size_t i = 0; i < SIMULATION_THREADS; i++) {
        simulation.actors[i].looked = false;
    }
}

static void wait_for(const void *cond, int64_t deadline_ms)
{
    pthread_mutex_lock(&simulation.mutex);
    bool same = self->cond == cond && self->deadline_ms == deadline_ms;
    if (!same) {
        let_all_look();
    }
    self->cond = cond;
    self->deadline_ms = deadline_ms;
    self->looked = true;
    pass_turn();
    await_turn();
    pthread_mutex_unlock(&simulation.mutex);
}

void simulation_wait_until(int64_t ms)
{
    wait_for(self, ms);
}

void simulation_sleep_until(int64_t ms)
{
    while (simulation.now_ms < ms) {
        wait_for(self, ms);
    }
}

static void *actor_main(void *argument)
{
    self = argument;
    pthread_mutex_lock(&simulation.mutex);
    await_turn();
    pthread_mutex_unlock(&simulation.mutex);
    simulation.act(simulation.context);
    pthread_mutex_lock(&simulation.mutex);
    self->ended = true;
    let_all_look();
    pass_turn();
    pthread_mutex_unlock(&simulation.mutex);
    return NULL;
}

void simulation_run(void (*act)(void *context), void *context)
{
    simulation.act = act;
    simulation.context = context;
    mutex_init(&simulation.mutex);
    for (size_t i = 0; i < SIMULATION_THREADS; i++) {
        simulation.actors[i].deadline_ms = INT64_MAX;
        cond_init(&simulation.actors[i].turn);
    }
    for (size_t i = 0; i < SIMULATION_THREADS; i++) {
        struct actor *actor = &simulation.actors[i];
        if (!thread_start(&actor->thread, "actor", actor_main, actor)) {
            die("thread", "not started");
        }
    }
    for (size_t i = 0; i < SIMULATION_THREADS; i++) {
        pthread_join(simulation.actors[i].thread, NULL);
    }
}

/* ---- in place of base/lock.c ---- */

void mutex_init(pthread_mutex_t *mutex)
{
    if (pthread_mutex_init(mutex, NULL) != 0) {
        die("mutex", "not made");
    }
}

void cond_init(pthread_cond_t *cond)
{
    if (pthread_cond_init(cond, NULL) != 0) {
        die("condition", "not made");
    }
}

/* Nobody else runs between the unlocking and the waiting: the turn is not passed on before. */
void cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ms)
{
    pthread_mutex_unlock(mutex);
    wait_for(cond, deadline_ms);
    pthread_mutex_lock(mutex);
}
