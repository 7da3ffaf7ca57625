/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/materialise.h"

#include "webhook/head_start.h"
#include "webhook/kube_sink.h"
#include "webhook/kube_templates.h"
#include "webhook/leading_sink.h"
#include "webhook/sources.h"

/* A source that knows which stores are silent. */
struct patient_source {
    struct store_health *stores;
    const struct clock *clock;
    struct secret_source source;
};

static int64_t now_ms(const struct patient_source *patient)
{
    return clock_monotonic_ms(patient->clock);
}

/* A request that is allowed, and what comes of it. */
struct asking {
    struct remote_request request;
    struct store_outcome outcome;
};

static bool begin_asking(const struct patient_source *patient, const struct remote_request *request,
                         struct asking *ret, struct err *err)
{
    *ret = (struct asking){.request = *request, .outcome.allowed_ms = now_ms(patient)};
    ret->request.contact = &ret->outcome.contact;
    return store_health_may_ask(patient->stores, request->store, ret->outcome.allowed_ms, err);
}

/* Only the store's own answers count: that the API server fails is no fault of it, and that its
 * values are remembered, or stand in, no merit. */
static void end_asking(const struct patient_source *patient, struct asking *asking, bool done,
                       const struct err *err)
{
    asking->outcome.in_vain = !done && err->kind == ERR_TIMEOUT;
    store_health_note(patient->stores, asking->request.store, now_ms(patient), &asking->outcome);
}

static bool ask_store(void *context, const struct remote_request *request,
                      struct remote_read *reads, size_t count, struct err *err)
{
    const struct patient_source *patient = context;
    struct asking asking;
    if (!begin_asking(patient, request, &asking, err)) {
        return false;
    }
    bool done = patient->source.read(patient->source.context, &asking.request, reads, count, err);
    end_asking(patient, &asking, done, err);
    return done;
}

static bool find_in_store(void *context, const struct remote_request *request,
                          const struct remote_find *find, struct data_map *ret, struct err *err)
{
    const struct patient_source *patient = context;
    struct asking asking;
    if (!begin_asking(patient, request, &asking, err)) {
        return false;
    }
    bool done = patient->source.find(patient->source.context, &asking.request, find, ret, err);
    end_asking(patient, &asking, done, err);
    return done;
}

static struct store *find_store(void *context, const struct external_secret *external_secret,
                                const struct store_ref *ref, struct err *err)
{
    struct store *store = NULL;
    (void)world_store_for(context, external_secret, ref, &store, err);
    return store;
}

/* Beside the operator nobody but he says so. */
static bool is_absent(const struct materialise_input *input)
{
    const struct external_secret *external_secret = input->external_secret;
    return !input->yields && world_secret_presence(input->world, external_secret->namespace,
                                                   external_secret->target) == PRESENCE_ABSENT;
}

enum reconcile_outcome materialise(const struct materialise_input *input,
                                   struct reconcile_report *ret, struct err *err)
{
    struct clients *clients = input->clients;
    struct fingerprint_keys keys;
    bool known = world_keys(input->world, &keys);
    struct kube_sink sink_context = {.client = &clients->kube,
                                     .digest_key = known ? &keys.digest : NULL};
    struct leading_sink leading = {.leader = input->leader, .sink = kube_sink(&sink_context)};
    struct yielding_sink yielding = {.client = &clients->kube,
                                     .external_secret = input->external_secret,
                                     .sink = input->leader ? leading_sink(&leading) : leading.sink};
    const struct secret_sink sink = input->yields ? yielding_sink(&yielding) : yielding.sink;
    const struct template_source templates = kube_templates(&clients->kube);
    const struct store_resolver stores = {.find = find_store, .context = input->world};
    struct patient_source patient = {
        .stores = input->stores, .clock = clients->options->clock, .source = sources_for(clients)};
    const struct secret_source source = {
        .read = ask_store, .find = patient.source.find ? find_in_store : NULL, .context = &patient};
    const struct reconcile_input work = {
        .external_secret = input->external_secret,
        .stores = &stores,
        .source = &source,
        .templates = &templates,
        .sink = &sink,
        .absent = is_absent(input),
        .waiting = input->waiting,
        .since_ms = input->since_ms,
        .deadline_ms = input->deadline_ms,
    };
    enum reconcile_outcome outcome = reconcile(&work, ret, err);
    fingerprint_keys_wipe(&keys);
    return outcome;
}
