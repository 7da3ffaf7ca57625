/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/read_queue.h"
#include "base/table.h"

enum {
    /* Below it, queues that nobody needs are let be. */
    FEW_QUEUES = 64,
    /* Over it, also the memories of idle queues go; as many as credentials_cache.h has identities.
     */
    LIMIT_IDLE_QUEUES = 4096,
};

struct counted_queue {
    struct read_queue *queue;
    unsigned callers; /* in it now */
};

struct reader {
    struct reader_options options;
    struct reader_calls calls;
    struct reader_counts counts;
    pthread_mutex_t mutex; /* guards everything below, not what is in the queues */
    struct table queues;   /* of struct counted_queue */
    size_t sweep_at;       /* so many queues */
};

struct str_view reader_version(enum endpoint_service service, struct str_view version)
{
    bool current = service != ENDPOINT_SSM && sv_is(version, "AWSCURRENT");
    return current ? sv_make(NULL, 0) : version;
}

static void counted_queue_free(void *value)
{
    struct counted_queue *counted = value;
    read_queue_free(counted->queue);
    free(counted);
}

struct reader *reader_new_with_calls(const struct reader_options *options,
                                     const struct reader_calls *calls)
{
    struct reader *reader = mem_alloc(sizeof *reader);
    reader->options = *options;
    reader->calls = *calls;
    mutex_init(&reader->mutex);
    table_init(&reader->queues, counted_queue_free);
    reader->sweep_at = FEW_QUEUES;
    return reader;
}

struct reader *reader_new(const struct reader_options *options)
{
    return reader_new_with_calls(options, reader_calls_real());
}

void reader_free(struct reader *reader)
{
    if (!reader) {
        return;
    }
    table_done(&reader->queues);
    pthread_mutex_destroy(&reader->mutex);
    free(reader);
}

static void queue_id(struct buf *ret, const struct reader_request *request)
{
    const struct endpoint *address = service_endpoint_address(request->endpoint);
    buf_init(ret, sizeof request->identity + 1 + sizeof *address);
    buf_add(ret, identity_view(&request->identity));
    buf_add_byte(ret, (char)request->service);
    buf_add_str(ret, address->region);
    buf_add_byte(ret, '\0');
    buf_add_str(ret, address->url);
}

static struct counted_queue *counted_queue_new(struct reader *reader,
                                               const struct reader_request *request)
{
    struct read_queue_options options = {
        .clock = reader->options.clock,
        .cache = reader->options.cache,
        .calls = &reader->calls,
        .counts = &reader->counts,
        .service = request->service,
        .identity = request->identity,
    };
    const struct endpoint *address = service_endpoint_address(request->endpoint);
    memcpy(options.region, address->region, sizeof options.region);
    struct counted_queue *counted = mem_alloc(sizeof *counted);
    counted->queue = read_queue_new(&options);
    return counted;
}

/* Identities come and go. With the mutex. */
static void sweep(struct reader *reader)
{
    int64_t now_ms = clock_monotonic_ms(reader->options.clock);
    bool many = reader->queues.count >= LIMIT_IDLE_QUEUES;
    struct table kept;
    table_init(&kept, counted_queue_free);
    size_t position = 0;
    struct str_view id;
    void *value = NULL;
    while (table_next(&reader->queues, &position, &id, &value)) {
        struct counted_queue *counted = value;
        if (counted->callers == 0 && (many || read_queue_fresh(counted->queue, now_ms))) {
            counted_queue_free(counted);
        } else {
            table_put(&kept, id, counted);
        }
    }
    reader->queues.release = NULL;
    table_done(&reader->queues);
    reader->queues = kept;
    reader->sweep_at = kept.count > FEW_QUEUES / 2 ? 2 * kept.count : FEW_QUEUES;
}

/* NULL: it is full. */
static struct counted_queue *queue_enter(struct reader *reader,
                                         const struct reader_request *request)
{
    CLEANUP(buf_done) struct buf id = {0};
    queue_id(&id, request);
    pthread_mutex_lock(&reader->mutex);
    struct counted_queue *counted = table_get(&reader->queues, buf_view(&id));
    if (!counted) {
        if (reader->queues.count >= reader->sweep_at) {
            sweep(reader);
        }
        counted = counted_queue_new(reader, request);
        table_put(&reader->queues, buf_view(&id), counted);
    }
    bool full = counted->callers >= reader->options.max_callers;
    counted->callers += !full;
    pthread_mutex_unlock(&reader->mutex);
    return full ? NULL : counted;
}

static void queue_leave(struct reader *reader, struct counted_queue *counted)
{
    pthread_mutex_lock(&reader->mutex);
    counted->callers--;
    pthread_mutex_unlock(&reader->mutex);
}

static struct value_cache_key cache_key(const struct reader_request *request,
                                        const struct reader_item *item)
{
    return (struct value_cache_key){
        .identity = request->identity,
        .service = request->service,
        .region = sv_of(service_endpoint_address(request->endpoint)->region),
        .key = item->key,
        .version = reader_version(request->service, item->version),
    };
}

bool reader_recall(struct value_cache *cache, const struct reader_request *request,
                   struct reader_item *item)
{
    struct value_cache_key key = cache_key(request, item);
    return value_cache_get(cache, &key, request->since_ms, &item->value, &item->age_ms,
                           &item->error, &item->err) != VALUE_CACHE_MISS;
}

static void refuse(struct reader *reader, const struct reader_request *request,
                   struct reader_item *const *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        items[i]->error = (struct service_error){.class = SERVICE_THROTTLE, .retryable = true};
        err_set(&items[i]->err, ERR_BUSY, "\"%.*s\" in %s: %u callers are waiting already",
                SV_ARG(items[i]->key), service_endpoint_address(request->endpoint)->region,
                reader->options.max_callers);
    }
    atomic_fetch_add(&reader->counts.refused, count);
    value_cache_count_misses(reader->options.cache, count);
}

static void stand_in(struct reader *reader, const struct reader_request *request,
                     struct reader_item *item)
{
    struct value_cache_key key = cache_key(request, item);
    if (read_error_passes(&item->error) &&
        value_cache_get_stale(reader->options.cache, &key, &item->value, &item->age_ms)) {
        item->error = (struct service_error){.class = SERVICE_OK};
        item->err = (struct err){.kind = ERR_NONE};
    }
}

static void ask(struct reader *reader, const struct reader_request *request, uint64_t ended,
                struct reader_item *const *items, size_t count)
{
    struct counted_queue *counted = queue_enter(reader, request);
    if (counted) {
        read_queue_read(counted->queue, request, ended, items, count);
        queue_leave(reader, counted);
    } else {
        refuse(reader, request, items, count);
        reader_notify(request);
    }
    for (size_t i = 0; request->accept_stale && i < count; i++) {
        stand_in(reader, request, items[i]);
    }
}

static bool report(const struct reader_item *items, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i].error.class != SERVICE_OK) {
            *err = items[i].err;
            return false;
        }
    }
    return true;
}

bool reader_read(struct reader *reader, const struct reader_request *request,
                 struct reader_item *items, size_t count, struct err *err)
{
    CLEANUP(mem_free_ptr) struct reader_item **missing = mem_alloc_array(count, sizeof *missing);
    size_t missing_count = 0;
    uint64_t ended = atomic_load(&reader->counts.ended);
    atomic_fetch_add(&reader->counts.asked, count);
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct reader_item){
            .key = items[i].key, .version = items[i].version, .namespace = items[i].namespace};
        if (!reader_recall(reader->options.cache, request, &items[i])) {
            missing[missing_count++] = &items[i];
        }
    }
    if (missing_count > 0) {
        ask(reader, request, ended, missing, missing_count);
    } else {
        reader_notify(request);
    }
    return report(items, count, err);
}

void reader_join(struct reader *reader, const struct reader_request *request,
                 const struct reader_item *items, size_t count)
{
    struct counted_queue *counted = queue_enter(reader, request);
    if (counted) {
        read_queue_join(counted->queue, request, items, count);
        queue_leave(reader, counted);
    }
}

struct reader_numbers reader_numbers(struct reader *reader)
{
    return (struct reader_numbers){
        .asked = atomic_load(&reader->counts.asked),
        .joined = atomic_load(&reader->counts.joined),
        .batches = atomic_load(&reader->counts.batches),
        .batched = atomic_load(&reader->counts.batched),
        .singles = atomic_load(&reader->counts.singles),
        .refused = atomic_load(&reader->counts.refused),
    };
}

size_t reader_queues(struct reader *reader)
{
    pthread_mutex_lock(&reader->mutex);
    size_t count = reader->queues.count;
    pthread_mutex_unlock(&reader->mutex);
    return count;
}
