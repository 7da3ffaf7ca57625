/* SPDX-License-Identifier: Apache-2.0 */
/* A provider that does as it is told: by a script, one step a fetch, or held at a gate until others
 * have come. */
#ifndef SCRIPTED_PROVIDER_H
#define SCRIPTED_PROVIDER_H

#include "aws/credentials.h"
#include "base/lock.h"
#include "check_main.h"

enum {
    SCRIPTED_STEPS = 16,
};

struct scripted_step {
    enum err_kind failure;
    const char *id;      /* of the keys, when it succeeds */
    int64_t lifetime_ms; /* 0: never expires */
    int64_t takes_ms;    /* of the scripted clock */
};

struct scripted_provider {
    struct credentials_provider provider;
    const struct scripted_step *steps;
    _Atomic int64_t now_ms; /* both clocks */
    _Atomic unsigned fetches;
    _Atomic bool destroyed;
    struct credentials_request last; /* what the last fetch was asked */
    uint32_t random_bits;
    /* The gate: while it is closed, a fetch waits. */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool closed;
    unsigned waiting;
};

static inline int64_t scripted_now_ms(void *context)
{
    return ((struct scripted_provider *)context)->now_ms;
}

static inline uint32_t scripted_random(void *context)
{
    return ((struct scripted_provider *)context)->random_bits;
}

static inline void scripted_wait_at_gate(struct scripted_provider *scripted)
{
    pthread_mutex_lock(&scripted->mutex);
    scripted->waiting++;
    pthread_cond_broadcast(&scripted->changed);
    while (scripted->closed) {
        cond_wait_until(&scripted->changed, &scripted->mutex, INT64_MAX);
    }
    scripted->waiting--;
    pthread_mutex_unlock(&scripted->mutex);
}

static inline bool scripted_fetch(struct credentials_provider *provider,
                                  const struct credentials_request *request,
                                  struct credentials **ret, struct err *err)
{
    struct scripted_provider *scripted = (struct scripted_provider *)provider;
    unsigned index = atomic_fetch_add(&scripted->fetches, 1);
    ck_assert_uint_lt(index, SCRIPTED_STEPS);
    const struct scripted_step *step = &scripted->steps[index];
    scripted->last = *request;
    scripted_wait_at_gate(scripted);
    scripted->now_ms += step->takes_ms;
    if (step->failure != ERR_NONE) {
        return err_set(err, step->failure, "fetch %u", index);
    }
    ck_assert_msg(step->id, "one fetch too many");
    ck_assert(credentials_new(sv_of(step->id), SV("secret"), SV("token"), ret, err));
    if (step->lifetime_ms) {
        credentials_set_expiry(*ret, step->lifetime_ms, 0, scripted->now_ms);
    }
    return true;
}

static inline void scripted_destroy(struct credentials_provider *provider)
{
    ((struct scripted_provider *)provider)->destroyed = true;
}

static inline void scripted_init(struct scripted_provider *scripted,
                                 const struct scripted_step *steps, int64_t now_ms)
{
    *scripted = (struct scripted_provider){
        .provider = {.name = "the script", .fetch = scripted_fetch, .destroy = scripted_destroy},
        .steps = steps,
        .random_bits = UINT32_C(0x80000000),
    };
    atomic_init(&scripted->provider.references, 1);
    scripted->now_ms = now_ms;
    mutex_init(&scripted->mutex);
    cond_init(&scripted->changed);
}

static inline struct clock scripted_clock(struct scripted_provider *scripted)
{
    return (struct clock){
        .wall_ms = scripted_now_ms, .monotonic_ms = scripted_now_ms, .context = scripted};
}

static inline void scripted_close(struct scripted_provider *scripted)
{
    pthread_mutex_lock(&scripted->mutex);
    scripted->closed = true;
    pthread_mutex_unlock(&scripted->mutex);
}

static inline void scripted_open(struct scripted_provider *scripted)
{
    pthread_mutex_lock(&scripted->mutex);
    scripted->closed = false;
    pthread_cond_broadcast(&scripted->changed);
    pthread_mutex_unlock(&scripted->mutex);
}

/* Until a fetch stands at the gate. */
static inline void scripted_await_fetch(struct scripted_provider *scripted)
{
    pthread_mutex_lock(&scripted->mutex);
    while (scripted->waiting == 0) {
        cond_wait_until(&scripted->changed, &scripted->mutex, INT64_MAX);
    }
    pthread_mutex_unlock(&scripted->mutex);
}

#endif
