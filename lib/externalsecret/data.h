/* SPDX-License-Identifier: Apache-2.0 */
/* The data of a Secret that is being made: keys and values, the values in secret memory. One thread
 * at a time. */
#ifndef EXTERNALSECRET_DATA_H
#define EXTERNALSECRET_DATA_H

#include "base/json.h"
#include "base/secret_buf.h"
#include "crypto/sha3.h"

struct data_entry {
    struct str_view key; /* the map's own copy */
    struct secret_buf value;
};

/* Zeroed is empty. */
struct data_map {
    struct data_entry *entries; /* sorted by key */
    size_t count;
    size_t capacity;
};

void data_map_done(struct data_map *map);
/* Copies `key` and moves `value` in; one that was there under this key is wiped. */
void data_map_put(struct data_map *map, struct str_view key, struct secret_buf *value);
/* NULL when there is none. */
struct data_entry *data_map_get(const struct data_map *map, struct str_view key);
/* Wipes the entry; whether there was one. */
bool data_map_remove(struct data_map *map, struct str_view key);
/* Moves everything out of `from`, which is left empty; what was in `to` under such a key is
 * wiped. */
void data_map_merge(struct data_map *to, struct data_map *from);
/* Adds copies. */
void data_map_copy(const struct data_map *from, struct data_map *to);
/* Puts "key 3 of 12 (sorted): " in front of the message, for the entry of index 2. That is how
 * messages tell an entry: extract and merge make keys of what stands in a value, so no byte of one
 * is ever in a message. */
bool data_map_wrap(const struct data_map *map, size_t index, struct err *err);
/* Adds `data` of a Secret as the API server sends it. ERR_INVALID tells the key by its place
 * there. */
MUST_CHECK bool data_map_put_json(struct data_map *map, const struct json *data, struct err *err);

/* The same keys with the same values. */
bool data_map_equal(const struct data_map *a, const struct data_map *b);
/* Of keys and values together. */
size_t data_map_bytes(const struct data_map *map);
/* ERR_TOO_BIG over LIMIT_SECRET_DATA_BYTES of values together. */
MUST_CHECK bool data_map_check_size(const struct data_map *map, struct err *err);
/* External Secrets Operator's data-hash (0.16.2 and later): SHA3-224 over Go's print of the map,
 * "map[key:[98 97 114] ...]". For the operator's eyes only: it has no key, so Keyturn never takes
 * it for a rollout hash. */
void data_map_hash(const struct data_map *map, char ret[SHA3_224_HEX_BYTES]);

#endif
