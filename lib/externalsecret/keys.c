/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/keys.h"

#include "base/limits.h"
#include "base/unicode.h"
#include "base/utf8.h"

enum {
    LONGEST_CONVERTED = 10, /* "_U10ffff_" and its NUL */
};

static bool is_allowed(uint32_t rune)
{
    return rune == '-' || rune == '.' || rune == '_' || unicode_is_letter_or_number(rune);
}

static void convert(enum conversion_strategy strategy, struct str_view key, struct buf *out)
{
    while (key.len) {
        size_t bytes = 0;
        uint32_t rune = utf8_first(key, &bytes);
        if (is_allowed(rune)) {
            buf_append(out, key.data, bytes);
        } else if (strategy == CONVERSION_UNICODE) {
            buf_printf(out, "_U%04x_", rune);
        } else {
            buf_add_byte(out, '_');
        }
        key = sv_from(key, bytes);
    }
}

/* Extract makes keys of what stands in a value, so they are secret as well. */
static void convert_key(enum conversion_strategy strategy, struct str_view key,
                        struct secret_buf *ret)
{
    secret_buf_init(ret, key.len * LONGEST_CONVERTED);
    convert(strategy, key, &ret->bytes);
}

/* `map` has one that becomes `converted`. */
static size_t first_that_becomes(enum conversion_strategy strategy, const struct data_map *map,
                                 struct str_view converted)
{
    size_t at = 0;
    for (bool found = false; !found; at++) {
        CLEANUP(secret_buf_done) struct secret_buf key = {0};
        convert_key(strategy, map->entries[at].key, &key);
        found = sv_equal(secret_buf_view(&key), converted);
    }
    return at - 1;
}

bool keys_convert(enum conversion_strategy strategy, struct data_map *map, struct err *err)
{
    CLEANUP(data_map_done) struct data_map converted = {0};
    for (size_t i = 0; i < map->count; i++) {
        CLEANUP(secret_buf_done) struct secret_buf key = {0};
        convert_key(strategy, map->entries[i].key, &key);
        if (data_map_get(&converted, secret_buf_view(&key))) {
            return err_set(err, ERR_INVALID,
                           "keys %zu and %zu of %zu (sorted) become one by conversionStrategy %s: "
                           "rename one of them",
                           first_that_becomes(strategy, map, secret_buf_view(&key)) + 1, i + 1,
                           map->count, strategy == CONVERSION_UNICODE ? "Unicode" : "Default");
        }
        data_map_put(&converted, secret_buf_view(&key), &map->entries[i].value);
    }
    data_map_done(map);
    *map = converted;
    converted = (struct data_map){0};
    return true;
}

static bool check_length(struct str_view key, struct err *err)
{
    return key.len <= LIMIT_KEY_BYTES ||
           err_set(err, ERR_INVALID, "%zu bytes, a key of a Secret has at most %d", key.len,
                   LIMIT_KEY_BYTES);
}

static bool check_runes(struct str_view key, struct err *err)
{
    for (size_t at = 0; at < key.len;) {
        size_t bytes = 0;
        if (!is_allowed(utf8_first(sv_from(key, at), &bytes))) {
            return err_set(err, ERR_INVALID,
                           "byte %zu of %zu is not of a letter, a number, \"-\", \".\" or \"_\", "
                           "and nothing else may be in a key: rewrite it",
                           at + 1, key.len);
        }
        at += bytes;
    }
    return true;
}

bool keys_validate(struct data_map *map, struct err *err)
{
    (void)data_map_remove(map, SV(""));
    for (size_t i = 0; i < map->count; i++) {
        if (!check_length(map->entries[i].key, err) || !check_runes(map->entries[i].key, err)) {
            return data_map_wrap(map, i, err);
        }
    }
    return true;
}

/* key.len: there is none. */
static size_t foreign_byte(struct str_view key)
{
    size_t at = 0;
    while (at < key.len && (unsigned char)key.data[at] < 0x80 &&
           is_allowed((unsigned char)key.data[at])) {
        at++;
    }
    return at;
}

/* A template may have made the key of a value, so it is told by its place. */
static bool check_secret_key(struct str_view key, size_t number, struct err *err)
{
    size_t at = foreign_byte(key);
    if (key.len > LIMIT_KEY_BYTES) {
        return err_set(err, ERR_INVALID, "key %zu has %zu bytes, a key of a Secret has at most %d",
                       number, key.len, LIMIT_KEY_BYTES);
    }
    if (at < key.len) {
        return err_set(err, ERR_INVALID,
                       "key %zu has another byte than letters of ASCII, digits, \"-\", \".\" and "
                       "\"_\" in place %zu of %zu: rewrite it",
                       number, at + 1, key.len);
    }
    if (key.len == 0 || sv_is(key, ".") || sv_starts_with(key, SV(".."))) {
        return err_set(err, ERR_INVALID,
                       "key %zu is empty, \".\" or begins with \"..\", which no key of a Secret "
                       "may: rewrite it",
                       number);
    }
    return true;
}

bool keys_check_secret(const struct data_map *map, struct err *err)
{
    for (size_t i = 0; i < map->count; i++) {
        if (!check_secret_key(map->entries[i].key, i + 1, err)) {
            return false;
        }
    }
    return true;
}
