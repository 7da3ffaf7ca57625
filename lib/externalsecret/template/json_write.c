/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/template/json_write.h"

#include "base/decimal.h"
#include "base/limits.h"
#include "base/utf8.h"

#include <math.h>

enum {
    PLAIN_FROM = -6,
    PLAIN_BELOW = 21,
    LINE_SEPARATOR = 0x2028,
    PARAGRAPH_SEPARATOR = 0x2029,
};

struct writer {
    struct secret_buf *out;
    enum json_style style;
    bool impossible;
    bool too_deep;
};

static void write_value(struct writer *writer, const struct value *value, int depth);

/* `bytes` are those of `rune`. */
static void write_rune(uint32_t rune, struct str_view bytes, enum json_style style, struct buf *out)
{
    static const char marks[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *mark = rune > 0 && rune < 0x80 ? strchr(marks, (int)rune) : NULL;
    bool html = style != JSON_RAW && (rune == '<' || rune == '>' || rune == '&');
    if (mark) {
        buf_add_byte(out, '\\');
        buf_add_byte(out, letters[mark - marks]);
    } else if (rune < ' ' || html || rune == LINE_SEPARATOR || rune == PARAGRAPH_SEPARATOR) {
        buf_printf(out, "\\u%04x", rune);
    } else {
        buf_add(out, bytes);
    }
}

void json_write_text(struct str_view text, enum json_style style, struct buf *out)
{
    buf_add_byte(out, '"');
    while (text.len > 0 && !out->failed) {
        size_t len = 0;
        uint32_t rune = utf8_first(text, &len);
        if (rune == UTF8_REPLACEMENT && len == 1) {
            buf_add_str(out, "\\ufffd");
        } else {
            write_rune(rune, sv_first(text, len), style, out);
        }
        text = sv_from(text, len);
    }
    buf_add_byte(out, '"');
}

/* 1e-09 is written 1e-9. */
static void write_float(struct writer *writer, double real)
{
    if (!isfinite(real)) {
        writer->impossible = true;
        return;
    }
    struct buf *out = &writer->out->bytes;
    size_t before = out->len;
    decimal_add_double(out, real, PLAIN_FROM, PLAIN_BELOW);
    size_t len = out->len - before;
    if (len >= 4 && memcmp(out->data + out->len - 4, "e-0", 3) == 0) {
        char last = out->data[out->len - 1];
        buf_truncate(out, out->len - 2);
        buf_add_byte(out, last);
    }
}

/* Behind an opening bracket or a comma, and before a closing bracket. */
static void break_line(const struct writer *writer, int depth)
{
    if (writer->style != JSON_PRETTY) {
        return;
    }
    buf_add_byte(&writer->out->bytes, '\n');
    for (int i = 0; i < depth; i++) {
        buf_add_str(&writer->out->bytes, "  ");
    }
}

static void write_list(struct writer *writer, const struct value_list *list, int depth)
{
    struct buf *out = &writer->out->bytes;
    if (list->is_nil || list->count == 0) {
        buf_add_str(out, list->is_nil ? "null" : "[]");
        return;
    }
    buf_add_byte(out, '[');
    for (size_t i = 0; i < list->count && !out->failed; i++) {
        buf_append(out, ",", i ? 1 : 0);
        break_line(writer, depth + 1);
        write_value(writer, &list->items[i], depth + 1);
    }
    break_line(writer, depth);
    buf_add_byte(out, ']');
}

static void write_dict(struct writer *writer, const struct value_dict *dict, int depth)
{
    struct buf *out = &writer->out->bytes;
    if (dict->count == 0) {
        buf_add_str(out, "{}");
        return;
    }
    buf_add_byte(out, '{');
    for (size_t i = 0; i < dict->count && !out->failed; i++) {
        buf_append(out, ",", i ? 1 : 0);
        break_line(writer, depth + 1);
        json_write_text(dict->members[i].key, writer->style, out);
        buf_add_str(out, writer->style == JSON_PRETTY ? ": " : ":");
        write_value(writer, &dict->members[i].value, depth + 1);
    }
    break_line(writer, depth);
    buf_add_byte(out, '}');
}

static void write_value(struct writer *writer, const struct value *value, int depth)
{
    struct buf *out = &writer->out->bytes;
    if (depth > LIMIT_JSON_DEPTH || writer->too_deep) {
        writer->too_deep = true;
        return;
    }
    switch (value->kind) {
    case VALUE_ABSENT:
    case VALUE_NIL:
        buf_add_str(out, "null");
        break;
    case VALUE_BOOL:
        buf_add_str(out, value->boolean ? "true" : "false");
        break;
    case VALUE_INT:
    case VALUE_INT64:
    case VALUE_UINT8:
        buf_add_int(out, value->integer);
        break;
    case VALUE_FLOAT:
        write_float(writer, value->real);
        break;
    case VALUE_STRING:
        json_write_text(value->text, writer->style, out);
        break;
    case VALUE_LIST:
    case VALUE_STRINGS:
        write_list(writer, value->list, depth);
        break;
    case VALUE_DICT:
    case VALUE_STRING_DICT:
        write_dict(writer, value->dict, depth);
        break;
    }
}

bool json_write(const struct value *value, enum json_style style, struct secret_buf *ret,
                bool *ret_possible, struct err *err)
{
    struct writer writer = {.out = ret, .style = style};
    write_value(&writer, value, 0);
    if (writer.too_deep) {
        return err_set(err, ERR_TOO_BIG, "a value nested deeper than %d", LIMIT_JSON_DEPTH);
    }
    *ret_possible = !writer.impossible;
    return secret_buf_check(ret, "JSON", err);
}
