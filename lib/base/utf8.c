/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <unistr.h>

uint32_t utf8_first(struct str_view text, size_t *ret_bytes)
{
    *ret_bytes = text.len ? 1 : 0;
    if (text.len == 0) {
        return UTF8_REPLACEMENT;
    }
    ucs4_t rune = 0;
    int bytes = u8_mbtoucr(&rune, (const uint8_t *)text.data, text.len);
    if (bytes <= 0) {
        return UTF8_REPLACEMENT;
    }
    *ret_bytes = (size_t)bytes;
    return rune;
}

uint32_t utf8_last(struct str_view text, size_t *ret_bytes)
{
    for (size_t back = 2; back <= UTF8_MOST_BYTES && back <= text.len; back++) {
        uint32_t rune = utf8_first(sv_from(text, text.len - back), ret_bytes);
        if (*ret_bytes == back) {
            return rune;
        }
    }
    return utf8_first(sv_from(text, text.len ? text.len - 1 : 0), ret_bytes);
}

size_t utf8_count(struct str_view text)
{
    size_t count = 0;
    while (text.len > 0) {
        size_t bytes = 0;
        (void)utf8_first(text, &bytes);
        text = sv_from(text, bytes);
        count++;
    }
    return count;
}

struct str_view utf8_prefix(struct str_view text, size_t count)
{
    struct str_view rest = text;
    for (; count > 0 && rest.len > 0; count--) {
        size_t bytes = 0;
        (void)utf8_first(rest, &bytes);
        rest = sv_from(rest, bytes);
    }
    return sv_first(text, text.len - rest.len);
}

bool utf8_is_rune(uint32_t code)
{
    return code <= UTF8_LAST_RUNE && (code < 0xd800 || code > 0xdfff);
}

size_t utf8_put(uint32_t rune, char ret[UTF8_MOST_BYTES])
{
    uint32_t written = utf8_is_rune(rune) ? rune : UTF8_REPLACEMENT;
    return (size_t)u8_uctomb((uint8_t *)ret, written, UTF8_MOST_BYTES);
}

void utf8_add(struct buf *out, uint32_t rune)
{
    char bytes[UTF8_MOST_BYTES];
    buf_append(out, bytes, utf8_put(rune, bytes));
    explicit_bzero(bytes, sizeof bytes);
}
