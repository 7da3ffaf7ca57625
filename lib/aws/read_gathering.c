/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/read_gathering.h"

void read_gathering_init(struct read_gathering *gathering, enum endpoint_service service)
{
    *gathering = (struct read_gathering){.service = service};
}

void read_gathering_done(struct read_gathering *gathering)
{
    free(gathering->fetches);
    batch_refusals_done(&gathering->refusals);
}

bool read_gathering_fresh(const struct read_gathering *gathering, int64_t now_ms)
{
    return gathering->rate.full_ms <= now_ms && batch_refusals_empty(&gathering->refusals, now_ms);
}

/* A batch of Secrets Manager knows only current versions (aws.md §3.2). */
static bool needs_single(const struct read_gathering *gathering, const struct read_fetch *fetch)
{
    return (gathering->service != ENDPOINT_SSM && fetch->version.len > 0) ||
           batch_refusals_blames(&gathering->refusals, fetch->id, fetch->gathered_ms);
}

void read_gathering_add(struct read_gathering *gathering, struct read_fetch *fetch)
{
    if (gathering->count == gathering->capacity) {
        gathering->capacity = gathering->capacity ? 2 * gathering->capacity : 32;
        gathering->fetches =
            mem_resize_array(gathering->fetches, gathering->capacity, sizeof(struct read_fetch *));
    }
    fetch->state = READ_FETCH_GATHERED;
    fetch->alone = fetch->alone || needs_single(gathering, fetch);
    gathering->fetches[gathering->count++] = fetch;
}

static void drop_all_but_gathered(struct read_gathering *gathering)
{
    size_t kept = 0;
    for (size_t i = 0; i < gathering->count; i++) {
        if (gathering->fetches[i]->state == READ_FETCH_GATHERED) {
            gathering->fetches[kept++] = gathering->fetches[i];
        }
    }
    gathering->count = kept;
}

void read_gathering_remove(struct read_gathering *gathering, struct read_fetch *fetch)
{
    fetch->state = READ_FETCH_ANSWERED;
    drop_all_but_gathered(gathering);
}

static struct read_fetch *first_gathered(const struct read_party *party, bool alone)
{
    for (size_t i = 0; i < party->count; i++) {
        struct read_fetch *fetch = party->fetches[i];
        if (fetch->state == READ_FETCH_GATHERED && fetch->alone == alone) {
            return fetch;
        }
    }
    return NULL;
}

static void take(struct read_call *call, struct read_fetch *fetch)
{
    fetch->state = READ_FETCH_CALLED;
    read_call_add(call, fetch);
}

static bool fits(const struct read_gathering *gathering, const struct read_call *call,
                 const struct read_fetch *fetch)
{
    return call->count < read_call_max(gathering->service) && fetch->state == READ_FETCH_GATHERED &&
           !fetch->alone;
}

static void take_urgent(const struct read_gathering *gathering, struct read_fetch *const *fetches,
                        size_t count, enum service_urgency urgency, struct read_call *call)
{
    for (size_t i = 0; i < count; i++) {
        if (fetches[i]->urgency == urgency && fits(gathering, call, fetches[i])) {
            take(call, fetches[i]);
        }
    }
}

static void take_batch(const struct read_gathering *gathering, const struct read_party *party,
                       struct read_call *call)
{
    static const enum service_urgency urgencies[] = {SERVICE_ADMISSION, SERVICE_BACKGROUND};
    for (size_t i = 0; i < ARRAY_LEN(urgencies); i++) {
        take_urgent(gathering, party->fetches, party->count, urgencies[i], call);
        take_urgent(gathering, gathering->fetches, gathering->count, urgencies[i], call);
    }
}

/* How many can be asked for together, and since when the first of them waits. */
static size_t count_together(const struct read_gathering *gathering, int64_t *since_ms)
{
    size_t count = 0;
    *since_ms = INT64_MAX;
    for (size_t i = 0; i < gathering->count; i++) {
        const struct read_fetch *fetch = gathering->fetches[i];
        count += !fetch->alone;
        if (!fetch->alone && fetch->gathered_ms < *since_ms) {
            *since_ms = fetch->gathered_ms;
        }
    }
    return count;
}

/* Beyond the rate it asks singly (aws.md §3.4, §4). */
static bool may_spill(const struct read_gathering *gathering, const struct read_fetch *own)
{
    return gathering->service != ENDPOINT_SSM && own->urgency == SERVICE_ADMISSION;
}

/* Until when `own` waits for more to go with it; `now_ms` when it does not. A request does not wait
 * where the rate has no batch by then: it would be asked for singly in the end, only later. */
static int64_t held_back_until(const struct read_gathering *gathering, const struct read_fetch *own,
                               size_t together, int64_t since_ms, int64_t now_ms)
{
    bool hurried = own->urgency == SERVICE_ADMISSION;
    int64_t end_ms = since_ms + (hurried ? READ_HURRIED_WINDOW_MS : READ_WINDOW_MS);
    bool in_vain = may_spill(gathering, own) && batch_rate_ready_ms(&gathering->rate) > end_ms;
    bool waits = gathering->calls > 0 && together < read_call_max(gathering->service) && !in_vain;
    return waits && end_ms > now_ms ? end_ms : now_ms;
}

/* For `own`, which the party wants and which need not be asked for singly. */
static bool next_together(struct read_gathering *gathering, const struct read_party *party,
                          struct read_fetch *own, int64_t now_ms, struct read_call *call,
                          int64_t *wake_ms)
{
    if (batch_refusals_forbids(&gathering->refusals, now_ms)) {
        take(call, own);
        return true;
    }
    int64_t since_ms = 0;
    size_t together = count_together(gathering, &since_ms);
    int64_t held_ms = held_back_until(gathering, own, together, since_ms, now_ms);
    if (held_ms > now_ms) {
        *wake_ms = held_ms;
        return false;
    }
    if (together > 1 && batch_rate_take(&gathering->rate, now_ms)) {
        take_batch(gathering, party, call);
        return true;
    }
    int64_t ready_ms = batch_rate_ready_ms(&gathering->rate);
    if (together > 1 && !may_spill(gathering, own) && ready_ms < party->deadline_ms) {
        *wake_ms = ready_ms;
        return false;
    }
    take(call, own);
    return true;
}

bool read_gathering_next(struct read_gathering *gathering, const struct read_party *party,
                         int64_t now_ms, struct read_call *call, int64_t *wake_ms)
{
    *wake_ms = INT64_MAX;
    *call = (struct read_call){.count = 0};
    struct read_fetch *own = first_gathered(party, false);
    if (!own || !next_together(gathering, party, own, now_ms, call, wake_ms)) {
        own = first_gathered(party, true);
        if (!own) {
            return false;
        }
        take(call, own);
    }
    drop_all_but_gathered(gathering);
    gathering->calls++;
    return true;
}

/* A single call for one that a refused batch held says whether it was that one. */
static void learn_from_single(struct read_gathering *gathering, const struct read_fetch *fetch,
                              int64_t now_ms)
{
    enum service_error_class class = fetch->error.class;
    if (fetch->suspect && (class == SERVICE_DENIED || class == SERVICE_REQUEST)) {
        batch_refusals_blame(&gathering->refusals, fetch->id, now_ms);
    } else if (class == SERVICE_OK) {
        batch_refusals_acquit(&gathering->refusals, fetch->id);
    }
}

void read_gathering_end(struct read_gathering *gathering, const struct read_call *call,
                        enum read_call_end end, int64_t now_ms)
{
    gathering->calls--;
    if (call->count == 1) {
        learn_from_single(gathering, call->fetches[0], now_ms);
    }
    if (end != READ_CALL_ENDED) {
        batch_refusals_forbid(&gathering->refusals, now_ms);
    }
    for (size_t i = 0; i < call->count; i++) {
        struct read_fetch *fetch = call->fetches[i];
        fetch->alone = fetch->alone || fetch->again;
        fetch->suspect = fetch->suspect || end == READ_CALL_SPOILT;
    }
}
