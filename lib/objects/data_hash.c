/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/data_hash.h"

enum {
    PRINTED_BYTES = 1024, /* handed to the hash at once */
    LONGEST_PRINT = 4,    /* " 255" */
};

void data_hash_init(struct data_hash *hash)
{
    *hash = (struct data_hash){.hash = sha3_224_new()};
    sha3_224_update(hash->hash, "map[", 4);
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

static void add_value(struct sha3_224 *hash, struct str_view value)
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

void data_hash_add(struct data_hash *hash, struct str_view key, struct str_view value)
{
    sha3_224_update(hash->hash, " ", hash->has_entries ? 1 : 0);
    hash->has_entries = true;
    sha3_224_update(hash->hash, key.data, key.len);
    sha3_224_update(hash->hash, ":[", 2);
    add_value(hash->hash, value);
    sha3_224_update(hash->hash, "]", 1);
}

void data_hash_finish(struct data_hash *hash, char ret[SHA3_224_HEX_BYTES])
{
    sha3_224_update(hash->hash, "]", 1);
    sha3_224_finish(hash->hash, ret);
    *hash = (struct data_hash){0};
}
