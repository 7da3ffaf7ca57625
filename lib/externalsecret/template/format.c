/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/template/format.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "externalsecret/template/format_internal.h"

enum {
    /* fmt takes no width or precision over this. */
    LARGEST_NUMBER = 1000000,
};

struct formatter {
    struct directive directive;
    bool prints_address;
};

static void print_value(struct formatter *formatter, const struct value *value, uint32_t verb,
                        int depth);

/* %!d(string=text) */
static void put_bad_verb(struct formatter *formatter, const struct value *value, uint32_t verb)
{
    struct buf *out = formatter->directive.out;
    buf_add_str(out, "%!");
    utf8_add(out, verb);
    buf_add_byte(out, '(');
    buf_add_str(out, value_type_name(value));
    if (!value_is_nothing(value)) {
        buf_add_byte(out, '=');
        print_value(formatter, value, 'v', 0);
    }
    buf_add_byte(out, ')');
}

static void print_string(struct formatter *formatter, const struct value *value, uint32_t verb)
{
    const struct directive *directive = &formatter->directive;
    switch (verb) {
    case 'v':
        if (directive->go_syntax) {
            format_quoted(directive, value->text);
            return;
        }
        format_string(directive, value->text);
        return;
    case 's':
        format_string(directive, value->text);
        return;
    case 'x':
    case 'X':
        format_hex(directive, value->text, verb == 'X');
        return;
    case 'q':
        format_quoted(directive, value->text);
        return;
    default:
        put_bad_verb(formatter, value, verb);
    }
}

static void print_integer(struct formatter *formatter, const struct value *value, uint32_t verb)
{
    const struct directive *directive = &formatter->directive;
    bool negative = value->integer < 0;
    uint64_t bits = (uint64_t)value->integer;
    uint64_t magnitude = negative ? 0 - bits : bits;
    switch (verb) {
    case 'v':
        if (directive->go_syntax && value->kind == VALUE_UINT8) {
            struct directive sharp = *directive;
            sharp.sharp = true;
            format_integer(&sharp, magnitude, negative, 16, 'x');
            return;
        }
        format_integer(directive, magnitude, negative, 10, 'd');
        return;
    case 'd':
        format_integer(directive, magnitude, negative, 10, 'd');
        return;
    case 'b':
        format_integer(directive, magnitude, negative, 2, 'b');
        return;
    case 'o':
    case 'O':
        format_integer(directive, magnitude, negative, 8, (char)verb);
        return;
    case 'x':
    case 'X':
        format_integer(directive, magnitude, negative, 16, (char)verb);
        return;
    case 'c':
    case 'q':
        format_character(directive, bits, verb == 'q');
        return;
    case 'U':
        format_unicode(directive, bits);
        return;
    default:
        put_bad_verb(formatter, value, verb);
    }
}

static void print_float(struct formatter *formatter, const struct value *value, uint32_t verb)
{
    const struct directive *directive = &formatter->directive;
    switch (verb) {
    case 'v':
        format_float(directive, value->real, 'g', -1);
        return;
    case 'b':
    case 'g':
    case 'G':
    case 'x':
    case 'X':
        format_float(directive, value->real, (char)verb, -1);
        return;
    case 'f':
    case 'e':
    case 'E':
        format_float(directive, value->real, (char)verb, 6);
        return;
    case 'F':
        format_float(directive, value->real, 'f', 6);
        return;
    default:
        put_bad_verb(formatter, value, verb);
    }
}

static void add_separator(const struct formatter *formatter, size_t index)
{
    if (index > 0) {
        buf_add_str(formatter->directive.out, formatter->directive.go_syntax ? ", " : " ");
    }
}

static void open_container(const struct formatter *formatter, const struct value *value,
                           const char *plain)
{
    struct buf *out = formatter->directive.out;
    if (formatter->directive.go_syntax) {
        buf_add_str(out, value_type_name(value));
        buf_add_byte(out, '{');
    } else {
        buf_add_str(out, plain);
    }
}

static void print_list(struct formatter *formatter, const struct value *value, uint32_t verb,
                       int depth)
{
    struct buf *out = formatter->directive.out;
    const struct value_list *list = value->list;
    if (formatter->directive.go_syntax && list->is_nil) {
        buf_add_str(out, value_type_name(value));
        buf_add_str(out, "(nil)");
        return;
    }
    open_container(formatter, value, "[");
    for (size_t i = 0; i < list->count && !out->failed; i++) {
        add_separator(formatter, i);
        print_value(formatter, &list->items[i], verb, depth + 1);
    }
    buf_add_byte(out, formatter->directive.go_syntax ? '}' : ']');
}

static void print_dict(struct formatter *formatter, const struct value *value, uint32_t verb,
                       int depth)
{
    struct buf *out = formatter->directive.out;
    const struct value_dict *dict = value->dict;
    open_container(formatter, value, "map[");
    for (size_t i = 0; i < dict->count && !out->failed; i++) {
        struct value key = value_text(dict->members[i].key);
        add_separator(formatter, i);
        print_value(formatter, &key, verb, depth + 1);
        buf_add_byte(out, ':');
        print_value(formatter, &dict->members[i].value, verb, depth + 1);
    }
    buf_add_byte(out, formatter->directive.go_syntax ? '}' : ']');
}

static void print_value(struct formatter *formatter, const struct value *value, uint32_t verb,
                        int depth)
{
    struct buf *out = formatter->directive.out;
    if (depth > LIMIT_JSON_DEPTH) {
        out->failed = true;
        return;
    }
    switch (value->kind) {
    case VALUE_ABSENT:
    case VALUE_NIL: /* in a list or map */
        buf_add_str(out, formatter->directive.go_syntax ? "interface {}(nil)" : "<nil>");
        break;
    case VALUE_BOOL:
        if (verb == 't' || verb == 'v') {
            directive_put(&formatter->directive, value->boolean ? SV("true") : SV("false"));
        } else {
            put_bad_verb(formatter, value, verb);
        }
        break;
    case VALUE_INT:
    case VALUE_INT64:
    case VALUE_UINT8:
        print_integer(formatter, value, verb);
        break;
    case VALUE_FLOAT:
        print_float(formatter, value, verb);
        break;
    case VALUE_STRING:
        print_string(formatter, value, verb);
        break;
    case VALUE_LIST:
    case VALUE_STRINGS:
        print_list(formatter, value, verb, depth);
        break;
    case VALUE_DICT:
    case VALUE_STRING_DICT:
        print_dict(formatter, value, verb, depth);
        break;
    }
}

static void print_argument(struct formatter *formatter, const struct value *value, uint32_t verb)
{
    struct directive *directive = &formatter->directive;
    if (value_is_nothing(value)) {
        if (verb == 'T' || verb == 'v') {
            directive_put(directive, SV("<nil>"));
        } else {
            put_bad_verb(formatter, value, verb);
        }
        return;
    }
    if (verb == 'T') {
        format_string(directive, sv_of(value_type_name(value)));
        return;
    }
    formatter->prints_address = formatter->prints_address ||
                                (verb == 'p' && (value_is_list(value) || value_is_dict(value)));
    if (verb == 'w' || verb == 'p') {
        put_bad_verb(formatter, value, verb);
        return;
    }
    print_value(formatter, value, verb, 0);
}

static bool is_string(const struct value *value)
{
    return value->kind == VALUE_STRING;
}

/* value_print() for an operand: a nil is <nil>, wherever it came from. */
static void print_plain(const struct value *value, struct secret_buf *ret)
{
    if (value_is_nothing(value)) {
        secret_buf_add(ret, SV("<nil>"));
    } else {
        value_print(value, ret);
    }
}

void format_print(const struct value *args, size_t count, struct secret_buf *ret)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && !is_string(&args[i]) && !is_string(&args[i - 1])) {
            secret_buf_add(ret, SV(" "));
        }
        print_plain(&args[i], ret);
    }
}

void format_println(const struct value *args, size_t count, struct secret_buf *ret)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            secret_buf_add(ret, SV(" "));
        }
        print_plain(&args[i], ret);
    }
    secret_buf_add(ret, SV("\n"));
}

/* Where the reading of a format is. */
struct reader {
    struct str_view format;
    size_t at;
    const struct value *args;
    size_t count;
    size_t next; /* argument */
    bool good_index;
    bool behind_index; /* a [3] was just read */
    bool reordered;    /* there was a [3] anywhere */
};

static char reader_byte(const struct reader *reader)
{
    return reader->at < reader->format.len ? reader->format.data[reader->at] : '\0';
}

/* Digits in [*at, end). A number that is too large takes the rest of the text along. */
static bool read_number(struct str_view format, size_t end, size_t *at, int *ret)
{
    bool found = false;
    *ret = 0;
    for (; *at < end && format.data[*at] >= '0' && format.data[*at] <= '9'; (*at)++) {
        if (*ret > LARGEST_NUMBER) {
            *at = end;
            *ret = 0;
            return false;
        }
        *ret = *ret * 10 + (format.data[*at] - '0');
        found = true;
    }
    return found;
}

/* [3] chooses the third argument. */
static void read_index(struct reader *reader)
{
    reader->behind_index = false;
    if (reader_byte(reader) != '[') {
        return;
    }
    reader->reordered = true;
    struct str_view rest = sv_from(reader->format, reader->at);
    size_t close = sv_find(rest, ']');
    if (rest.len < 3 || close == rest.len) {
        reader->at++;
        reader->good_index = false;
        return;
    }
    int number = 0;
    size_t at = 1;
    bool is_number = read_number(rest, close, &at, &number) && at == close;
    reader->at += close + 1;
    if (is_number && number >= 1 && (size_t)number <= reader->count) {
        reader->next = (size_t)number - 1;
        reader->behind_index = true;
        return;
    }
    reader->good_index = false;
    reader->behind_index = is_number;
}

/* '*': the argument is the number. */
static bool read_star(struct reader *reader, int *ret)
{
    *ret = 0;
    reader->at++;
    reader->behind_index = false;
    if (reader->next >= reader->count) {
        return false;
    }
    const struct value *value = &reader->args[reader->next++];
    bool is_number =
        value->kind == VALUE_INT || value->kind == VALUE_INT64 || value->kind == VALUE_UINT8;
    if (!is_number || value->integer > LARGEST_NUMBER || value->integer < -LARGEST_NUMBER) {
        return false;
    }
    *ret = (int)value->integer;
    return true;
}

static void read_flags(struct reader *reader, struct directive *directive)
{
    for (;; reader->at++) {
        switch (reader_byte(reader)) {
        case '#':
            directive->sharp = true;
            break;
        case '0':
            directive->zero = true;
            break;
        case '+':
            directive->plus = true;
            break;
        case '-':
            directive->minus = true;
            break;
        case ' ':
            directive->space = true;
            break;
        default:
            return;
        }
    }
}

static void read_width(struct reader *reader, struct directive *directive)
{
    if (reader_byte(reader) != '*') {
        directive->has_width =
            read_number(reader->format, reader->format.len, &reader->at, &directive->width);
        reader->good_index = reader->good_index && !(reader->behind_index && directive->has_width);
        return;
    }
    directive->has_width = read_star(reader, &directive->width);
    if (!directive->has_width) {
        buf_add_str(directive->out, "%!(BADWIDTH)");
    }
    if (directive->width < 0) {
        directive->width = -directive->width;
        directive->minus = true;
        directive->zero = false;
    }
}

static void read_precision(struct reader *reader, struct directive *directive)
{
    if (reader_byte(reader) != '.' || reader->at + 1 >= reader->format.len) {
        return;
    }
    reader->at++;
    reader->good_index = reader->good_index && !reader->behind_index;
    read_index(reader);
    if (reader_byte(reader) != '*') {
        (void)read_number(reader->format, reader->format.len, &reader->at, &directive->precision);
        directive->has_precision = true;
        return;
    }
    directive->has_precision = read_star(reader, &directive->precision);
    if (directive->precision < 0) {
        directive->precision = 0;
        directive->has_precision = false;
    }
    if (!directive->has_precision) {
        buf_add_str(directive->out, "%!(BADPREC)");
    }
}

static void put_mistake(struct buf *out, uint32_t verb, const char *what)
{
    buf_add_str(out, "%!");
    utf8_add(out, verb);
    buf_add_str(out, what);
}

static void print_verb(struct formatter *formatter, struct reader *reader, uint32_t verb)
{
    struct directive *directive = &formatter->directive;
    if (verb == '%') {
        buf_add_byte(directive->out, '%');
        return;
    }
    if (!reader->good_index) {
        put_mistake(directive->out, verb, "(BADINDEX)");
        return;
    }
    if (reader->next >= reader->count) {
        put_mistake(directive->out, verb, "(MISSING)");
        return;
    }
    if (verb == 'v' || verb == 'w') {
        directive->go_syntax = directive->sharp;
        directive->sharp = false;
        directive->plus = false;
    }
    print_argument(formatter, &reader->args[reader->next++], verb);
}

/* Behind the '%'. */
static void print_directive(struct formatter *formatter, struct reader *reader)
{
    struct directive *directive = &formatter->directive;
    *directive = (struct directive){.out = directive->out};
    reader->good_index = true;
    read_flags(reader, directive);
    read_index(reader);
    read_width(reader, directive);
    read_precision(reader, directive);
    if (!reader->behind_index) {
        read_index(reader);
    }
    if (reader->at >= reader->format.len) {
        buf_add_str(directive->out, "%!(NOVERB)");
        return;
    }
    size_t len = 0;
    uint32_t verb = utf8_first(sv_from(reader->format, reader->at), &len);
    reader->at += len;
    print_verb(formatter, reader, verb);
}

static void print_extra(struct formatter *formatter, const struct reader *reader)
{
    struct buf *out = formatter->directive.out;
    formatter->directive = (struct directive){.out = out};
    buf_add_str(out, "%!(EXTRA ");
    for (size_t i = reader->next; i < reader->count; i++) {
        buf_add_str(out, i > reader->next ? ", " : "");
        buf_add_str(out, value_type_name(&reader->args[i]));
        if (!value_is_nothing(&reader->args[i])) {
            buf_add_byte(out, '=');
            print_argument(formatter, &reader->args[i], 'v');
        }
    }
    buf_add_byte(out, ')');
}

bool format_printf(struct str_view format, const struct value *args, size_t count,
                   struct secret_buf *ret, struct err *err)
{
    struct formatter formatter = {.directive = {.out = &ret->bytes}};
    struct reader reader = {.format = format, .args = args, .count = count};
    while (reader.at < format.len && !ret->bytes.failed) {
        struct str_view rest = sv_from(format, reader.at);
        size_t text = sv_find(rest, '%');
        secret_buf_add(ret, sv_first(rest, text));
        reader.at += text;
        if (reader.at < format.len) {
            reader.at++;
            print_directive(&formatter, &reader);
        }
    }
    if (!reader.reordered && reader.next < count) {
        print_extra(&formatter, &reader);
    }
    return !formatter.prints_address ||
           err_set(err, ERR_INVALID, "%%p of a list or map prints an address");
}
