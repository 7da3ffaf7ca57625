/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "base/unicode.h"
#include "base/utf8.h"
#include "externalsecret/template/format.h"
#include "externalsecret/template/format_internal.h"

enum {
    /* A quoted code point, escaped. */
    CHARACTER_BYTES = 16,
};

void format_repeat(struct buf *out, char byte, size_t count)
{
    char *start = count ? buf_extend(out, count) : NULL;
    if (start) {
        memset(start, byte, count);
    }
}

void directive_pad(const struct directive *directive, size_t len)
{
    size_t width = directive->has_width ? (size_t)directive->width : 0;
    char byte = directive->zero && !directive->minus ? '0' : ' ';
    format_repeat(directive->out, byte, width > len ? width - len : 0);
}

void directive_put(const struct directive *directive, struct str_view text)
{
    if (!directive->has_width) {
        buf_add(directive->out, text);
        return;
    }
    size_t len = utf8_count(text);
    if (!directive->minus) {
        directive_pad(directive, len);
    }
    buf_add(directive->out, text);
    if (directive->minus) {
        directive_pad(directive, len);
    }
}

void directive_put_plain(const struct directive *directive, struct str_view text)
{
    struct directive plain = *directive;
    plain.zero = false;
    directive_put(&plain, text);
}

static void add_escaped(struct buf *out, uint32_t rune, char quote, bool ascii)
{
    static const char controls[] = "\a\b\f\n\r\t\v";
    static const char letters[] = "abfnrtv";
    const char *control = rune && rune < 0x80 ? strchr(controls, (int)rune) : NULL;
    if (rune == (unsigned char)quote || rune == '\\') {
        buf_add_byte(out, '\\');
        buf_add_byte(out, (char)rune);
    } else if (unicode_is_print(rune) && (rune < 0x80 || !ascii)) {
        utf8_add(out, rune);
    } else if (control) {
        buf_add_byte(out, '\\');
        buf_add_byte(out, letters[control - controls]);
    } else if (rune < ' ' || rune == 0x7f) {
        buf_printf(out, "\\x%02x", rune);
    } else if (rune < 0x10000) {
        buf_printf(out, "\\u%04x", rune);
    } else {
        buf_printf(out, "\\U%08x", rune);
    }
}

void format_quote(struct str_view text, bool ascii, struct secret_buf *ret)
{
    struct buf *out = &ret->bytes;
    buf_add_byte(out, '"');
    while (text.len > 0) {
        size_t len = 0;
        uint32_t rune = utf8_first(text, &len);
        if (rune == UTF8_REPLACEMENT && len == 1) {
            buf_printf(out, "\\x%02x", (unsigned char)text.data[0]);
        } else {
            add_escaped(out, rune, '"', ascii);
        }
        text = sv_from(text, len);
    }
    buf_add_byte(out, '"');
}

/* Fits between back quotes as it is: strconv.CanBackquote. */
static bool can_be_raw(struct str_view text)
{
    while (text.len > 0) {
        size_t len = 0;
        uint32_t rune = utf8_first(text, &len);
        bool control = (rune < ' ' && rune != '\t') || rune == 0x7f;
        if (control || rune == '`' || rune == 0xfeff || (rune == UTF8_REPLACEMENT && len == 1)) {
            return false;
        }
        text = sv_from(text, len);
    }
    return true;
}

static struct str_view cut(const struct directive *directive, struct str_view text)
{
    return directive->has_precision ? utf8_prefix(text, (size_t)directive->precision) : text;
}

void format_quoted(const struct directive *directive, struct str_view text)
{
    struct secret_buf quoted CLEANUP(secret_buf_done) = {0};
    secret_buf_init(&quoted, LIMIT_TEMPLATE_BYTES);
    text = cut(directive, text);
    if (directive->sharp && can_be_raw(text)) {
        buf_add_byte(&quoted.bytes, '`');
        secret_buf_add(&quoted, text);
        buf_add_byte(&quoted.bytes, '`');
    } else {
        format_quote(text, directive->plus, &quoted);
    }
    directive->out->failed = directive->out->failed || quoted.bytes.failed;
    directive_put(directive, secret_buf_view(&quoted));
}

/* %x of a string: its bytes; the precision counts bytes too. */
void format_hex(const struct directive *directive, struct str_view text, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    const char *prefix = directive->sharp ? (upper ? "0X" : "0x") : "";
    if (directive->has_precision) {
        text = sv_first(text, (size_t)directive->precision);
    }
    size_t prefixes = text.len == 0 ? 0 : directive->space ? text.len : 1;
    size_t spaces = directive->space && text.len > 0 ? text.len - 1 : 0;
    size_t len = 2 * text.len + prefixes * strlen(prefix) + spaces;
    if (!directive->minus || text.len == 0) {
        directive_pad(directive, len);
    }
    for (size_t i = 0; i < text.len && !directive->out->failed; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        buf_append(directive->out, " ", directive->space && i > 0 ? 1 : 0);
        buf_add_str(directive->out, directive->space || i == 0 ? prefix : "");
        buf_add_byte(directive->out, digits[byte >> 4]);
        buf_add_byte(directive->out, digits[byte & 0xf]);
    }
    if (directive->minus && text.len > 0) {
        directive_pad(directive, len);
    }
}

void format_unicode(const struct directive *directive, uint64_t code)
{
    struct secret_buf text CLEANUP(secret_buf_done) = {0};
    secret_buf_init(&text, LIMIT_TEMPLATE_BYTES);
    int digits = directive->has_precision && directive->precision > 4 ? directive->precision : 4;
    buf_printf(&text.bytes, "U+%0*llX", digits, (unsigned long long)code);
    if (directive->sharp && code <= UTF8_LAST_RUNE && unicode_is_print((uint32_t)code)) {
        buf_add_str(&text.bytes, " '");
        utf8_add(&text.bytes, (uint32_t)code);
        buf_add_byte(&text.bytes, '\'');
    }
    directive_put_plain(directive, secret_buf_view(&text));
}

void format_character(const struct directive *directive, uint64_t code, bool quoted)
{
    struct secret_buf text CLEANUP(secret_buf_done) = {0};
    secret_buf_init(&text, CHARACTER_BYTES);
    uint32_t rune =
        code <= UTF8_LAST_RUNE && utf8_is_rune((uint32_t)code) ? (uint32_t)code : UTF8_REPLACEMENT;
    buf_append(&text.bytes, "'", quoted ? 1 : 0);
    if (quoted) {
        add_escaped(&text.bytes, rune, '\'', directive->plus);
    } else {
        utf8_add(&text.bytes, rune);
    }
    buf_append(&text.bytes, "'", quoted ? 1 : 0);
    directive_put(directive, secret_buf_view(&text));
}

void format_string(const struct directive *directive, struct str_view text)
{
    directive_put(directive, cut(directive, text));
}
