/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/template/yaml_order.h"

#include "base/unicode.h"
#include "base/utf8.h"

static uint32_t rune_at(struct str_view text, size_t at)
{
    size_t len = 0;
    return utf8_first(sv_from(text, at), &len);
}

static bool is_digit(uint32_t rune)
{
    return rune < 0x80 ? rune >= '0' && rune <= '9' : unicode_is_digit(rune);
}

static bool is_letter(uint32_t rune)
{
    return unicode_is_word(rune) && !is_digit(rune) && rune != '_';
}

/* Whether digits directly before `at` have one that is not 0. */
static bool follows_number(struct str_view text, size_t at)
{
    while (at > 0) {
        size_t len = 0;
        uint32_t rune = utf8_last(sv_make(text.data, at), &len);
        if (!is_digit(rune)) {
            return false;
        }
        if (rune != '0') {
            return true;
        }
        at -= len;
    }
    return false;
}

/* The digits from `at` on as Go's int64 has them, which wraps; how many there are. */
static int64_t number_at(struct str_view text, size_t at, bool follows, size_t *ret_digits)
{
    uint64_t number = follows ? 1 : 0;
    *ret_digits = 0;
    while (at < text.len) {
        size_t len = 0;
        uint32_t rune = utf8_first(sv_from(text, at), &len);
        if (!is_digit(rune)) {
            break;
        }
        number = number * 10 + rune - '0';
        (*ret_digits)++;
        at += len;
    }
    return (int64_t)number;
}

/* Where the runes at `at` differ. */
static bool less_at(struct str_view a, struct str_view b, size_t at)
{
    uint32_t a_rune = rune_at(a, at);
    uint32_t b_rune = rune_at(b, at);
    bool a_letter = is_letter(a_rune);
    bool b_letter = is_letter(b_rune);
    if (a_letter && b_letter) {
        return a_rune < b_rune;
    }
    if (a_letter || b_letter) {
        return b_letter;
    }
    bool follows = (a_rune == '0' || b_rune == '0') && follows_number(a, at);
    size_t a_digits = 0;
    size_t b_digits = 0;
    int64_t a_number = number_at(a, at, follows, &a_digits);
    int64_t b_number = number_at(b, at, follows, &b_digits);
    if (a_number != b_number) {
        return a_number < b_number;
    }
    return a_digits != b_digits ? a_digits < b_digits : a_rune < b_rune;
}

static bool less(struct str_view a, struct str_view b)
{
    size_t at = 0;
    while (at < a.len && at < b.len) {
        size_t a_len = 0;
        size_t b_len = 0;
        if (utf8_first(sv_from(a, at), &a_len) != utf8_first(sv_from(b, at), &b_len)) {
            return less_at(a, b, at);
        }
        at += a_len;
    }
    return a.len < b.len;
}

static bool has_digit(struct str_view key)
{
    while (key.len > 0) {
        size_t len = 0;
        if (is_digit(utf8_first(key, &len))) {
            return true;
        }
        key = sv_from(key, len);
    }
    return false;
}

static int compare(const void *a, const void *b)
{
    struct str_view a_key = ((const struct value_member *)a)->key;
    struct str_view b_key = ((const struct value_member *)b)->key;
    return less(a_key, b_key) ? -1 : less(b_key, a_key) ? 1 : 0;
}

/* Of a real order each stands before all that follow, and then it is the only one. */
static bool check_pairs(struct template_arena *arena, const struct value_member *members,
                        size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!template_arena_step(arena, count - i, err)) {
            return false;
        }
        for (size_t k = i + 1; k < count; k++) {
            if (!less(members[i].key, members[k].key)) {
                return err_set(err, ERR_INVALID,
                               "map keys with digits that YAML's order of keys does not decide");
            }
        }
    }
    return true;
}

bool yaml_order(struct template_arena *arena, struct value_member *members, size_t count,
                struct err *err)
{
    bool numbered = false;
    for (size_t i = 0; i < count && count > 1; i++) {
        numbered = numbered || has_digit(members[i].key);
    }
    if (count > 1) {
        qsort(members, count, sizeof *members, compare);
    }
    return !numbered || check_pairs(arena, members, count, err);
}
