/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/service_endpoint.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/lock.h"

enum {
    /* Retry quota: the numbers of the SDKs' standard mode (aws.md §6.1). */
    QUOTA = 500,
    THROTTLED_COST = 5,
    FAILED_COST = 14,
    SUCCESS_REFUND = 1,

    /* Circuit breaker (aws.md §6.2). */
    FAILURES = 5,
    FAILURES_WITHIN_MS = 10 * 1000,
    OPEN_MIN_MS = 1000,
    OPEN_MAX_MS = 5000,

    /* The services accept five minutes; less than this is not what made them refuse. */
    CLOCK_CHANGE_MS = 240 * 1000,
};

enum breaker_state {
    CLOSED,
    OPEN,    /* until open_until_ms */
    PROBING, /* one call is under way, the others wait for what it finds */
};

struct breaker {
    enum breaker_state state;
    unsigned failures;           /* in a row */
    int64_t failed_ms[FAILURES]; /* when, of the last ones: a ring */
    int64_t open_until_ms;
};

struct service_endpoint {
    struct endpoint address;
    struct service_observer observer;
    /* Changed under the lock, so that each change is told once; read without. */
    atomic_int_least64_t clock_offset_ms;
    pthread_mutex_t lock; /* of what follows */
    struct breaker breaker;
    unsigned quota[SERVICE_URGENCIES];
};

struct service_endpoint *service_endpoint_new(const struct endpoint *endpoint,
                                              const struct service_observer *observer)
{
    struct service_endpoint *made = mem_alloc(sizeof *made);
    made->address = *endpoint;
    made->observer = observer ? *observer : (struct service_observer){0};
    atomic_init(&made->clock_offset_ms, 0);
    mutex_init(&made->lock);
    for (size_t i = 0; i < ARRAY_LEN(made->quota); i++) {
        made->quota[i] = QUOTA;
    }
    return made;
}

void service_endpoint_free(struct service_endpoint *endpoint)
{
    if (endpoint) {
        pthread_mutex_destroy(&endpoint->lock);
        free(endpoint);
    }
}

const struct endpoint *service_endpoint_address(const struct service_endpoint *endpoint)
{
    return &endpoint->address;
}

/* 0: go on, and whoever hears it after an opening is the probe. Otherwise how long it stays so. */
static int64_t breaker_wait_ms(struct breaker *breaker, int64_t now_ms)
{
    switch (breaker->state) {
    case CLOSED:
        return 0;
    case PROBING:
        return OPEN_MIN_MS;
    case OPEN:
        break;
    }
    if (now_ms < breaker->open_until_ms) {
        return breaker->open_until_ms - now_ms;
    }
    breaker->state = PROBING;
    return 0;
}

static void breaker_open(struct breaker *breaker, int64_t now_ms, uint32_t random)
{
    uint64_t jitter_ms = ((uint64_t)random * (OPEN_MAX_MS - OPEN_MIN_MS + 1)) >> 32;
    breaker->state = OPEN;
    breaker->open_until_ms = now_ms + OPEN_MIN_MS + (int64_t)jitter_ms;
}

static void breaker_note_failure(struct breaker *breaker, int64_t now_ms, uint32_t random)
{
    breaker->failed_ms[breaker->failures++ % FAILURES] = now_ms;
    int64_t first_ms = breaker->failed_ms[breaker->failures % FAILURES];
    bool many = breaker->failures >= FAILURES && now_ms - first_ms <= FAILURES_WITHIN_MS;
    /* What began before the breaker opened and ends while it is open does not open it for longer.
     */
    if (breaker->state == PROBING || (breaker->state == CLOSED && many)) {
        breaker_open(breaker, now_ms, random);
    }
}

bool service_endpoint_may_ask(struct service_endpoint *endpoint, int64_t now_ms, struct err *err)
{
    pthread_mutex_lock(&endpoint->lock);
    int64_t wait_ms = breaker_wait_ms(&endpoint->breaker, now_ms);
    pthread_mutex_unlock(&endpoint->lock);
    return wait_ms == 0 ||
           err_set(err, ERR_BUSY, "%s has not answered lately and is not asked for %lld ms",
                   endpoint->address.host, (long long)wait_ms);
}

void service_endpoint_note_transport(struct service_endpoint *endpoint, bool answered,
                                     int64_t now_ms, uint32_t random)
{
    pthread_mutex_lock(&endpoint->lock);
    if (answered) {
        endpoint->breaker = (struct breaker){.state = CLOSED};
    } else {
        breaker_note_failure(&endpoint->breaker, now_ms, random);
    }
    pthread_mutex_unlock(&endpoint->lock);
}

bool service_endpoint_take_retry(struct service_endpoint *endpoint, enum service_urgency urgency,
                                 bool throttled)
{
    unsigned cost = throttled ? THROTTLED_COST : FAILED_COST;
    pthread_mutex_lock(&endpoint->lock);
    bool enough = endpoint->quota[urgency] >= cost;
    endpoint->quota[urgency] -= enough ? cost : 0;
    pthread_mutex_unlock(&endpoint->lock);
    return enough;
}

void service_endpoint_give_back(struct service_endpoint *endpoint, enum service_urgency urgency,
                                unsigned retries, bool throttled)
{
    unsigned cost = throttled ? THROTTLED_COST : FAILED_COST;
    pthread_mutex_lock(&endpoint->lock);
    unsigned quota = endpoint->quota[urgency] + (retries > 0 ? cost : SUCCESS_REFUND);
    endpoint->quota[urgency] = quota < QUOTA ? quota : QUOTA;
    pthread_mutex_unlock(&endpoint->lock);
}

int64_t service_endpoint_clock_offset_ms(const struct service_endpoint *endpoint)
{
    return atomic_load(&endpoint->clock_offset_ms);
}

bool service_endpoint_set_clock(struct service_endpoint *endpoint, int64_t offset_ms)
{
    pthread_mutex_lock(&endpoint->lock);
    int64_t change_ms = offset_ms - atomic_load(&endpoint->clock_offset_ms);
    bool adopted = change_ms >= CLOCK_CHANGE_MS || change_ms <= -CLOCK_CHANGE_MS;
    if (adopted) {
        atomic_store(&endpoint->clock_offset_ms, offset_ms);
    }
    pthread_mutex_unlock(&endpoint->lock);
    if (adopted && endpoint->observer.clock_set) {
        endpoint->observer.clock_set(endpoint->observer.context, &endpoint->address, offset_ms);
    }
    return adopted;
}

void service_endpoint_report(const struct service_endpoint *endpoint,
                             const struct service_report *report)
{
    if (endpoint->observer.call_ended) {
        endpoint->observer.call_ended(endpoint->observer.context, report);
    }
}
