/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/inquiry.h"

#include <stdatomic.h>

#include "webhook/object_quota.h"
#include "webhook/sources.h"
#include "webhook/sweep.h"

enum {
    /* From what was found to the answer of the review. */
    MARGIN_MS = 20,
    /* What a call to AWS may take. That of the review would be too short: calls that are cut off
     * would say of AWS that it is silent. */
    STORE_DEADLINE_MS = 5000,
    /* Whoever has said nothing for so long is silent: four budgets, and less than a connection may
     * take to come about. */
    SILENCE_MS = 1000,
};

struct inquiry {
    atomic_uint references;
    struct inquiry_options options;
    struct existence existence;
    struct problem_list found;
    struct err failure;
};

struct inquiry *inquiry_new(const struct inquiry_options *options, struct existence *existence)
{
    struct inquiry *inquiry = mem_alloc(sizeof *inquiry);
    atomic_init(&inquiry->references, 1);
    inquiry->options = *options;
    inquiry->existence = *existence;
    *existence = (struct existence){0};
    return inquiry;
}

void inquiry_release(struct inquiry *inquiry)
{
    if (inquiry && atomic_fetch_sub(&inquiry->references, 1) == 1) {
        existence_done(&inquiry->existence);
        free(inquiry);
    }
}

static int64_t now_ms(const struct inquiry *inquiry)
{
    return clock_monotonic_ms(inquiry->options.clock);
}

/* Nobody waits for it any more, or is about to. */
static bool is_late(const struct inquiry *inquiry)
{
    return now_ms(inquiry) >= inquiry->options.deadline_ms - MARGIN_MS;
}

static bool has_nothing(const struct existence_batch *batch)
{
    size_t i = 0;
    while (i < batch->count && batch->reads[i].failed) {
        i++;
    }
    return i == batch->count;
}

/* What may be missing does not fail the whole, so that only the time tells of silence. */
static void note_outcome(const struct inquiry *inquiry, const struct existence_batch *batch,
                         struct store_outcome *outcome)
{
    int64_t now = now_ms(inquiry);
    outcome->in_vain = outcome->contact == REMOTE_ASKED && has_nothing(batch) &&
                       now - outcome->allowed_ms >= SILENCE_MS;
    store_health_note(inquiry->options.reviews, batch->store, now, outcome);
}

/* In no hurry: what Pods wait for goes first, and no value of yesterday stands in for one that does
 * not come. */
static void ask_store(struct inquiry *inquiry, const struct secret_source *source,
                      const struct existence_batch *batch, int64_t begun_ms, int64_t since_ms)
{
    struct store_outcome outcome = {.allowed_ms = begun_ms};
    const struct remote_request request = {
        .store = batch->store,
        .namespace = inquiry->existence.external_secret->namespace,
        .apart = inquiry->options.apart,
        .since_ms = since_ms ? since_ms : clock_since_ms(begun_ms, SWEEP_FRESH_MS),
        .deadline_ms = begun_ms + STORE_DEADLINE_MS,
        .contact = &outcome.contact,
    };
    existence_ask(batch);
    if (!source->read(source->context, &request, batch->reads, batch->count, &inquiry->failure)) {
        existence_fail(batch);
    }
    note_outcome(inquiry, batch, &outcome);
}

static bool may_ask(struct inquiry *inquiry, const struct store *store, int64_t now)
{
    return !store_health_is_silent(inquiry->options.stores, store) &&
           store_health_may_ask(inquiry->options.reviews, store, now, &inquiry->failure);
}

/* `since_ms`: of what was read before that nothing will do; 0: of the last minute. */
static void ask_all(struct inquiry *inquiry, struct clients *clients, int64_t since_ms)
{
    const struct secret_source source = sources_for(clients);
    struct existence_batch batch;
    size_t position = 0;
    while (!is_late(inquiry) && existence_next(&inquiry->existence, &position, &batch)) {
        int64_t begun_ms = now_ms(inquiry);
        if (may_ask(inquiry, batch.store, begun_ms)) {
            ask_store(inquiry, &source, &batch, begun_ms, since_ms);
        } else {
            existence_fail(&batch);
        }
    }
}

/* A property may take a while to look for. */
static void judge_all(struct inquiry *inquiry)
{
    size_t count = existence_entries(&inquiry->existence);
    inquiry->found = (struct problem_list){0};
    for (size_t i = 0; i < count && inquiry->found.count < PROBLEMS_MAX && !is_late(inquiry); i++) {
        existence_judge(&inquiry->existence, i, &inquiry->found);
    }
}

static bool quota_may_refuse(struct inquiry *inquiry, const struct clients *clients)
{
    bool counted = false;
    return inquiry->options.creates &&
           (!object_quota_counts(&clients->kube, inquiry->existence.external_secret->namespace,
                                 &kube_external_secrets, inquiry->options.deadline_ms, &counted,
                                 &inquiry->failure) ||
            counted);
}

/* Of the second round what the first has read is the answer, and nothing that was read before. */
static void ask(void *context, void *thread_context)
{
    struct inquiry *inquiry = context;
    int64_t begun_ms = now_ms(inquiry);
    if (is_late(inquiry) || quota_may_refuse(inquiry, thread_context) ||
        !existence_plan(&inquiry->existence)) {
        return;
    }
    ask_all(inquiry, thread_context, 0);
    judge_all(inquiry);
    if (inquiry->found.count > 0) {
        ask_all(inquiry, thread_context, begun_ms);
        judge_all(inquiry);
    }
}

static void release(void *context)
{
    inquiry_release(context);
}

struct flight_question inquiry_question(struct inquiry *inquiry)
{
    atomic_fetch_add(&inquiry->references, 1);
    return (struct flight_question){.namespace = inquiry->existence.external_secret->namespace,
                                    .ask = ask,
                                    .release = release,
                                    .context = inquiry};
}

const struct problem_list *inquiry_found(const struct inquiry *inquiry)
{
    return &inquiry->found;
}

const char *inquiry_failure(const struct inquiry *inquiry)
{
    return inquiry->failure.kind != ERR_NONE ? inquiry->failure.message : NULL;
}
