/* SPDX-License-Identifier: Apache-2.0 */
/* sprig's functions that change or show characters: upper, lower, title, quote. */
#include "base/limits.h"
#include "base/unicode.h"
#include "base/utf8.h"
#include "externalsecret/template/arguments.h"
#include "externalsecret/template/format.h"
#include "externalsecret/template/functions_internal.h"

typedef uint32_t (*mapping)(uint32_t rune, uint32_t before);

/* strings.Map: bytes that are no UTF-8 come out as U+FFFD. */
static bool map_runes(struct template_arena *arena, const struct value *args, mapping map,
                      struct value *ret, struct err *err)
{
    struct str_view text = {0};
    if (!argument_text(args, 0, &text, err) ||
        !template_arena_step(arena, text.len / STEP_BYTES, err)) {
        return false;
    }
    CLEANUP(secret_buf_done) struct secret_buf out = {0};
    secret_buf_init(&out, LIMIT_TEMPLATE_BYTES);
    uint32_t before = ' ';
    while (text.len > 0) {
        size_t len = 0;
        uint32_t rune = utf8_first(text, &len);
        utf8_add(&out.bytes, map(rune, before));
        before = rune;
        text = sv_from(text, len);
    }
    return value_from_buf(arena, &out, ret, err);
}

static uint32_t to_upper(uint32_t rune, uint32_t before)
{
    (void)before;
    return unicode_upper(rune);
}

static uint32_t to_lower(uint32_t rune, uint32_t before)
{
    (void)before;
    return unicode_lower(rune);
}

/* strings.Title's words: an ASCII sign other than _ ends one, beyond ASCII only white space. */
static bool is_separator(uint32_t rune)
{
    return !unicode_is_word(rune) && (rune < 0x80 || unicode_is_space(rune));
}

static uint32_t to_title(uint32_t rune, uint32_t before)
{
    return is_separator(before) ? unicode_title(rune) : rune;
}

bool function_upper(TEMPLATE_CALL)
{
    (void)count;
    return map_runes(arena, args, to_upper, ret, err);
}

bool function_lower(TEMPLATE_CALL)
{
    (void)count;
    return map_runes(arena, args, to_lower, ret, err);
}

bool function_title(TEMPLATE_CALL)
{
    (void)count;
    return map_runes(arena, args, to_title, ret, err);
}

bool function_quote(TEMPLATE_CALL)
{
    CLEANUP(secret_buf_done) struct secret_buf out = {0};
    secret_buf_init(&out, LIMIT_TEMPLATE_BYTES);
    for (size_t i = 0; i < count; i++) {
        if (value_is_nil(&args[i])) {
            continue;
        }
        struct str_view text = {0};
        secret_buf_append(&out, " ", out.bytes.len > 0 ? 1 : 0);
        if (!value_to_text(arena, &args[i], &text, err)) {
            return false;
        }
        format_quote(text, false, &out);
    }
    return value_from_buf(arena, &out, ret, err);
}
