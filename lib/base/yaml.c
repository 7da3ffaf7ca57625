/* SPDX-License-Identifier: Apache-2.0 */
/* libyaml's events become nodes with an explicit stack, so that a document cannot use up ours. Its
 * own document API is not used: it resolves aliases, which is how a few bytes become gigabytes. */
#include "base/yaml.h"

#include <stdlib.h>

#include "base/yaml_internal.h"

enum {
    KEY_SHOWN = 64, /* bytes of a key in a message */
};

struct yaml_mark {
    const struct json *node;
    uint32_t line;
    uint32_t column;
};

/* A container that is being filled. */
struct frame {
    struct json *node;
    struct json *last;
    const char *key; /* of a mapping: the key whose value is next; NULL: a key is next */
    uint32_t key_len;
    yaml_mark_t key_mark;
};

struct reader {
    yaml_parser_t parser;
    struct str_view text;
    struct yaml_doc *doc;
    const struct json_limits *limits;
    struct frame *stack;
    size_t depth;
    size_t capacity;
    const struct json *root;
    unsigned documents;
    struct err *err;
};

static bool fail_at(struct reader *reader, const yaml_mark_t *mark, enum err_kind kind,
                    const char *what)
{
    return yaml_fail_at(reader->err, mark, kind, what);
}

static void mark_add(struct yaml_doc *doc, const struct json *node, const yaml_mark_t *mark)
{
    if (doc->mark_count == doc->mark_capacity) {
        doc->mark_capacity = doc->mark_capacity ? doc->mark_capacity * 2 : 64;
        doc->marks = mem_resize_array(doc->marks, doc->mark_capacity, sizeof *doc->marks);
    }
    doc->marks[doc->mark_count++] = (struct yaml_mark){
        .node = node,
        .line = (uint32_t)mark->line + 1,
        .column = (uint32_t)mark->column + 1,
    };
}

static struct frame *top(struct reader *reader)
{
    return reader->depth ? &reader->stack[reader->depth - 1] : NULL;
}

/* A node in its place: root, element, or value of the key that came before. */
static struct json *node_place(struct reader *reader, const yaml_mark_t *mark)
{
    struct frame *frame = top(reader);
    if (reader->doc->nodes.nodes >= reader->limits->max_nodes) {
        fail_at(reader, mark, ERR_TOO_BIG, "more values than the limit allows");
        return NULL;
    }
    struct json *node = json_doc_node(&reader->doc->nodes);
    if (!node) {
        fail_at(reader, mark, ERR_BUSY, "no memory left in the budget for requests in flight");
        return NULL;
    }
    mark_add(reader->doc, node, frame && frame->key ? &frame->key_mark : mark);
    if (!frame) {
        reader->root = node;
        return node;
    }
    node->key = frame->key;
    node->key_len = frame->key_len;
    frame->key = NULL;
    if (frame->last) {
        frame->last->next = node;
    } else {
        frame->node->child = node;
    }
    frame->last = node;
    frame->node->len++;
    return node;
}

static bool is_digits(struct str_view view)
{
    for (size_t i = 0; i < view.len; i++) {
        if (view.data[i] < '0' || view.data[i] > '9') {
            return false;
        }
    }
    return view.len > 0;
}

static bool is_one_of(struct str_view view, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (sv_is(view, words[i])) {
            return true;
        }
    }
    return false;
}

/* "0x1F", "0o17": the core schema knows no sign here. False with `*ret_fits` true: not of this
 * form. */
static bool radix_number(struct str_view view, uint64_t *ret, bool *ret_fits)
{
    bool hex = sv_starts_with(view, SV("0x"));
    unsigned radix = hex ? 16 : 8;
    uint64_t value = 0;
    *ret_fits = true;
    if ((!hex && !sv_starts_with(view, SV("0o"))) || view.len == 2) {
        return false;
    }
    for (size_t i = 2; i < view.len; i++) {
        char byte = view.data[i];
        unsigned digit = byte >= '0' && byte <= '9'   ? (unsigned)(byte - '0')
                         : byte >= 'a' && byte <= 'f' ? (unsigned)(byte - 'a') + 10
                         : byte >= 'A' && byte <= 'F' ? (unsigned)(byte - 'A') + 10
                                                      : radix;
        if (digit >= radix) {
            *ret_fits = true;
            return false;
        }
        if (__builtin_mul_overflow(value, radix, &value) ||
            __builtin_add_overflow(value, digit, &value)) {
            *ret_fits = false;
        }
    }
    *ret = value;
    return *ret_fits;
}

struct number {
    bool negative;
    bool has_fraction; /* a dot or an exponent: not an integer */
    struct str_view whole;
    struct str_view fraction;
    struct str_view exponent; /* behind the e, sign included */
};

/* [-+]? ( "." [0-9]+ | [0-9]+ ( "." [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool number_split(struct str_view view, struct number *ret)
{
    *ret = (struct number){0};
    if (view.len && (view.data[0] == '-' || view.data[0] == '+')) {
        ret->negative = view.data[0] == '-';
        view = sv_from(view, 1);
    }
    size_t e = 0;
    while (e < view.len && view.data[e] != 'e' && view.data[e] != 'E') {
        e++;
    }
    struct str_view mantissa = sv_first(view, e);
    size_t dot = sv_find(mantissa, '.');
    ret->whole = sv_first(mantissa, dot);
    ret->fraction = sv_from(mantissa, dot + 1);
    ret->has_fraction = dot < mantissa.len || e < view.len;
    if ((ret->whole.len && !is_digits(ret->whole)) ||
        (ret->fraction.len && !is_digits(ret->fraction)) ||
        (ret->whole.len == 0 && ret->fraction.len == 0)) {
        return false;
    }
    if (e == view.len) {
        return true;
    }
    ret->exponent = sv_from(view, e + 1);
    bool has_sign =
        ret->exponent.len && (ret->exponent.data[0] == '-' || ret->exponent.data[0] == '+');
    return is_digits(sv_from(ret->exponent, has_sign ? 1 : 0));
}

/* The same number as RFC 8259 §6 writes it. */
static struct str_view number_text(struct yaml_doc *doc, struct number number)
{
    while (number.whole.len > 1 && number.whole.data[0] == '0') {
        number.whole = sv_from(number.whole, 1);
    }
    if (number.whole.len == 0) {
        number.whole = SV("0");
    }
    const struct str_view parts[] = {
        number.negative ? SV("-") : SV(""),     number.whole,
        number.fraction.len ? SV(".") : SV(""), number.fraction,
        number.exponent.len ? SV("e") : SV(""), number.exponent,
    };
    size_t len = 0;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        len += parts[i].len;
    }
    char *text = yaml_text_new(&doc->text, len);
    size_t used = 0;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i].len) {
            memcpy(text + used, parts[i].data, parts[i].len);
        }
        used += parts[i].len;
    }
    text[len] = '\0';
    return sv_make(text, len);
}

static void set_text(struct json *node, enum json_type type, struct str_view text)
{
    node->type = (uint8_t)type;
    node->text = text.data;
    node->len = (uint32_t)text.len;
}

static bool resolve_number(struct reader *reader, const yaml_mark_t *mark, struct str_view view,
                           struct json *node)
{
    static const char *const not_json[] = {
        ".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf", "+.INF",
        "-.inf", "-.Inf", "-.INF", ".nan",  ".NaN",  ".NAN",
    };
    struct number number;
    uint64_t value = 0;
    bool fits = true;
    if (is_one_of(view, not_json, ARRAY_LEN(not_json))) {
        return fail_at(reader, mark, ERR_INVALID, "neither infinity nor NaN is allowed");
    }
    if (radix_number(view, &value, &fits)) {
        char text[24];
        int len = snprintf(text, sizeof text, "%llu", (unsigned long long)value);
        struct str_view decimal = sv_make(text, (size_t)len);
        set_text(node, JSON_NUMBER, yaml_text_copy(&reader->doc->text, decimal));
        return true;
    }
    if (!fits) {
        return fail_at(reader, mark, ERR_INVALID, "a number of more than 64 bits");
    }
    if (number_split(view, &number)) {
        if (!number.has_fraction && number.whole.len > 1 && number.whole.data[0] == '0') {
            return fail_at(reader, mark, ERR_INVALID,
                           "a number with leading zeros means different things to different "
                           "readers: quote it, or write 0o for octal");
        }
        set_text(node, JSON_NUMBER, number_text(reader->doc, number));
        return true;
    }
    set_text(node, JSON_STRING, yaml_text_copy(&reader->doc->text, view));
    return true;
}

/* A scalar without quotes, by the core schema. */
static bool resolve_plain(struct reader *reader, const yaml_mark_t *mark, struct str_view view,
                          struct json *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    static const char *const trues[] = {"true", "True", "TRUE"};
    static const char *const falses[] = {"false", "False", "FALSE"};
    if (is_one_of(view, nulls, ARRAY_LEN(nulls))) {
        node->type = JSON_NULL;
        return true;
    }
    if (is_one_of(view, trues, ARRAY_LEN(trues))) {
        node->type = JSON_TRUE;
        return true;
    }
    if (is_one_of(view, falses, ARRAY_LEN(falses))) {
        node->type = JSON_FALSE;
        return true;
    }
    return resolve_number(reader, mark, view, node);
}

/* What a core schema tag allows a scalar to be. */
static bool tag_allows(const char *tag, const struct json *node)
{
    static const struct {
        const char *tag;
        enum json_type types[2];
    } core[] = {
        {YAML_NULL_TAG, {JSON_NULL, JSON_NULL}},
        {YAML_BOOL_TAG, {JSON_TRUE, JSON_FALSE}},
        {YAML_INT_TAG, {JSON_NUMBER, JSON_NUMBER}},
        {YAML_FLOAT_TAG, {JSON_NUMBER, JSON_NUMBER}},
    };
    for (size_t i = 0; i < ARRAY_LEN(core); i++) {
        if (strcmp(tag, core[i].tag) == 0) {
            bool whole = !json_is(node, JSON_NUMBER) || strpbrk(node->text, ".eE") == NULL ||
                         i == ARRAY_LEN(core) - 1;
            return whole && (node->type == core[i].types[0] || node->type == core[i].types[1]);
        }
    }
    return false;
}

static bool read_key(struct reader *reader, const yaml_event_t *event)
{
    struct frame *frame = top(reader);
    const char *tag = (const char *)event->data.scalar.tag;
    struct str_view view =
        sv_make((const char *)event->data.scalar.value, event->data.scalar.length);
    if (tag && strcmp(tag, "!") != 0 && strcmp(tag, YAML_STR_TAG) != 0) {
        return fail_at(reader, &event->start_mark, ERR_INVALID, "a key with a tag");
    }
    frame->key = yaml_text_copy(&reader->doc->text, view).data;
    frame->key_len = (uint32_t)view.len;
    frame->key_mark = event->start_mark;
    return true;
}

static bool read_scalar(struct reader *reader, const yaml_event_t *event)
{
    const char *tag = (const char *)event->data.scalar.tag;
    const yaml_mark_t *mark = &event->start_mark;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    struct frame *frame = top(reader);
    struct str_view view =
        sv_make((const char *)event->data.scalar.value, event->data.scalar.length);
    if (frame && frame->node->type == JSON_OBJECT && !frame->key) {
        return read_key(reader, event);
    }
    struct json *node = node_place(reader, mark);
    if (!node) {
        return false;
    }
    bool string = tag ? strcmp(tag, "!") == 0 || strcmp(tag, YAML_STR_TAG) == 0 : !plain;
    if (string) {
        set_text(node, JSON_STRING, yaml_text_copy(&reader->doc->text, view));
        return true;
    }
    if (!resolve_plain(reader, mark, view, node)) {
        return false;
    }
    if (tag && !tag_allows(tag, node)) {
        return fail_at(reader, mark, ERR_INVALID,
                       "a tag that is not of the core schema, or not "
                       "that of its value");
    }
    return true;
}

static bool read_start(struct reader *reader, const yaml_event_t *event, enum json_type type,
                       const yaml_char_t *tag)
{
    const yaml_mark_t *mark = &event->start_mark;
    const char *own_tag = type == JSON_OBJECT ? YAML_MAP_TAG : YAML_SEQ_TAG;
    struct frame *frame = top(reader);
    if (tag && strcmp((const char *)tag, "!") != 0 && strcmp((const char *)tag, own_tag) != 0) {
        return fail_at(reader, mark, ERR_INVALID, "a tag that is not of the core schema");
    }
    if (frame && frame->node->type == JSON_OBJECT && !frame->key) {
        return fail_at(reader, mark, ERR_INVALID, "a key that is a list or a mapping");
    }
    if (reader->depth >= reader->limits->max_depth) {
        return fail_at(reader, mark, ERR_TOO_BIG, "nested deeper than the limit allows");
    }
    struct json *node = node_place(reader, mark);
    if (!node) {
        return false;
    }
    node->type = (uint8_t)type;
    if (reader->depth == reader->capacity) {
        reader->capacity = reader->capacity ? reader->capacity * 2 : 16;
        reader->stack = mem_resize_array(reader->stack, reader->capacity, sizeof *reader->stack);
    }
    reader->stack[reader->depth++] = (struct frame){.node = node};
    return true;
}

static int compare_keys(const void *a, const void *b)
{
    const struct json *const *left = a;
    const struct json *const *right = b;
    return sv_compare(json_key(*left), json_key(*right));
}

static bool keys_are_unique(struct reader *reader, const struct json *object)
{
    CLEANUP(mem_free_ptr)
    const struct json **members = mem_alloc_array(object->len, sizeof *members);
    size_t count = 0;
    JSON_FOR_EACH (member, object) {
        members[count++] = member;
    }
    qsort(members, count, sizeof *members, compare_keys);
    for (size_t i = 1; i < count; i++) {
        if (compare_keys(&members[i - 1], &members[i]) != 0) {
            continue;
        }
        uint32_t line = 0;
        uint32_t column = 0;
        uint32_t other_line = 0;
        struct str_view key = sv_first(json_key(members[i]), KEY_SHOWN);
        (void)yaml_where(reader->doc, members[i - 1], &line, &column);
        (void)yaml_where(reader->doc, members[i], &other_line, &column);
        return err_set(reader->err, ERR_INVALID, "line %u: key \"%.*s\" a second time (line %u)",
                       line > other_line ? line : other_line, SV_ARG(key),
                       line > other_line ? other_line : line);
    }
    return true;
}

static bool read_end(struct reader *reader)
{
    const struct json *node = reader->stack[reader->depth - 1].node;
    reader->depth--;
    return node->type != JSON_OBJECT || keys_are_unique(reader, node);
}

static bool read_document_start(struct reader *reader, const yaml_event_t *event)
{
    if (reader->documents++ > 0) {
        return fail_at(reader, &event->start_mark, ERR_INVALID, "a second document");
    }
    if (event->data.document_start.tag_directives.start !=
        event->data.document_start.tag_directives.end) {
        return fail_at(reader, &event->start_mark, ERR_INVALID, "a %TAG directive");
    }
    return true;
}

static bool refuse_anchor(struct reader *reader, const yaml_event_t *event,
                          const yaml_char_t *anchor)
{
    return !anchor || fail_at(reader, &event->start_mark, ERR_INVALID, "an anchor");
}

static bool read_event(struct reader *reader, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return read_document_start(reader, event);
    case YAML_ALIAS_EVENT:
        return fail_at(reader, &event->start_mark, ERR_INVALID, "an alias");
    case YAML_SCALAR_EVENT:
        return refuse_anchor(reader, event, event->data.scalar.anchor) &&
               read_scalar(reader, event);
    case YAML_SEQUENCE_START_EVENT:
        return refuse_anchor(reader, event, event->data.sequence_start.anchor) &&
               read_start(reader, event, JSON_ARRAY, event->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return refuse_anchor(reader, event, event->data.mapping_start.anchor) &&
               read_start(reader, event, JSON_OBJECT, event->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return read_end(reader);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return true;
    }
    return true;
}

static bool read_events(struct reader *reader)
{
    for (;;) {
        CLEANUP(yaml_event_delete) yaml_event_t event = {0};
        if (!yaml_events_next(&reader->parser, reader->text, &event, reader->err) ||
            !read_event(reader, &event)) {
            return false;
        }
        if (event.type == YAML_STREAM_END_EVENT) {
            return true;
        }
    }
}

static void reader_done(struct reader *reader)
{
    yaml_parser_delete(&reader->parser);
    free(reader->stack);
}

bool yaml_parse(struct yaml_doc *doc, struct str_view text, const struct json_limits *limits,
                const struct json **ret, struct err *err)
{
    CLEANUP(reader_done)
    struct reader reader = {.text = text, .doc = doc, .limits = limits, .err = err};
    if (text.len > YAML_MAX_BYTES) {
        return err_set(err, ERR_TOO_BIG, "YAML of %zu bytes, limit %d", text.len, YAML_MAX_BYTES);
    }
    doc->nodes.budget = limits->budget;
    yaml_events_start(&reader.parser, text);
    if (!read_events(&reader)) {
        return false;
    }
    if (!reader.root && !node_place(&reader, &(yaml_mark_t){0})) {
        return false;
    }
    *ret = reader.root;
    return true;
}

void yaml_doc_done(struct yaml_doc *doc)
{
    yaml_text_done(&doc->text);
    free(doc->marks);
    json_doc_done(&doc->nodes);
    *doc = (struct yaml_doc){0};
}

bool yaml_where(const struct yaml_doc *doc, const struct json *node, uint32_t *line,
                uint32_t *column)
{
    for (size_t i = 0; i < doc->mark_count; i++) {
        if (doc->marks[i].node == node) {
            *line = doc->marks[i].line;
            *column = doc->marks[i].column;
            return true;
        }
    }
    return false;
}
