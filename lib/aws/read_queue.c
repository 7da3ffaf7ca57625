/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/read_queue.h"

#include "aws/read_gathering.h"
#include "base/table.h"

enum {
    /* The service client begins no try with less (aws.md §6.2): a call that fails this close to its
     * deadline may have failed for want of time. */
    LAST_TRY_MS = 300,
};

struct read_queue {
    struct read_queue_options options;
    pthread_mutex_t mutex;   /* guards everything below */
    pthread_cond_t ended;    /* a call */
    struct table on_its_way; /* id to the youngest fetch, gathered or called */
    struct read_gathering gathering;
};

struct read_queue *read_queue_new(const struct read_queue_options *options)
{
    struct read_queue *queue = mem_alloc(sizeof *queue);
    queue->options = *options;
    mutex_init(&queue->mutex);
    cond_init(&queue->ended);
    table_init_borrowing(&queue->on_its_way, NULL);
    read_gathering_init(&queue->gathering, options->service);
    return queue;
}

void read_queue_free(struct read_queue *queue)
{
    read_gathering_done(&queue->gathering);
    table_done(&queue->on_its_way);
    pthread_cond_destroy(&queue->ended);
    pthread_mutex_destroy(&queue->mutex);
    free(queue);
}

bool read_queue_fresh(const struct read_queue *queue, int64_t now_ms)
{
    return read_gathering_fresh(&queue->gathering, now_ms);
}

/* With the mutex. A younger one may have taken its place. */
static bool is_youngest(const struct read_queue *queue, const struct read_fetch *fetch)
{
    return table_get(&queue->on_its_way, fetch->id) == fetch;
}

/* With the mutex. */
static void forget(struct read_queue *queue, const struct read_fetch *fetch)
{
    if (is_youngest(queue, fetch)) {
        (void)table_take(&queue->on_its_way, fetch->id);
    }
}

/* With the mutex. */
static void begin(struct read_queue *queue, struct read_fetch *fetch,
                  const struct reader_request *request, int64_t now_ms)
{
    fetch->urgency = request->urgency;
    fetch->deadline_ms = request->deadline_ms;
    fetch->gathered_ms = now_ms;
    /* The table borrows the id of what it holds. */
    (void)table_take(&queue->on_its_way, fetch->id);
    table_put(&queue->on_its_way, fetch->id, fetch);
    read_gathering_add(&queue->gathering, fetch);
}

/* The call that is under way began before what he takes may have been read. */
static bool is_too_old(const struct read_fetch *fetch, const struct reader_request *request)
{
    return fetch->state == READ_FETCH_CALLED && fetch->called_ms < request->since_ms;
}

/* With the mutex. */
static void join(struct read_queue *queue, struct read_fetch *fetch,
                 const struct reader_request *request)
{
    if (request->urgency < fetch->urgency) {
        fetch->urgency = request->urgency;
    }
    if (request->deadline_ms > fetch->deadline_ms) {
        fetch->deadline_ms = request->deadline_ms;
    }
    atomic_fetch_add(&queue->options.counts->joined, 1);
}

/* With the mutex: what is not on its way is either in the cache or was not asked for. */
static bool came_meanwhile(struct read_queue *queue, const struct reader_request *request,
                           uint64_t ended, struct reader_item *item)
{
    return atomic_load(&queue->options.counts->ended) != ended &&
           reader_recall(queue->options.cache, request, item);
}

/* With the mutex. */
static struct read_fetch *want(struct read_queue *queue, const struct reader_request *request,
                               const struct reader_item *item, int64_t now_ms)
{
    struct str_view version = reader_version(request->service, item->version);
    struct read_fetch *fetch = read_fetch_new(
        item->key, version, item->namespace.len ? item->namespace : request->namespace);
    struct read_fetch *other = table_get(&queue->on_its_way, fetch->id);
    if (other && !is_too_old(other, request)) {
        read_fetch_free(fetch);
        fetch = other;
        join(queue, fetch, request);
    } else {
        begin(queue, fetch, request, now_ms);
    }
    fetch->waiters++;
    return fetch;
}

/* Without the mutex: the fetches of a call belong to who makes it. */
static void keep_answer(const struct read_queue *queue, const struct read_fetch *fetch)
{
    const struct value_cache_key key = {
        .identity = queue->options.identity,
        .service = queue->options.service,
        .region = sv_of(queue->options.region),
        .key = fetch->key,
        .version = fetch->version,
    };
    enum service_error_class class = fetch->error.class;
    if (class == SERVICE_OK) {
        value_cache_put(queue->options.cache, &key, fetch->namespace, &fetch->value,
                        fetch->called_ms);
    } else if (class == SERVICE_NOT_FOUND || class == SERVICE_DENIED || class == SERVICE_REQUEST) {
        value_cache_put_error(queue->options.cache, &key, fetch->namespace, &fetch->error,
                              &fetch->err, fetch->called_ms);
    } else if (class == SERVICE_CREDENTIAL && !fetch->error.retryable) {
        /* Whoever may no longer be who he was is not to be handed later what he could read. */
        value_cache_drop_identity(queue->options.cache, &key.identity);
    }
}

static void count_call(struct reader_counts *counts, const struct read_call *call)
{
    if (call->count > 1) {
        atomic_fetch_add(&counts->batches, 1);
        atomic_fetch_add(&counts->batched, call->count);
    } else {
        atomic_fetch_add(&counts->singles, 1);
    }
}

/* Without the mutex. */
static enum read_call_end make_call(const struct read_queue *queue,
                                    const struct reader_request *request,
                                    const struct read_call *call)
{
    const struct service_target target = {
        .thread = request->thread,
        .endpoint = request->endpoint,
        .credentials = request->credentials,
        .urgency = call->urgency,
        .deadline_ms = call->deadline_ms,
    };
    count_call(queue->options.counts, call);
    enum read_call_end end =
        read_call_make(call, queue->options.calls, queue->options.service, &target);
    for (size_t i = 0; i < call->count; i++) {
        if (!call->fetches[i]->again) {
            keep_answer(queue, call->fetches[i]);
        }
    }
    atomic_fetch_add(&queue->options.counts->ended, 1);
    return end;
}

/* Somebody came while the call was under way who can wait longer than the call was given. */
static bool wants_more_time(const struct read_fetch *fetch, const struct read_call *call,
                            int64_t now_ms)
{
    return read_error_passes(&fetch->error) && fetch->deadline_ms > call->deadline_ms &&
           now_ms >= call->deadline_ms - LAST_TRY_MS;
}

/* With the mutex. */
static void end_fetch(struct read_queue *queue, struct read_fetch *fetch, bool once_more)
{
    if (once_more && fetch->waiters > 0) {
        /* No batch asks for one value twice. */
        fetch->alone = fetch->alone || !is_youngest(queue, fetch);
        read_gathering_add(&queue->gathering, fetch);
        return;
    }
    forget(queue, fetch);
    fetch->state = READ_FETCH_ANSWERED;
    if (fetch->waiters == 0) {
        read_fetch_free(fetch);
    }
}

/* With the mutex. */
static void note_begin(const struct read_queue *queue, const struct read_call *call)
{
    int64_t now_ms = clock_monotonic_ms(queue->options.clock);
    for (size_t i = 0; i < call->count; i++) {
        call->fetches[i]->called_ms = now_ms;
    }
}

/* With the mutex, which it takes off for the call. */
static void carry_out(struct read_queue *queue, const struct reader_request *request,
                      const struct read_call *call)
{
    note_begin(queue, call);
    pthread_mutex_unlock(&queue->mutex);
    enum read_call_end end = make_call(queue, request, call);
    int64_t now_ms = clock_monotonic_ms(queue->options.clock);
    pthread_mutex_lock(&queue->mutex);
    read_gathering_end(&queue->gathering, call, end, now_ms);
    for (size_t i = 0; i < call->count; i++) {
        struct read_fetch *fetch = call->fetches[i];
        end_fetch(queue, fetch, fetch->again || wants_more_time(fetch, call, now_ms));
    }
    pthread_cond_broadcast(&queue->ended);
}

static bool all_answered(const struct read_party *party)
{
    for (size_t i = 0; i < party->count; i++) {
        if (party->fetches[i]->state != READ_FETCH_ANSWERED) {
            return false;
        }
    }
    return true;
}

/* With the mutex. */
static void stay(struct read_queue *queue, const struct reader_request *request,
                 const struct read_party *party)
{
    const struct reader_calls *calls = queue->options.calls;
    while (!all_answered(party)) {
        int64_t now_ms = clock_monotonic_ms(queue->options.clock);
        if (now_ms >= party->deadline_ms) {
            return;
        }
        struct read_call call;
        int64_t wake_ms = 0;
        if (read_gathering_next(&queue->gathering, party, now_ms, &call, &wake_ms)) {
            carry_out(queue, request, &call);
        } else {
            calls->wait(calls->context, &queue->ended, &queue->mutex,
                        wake_ms < party->deadline_ms ? wake_ms : party->deadline_ms);
        }
    }
}

/* With the mutex. */
static void leave(struct read_queue *queue, struct read_fetch *fetch)
{
    if (--fetch->waiters > 0 || fetch->state == READ_FETCH_CALLED) {
        return;
    }
    if (fetch->state == READ_FETCH_GATHERED) {
        forget(queue, fetch);
        read_gathering_remove(&queue->gathering, fetch);
    }
    read_fetch_free(fetch);
}

/* Who gives the credentials speaks for the service when he refuses them. */
static bool has_answered(const struct service_error *error)
{
    return error->class == SERVICE_OK || error->status != 0 ||
           (error->class == SERVICE_CREDENTIAL && !error->retryable);
}

static void hand_out(const struct read_fetch *fetch, struct reader_item *item)
{
    item->asked = true;
    item->answered = has_answered(&fetch->error);
    item->error = fetch->error;
    item->err = fetch->err;
    if (fetch->error.class == SERVICE_OK) {
        remote_value_copy(&item->value, &fetch->value);
    }
}

static void time_out(const struct read_queue *queue, struct reader_item *item)
{
    item->asked = true;
    item->error = (struct service_error){.class = SERVICE_TRANSPORT, .retryable = true};
    err_set(&item->err, ERR_TIMEOUT, "\"%.*s\" in %s is still being fetched", SV_ARG(item->key),
            queue->options.region);
}

void read_queue_read(struct read_queue *queue, const struct reader_request *request, uint64_t ended,
                     struct reader_item *const *items, size_t count)
{
    CLEANUP(mem_free_ptr) struct read_fetch **fetches = mem_alloc_array(count, sizeof *fetches);
    CLEANUP(mem_free_ptr) struct reader_item **wanted = mem_alloc_array(count, sizeof *wanted);
    struct read_party party = {fetches, 0, request->deadline_ms};
    int64_t now_ms = clock_monotonic_ms(queue->options.clock);

    pthread_mutex_lock(&queue->mutex);
    for (size_t i = 0; i < count; i++) {
        if (!came_meanwhile(queue, request, ended, items[i])) {
            fetches[party.count] = want(queue, request, items[i], now_ms);
            wanted[party.count++] = items[i];
        }
    }
    value_cache_count_misses(queue->options.cache, party.count);
    reader_notify(request);
    stay(queue, request, &party);
    for (size_t i = 0; i < party.count; i++) {
        if (fetches[i]->state != READ_FETCH_ANSWERED) {
            leave(queue, fetches[i]);
            fetches[i] = NULL;
        }
    }
    pthread_mutex_unlock(&queue->mutex);

    /* An answer does not change any more; copying it may take a while. */
    for (size_t i = 0; i < party.count; i++) {
        if (fetches[i]) {
            hand_out(fetches[i], wanted[i]);
        } else {
            time_out(queue, wanted[i]);
        }
    }

    pthread_mutex_lock(&queue->mutex);
    for (size_t i = 0; i < party.count; i++) {
        if (fetches[i]) {
            leave(queue, fetches[i]);
        }
    }
    pthread_mutex_unlock(&queue->mutex);
}

/* With the mutex. NULL: it is not on its way. */
static struct read_fetch *find(const struct read_queue *queue, const struct reader_request *request,
                               const struct reader_item *item)
{
    struct str_view version = reader_version(request->service, item->version);
    struct read_fetch *named = read_fetch_new(item->key, version, request->namespace);
    struct read_fetch *found = table_get(&queue->on_its_way, named->id);
    read_fetch_free(named);
    return found;
}

void read_queue_join(struct read_queue *queue, const struct reader_request *request,
                     const struct reader_item *items, size_t count)
{
    CLEANUP(mem_free_ptr) struct read_fetch **fetches = mem_alloc_array(count, sizeof *fetches);
    struct read_party party = {fetches, 0, request->deadline_ms};
    pthread_mutex_lock(&queue->mutex);
    for (size_t i = 0; i < count; i++) {
        struct read_fetch *fetch = find(queue, request, &items[i]);
        if (fetch && !is_too_old(fetch, request)) {
            join(queue, fetch, request);
            fetch->waiters++;
            fetches[party.count++] = fetch;
        }
    }
    stay(queue, request, &party);
    for (size_t i = 0; i < party.count; i++) {
        leave(queue, fetches[i]);
    }
    pthread_mutex_unlock(&queue->mutex);
}
