/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/template/yaml_write.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "externalsecret/template/json_write.h"
#include "externalsecret/template/yaml_order.h"
#include "externalsecret/template/yaml_scalar.h"

#include <errno.h>

enum {
    /* Quotation marks included: go-yaml looks no farther for the colon behind a key. */
    JSON_KEY_RUNES = 1024,
    STEP_BYTES = 64, /* bytes worked on for one step of the run */
    NUMBER_BYTES = 64,
    DELETE = 0x7f,
    NEXT_LINE = 0x85,
    LAST_CONTROL = 0x9f,
    LAST_OF_YAML = 0xfffd,
    LAST_OF_PLANE = 0xffff,
};

struct writer {
    struct template_arena *arena;
    struct yaml_place place;
    bool impossible;
    struct err *err;
};

/* Go's order of events decides where a sequence stands: below its key it is not indented. */
enum context {
    CONTEXT_ROOT,
    CONTEXT_ITEM,
    CONTEXT_MEMBER,
};

static bool write_value(struct writer *writer, const struct value *value, enum context context,
                        int depth);

/* A character that YAML's reader takes from JSON text, where those below the space are escaped. */
static bool check_rune(struct writer *writer, uint32_t rune)
{
    if (rune == NEXT_LINE) {
        return err_set(writer->err, ERR_INVALID,
                       "toYaml of a text with the control character U+0085; take it out (replace)");
    }
    bool control = rune >= DELETE && rune <= LAST_CONTROL;
    writer->impossible =
        writer->impossible || control || (rune > LAST_OF_YAML && rune <= LAST_OF_PLANE);
    return true;
}

/* encoding/json makes U+FFFD of a byte that is no UTF-8. */
static bool clean_text(struct writer *writer, struct str_view text, struct str_view *ret)
{
    CLEANUP(secret_buf_done) struct secret_buf clean = {0};
    secret_buf_init(&clean, LIMIT_TEMPLATE_BYTES);
    bool broken = false;
    for (struct str_view rest = text; rest.len > 0;) {
        size_t len = 0;
        uint32_t rune = utf8_first(rest, &len);
        if (!check_rune(writer, rune)) {
            return false;
        }
        broken = broken || (rune == UTF8_REPLACEMENT && len == 1);
        rest = sv_from(rest, len);
    }
    *ret = text;
    for (struct str_view rest = text; broken && rest.len > 0;) {
        size_t len = 0;
        char bytes[UTF8_MOST_BYTES];
        secret_buf_append(&clean, bytes, utf8_put(utf8_first(rest, &len), bytes));
        rest = sv_from(rest, len);
    }
    return !broken ||
           (secret_buf_check(&clean, "a text for YAML", writer->err) &&
            template_arena_text(writer->arena, secret_buf_view(&clean), ret, writer->err));
}

static bool check_key(struct writer *writer, struct str_view key)
{
    CLEANUP(secret_buf_done) struct secret_buf json = {0};
    secret_buf_init(&json, LIMIT_TEMPLATE_BYTES);
    struct value text = value_text(key);
    bool possible = false;
    if (!json_write(&text, JSON_COMPACT, &json, &possible, writer->err)) {
        return false;
    }
    writer->impossible = writer->impossible || utf8_count(secret_buf_view(&json)) > JSON_KEY_RUNES;
    return true;
}

/* Of a JSON number: an int64 or uint64 as it is, but 0 for -0, and everything else as a float. */
static bool is_integer(const char *number)
{
    char *end = NULL;
    errno = 0;
    if (number[0] == '-') {
        (void)strtoll(number, &end, 10);
    } else {
        (void)strtoull(number, &end, 10);
    }
    return errno == 0 && *end == '\0';
}

static bool write_number(struct writer *writer, const struct value *value)
{
    CLEANUP(secret_buf_done) struct secret_buf number = {0};
    secret_buf_init(&number, NUMBER_BYTES);
    bool possible = false;
    if (!json_write(value, JSON_COMPACT, &number, &possible, writer->err)) {
        return false;
    }
    if (!possible) {
        writer->impossible = true;
        return true;
    }
    if (!is_integer(number.bytes.data)) {
        buf_clear(&number.bytes);
        value_print_float(value->real, &number);
    }
    struct str_view word = secret_buf_view(&number);
    yaml_word(&writer->place, sv_is(word, "-0") ? sv_of("0") : word);
    return true;
}

static bool write_text(struct writer *writer, struct str_view text)
{
    struct str_view clean = {0};
    if (!template_arena_step(writer->arena, text.len / STEP_BYTES, writer->err) ||
        !clean_text(writer, text, &clean)) {
        return false;
    }
    yaml_text(&writer->place, clean, false);
    return true;
}

/* Returns the level before, to be restored. */
static int indent_more(struct yaml_place *place, bool indentless)
{
    int before = place->indent;
    place->indent = before < 0 ? 0 : indentless ? before : before + YAML_INDENT;
    return before;
}

static bool write_list(struct writer *writer, const struct value_list *list, enum context context,
                       int depth)
{
    struct yaml_place *place = &writer->place;
    if (list->is_nil) {
        yaml_word(place, sv_of("null"));
        return true;
    }
    if (list->count == 0) {
        yaml_indicator(place, "[]", true, false);
        return true;
    }
    int before = indent_more(place, context == CONTEXT_MEMBER && !place->indention);
    for (size_t i = 0; i < list->count; i++) {
        yaml_break_line(place);
        yaml_indicator(place, "-", true, true);
        if (!write_value(writer, &list->items[i], CONTEXT_ITEM, depth + 1)) {
            return false;
        }
    }
    place->indent = before;
    return true;
}

/* The members with clean keys in YAML's order. Of keys that become equal the last counts. */
static bool ordered(struct writer *writer, const struct value_dict *dict, struct value *ret)
{
    if (!value_dict_make(writer->arena, VALUE_DICT, dict->count, ret, writer->err)) {
        return false;
    }
    for (size_t i = 0; i < dict->count; i++) {
        struct str_view key = {0};
        if (!template_arena_step(writer->arena, 1, writer->err) ||
            !check_key(writer, dict->members[i].key) ||
            !clean_text(writer, dict->members[i].key, &key) ||
            !value_dict_put(writer->arena, ret->dict, key, dict->members[i].value, writer->err)) {
            return false;
        }
    }
    return yaml_order(writer->arena, ret->dict->members, ret->dict->count, writer->err);
}

static bool write_member(struct writer *writer, const struct value_member *member, int depth)
{
    struct yaml_place *place = &writer->place;
    yaml_break_line(place);
    bool simple = yaml_is_simple_key(member->key);
    if (!simple) {
        yaml_indicator(place, "?", true, true);
    }
    yaml_text(place, member->key, simple);
    if (!simple) {
        yaml_break_line(place);
    }
    yaml_indicator(place, ":", !simple, !simple);
    return write_value(writer, &member->value, CONTEXT_MEMBER, depth + 1);
}

static bool write_dict(struct writer *writer, const struct value_dict *dict, int depth)
{
    struct yaml_place *place = &writer->place;
    if (dict->count == 0) {
        yaml_indicator(place, "{}", true, false);
        return true;
    }
    struct value members = {0};
    if (!ordered(writer, dict, &members)) {
        return false;
    }
    int before = indent_more(place, false);
    for (size_t i = 0; i < members.dict->count; i++) {
        if (!write_member(writer, &members.dict->members[i], depth)) {
            return false;
        }
    }
    place->indent = before;
    return true;
}

static bool write_value(struct writer *writer, const struct value *value, enum context context,
                        int depth)
{
    if (depth > LIMIT_JSON_DEPTH) {
        return err_set(writer->err, ERR_TOO_BIG, "a value nested deeper than %d", LIMIT_JSON_DEPTH);
    }
    if (!template_arena_step(writer->arena, 1, writer->err)) {
        return false;
    }
    switch (value->kind) {
    case VALUE_ABSENT:
    case VALUE_NIL:
        yaml_word(&writer->place, sv_of("null"));
        return true;
    case VALUE_BOOL:
        yaml_word(&writer->place, sv_of(value->boolean ? "true" : "false"));
        return true;
    case VALUE_INT:
    case VALUE_INT64:
    case VALUE_UINT8:
    case VALUE_FLOAT:
        return write_number(writer, value);
    case VALUE_STRING:
        return write_text(writer, value->text);
    case VALUE_LIST:
    case VALUE_STRINGS:
        return write_list(writer, value->list, context, depth);
    case VALUE_DICT:
    case VALUE_STRING_DICT:
        return write_dict(writer, value->dict, depth);
    }
    return true;
}

bool yaml_write(struct template_arena *arena, const struct value *value, struct secret_buf *ret,
                bool *ret_possible, struct err *err)
{
    struct writer writer = {
        .arena = arena,
        .place = {.out = &ret->bytes, .indent = -1, .whitespace = true, .indention = true},
        .err = err,
    };
    if (!write_value(&writer, value, CONTEXT_ROOT, 0)) {
        return false;
    }
    yaml_break_line(&writer.place);
    *ret_possible = !writer.impossible;
    return secret_buf_check(ret, "YAML", err);
}
