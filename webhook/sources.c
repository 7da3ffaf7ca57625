/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/sources.h"

#include "base/limits.h"
#include "externalsecret/fake_source.h"
#include "webhook/aws_reading.h"

enum {
    READS_AT_ONCE = 100, /* five batches of Secrets Manager */
};

/* The items of one reading; each key is the store's prefix and remoteRef.key. */
struct reading {
    struct reader_item *items;
    char **keys;
    size_t count;
};

static void reading_done(struct reading *reading)
{
    for (size_t i = 0; i < reading->count; i++) {
        remote_value_done(&reading->items[i].value);
        free(reading->keys[i]);
    }
    free(reading->items);
    free(reading->keys);
}

static void reading_init(struct reading *reading, const struct store *store,
                         const struct remote_read *reads, size_t count)
{
    reading->items = mem_alloc_array(count, sizeof *reading->items);
    reading->keys = mem_alloc_array(count, sizeof *reading->keys);
    reading->count = count;
    for (size_t i = 0; i < count; i++) {
        reading->keys[i] = aws_reading_key(store, reads[i].key);
        reading->items[i].key = sv_of(reading->keys[i]);
        reading->items[i].version = reads[i].version;
    }
}

/* Of a version that has both, which none has, the one that is wanted. */
static void take_value(struct remote_value *value, struct remote_read *read)
{
    bool binary = value->has_binary && (read->prefer_binary || !value->has_string);
    secret_buf_move(&read->value, binary ? &value->binary : &value->string);
}

/* Something came from the store itself, and not from the cache. */
static bool has_answered(const struct reading *reading)
{
    for (size_t i = 0; i < reading->count; i++) {
        const struct reader_item *item = &reading->items[i];
        bool came = item->error.class == SERVICE_OK && item->age_ms == 0;
        if (came || item->error.class == SERVICE_NOT_FOUND || item->error.class == SERVICE_DENIED ||
            item->error.class == SERVICE_REQUEST || item->error.class == SERVICE_THROTTLE) {
            return true;
        }
    }
    return false;
}

/* The values of one ExternalSecret as far as they have been read. */
struct collecting {
    struct clients *clients;
    const struct remote_request *request;
    struct store_identity identity;
    size_t bytes;
    bool answered;
};

static void collecting_done(struct collecting *collecting)
{
    store_identity_done(&collecting->identity);
}

static bool read_some(struct collecting *collecting, struct remote_read *reads, size_t count,
                      struct err *err)
{
    CLEANUP(reading_done) struct reading reading = {0};
    reading_init(&reading, collecting->request->store, reads, count);
    bool read = aws_reading_read(collecting->clients, collecting->request, &collecting->identity,
                                 reading.items, reading.count, err);
    collecting->answered |= has_answered(&reading);
    for (size_t i = 0; read && i < count; i++) {
        take_value(&reading.items[i].value, &reads[i]);
        collecting->bytes += reads[i].value.bytes.len;
    }
    return read;
}

/* Who may write an ExternalSecret says how much is read for it. */
static bool read_all(struct collecting *collecting, struct remote_read *reads, size_t count,
                     struct err *err)
{
    for (size_t i = 0; i < count; i += READS_AT_ONCE) {
        size_t left = count - i;
        if (!read_some(collecting, &reads[i], left < READS_AT_ONCE ? left : READS_AT_ONCE, err)) {
            return false;
        }
        if (collecting->bytes > LIMIT_REMOTE_BYTES) {
            return err_set(err, ERR_TOO_BIG, "its remote values are over the limit of %d bytes",
                           LIMIT_REMOTE_BYTES);
        }
    }
    return true;
}

/* A store that has timed out keeps everybody waiting who uses it. That there was no time for all
 * that somebody asks of it, or that the API server did not say as whom to ask, is not that. */
static bool read_aws(struct clients *clients, const struct remote_request *request,
                     struct remote_read *reads, size_t count, struct err *err)
{
    CLEANUP(collecting_done)
    struct collecting collecting = {.clients = clients, .request = request};
    if (!aws_reading_identity(clients, request->store, request->namespace, request->deadline_ms,
                              &collecting.identity, err)) {
        err->kind = err->kind == ERR_TIMEOUT ? ERR_UNAVAILABLE : err->kind;
        return false;
    }
    if (!read_all(&collecting, reads, count, err)) {
        err->kind = err->kind == ERR_TIMEOUT && collecting.answered ? ERR_BUSY : err->kind;
        return false;
    }
    return true;
}

static bool source_read(void *context, const struct remote_request *request,
                        struct remote_read *reads, size_t count, struct err *err)
{
    struct clients *clients = context;
    switch (request->store->provider) {
    case PROVIDER_AWS_SECRETS_MANAGER:
    case PROVIDER_AWS_PARAMETER_STORE:
        return read_aws(clients, request, reads, count, err);
    case PROVIDER_FAKE: {
        struct secret_source fake = fake_source();
        return fake.read(fake.context, request, reads, count, err);
    }
    case PROVIDER_OTHER:
        break;
    }
    return err_set(err, ERR_INVALID, "store %.*s: its provider is not supported",
                   SV_ARG(request->store->name));
}

struct secret_source sources_for(struct clients *clients)
{
    return (struct secret_source){.read = source_read, .context = clients};
}
