/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/data.h"

#include "base/encode.h"
#include "base/limits.h"
#include "objects/data_hash.h"

enum {
    FIRST_CAPACITY = 8,
};

static void entry_done(struct data_entry *entry)
{
    secret_buf_done(&entry->value);
    explicit_bzero((char *)entry->key.data, entry->key.len); /* perhaps out of a value as well */
    free((char *)entry->key.data);
}

void data_map_done(struct data_map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        entry_done(&map->entries[i]);
    }
    free(map->entries);
    *map = (struct data_map){0};
}

/* Where `key` is, or where it belongs. */
static size_t find(const struct data_map *map, struct str_view key, bool *ret_there)
{
    size_t low = 0;
    size_t high = map->count;
    *ret_there = false;
    while (low < high && !*ret_there) {
        size_t middle = low + (high - low) / 2;
        int order = sv_compare(key, map->entries[middle].key);
        if (order > 0) {
            low = middle + 1;
        } else {
            high = middle;
            *ret_there = order == 0;
        }
    }
    return *ret_there ? high : low;
}

static void insert(struct data_map *map, size_t at, struct str_view key)
{
    if (map->count == map->capacity) {
        map->capacity = map->capacity ? map->capacity * 2 : FIRST_CAPACITY;
        /* An entry only points at its value, so the block may move. */
        map->entries = mem_resize_array(map->entries, map->capacity, sizeof *map->entries);
    }
    memmove(map->entries + at + 1, map->entries + at, (map->count - at) * sizeof *map->entries);
    char *copy = mem_alloc(key.len + 1); /* an empty key is one too */
    memcpy(copy, key.data ? key.data : "", key.len);
    map->entries[at] = (struct data_entry){.key = sv_make(copy, key.len)};
    map->count++;
}

void data_map_put(struct data_map *map, struct str_view key, struct secret_buf *value)
{
    bool there = false;
    size_t at = find(map, key, &there);
    if (!there) {
        insert(map, at, key);
    }
    secret_buf_move(&map->entries[at].value, value);
}

struct data_entry *data_map_get(const struct data_map *map, struct str_view key)
{
    bool there = false;
    size_t at = find(map, key, &there);
    return there ? &map->entries[at] : NULL;
}

bool data_map_remove(struct data_map *map, struct str_view key)
{
    struct data_entry *entry = data_map_get(map, key);
    if (!entry) {
        return false;
    }
    entry_done(entry);
    map->count--;
    memmove(entry, entry + 1, (size_t)(map->entries + map->count - entry) * sizeof *entry);
    return true;
}

void data_map_merge(struct data_map *to, struct data_map *from)
{
    for (size_t i = 0; i < from->count; i++) {
        data_map_put(to, from->entries[i].key, &from->entries[i].value);
    }
    data_map_done(from);
}

void data_map_copy(const struct data_map *from, struct data_map *to)
{
    for (size_t i = 0; i < from->count; i++) {
        CLEANUP(secret_buf_done) struct secret_buf copy = {0};
        secret_buf_init(&copy, LIMIT_SECRET_DATA_BYTES);
        secret_buf_add(&copy, secret_buf_view(&from->entries[i].value));
        data_map_put(to, from->entries[i].key, &copy);
    }
}

bool data_map_wrap(const struct data_map *map, size_t index, struct err *err)
{
    return err_wrap(err, "key %zu of %zu (sorted)", index + 1, map->count);
}

bool data_map_put_json(struct data_map *map, const struct json *data, struct err *err)
{
    size_t place = 0;
    JSON_FOR_EACH (member, data) {
        place++;
        CLEANUP(secret_buf_done) struct secret_buf value = {0};
        secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES);
        /* Go writes a nil []byte as null. */
        if (!json_is(member, JSON_STRING) && !json_is_absent(member)) {
            return err_set(err, ERR_INVALID, "key %zu of data is not a string", place);
        }
        if (!decode_base64(&value.bytes, json_string(member), err)) {
            return err_wrap(err, "key %zu of data", place);
        }
        data_map_put(map, json_key(member), &value);
    }
    return true;
}

bool data_map_equal(const struct data_map *a, const struct data_map *b)
{
    bool equal = a->count == b->count;
    for (size_t i = 0; equal && i < a->count; i++) {
        equal = sv_equal(a->entries[i].key, b->entries[i].key) &&
                secret_equal(secret_buf_view(&a->entries[i].value),
                             secret_buf_view(&b->entries[i].value));
    }
    return equal;
}

size_t data_map_bytes(const struct data_map *map)
{
    size_t bytes = 0;
    for (size_t i = 0; i < map->count; i++) {
        bytes += map->entries[i].key.len + map->entries[i].value.bytes.len;
    }
    return bytes;
}

bool data_map_check_size(const struct data_map *map, struct err *err)
{
    size_t bytes = 0;
    for (size_t i = 0; i < map->count; i++) {
        bytes += map->entries[i].value.bytes.len;
    }
    if (bytes > LIMIT_SECRET_DATA_BYTES) {
        return err_set(err, ERR_TOO_BIG, "the values have %zu bytes together, a Secret takes %d",
                       bytes, LIMIT_SECRET_DATA_BYTES);
    }
    return true;
}

void data_map_hash(const struct data_map *map, char ret[SHA3_224_HEX_BYTES])
{
    struct data_hash hash;
    data_hash_init(&hash);
    for (size_t i = 0; i < map->count; i++) {
        data_hash_add(&hash, map->entries[i].key, secret_buf_view(&map->entries[i].value));
    }
    data_hash_finish(&hash, ret);
}
