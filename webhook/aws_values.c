/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/aws_values.h"

#include "base/limits.h"
#include "webhook/aws_tags.h"

enum {
    READS_AT_ONCE = 100, /* five batches of Secrets Manager */
};

bool aws_values_begin(struct aws_values *values, struct clients *clients,
                      const struct remote_request *request, struct err *err)
{
    *values = (struct aws_values){.clients = clients, .request = request};
    if (!aws_reading_identity(clients, request->store, request->namespace, request->deadline_ms,
                              &values->identity, err)) {
        err->kind = err->kind == ERR_TIMEOUT ? ERR_UNAVAILABLE : err->kind;
        return false;
    }
    return true;
}

void aws_values_done(struct aws_values *values)
{
    store_identity_done(&values->identity);
}

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

static char *make_key(const struct aws_values *values, const struct remote_read *read)
{
    return values->whole_names ? sv_dup(read->key)
                               : aws_reading_key(values->request->store, read->key);
}

static void reading_init(struct reading *reading, const struct aws_values *values,
                         struct remote_read *const *reads, size_t count)
{
    reading->items = mem_alloc_array(count, sizeof *reading->items);
    reading->keys = mem_alloc_array(count, sizeof *reading->keys);
    reading->count = count;
    for (size_t i = 0; i < count; i++) {
        reading->keys[i] = make_key(values, reads[i]);
        reading->items[i].key = sv_of(reading->keys[i]);
        reading->items[i].version = reads[i]->version;
    }
}

/* Of a version that has both, which none has, the one that is wanted. */
static void take_value(struct remote_value *value, struct remote_read *read)
{
    bool binary = value->has_binary && (read->prefer_binary || !value->has_string);
    secret_buf_move(&read->value, binary ? &value->binary : &value->string);
}

/* Nothing stands in an item, neither a value nor why there is none. */
static bool is_blank(const struct reader_item *item)
{
    return item->err.kind == ERR_NONE &&
           (item->error.class != SERVICE_OK || !(item->value.has_string || item->value.has_binary));
}

static void note_contact(struct aws_values *values, const struct reading *reading)
{
    for (size_t i = 0; i < reading->count; i++) {
        if (reading->items[i].asked) {
            aws_values_note(values, reading->items[i].answered);
        }
    }
}

/* That a version of a parameter does not exist, or that one of the two does not, is no proof that
 * the parameter does not: the operator takes it for an error, and nothing is deleted over it. */
static bool is_missing(const struct remote_read *read, const struct reader_item *item)
{
    bool no_version = strcmp(item->error.code, "ParameterVersionNotFound") == 0 ||
                      (strcmp(item->error.code, "InvalidParameters") == 0 && read->version.len > 0);
    return read->may_miss && item->error.class == SERVICE_NOT_FOUND && !no_version;
}

static bool take_item(struct reader_item *item, struct remote_read *read, struct err *err)
{
    read->missing = is_missing(read, item);
    if (item->error.class == SERVICE_OK) {
        take_value(&item->value, read);
        return true;
    }
    read->failed = read->may_fail && !read->missing;
    if (!read->missing && !read->failed) {
        *err = item->err;
        return false;
    }
    return true;
}

static bool read_some(struct aws_values *values, struct remote_read *const *reads, size_t count,
                      struct err *err)
{
    CLEANUP(reading_done) struct reading reading = {0};
    struct err failure = {0};
    reading_init(&reading, values, reads, count);
    bool read = aws_reading_read(values->clients, values->request, &values->identity, reading.items,
                                 reading.count, NULL, &failure);
    note_contact(values, &reading);
    for (size_t i = 0; i < count; i++) {
        /* Without an answer to any of them it was not asked at all. */
        if (!read && is_blank(&reading.items[i])) {
            *err = failure;
            return false;
        }
        if (!take_item(&reading.items[i], reads[i], err)) {
            return false;
        }
        values->bytes += reads[i]->value.bytes.len;
    }
    return true;
}

static bool check_size(const struct aws_values *values, struct err *err)
{
    return values->bytes <= LIMIT_REMOTE_BYTES ||
           err_set(err, ERR_TOO_BIG, "its remote values are over the limit of %d bytes",
                   LIMIT_REMOTE_BYTES);
}

/* Who may write an ExternalSecret says how much is read for it. */
static bool read_values(struct aws_values *values, struct remote_read *const *reads, size_t count,
                        struct err *err)
{
    for (size_t i = 0; i < count; i += READS_AT_ONCE) {
        size_t left = count - i;
        if (!read_some(values, &reads[i], left < READS_AT_ONCE ? left : READS_AT_ONCE, err) ||
            !check_size(values, err)) {
            return false;
        }
    }
    return true;
}

static bool read_tags(struct aws_values *values, struct remote_read *read, struct err *err)
{
    CLEANUP(mem_free_ptr) char *key = make_key(values, read);
    if (!aws_tags_read(values, sv_of(key), read->version, &read->value, err)) {
        return false;
    }
    values->bytes += read->value.bytes.len;
    return check_size(values, err);
}

static bool read_all(struct aws_values *values, struct remote_read *reads, size_t count,
                     struct err *err)
{
    CLEANUP(mem_free_ptr)
    struct remote_read **of_values = mem_alloc_array(count, sizeof(struct remote_read *));
    size_t value_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!reads[i].metadata) {
            of_values[value_count++] = &reads[i];
        }
    }
    if (!read_values(values, of_values, value_count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (reads[i].metadata && !read_tags(values, &reads[i], err)) {
            return false;
        }
    }
    return true;
}

bool aws_values_read(struct aws_values *values, struct remote_read *reads, size_t count,
                     struct err *err)
{
    if (!read_all(values, reads, count, err)) {
        for (size_t i = 0; i < count; i++) {
            secret_buf_done(&reads[i].value);
        }
        bool answered = values->contact == REMOTE_ANSWERED;
        err->kind = err->kind == ERR_TIMEOUT && answered ? ERR_BUSY : err->kind;
        return false;
    }
    return true;
}
