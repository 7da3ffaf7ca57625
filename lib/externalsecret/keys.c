/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/keys.h"

#include "base/limits.h"
#include "base/unicode.h"
#include "base/utf8.h"

enum {
    LONGEST_CONVERTED = 10, /* "_U10ffff_" and its NUL */
    PRINTED_KEY_BYTES = 128,
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

bool keys_convert(enum conversion_strategy strategy, struct data_map *map, struct err *err)
{
    CLEANUP(data_map_done) struct data_map converted = {0};
    for (size_t i = 0; i < map->count; i++) {
        CLEANUP(buf_done) struct buf key = {0};
        buf_init(&key, map->entries[i].key.len * LONGEST_CONVERTED);
        convert(strategy, map->entries[i].key, &key);
        if (data_map_get(&converted, buf_view(&key))) {
            struct str_view shown = sv_first(buf_view(&key), PRINTED_KEY_BYTES);
            return err_set(err, ERR_INVALID,
                           "two keys become \"%.*s\" by conversionStrategy %s: rename one of them",
                           SV_ARG(shown), strategy == CONVERSION_UNICODE ? "Unicode" : "Default");
        }
        data_map_put(&converted, buf_view(&key), &map->entries[i].value);
    }
    data_map_done(map);
    *map = converted;
    converted = (struct data_map){0};
    return true;
}

static bool check_length(struct str_view key, struct err *err)
{
    if (key.len > LIMIT_KEY_BYTES) {
        struct str_view shown = sv_first(key, PRINTED_KEY_BYTES);
        return err_set(err, ERR_INVALID,
                       "key \"%.*s...\" has %zu bytes, a key of a Secret has at most %d",
                       SV_ARG(shown), key.len, LIMIT_KEY_BYTES);
    }
    return true;
}

static bool check_runes(struct str_view key, struct err *err)
{
    for (struct str_view rest = key; rest.len;) {
        size_t bytes = 0;
        uint32_t rune = utf8_first(rest, &bytes);
        if (!is_allowed(rune)) {
            return err_set(err, ERR_INVALID,
                           "key \"%.*s\" has U+%04X in it: letters, numbers, \"-\", \".\" and "
                           "\"_\" may be in a key; rewrite it",
                           SV_ARG(key), rune);
        }
        rest = sv_from(rest, bytes);
    }
    return true;
}

bool keys_validate(struct data_map *map, struct err *err)
{
    (void)data_map_remove(map, SV(""));
    for (size_t i = 0; i < map->count; i++) {
        if (!check_length(map->entries[i].key, err) || !check_runes(map->entries[i].key, err)) {
            return false;
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
