/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "base/unicode.h"
#include "base/utf8.h"
#include "externalsecret/template/builtins.h"
#include "externalsecret/template/format.h"

typedef void (*escaper)(struct str_view text, struct buf *out);

static void add_html(struct str_view text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.data[i]) {
        case '\0':
            buf_add_str(out, "\xef\xbf\xbd");
            break;
        case '"':
            buf_add_str(out, "&#34;");
            break;
        case '\'':
            buf_add_str(out, "&#39;");
            break;
        case '&':
            buf_add_str(out, "&amp;");
            break;
        case '<':
            buf_add_str(out, "&lt;");
            break;
        case '>':
            buf_add_str(out, "&gt;");
            break;
        default:
            buf_add_byte(out, text.data[i]);
        }
    }
}

static void add_js_ascii(struct buf *out, char byte)
{
    if (byte == '\\' || byte == '\'' || byte == '"') {
        buf_add_byte(out, '\\');
        buf_add_byte(out, byte);
    } else if ((unsigned char)byte < ' ' || strchr("<>&=", byte)) {
        buf_printf(out, "\\u00%02X", (unsigned char)byte);
    } else {
        buf_add_byte(out, byte);
    }
}

static void add_js(struct str_view text, struct buf *out)
{
    while (text.len > 0) {
        size_t len = 0;
        uint32_t rune = utf8_first(text, &len);
        if (rune < 0x80) {
            add_js_ascii(out, text.data[0]);
        } else if (unicode_is_print(rune)) {
            buf_add(out, sv_first(text, len)); /* also a byte that is no UTF-8 */
        } else {
            buf_printf(out, "\\u%04X", rune);
        }
        text = sv_from(text, len);
    }
}

static bool is_unreserved(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' || byte == '.' || byte == '~';
}

/* net/url's QueryEscape. */
static void add_query(struct str_view text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        if (is_unreserved(text.data[i])) {
            buf_add_byte(out, text.data[i]);
        } else if (text.data[i] == ' ') {
            buf_add_byte(out, '+');
        } else {
            buf_printf(out, "%%%02X", (unsigned char)text.data[i]);
        }
    }
}

/* As one action would print all of them, where a nil is the text "<no value>". */
static bool print_arguments(struct template_arena *arena, const struct value *args, size_t count,
                            struct secret_buf *ret, struct err *err)
{
    struct value *shown = template_arena_take(arena, count * sizeof *shown, err);
    if (!shown) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        shown[i] = args[i].kind == VALUE_NIL ? value_text(SV("<no value>")) : args[i];
    }
    format_print(shown, count, ret);
    return secret_buf_check(ret, "a text that the template makes", err);
}

static bool escape(struct template_arena *arena, const struct value *args, size_t count,
                   escaper add, struct value *ret, struct err *err)
{
    struct secret_buf plain CLEANUP(secret_buf_done) = {0};
    struct secret_buf escaped CLEANUP(secret_buf_done) = {0};
    secret_buf_init(&plain, LIMIT_TEMPLATE_BYTES);
    secret_buf_init(&escaped, LIMIT_TEMPLATE_BYTES);
    if (!print_arguments(arena, args, count, &plain, err)) {
        return false;
    }
    add(secret_buf_view(&plain), &escaped.bytes);
    return value_from_buf(arena, &escaped, ret, err);
}

bool escape_html(struct template_arena *arena, const struct value *args, size_t count,
                 struct value *ret, struct err *err)
{
    return escape(arena, args, count, add_html, ret, err);
}

bool escape_js(struct template_arena *arena, const struct value *args, size_t count,
               struct value *ret, struct err *err)
{
    return escape(arena, args, count, add_js, ret, err);
}

bool escape_urlquery(struct template_arena *arena, const struct value *args, size_t count,
                     struct value *ret, struct err *err)
{
    return escape(arena, args, count, add_query, ret, err);
}
