/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/data.h"

#include "base/encode.h"
#include "base/limits.h"

enum {
    FIRST_CAPACITY = 8,
    PRINTED_BYTES = 1024, /* handed to the hash at once */
    LONGEST_PRINT = 4,    /* " 255" */
};

void data_map_done(struct data_map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        secret_buf_done(&map->entries[i].value);
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
    map->entries[at] = (struct data_entry){.key = key};
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

bool data_map_put_json(struct data_map *map, const struct json *data, struct err *err)
{
    JSON_FOR_EACH (member, data) {
        CLEANUP(secret_buf_done) struct secret_buf value = {0};
        secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES);
        /* Go writes a nil []byte as null. */
        if (!json_is(member, JSON_STRING) && !json_is_absent(member)) {
            return err_set(err, ERR_INVALID, "data[%.*s] is not a string",
                           SV_ARG(json_key(member)));
        }
        if (!decode_base64(&value.bytes, json_string(member), err)) {
            return err_wrap(err, "data[%.*s]", SV_ARG(json_key(member)));
        }
        data_map_put(map, json_key(member), &value);
    }
    return true;
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

/* " 98": without the space in front of the first. */
static size_t print_byte(char *out, unsigned char byte, bool first)
{
    size_t len = 0;
    if (!first) {
        out[len++] = ' ';
    }
    if (byte >= 100) {
        out[len++] = (char)('0' + byte / 100);
    }
    if (byte >= 10) {
        out[len++] = (char)('0' + byte / 10 % 10);
    }
    out[len++] = (char)('0' + byte % 10);
    return len;
}

static void hash_value(struct sha3_224 *hash, struct str_view value)
{
    char text[PRINTED_BYTES];
    size_t len = 0;
    for (size_t i = 0; i < value.len; i++) {
        len += print_byte(text + len, (unsigned char)value.data[i], i == 0);
        if (len > sizeof text - LONGEST_PRINT) {
            sha3_224_update(hash, text, len);
            len = 0;
        }
    }
    sha3_224_update(hash, text, len);
    explicit_bzero(text, sizeof text);
}

void data_map_hash(const struct data_map *map, char ret[SHA3_224_HEX_BYTES])
{
    struct sha3_224 *hash = sha3_224_new();
    sha3_224_update(hash, "map[", 4);
    for (size_t i = 0; i < map->count; i++) {
        sha3_224_update(hash, " ", i ? 1 : 0);
        sha3_224_update(hash, map->entries[i].key.data, map->entries[i].key.len);
        sha3_224_update(hash, ":[", 2);
        hash_value(hash, secret_buf_view(&map->entries[i].value));
        sha3_224_update(hash, "]", 1);
    }
    sha3_224_update(hash, "]", 1);
    sha3_224_finish(hash, ret);
}
